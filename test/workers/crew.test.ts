/** The crew of a gateway with two workers: processes that cannot be made, configurations that are refused, waiting for the ledger. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Crew } from '../../src/workers/crew.js';
import type { LimitsDesk } from '../../src/workers/limits-desk.js';
import { BEAT } from '../../src/workers/messages.js';
import type { CrewConfig } from './crew-worker.js';

const idle = { take: () => false, leave: () => {}, size: 0 } as unknown as LimitsDesk;

type Fields = Readonly<Record<string, unknown>>;

/** A crew of this process and one other; `said` resolves with the next line of the log that says this. */
async function crewOf(t: TestContext, config: CrewConfig = {}) {
  const told = new EventEmitter();
  const write = (fields: object, message: string): void => {
    told.emit(message, fields);
  };
  const log = { info: write, warn: write, error: write };
  const state = { config };
  const crew = new Crew<CrewConfig>({
    ...{ script: fileURLToPath(new URL('./crew-worker.js', import.meta.url)), count: 2, log },
    ...{ own: { ready: true, hung: false, load: 0, hand: () => {} }, ports: {}, desk: () => idle },
    start: async (number) => ({
      ...{ number, config: state.config, primarySocket: '', cacheSecret: Buffer.alloc(0) },
      ...{ catalogue: null, breakers: [], expectedAnswers: [] },
    }),
    config: () => state.config,
    beat: () => [BEAT, 0, 0, 0],
    closeHolds: async () => {},
    onBreaker: () => {},
  });
  t.after(() => crew.finish(1_000, 1_000));
  const said = async (message: string): Promise<Fields> => {
    const [fields] = await once(told, message, { signal: AbortSignal.timeout(20_000) });
    return fields as Fields;
  };
  await crew.start();
  return { crew, said, state };
}

test('a worker for which no process can be made is tried again until there is one', async (t) => {
  const { crew, said } = await crewOf(t);
  const { execPath } = process;
  t.after(() => {
    process.execPath = execPath;
  });
  process.execPath = '/nowhere/node';
  const ended = said('a worker ended by itself and is replaced');
  crew.processes[0]!.kill();
  assert.equal((await ended)['why'], 'SIGKILL');
  const failed = await said('a worker ended by itself and is replaced');
  assert.equal(crew.workers[0]!.state, 'ended');
  assert.match(String(failed['why']), /ENOENT/);
  process.execPath = execPath;
  await said('a worker serves');
  assert.deepEqual(crew.size, { serving: 2, count: 2 });
  const [{ state, restarts, pid }] = crew.workers as [(typeof crew.workers)[number]];
  assert.deepEqual([state, restarts, pid], ['serving', 2, crew.processes[0]!.pid]);
});

test('a configuration that a worker refuses is told and the worker replaced, however late it refuses', async (t) => {
  const { crew, said, state } = await crewOf(t);
  const refused = said('a worker did not take the configuration, and is replaced');
  const serves = said('a worker serves');
  await crew.configure({ refused: true }); // whoever reloads does not wait for it
  state.config = {};
  await crew.processes[0]!.port.metrics();
  assert.match(String((await refused)['error']), /this cannot be taken in/);
  await serves;
});

test('questions for what workers have appended are not more than two at once, however many ask and give up', async (t) => {
  const { crew } = await crewOf(t, { flushes: false });
  const [process] = crew.processes;
  const asked = Array.from({ length: 20 }, () => process!.flushed());
  const [flushes] = (await process!.port.metrics()) as [number];
  assert.equal(flushes, 1);
  process!.kill();
  await Promise.all(asked);
});
