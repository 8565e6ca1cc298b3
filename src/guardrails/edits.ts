/** What becomes of what was found: it is counted, it blocks, or something else takes its place. */
import type { GuardSide } from '../lib/guard-spec.js';
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

/** `text`: in which they were found. Once something blocks, nothing is changed any more. */
export function editsOf(spans: readonly Span[], text: string, { side, words, placeholders }: Reading): readonly Edit[] {
  const changes: Span[] = [];
  for (const span of spans) {
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
  return apart(changes).map(({ start, end, type, guard }) => {
    const found = text.slice(start, end);
    const instead = guard
      ? placeholders.of(type, found, guard.restore && side === 'input')
      : (placeholders.valueOf(found) ?? found);
    return { start, end, with: instead };
  });
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

/** The part of an edited text that stood from `start` to `end`: what takes the place of something stands where that began. */
export function editedPart(text: string, start: number, end: number, edits: readonly Edit[]): string {
  let out = '';
  let at = start;
  for (const edit of edits) {
    if (edit.end <= start || edit.start >= end) continue;
    if (edit.start > at) out += text.slice(at, edit.start);
    if (edit.start >= start) out += edit.with;
    at = Math.min(end, edit.end);
  }
  return at < end ? out + text.slice(at, end) : out;
}
