// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { processorTime } from '../support/processor-time.js';
import { bad, folder, good, providerTypes } from './support.js';

const withModel = (lines: string) => `providers: { s: { type: sandbox } }
models:
  m:
    targets: [{ provider: s, model: m }]
${lines}`;

test('a misspelt key is told at its place, with the key that was meant', (t) => {
  assert.deepEqual(bad(t, 'server:\n  prot: 4000\n'), ['2:3 server.prot: unknown key; did you mean "port"?']);
  assert.deepEqual(bad(t, 'sevrer: {}'), ['1:1 sevrer: unknown key; did you mean "server"?']);
  assert.deepEqual(bad(t, withModel('    dropParams: true')), [
    '5:5 models.m.dropParams: unknown key; did you mean "drop_params"?',
  ]);
  assert.deepEqual(bad(t, withModel('    limits: [{ unit: tokens, max: 1, per: day, timezne: UTC }]')), [
    '5:48 models.m.limits[0].timezne: unknown key; did you mean "timezone"?',
  ]);
});

test('a key that resembles nothing is told with the keys that there are', (t) => {
  assert.deepEqual(bad(t, 'redis: { zzzzzz: 1 }'), ['1:10 redis.zzzzzz: unknown key; known here: url, on_failure']);
});

test('all problems are told at once, in the order of the file', (t) => {
  const text = `server: { port: 99999, wrokers: 1 }
providers:
  a: { type: opnai }
  b: { type: openai-compatible }
models:
  m:
    targets: [{ provider: c, model: x }]
    timeout: { idle: 5 }
`;
  assert.deepEqual(bad(t, text), [
    '1:17 server.port: must be at most 65535',
    '1:24 server.wrokers: unknown key; did you mean "workers"?',
    '3:14 providers.a.type: there is no provider type "opnai"; did you mean "openai"?',
    '4:3 providers.b.base_url: is missing: a provider of type openai-compatible needs it',
    '7:27 models.m.targets[0].provider: there is no provider "c"; did you mean "a"?',
    '8:22 models.m.timeout.idle: expected a duration, such as 250ms, 30s or 10m',
  ]);
});

test('a key that is missing is told at what it is missing from', (t) => {
  assert.deepEqual(bad(t, 'providers:\n  o:\n    api_key: x\n'), ['2:3 providers.o.type: is missing']);
  assert.deepEqual(bad(t, 'providers: { s: { type: sandbox } }\nmodels:\n  m: {}'), [
    '3:3 models.m.targets: is missing: a model has `targets` or a `route`',
  ]);
  assert.deepEqual(bad(t, withModel('    price: { input: 1 }')), ['5:5 models.m.price.output: is missing']);
  assert.deepEqual(bad(t, 'providers: { s: { type: sandbox } }\nmodels: { m: { targets: [{ provider: s }] } }'), [
    '2:26 models.m.targets[0].model: is missing',
  ]);
});

test('a value of the wrong type is told with what is wanted', (t) => {
  const cases: [text: string, problem: string][] = [
    ['server: 4000', '1:9 server: expected a mapping, found the number 4000'],
    ['server: { port: many }', '1:17 server.port: expected a number, found a text'],
    ['server: { port: 1.5 }', '1:17 server.port: expected a whole number, found the number 1.5'],
    ['server: { trust_proxy: 10.0.0.1 }', '1:24 server.trust_proxy: expected a list, found a text'],
    ['telemetry: { metrics: on }', '1:23 telemetry.metrics: expected true or false, found a text'],
    [
      'telemetry: { log: { level: Warn } }',
      '1:28 telemetry.log.level: expected one of trace, debug, info, warn, error, fatal, silent; did you mean warn?',
    ],
    [
      'providers: { o: { type: openai, api_key: 12 } }',
      '1:42 providers.o.api_key: expected a text or a mapping, found the number 12; write it in quotes',
    ],
    [
      'providers: { o: { type: openai, api_key: { file: 3 } } }',
      '1:50 providers.o.api_key.file: expected a text, found the number 3; write it in quotes',
    ],
    ['models: [a]', '1:1 models: expected a mapping, found a list'],
    ['models:\n  m:\n', '2:3 models.m: expected a mapping, found nothing'],
    ['- a', '1:1 : expected a mapping, found a list'],
    ['hello', '1:1 : expected a mapping, found a text'],
  ];
  for (const [text, problem] of cases) assert.deepEqual(bad(t, text), [problem], text);
});

