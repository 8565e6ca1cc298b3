// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { packageRoot } from '../../src/lib/root.js';
import { bad, folder, good, load, providerTypes } from './support.js';

const noTraces = { otlp: '', protocol: null, headers: {}, sample: null, queue: 2048, langfuse: false };

test('an empty file is a configuration of defaults', (t) => {
  const config = good(t, '');
  assert.equal(config.server.host, '127.0.0.1');
  assert.equal(config.server.port, 4000);
  assert.equal(config.server.body_limit, 20 * 1024 * 1024);
  assert.equal(config.server.workers, 1);
  assert.equal(config.server.shutdown_grace, 30_000);
  assert.deepEqual(config.admin, { key: null, session: { idle: 7_200_000, longest: 86_400_000 }, oidc: null });
  assert.deepEqual(config.database, { url: null });
  assert.deepEqual(config.redis, { url: null, on_failure: 'local' });
  assert.deepEqual(config.models, {});
  assert.deepEqual(config.defaults, {
    timeout: {
      connect: 5000,
      first_byte: 60_000,
      idle: 60_000,
      total: 600_000,
      first_keep_alive: 15_000,
      keep_alive: 5000,
    },
    retry: {
      ...{ max_attempts: 3, base: 250, max: 8000, on_timeout: 'elsewhere' },
      budget: { share: 0.2, floor: 10, window: 10_000 },
    },
    breaker: { failure_rate: 0.5, min_requests: 10, window: 30_000, open: 15_000, half_open_probes: 2 },
    price: null,
    limits: [],
    drop_params: false,
    forced_tool_choice: 'refuse',
    unpriced: 'refuse',
    cache: null,
    guards: [],
  });
  assert.deepEqual(config.cache, {
    memory: 64 * 1024 * 1024,
    secret: null,
    index: 'memory',
    embedding: { type: 'local', model: 'all-MiniLM-L6-v2', folder: null },
  });
  assert.deepEqual(config.telemetry, { metrics: true, log: { level: 'info' }, traces: noTraces });
});

test('a section of which only the name is left counts as left out', (t) => {
  const data = 'data_dir: /data\n';
  assert.deepEqual(good(t, `${data}server:\nmodels:\n  # nothing yet\ndefaults:\n`), good(t, data));
});

test('a whole configuration arrives in the units in which it is used', (t) => {
  const config = good(
    t,
    `server:
  { host: "::", port: 0, body_limit: 1.5kb, shutdown_grace: 0s, trust_proxy: [10.0.0.0/8, "::1"], cors: { origins: ["*"] } }
redis: { url: "redis://localhost:6379/1", on_failure: closed }
database: { url: "postgres://u:p@db/tollgate" }
admin: { key: secret-admin-key-that-is-of-32-characters-and-more }
providers:
  my-vllm:
    type: openai-compatible
    base_url: HTTP://10.0.0.7:8000/v1/
    api_key: none
    headers: { X-Team: search }
    pass_headers: [X-Trace, anthropic-beta]
models:
  house/model-1.5:
    targets: [{ provider: my-vllm, model: org/llama-3, weight: 3, priority: 2, limits: [{ unit: concurrent, max: 8 }] }]
    timeout: { first_byte: 250ms, total: 1.5h, keep_alive: 0s }
    price: { input: 0.15, cached_input: "0.075", output: "0.60" }
    limits: [{ unit: usd, max: "0.50", per: month }]
    max_output: 4096
    drop_params: true
    forced_tool_choice: auto
telemetry: { metrics: false, log: { level: debug } }
`,
  );
  assert.deepEqual(config.server, {
    host: '::',
    port: 0,
    body_limit: 1536,
    workers: 1,
    overload: { delay: 1000, memory: null },
    drain: 5_000,
    restart_gap: 12_000,
    shutdown_grace: 0,
    tls: null,
    timeout: { headers: 30_000, body: 60_000, send: 60_000 },
    trust_proxy: ['10.0.0.0/8', '::1'],
    cors: { origins: ['*'], headers: null, max_age: 600_000 },
  });
  assert.equal(good(t, '').server.cors, null);
  assert.deepEqual(config.redis, { url: 'redis://localhost:6379/1', on_failure: 'closed' });
  assert.equal(config.database.url, 'postgres://u:p@db/tollgate');
  assert.equal(config.admin.key, 'secret-admin-key-that-is-of-32-characters-and-more');
  assert.deepEqual(config.providers['my-vllm'], {
    type: 'openai-compatible',
    api_keys: ['none'],
    base_url: 'http://10.0.0.7:8000/v1',
    failures: [],
    catalogue: null,
    headers: { 'x-team': 'search' },
    pass_headers: ['x-trace', 'anthropic-beta'],
    settings: {},
    files_digest: null,
    speaks: null,
    usage: null,
    health: null,
    reach: { proxy: null, tls: null, guarded: false },
  });
  const model = config.models['house/model-1.5']!;
  assert.equal(model.targets[0]!.weight, 3);
  assert.equal(model.targets[0]!.priority, 2);
  assert.equal(model.targets[0]!.limits[0]!.max, 8);
  assert.deepEqual(model.timeout, {
    connect: 5000,
    first_byte: 250,
    idle: 60_000,
    total: 5_400_000,
    first_keep_alive: 15_000,
    keep_alive: 0,
  });
  assert.deepEqual(model.price, { input: 0.15, cached_input: '0.075', output: '0.60' });
  assert.equal(model.limits[0]!.max, 500_000_000, 'money in a limit is nano-dollars');
  assert.equal(model.max_output, 4096);
  assert.equal(model.drop_params, true);
  assert.equal(model.forced_tool_choice, 'auto');
  assert.deepEqual(config.telemetry, { metrics: false, log: { level: 'debug' }, traces: noTraces });
});

