/** What becomes of what was found: it is counted, it blocks, or something else takes its place. */
import type { GuardSide } from '../lib/guard-spec.js';
import { finishNow } from '../lib/turns.js';
import type { Placeholders } from './placeholders.js';
import { apart, type Span } from './scan.js';
import type { GuardWords } from './text-guard.js';

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

/** What guards are told of the request whose texts they read. */
export interface Reading {
  readonly side: GuardSide;
  readonly words: GuardWords;
  readonly placeholders: Placeholders;
}

/** Finds that are gone through in one step. */
const STEP = 256;

/** `text`: in which they were found. Once something blocks, nothing is changed any more. Yields what each step cost. */
export function* editing(
  spans: readonly Span[],
  text: string,
  { side, words, placeholders }: Reading,
): Generator<number, readonly Edit[]> {
  const changes: Span[] = [];
  for (const [n, span] of spans.entries()) {
    if (n % STEP === STEP - 1) yield STEP * 16;
    const { guard } = span;
    if (guard === null) changes.push(span);
    else if (guard.action === 'block') words.block(guard, side);
    else if (guard.action === 'log') words.add(guard.name, side, 'log');
    else if (side === 'input' || !placeholders.isOwn(text.slice(span.start, span.end))) {
      words.add(guard.name, side, 'redact');
      changes.push(span);
    }
  }
  if (words.blockedBy) return [];
  const edits: Edit[] = [];
  for (const { start, end, type, guard } of apart(changes)) {
    const found = text.slice(start, end);
    const instead = guard
      ? placeholders.of(type, found, guard.restore && side === 'input')
      : (placeholders.valueOf(found) ?? found);
    edits.push({ start, end, with: instead });
    if (edits.length % STEP === 0) yield STEP * 16;
  }
  return edits;
}

/** The same at once, for few. */
export function editsOf(spans: readonly Span[], text: string, reading: Reading): readonly Edit[] {
  return finishNow(editing(spans, text, reading));
}

/** Edits are in order and apart. */
export function withEdits(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  let out = '';
  let at = 0;
  for (const edit of edits) {
    out += text.slice(at, edit.start) + edit.with;
    at = edit.end;
  }
  return out + text.slice(at);
}

/**
 * The part of an edited text that stood from `start` to `end`: what takes the place of something stands where that began. Edits
 * before the first that `from` says are over by then.
 */
export function editedPart(text: string, start: number, end: number, edits: readonly Edit[], from = 0): string {
  let out = '';
  let at = start;
  for (let n = from; n < edits.length; n++) {
    const edit = edits[n]!;
    if (edit.start >= end) break;
    if (edit.end <= start) continue;
    if (edit.start > at) out += text.slice(at, edit.start);
    if (edit.start >= start) out += edit.with;
    at = Math.min(end, edit.end);
  }
  return at < end ? out + text.slice(at, end) : out;
}
