/** The cache of a route goes by RFC 9111: freshness, age, questions about what is stale, invalidation, what clients ask of it. */
import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { directivesOf, initialAgeMs, ownLifetimeMs } from '../../src/routes/cache-rules.js';
import { ManualClock } from '../support/clock.js';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly state: string | null;
  readonly headers: Headers;
}
interface Cached {
  readonly gateway: TestRoutes;
  readonly upstream: HttpUpstream;
  readonly clock: ManualClock;
  ask(path?: string, headers?: Record<string, string>, method?: string): Promise<Answered>;
  /** What the upstream answers from now on, numbered. */
  say(headers: Record<string, string>, status?: number): void;
}

/** Without `fetch`, which asks past every cache where the request has a condition. */
const asked = (url: string, headers: Record<string, string>, method: string) =>
  new Promise<{ answer: IncomingMessage; text: string }>((resolve, reject) => {
    request(url, { headers, method }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => resolve({ answer, text })).on('error', reject);
    })
      .on('error', reject)
      .end();
  });

async function cached(cache: object = {}, more: object = {}, others: readonly object[] = []): Promise<Cached> {
  const clock = new ManualClock(Date.parse('2026-11-24T08:00:00Z'));
  const upstream = await startHttpUpstream();
  closing.push(() => upstream.stop());
  const base = { auth: { none: {} }, upstream: { targets: [{ url: upstream.url }] } };
  const gateway = await startRoutes(
    [
      { ...base, name: 'r', match: { path: '/*' }, cache: { ttl: '60s', ...cache }, ...more },
      ...others.map((other, i) => ({ ...base, name: `o${i}`, ...other })),
    ],
    { clock },
  );
  closing.push(() => gateway.stop());
  let count = 0;
  const made: Cached = {
    ...{ gateway, upstream, clock },
    ask: async (path = '/x', headers = {}, method = 'GET') => {
      const { answer, text } = await asked(gateway.url + path, headers, method);
      return {
        status: answer.statusCode!,
        text,
        state: (answer.headers['x-tollgate-cache'] as string | undefined) ?? null,
        headers: new Headers(answer.headers as Record<string, string>),
      };
    },
    say: (headers, status = 200) => {
      upstream.handler = (_seen, response) => {
        count += 1;
        response.writeHead(status, headers).end(status === 304 ? undefined : `n${count}`);
      };
    },
  };
  made.say({});
  return made;
}

describe('freshness', () => {
  it('is what the answer says: s-maxage, max-age, Expires, and at most the ttl of the route', async () => {
    const date = 'Tue, 24 Nov 2026 08:00:00 GMT';
    for (const [headers, seconds] of [
      [{ 'cache-control': 'max-age=10' }, 10],
      [{ 'cache-control': 'max-age=10, s-maxage=20' }, 20],
      [{ 'cache-control': 'max-age=500' }, 60],
      [{ date, expires: 'Tue, 24 Nov 2026 08:00:30 GMT' }, 30],
      [{ date, expires: 'Tue, 24 Nov 2026 07:00:00 GMT' }, 0],
      [{ expires: '0' }, 0],
      [{ 'cache-control': 'max-age=oops' }, 0],
      [{ 'cache-control': 'max-age=10', expires: '0' }, 10],
      [{ 'cache-control': 'max-age=30', age: '20' }, 10],
      [{ 'cache-control': 'max-age=30', age: '40' }, 0],
      [{}, 60],
    ] as [Record<string, string>, number][]) {
      const { ask, say, clock } = await cached();
      say(headers);
      await ask();
      if (seconds > 0) {
        clock.advance(seconds * 1_000 - 1);
        assert.equal((await ask()).state, 'hit', JSON.stringify(headers));
        clock.advance(1);
      }
      assert.equal((await ask()).text, 'n2', JSON.stringify(headers));
    }
  });

  it('counts the age that an answer came with, and tells its own', async () => {
    const { ask, say, clock } = await cached();
    say({ age: '20' });
    assert.equal((await ask()).headers.get('age'), '20');
    clock.advance(7_900);
    assert.equal((await ask()).headers.get('age'), '27');
  });

  it('of contradicting statements the strictest counts; an answer on its way grows old', () => {
    assert.equal(directivesOf('max-age=90, Max-Age="10"').get('max-age'), '10');
    assert.equal(directivesOf('private="set-cookie, max-age=1", no-store').has('max-age'), false);
    const none = new Map<string, string>();
    assert.equal(ownLifetimeMs(['expires', 'Tue, 24 Nov 2026 08:00:30 GMT', 'expires', '0'], none, 0), 0);
    assert.equal(initialAgeMs(['age', '5', 'age', '9'], 2_000, 0), 11_000);
    const date = ['date', 'Tue, 24 Nov 2026 08:00:00 GMT', 'via', '1.0 old'];
    assert.equal(initialAgeMs(date, 0, Date.parse('2026-11-24T08:00:42Z')), 42_000);
  });
});