test('a model has what the defaults say, part by part of its timeouts, unless it says otherwise', (t) => {
  const config = good(
    t,
    `providers: { s: { type: sandbox } }
defaults:
  timeout: { idle: 7s, connect: 1s }
  limits: [{ unit: requests, max: 5, per: second }]
  drop_params: true
  forced_tool_choice: instruct
models:
  plain: { targets: [{ provider: s, model: m }] }
  own: { targets: [{ provider: s, model: m }], timeout: { connect: 2s }, limits: [], drop_params: false, forced_tool_choice: refuse }
`,
  );
  const { plain, own } = config.models;
  assert.equal(plain!.timeout.idle, 7000);
  assert.equal(plain!.timeout.connect, 1000);
  assert.equal(plain!.limits[0]!.max, 5);
  assert.equal(plain!.drop_params, true);
  assert.equal(plain!.forced_tool_choice, 'instruct');
  assert.equal(own!.timeout.idle, 7000);
  assert.equal(own!.timeout.connect, 2000);
  assert.deepEqual(own!.limits, []);
  assert.equal(own!.drop_params, false);
  assert.equal(own!.forced_tool_choice, 'refuse');
});

test('a configuration in use cannot be changed, at any depth', (t) => {
  const config = good(
    t,
    'providers: { s: { type: sandbox } }\nmodels: { m: { targets: [{ provider: s, model: m }] } }',
  );
  assert.throws(() => Object.assign(config.server, { port: 1 }), TypeError);
  assert.throws(() => Object.assign(config.models['m']!.targets[0]!, { model: 'x' }), TypeError);
  assert.throws(() => (config.models['m']!.targets as unknown[]).push({}), TypeError);
});

test('anchors and aliases work, and a problem in what an alias shows is told', (t) => {
  const models = (retarget: string) => `providers: { s: { type: sandbox } }
models:
  a: { targets: [{ provider: s, model: m }], timeout: &slow { total: ${retarget} } }
  b: { targets: [{ provider: s, model: m }], timeout: *slow }
`;
  assert.equal(good(t, models('1h')).models['b']!.timeout.total, 3_600_000);
  assert.equal(bad(t, models('1x'))[0], '3:70 models.a.timeout.total: expected a duration, such as 250ms, 30s or 10m');
});

test('digits may be grouped with underscores where a number is wanted', (t) => {
  const config = good(
    t,
    `server: { port: 4_001 }
providers: { s: { type: sandbox } }
models: { m: { targets: [{ provider: s, model: 1_000 }], max_output: 1_000, limits: [{ unit: tokens, max: 2_000_000, per: minute }] } }
`,
  );
  assert.equal(config.server.port, 4001);
  assert.equal(config.models['m']!.max_output, 1000);
  assert.equal(config.models['m']!.limits[0]!.max, 2_000_000);
  assert.equal(config.models['m']!.targets[0]!.model, '1_000', 'and stay as they are where a text is wanted');
});

test('the same configuration has the same hash, however it is written, and another one has another', (t) => {
  const hash = (text: string, env = {}) => {
    const loaded = load(t, `data_dir: /data\n${text}`, env);
    assert.ok(loaded.ok);
    return loaded.hash;
  };
  assert.match(hash(''), /^[0-9a-f]{16}$/);
  assert.equal(hash('server: { port: 4000 } # as always'), hash(''));
  assert.notEqual(hash('server: { port: 4001 }'), hash(''));
  assert.notEqual(
    hash('admin: { key: "${K}" }', { K: 'a'.repeat(32) }),
    hash('admin: { key: "${K}" }', { K: 'b'.repeat(32) }),
  );
});

