/**
 * Looks through texts of any length in steps: what is found is where in the text, by which guard. A step looks at a bounded
 * piece, with as much behind it as the longest find has, so that nothing is missed at its end; what it costs is told, so that
 * long texts are read in turns of the event loop.
 */
import { type Folded, fold } from './fold.js';
import type { Placeholders } from './placeholders.js';
import type { TextGuard } from './text-guard.js';

/** What patterns may look back at. */
const BEFORE = 64;

/** `guard` null: a placeholder to be put back. */
export interface Span {
  start: number;
  end: number;
  readonly type: string;
  readonly guard: TextGuard | null;
}

/** In the order of the guards. */
export function* scanned(
  text: string,
  guards: readonly TextGuard[],
  restored: Placeholders | null,
): Generator<number, readonly Span[]> {
  const spans: Span[] = [];
  for (const guard of guards) yield* scannedBy(text, guard, spans);
  if (restored) restored.find(text, 0, (start, end, type) => spans.push({ start, end, type, guard: null }));
  return spans;
}

function* scannedBy(text: string, guard: TextGuard, spans: Span[]): Generator<number, void> {
  const { finder } = guard;
  let after = 0;
  const { step } = finder;
  for (let at = 0; at < text.length; at += step) {
    const isLast = at + step >= text.length;
    const begin = Math.max(0, at - BEFORE);
    const folded = fold(text.slice(begin, isLast ? text.length : at + step + finder.longest));
    const from = Math.max(at, after);
    for (const span of foundIn(folded, guard, from - begin, at + step - begin)) {
      const start = span.start + begin;
      if (start >= at + step && !isLast) continue;
      spans.push({ start, end: span.end + begin, type: span.type, guard });
      after = Math.max(after, span.end + begin);
    }
    yield step;
  }
}

/** What one guard finds in a piece, by the places of the piece as it was written. */
export function foundIn(folded: Folded, guard: TextGuard, from: number, until = Number.POSITIVE_INFINITY): Span[] {
  const spans: Span[] = [];
  let first = from;
  // Places of the folded text are never later than those of the text.
  while (first > 0 && folded.at(first - 1) >= from) first--;
  let last = Math.min(folded.text.length, until);
  while (last < folded.text.length && folded.at(last) < until) last++;
  guard.finder.find(folded.text, first, last, (start, end, type) => {
    spans.push({ start: folded.at(start), end: folded.at(end), type, guard });
  });
  return spans;
}

/** Spans that overlap become one: that of the first guard, as wide as all of them. */
export function apart(spans: readonly Span[]): readonly Span[] {
  if (spans.length < 2) return spans;
  const kept: Span[] = [];
  const order = new Map(spans.map((span, at) => [span, at]));
  let first = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = kept.at(-1);
    if (!last || span.start >= last.end) {
      kept.push({ ...span });
      first = order.get(span)!;
      continue;
    }
    const end = Math.max(last.end, span.end);
    if (order.get(span)! < first) kept[kept.length - 1] = { ...span, start: last.start, end };
    else last.end = end;
    first = Math.min(first, order.get(span)!);
  }
  return kept;
}
