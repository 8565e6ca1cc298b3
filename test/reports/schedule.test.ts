/** Scheduled reports: which periods are due, once over several replicas, whole files, signed webhooks, and tries after a failure. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ok } from '../../src/lib/errors.js';
import { toFolder, toWebhook } from '../../src/reports/deliver.js';
import { duePeriods, type Every } from '../../src/reports/periods.js';
import type { Reports } from '../../src/reports/reports.js';
import { pgReportRuns } from '../../src/reports/runs-pg.js';
import { CLAIM_MS, type Delivery, deliverDue, type ScheduledReport } from '../../src/reports/schedule.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { ManualClock } from '../support/clock.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-24T08:00:00Z');

const due = (every: Every, timezone: string, now: string, last: string | null) =>
  duePeriods(every, timezone, Date.parse(now), last === null ? null : Date.parse(last)).map(({ fromMs, toMs }) =>
    [fromMs, toMs].map((ms) => new Date(ms).toISOString().slice(0, 16)),
  );

describe('periods', () => {
  test('at first the latest that has ended is due, later all since the last', () => {
    assert.deepEqual(due('day', 'UTC', '2026-11-24T08:00:00Z', null), [['2026-11-23T00:00', '2026-11-24T00:00']]);
    assert.deepEqual(due('day', 'UTC', '2026-11-24T08:00:00Z', '2026-11-24T00:00:00Z'), []);
    assert.deepEqual(due('day', 'UTC', '2026-11-24T08:00:00Z', '2026-11-22T00:00:00Z'), [
      ['2026-11-22T00:00', '2026-11-23T00:00'],
      ['2026-11-23T00:00', '2026-11-24T00:00'],
    ]);
  });

  test('weeks begin on Monday, months on the first, in the time zone', () => {
    assert.deepEqual(due('week', 'UTC', '2026-11-24T08:00:00Z', null), [['2026-11-16T00:00', '2026-11-23T00:00']]);
    assert.deepEqual(due('month', 'Europe/Berlin', '2026-11-24T08:00:00Z', null), [
      ['2026-09-30T22:00', '2026-10-31T23:00'],
    ]);
    assert.deepEqual(due('month', 'UTC', '2026-01-10T00:00:00Z', null), [['2025-12-01T00:00', '2026-01-01T00:00']]);
  });
});

describe('deliveries', () => {
  let database: FreshDatabase;
  let store: Store;
  before(async () => {
    database = await freshDatabase();
    store = openStore({ url: database.url });
    await migrate(store.pool);
  });
  after(async () => {
    await store?.close();
    await database?.drop();
  });

  const reports: Reports = {
    run: async (request) =>
      ok({
        mediaType: 'text/csv; charset=utf-8',
        fileName: `spend-${new Date(request.fromMs).toISOString().slice(0, 10)}.csv`,
        bytes: (async function* () {
          yield Buffer.from('a,b\r\n');
          yield Buffer.from('1,2\r\n');
        })(),
      }),
  };
  const deps = (clock: ManualClock) => ({
    reports,
    runs: pgReportRuns(store.pool),
    clock,
    log: { info: () => {}, error: () => {} },
  });
  const scheduled = (name: string, deliver: (delivery: Delivery) => Promise<void>): ScheduledReport => ({
    name,
    every: 'day',
    format: 'csv',
    groupBy: ['team'],
    timezone: 'UTC',
    deliver,
  });
  const at = (ms: number): ManualClock => {
    const clock = new ManualClock();
    clock.advance(ms - clock.now());
    return clock;
  };

  test('of ten replicas one delivers', async () => {
    let delivered = 0;
    const report = scheduled('once', async () => {
      delivered += 1;
    });
    await Promise.all(Array.from({ length: 10 }, () => deliverDue([report], deps(at(NOW)))));
    assert.equal(delivered, 1);
    await deliverDue([report], deps(at(NOW + 60_000)));
    assert.equal(delivered, 1);
    await deliverDue([report], deps(at(NOW + DAY_MS)));
    assert.equal(delivered, 2);
  });

  test('what failed is tried again when its claim has lapsed, under the same id', async () => {
    const ids: string[] = [];
    const report = scheduled('again', async ({ id }) => {
      ids.push(id);
      if (ids.length === 1) throw new Error('the receiver answered 500');
    });
    assert.deepEqual(await deliverDue([report], deps(at(NOW))), []);
    assert.deepEqual(await deliverDue([report], deps(at(NOW + CLAIM_MS - 1))), []);
    assert.deepEqual(await deliverDue([report], deps(at(NOW + CLAIM_MS + 1))), ['again']);
    assert.deepEqual(ids, [ids[0], ids[0]]);
  });

  test('what never arrives is given up after two days of tries, however old the period is', async () => {
    let tries = 0;
    const report = { ...scheduled('never', async () => {}), every: 'month' as const };
    const failing = {
      ...report,
      deliver: async () => {
        tries += 1;
        throw new Error('the receiver answered 500');
      },
    };
    for (let i = 0; i < 200; i++) await deliverDue([failing], deps(at(NOW + i * (CLAIM_MS + 1))));
    assert.equal(tries, 192);
    assert.deepEqual(await deliverDue([report], deps(at(NOW + 201 * (CLAIM_MS + 1)))), []);
  });

  test('a period that failed is not passed over when a later one is delivered', async () => {
    const tried: string[] = [];
    let down = true;
    const report = scheduled('gap', async ({ id }) => {
      tried.push(id);
      if (down) throw new Error('the receiver answered 500');
    });
    // Ten minutes before the next period is due, so that this claim has not lapsed when it is.
    const next = Math.ceil(NOW / DAY_MS) * DAY_MS + 6 * 60_000;
    await deliverDue([report], deps(at(next - 10 * 60_000)));
    down = false;
    await deliverDue([report], deps(at(next)));
    assert.equal(new Set(tried).size, 2);
    await deliverDue([report], deps(at(next + CLAIM_MS)));
    assert.deepEqual(tried, [tried[0], tried[1], tried[0]]);
    const { rows } = await store.pool.query(
      `select count(*)::int as n from report_runs where name = 'gap' and delivered_at is null`,
    );
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  test('a file is there when it is whole, and never under its name before', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-reports-'));
    t.after(() => rmSync(folder, { recursive: true }));
    assert.deepEqual(await deliverDue([scheduled('daily', toFolder(join(folder, 'deep')))], deps(at(NOW))), ['daily']);
    assert.equal(readFileSync(join(folder, 'deep', 'daily-2026-11-23.csv'), 'utf8'), 'a,b\r\n1,2\r\n');
    const broken: Delivery = {
      id: 'x',
      name: 'x',
      fileName: 'x.csv',
      mediaType: 'text/csv',
      bytes: (async function* () {
        yield Buffer.from('half');
        throw new Error('the database went away');
      })(),
    };
    await assert.rejects(toFolder(folder)(broken), /went away/);
    assert.deepEqual(readdirSync(folder), ['deep']);
  });

  test('a webhook is signed as Standard Webhooks has it; a bad answer and a redirect are failures', async (t) => {
    const seen: { headers: Record<string, unknown>; body: string }[] = [];
    let status = 200;
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece) => {
        body += piece;
      });
      request.on('end', () => {
        seen.push({ headers: request.headers, body });
        response.writeHead(status, { location: '/elsewhere' }).end();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    t.after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/reports`;
    const secret = `whsec_${Buffer.from('a secret of 24 bytes ...').toString('base64')}`;
    const send = toWebhook({ url, secret, allowPrivate: true }, at(NOW));
    assert.deepEqual(await deliverDue([scheduled('hook', send)], deps(at(NOW))), ['hook']);
    const [{ headers, body }] = seen as [(typeof seen)[0]];
    assert.equal(body, 'a,b\r\n1,2\r\n');
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const mac = createHmac('sha256', Buffer.from('a secret of 24 bytes ...')).update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${mac}`);
    for (status of [500, 302]) {
      assert.deepEqual(await deliverDue([scheduled(`hook-${status}`, send)], deps(at(NOW))), []);
    }
    assert.equal(seen.length, 3);
  });

  test('a receiver at a private address is refused unless it is allowed', async () => {
    const bytes = (async function* () {
      yield Buffer.from('x');
    })();
    const delivery = { id: 'x', name: 'x', fileName: 'x', mediaType: 'text/csv', bytes };
    const send = toWebhook({ url: 'http://localhost:9/', secret: null, allowPrivate: false }, at(NOW));
    await assert.rejects(send(delivery), /private address/);
    await assert.rejects(
      toWebhook({ url: 'http://169.254.169.254/', secret: null, allowPrivate: true }, at(NOW))(delivery),
    );
  });
});