describe('what a client asks of the cache', () => {
  it('max-age, min-fresh, no-cache and pragma ask for what is newer; max-stale takes what is old', async () => {
    const { ask, clock } = await cached();
    await ask();
    clock.advance(20_000);
    for (const [control, state] of [
      ['max-age=20', 'hit'],
      ['min-fresh=40', 'hit'],
      ['max-age=19', 'miss'],
    ] as const)
      assert.equal((await ask('/x', { 'cache-control': control })).state, state, control);
    clock.advance(20_000);
    assert.equal((await ask('/x', { 'cache-control': 'min-fresh=41' })).state, 'miss');
    assert.equal((await ask('/x', { pragma: 'no-cache' })).state, 'miss');
    clock.advance(70_000);
    assert.equal((await ask('/x', { 'cache-control': 'max-stale=10' })).state, 'hit');
    assert.equal((await ask('/x', { 'cache-control': 'max-stale' })).state, 'hit');
    assert.equal((await ask('/x', { 'cache-control': 'max-stale=9' })).state, 'miss');
  });

  it('only-if-cached is answered with what there is, or 504, and never reaches the upstream', async () => {
    const { ask, upstream, clock } = await cached();
    const only = { 'cache-control': 'only-if-cached' };
    assert.equal((await ask('/x', only)).status, 504);
    await ask();
    assert.deepEqual([(await ask('/x', only)).status, (await ask('/x', only)).state], [200, 'hit']);
    clock.advance(61_000);
    assert.equal((await ask('/x', only)).status, 504);
    assert.equal(upstream.seen.length, 1);
  });

  it('what it has already is 304, by tag or by date, and the tag goes first', async () => {
    const { ask, say, upstream } = await cached();
    say({ etag: 'W/"v1"', 'last-modified': 'Mon, 23 Nov 2026 08:00:00 GMT', 'content-type': 'text/x' });
    await ask();
    for (const [headers, status] of [
      [{ 'if-none-match': '"v0", "v1"' }, 304],
      [{ 'if-none-match': '*' }, 304],
      [{ 'if-none-match': '"v0"' }, 200],
      [{ 'if-modified-since': 'Mon, 23 Nov 2026 08:00:00 GMT' }, 304],
      [{ 'if-modified-since': 'Mon, 23 Nov 2026 07:59:59 GMT' }, 200],
      [{ 'if-none-match': '"v0"', 'if-modified-since': 'Mon, 23 Nov 2026 08:00:00 GMT' }, 200],
      [{ 'if-modified-since': 'yesterday' }, 200],
    ] as [Record<string, string>, number][]) {
      const answer = await ask('/x', headers);
      assert.equal(answer.status, status, JSON.stringify(headers));
      assert.equal(answer.state, 'hit');
      assert.equal(answer.text, status === 304 ? '' : 'n1');
      assert.equal(answer.headers.get('etag'), 'W/"v1"');
    }
    assert.equal(upstream.seen.length, 1);
  });

  it('a header or a cookie that the route names goes past it, and nothing is kept of it', async () => {
    const { ask } = await cached({ bypass: { headers: ['x-preview'], cookies: ['session'] } });
    assert.equal((await ask('/x', { 'x-preview': '1' })).text, 'n1');
    assert.equal((await ask('/x', { cookie: 'a=1; session=2' })).text, 'n2');
    assert.equal((await ask('/x', { cookie: 'a=1; sessions=2' })).text, 'n3');
    assert.equal((await ask('/x')).text, 'n3');
    assert.equal((await ask('/x', { cookie: 'session=2' })).text, 'n4');
  });
});