test('durations and sizes out of bounds are refused', (t) => {
  const cases: [text: string, problem: string][] = [
    ['server: { body_limit: 20 }', '1:23 server.body_limit: expected a size, such as 512kb or 20mb'],
    ['server: { body_limit: 20MiB }', '1:23 server.body_limit: expected a size, such as 512kb or 20mb'],
    ['server: { body_limit: 0b }', '1:23 server.body_limit: must be at least 1b'],
    ['server: { body_limit: 2gb }', '1:23 server.body_limit: must be at most 1024mb'],
    ['server: { shutdown_grace: -1s }', '1:27 server.shutdown_grace: expected a duration, such as 250ms, 30s or 10m'],
    ['defaults: { timeout: { connect: 0s } }', '1:33 defaults.timeout.connect: must be at least 1ms'],
    ['defaults: { timeout: { total: 25d } }', '1:31 defaults.timeout.total: must be at most 24d'],
  ];
  for (const [text, problem] of cases) assert.deepEqual(bad(t, text), [problem], text);
});

test('prices are amounts of dollars', (t) => {
  for (const amount of ['-1', 'abc', '"1e3"', '.inf', '"1,5"', 'true']) {
    const [problem] = bad(t, withModel(`    price: { input: ${amount}, output: 1 }`));
    assert.match(problem!, /^5:21 models\.m\.price\.input: expected (US dollars|a number or a text)/, amount);
  }
});

test('what a limit lacks is told at its place', (t) => {
  const limits = (limit: string) => bad(t, withModel(`    limits: [${limit}]`));
  assert.deepEqual(limits('{ unit: usd, max: 1 }'), ['5:14 models.m.limits[0].per: a limit of usd needs a `per`']);
  assert.deepEqual(limits('{ unit: requests, max: 1.5, per: day }'), [
    '5:37 models.m.limits[0].max: a limit of requests is a whole number',
  ]);
  assert.match(limits('{ unit: token, max: 1, per: day }')[0]!, /did you mean tokens\?$/);
});

test('a base URL is http, without credentials and without a query', (t) => {
  const at = (url: string) => bad(t, `providers: { o: { type: openai, base_url: "${url}" } }`)[0]!;
  for (const url of ['10.0.0.7:8000', 'ftp://h/v1', 'http://', 'http:///v1', 'javascript:alert(1)', '']) {
    assert.match(at(url), /^1:43 providers\.o\.base_url: expected an http or https URL/, url);
  }
  assert.match(at('https://user:pw@h/v1'), /put credentials into `api_key`/);
  assert.match(at('https://h/v1?key=1'), /no query and no fragment/);
  assert.match(at('https://h/v1#x'), /no query and no fragment/);
});

test('names of models and providers are checked, since clients and paths carry them', (t) => {
  const name = (written: string) => bad(t, `models: { ${JSON.stringify(written)}: {} }`)[0]!;
  for (const written of ['gpt-*-*', 'a b', '', '-x', 'x'.repeat(129), 'naïve', 'a\\n']) {
    assert.match(name(written), /^1:11 .*a model name is up to 128/, written);
  }
  assert.match(bad(t, 'providers: { "a/b": { type: sandbox } }')[0]!, /^1:14 .*a provider name is up to 64/);
  assert.deepEqual(bad(t, 'models:\n  __proto__: { x: 1 }'), ['2:3 : this cannot be a key']);
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
});

