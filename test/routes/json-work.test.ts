/** JSON of routes: bounded before anything is built of it, and nobody else waits for what is large. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { parseJson, writeJson } from '../../src/routes/json.js';
import { editJson, keepJson } from '../../src/routes/json-edit.js';
import { JsonWork, type Worked } from '../../src/routes/json-work.js';
import { answers, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function route(more: object): Promise<{ gateway: TestRoutes; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream();
  closing.push(() => upstream.stop());
  const gateway = await startRoutes([
    { name: 'plain', match: { path: '/plain' }, auth: { none: {} }, respond: { body: 'ok' } },
    {
      ...{ name: 'r', match: { path: '/*' }, auth: { none: {} } },
      upstream: { targets: [{ url: upstream.url }] },
      ...more,
    },
  ]);
  closing.push(() => gateway.stop());
  return { gateway, upstream };
}

const post = async ({ url }: TestRoutes, body: string) => {
  const answer = await fetch(`${url}/x`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return { status: answer.status, text: await answer.text() };
};
const objectOf = (members: number): string =>
  `{${Array.from({ length: members }, (_, i) => `"k${i}":${i}`).join(',')}}`;
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
/** Whichever way JSON is looked into. */
const ways = [{ request: { body: { remove: ['k1'] } } }, { validate: { body: { type: 'object' } } }];

describe('a JSON body that is looked into', () => {
  it('is refused beyond its size, its depth and its number of values', async () => {
    for (const way of ways) {
      const { gateway, upstream } = await route(way);
      assert.equal((await post(gateway, objectOf(90_000))).status, 413, 'more than 1 MB');
      assert.equal((await post(gateway, `{"a":"${'x'.repeat(1024 * 1024)}"}`)).status, 413);
      assert.equal((await post(gateway, nested(65))).status, 400);
      assert.equal((await post(gateway, '['.repeat(900_000))).status, 400);
      assert.equal((await post(gateway, `[${'1,'.repeat(100_000)}1]`)).status, 400);
      assert.equal(upstream.seen.length, 0);
      assert.equal((await post(gateway, objectOf(50_000))).status, 200);
      assert.equal((await post(gateway, `{"a":${nested(63)}}`)).status, 200);
    }
  });

  it('has the bounds that its route sets', async () => {
    for (const way of ways) {
      const { gateway } = await route({ ...way, json: { largest: '2mb', depth: 3, values: 5 } });
      assert.equal((await post(gateway, `{"a":"${'x'.repeat(1024 * 1024)}"}`)).status, 200);
      assert.equal((await post(gateway, '{"a":[[1]]}')).status, 200);
      assert.equal((await post(gateway, '{"a":[[[1]]]}')).status, 400);
      assert.equal((await post(gateway, '[1,2,3,4,5,6]')).status, 400);
    }
  });

  it('goes on as it came where its check only logs, found wrong or never finished', async () => {
    const { gateway, upstream } = await route({
      ...{ log_only: ['validate'], json: { largest: '2mb', values: 200_000 } },
      validate: { body: { type: 'array', uniqueItems: true } },
    });
    const endless = JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ i })));
    for (const body of [objectOf(10_000), endless]) {
      assert.equal((await post(gateway, body)).status, 200);
      assert.ok(upstream.seen.at(-1)!.body === body, 'the body that was sent');
    }
  });

  it('of 1 MB does not keep small requests waiting, nor do many of them', async () => {
    const { gateway, upstream } = await route({ request: { body: { remove: ['k1'], set: { by: 'me' } } } });
    const large = objectOf(60_000);
    const done: string[] = [];
    const all = Array.from({ length: 15 }, async () => {
      assert.equal((await post(gateway, large)).status, 200);
      done.push('large');
    });
    // The first one is under way: now others come.
    while (upstream.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 5; i++) {
      await (await fetch(`${gateway.url}/plain`)).text();
      done.push('small');
    }
    await Promise.all(all);
    const before = done.indexOf('small', done.lastIndexOf('small'));
    assert.ok(done.slice(before).includes('large'), 'the small ones were over before the last of the large ones');
    assert.equal(upstream.seen.length, 15);
    for (const { body } of upstream.seen)
      assert.deepEqual([body.includes('"k1":'), body.endsWith(',"by":"me"}')], [false, true]);
  });
});

