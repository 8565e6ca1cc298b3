/** The primary's side of a worker's limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitSpec } from '../../src/lib/limit-spec.js';
import { justARequest, nothing } from '../../src/limits/amount.js';
import type { Denial } from '../../src/limits/denial.js';
import { Limits } from '../../src/limits/limits.js';
import { MemoryStore } from '../../src/limits/memory.js';
import { OpenRisk } from '../../src/limits/open-risk.js';
import { DEFINE, DENIED, RESERVE, RESERVED } from '../../src/workers/limit-messages.js';
import { LimitsDesk } from '../../src/workers/limits-desk.js';
import type { Message } from '../../src/workers/link.js';
import { ManualClock } from '../support/clock.js';

function deskWith() {
  const clock = new ManualClock();
  const limits = new Limits({ clock, store: new MemoryStore(clock, { leaseMs: 5_000 }) });
  const denials: Denial[] = [];
  const posted: Message[] = [];
  let arrived = (): void => {};
  const desk = new LimitsDesk(
    {
      ...{ limits, risk: new OpenRisk(), onCrossings: () => {} },
      onDenied: (denial) => denials.push(denial),
      onFault: (error) => assert.fail(String(error)),
    },
    2,
    (message) => {
      posted.push(message);
      arrived();
    },
  );
  desk.take([DEFINE, 1, { kind: 'key', id: 'k' }, limitSpec.parse({ unit: 'usd', max: 1, per: 'month' }), 0]);
  /** The next answer: what a budget has spent is found out first. */
  const answer = async (message: Message): Promise<Message> => {
    const next = new Promise<void>((resolve) => (arrived = resolve));
    desk.take(message);
    await next;
    return posted.at(-1)!;
  };
  return { desk, answer, denials };
}

const reserve = (number: number, note: string): Message => [
  ...[RESERVE, number, `hold_${number}`, note, 0],
  ...[10, 10, 500, 0, 0, 0, 0],
  1,
];

test('a budget that refuses a further attempt is told of as one that refuses a request', async () => {
  const { desk, answer, denials } = deskWith();
  assert.equal((await answer(reserve(1, 'r-1')))[0], RESERVED);
  const dearer = { ...justARequest, inputNanoMost: 2_000_000_000 };
  const [kind] = await desk.port.amend(1, [1], dearer, []);
  assert.equal(kind, DENIED);
  assert.equal(denials.length, 1);
  assert.equal(denials[0]!.limit.scope.id, 'k');
});

test('holds of a worker that ended: the ledger is asked only of those that have a note, and all are closed', async () => {
  const { desk, answer } = deskWith();
  await answer(reserve(1, 'r-1'));
  desk.take(reserve(2, ''));
  assert.equal(desk.size, 2);
  desk.leave();
  const used = { ...nothing, model: 'm', target: 't', usdNano: 123 };
  await desk.close(async (holds) => {
    assert.deepEqual(holds, [{ hold: 'hold_1', requestId: 'r-1' }]);
    return new Map([['hold_1', [used]]]);
  });
  assert.equal(desk.size, 0);
});
