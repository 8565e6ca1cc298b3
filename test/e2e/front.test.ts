/**
 * The front of a real gateway: each address of its table has the handler, the access and the methods that the table says, a
 * nearly right path leads where it was meant to, and a catch-all route in front gets none of it.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import OpenAI from 'openai';
import { methodsAt } from '../../src/api/addresses.js';
import { lacking } from '../../src/api/namespaces.js';
import { type Method, type Row, rows } from '../../src/api/table.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { type Parsed, parseAnswer, rawRequest } from '../support/raw-http.js';

const chat = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 3 };

let caught: HttpUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  caught = await startHttpUpstream();
  const price = { input: 1, output: 1 };
  gateway = await startGateway({
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: {
        m: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price },
        'org/m': { targets: [{ provider: 'sandbox', model: 'sandbox' }], price },
        embed: { targets: [{ provider: 'sandbox', model: 'sandbox-embedding' }], price },
      },
      routes: [
        {
          name: 'all',
          match: { path: '/*' },
          upstream: { targets: [{ url: caught.url }] },
          auth: { none: {} },
        },
      ],
    },
  });
  ({ key } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await caught?.stop();
});
beforeEach(() => {
  caught.seen.length = 0;
});

interface Answer extends Parsed {
  readonly text: string;
}

/** Sends a request with this very target; `headers` beside those of its body. */
async function send(method: string, target: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  const all = {
    ...{ host: 'gateway', connection: 'close' },
    ...(body !== '' && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = rawRequest(gateway.url, `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  await answer.closed;
  const parsed = parseAnswer(answer.bytes());
  return { ...parsed, text: parsed.body.toString() };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const bodies: Partial<Record<Row['operationId'], unknown>> = {
  createChatCompletion: chat,
  createResponse: { model: 'm', input: 'Hello' },
  createEmbedding: { model: 'embed', input: 'Hello' },
};
const bodyOf = ({ operationId }: Row): string => {
  if (operationId === 'createSession') return JSON.stringify({ admin_key: gateway.adminKey });
  return bodies[operationId] ? JSON.stringify(bodies[operationId]) : '';
};
const credentialOf = ({ access }: Row) =>
  access === 'key' ? bearer(key) : access === 'admin' ? bearer(gateway.adminKey) : {};
const filled = (path: string): string =>
  path
    .replace('/docs/{+file}', '/docs/reference.js')
    .replace('{+id}', 'org/m')
    .replace(/\{\w+\}/g, 'x');
const call = (row: Row, target = filled(row.path), method: string = row.method) =>
  send(method, target, credentialOf(row), bodyOf(row));

/** What everybody is answered: an issuer is where the browser is sent, or back where there is none. */
const openly = ({ operationId }: Row): number => (/Oidc$/.test(operationId) ? 302 : 200);

/** All but the one whose answer has no end: `e2e/usage-stream`. */
const ending = rows.filter(({ operationId }) => operationId !== 'streamUsage');

/** No handler took it: the words of what answers then. */
const untaken = /There is no (path|such path|GET|POST|PATCH|DELETE)|is not possible|is not served by this version/;

describe('each address of the table', () => {
  it('has a handler', async () => {
    for (const row of ending) {
      const { status, text } = await call(row);
      assert.notEqual(status, 405, row.operationId);
      assert.ok(status < 500, `${row.operationId}: ${status} ${text}`);
      assert.doesNotMatch(text, untaken, row.operationId);
      if (bodies[row.operationId] || row.access === 'public')
        assert.equal(status, openly(row), `${row.operationId} ${text}`);
    }
  });

  it('is open to those alone who the table names', async () => {
    const asStranger = async (row: Row, headers: Record<string, string>) => {
      const { status, text } = await send(row.method, filled(row.path), headers, bodyOf(row));
      if (row.access === 'public') assert.equal(status, openly(row), row.operationId);
      else assert.equal(status, 401, `${row.operationId} ${text}`);
    };
    const wrong = ({ access }: Row) =>
      access === 'admin' ? [{}, bearer('wrong'), bearer(key)] : [{}, bearer('wrong')];
    // At once: wrong admin keys wait for their refusals.
    await Promise.all(rows.flatMap((row) => wrong(row).map((headers) => asStranger(row, headers))));
  });

  it('answers HEAD as it answers GET, without the body', async () => {
    for (const row of ending.filter(({ method }) => method === 'GET')) {
      const [get, head] = [await call(row), await call(row, filled(row.path), 'HEAD')];
      assert.equal(head.status, get.status, row.operationId);
      assert.equal(head.headers.get('content-type'), get.headers.get('content-type'), row.operationId);
      assert.equal(head.body.length, 0, row.operationId);
    }
  });

  it('refuses every other method with 405, and Allow names those that there are', async () => {
    for (const row of rows) {
      const allowed = methodsAt(filled(row.path));
      const others = (['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'] as const).filter(
        (method) => !allowed.includes(method),
      );
      for (const method of others) {
        // The admin API tells nobody else what it has.
        const credential = row.path.startsWith('/admin/') ? bearer(gateway.adminKey) : credentialOf(row);
        const { status, headers, text } = await send(method, `${filled(row.path)}?a=b`, credential);
        assert.equal(status, 405, `${method} ${row.path}: ${text}`);
        assert.equal(headers.get('allow'), allowed.join(', '), `${method} ${row.path}`);
        const { error, code } = JSON.parse(text) as { error?: { code?: string | number; type: string }; code?: string };
        const told = row.access === 'key' ? (error?.code ?? error?.type) : code;
        // Anthropic's dialect has no codes, and Google's has the status for one.
        const codes = { 'anthropic-messages': 'invalid_request_error', 'google-rpc': 405 };
        const expected = codes[row.dialect as keyof typeof codes] ?? 'method_not_allowed';
        assert.equal(told, expected, `${method} ${row.path}`);
      }
    }
  });

  it('is found in every spelling that leads to it', async () => {
    for (const row of ending) {
      const path = filled(row.path);
      const right = await call(row);
      const bare = path.slice('/v1'.length);
      const spellings = [
        ...[`${path}/`, `/${path}`, path.replaceAll('/', '//'), `${path}//?`],
        path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
        ...(path.startsWith('/admin/') ? [] : [`${path}?x=/y`]), // the admin API refuses a query that it does not know
        ...(row.access === 'key' && path.startsWith('/v1/')
          ? [bare, `${bare}/`, `/${bare}?x`, `/v1${path}`, `//v1/v1/${path}/`]
          : []),
      ];
      for (const target of spellings) {
        const { status, text } = await call(row, target);
        assert.equal(status, right.status, `${row.method} ${target}: ${text}`);
      }
    }
  });
});

