/** The pages as they are built. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { packageRoot } from '../../src/lib/root.js';

test('the pages have less than 350 kB of script, compressed', () => {
  const assets = join(packageRoot, 'dist/web/assets');
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'));
  const bytes = scripts.reduce((sum, name) => sum + brotliCompressSync(readFileSync(join(assets, name))).length, 0);
  assert.ok(scripts.length > 0 && bytes < 350_000, `${bytes} bytes`);
});
