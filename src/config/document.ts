/**
 * YAML text as a plain value that still knows where each part was written. Placeholders are expanded on the scalar values of
 * the parsed document, so nothing that the environment holds can change the document's structure.
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { expand } from './expand.js';
import type { Path } from './problem.js';

export interface Fault {
  readonly line: number;
  readonly column: number;
  readonly path: Path;
  readonly message: string;
}

export interface Source {
  /** Undefined where the text is not YAML that can be used. */
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /** Where the value at a path was written, or its key; where there is none, the nearest part that has it. */
  at(path: Path, part: 'key' | 'value'): { line: number; column: number };
}

const OWN_WORDS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there already',
  MULTIPLE_DOCS: 'the file holds more than one YAML document',
};

/** Beyond that, one break in the text has been told many times. */
const MOST_FAULTS = 20;

export function readDocument(text: string, env: Readonly<Record<string, string | undefined>>): Source {
  const lines = new LineCounter();
  const faults: Fault[] = [];
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const fault = (offset: number, message: string, path: Path = []) => faults.push({ ...place(offset), path, message });
  const failed = { value: undefined, faults, at: () => place(0) };

  try {
    const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    if (doc.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) throw new RangeError();
    for (const { code, pos, message } of [...doc.errors, ...doc.warnings].slice(0, MOST_FAULTS)) {
      fault(pos[0], OWN_WORDS[code] ?? message);
    }
    // A repeated key leaves the rest readable; after any other error, what was read may not be what was meant.
    if (doc.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) return failed;
    readScalars(doc, env, fault);
    const value: unknown = doc.toJS({ maxAliasCount: 100 });
    return { value, faults, at: (path, part) => place(offsetOf(doc, path, part)) };
  } catch (error) {
    // Nested too deep for the stack, or aliases that grow without end.
    fault(0, error instanceof RangeError ? 'nested too deep' : (error as Error).message);
    return failed;
  }
}

function readScalars(
  doc: Document.Parsed,
  env: Readonly<Record<string, string | undefined>>,
  fault: (offset: number, message: string, path: Path) => void,
): void {
  visit(doc, {
    Scalar(key, node, ancestors) {
      // Objects ignore this key, and what is ignored must not look accepted.
      if (key === 'key' && node.value === '__proto__') fault(node.range?.[0] ?? 0, 'this cannot be a key', []);
      if (key === 'key' || typeof node.value !== 'string') return;
      const result = expand(node.value, env);
      if (result.ok) node.value = result.text;
      else fault(node.range?.[0] ?? 0, result.message, pathTo([...ancestors, node]));
    },
  });
}

/** The keys and indexes that lead through nodes, each of which holds the next. */
function pathTo(nodes: readonly unknown[]): Path {
  return nodes.flatMap((node, i): Path => {
    if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : [];
    return isSeq(node) && i + 1 < nodes.length ? [node.items.indexOf(nodes[i + 1])] : [];
  });
}

function offsetOf(doc: Document.Parsed, path: Path, part: 'key' | 'value'): number {
  let node = resolved(doc, doc.contents);
  let offset = start(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    let key: Node | null = null;
    let next: Node | null = null;
    if (isMap(node)) {
      // Of repeated keys the last one counts.
      const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) return offset;
      key = pair.key as Node;
      next = pair.value as Node | null;
    } else if (isSeq(node)) {
      next = (node.items[Number(step)] ?? null) as Node | null;
    }
    const last = depth === path.length - 1;
    const own = last && part === 'value' && isScalarLike(next) ? start(next) : start(key);
    offset = own ?? start(key) ?? start(next) ?? offset;
    node = resolved(doc, next);
  }
  return offset;
}

/** A wrong mapping or list is best shown at its key; a wrong scalar or alias where it stands. */
const isScalarLike = (node: Node | null): boolean => node !== null && !isMap(node) && !isSeq(node);

/** An empty value (`key:` and nothing more) stands nowhere. */
const start = (node: Node | null | undefined): number | undefined =>
  node?.range && node.range[1] > node.range[0] ? node.range[0] : undefined;

const resolved = (doc: Document.Parsed, node: Node | null): Node | null =>
  isAlias(node) ? (node.resolve(doc) ?? null) : node;