test('headers that would break a request are refused', (t) => {
  const header = (written: string) => bad(t, `providers: { o: { type: openai, headers: { ${written} } } }`);
  assert.deepEqual(header('"Content-Length": "3"'), [
    '1:44 providers.o.headers.Content-Length: the gateway sets this header itself',
  ]);
  assert.deepEqual(header('"x y": "3"'), ['1:44 providers.o.headers["x y"]: not a header name']);
  assert.deepEqual(header('x: "a\\r\\nb: c"'), [
    '1:47 providers.o.headers.x: a header value is one line of ASCII characters',
  ]);
});

test('a trusted proxy is an address or a block', (t) => {
  assert.match(
    bad(t, 'server: { trust_proxy: [10.0.0.0/33] }')[0]!,
    /^1:25 server\.trust_proxy\[0\]: expected an address/,
  );
  assert.match(
    bad(t, 'server: { trust_proxy: ["${P}"] }', { P: 'proxy.local' })[0]!,
    /expected an address or a CIDR block/,
  );
});

test('addresses of stores have their scheme', (t) => {
  assert.deepEqual(bad(t, 'database: { url: "mysql://h/d" }\nredis: { url: localhost }'), [
    '1:18 database.url: expected a URL that begins with postgres://',
    '2:15 redis.url: expected a URL that begins with redis://',
  ]);
});

test('a secret with a space or a line break in it is refused, and not shown', (t) => {
  const problems = bad(
    t,
    'admin: { key: { file: k } }\nproviders: { o: { type: openai, api_key: "sk-hush hush" } }',
    {},
    { k: 'hush\nhush-hush-hush-hush-hush-hush-hush\n' },
  );
  assert.deepEqual(problems, [
    '1:10 admin.key: a key is one word of ASCII characters, without spaces',
    '2:42 providers.o.api_key: a key is one word of ASCII characters, without spaces',
  ]);
});

test('no problem ever shows the text of a value, which may be a secret in the wrong place', (t) => {
  for (const text of [
    'server: { port: sk-hush }',
    'admin: sk-hush',
    'database: { url: sk-hush }',
    'redis: { on_failure: sk-hush }',
  ]) {
    assert.doesNotMatch(bad(t, text).join(), /hush/, text);
  }
});

test('a file of a secret that is not there is told at its place', (t) => {
  const [problem] = bad(t, 'admin:\n  key: { file: nowhere/key }');
  assert.match(problem!, /^2:16 admin\.key\.file: cannot read .*nowhere\/key: ENOENT$/);
});

test('a variable that is not set is told by name, once, at the value that wants it', (t) => {
  assert.deepEqual(bad(t, 'server:\n  port: "${NO_SUCH}"\n  host: "${ALSO_NOT}"\n'), [
    '2:9 server.port: the environment variable NO_SUCH is not set; ${NO_SUCH:-} would make it optional',
    '3:9 server.host: the environment variable ALSO_NOT is not set; ${ALSO_NOT:-} would make it optional',
  ]);
  assert.match(
    bad(t, 'server: { trust_proxy: [::1, "${P}"] }')[0]!,
    /^1:30 server\.trust_proxy\[1\]: the environment variable P/,
  );
});

test('a key that is there twice is told, as is everything else', (t) => {
  assert.deepEqual(bad(t, 'server: { port: 1 }\nredis: { a: 1 }\nserver: { host: a }'), [
    '2:10 redis.a: unknown key; known here: url, on_failure',
    '3:1 : this key is there already',
  ]);
  assert.deepEqual(
    bad(t, 'server: { port: a }\nserver: { port: b }'),
    ['2:1 : this key is there already', '2:17 server.port: expected a number, found a text'],
    'the last one counts',
  );
});

