/** Answers of Google's dialect: the parts of each candidate, of which texts of one kind grow. */
import { addPart } from '../../formats/google-gemini/replay.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Telling } from './telling.js';

interface Candidate {
  told: Json;
  readonly parts: Json[];
}

export class Candidates implements Telling {
  #base: Json = {};
  readonly #candidates = new Map<unknown, Candidate>();

  take({ candidates, ...base }: Json): void {
    this.#base = { ...this.#base, ...base };
    if (!Array.isArray(candidates)) return;
    for (const [place, candidate] of (candidates as unknown[]).entries())
      if (isObject(candidate)) this.#candidate(candidate, candidate['index'] ?? place);
  }

  answer(): Json | undefined {
    const candidates = [...this.#candidates.values()].map(({ told, parts }) => ({
      content: { parts, role: 'model' },
      ...told,
    }));
    if (candidates.length === 0 && Object.keys(this.#base).length === 0) return undefined;
    return { candidates, ...this.#base };
  }

  #candidate({ content, ...rest }: Json, index: unknown): void {
    let candidate = this.#candidates.get(index);
    if (!candidate) this.#candidates.set(index, (candidate = { told: {}, parts: [] }));
    candidate.told = { ...candidate.told, ...rest };
    if (!isObject(content) || !Array.isArray(content['parts'])) return;
    for (const part of content['parts'] as unknown[]) if (isObject(part)) addPart(candidate.parts, part);
  }
}