describe('a JSON answer that is changed', () => {
  const hide = { response: { body: { remove: ['secret'] } } };

  it('does not go where it cannot be looked into: it might hold what was to be taken out', async () => {
    const { gateway, upstream } = await route(hide);
    const secret = '"secret":"5e"';
    for (const [body, headers] of [
      [`{${secret},"deep":${nested(65)}}`, {}],
      [`{${secret},"many":[${'1,'.repeat(100_001)}1]}`, {}],
      [`{${secret},"a":"${'x'.repeat(1024 * 1024)}"}`, {}],
      [gzipSync(`{${secret},"a":"${'x'.repeat(1024 * 1024)}"}`), { 'content-encoding': 'gzip' }],
      [brotliCompressSync(`{${secret}}`), { 'content-encoding': 'zstd' }],
    ] as const) {
      upstream.handler = (_seen, response) =>
        void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body);
      const answer = await fetch(`${gateway.url}/x`);
      const text = await answer.text();
      assert.equal(answer.status, 502, text.slice(0, 200));
      assert.ok(!text.includes('5e"'));
    }
  });

  it('of nearly 1 MB is changed, and what is not JSON goes as it is', async () => {
    const { gateway, upstream } = await route(hide);
    upstream.handler = answers(`{"secret":1,"a":"${'x'.repeat(1_000_000)}"}`);
    const changed = await (await fetch(`${gateway.url}/x`)).text();
    assert.deepEqual([changed.slice(0, 7), changed.length], ['{"a":"x', 1_000_008]);
    upstream.handler = answers('not JSON');
    assert.equal(await (await fetch(`${gateway.url}/x`)).text(), 'not JSON');
  });
});

describe('a path into a list', () => {
  const edit = (text: string, plan: Partial<Parameters<typeof editJson>[1]>) =>
    editJson(text, { remove: [], move: [], set: [], ...plan });

  it('is about each of its items', () => {
    const users = '{"users":[{"id":1,"password":"a","n":{"x":1}},{"password":"b"},7],"n":1}';
    assert.equal(edit(users, { remove: ['users.password'] }), '{"users":[{"id":1,"n":{"x":1}},{},7],"n":1}');
    assert.equal(
      edit(users, {
        move: [
          ['users.password', 'users.p'],
          ['users.n.x', 'users.x'],
        ],
      }),
      '{"users":[{"id":1,"n":{},"p":"a","x":1},{"p":"b"},7],"n":1}',
    );
    assert.equal(
      edit('{"a":[{"b":[{"c":1},{"c":2}]},{"b":[]}]}', { remove: ['a.b.c'], set: [['a.b.d', '[0]']] }),
      '{"a":[{"b":[{"d":[0]},{"d":[0]}]},{"b":[]}]}',
    );
    assert.equal(edit('[{"a":1,"b":{"c":1}},2]', { remove: ['a', 'b.c'], set: [['n', '1']] }), '[{"b":{},"n":1},2]');
  });

  it('moved out of it becomes the list of what its items had', () => {
    assert.equal(
      edit('{"a":{"list":[{"v":1,"w":0},{"w":1},{"v":[2,3]}]}}', { move: [['a.list.v', 'all']] }),
      '{"a":{"list":[{"w":0},{"w":1},{}]},"all":[1,2,3]}',
    );
  });

  it('of a part keeps, leaves out and names what its items have', () => {
    const plan = { target: null, allow: null, deny: [], map: {}, collection: null, grouped: true, fields: [] };
    const kept = (text: string, more: object) => keepJson(text, { ...plan, ...more });
    const body = '{"total":2,"items":[{"id":1,"own":{"a":1,"b":2}},{"id":2}],"x":1}';
    assert.deepEqual(kept(body, { allow: ['items.id', 'items.own.b', 'total', 'none.of'] })!.kept, {
      members: [
        ['items', '[{"id":1,"own":{"b":2}},{"id":2}]'],
        ['total', '2'],
      ],
    });
    assert.deepEqual(kept(body, { deny: ['items.own.a', 'x', 'total'] })!.kept, {
      members: [['items', '[{"id":1,"own":{"b":2}},{"id":2}]']],
    });
    assert.deepEqual(kept(body, { fields: ['items.id', 'total', 'own'] })!.values, { 'items.id': '1,2', total: '2' });
    assert.equal(kept('nonsense', {}), undefined);
  });
});