test('what is not YAML is told where it breaks', (t) => {
  const broken: [text: string, place: RegExp][] = [
    ['server: { port: 1\nredis: {}', /^2:/],
    ['a: b: c', /^1:/],
    ['server:\n\tport: 1', /^2:/],
    ['a: "unclosed', /^1:/],
    ['a: *nowhere', /^1:/],
    ['a: 1\n---\nb: 2', /^2:/],
    ['data_dir: !!js/function x', /^1:11/],
    ['a: @x', /^1:4/],
  ];
  for (const [text, place] of broken) assert.match(bad(t, text)[0]!, place, text);
});

test('a file that is not text is told', (t) => {
  const cwd = folder(t, { 'config.yaml': Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]) });
  const loaded = loadConfig({ env: {}, cwd, providerTypes });
  assert.ok(!loaded.ok);
  assert.equal(loaded.problems[0]!.message, 'the file is not UTF-8 text');
});

test('aliases that grow without end are refused in bounded time', (t) => {
  const levels = Array.from({ length: 30 }, (_, i) => `  l${i + 1}: &l${i + 1} [*l${i}, *l${i}, *l${i}, *l${i}]`);
  const usedMs = processorTime();
  const problems = bad(t, `models:\n  l0: &l0 [x, x, x, x]\n${levels.join('\n')}\n`);
  assert.match(problems.join(), /alias/i);
  assert.ok(usedMs() < 2000);
});

test('an alias that contains itself and a file that is nested without end are refused, not followed', (t) => {
  assert.ok(bad(t, 'models: &m\n  a: *m\n').length > 0);
  assert.deepEqual(bad(t, `models: ${'['.repeat(50_000)}`), ['1:1 : nested too deep']);
});

test('the file is named in a problem as the user named it', (t) => {
  const cwd = folder(t, { 'own.yaml': 'x: 1' });
  for (const file of ['own.yaml', join(cwd, 'own.yaml')]) {
    const loaded = loadConfig({ file, env: {}, cwd, providerTypes });
    assert.ok(!loaded.ok);
    assert.equal(loaded.problems[0]!.file, file);
  }
});

test('a model that embeds prompts must be there, and be able to', (t) => {
  const providers = `providers:
  o: { type: openai }
  a: { type: anthropic }
  l: { type: local }
models:
  embed: { targets: [{ provider: o, model: text-embedding-3-small }] }
  wild/*: { targets: [{ provider: o, model: "*" }] }
  claude: { targets: [{ provider: a, model: claude }] }
  both: { targets: [{ provider: a, model: claude }, { provider: o, model: m }] }
  auto: { route: [{ use: embed }] }
`;
  const written = (embedding: string) => `${providers}cache: { embedding: { type: provider, ${embedding} } }\n`;
  for (const fine of [
    'model: embed',
    'model: wild/x',
    'model: both',
    'model: x, provider: o',
    'model: all-MiniLM-L6-v2, provider: l',
  ])
    assert.equal(good(t, written(fine)).cache.embedding.type, 'provider', fine);
  const problem = (embedding: string) => {
    const [first, ...more] = bad(t, written(embedding));
    assert.deepEqual(more, []);
    return first!.replace(/^\d+:\d+ /, '');
  };
  assert.match(
    problem('model: embedd'),
    /^cache.embedding.model: there is no model "embedd"; did you mean "embed"\?; with `provider`/,
  );
  assert.match(problem('model: claude'), /^cache.embedding.model: none of its targets has embeddings/);
  assert.match(problem('model: auto'), /^cache.embedding.model: has a `route`/);
  assert.match(problem('model: m, provider: p'), /^cache.embedding.provider: there is no provider "p"/);
  assert.match(
    problem('model: m, provider: a'),
    /^cache.embedding.provider: a provider of this type has no embeddings/,
  );
  assert.match(
    problem('model: m, provider: l'),
    /^cache.embedding.model: this provider has no model "m"; known here: all-MiniLM-L6-v2/,
  );
  assert.match(problem('model: embed, dimensions: 0'), /^cache.embedding.dimensions: /);
  assert.match(problem('model: embed, timeout: 1'), /^cache.embedding.timeout: expected a duration/);
});

