/** What the documents name in their prose: verbs and options of the command line, scripts, the gateway's own addresses. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { providers } from '../../providers/index.js';
import { ADMIN_PREFIX, rows } from '../../src/api/table.js';
import { providerTypesOf } from '../../src/app/provider-types.js';
import { registerContent } from '../../src/cli/content.js';
import { registerImport } from '../../src/cli/import.js';
import { registerKeys } from '../../src/cli/keys.js';
import { registerLedger } from '../../src/cli/ledger.js';
import { registerLimits } from '../../src/cli/limits.js';
import { registerMigrate } from '../../src/cli/migrate.js';
import { registerPrices } from '../../src/cli/prices.js';
import { registerReconcile } from '../../src/cli/reconcile.js';
import { registerReport } from '../../src/cli/report.js';
import { registerRequests } from '../../src/cli/requests.js';
import { registerTeams } from '../../src/cli/teams.js';
import { registerTokens } from '../../src/cli/tokens.js';
import { registerUsers } from '../../src/cli/users.js';
import { packageRoot } from '../../src/lib/root.js';
import { inline } from '../support/documented.js';
import { logLines } from '../support/log-lines.js';

const program = new Command('tollgate');
const types = providerTypesOf(providers);
registerMigrate(program, types);
registerImport(program, types);
for (const register of [registerKeys, registerTeams, registerUsers, registerTokens, registerLimits, registerReport])
  register(program);
for (const register of [registerContent, registerLedger, registerPrices, registerRequests]) register(program);
registerReconcile(program, {});
for (const verb of ['serve', 'check', 'doctor'])
  program.command(verb).argument('[config]').option('-c, --config <file>').option('--json');

/** What of a command the command line does not have; undefined where it has all. */
function unknownIn(words: readonly string[]): string | undefined {
  let at = program;
  for (const word of words) {
    if (word === '--help' || /^[<[]|\.\.\.|^\d/.test(word)) continue;
    if (word.startsWith('-')) {
      if (!at.options.some(({ long, short }) => [long, short].includes(word.split('=')[0]!))) return word;
    } else {
      const next = at.commands.find((one) => one.name() === word);
      if (next) at = next;
      else if (at === program || (at.commands.length > 0 && at.registeredArguments.length === 0)) return word;
    }
  }
  return undefined;
}

test('every verb and option of the command line that a document names is there', () => {
  const named = inline.flatMap(({ file, text }) => {
    const command = /^(?:npx tollgate|tollgate|node bin\/tollgate\.js) (.+)$/.exec(text)?.[1];
    return command === undefined || command === '<verb>'
      ? []
      : [{ file, text, unknown: unknownIn(command.split(/\s+/)) }];
  });
  assert.ok(named.length > 15);
  assert.deepEqual(
    named.filter(({ unknown }) => unknown !== undefined),
    [],
  );
});

test('every script of npm that a document names is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { scripts: object };
  const missing = inline.filter(({ text }) => {
    const script = /^npm run ([\w:]+)/.exec(text)?.[1];
    return script !== undefined && !(script in scripts);
  });
  assert.deepEqual(missing, []);
});

test('every test file that a document has one run is there', () => {
  const files = readdirSync(join(packageRoot, 'test'), { recursive: true, encoding: 'utf8' });
  const tests = files.filter((name) => name.endsWith('.test.ts'));
  const named = inline.flatMap(({ file, text }) => {
    const words = /^(?:\w+=\S+ )?npm test -- ([\w/ -]+)$/.exec(text)?.[1];
    return (words?.split(' ') ?? []).filter((word) => !word.startsWith('--')).map((word) => ({ file, word }));
  });
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter(({ word }) => !tests.some((name) => name.includes(word))),
    [],
  );
});

/** Addresses of others: examples of routes, of upstreams, and what a document says is refused. */
const foreign = /^\/(?:v1\/responses$|api|pages|products|v1\/organization|.*\.\.\.|\*)/;

test("every address of the gateway's own that a document names with its method is there", () => {
  const known = (method: string, path: string) =>
    rows.some((row) => {
      const pattern = row.path.split(/\{\+?\w+\}/).map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&'));
      return (
        (row.method === method || (method === 'HEAD' && row.method === 'GET')) &&
        new RegExp(`^${pattern.join('.+')}$`).test(path)
      );
    });
  const named = inline.flatMap(({ file, text }) => {
    const [, method, path] = /^(GET|POST|PATCH|PUT|DELETE|HEAD) (\/[^\s?]*)/.exec(text) ?? [];
    if (method === undefined || path === undefined) return [];
    // `/keys/{id}/block|unblock` are two.
    const [folder, last] = [path.slice(0, path.lastIndexOf('/') + 1), path.slice(path.lastIndexOf('/') + 1)];
    return last.split('|').map((one) => ({ file, method, path: `${folder}${one}`.replace(/\/$/, '') }));
  });
  assert.ok(named.length > 60);
  assert.deepEqual(
    named.filter(
      ({ method, path }) => !(foreign.test(path) || known(method, path) || known(method, `${ADMIN_PREFIX}${path}`)),
    ),
    [],
  );
});

test('every line of the log that docs/logs.md has is written by the source', () => {
  const page = readFileSync(join(packageRoot, 'docs/logs.md'), 'utf8');
  const written = new Set(logLines().map(({ words }) => words));
  const told = page
    .split(/^## /m)
    .filter((chapter) => !chapter.startsWith('A line for each request'))
    .flatMap((chapter) => [...chapter.matchAll(/^\| (`[^|]*?) *\| +(?:debug|info|warn|error|fatal) /gm)])
    .flatMap(([, words]) => [...words!.matchAll(/`([^`]+)`(?=,|$| \()/g)].map(([, one]) => one!))
    .filter((words) => !words.startsWith('shutdown: ') && !/^[a-z]+$/.test(words));
  assert.ok(told.length > 60, String(told.length));
  assert.deepEqual(
    told.filter((words) => !written.has(words)),
    [],
  );
});
