import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/cli/check.js';
import { describeConfig } from '../../src/config/describe.js';
import { explainConfig } from '../../src/config/explain.js';
import { folder, good, providerTypes } from './support.js';

const full = `server: { host: "::1", port: 4001, body_limit: 512kb }
data_dir: /srv
admin: { key: hush-admin-that-is-of-32-characters-and-more }
database: { url: "postgres://u:hush-db@db:5432/t?sslpassword=hush-query&sslmode=require" }
redis: { url: "redis://:hush-redis@r", on_failure: closed }
providers:
  oai: { type: openai, api_key: hush-key, headers: { x-secret: hush-header } }
  s: { type: sandbox }
models:
  gpt-4o-mini: { targets: [{ provider: oai, model: gpt-4o-mini }], max_output: 100 }
  own:
    targets: [{ provider: s, model: m, limits: [{ unit: concurrent, max: 3 }] }]
    price: { input: 1, output: "2.50" }
    limits: [{ unit: usd, max: 5, per: month }, { unit: tokens, max: 2_000, per: minute }, { unit: requests, max: 9, per: total, model: "o*" }]
  dark: { targets: [{ provider: s, model: x }] }
`;

test('a described configuration has every setting and no secret', (t) => {
  const described = describeConfig(good(t, full));
  assert.doesNotMatch(JSON.stringify(described), /hush/);
  assert.equal(described.admin.key, '(hidden)');
  assert.equal(described.database.url, 'postgres://u:***@db:5432/t?sslpassword=***&sslmode=require');
  assert.deepEqual(described.redis, { on_failure: 'closed', url: 'redis://:***@r' });
  assert.deepEqual(described.providers['oai'], {
    type: 'openai',
    api_key: '(hidden)',
    base_url: null,
    catalogue: null,
    pass_headers: null,
    speaks: null,
    usage: null,
    health: null,
    failures: [],
    proxy: null,
    tls: null,
    headers: { 'x-secret': '(hidden)' },
  });
  assert.equal((described.providers['s'] as { api_key: unknown }).api_key, null, 'that there is no key is no secret');
  assert.deepEqual(described.models['own']!.limits[0], { unit: 'usd', max: 5, per: 'month' }, 'money is dollars again');
});

test('an explained configuration says where things are and what a model costs, without a secret', (t) => {
  const lines = explainConfig(good(t, full), (_, model) => (model === 'gpt-4o-mini' ? '$0.15 in' : null));
  const text = lines.join('\n');
  assert.doesNotMatch(text, /hush/);
  assert.match(text, /^server +http:\/\/\[::1\]:4001, bodies up to 512 KB$/m);
  assert.match(text, /^database +postgres:\/\/u:\*\*\*@db:5432/m);
  assert.match(text, /^limits +counted in redis:\/\/:\*\*\*@r; while it is away: requests are refused$/m);
  assert.match(text, /^ {2}oai +openai, with a key$/m);
  assert.match(text, /^ {2}gpt-4o-mini +-> oai\/gpt-4o-mini; \$0\.15 in; at most 100 tokens out$/m);
  assert.match(
    text,
    /^ {2}own +-> s\/m; \$1 in, \$2\.50 out per million tokens; at most \$5 per month; at most 2000 tokens per minute; at most 9 requests in total for o\*; at most 3 requests at once$/m,
  );
  assert.match(text, /^ {2}dark +-> s\/x; REFUSED: no price is known; give the model a `price`$/m);
});

test('what becomes of a model without a price is said as it is configured', (t) => {
  const line = (defaults: string) => {
    const text = `defaults: ${defaults}\nproviders: { s: { type: sandbox } }\nmodels: { m: { targets: [{ provider: s, model: m }] } }`;
    return explainConfig(good(t, text), () => null).at(-1)!;
  };
  assert.match(line('{ unpriced: free }'), /free: no price is known$/);
  assert.match(line('{ price: { input: 1, output: 4 } }'), /\$1 in, \$4 out per million tokens \(defaults\.price\)$/);
});

test('a configuration without providers and models says so', (t) => {
  assert.deepEqual(explainConfig(good(t, '')).slice(-5), ['providers', '  none', '', 'models', '  none']);
});

async function run(cwd: string, config: string | undefined, json: boolean): Promise<{ code: number; out: string }> {
  const lines: string[] = [];
  const code = await check({
    config,
    json,
    providerTypes,
    lack: () => undefined,
    env: {},
    cwd,
    print: (line) => lines.push(line),
  });
  return { code, out: lines.join('\n') };
}

test('check explains a good configuration and exits with 0', async (t) => {
  const cwd = folder(t, { 'config.yaml': full });
  const { code, out } = await run(cwd, undefined, false);
  assert.equal(code, 0);
  assert.match(out, /config\.yaml is valid\.$/m);
  assert.match(out, /gpt-4o-mini; \$0\.15 in, \$0\.6 out per million tokens \(genai-prices\//);
  assert.doesNotMatch(out, /hush/);
});

test('check tells the file, line, column and key of every problem and exits with 1', async (t) => {
  const cwd = folder(t, { 'own.yaml': 'server:\n  prot: 1\nx: 1\n' });
  const { code, out } = await run(cwd, 'own.yaml', false);
  assert.equal(code, 1);
  const [first, second] = out.split('\n');
  assert.equal(first, 'own.yaml:2:3: server.prot: unknown key; did you mean "port"?');
  assert.match(second!, /^own\.yaml:3:1: x: unknown key; known here: server, /);
});

test('check --json says the same as JSON', async (t) => {
  const cwd = folder(t, { 'config.yaml': full, 'bad.yaml': 'x: 1' });
  const good = await run(cwd, undefined, true);
  assert.equal(good.code, 0);
  const answer = JSON.parse(good.out);
  assert.equal(answer.ok, true);
  assert.equal(answer.config.server.port, 4001);
  assert.doesNotMatch(good.out, /hush/);
  const bad = await run(cwd, 'bad.yaml', true);
  assert.equal(bad.code, 1);
  assert.deepEqual(Object.keys(JSON.parse(bad.out).problems[0]), ['file', 'line', 'column', 'path', 'message']);
});
