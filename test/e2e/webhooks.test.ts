/** Webhooks of real gateways: what they tell, through crashes, reloads and with replicas. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { stringify } from 'yaml';
import { newSigningSecret } from '../../src/lib/standard-webhooks.js';
import { type EntryLine, type Gateway, type GatewayOptions, startGateway } from '../support/gateway.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { answer, drip, hang, type Receiver, startReceiver } from '../support/receiver.js';
import { configFile, edited, replaceFile } from '../support/reload.js';

const secret = newSigningSecret();
const price = { input: 1000, output: 1000 };
const messages = [{ role: 'user', content: 'Hello' }];

const configOf = (url: string, more: object = {}): GatewayOptions['config'] => ({
  providers: { sandbox: { type: 'sandbox' }, broken: { type: 'openai-compatible', base_url: 'http://127.0.0.1:1/v1' } },
  models: {
    sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price },
    broken: {
      targets: [{ provider: 'broken', model: 'm' }],
      price,
      retry: { max_attempts: 1 },
      breaker: { failure_rate: 0.5, min_requests: 3, window: '30s', open: '60s' },
    },
  },
  webhooks: [{ name: 'test', url, events: ['*'], secret, allow_private: true }],
  webhook_delivery: { timeout: '2s' },
  ...more,
});

for (const database of ['postgres', 'embedded']) {
  describe(`a gateway with webhooks (${database})`, () => {
    let there: Receiver;
    let gateway: Gateway;
    before(async () => {
      there = await startReceiver();
      gateway = await startGateway({ database, config: configOf(there.url) });
    });
    after(async () => {
      await gateway?.close();
      await there?.close();
    });
    const of = (type: string) => there.received.filter(({ event }) => event.type === type);

    it('tells of entries as the usage API shows them, signed', async () => {
      const { key } = await gateway.key({ team: 'search' });
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) {
        const response = await gateway.chat(key, { model: 'sandbox', messages });
        await response.arrayBuffer();
        ids.push(response.headers.get('x-request-id')!);
      }
      const told = async () => of('usage.recorded').flatMap(({ event }) => event.data.entries);
      for (let tries = 0; (await told()).length < 3 && tries < 500; tries++) await sleep(20);
      const entries = await told();
      assert.deepEqual(entries.map(({ request_id: id }) => id).sort(), [...ids].sort());
      for (const entry of entries) {
        // The name of the key is looked up where entries are listed, and what was decided is told there alone.
        const [listed] = await gateway.entries(entry.request_id);
        const { key_name: _, routing, limits, ...line } = listed as EntryLine & Readonly<Record<string, unknown>>;
        assert.ok(routing && limits);
        assert.deepEqual(entry, line);
      }
      for (const { body, headers } of there.received)
        new Webhook(secret).verify(body, headers as Record<string, string>);
    });

    it('tells of keys: made, changed, rotated, revoked, and once that they end soon', async () => {
      const { id, key } = await gateway.key({
        name: 'mine',
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      });
      await gateway.admin('PATCH', `/keys/${id}`, { name: 'other' });
      await gateway.admin('POST', `/keys/${id}/rotate`);
      await gateway.admin('POST', `/keys/${id}/block`);
      await gateway.admin('DELETE', `/keys/${id}`);
      await there.until(1, 'key.revoked');
      const mine = there.received.filter(({ event }) => event.type.startsWith('key.') && event.data.id === id);
      assert.deepEqual(
        mine.map(({ event }) => event.type),
        ['key.created', 'key.expiring', 'key.updated', 'key.rotated', 'key.updated', 'key.revoked'],
      );
      assert.equal(mine[0]!.event.data.name, 'mine');
      assert.equal(mine[2]!.event.data.name, 'other');
      assert.ok(!there.received.some(({ body }) => body.includes(key)));
    });

    it('tells of a mark of a budget and of its end, once', async () => {
      const { id, key } = await gateway.key({
        limits: [{ unit: 'requests', max: 4, per: 'day', warn_at: [0.5, 1] }],
      });
      for (let i = 0; i < 8; i++) await (await gateway.chat(key, { model: 'sandbox', messages })).arrayBuffer();
      await there.until(2, 'budget.threshold');
      await there.until(1, 'budget.exceeded');
      const [half, all] = of('budget.threshold').map(({ event }) => event.data);
      assert.deepEqual(half.scope, { key: id });
      assert.deepEqual([half.mark, half.spent, half.max, half.unit, half.per], [0.5, 2, 4, 'requests', 'day']);
      assert.match(half.window_ends_at, /T00:00:00Z$/);
      assert.equal(all.mark, 1);
      assert.equal(of('budget.exceeded')[0]!.event.data.remaining, 0);
      await sleep(1_500);
      assert.deepEqual([of('budget.threshold').length, of('budget.exceeded').length], [2, 1]);
    });

    it('tells of a target that is left alone', async () => {
      const { key } = await gateway.key();
      for (let i = 0; i < 6; i++) await (await gateway.chat(key, { model: 'broken', messages })).arrayBuffer();
      const [opened] = await there.until(1, 'target.opened');
      assert.equal(opened!.event.data.target, 'broken/m');
      assert.equal(opened!.event.data.state, 'opened');
    });

    it('tells of a configuration that was taken in or rejected', async () => {
      const good = await edited(gateway, (config) => {
        config.defaults = { unpriced: 'free' };
      });
      await replaceFile(configFile(gateway), good);
      const [reloaded] = await there.until(1, 'config.reloaded');
      assert.deepEqual(reloaded!.event.data.changed, ['defaults.unpriced']);
      await replaceFile(configFile(gateway), 'sever: {}\n');
      const [rejected] = await there.until(1, 'config.rejected');
      assert.match(rejected!.event.data.problems[0].message, /server/);
      await replaceFile(configFile(gateway), good);
    });

    it('keeps secrets out of its log, its metrics and its answers', async () => {
      const { secret: made, id } = await gateway.admin<{ secret: string; id: string }>('POST', '/webhooks', {
        url: 'https://hooks.example.com/',
        events: ['config.rejected'],
      });
      const shown = JSON.stringify([
        await gateway.admin('GET', '/config'),
        await gateway.admin('GET', '/webhooks'),
        await gateway.admin('GET', `/webhooks/${id}/deliveries`),
        await gateway.admin('GET', '/audit'),
        await (await fetch(`${gateway.url}/metrics`)).text(),
        gateway.output,
      ]);
      for (const one of [secret, made]) assert.ok(!shown.includes(one.slice('whsec_'.length)));
      assert.match(shown, /tollgate_webhook_deliveries_total\{result=\\?"delivered\\?"\} \d+/);
      const file = await readFile(join(gateway.dir, 'data', 'secrets.key'), 'utf8');
      assert.ok(file.length > 40 && !shown.includes(file.trim()));
    });

    it('refuses private addresses to endpoints of the API', async () => {
      for (const url of [there.url, 'https://127.0.0.1/', 'https://localhost/', 'https://169.254.169.254/']) {
        await assert.rejects(gateway.admin('POST', '/webhooks', { url }), /answered 400/);
      }
    });
  });
}

describe('a gateway that is killed', () => {
  for (const database of ['postgres', 'embedded']) {
    it(`between a delivery and its mark delivers again under the same id (${database})`, async () => {
      const there = await startReceiver();
      const fresh = database === 'postgres' ? await freshDatabase() : undefined;
      const config = configOf(there.url, { webhook_delivery: { timeout: '2s' } });
      const first = await startGateway({ database: fresh?.url ?? 'embedded', config });
      await first.key({ name: 'before' });
      await there.until(1, 'key.created');
      await sleep(300);
      // The receiver has the event and takes it; the gateway is gone before it can write so.
      there.manner = hang;
      const seen = there.received.length;
      await first.key({ name: 'kept' });
      await there.until(seen + 1);
      await first.kill9();
      there.manner = answer(204);
      const second = await startGateway({
        database: fresh?.url ?? 'embedded',
        config: fresh ? config : { ...config, data_dir: join(first.dir, 'data') },
      });
      const got = await there.until(seen + 2);
      assert.equal(got[seen]!.event.data.name, 'kept');
      assert.equal(got[seen + 1]!.id, got[seen]!.id);
      assert.equal(got[seen + 1]!.body, got[seen]!.body);
      await second.close();
      await first.close();
      await fresh?.drop();
      await there.close();
    });
  }

  it('has told of exactly the entries that it wrote', async () => {
    const there = await startReceiver();
    const database = await freshDatabase();
    // A delivery of a gateway that was killed is tried again once its time and some seconds are over.
    const config = configOf(there.url, { webhook_delivery: { timeout: '2s' } });
    let gateway = await startGateway({ database: database.url, config });
    const { key } = await gateway.key();
    for (let round = 0; round < 3; round++) {
      const load = Promise.allSettled(
        Array.from({ length: 40 }, () =>
          gateway.chat(key, { model: 'sandbox', messages }).then((response) => response.arrayBuffer()),
        ),
      );
      await sleep(60 + round * 70);
      await gateway.kill9();
      await load;
      await gateway.close();
      gateway = await startGateway({ database: database.url, config });
    }
    const written: string[] = [];
    const told = () =>
      new Set(there.received.flatMap(({ event }) => (event.data.entries ?? []).map((one: { id: string }) => one.id)));
    for (let tries = 0; tries < 1_500; tries++) {
      written.length = 0;
      const { data } = await gateway.admin<{ data: { id: string }[] }>('GET', `/usage?limit=200`);
      written.push(...data.map(({ id }) => id));
      if (written.length > 0 && written.every((id) => told().has(id))) break;
      await sleep(40);
    }
    assert.deepEqual([...told()].sort(), [...written].sort());
    await gateway.close();
    await database.drop();
    await there.close();
  });
});

describe('two gateways on one database', () => {
  let database: FreshDatabase;
  let there: Receiver;
  let bad: Receiver;
  const gateways: Gateway[] = [];
  before(async () => {
    database = await freshDatabase();
    there = await startReceiver();
    bad = await startReceiver(hang);
    const webhooks = [
      { name: 'good', url: there.url, events: ['*'], secret, allow_private: true },
      { name: 'bad', url: bad.url, events: ['*'], secret, allow_private: true },
    ];
    const secrets_key = 'the same key for both gateways of these tests';
    for (let i = 0; i < 2; i++) {
      gateways.push(
        await startGateway({ database: database.url, config: configOf(there.url, { webhooks, secrets_key }) }),
      );
    }
  });
  after(async () => {
    for (const gateway of gateways) await gateway.close();
    await there?.close();
    await bad?.close();
    await database?.drop();
  });

  it('tell a mark of a budget once between them', async () => {
    const { key } = await gateways[0]!.key({
      team: 'shared',
      limits: [{ unit: 'requests', max: 100, per: 'month', warn_at: [0.01] }],
    });
    // Without Redis each counts for itself and crosses the mark itself.
    for (let i = 0; i < 6; i++) await (await gateways[i % 2]!.chat(key, { model: 'sandbox', messages })).arrayBuffer();
    await there.until(1, 'budget.threshold');
    await sleep(2_000);
    assert.equal(there.received.filter(({ event }) => event.type === 'budget.threshold').length, 1);
  });

  it('deliver each event once, in order, beside a receiver that hangs', async () => {
    bad.manner = drip;
    for (let i = 0; i < 30; i++) await gateways[i % 2]!.key({ name: `n${i}`, team: 'ordered' });
    const ordered = () => there.received.filter(({ event }) => event.data.team === 'ordered');
    for (let tries = 0; ordered().length < 30 && tries < 1_000; tries++) await sleep(20);
    assert.deepEqual(
      ordered().map(({ event }) => event.data.name),
      Array.from({ length: 30 }, (_, i) => `n${i}`),
    );
    await sleep(1_500);
    const ids = there.received.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('both sign for an endpoint that one of them made', async () => {
    const other = await startReceiver();
    // The endpoint is in a private network, which only a configuration may allow.
    for (const gateway of gateways) {
      const text = await edited(gateway, (config) => {
        config.webhook_delivery = { timeout: '2s', allow_private: true };
      });
      await replaceFile(configFile(gateway), text);
    }
    let made: { id: string; secret: string } | undefined;
    for (let tries = 0; !made && tries < 200; tries++) {
      made = await gateways[0]!
        .admin<{ id: string; secret: string }>('POST', '/webhooks', { url: other.url, events: ['webhook.test'] })
        .catch(() => undefined);
      await sleep(50);
    }
    await sleep(1_000);
    for (const gateway of gateways) await gateway.admin('POST', `/webhooks/${made!.id}/test`);
    for (const { body, headers } of await other.until(2)) {
      new Webhook(made!.secret).verify(body, headers as Record<string, string>);
    }
    await other.close();
  });
});

it('a configuration that sends to a private address without leave is not served', async () => {
  const config = stringify({ webhooks: [{ url: 'http://127.0.0.1:9/', events: ['*'], secret }] });
  assert.ok(config.includes('127.0.0.1'));
  await assert.rejects(
    startGateway({
      database: 'embedded',
      config: { webhooks: [{ url: 'http://127.0.0.1:9/', events: ['*'], secret }] },
    }),
    /webhooks\[0\]\.url: only https is allowed/,
  );
});
