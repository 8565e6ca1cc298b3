/** `docs/grid.md` says what the registry does, and each cell of it is so. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { providers } from '../../providers/index.js';
import type { FormatId } from '../../src/formats/format-id.js';
import { apiFormats } from '../../src/formats/registry.js';
import { packageRoot } from '../../src/lib/root.js';
import { gridPage } from '../../src/translate/grid.js';
import { translatorFor, translators } from '../../src/translate/registry.js';

test('docs/grid.md is what the registry has', () => {
  const file = join(packageRoot, 'docs/grid.md');
  const page = gridPage(Object.values(providers));
  if (process.env['UPDATE_DOCS']) writeFileSync(file, page);
  assert.equal(readFileSync(file, 'utf8'), page);
});

test('a target that speaks the format of a request gets it natively, whatever else it speaks', () => {
  for (const { id } of apiFormats) {
    const all = new Set(translators.map(({ to }) => to));
    assert.equal(translatorFor(id, all)?.to, id);
  }
});

test('where no translator leads, there is no way', () => {
  assert.equal(translatorFor('openai-chat', new Set<FormatId>(['openai-embeddings'])), undefined);
  assert.equal(translatorFor('openai-embeddings', new Set<FormatId>(['anthropic-messages'])), undefined);
  assert.equal(translatorFor('openai-chat', new Set()), undefined);
});

test('each translation has a folder of its own, named for where it leads, or two by way of chat completions', () => {
  for (const { from, to } of translators) {
    const folder = (one: string, other: string) => join(packageRoot, `src/translate/${one}--${other}/request.ts`);
    const hub =
      apiFormats.find(({ id }) => id === from)?.endpoint === 'embeddings' ? 'openai-embeddings' : 'openai-chat';
    const places = [folder(from, to), folder(from, hub), folder(hub, to)];
    if (from === to) assert.ok(existsSync(join(packageRoot, `src/formats/${from}/native.ts`)), from);
    else if (!existsSync(places[0]!)) assert.ok(existsSync(places[1]!) && existsSync(places[2]!), `${from} to ${to}`);
  }
});