describe('what is stale', () => {
  it('is asked about with its own validator, and is good again where the upstream says so', async () => {
    const { ask, say, clock, upstream } = await cached();
    say({
      etag: '"v1"',
      'last-modified': 'Mon, 23 Nov 2026 08:00:00 GMT',
      'x-a': 'old',
      'cache-control': 'max-age=10',
    });
    await ask();
    clock.advance(11_000);
    say({ etag: '"v1"', 'x-a': 'new', 'cache-control': 'max-age=20' }, 304);
    const again = await ask('/x', { 'if-none-match': '"of-the-client"' });
    assert.deepEqual(
      [again.status, again.text, again.state, again.headers.get('x-a')],
      [200, 'n1', 'revalidated', 'new'],
    );
    const { headers } = upstream.seen[1]!;
    assert.deepEqual(
      [headers['if-none-match'], headers['if-modified-since']],
      ['"v1"', 'Mon, 23 Nov 2026 08:00:00 GMT'],
    );
    clock.advance(19_000);
    assert.equal((await ask()).state, 'hit', 'its lifetime began anew');
    clock.advance(2_000);
    assert.equal((await ask('/x', { 'if-none-match': '"v1"' })).status, 304, 'and the client has it already');
    say({ etag: '"v2"' });
    clock.advance(61_000);
    const changed = await ask();
    assert.deepEqual([changed.text.length, changed.state, changed.headers.get('etag')], [2, 'miss', '"v2"']);
    assert.equal((await ask()).headers.get('etag'), '"v2"');
  });

  it('no-cache is kept, and asked about each time', async () => {
    const { ask, say, upstream } = await cached();
    say({ etag: '"v1"', 'cache-control': 'no-cache' });
    await ask();
    say({}, 304);
    assert.deepEqual([(await ask()).state, (await ask()).state], ['revalidated', 'revalidated']);
    assert.equal(upstream.seen.length, 3);
  });

  it('stands in for an upstream that fails, where the route or the answer says so', async () => {
    for (const [config, headers, state] of [
      [{ stale_if_error: '30s' }, {}, 'stale'],
      [{}, { 'cache-control': 'max-age=60, stale-if-error=30' }, 'stale'],
      [{}, {}, 'miss'],
      [{ stale_if_error: '30s' }, { 'cache-control': 'max-age=60, must-revalidate' }, 'miss'],
      [{ stale_if_error: '30s' }, { 'cache-control': 's-maxage=60' }, 'miss'],
    ] as [object, Record<string, string>, string][]) {
      const { ask, say, clock, upstream } = await cached(config);
      say(headers);
      await ask();
      clock.advance(61_000);
      say({}, 503);
      const failed = await ask();
      assert.deepEqual([failed.status, failed.state], state === 'stale' ? [200, 'stale'] : [503, 'miss']);
      upstream.handler = (_seen, response) => void response.destroy();
      assert.equal((await ask()).status, state === 'stale' ? 200 : 502);
      await upstream.stop();
      assert.equal((await ask()).status, state === 'stale' ? 200 : 502, 'away');
      clock.advance(30_000);
      assert.equal((await ask()).status, 502, 'no longer than that');
    }
  });

  it('is given at once and renewed behind, by one request', async () => {
    const { ask, say, clock, upstream } = await cached({ stale_while_revalidate: '30s' });
    say({ etag: '"v1"' });
    await ask();
    clock.advance(61_000);
    const held: (() => void)[] = [];
    const asked = new Promise<void>((resolve) => {
      upstream.handler = (_seen, response) => {
        held.push(() => void response.writeHead(200, { etag: '"v2"' }).end('renewed'));
        resolve();
      };
    });
    const first = await ask();
    assert.deepEqual([first.text, first.state, first.headers.get('age')], ['n1', 'stale', '61']);
    await asked;
    assert.equal((await ask()).state, 'stale');
    assert.equal(upstream.seen.length, 2);
    assert.equal(upstream.seen[1]!.headers['if-none-match'], '"v1"');
    held[0]!();
    let renewed = await ask();
    while (renewed.state === 'stale') renewed = await ask();
    assert.deepEqual([renewed.text, renewed.state], ['renewed', 'hit']);
    clock.advance(91_000);
    upstream.handler = (_seen, response) => void response.end('late');
    assert.equal((await ask()).text, 'late', 'too old to be given');
  });
});

