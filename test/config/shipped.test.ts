// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
/** The files that are shipped: config.yaml, config.schema.json and the reference say the same as the code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { configJsonSchema, configJsonSchemaText } from '../../src/config/json-schema.js';
import { configSchema } from '../../src/config/schema.js';
import { knownKeys } from '../../src/config/suggest.js';
import { packageRoot } from '../../src/lib/root.js';
import { lookup } from '../../src/pricing/catalogue.js';
import { good, providerTypes } from './support.js';

const shipped = (name: string) => readFileSync(join(packageRoot, name), 'utf8');
const editor = z.fromJSONSchema(configJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
const accepts = (text: string) => editor.safeParse(parse(text)).success;

test('config.schema.json is what the schema generates: after a change, run `npm run schema`', () => {
  assert.equal(shipped('config.schema.json'), configJsonSchemaText());
});

test('the shipped configuration works with no environment at all', (t) => {
  const config = good(t, shipped('config.yaml'));
  assert.deepEqual(Object.keys(config.models), [
    'sandbox',
    'gpt-4o-mini',
    'gpt-4o',
    'claude-sonnet-4-5',
    'claude-haiku-4-5',
    'text-embedding-3-small',
    'all-MiniLM-L6-v2',
  ]);
  assert.equal(config.server.port, 4000);
  assert.equal(config.database.url, null);
  assert.deepEqual(config.models['sandbox']!.price, { input: 0.15, cached_input: 0.075, output: 0.6 });
});

test('every model of the shipped configuration has a price', (t) => {
  const config = good(t, shipped('config.yaml'));
  for (const { price, targets } of Object.values(config.models)) {
    const { provider, model } = targets[0]!;
    const { catalogue = null, free = false } = providerTypes[config.providers[provider]!.type]!;
    assert.ok(price ?? (free || lookup(catalogue, model, Date.now())), model);
  }
});

test('the shipped configuration takes its keys and addresses from the environment', (t) => {
  const config = good(t, shipped('config.yaml'), {
    ...{
      TOLLGATE_HOST: '0.0.0.0',
      PORT: '80',
      TOLLGATE_ADMIN_KEY: 'adm-that-is-of-32-characters-and-more',
      DATABASE_URL: 'postgres://d/t',
    },
    ...{ REDIS_URL: 'redis://r', OPENAI_API_KEY: 'sk-o', ANTHROPIC_API_KEY: 'sk-a' },
  });
  assert.deepEqual([config.server.host, config.server.port], ['0.0.0.0', 80]);
  assert.deepEqual(
    [config.admin.key, config.database.url, config.redis.url],
    ['adm-that-is-of-32-characters-and-more', 'postgres://d/t', 'redis://r'],
  );
  assert.equal(config.providers['openai']!.api_keys[0], 'sk-o');
  assert.equal(config.providers['anthropic']!.api_keys[0], 'sk-a');
});

test('the examples that are commented out work when the comment signs are taken away', (t) => {
  const config = good(t, shipped('config.yaml').replace(/^( +)# /gm, '$1'));
  assert.equal(config.providers['my-vllm']!.type, 'openai-compatible');
  assert.deepEqual(config.defaults.price, { input: 1, output: 4 });
});

test('an editor accepts the shipped file, and what the gateway accepts', () => {
  assert.ok(shipped('config.yaml').startsWith('# yaml-language-server: $schema=./config.schema.json\n'));
  assert.ok(accepts(shipped('config.yaml')));
  assert.ok(accepts('server: { port: "${PORT}", body_limit: "${B}mb" }\ntelemetry: { metrics: "${M}" }'));
  assert.ok(
    accepts(
      'models: { m: { targets: [{ provider: p, model: m }], limits: [{ unit: tokens, max: 2_000_000, per: minute }] } }',
    ),
  );
  assert.ok(accepts('admin: { key: { file: /run/secrets/admin } }'));
});

test('an editor underlines what the gateway refuses', () => {
  for (const text of [
    'sever: {}',
    'server: { prot: 1 }',
    'server: { port: http }',
    'server: { port: 70000 }',
    'server: { body_limit: 20 }',
    'redis: { on_failure: shut }',
    'telemetry: { metrics: on }',
    'providers: { p: { api_key: x } }',
    'models: { m: { targets: [] } }',
    'models: { m: { targets: [{ provider: p, model: m }], cache: { ttl: long } } }',
  ]) {
    assert.ok(!accepts(text), text);
  }
});

test("every part of the contract's example that exists is accepted", (t) => {
  const config = good(
    t,
    `server:    { host: "\${TOLLGATE_HOST:-127.0.0.1}", port: "\${PORT:-4000}", body_limit: 20mb, workers: 1, shutdown_grace: 30s, trust_proxy: [] }
data_dir:  ./data
admin:     { key: "\${TOLLGATE_ADMIN_KEY:-}" }
database:  { url: "\${DATABASE_URL:-}" }
redis:     { url: "\${REDIS_URL:-}", on_failure: local }
providers:
  openai:    { type: openai,    api_key: "\${OPENAI_API_KEY:-}" }
  anthropic: { type: anthropic, api_key: "\${ANTHROPIC_API_KEY:-}" }
  my-vllm:   { type: openai-compatible, base_url: http://10.0.0.7:8000/v1, api_key: none }
  sandbox:   { type: sandbox }
models:
  gpt-4o-mini:
    targets:
      - { provider: openai, model: gpt-4o-mini, weight: 3 }
    timeout:   { connect: 5s, first_byte: 60s, idle: 60s, total: 10m }
    cache: { exact: true, semantic: { threshold: 0.95, max_error_rate: 0.01 }, ttl: 1h, share: team }
    price: { input: 0.15, cached_input: 0.075, output: 0.60 }
    limits: [ { unit: tokens, max: 2_000_000, per: minute } ]
  auto:
    route:
      - { when: { input_tokens: { gt: 60000 } }, use: gpt-4o-mini }
      - { when: { has: [image] }, use: gpt-4o-mini }
      - { when: { like: ["prove that", "find the bug in this code"], similarity: 0.55 }, use: gpt-4o-mini }
      - { use: gpt-4o-mini }
cache:    { embedding: { type: local, model: all-MiniLM-L6-v2 } }
webhooks: [ { url: https://hooks.example.com/tollgate, events: ["budget.*", "usage.recorded"], secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw } ]
telemetry: { metrics: true, traces: { otlp: "\${OTEL_EXPORTER_OTLP_ENDPOINT:-}" }, log: { level: info } }
`,
  );
  assert.equal(config.models['gpt-4o-mini']!.limits[0]!.max, 2_000_000);
});

test("the contract's other example of an embedding model is accepted", (t) => {
  const { cache } = good(
    t,
    `providers: { openai: { type: openai } }
models: { text-embedding-3-small: { targets: [{ provider: openai, model: text-embedding-3-small }] } }
cache: { embedding: { type: provider, model: text-embedding-3-small } }
`,
  );
  assert.deepEqual(cache.embedding, {
    ...{ type: 'provider', model: 'text-embedding-3-small', provider: null, dimensions: null, timeout: 1000 },
  });
});

test("the parts of the contract's example that did not exist are taken", (t) => {
  const { capture } = good(
    t,
    `providers: { openai: { type: openai }, my-vllm: { type: openai-compatible, base_url: http://10.0.0.7:8000/v1 } }
models:
  gpt-4o-mini:
    targets:
      - { provider: openai, model: gpt-4o-mini, weight: 3 }
      - { provider: my-vllm, model: llama-3, priority: 2 }
  auto:
    route:
      - { when: { like: ["prove that", "find the bug in this code"], similarity: 0.55 }, use: gpt-4o-mini }
      - { use: gpt-4o-mini }
capture:  { content: off }
`,
  );
  assert.deepEqual(capture, { content: 'off', retention: 30 * 86_400_000, max_size: 1024 * 1024 });
});

/** Every key of the schema, `*` for a name of the user's. */
function* paths(path: (string | number)[]): Generator<string[]> {
  for (const key of knownKeys(configSchema, path)) {
    const inner = [...path, key];
    yield inner.map(String);
    yield* paths(inner);
    yield* paths([...inner, '*']);
  }
}

test('the reference explains every key that there is', () => {
  const reference = shipped('docs/configuration.md');
  for (const path of paths([])) {
    assert.ok(reference.includes(`\`${path.at(-1)}\``) || reference.includes(`\`${path.join('.')}\``), path.join('.'));
  }
});
