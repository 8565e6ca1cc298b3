/** What the admin API adds to the configuration: one change after the other, each taken in once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AddedEntry, LoadedWithAdded } from '../../src/config/added.js';
import type { Loaded } from '../../src/config/load.js';
import type { ReloadResult } from '../../src/config/reload.js';
import { ok } from '../../src/lib/errors.js';
import type { Query } from '../../src/lib/query.js';
import { AddedConfiguration } from '../../src/operations/added-configuration.js';
import type { AddedRow, AddedRows } from '../../src/operations/added-pg.js';

async function setUp() {
  const table = new Map<string, AddedRow>();
  const happened: string[] = [];
  const rows = {
    lock: async () => {},
    // In an order that is not that of the code units, as a database of another collation has it.
    read: async () => [...table.values()].reverse(),
    put: async (_: Query, entry: AddedEntry) => {
      happened.push(`put ${entry.name}`);
      table.set(entry.name, { kind: entry.kind, name: entry.name, entry });
    },
    remove: async (_: Query, _kind: string, name: string) => void table.delete(name),
  } as unknown as AddedRows;
  const loaded = { ok: true, leftOut: [] } as unknown as LoadedWithAdded;
  const added = new AddedConfiguration({
    ...{ rows, query: (async () => []) as Query, load: async () => loaded, nowMs: () => 0 },
    changes: { subscribe: () => () => {} },
    log: { error: (fields, message) => happened.push(`${message} ${JSON.stringify(fields)}`) },
  });
  const result = { status: 'reloaded' } as ReloadResult;
  await added.start({
    read: async (load) => ({ number: 1, loaded: await (load ?? added.load.bind(added))() }),
    take: (_load: { loaded: Loaded }, trigger) => {
      happened.push(`take ${trigger}`);
      return result;
    },
    reload: async (trigger) => {
      happened.push(`reload ${trigger}`);
      await added.load();
      return result;
    },
  });
  const query = (async () => []) as Query;
  const make = (name: string) =>
    added.change(
      query,
      { kind: 'provider', name },
      () => ok({ type: 'sandbox' }),
      async (before, after) => {
        happened.push(`audit ${JSON.stringify([before ?? null, after])}`);
      },
    );
  return { added, happened, make, table };
}

test('a change is told, written and taken in once: what is read afterwards is what is in force', async () => {
  const { added, happened, make } = await setUp();
  for (const name of ['m', 'z', 'a']) {
    happened.length = 0;
    assert.ok((await added.exclusively(() => make(name))).ok);
    await added.refresh();
    assert.deepEqual(happened, ['audit [null,{"type":"sandbox"}]', `put ${name}`, 'take api']);
  }
});

test('neither another change nor a refresh begins before a change has ended, its transaction included', async () => {
  const { added, happened, make, table } = await setUp();
  let commit = () => {};
  const committed = new Promise<void>((resolve) => {
    commit = resolve;
  });
  const first = added.exclusively(async () => {
    happened.push('begin first');
    const before = new Map(table);
    const made = await make('one');
    // Others do not see it before it is committed.
    const after = new Map(table);
    table.clear();
    for (const [name, row] of before) table.set(name, row);
    await committed;
    for (const [name, row] of after) table.set(name, row);
    happened.push('end first');
    return made;
  });
  const refreshed = added.refresh();
  const second = added.exclusively(async () => {
    happened.push('begin second');
    return make('two');
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!happened.includes('begin second'));
  commit();
  await Promise.all([first, refreshed, second]);
  await added.refresh();
  assert.deepEqual(
    happened.filter((line) => !line.startsWith('audit')),
    ['begin first', 'put one', 'take api', 'end first', 'begin second', 'put two', 'take api'],
  );
});

test('a change whose transaction fails is taken back', async () => {
  const { added, happened, make, table } = await setUp();
  const failed = added.exclusively(async () => {
    await make('one');
    table.clear();
    throw new Error('the connection broke');
  });
  await assert.rejects(failed, /broke/);
  await added.refresh();
  assert.deepEqual([happened.at(-1), added.isAdded('provider', 'one')], ['reload database', false]);
});
