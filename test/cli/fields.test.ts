/** What the command line can clear is what the admin API can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyPatch, teamPatch } from '../../src/api/admin/schemas.js';
import { patchOf } from '../../src/cli/fields.js';
import { clearedOfKeys } from '../../src/cli/keys.js';
import { clearedOfTeams } from '../../src/cli/teams.js';
import { limitOf } from '../../src/cli/written-limit.js';

const nullable = ({ shape }: typeof keyPatch | typeof teamPatch): string[] =>
  Object.entries(shape)
    .filter(([, field]) => field.safeParse(null).success)
    .map(([name]) => name)
    .sort();

test('--clear takes every field that a change may set to null', () => {
  assert.deepEqual([...clearedOfKeys].sort(), nullable(keyPatch));
  assert.deepEqual([...clearedOfTeams].sort(), nullable(teamPatch));
});

test('a change is what is given and null for what is cleared; one of nothing, or of something else, is refused in words', () => {
  assert.deepEqual(patchOf(['guards'], clearedOfKeys, { name: 'n' }), { guards: null, name: 'n' });
  assert.throws(() => patchOf(['guard'], clearedOfKeys, {}), /--clear guard: expected one of team, .*guards/);
  assert.throws(() => patchOf([], clearedOfKeys, {}), /Name what is to change/);
});

test('a limit that cannot be read is told by the option that it was typed for', () => {
  assert.throws(() => limitOf('many', '--user-limit'), /^Error: --user-limit "many": expected/);
  assert.throws(() => limitOf('{', '--limit'), /^Error: --limit \{: not valid JSON/);
});
