/** Habits of the source that no linter knows: sizes, cycles, and that only `providers/` knows providers by name. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';

const MOST_LINES = 350;
/** Files that may be longer, and how long: one state machine each, harder to read in two places than in one. */
const longer: Readonly<Record<string, number>> = { 'src/limits/failover.ts': 450, 'src/limits/memory.ts': 400 };
const folders = ['src', 'providers'];

const files = folders.flatMap((folder) =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(packageRoot, file), 'utf8')]));

test('no file is long', () => {
  const long = [...texts]
    .map(([file, text]) => ({ file, lines: text.split('\n').length }))
    .filter(({ file, lines }) => lines > (longer[file] ?? MOST_LINES));
  assert.deepEqual(long, []);
});

test('no modules import each other in a circle', () => {
  const imports = new Map([...texts].map(([file, text]) => [file, importedBy(file, text)]));
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    state.set(file, 'open');
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});

/** Files that are loaded with this one; types are gone by then. */
function importedBy(file: string, text: string): string[] {
  const found = text.matchAll(/^(?:import|export)\s(?!type\b)(?:[^;'"]*?\sfrom\s)?'(\.[^']+)\.js'/gm);
  return [...found].map(([, path]) => `${join(dirname(file), path!)}.ts`);
}

test('no code of the gateway decides by the name of a provider', () => {
  const names = readdirSync(join(packageRoot, 'providers'))
    .map((file) => file.replace(/\.ts$/, ''))
    .filter((name) => name !== 'index' && name !== 'sandbox'); // the sandbox is also the name of a model
  assert.ok(names.length >= 3);
  const literal = new RegExp(
    `(['"\`])(${[...names, 'azure', 'gemini', 'bedrock', 'mistral', 'groq'].join('|')})\\1`,
    'i',
  );
  const named = [...texts].flatMap(([file, text]) =>
    // An import writes down what another gateway calls them, and serves nobody.
    file.startsWith('src/') && !file.startsWith('src/litellm/')
      ? text.split('\n').flatMap((line, at) => (literal.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : []))
      : [],
  );
  assert.deepEqual(named, []);
});
