/** The limits of a worker, joined to the primary's side of them: what the worker is told is what was taken there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitSpec } from '../../src/lib/limit-spec.js';
import { justARequest } from '../../src/limits/amount.js';
import { Limit, type Scope } from '../../src/limits/limit.js';
import { Limits, type ReserveResult } from '../../src/limits/limits.js';
import { MemoryStore } from '../../src/limits/memory.js';
import { OpenRisk } from '../../src/limits/open-risk.js';
import { LimitsDesk } from '../../src/workers/limits-desk.js';
import type { Message } from '../../src/workers/link.js';
import { RemoteLimits } from '../../src/workers/remote-limits.js';
import { ManualClock } from '../support/clock.js';

function joined() {
  const clock = new ManualClock();
  const limits = new Limits({ clock, store: new MemoryStore(clock, { leaseMs: 5_000 }) });
  const sent: Message[] = [];
  const onLine = (message: Message): Message => JSON.parse(JSON.stringify(message)) as Message;
  const post = (message: Message): void => {
    sent.push(message);
    desk.take(onLine(message));
  };
  const call = async (_port: string, _method: string, args: readonly unknown[]): Promise<unknown> =>
    onLine(await desk.port.amend(...(structuredClone(args) as Parameters<typeof desk.port.amend>)));
  const remote = new RemoteLimits({ post, postLater: post, flush: () => {}, call }, clock);
  const desk = new LimitsDesk(
    {
      ...{ limits, risk: new OpenRisk(), onCrossings: () => {}, onDenied: () => {} },
      onFault: (error) => assert.fail(String(error)),
    },
    2,
    // As on the line, an answer comes later.
    (message) => queueMicrotask(() => remote.take(onLine(message))),
  );
  return { remote, desk, limits, sent };
}

const limit = (kind: 'key' | 'target', spec: object): Limit =>
  new Limit({ kind, id: `one ${kind}` } as Scope, limitSpec.parse(spec));

const remaining = (result: ReserveResult) => {
  assert.equal(result.kind, 'reserved');
  return result.kind === 'reserved' ? result.hold.parts.map((part) => [part.limit, part.remaining] as const) : [];
};

test('a worker is told of each limit by itself, whatever others were named before, and settles what it took', async () => {
  const { remote, desk, limits } = joined();
  const rate = limit('key', { unit: 'requests', max: 3, per: 'minute' });
  const other = limit('target', { unit: 'requests', max: 9, per: 'hour' });
  assert.deepEqual(remaining(await remote.reserve({ id: 'a', limits: [other], estimate: justARequest })), [[other, 8]]);
  const both = await remote.reserve({ id: 'b', limits: [rate, other], estimate: justARequest });
  assert.deepEqual(remaining(both), [
    [rate, 2],
    [other, 7],
  ]);
  assert.equal(desk.size, 2);
  if (both.kind === 'reserved') await remote.release(both.hold);
  assert.equal(desk.size, 1);
  assert.deepEqual(
    (await limits.read([rate, other]))!.map((one) => one.remaining),
    [3, 8],
  );
});

test("a refusal names the limit that refused, and its hold is nobody's to settle", async () => {
  const { remote, sent, desk } = joined();
  const wide = limit('key', { unit: 'requests', max: 9, per: 'hour' });
  const slot = limit('target', { unit: 'concurrent', max: 1 });
  const first = await remote.reserve({ id: 'a', limits: [wide, slot], estimate: justARequest });
  const second = await remote.reserve({ id: 'b', limits: [wide, slot], estimate: justARequest });
  assert.equal(second.kind === 'denied' && second.denial.limit, slot);
  assert.equal(desk.size, 1);
  const before = sent.length;
  if (first.kind === 'reserved') {
    await remote.release(first.hold);
    await remote.release(first.hold);
  }
  assert.equal(sent.length, before + 1);
  assert.equal((await remote.reserve({ id: 'c', limits: [slot], estimate: justARequest })).kind, 'reserved');
});

test('a hold that goes elsewhere keeps what it had and takes what it lacks', async () => {
  const { remote, limits } = joined();
  const key = limit('key', { unit: 'requests', max: 9, per: 'hour' });
  const from = limit('target', { unit: 'concurrent', max: 5 });
  const to = limit('target', { unit: 'requests', max: 5, per: 'minute' });
  const taken = await remote.reserve({ id: 'a', limits: [key, from], estimate: justARequest });
  assert.ok(taken.kind === 'reserved');
  const { hold } = taken;
  const [ofKey] = hold.parts;
  const moved = await remote.amend(hold, { limits: [key, to], estimate: justARequest, free: [from] });
  assert.equal(moved.kind, 'reserved');
  assert.deepEqual(new Set(hold.parts.map((part) => part.limit)), new Set([key, from, to]));
  assert.equal(
    hold.parts.find((part) => part.limit === key),
    ofKey,
  );
  const held = async () => (await limits.read([key, from, to]))!.map((one) => one.remaining);
  assert.deepEqual(await held(), [8, 5, 4]);
  await remote.release(hold);
  assert.deepEqual(await held(), [9, 5, 5]);
  assert.equal((await remote.amend(hold, { limits: [key], estimate: justARequest })).kind, 'unavailable');
});
