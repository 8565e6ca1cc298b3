/**
 * A JSON value as text, in pieces of about `PIECE_CHARS`, made without recursion and without ever holding the whole: the
 * value may be as deep and as large as a request allows, and whoever reads the pieces may pause between them.
 */
import { isObject, type Json } from './json.js';

const PIECE_CHARS = 2000;

interface Open {
  readonly keys: readonly string[] | null;
  readonly node: Readonly<Record<string, unknown>> | readonly unknown[];
  next: number;
}

/** `except`: keys of the outermost object that are left out. Nothing is yielded where nothing is left. */
export function* jsonText(value: unknown, except: readonly string[] = []): Generator<string, void> {
  let piece = '';
  const open: Open[] = [];
  const outermost = isObject(value) ? namesOf(value).filter((key) => !except.includes(key)) : null;
  if (outermost?.length === 0) return;
  let at: unknown = value;
  for (;;) {
    if (typeof at === 'string') {
      piece += '"';
      for (let from = 0; from < at.length; from += PIECE_CHARS) {
        piece += JSON.stringify(at.slice(from, from + PIECE_CHARS)).slice(1, -1);
        if (piece.length >= PIECE_CHARS) {
          yield piece;
          piece = '';
        }
      }
      piece += '"';
    } else if (Array.isArray(at)) {
      open.push({ keys: null, node: at, next: 0 });
      piece += '[';
    } else if (isObject(at)) {
      open.push({ keys: open.length === 0 && outermost ? outermost : namesOf(at), node: at, next: 0 });
      piece += '{';
    } else {
      piece += String(at);
    }
    while (open.length > 0 && isExhausted(open.at(-1)!)) piece += open.pop()!.keys ? '}' : ']';
    const top = open.at(-1);
    if (!top) break;
    if (top.next > 0) piece += ',';
    if (top.keys) {
      const key = top.keys[top.next++]!;
      piece += `${JSON.stringify(key)}:`;
      at = (top.node as Readonly<Record<string, unknown>>)[key];
    } else {
      at = (top.node as readonly unknown[])[top.next++];
    }
    if (piece.length >= PIECE_CHARS) {
      yield piece;
      piece = '';
    }
  }
  yield piece;
}

const isExhausted = ({ keys, node, next }: Open): boolean => next >= (keys ?? (node as readonly unknown[])).length;
const namesOf = (node: Json): string[] => Object.keys(node).filter((name) => node[name] !== undefined);
