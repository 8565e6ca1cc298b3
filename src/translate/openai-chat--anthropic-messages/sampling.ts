/**
 * Numbers that steer the answer: its maximum, sampling, stop sequences. Sampling is left out, and named, where the model or
 * its thinking does not take it; a temperature above the target's scale (0 to 1) is its hottest.
 */

import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import type { Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

/** What the answer may be long: the smallest of what is asked for and what the model can do. Tokens. */
export function readMaxTokens(body: Json, facts: ModelFacts, given: number | undefined, findings: Findings): number {
  const name = isAbsent(body['max_completion_tokens']) ? 'max_tokens' : 'max_completion_tokens';
  const asked = given ?? body[name];
  if (isAbsent(asked)) return facts.maxOutput;
  if (Number.isSafeInteger(asked) && (asked as number) > 0) return Math.min(asked as number, facts.maxOutput);
  findings.invalid(name, 'must be a positive integer');
  return facts.maxOutput;
}

export interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
}

const usual: Readonly<Record<keyof Sampling, number | undefined>> = { temperature: 1, top_p: 1, top_k: undefined };
const most: Readonly<Record<keyof Sampling, number>> = { temperature: 2, top_p: 1, top_k: Number.MAX_SAFE_INTEGER };

/** `thinks`: thinking is on, which takes no sampling. */
export function readSampling(body: Json, facts: ModelFacts, thinks: boolean, findings: Findings): Sampling {
  const sampling: Sampling = {};
  for (const name of ['temperature', 'top_p', 'top_k'] as const) {
    const value = body[name];
    if (isAbsent(value)) continue;
    if (typeof value !== 'number' || value < 0 || value > most[name]) {
      findings.invalid(name, `must be a number from 0 to ${most[name]}`);
    } else if (value === usual[name]) {
      // What happens anyway: some models refuse even that when it is said.
    } else if (facts.rejectsSampling || thinks || (name === 'top_p' && sampling.temperature !== undefined)) {
      findings.drop(name); // temperature and top_p together are refused
    } else {
      sampling[name] = name === 'temperature' ? Math.min(1, value) : value;
    }
  }
  return sampling;
}

export function readStop(stop: unknown, findings: Findings): string[] {
  if (isAbsent(stop)) return [];
  const sequences: unknown[] = Array.isArray(stop) ? stop : [stop];
  const read: string[] = [];
  sequences.forEach((sequence, i) => {
    const path = Array.isArray(stop) ? `stop[${i}]` : 'stop';
    if (typeof sequence !== 'string') findings.invalid(path, 'must be a string');
    else if (/\S/.test(sequence)) read.push(sequence);
    else findings.unsupported(path, "is white space only, at which this model's provider cannot stop");
  });
  return read;
}
