import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Changes, localChanges } from '../../src/identity/changes.js';
import type { Team } from '../../src/identity/key.js';
import { createTeamMemory } from '../../src/identity/team-memory.js';
import { aTeam } from '../contract/keys.js';
import { ManualClock } from '../support/clock.js';

function world(heardAt?: () => number) {
  const clock = new ManualClock();
  const local = localChanges();
  const changes: Changes = heardAt ? { ...local, heardAt } : local;
  const store = {
    asked: 0,
    away: false,
    teams: new Map<string, Team>([['a', aTeam('a')]]),
    waiting: undefined as Promise<void> | undefined,
    async team(id: string): Promise<Team | null> {
      store.asked += 1;
      const found = store.teams.get(id) ?? null;
      await store.waiting;
      if (store.away) throw new Error('away');
      return found;
    },
  };
  const faults: unknown[] = [];
  const teams = createTeamMemory({ store, changes, clock, onLookupError: (error) => void faults.push(error) });
  return { clock, changes, store, teams, faults };
}

test('a team is asked for once, however many want it, and is then answered at once', async () => {
  const { teams, store } = world();
  const all = await Promise.all([teams.get('a'), teams.get('a'), teams.get('a')]);
  assert.deepEqual(new Set(all), new Set([store.teams.get('a')]));
  assert.equal(teams.get('a'), store.teams.get('a'));
  assert.equal(await teams.get('b'), null);
  assert.equal(teams.get('b'), null);
  assert.equal(store.asked, 2);
});

test('a change is in force at once, and one that overtakes a look-up is not forgotten', async () => {
  const { teams, store, changes } = world();
  await teams.get('a');
  const blocked = aTeam('a', { blocked_at: 1 });
  store.teams.set('a', blocked);
  changes.publish({ kind: 'team', team: 'a' });
  assert.equal(await teams.get('a'), blocked);
  let go = () => {};
  store.waiting = new Promise((resolve) => (go = resolve));
  changes.publish({ kind: 'team', team: 'a' });
  const late = teams.get('a');
  const unblocked = aTeam('a');
  store.teams.set('a', unblocked);
  changes.publish({ kind: 'team', team: 'a' });
  go();
  assert.equal(await late, blocked, 'whoever asked before');
  assert.equal(await teams.get('a'), unblocked);
});

test('whoever asks after a change, or wants the team read, does not share a look-up that began before', async () => {
  for (const ask of ['get', 'read'] as const) {
    const { teams, store, changes } = world();
    let go = () => {};
    store.waiting = new Promise((resolve) => (go = resolve));
    const early = teams.get('new');
    await new Promise(setImmediate);
    const made = aTeam('new');
    store.teams.set('new', made);
    if (ask === 'get') changes.publish({ kind: 'all' });
    const late = teams[ask]('new');
    go();
    assert.equal(await early, null);
    assert.equal(await late, made, ask);
  }
});

test('without word of changes a team is read again within a second', async () => {
  const { teams, store, clock } = world(() => 0);
  await teams.get('a');
  const blocked = aTeam('a', { blocked_at: 1 });
  store.teams.set('a', blocked);
  clock.advance(700);
  assert.equal((teams.get('a') as Team).blocked_at, null);
  clock.advance(100);
  assert.equal(await teams.get('a'), blocked);
});

test('when changes may have been missed nothing is certain any more', async () => {
  const { teams, store, changes } = world();
  await teams.get('a');
  changes.publish({ kind: 'all' });
  await teams.get('a');
  assert.equal(store.asked, 2);
});

test('with the store away a known team goes on as last known and is tried once a second; an unknown one cannot be told', async () => {
  const { teams, store, clock, changes, faults } = world();
  const known = await teams.get('a');
  store.away = true;
  changes.publish({ kind: 'all' });
  assert.equal(await teams.get('a'), known);
  for (let i = 0; i < 10; i++) assert.equal(teams.get('a'), known);
  assert.equal(store.asked, 2);
  await assert.rejects(async () => teams.get('unknown'), /away/);
  clock.advance(1_001);
  for (let i = 0; i < 10; i++) assert.equal(teams.get('a'), known);
  await new Promise(setImmediate);
  assert.equal(store.asked, 4);
  assert.equal(faults.length, 3);
  store.away = false;
  clock.advance(1_001);
  teams.get('a');
  await new Promise(setImmediate);
  teams.get('a');
  assert.equal(store.asked, 5, 'certain again');
});

test('read asks the store whatever is remembered', async () => {
  const { teams, store } = world();
  assert.equal(await teams.get('new'), null);
  store.teams.set('new', aTeam('new'));
  assert.equal(teams.get('new'), null, 'nobody told');
  assert.equal((await teams.read('new'))?.id, 'new');
  assert.equal((teams.get('new') as Team).id, 'new');
});
