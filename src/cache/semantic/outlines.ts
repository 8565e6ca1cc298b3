/**
 * Outlines of the prompts of a scope, in memory: most prompts agree with none of them, and are misses before anything is
 * embedded. A scope's are read from the store, behind the request that asks for it first, then at most once a second behind
 * others, as the index of vectors does it; what is learned here is added at once. Until all of a scope are read, and where it
 * has too many, nothing is said of it. What has left the store stays until the scope is read anew, which costs no more than a
 * look at what is there.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { inTurns } from '../../lib/turns.js';
import type { Seal } from '../seal.js';
import { mayAgree, type Outline, outlineOf } from './outline.js';
import type { PromptStore, StoredText } from './prompt-store.js';
import { type Signature, signatureOf } from './signature.js';

export interface OutlinesDeps {
  readonly store: Pick<PromptStore, 'texts'>;
  readonly seal: Seal;
  readonly clock: Clock;
  /** How a prompt was read, where it was lately. */
  readonly known: (text: StoredText) => Signature | undefined;
  readonly onError: (what: string, error: unknown) => void;
}

interface ScopeOutlines {
  /** Form -> the words of all outlines of that form, one behind the other: each has as many code units. */
  readonly forms: Map<string, string>;
  /** Outlines without words of content are told by their form alone. */
  many: number;
  whole: boolean;
  full: boolean;
  lastSeq: number;
  /** The latest numbers that were read. */
  readonly latest: Set<number>;
  readonly madeAt: number;
  readAt: number;
  reading: Promise<void> | undefined;
}

const PAGE = 200;
const REFRESH_MS = 1_000;
/** Prompts that many numbers back may be kept by transactions that were still open. */
const OVERLAP = 200;
/** About 100 bytes each. */
const MOST = 200_000;
const MOST_IN_A_SCOPE = 20_000;
const MOST_SCOPES = 10_000;
/** Scopes that are being read; the others are read when they are asked for again. */
const READ_AT_ONCE = 4;
/** One that has too many is read anew after that: some of them may have left. */
const ANEW_MS = 3_600_000;
/** Code units that are looked at for a prompt. */
const MOST_LOOKED_AT = 40_000;

export class Outlines {
  readonly #deps: OutlinesDeps;
  readonly #scopes = new LRUCache<string, ScopeOutlines>({
    max: MOST_SCOPES,
    dispose: ({ many }) => {
      this.#many -= many;
    },
  });
  #many = 0;
  #reading = 0;

  constructor(deps: OutlinesDeps) {
    this.#deps = deps;
  }

  /** True: none of the scope's prompts can answer this one. */
  exclude(scope: string, outline: Outline): boolean {
    const of = this.#of(scope);
    if (this.#deps.clock.monotonic() - of.readAt > REFRESH_MS) void this.refresh(scope);
    if (!of.whole || of.full) return false;
    const all = of.forms.get(outline.form);
    if (all === undefined) return true;
    const step = outline.words.length;
    if (step === 0 || all.length > MOST_LOOKED_AT) return false;
    for (let at = 0; at < all.length; at += step) if (mayAgree(outline, all, at)) return false;
    return true;
  }

  /** One that is about to be stored. */
  add(scope: string, signature: Signature): void {
    const of = this.#scopes.get(scope);
    if (of) this.#add(scope, of, outlineOf(signature));
  }

  /** Reads what the store has got since. Never throws. */
  refresh(scope: string): Promise<void> {
    const of = this.#of(scope);
    if (of.reading) return of.reading;
    if (of.full || this.#reading >= READ_AT_ONCE) return Promise.resolve();
    this.#reading++;
    of.readAt = this.#deps.clock.monotonic();
    of.reading = this.#read(scope, of)
      .catch((error: unknown) => this.#deps.onError('outlines', error))
      .finally(() => {
        this.#reading--;
        of.reading = undefined;
      });
    return of.reading;
  }

  clear(): void {
    this.#scopes.clear();
  }

  async #read(scope: string, of: ScopeOutlines): Promise<void> {
    let after = Math.max(0, of.lastSeq - OVERLAP);
    const known = [...of.latest].filter((seq) => seq > after);
    for (;;) {
      const rows = await this.#deps.store.texts(scope, after, PAGE, known);
      await inTurns(this.#addAll(scope, of, rows));
      if (of.full) return;
      after = rows.at(-1)?.seq ?? after;
      of.lastSeq = Math.max(of.lastSeq, after);
      if (rows.length < PAGE) break;
    }
    of.whole = true;
    for (const seq of of.latest) if (seq <= of.lastSeq - OVERLAP) of.latest.delete(seq);
  }

  *#addAll(scope: string, of: ScopeOutlines, rows: readonly StoredText[]): Generator<number, void> {
    for (const row of rows) {
      if (of.full) return;
      of.latest.add(row.seq);
      const signature = this.#deps.known(row) ?? this.#opened(row);
      if (signature) this.#add(scope, of, outlineOf(signature));
      yield row.prompt.length;
    }
  }

  #opened({ key, prompt }: StoredText): Signature | undefined {
    const text = this.#deps.seal.open(prompt, key)?.toString('utf8');
    return text === undefined ? undefined : signatureOf(text);
  }

  #add(scope: string, of: ScopeOutlines, { form, words }: Outline): void {
    if (of.full) return;
    const all = of.forms.get(form);
    if (all !== undefined && has(all, words)) return;
    of.forms.set(form, (all ?? '') + words);
    of.many++;
    // One that left while it was being read is counted no more.
    if (this.#scopes.peek(scope) === of) this.#many++;
    if (of.many > MOST_IN_A_SCOPE) this.#giveUp(scope, of);
    while (this.#many > MOST) {
      const [oldest] = this.#scopes.rkeys();
      if (oldest === undefined || oldest === scope) break;
      this.#scopes.delete(oldest);
    }
  }

  #giveUp(scope: string, of: ScopeOutlines): void {
    if (this.#scopes.peek(scope) === of) this.#many -= of.many;
    of.many = 0;
    of.full = true;
    of.forms.clear();
    of.latest.clear();
  }

  #of(scope: string): ScopeOutlines {
    const now = this.#deps.clock.monotonic();
    const found = this.#scopes.get(scope);
    if (found && !(found.full && now - found.madeAt > ANEW_MS)) return found;
    const of: ScopeOutlines = {
      ...{ forms: new Map(), many: 0, whole: false, full: false, lastSeq: 0, latest: new Set() },
      ...{ madeAt: now, readAt: Number.NEGATIVE_INFINITY, reading: undefined },
    };
    this.#scopes.set(scope, of);
    return of;
  }
}

/** Whether one of them is the very same. */
function has(all: string, words: string): boolean {
  const step = words.length;
  if (step === 0) return true;
  for (let at = all.indexOf(words); at >= 0; at = all.indexOf(words, at + 1)) if (at % step === 0) return true;
  return false;
}