describe('what is not there', () => {
  it('an endpoint that this version lacks is 404 in its own dialect, whatever the method', async () => {
    for (const { path, dialect } of lacking) {
      for (const method of ['GET', 'POST'] satisfies Method[]) {
        const { status, headers, text } = await send(method, `${path}/x`, bearer(key));
        assert.equal(status, 404, path);
        assert.match(text, /is not served by this version of Tollgate/, path);
        const body = JSON.parse(text);
        if (dialect === 'openai-chat')
          assert.deepEqual([body.error.type, body.error.code], ['invalid_request_error', 'not_found'], path);
        if (dialect === 'anthropic-messages') {
          assert.deepEqual([body.type, body.error.type], ['error', 'not_found_error'], path);
          assert.equal(body.request_id, headers.get('x-request-id'));
        }
        if (dialect === 'google-rpc') assert.deepEqual([body.error.code, body.error.status], [404, 'NOT_FOUND'], path);
        if (dialect === 'problem') assert.equal(headers.get('content-type')?.split(';')[0], 'application/problem+json');
      }
    }
  });

  it('what nobody has below the gateway’s paths is 404 in the dialect of the place', async () => {
    for (const path of ['/v1', '/v1/', '/v1/nothing', '/v1/v1', '/V1/models', '/chat/completion', '/v1/chat']) {
      const { status, text } = await send('POST', path, bearer(key));
      assert.equal(status, 404, path);
      assert.equal(JSON.parse(text).error.code, 'not_found', path);
    }
  });
});

describe('a catch-all route that asks for no credential', () => {
  it('gets what is not the gateway’s', async () => {
    for (const target of ['/', '/orders', '/images/logo.png', '/v1x/models', '/api/v1/models'])
      assert.equal((await send('GET', target)).status, 200, target);
    assert.equal(caught.seen.length, 5);
  });

  it('gets nothing that is, in any spelling, so no key that was meant for the gateway', async () => {
    const paths = [...rows.map(({ path }) => filled(path)), ...lacking.map(({ path }) => path)];
    const bare = paths.filter((path) => path.startsWith('/v1/')).map((path) => path.slice('/v1'.length));
    for (const path of [...paths, ...bare]) {
      const spellings = [
        ...[path, `${path}/`, `${path}?x`, `/${path}`, path.replaceAll('/', '//'), path.toUpperCase(), `/a/..${path}`],
        path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
        path.replace(/[a-z]/, (letter) => `%${letter.toUpperCase().charCodeAt(0).toString(16)}`),
        ...[`${path};x=1`, `${path}/below`, `http://gateway${path}`, `/v1${path}`, `/%2F${path.slice(1)}`],
      ];
      // Not as a bearer token: the admin API makes wrong ones wait.
      for (const target of spellings) await send('POST', target, { 'x-api-key': 'sk-tg-secret' });
    }
    assert.deepEqual(
      caught.seen.map(({ method, url }) => `${method} ${url}`),
      [],
    );
  });
});

describe('which credential counts', () => {
  const ask = (headers: Record<string, string>) =>
    send('POST', '/v1/chat/completions', headers, JSON.stringify(chat)).then(({ status }) => status);

  it('the one that has the form of a virtual key, in any of the four headers and beside any other', async () => {
    for (const name of ['x-api-key', 'api-key', 'x-goog-api-key']) {
      assert.equal(await ask({ [name]: key }), 200, name);
      for (const authorization of ['Bearer eyJhbGciOiJub25lIn0.e30.c2ln', 'Bearer sk-ant-other', 'Basic dTpw'])
        assert.equal(await ask({ authorization, [name]: key }), 200, `${name} beside ${authorization}`);
    }
    assert.equal(await ask({ ...bearer(key), 'x-api-key': 'sk-ant-other' }), 200);
  });

  it('a foreign one alone is refused', async () => {
    assert.equal(await ask(bearer('sk-ant-other')), 401);
    assert.equal(await ask({ 'x-goog-api-key': 'AIza-other' }), 401);
  });
});

it('an SDK works with a base URL that lacks /v1, and with one that ends in a slash', async () => {
  for (const baseURL of [gateway.url, `${gateway.url}/`, `${gateway.url}/v1/`, `${gateway.url}/v1/v1`]) {
    const client = new OpenAI({ apiKey: key, baseURL, maxRetries: 0 });
    const answer = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] });
    assert.ok(answer.choices[0]?.message.content, baseURL);
    assert.equal((await client.models.retrieve('org/m')).id, 'org/m', baseURL);
  }
});