describe('after an unsafe request', () => {
  it('that did something, what is kept of its path is forgotten, and of what its answer names', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE']) {
      const { ask, say, upstream } = await cached();
      for (const path of ['/x', '/x?page=2', '/y', '/z', '/other']) await ask(path);
      say({ location: '/y', 'content-location': `${upstream.url}/z` }, 201);
      await ask('/x', {}, method);
      say({});
      for (const [path, state] of [
        ['/x', 'miss'],
        ['/x?page=2', 'miss'],
        ['/y', 'miss'],
        ['/z', 'miss'],
        ['/other', 'hit'],
      ] as const)
        assert.equal((await ask(path)).state, state, `${method} ${path}`);
    }
  });

  it('that was refused, nothing is', async () => {
    const { ask, say } = await cached();
    await ask();
    say({}, 422);
    await ask('/x', {}, 'POST');
    assert.equal((await ask()).state, 'hit');
  });

  it('of another route, and whoever asked, it is forgotten as well', async () => {
    const { ask } = await cached({}, { match: { path: '/*', methods: ['GET'] }, auth: { anonymous: {} } }, [
      { match: { path: '/*', methods: ['POST'] } },
    ]);
    await ask();
    assert.equal((await ask()).state, 'hit');
    await ask('/x', {}, 'POST');
    assert.equal((await ask()).state, 'miss');
  });

  it('what was asked before it and comes after it is not kept', async () => {
    const { ask, upstream } = await cached();
    let answer: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      upstream.handler = (seen, response) => {
        if (seen.method === 'POST') return void response.end();
        answer = () => void response.end('from before');
        resolve();
      };
    });
    const slow = ask();
    await asked;
    await ask('/x', {}, 'POST');
    answer();
    assert.equal((await slow).text, 'from before');
    upstream.handler = (_seen, response) => void response.end('from after');
    assert.equal((await ask()).text, 'from after');
  });
});

describe('what is kept', () => {
  it('is bounded by size, answer by answer and all together', async () => {
    const { ask, upstream } = await cached({ largest: '1kb', size: '4kb' });
    upstream.handler = (seen, response) => void response.end('x'.repeat(seen.url === '/large' ? 1_025 : 900));
    await ask('/large');
    assert.equal((await ask('/large')).state, 'miss');
    for (let i = 0; i < 5; i++) await ask(`/${i}`);
    assert.equal((await ask('/4')).state, 'hit');
    assert.equal((await ask('/0')).state, 'miss');
  });

  it('is never half an answer', async () => {
    const { ask, upstream, say } = await cached();
    upstream.handler = (_seen, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half');
      setImmediate(() => response.destroy());
    };
    await assert.rejects(ask());
    say({});
    assert.equal((await ask()).state, 'miss');
  });
});