test('the file is the one that is named, else TOLLGATE_CONFIG, else config.yaml of the working directory', (t) => {
  const named = (port: number) => `server: { port: ${port} }`;
  const cwd = folder(t, { 'config.yaml': named(1), 'env.yaml': named(2), 'flag.yaml': named(3) });
  const port = (file: string | undefined, env: Record<string, string>) => {
    const loaded = loadConfig({ file, env, cwd, providerTypes });
    assert.ok(loaded.ok);
    return loaded.config.server.port;
  };
  assert.equal(port(undefined, {}), 1);
  assert.equal(port(undefined, { TOLLGATE_CONFIG: 'env.yaml' }), 2);
  assert.equal(port('flag.yaml', { TOLLGATE_CONFIG: 'env.yaml' }), 3);
  assert.equal(port(join(cwd, 'flag.yaml'), {}), 3);
});

test('in an empty folder the shipped configuration serves, with its data in that folder', (t) => {
  const cwd = folder(t, { '.env': 'PORT=4100\n' });
  const loaded = loadConfig({ env: {}, cwd, providerTypes });
  assert.ok(loaded.ok);
  assert.equal(loaded.file, join(packageRoot, 'config.yaml'));
  assert.equal(loaded.config.data_dir, join(cwd, 'data'));
  assert.equal(loaded.config.server.port, 4100);
  assert.ok(loaded.config.models['sandbox']);
});

test('a file that is named and not there is a problem that says what to do', (t) => {
  const cwd = folder(t, {});
  const loaded = loadConfig({ file: 'nope.yaml', env: {}, cwd, providerTypes });
  assert.ok(!loaded.ok);
  assert.deepEqual(loaded.problems, [
    {
      file: 'nope.yaml',
      line: 1,
      column: 1,
      path: '',
      message: 'there is no such file; name another with --config or TOLLGATE_CONFIG',
    },
  ]);
});

test('a folder in the place of the file is a problem, not a crash', (t) => {
  const cwd = folder(t, {});
  mkdirSync(join(cwd, 'config.yaml'));
  const loaded = loadConfig({ env: {}, cwd, providerTypes });
  assert.ok(!loaded.ok);
  assert.equal(loaded.problems[0]!.message, 'cannot be read: EISDIR');
});

test('relative paths begin at the folder of the file', (t) => {
  const cwd = folder(t, {});
  mkdirSync(join(cwd, 'etc'));
  const file = join(folder(t, { 'c.yaml': 'data_dir: ../var' }), 'c.yaml');
  const loaded = loadConfig({ file, env: {}, cwd, providerTypes });
  assert.ok(loaded.ok);
  assert.equal(loaded.config.data_dir, join(file, '../../var'));
  assert.equal(good(t, 'data_dir: /srv/data').data_dir, '/srv/data');
});

test('the .env beside the file is read, and the real environment wins over it', (t) => {
  const text = 'server: { host: "${HOST}", port: "${PORT}" }';
  const config = good(t, text, { PORT: '5000' }, { '.env': '# ours\nexport HOST="0.0.0.0"\nPORT=6000\n' });
  assert.deepEqual([config.server.host, config.server.port], ['0.0.0.0', 5000]);
  assert.equal(process.env['HOST'], undefined, 'the environment of the process stays as it is');
});

test('a folder named .env is not ours to read', (t) => {
  const cwd = folder(t, { 'config.yaml': '' });
  mkdirSync(join(cwd, '.env'));
  assert.ok(loadConfig({ env: {}, cwd, providerTypes }).ok);
});

test('secrets come from files, without the newline at the end', (t) => {
  const config = good(
    t,
    `admin: { key: { file: admin } }
database: { url: { file: db } }
redis: { url: { file: "./redis" } }
providers: { o: { type: openai, api_key: { file: "\${SECRETS:-.}/openai" } } }
`,
    {},
    {
      admin: 'adm-that-is-of-32-characters-and-more\n',
      db: 'postgresql://x/y\r\n',
      redis: 'rediss://r',
      openai: 'sk-1',
    },
  );
  assert.equal(config.admin.key, 'adm-that-is-of-32-characters-and-more');
  assert.equal(config.database.url, 'postgresql://x/y');
  assert.equal(config.redis.url, 'rediss://r');
  assert.equal(config.providers['o']!.api_keys[0], 'sk-1');
});
