import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { justARequest } from '../../src/limits/amount.js';
import { Hold, Part } from '../../src/limits/hold.js';
import { Limit } from '../../src/limits/limit.js';
import {
  attempted,
  denied,
  estimate,
  LEASE_MS,
  levels,
  limitOf,
  reserved,
  spec,
  take,
  used,
} from '../contract/limits/rig.js';
import { ManualClock } from '../support/clock.js';
import { type Gateway, type GatewayOptions, openGateway } from '../support/limits-redis.js';
import { startRedis } from '../support/redis.js';

const redis = await startRedis();
const open: Gateway[] = [];
let prefixes = 0;

const rig = async (options: Partial<GatewayOptions> = {}) => {
  const clock = new ManualClock();
  const each: GatewayOptions = {
    url: redis.url,
    prefix: `{counters-${++prefixes}}`,
    timeoutMs: 5000,
    clock,
    ...options,
  };
  const gateway = async () => {
    const made = await openGateway(each);
    open.push(made);
    return made;
  };
  return { clock, prefix: each.prefix, gateway };
};

after(async () => {
  await Promise.all(open.map(({ limits }) => limits.close()));
  await redis.close();
});

describe('a gateway that dies', () => {
  it('with kill -9: its holds lapse within the lease, and another closes their entries at what it is told, once', async () => {
    const prefix = `{counters-${++prefixes}}`;
    const closed: string[] = [];
    const options: GatewayOptions = {
      url: redis.url,
      prefix,
      leaseMs: 700,
      timeoutMs: 5000,
      onLapsed: async (id, note) => {
        closed.push(`${id}: ${note}`);
        return id === 'stream-1' ? attempted(50, 30) : undefined;
      },
    };
    const survivor = await openGateway(options);
    open.push(survivor);
    const other = await openGateway(options);
    open.push(other);
    survivor.limits.start();
    other.limits.start();
    const budget = new Limit({ kind: 'key', id: 'shared' }, spec('usd', 1000, 'month'));
    const slots = new Limit({ kind: 'key', id: 'shared' }, spec('concurrent', 3, null));
    const script = fileURLToPath(new URL('./doomed-gateway.js', import.meta.url));
    const doomed = spawn(process.execPath, [script, redis.url, prefix, '700'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await Promise.race([once(doomed.stdout!, 'data'), once(doomed, 'exit').then(() => assert.fail('it never lived'))]);
    await sleep(1000);
    assert.deepEqual(await levels(survivor.limits, budget), [0, 500], 'while it lives it renews');
    doomed.kill('SIGKILL');
    const killed = performance.now();
    let held = 1;
    while (held > 0 && performance.now() - killed < 5000) {
      await sleep(10);
      held = (await levels(survivor.limits, slots))[1];
    }
    const took = performance.now() - killed;
    assert.ok(took < 700 + 300, `${took} ms`);
    while (closed.length < 2 && performance.now() - killed < 5000) await sleep(10);
    await sleep(100);
    assert.deepEqual(closed.toSorted(), ['stream-1: note of stream-1', 'stream-2: note of stream-2']);
    assert.deepEqual(await levels(survivor.limits, budget), [80 + 50, 0]);
  });

  it('with many holds: all of them lapse before a request is refused for their sake', async () => {
    const { clock, gateway } = await rig();
    const [doomed, survivor] = [await gateway(), await gateway()];
    const slots = limitOf('concurrent', 400, null);
    const budget = limitOf('usd', 400_000, 'month');
    await survivor.limits.read([budget]);
    await Promise.all(Array.from({ length: 400 }, () => take(doomed.limits, [slots, budget], estimate(0, 1000))));
    assert.deepEqual(await levels(survivor.limits, budget), [0, 400_000]);
    clock.advance(LEASE_MS);
    reserved(await take(survivor.limits, [slots, budget], estimate(400_000)));
    assert.deepEqual(await levels(survivor.limits, slots), [0, 1]);
  });

  it('leaves nothing to be closed where nobody can write the entry: it is handed out again later', async () => {
    let fail = true;
    const handed: string[] = [];
    const onLapsed = async (id: string) => {
      handed.push(id);
      if (fail) throw new Error('the database is away');
      return attempted(1, 1);
    };
    const { clock, gateway } = await rig({ onLapsed });
    const [doomed, survivor] = [await gateway(), await gateway()];
    const budget = limitOf('usd', 1000, 'month');
    const hold = reserved(await take(doomed.limits, [budget], estimate(100, 100)));
    clock.advance(LEASE_MS);
    for (let i = 0; i < 8; i++) {
      await survivor.limits.beat();
      clock.advance(5000);
      if (i === 3) fail = false;
    }
    assert.deepEqual(handed, [hold.id, hold.id]);
    assert.deepEqual(await levels(survivor.limits, budget), [2, 0]);
    await doomed.limits.settle(hold, used(100, 7), 'exact');
    assert.deepEqual(await levels(survivor.limits, budget), [107, 0], 'what its owner knows takes the place');
    await doomed.limits.settle(hold, used(1, 1), 'exact');
    assert.deepEqual(await levels(survivor.limits, budget), [107, 0]);
  });

  it('only by the look of it, since it was held up: it is not handed its own hold, and settles it late', async () => {
    const handed: string[] = [];
    const { clock, gateway } = await rig({ onLapsed: async (id) => void handed.push(id) });
    const [stalled, other] = [await gateway(), await gateway()];
    const budget = limitOf('usd', 1000, 'month');
    const hold = reserved(await take(stalled.limits, [budget], estimate(100, 100)));
    clock.advance(LEASE_MS);
    assert.deepEqual(await levels(other.limits, budget), [100, 0]);
    await stalled.limits.beat();
    assert.deepEqual(handed, []);
    await stalled.limits.settle(hold, used(100, 30), 'exact');
    assert.deepEqual(await levels(other.limits, budget), [130, 0]);
    clock.advance(31_000);
    await other.limits.beat();
    assert.deepEqual(handed, []);
  });

  it('only by the look of it, since nobody heard Redis for a while: holds do not lapse before they could be renewed', async () => {
    const { clock, gateway } = await rig({ recoveryMs: 100 });
    const [one, other] = [await gateway(), await gateway()];
    clock.advance(200);
    const budget = limitOf('usd', 1000, 'month');
    reserved(await take(one.limits, [budget], estimate(100, 100)));
    await other.limits.beat();
    clock.advance(60_000);
    await other.limits.beat();
    assert.deepEqual(await levels(other.limits, budget), [0, 200]);
    await one.limits.beat();
    clock.advance(150);
    assert.deepEqual(await levels(other.limits, budget), [0, 200]);
  });
});

describe('counters in Redis', () => {
  it('renew any number of holds in one beat, and forget what is posted', async () => {
    const { clock, gateway } = await rig();
    const { limits, store } = await gateway();
    const budget = limitOf('usd', 1_000_000, 'month');
    await limits.read([budget]);
    const holds = (await Promise.all(Array.from({ length: 1200 }, () => take(limits, [budget], estimate(1))))).map(
      reserved,
    );
    clock.advance(LEASE_MS - 100);
    await limits.beat();
    clock.advance(LEASE_MS - 100);
    assert.deepEqual(await levels(limits, budget), [0, 1200]);
    await Promise.all(holds.map((hold) => limits.settle(hold, used(1, 0), 'exact')));
    assert.equal(store.size, 1200);
    limits.posted(holds.map(({ id }) => id));
    await limits.beat();
    assert.equal(store.size, 0);
    assert.deepEqual(await levels(limits, budget), [1200, 0]);
  });

  it('forget settled holds after a while where nobody says that they are posted', async () => {
    const { clock, gateway } = await rig();
    const { limits, store } = await gateway();
    const budget = limitOf('usd', 1000, 'month');
    await limits.settle(reserved(await take(limits, [budget], estimate(10))), used(10, 0), 'exact');
    clock.advance(600_001);
    await limits.beat();
    assert.equal(store.size, 0);
    assert.deepEqual(await levels(limits, budget), [10, 0]);
  });

  it('live on one node of a cluster, and leave nothing behind that does not end by itself', async () => {
    const { clock, prefix, gateway } = await rig();
    const { limits } = await gateway();
    const all = [
      limitOf('requests', 9, 'minute'),
      limitOf('tokens', 900, 'hour'),
      limitOf('usd', 900, 'day'),
      limitOf('usd', 900, 'total'),
      limitOf('concurrent', 9, null),
    ];
    const hold = reserved(await take(limits, all, estimate(10, 10)));
    const slots = all.at(-1)!;
    for (const free of [[slots], [], [slots]]) {
      const of = free.length > 0 ? [limitOf('concurrent', 1, null)] : [slots];
      reserved(await limits.amend(hold, { limits: of, estimate: justARequest, free }));
    }
    await limits.settle(hold, used(10, 30), 'exact');
    limits.posted([hold.id]);
    await limits.beat();
    const keys = ((await redis.command('KEYS', '*')) as string[]).filter((key) => key.startsWith(prefix));
    const counters = keys.filter((key) => key.includes(':c:'));
    assert.equal(counters.length, 4, 'no counter of slots that are not in use');
    for (const key of counters) assert.ok(((await redis.command('PTTL', key)) as number) > 60_000, key);
    assert.deepEqual(keys.filter((key) => !counters.includes(key)).toSorted(), [
      `${prefix}:1:gateways`,
      `${prefix}:1:holds`,
    ]);
    assert.deepEqual(((await redis.command('HKEYS', `${prefix}:1:holds`)) as string[]).toSorted(), [
      'beat',
      'epoch',
      'run',
    ]);
    clock.advance(1);
  });

  it('stand a server clock that steps back: nothing is admitted twice, and nothing is refused for longer than two windows', async () => {
    for (const back of [200, 30_000, 59_999, 60_000, 7_200_000]) {
      const { clock, gateway } = await rig();
      const { limits } = await gateway();
      const [rate, other] = [limitOf('tokens', 100, 'minute'), limitOf('tokens', 100, 'minute')];
      reserved(await take(limits, [rate, other], estimate(70)));
      clock.advance(1000);
      reserved(await take(limits, [rate], estimate(30)));
      clock.step(-back);
      reserved(await take(limits, [other], estimate(30)));
      const whole = denied(await take(limits, [other], estimate(100))).retryAfterMs!;
      clock.advance(whole - 1);
      denied(await take(limits, [other], estimate(100)));
      clock.advance(1);
      reserved(await take(limits, [other], estimate(100)));
      clock.advance(-whole);
      const { retryAfterMs } = denied(await take(limits, [rate], estimate(60)));
      assert.ok(retryAfterMs! >= 59_000 && retryAfterMs! <= 120_000, `${retryAfterMs} after ${back}`);
      clock.advance(retryAfterMs! - 1);
      denied(await take(limits, [rate], estimate(60)));
      clock.advance(1);
      reserved(await take(limits, [rate], estimate(60)));
    }
  });

  it('recover once more where the server clock was set back to before they began', async () => {
    const { clock, gateway } = await rig({ recoveryMs: 100 });
    const { limits } = await gateway();
    clock.advance(200);
    const budget = limitOf('usd', 100, 'month');
    reserved(await take(limits, [budget], estimate(60)));
    clock.step(-3_600_000);
    assert.deepEqual(await take(limits, [budget], estimate(1)), { kind: 'unavailable', retryAfterMs: 100 });
    clock.advance(100);
    assert.deepEqual(await levels(limits, budget), [0, 60]);
  });

  it('give nothing back into a window that was forgotten meanwhile', async () => {
    const { clock, prefix, gateway } = await rig();
    const { limits } = await gateway();
    const rate = limitOf('tokens', 100, 'minute');
    const hold = reserved(await take(limits, [rate], estimate(60)));
    await redis.command('DEL', `${prefix}:1:c:${rate.counter}`);
    clock.advance(1);
    reserved(await take(limits, [rate], estimate(50)));
    await limits.settle(hold, used(1, 0), 'exact');
    assert.deepEqual(await levels(limits, rate), [50, 0]);
  });

  it('are seeded by the last rebuild that began, once', async () => {
    const { clock, gateway } = await rig();
    const [one, other] = [(await gateway()).counters, (await gateway()).counters];
    const budget = limitOf('usd', 100, 'month');
    const part = new Part(budget, justARequest, clock.now(), null);
    const first = await one.begin(part);
    assert.deepEqual(await other.begin(part), { kind: 'busy' });
    clock.advance(3000);
    const second = await other.begin(part);
    assert.ok(first.kind === 'rebuild' && second.kind === 'rebuild');
    await one.seed(part, first.token, 10);
    assert.deepEqual(await one.read([budget]), ['unknown']);
    await other.seed(part, second.token, 20);
    await other.seed(part, second.token, 20);
    await one.seed(part, first.token, 10);
    assert.deepEqual(await one.begin(part), { kind: 'known' });
    assert.deepEqual(await one.read([budget]), [{ spent: 20, held: 0, resetMs: 0 }]);
  });

  it('begin a rebuild again where a hold is told meanwhile, whose entry the ledger may have summed or not', async () => {
    const { clock, gateway } = await rig();
    const { counters, limits } = await gateway();
    const budget = limitOf('usd', 1000, 'month');
    const part = Object.assign(new Part(budget, justARequest, clock.now(), null), { amount: 90, counted: 70 });
    const first = await counters.begin(part);
    assert.ok(first.kind === 'rebuild' && first.except.length === 0);
    const hold = new Hold('came-back', '', [part], 0);
    hold.state = 'settled';
    await counters.adopt([hold], []);
    await counters.seed(part, first.token, 100 + 70);
    assert.deepEqual(await counters.read([budget]), ['unknown']);
    const second = await counters.begin(part);
    assert.ok(second.kind === 'rebuild');
    assert.deepEqual(second.except, ['came-back']);
    await counters.seed(part, second.token, 100);
    assert.deepEqual(await levels(limits, budget), [170, 0]);
  });

  it('are not changed by what is told of a hold that is settled, however often', async () => {
    const { clock, gateway } = await rig();
    const { limits, counters } = await gateway();
    const budget = limitOf('usd', 1000, 'month');
    await limits.read([budget]);
    const part = Object.assign(new Part(budget, justARequest, clock.now(), null), { amount: 300, counted: 100 });
    const hold = new Hold('told', '', [part], 0);
    for (let i = 0; i < 3; i++) await counters.adopt([hold], []);
    assert.deepEqual(await levels(limits, budget), [0, 300]);
    part.actual = 70;
    await counters.settle(hold);
    for (let i = 0; i < 3; i++) await counters.adopt([hold], []);
    assert.deepEqual(await levels(limits, budget), [70, 0]);
  });

  it('go by the clock of Redis for calendar windows, whatever the clock of the gateway says', async () => {
    const prefix = `{counters-${++prefixes}}`;
    const wrong = new ManualClock('2019-01-31T23:59:59Z');
    const redisClock = new ManualClock('2026-11-30T23:59:50Z');
    const opened = await openGateway({
      url: redis.url,
      prefix,
      timeoutMs: 5000,
      clock: wrong,
      now: () => redisClock.now() * 1000,
    });
    open.push(opened);
    const { limits } = opened;
    const budget = limitOf('usd', 100, 'month');
    redisClock.advance(9500);
    const first = reserved(await take(limits, [budget], estimate(100)));
    assert.equal(first.parts[0]!.window!.id, '2026-11');
    redisClock.advance(500);
    const second = reserved(await take(limits, [budget], estimate(100)));
    assert.equal(second.parts[0]!.window!.id, '2026-12', 'though it had not heard of the new month yet');
    redisClock.step(-1000);
    denied(await take(limits, [budget], estimate(1)));
  });

  it('take text of any kind as a note', async () => {
    const notes: string[] = [];
    const { clock, gateway } = await rig({ onLapsed: async (_, note) => void notes.push(note) });
    const [doomed, survivor] = [await gateway(), await gateway()];
    for (const note of ['', '{"a": "ü \u0000 🚀"}', '\ud800 half', 'x'.repeat(10_000)]) {
      reserved(
        await doomed.limits.reserve({
          id: `n${notes.length}-${note.length}`,
          note,
          limits: [limitOf('requests', 1, 'day')],
          estimate: estimate(1),
        }),
      );
    }
    clock.advance(LEASE_MS);
    await survivor.limits.beat();
    assert.deepEqual(notes.toSorted(), ['', 'x'.repeat(10_000), '{"a": "ü \u0000 🚀"}', '\ufffd half'].toSorted());
  });
});