describe('work in another thread', () => {
  const large = (): Buffer => Buffer.from(JSON.stringify({ a: 1, text: 'x'.repeat(20_000) }));
  const told = (worked: Worked<unknown>): unknown => {
    assert.ok('done' in worked);
    return worked.done instanceof Uint8Array ? Buffer.from(worked.done).toString() : worked.done;
  };
  const plan = { remove: ['text'], move: [], set: [] };

  it('has the same result as here', async () => {
    const work = new JsonWork();
    closing.push(() => work.close());
    assert.equal(told(await work.run('edit', plan, Buffer.from('{"a":1,"text":2}'))), '{"a":1}');
    assert.equal(told(await work.run('edit', plan, large())), '{"a":1}');
    assert.equal(told(await work.run('check', '{"type":"array"}', large())), 'must be array');
    assert.equal(told(await work.run('check', 'true', Buffer.from(`${' '.repeat(20_000)}x`))), 'is not JSON');
    for (const encoding of [undefined, 'gzip']) {
      const coded = encoding ? gzipSync(large()) : large();
      const answer = { edit: plan, encoding, largestBytes: 1e6, limits: { depth: 9, values: 9 } };
      assert.equal(told(await work.run('answer', answer, coded, false)), '{"a":1}');
    }
  });

  it('has the bytes without a copy, and gives them back', async () => {
    const work = new JsonWork();
    closing.push(() => work.close());
    const bytes = large();
    const worked = await work.run('check', 'true', bytes);
    assert.equal(bytes.length, 0);
    assert.deepEqual('bytes' in worked && worked.bytes, large());
    // Those that share their memory with others are copied.
    const shared = Buffer.concat([large(), Buffer.from('  ')]).subarray(0, large().length);
    assert.equal(told(await work.run('edit', plan, shared)), '{"a":1}');
    assert.deepEqual(shared, large());
  });

  it('is refused where too much waits, and given up when it ends', async () => {
    const work = new JsonWork();
    const running = Array.from({ length: 3 }, () => work.run('edit', plan, Buffer.alloc(30 * 1024 * 1024, ' ')));
    assert.deepEqual(await work.run('edit', plan, Buffer.alloc(10 * 1024 * 1024, ' ')), { undone: 'busy' });
    await work.close();
    assert.deepEqual(await Promise.all(running), Array(3).fill({ undone: 'busy' }));
    assert.deepEqual(await work.run('edit', plan, large()), { undone: 'busy' });
  });

  it('that does not end is ended, and the next is done', async () => {
    const work = new JsonWork(1_000);
    closing.push(() => work.close());
    const schema = '{"type":"array","uniqueItems":true}';
    const endless = Buffer.from(JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ i }))));
    const [stuck, next] = await Promise.all([work.run('check', schema, endless), work.run('edit', plan, large())]);
    assert.deepEqual([stuck, told(next)], [{ undone: 'failed' }, '{"a":1}']);
  });
});

describe('JSON as it was written', () => {
  it('is the same after it was read, numbers and names and all', () => {
    for (const text of ['{"1":1e999,"__proto__":[-0.10,"\\u0000é",null,true],"":{}}', '[]', '"x"'])
      assert.equal(writeJson(parseJson(text)!), text);
  });
});
