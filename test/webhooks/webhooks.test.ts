/** What webhooks promise, over Postgres and over the embedded database, with real receivers. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { newSigningSecret } from '../../src/lib/standard-webhooks.js';
import { sqlOf } from '../../src/store/query.js';
import { writeMessage, writeUsage } from '../../src/webhooks/outbox-pg.js';
import { claim, release } from '../../src/webhooks/queue-pg.js';
import { ManualClock } from '../support/clock.js';
import { answer, drip, hang, type Manner, type Receiver, reset, startReceiver } from '../support/receiver.js';
import {
  DAY,
  type Database,
  openEmbeddedDatabase,
  openPostgres,
  type World,
  type WorldOptions,
  world,
} from './world.js';

for (const [name, open] of [
  ['Postgres', openPostgres],
  ['the embedded database', openEmbeddedDatabase],
] as const) {
  describe(`webhooks over ${name}`, () => {
    let database: Database;
    let there: Receiver;
    const opened: { close(): Promise<void> }[] = [];
    before(async () => {
      database = await open();
    });
    beforeEach(async () => {
      for (const one of opened.splice(0).reverse()) await one.close();
      await database.store.pool.query(
        'truncate webhook_endpoints, webhook_messages, webhook_deliveries, webhook_once cascade',
      );
      there = await receiver();
    });
    after(async () => {
      for (const one of opened.splice(0).reverse()) await one.close();
      await database.close();
    });
    const query = () => sqlOf(database.store.pool).query;
    const make = async (options?: WorldOptions): Promise<World> => {
      const made = await world(database, options);
      opened.push(made);
      return made;
    };
    const receiver = async (manner?: Manner): Promise<Receiver> => {
      const started = await startReceiver(manner);
      opened.push(started);
      return started;
    };
    const emit = async (w: World, n: number | string = 1) => {
      w.webhooks.emit('target.opened', { n });
      await w.webhooks.idle();
    };
    const numbers = (of: Receiver) => of.received.map(({ event }) => event.data.n);

    it('an event reaches who wants it, signed, as it was told', async () => {
      const w = await make();
      const { secret, endpoint } = await w.endpoint(there.url, ['target.*']);
      const other = await receiver();
      await w.endpoint(other.url, ['budget.*', 'key.created']);
      w.webhooks.emit('target.opened', { target: 'openai/gpt-4o', why: 'é "\\ \u0000 \ud800' });
      await w.webhooks.idle();
      const [got] = there.received;
      assert.deepEqual(Object.keys(got!.event), ['type', 'timestamp', 'data']);
      assert.equal(got!.event.type, 'target.opened');
      assert.equal(got!.event.timestamp, '2026-11-24T08:00:00.000Z');
      assert.equal(got!.event.data.why, 'é "\\ \u0000 \ud800');
      assert.match(got!.id, /^msg_[0-9a-z]{26}$/);
      assert.equal(got!.headers['webhook-timestamp'], String(w.clock.now() / 1000));
      verified(secret, got!);
      assert.equal(other.received.length, 0);
      const [delivery] = await w.deliveries(endpoint.id);
      assert.deepEqual([delivery!.state, delivery!.attempts, delivery!.last_status], ['delivered', 1, 204]);
      assert.deepEqual(w.results, ['delivered']);
    });

    /** The library compares with the real time; the clock of these tests is another. */
    function verified(secret: string, got: Receiver['received'][number], clock?: ManualClock): void {
      const sent = Number(got.headers['webhook-timestamp']) * 1000;
      const real = Date.now;
      Date.now = () => clock?.now() ?? sent;
      try {
        new Webhook(secret).verify(got.body, got.headers as Record<string, string>);
      } finally {
        Date.now = real;
      }
    }

    it('what nobody wants is not kept', async () => {
      const w = await make();
      await w.endpoint(there.url, ['budget.*']);
      await emit(w);
      const [row] = await query()<{ n: number }>('select count(*)::int as n from webhook_messages');
      assert.equal(row!.n, 0);
    });

    it('events of a transaction that is undone are not told; of one that is committed they are', async () => {
      const w = await make();
      await w.endpoint(there.url);
      const sql = sqlOf(database.store.pool);
      const tell = (n: number) => (q: typeof sql.query) =>
        writeMessage(q, { type: 'key.created', at: w.clock.now(), data: { n } });
      await assert.rejects(
        sql.transaction(async (q) => {
          await tell(1)(q);
          throw new Error('undone');
        }),
      );
      await sql.transaction(tell(2));
      await w.round();
      assert.deepEqual(numbers(there), [2]);
    });

    it('each endpoint gets its events in order', async () => {
      const w = await make();
      await w.endpoint(there.url);
      for (let n = 0; n < 60; n++) w.webhooks.emit('target.opened', { n });
      await w.webhooks.idle();
      assert.deepEqual(
        numbers(there),
        Array.from({ length: 60 }, (_, n) => n),
      );
    });

    it('what failed is sent again under the same id, later and later, and others overtake it', async () => {
      const w = await make();
      const { endpoint } = await w.endpoint(there.url);
      there.manner = (request, response) =>
        answer(there.received.at(-1)!.event.data.n === 1 ? 503 : 200)(request, response);
      await emit(w, 1);
      await emit(w, 2);
      assert.deepEqual(numbers(there), [1, 2]);
      await w.pass(4_900);
      assert.deepEqual(numbers(there), [1, 2]);
      await w.pass(200);
      assert.deepEqual(numbers(there), [1, 2, 1]);
      await w.pass(14_900);
      assert.equal(there.received.length, 3);
      there.manner = answer(200);
      await w.pass(200);
      assert.deepEqual(numbers(there), [1, 2, 1, 1]);
      const [first, , second, third] = there.received;
      assert.equal(new Set([first!.id, second!.id, third!.id]).size, 1);
      assert.equal(first!.body, third!.body);
      assert.notEqual(first!.headers['webhook-timestamp'], third!.headers['webhook-timestamp']);
      const [delivery] = await w.deliveries(endpoint.id);
      const full = await w.webhooks.read.delivery(delivery!.id);
      assert.deepEqual(
        full!.attempts.map(({ status }) => status),
        [503, 503, 200],
      );
      assert.deepEqual(w.results, ['failed', 'delivered', 'failed', 'delivered']);
    });

    it('after 24 hours it is a dead letter, and can be sent again', async () => {
      const w = await make();
      const { endpoint } = await w.endpoint(there.url);
      there.manner = answer(500);
      await emit(w);
      for (let hours = 0; hours < 25; hours += 0.5) await w.pass(DAY / 48);
      const [dead] = await w.deliveries(endpoint.id);
      assert.deepEqual([dead!.state, dead!.last_error, dead!.next_at], ['dead', 'answered 500', null]);
      const tries = there.received.length;
      assert.ok(tries >= 12, `${tries} tries`);
      assert.equal(w.results.filter((result) => result === 'dead').length, 1);
      await w.pass(DAY);
      assert.equal(there.received.length, tries);

      there.manner = answer(200);
      const again = await w.webhooks.redeliver(query(), dead!.id);
      assert.ok(again.ok && again.value.state === 'pending');
      await w.round();
      assert.equal(there.received.at(-1)!.id, there.received[0]!.id);
      assert.equal((await w.deliveries(endpoint.id))[0]!.state, 'delivered');
      assert.ok(!(await w.webhooks.redeliver(query(), '999999999')).ok);
      assert.ok(!(await w.webhooks.redeliver(query(), dead!.id, 'wh_another')).ok);
    });

    it('an endpoint that is gone is disabled, gets nothing more, and can be enabled again', async () => {
      const w = await make();
      const { endpoint } = await w.endpoint(there.url);
      there.manner = answer(410);
      for (let n = 0; n < 3; n++) w.webhooks.emit('target.opened', { n });
      await w.webhooks.idle();
      assert.ok(there.received.length <= 3);
      const gone = await w.webhooks.read.endpoint(endpoint.id);
      assert.match(gone!.disabled_reason!, /410/);
      const seen = there.received.length;
      await emit(w, 4);
      await w.pass(DAY / 2);
      assert.equal(there.received.length, seen);
      there.manner = answer(200);
      await w.webhooks.endpoints.patch(query(), endpoint.id, { disabled: false });
      await emit(w, 5);
      assert.equal(numbers(there).at(-1), 5);
      assert.ok(!numbers(there).includes(4));
    });

    it('receivers that hang, drip, reset or fail hold up nobody else', async () => {
      const w = await make({ settings: { timeout: 15_000 } });
      const bad: Receiver[] = [];
      for (const manner of [hang, drip, reset, answer(500), hang, hang]) {
        bad.push(await receiver(manner));
        await w.endpoint(bad.at(-1)!.url);
      }
      await w.endpoint(there.url);
      const start = Date.now();
      for (let n = 0; n < 20; n++) w.webhooks.emit('target.opened', { n });
      const got = await there.until(20);
      assert.ok(
        got.at(-1)!.atMs - start < 14_000,
        `${got.at(-1)!.atMs - start} ms, when a hanging attempt takes 15,000`,
      );
      assert.deepEqual(
        numbers(there),
        Array.from({ length: 20 }, (_, n) => n),
      );
      for (const one of bad) await one.close();
      await w.webhooks.idle();
    });

    it('receivers that hang hold up nobody, however many they are', async () => {
      const w = await make({ settings: { timeout: 60_000 } });
      const bad = await receiver(answer(500));
      for (let n = 0; n < 80; n++) await w.endpoint(`${bad.url}?${n}`, ['target.opened']);
      await w.endpoint(there.url);
      w.webhooks.emit('target.opened', { n: 0 });
      await w.webhooks.idle();
      await emit(w, 1);
      bad.manner = hang;
      const start = Date.now();
      w.webhooks.emit('target.closed', { n: 2 }); // the good one was served last
      await there.until(3);
      w.webhooks.emit('target.opened', { n: 3 });
      await there.until(4);
      assert.ok(Date.now() - start < 50_000, 'it waited until hanging attempts were given up, after a minute');
      await bad.close();
      await w.webhooks.idle();
    });

    it('an endpoint that failed has its turn, however many others are always due', async () => {
      const w = await make();
      const failed = (await w.endpoint(`${there.url}?failed`)).endpoint.id;
      const configured = [failed];
      for (let n = 0; n < 3; n++) configured.push((await w.endpoint(`${there.url}?${n}`)).endpoint.id);
      await writeMessage(query(), { type: 'target.opened', at: w.clock.now(), data: {} });
      await query()('update webhook_endpoints set failures = 1 where id = $1', [failed]);
      const claimed = async (most: number, mostFailing: number) => {
        const nowMs = w.clock.now();
        const given = { lease: 'a', nowMs, untilMs: nowMs + 10_000, most, mostFailing, keyId: '', configured };
        const found = await claim(query(), given);
        for (const { id } of found) await release(query(), id, 'a');
        w.clock.advance(1);
        return found.map(({ id }) => (id === failed ? 'failed' : 'good')).sort();
      };
      for (let round = 0; round < 3; round++) assert.deepEqual(await claimed(2, 1), ['failed', 'good']);
      assert.deepEqual(await claimed(1, 0), ['good'], 'it has its part');
      assert.deepEqual(await claimed(9, 1), ['failed', 'good', 'good', 'good']);
    });

    it('an endpoint that fails for everything is tried rarely, and gets everything when it is back', async () => {
      const w = await make();
      await w.endpoint(there.url);
      there.manner = answer(500);
      for (let n = 0; n < 30; n++) w.webhooks.emit('target.opened', { n });
      await w.webhooks.idle();
      assert.equal(there.received.length, 3, 'it rests after three failures');
      for (let i = 0; i < 60; i++) await w.pass(10_000);
      assert.ok(there.received.length < 30, `${there.received.length} tries in ten minutes`);
      there.manner = answer(200);
      const before = there.received.length;
      await w.pass(2 * 3_600_000);
      const got = there.received.slice(before).map(({ event }) => event.data.n);
      assert.deepEqual(
        [...got].sort((a, b) => a - b),
        Array.from({ length: 30 }, (_, n) => n),
      );
    });

    it('what may be told once is told once, by any number of processes', async () => {
      const clock = new ManualClock();
      const worlds = [await make({ clock }), await make({ clock }), await make({ clock })];
      await worlds[0]!.endpoint(there.url);
      const mark = { key: 'budget.threshold:key_1:usd:month:2026-11:0.8', endsAt: clock.now() + DAY };
      for (let i = 0; i < 5; i++) {
        for (const w of worlds) w.webhooks.emit('budget.threshold', { mark: 0.8 }, mark);
      }
      for (const w of worlds) await w.webhooks.idle();
      assert.equal(there.received.length, 1);
      const restarted = await make({ clock });
      restarted.webhooks.emit('budget.threshold', { mark: 0.8 }, mark);
      restarted.webhooks.emit('budget.threshold', { mark: 1 }, { ...mark, key: `${mark.key}:1` });
      await restarted.webhooks.idle();
      assert.deepEqual(
        there.received.map(({ event }) => event.data.mark),
        [0.8, 1],
      );
      clock.advance(2 * DAY);
      await restarted.webhooks.sweep();
      const [row] = await query()<{ n: number }>('select count(*)::int as n from webhook_once');
      assert.equal(row!.n, 0, 'the marks of a window that is over are forgotten');
    });

    it('replicas share the work, in order, and none delivers twice', async () => {
      const clock = new ManualClock();
      const worlds = [await make({ clock }), await make({ clock }), await make({ clock })];
      const receivers = [there, await receiver(), await receiver(), await receiver()];
      for (const { url } of receivers) await worlds[0]!.endpoint(url);
      for (let n = 0; n < 40; n++) worlds[0]!.webhooks.emit('target.opened', { n });
      await Promise.all(worlds.map(({ webhooks }) => webhooks.idle()));
      for (let i = 0; i < 5; i++) await Promise.all(worlds.map(({ round }) => round()));
      for (const one of receivers)
        assert.deepEqual(
          numbers(one),
          Array.from({ length: 40 }, (_, n) => n),
        );
    });

    it('a delivery whose process died is made again under the same id, once its lease is over', async () => {
      const clock = new ManualClock();
      const dying = await make({ clock });
      const { endpoint } = await dying.endpoint(there.url);
      await emit(dying);
      // What is left where the process dies after the receiver answered and before that is written.
      await query()(`update webhook_deliveries set state = 'pending', attempts = 0, ended_at = null`);
      await query()('delete from webhook_attempts');
      await query()(`update webhook_endpoints set lease = 'of the dead', leased_until = $1`, [
        new Date(clock.now() + 10_000).toISOString(),
      ]);
      if (!database.alone) {
        const other = await make({ clock });
        await other.round();
        assert.equal(there.received.length, 1, 'the lease is still good');
        await other.pass(10_100);
      } else await (await make({ clock })).round(); // one process has the database to itself: the lease of another is void
      assert.equal(there.received.length, 2);
      assert.equal(there.received[0]!.id, there.received[1]!.id);
      assert.equal((await dying.deliveries(endpoint.id))[0]!.state, 'delivered');
    });

    it('secrets are rotated with an overlap in which both sign', async () => {
      const w = await make();
      const { endpoint, secret: first } = await w.endpoint(there.url);
      const rotated = await w.webhooks.endpoints.rotate(query(), endpoint.id, 3_600_000);
      assert.ok(rotated.ok);
      const { secret: second } = rotated.value;
      await emit(w, 1);
      verified(first, there.received[0]!);
      verified(second, there.received[0]!);
      w.clock.advance(3_600_001);
      await emit(w, 2);
      assert.throws(() => verified(first, there.received[1]!));
      verified(second, there.received[1]!);
      const own = newSigningSecret();
      assert.ok((await w.webhooks.endpoints.rotate(query(), endpoint.id, 0, own)).ok);
      await emit(w, 3);
      assert.throws(() => verified(second, there.received[2]!));
      verified(own, there.received[2]!);
    });

    it('no secret is in the database, and another key cannot read what is', async () => {
      const w = await make();
      const { secret, endpoint } = await w.endpoint(there.url);
      const rotated = await w.webhooks.endpoints.rotate(query(), endpoint.id, 3_600_000);
      assert.ok(rotated.ok);
      await emit(w);
      for (const table of [
        'webhook_endpoints',
        'webhook_messages',
        'webhook_deliveries',
        'webhook_attempts',
        'audit_log',
      ]) {
        const rows = await query()<{ row: string }>(`select t::text as row from ${table} t`);
        const bare = [secret, rotated.value.secret].map((one) => Buffer.from(one.slice(6), 'base64').toString('hex'));
        for (const { row } of rows) {
          for (const one of [secret.slice(6), rotated.value.secret.slice(6), ...bare])
            assert.ok(!row.includes(one), table);
        }
      }
      const stranger = await make({ master: 'a master key that is not that of the others' });
      assert.match(stranger.logged.join('\n'), /another key/);
      const seen = there.received.length;
      stranger.webhooks.emit('target.opened', { n: 2 });
      await stranger.webhooks.idle();
      assert.equal(there.received.length, seen, 'it leaves the endpoint to those that can sign for it');
      await w.round();
      assert.equal(there.received.length, seen + 1);
    });

    it('endpoints of the configuration come, change and go with it', async () => {
      const secret = newSigningSecret();
      const mine = {
        id: 'wh_of_the_configuration',
        url: there.url,
        events: ['target.*'],
        description: '',
        secrets: [secret],
      };
      const w = await make({ endpoints: [{ ...mine, allowPrivate: true }], settings: { allow_private: false } });
      await emit(w, 1);
      verified(secret, there.received[0]!);
      const next = await receiver();
      w.webhooks.configure(settings, [{ ...mine, url: next.url, allowPrivate: true }]);
      await synced(w, next.url);
      await emit(w, 2);
      assert.deepEqual([numbers(there), numbers(next)], [[1], [2]]);
      next.manner = answer(500);
      await emit(w, 3);
      w.webhooks.configure(settings, []);
      await synced(w, undefined);
      await emit(w, 4);
      await w.pass(DAY / 2);
      assert.deepEqual(numbers(next), [2, 3]);
      const [undelivered] = await query()<{ last_error: string }>(
        `select last_error from webhook_deliveries where state = 'dead'`,
      );
      assert.match(undelivered!.last_error, /taken out of the configuration/);
    });
    const settings = { allow_private: false, timeout: 1_500, keep: DAY, keep_dead: DAY };
    async function synced(w: World, url: string | undefined): Promise<void> {
      for (let tries = 0; tries < 500; tries++) {
        if ((await w.webhooks.read.endpoints(10, null))[0]?.url === url) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error('the configuration did not reach the database');
    }

    it('a private receiver gets nothing unless that is allowed', async () => {
      const secrets = [newSigningSecret()];
      const endpoint = {
        id: 'wh_private',
        url: there.url,
        events: ['*'],
        description: '',
        secrets,
        allowPrivate: false,
      };
      const w = await make({ endpoints: [endpoint], settings: { allow_private: false } });
      await emit(w);
      assert.equal(there.received.length, 0);
      const [delivery] = await w.deliveries('wh_private');
      assert.match(delivery!.last_error!, /the address 127\.0\.0\.1 is not allowed/);
      const refused = await w.webhooks.endpoints.create(query(), { url: 'https://10.0.0.1/', events: ['*'] });
      assert.ok(!refused.ok && /not allowed/.test(refused.refusal.message));
    });

    it('a test goes to the one endpoint, whatever it subscribed to', async () => {
      const w = await make();
      const { endpoint } = await w.endpoint(there.url, ['budget.exceeded']);
      const other = await receiver();
      await w.endpoint(other.url);
      const tested = await w.webhooks.test(query(), endpoint.id);
      assert.ok(tested.ok);
      await w.round();
      assert.equal(there.received[0]!.event.type, 'webhook.test');
      assert.equal(there.received[0]!.event.data.endpoint, endpoint.id);
      assert.equal(other.received.length, 0);
    });

    it('entries are told in messages of a size that can be read', async () => {
      const w = await make();
      await w.endpoint(there.url, ['usage.recorded']);
      const at = (i: number) => ({ id: `ent_${i}`, metadata: { text: 'x'.repeat(i % 7 === 0 ? 50_000 : 10) } });
      assert.ok(await sqlOf(database.store.pool).transaction((q) => writeUsage(q, w.clock.now(), 1_200, at)));
      await w.round();
      const ids = there.received.flatMap(({ event }) => event.data.entries.map(({ id }: { id: string }) => id));
      assert.deepEqual(
        ids,
        Array.from({ length: 1_200 }, (_, i) => `ent_${i}`),
      );
      assert.ok(there.received.length > 10);
      for (const { body } of there.received) assert.ok(body.length < 600_000, `${body.length}`);
      assert.equal(await writeUsage(query(), w.clock.now(), 0, at), false);
    });

    it('what ended long ago is forgotten, dead letters later', async () => {
      const w = await make();
      await w.endpoint(there.url, ['target.opened']);
      const failing = await receiver(answer(500));
      await w.endpoint(failing.url, ['target.closed']);
      await emit(w);
      w.webhooks.emit('target.closed', {});
      await w.webhooks.idle();
      const count = async () => {
        const [row] = await query()<{ d: number; m: number }>(
          'select (select count(*)::int from webhook_deliveries) as d, (select count(*)::int from webhook_messages) as m',
        );
        return [row!.d, row!.m];
      };
      await w.pass(DAY + 600_000);
      await w.webhooks.sweep();
      assert.deepEqual(await count(), [2, 2]);
      assert.ok(w.results.includes('dead'));
      w.clock.advance(3 * DAY);
      await w.webhooks.sweep();
      assert.deepEqual(await count(), [1, 1]);
      w.clock.advance(12 * DAY);
      await w.webhooks.sweep();
      assert.deepEqual(await count(), [0, 0]);
    });

    it('what waits at a disabled endpoint becomes a dead letter in time', async () => {
      const w = await make();
      there.manner = answer(500);
      const { endpoint } = await w.endpoint(there.url);
      await emit(w);
      await w.webhooks.endpoints.patch(query(), endpoint.id, { disabled: true });
      await w.pass(DAY + 600_000);
      assert.equal(there.received.length, 1);
      await w.webhooks.sweep();
      assert.equal((await w.deliveries(endpoint.id))[0]!.state, 'dead');
    });

    it('a deleted endpoint leaves nothing', async () => {
      const w = await make();
      const { endpoint } = await w.endpoint(there.url);
      const other = await receiver();
      await w.endpoint(other.url, ['target.opened']);
      await emit(w);
      w.webhooks.emit('target.closed', {});
      await w.webhooks.idle();
      assert.ok((await sqlOf(database.store.pool).transaction((q) => w.webhooks.endpoints.remove(q, endpoint.id))).ok);
      const messages = await query()<{ type: string }>('select type from webhook_messages');
      assert.deepEqual(messages, [{ type: 'target.opened' }]);
      assert.equal(await w.webhooks.read.endpoint(endpoint.id), null);
    });
  });
}