test('a provider type that has only certain models has only those', (t) => {
  const written = (name: string, model: string) =>
    `providers: { l: { type: local } }\nmodels: { "${name}": { targets: [{ provider: l, model: "${model}" }] } }`;
  good(t, written('m', 'all-MiniLM-L6-v2'));
  good(t, written('local/*', '*'));
  assert.match(
    bad(t, written('m', 'all-MiniLM-L6'))[0]!,
    /this provider has no model "all-MiniLM-L6"; did you mean "all-MiniLM-L6-v2"\?/,
  );
});

test('the default threshold is that of the model that compares', (t) => {
  const written = (embedding: string, semantic: string) =>
    good(
      t,
      `providers: { o: { type: openai } }
models: { m: { targets: [{ provider: o, model: m }], cache: { semantic: ${semantic} } } }
cache: { embedding: { ${embedding} } }
`,
    ).models['m']!.cache!.semantic!.threshold;
  assert.equal(written('type: local', 'true'), 0.85);
  assert.equal(written('type: provider, provider: o, model: e', 'true'), 0.95);
  assert.equal(written('type: provider, provider: o, model: e', '{ threshold: 0.7 }'), 0.7);
});

test('prompts are compared in the database only where there is one of its own', (t) => {
  const index = 'cache:\n  index: pgvector\n';
  assert.equal(good(t, `database: { url: "postgres://db/x" }\n${index}`).cache.index, 'pgvector');
  for (const database of ['', 'database: { url: "${DATABASE_URL:-}" }\n']) {
    const [problem, ...more] = bad(t, database + index);
    assert.match(
      problem!,
      /cache\.index: the embedded database does not have pgvector: set `database\.url`, or use memory/,
    );
    assert.deepEqual(more, []);
  }
  assert.match(
    bad(t, 'cache: { index: pgvctor }')[0]!,
    /cache\.index: expected one of memory, pgvector; did you mean pgvector\?/,
  );
});

test('headers that are passed on are neither credentials nor what the gateway states itself', (t) => {
  const withHeaders = (names: string, headers = '{}') =>
    bad(t, `providers:\n  a: { type: anthropic, pass_headers: [${names}], headers: ${headers} }\n`);
  assert.deepEqual(withHeaders('anthropic-beta, Authorization'), [
    '2:56 providers.a.pass_headers[1]: cannot be passed on: callers are known by it, or may be: a credential is never passed on',
  ]);
  assert.deepEqual(withHeaders('connection'), [
    "2:40 providers.a.pass_headers[0]: cannot be passed on: it belongs to the caller's connection",
  ]);
  assert.deepEqual(withHeaders('anthropic-version'), [
    '2:40 providers.a.pass_headers[0]: cannot be passed on: the gateway states it itself',
  ]);
  assert.deepEqual(withHeaders('"a b"'), ['2:40 providers.a.pass_headers[0]: not a header name']);
  assert.deepEqual(withHeaders('x-team', '{ X-Team: search }'), [
    '2:40 providers.a.pass_headers[0]: is stated under `headers` as well: leave it out of one of the two',
  ]);
});

test('a setting for tools that must be called has three values', (t) => {
  assert.deepEqual(bad(t, withModel('    forced_tool_choice: maybe')), [
    '5:25 models.m.forced_tool_choice: expected one of refuse, auto, instruct; found a text',
  ]);
});

test('an admin key that is short is refused, with what to do, and not shown', (t) => {
  const [problem, ...more] = bad(t, 'admin: { key: hush-0123456789-0123456789-0123 }');
  assert.match(problem!, /admin\.key: has 31 characters; an admin key has 32 or more \(openssl rand/);
  assert.ok(more.length === 0 && !problem!.includes('hush'));
  good(t, 'admin: { key: hush-0123456789-0123456789-01234 }');
});
