/** What an import makes of a LiteLLM configuration. Whatever it makes is loaded as a configuration, with nothing in the environment. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { providers } from '../../providers/index.js';
import { providerTypesOf } from '../../src/app/provider-types.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import { packageRoot } from '../../src/lib/root.js';
import { importLitellm } from '../../src/litellm/import.js';

const types = providerTypesOf(providers);
const fixtures = join(packageRoot, 'test/fixtures/litellm');
const cwd = mkdtempSync(join(tmpdir(), 'tollgate-litellm-'));
after(() => rmSync(cwd, { recursive: true }));

function load(yaml: string, env: Record<string, string> = {}): Config {
  const file = join(cwd, 'made.yaml');
  writeFileSync(file, yaml);
  const loaded = loadConfig({ file, env, cwd, providerTypes: types });
  assert.ok(loaded.ok, `${yaml}\n${JSON.stringify(loaded.ok ? '' : loaded.problems)}`);
  return loaded.config;
}

function made(text: string, env: Record<string, string> = {}) {
  const imported = importLitellm(text, types);
  assert.ok(imported.ok, JSON.stringify(imported));
  const { notTaken, notes } = imported.findings;
  const told = (list: typeof notTaken) => Object.fromEntries(list.map(({ path, reason }) => [path, reason]));
  return { config: load(imported.yaml, env), yaml: imported.yaml, notTaken: told(notTaken), notes: told(notes) };
}

const fixture = (name: string): string => readFileSync(join(fixtures, `${name}.yaml`), 'utf8');

for (const file of readdirSync(fixtures)) {
  test(`what is made of ${file} loads`, () => {
    made(readFileSync(join(fixtures, file), 'utf8'));
  });
}

test('deployments of one name are the targets of one model, with their share, order, limits and prices', () => {
  const { config } = made(fixture('balanced'), { AZURE_US_BASE: 'https://us.openai.azure.com' });
  const { targets, timeout, balance, fallbacks, content_policy_fallbacks } = config.models['gpt-4o']!;
  assert.deepEqual(
    targets.map(({ provider, model, base_model, weight }) => ({ provider, model, base_model, weight })),
    [
      { provider: 'azure', model: 'gpt-4o-eu', base_model: 'gpt-4o', weight: 600 },
      { provider: 'azure-2', model: 'gpt-4o-us', base_model: 'gpt-4o', weight: 300 },
    ],
  );
  assert.deepEqual(
    targets[0]!.limits.map(({ unit, max, per }) => [unit, max, per]),
    [
      ['requests', 600, 'minute'],
      ['tokens', 100_000, 'minute'],
    ],
  );
  assert.deepEqual([timeout.total, timeout.first_byte, balance], [300_000, 20_000, 'usage']);
  assert.deepEqual([fallbacks, content_policy_fallbacks], [['cheap'], ['own']]);
  const cheap = config.models['cheap']!;
  assert.deepEqual(
    cheap.targets.map(({ weight, priority }) => [weight, priority]),
    [
      [900, 1],
      [100, 2],
    ],
  );
  assert.equal(cheap.retry.max_attempts, 5);
  assert.deepEqual([cheap.fallbacks, cheap.context_window_fallbacks], [['own'], ['gpt-4o']]);
  assert.match(JSON.stringify(cheap.targets[1]!.price), /0\.88/);
  assert.deepEqual(config.models['own']!.targets[0]!.limits[0]!.unit, 'concurrent');
});

test('accounts that are the same are one provider, and references to the environment stay references', () => {
  const { config, yaml } = made(fixture('balanced'), {
    AZURE_US_VERSION: '2025-01-01',
    REDIS_PASSWORD: 'p',
    AZURE_EU_KEY: 'k',
  });
  assert.deepEqual(Object.keys(config.providers), ['azure', 'azure-2', 'groq', 'together-ai', 'hosted-vllm']);
  const { azure, 'azure-2': second } = config.providers;
  assert.deepEqual(
    [azure!.base_url, azure!.api_keys, azure!.settings.api_version],
    ['https://eu.openai.azure.com', ['k'], '2024-10-21'],
  );
  assert.equal(second!.base_url, 'https://azure-us-base.is-not-set.invalid');
  assert.equal(second!.settings.api_version, '2025-01-01');
  assert.equal(config.redis.url, 'redis://:p@localhost:6380');
  assert.match(yaml, /api_key: \$\{GROQ_API_KEY:-\}/);
});

test('router, library and general settings are taken where they have an equivalent', () => {
  const { config, yaml } = made(fixture('balanced'), { LITELLM_MASTER_KEY: `sk-${'m'.repeat(40)}` });
  const { retry, timeout, breaker, cache } = config.models['own']!;
  assert.deepEqual([retry.max_attempts, retry.on_timeout, timeout.total], [3, 'never', 30_000]);
  assert.deepEqual([breaker.min_requests, breaker.open, breaker.window], [4, 45_000, 60_000]);
  assert.deepEqual([cache?.exact, cache?.ttl, cache?.share], [true, 600_000, 'team']);
  assert.equal(config.models['own']!.drop_params, true);
  assert.equal(config.admin.key, `sk-${'m'.repeat(40)}`);
  assert.equal(config.server.body_limit, 32 * 2 ** 20);
  assert.equal(config.ledger.retention, 90 * 86_400_000);
  assert.match(yaml, /\$\{TOLLGATE_DATABASE_URL:-\}/);
  assert.deepEqual(
    Object.keys(config.models).filter((name) => config.models[name]!.route),
    ['gpt-4', 'hidden-one'],
  );
});

test('what has no equivalent is told by its path, with a reason', () => {
  const { notTaken, notes } = made(fixture('balanced'));
  assert.match(notTaken['environment_variables']!, /\.env/);
  assert.match(notTaken['model_list[2].litellm_params.temperature']!, /requests/);
  assert.match(notTaken['model_list[4].model_info.input_cost_per_second']!, /per token/);
  assert.match(notTaken['router_settings.retry_policy.RateLimitErrorRetries']!, /one number/);
  assert.match(notTaken['router_settings.fallbacks[0].gpt-4o -> [1]']!, /no model "missing"/);
  assert.match(notTaken['router_settings.model_group_alias.wrong -> route[0].use']!, /nowhere/);
  assert.match(notTaken['litellm_settings.success_callback']!, /webhooks/);
  assert.match(notTaken['litellm_settings.num_retris']!, /did you mean "num_retries"/);
  assert.match(notTaken['general_settings.alerting']!, /webhooks/);
  assert.match(notes['router_settings.model_group_alias.hidden-one']!, /listed/);
  assert.match(notes['general_settings.database_url']!, /TOLLGATE_DATABASE_URL/);
});

test('wildcards stay wildcards; what no pattern of ours expresses is told', () => {
  const { config, notTaken } = made(fixture('wildcards'));
  assert.deepEqual(Object.keys(config.models), ['*', 'anthropic/*', 'bedrock/*']);
  assert.deepEqual(config.models['*']!.targets[0]!.model, '*');
  assert.deepEqual(config.models['*']!.fallbacks, ['plain', 'anthropic/claude-haiku-4-5']);
  assert.match(notTaken['model_list[3] -> model']!, /which has none/);
  assert.match(notTaken['model_list[4]']!, /one \*/);
  assert.match(notTaken['model_list[5].litellm_params.model']!, /provider in front/);
});

test('clouds: addresses without what we append, credentials by name, anchors and merged keys', () => {
  const { config, notTaken, notes } = made(fixture('clouds'));
  const of = (model: string) => config.providers[config.models[model]!.targets[0]!.provider]!;
  assert.equal(config.models['flash']!.targets.length, 2);
  assert.equal(of('named').base_url, 'https://eu.openai.azure.com');
  assert.deepEqual(of('vertex').settings, { project: 'my-project', location: 'us-central1' });
  assert.match(notTaken['model_list[2].litellm_params -> credentials_file']!, /service_account/);
  assert.equal(config.models['sonnet']!.targets[0]!.model, 'us.anthropic.claude-sonnet-4-5-20250929-v1:0');
  assert.deepEqual([of('foundry').type, of('foundry').base_url], ['azure', 'https://x.services.ai.azure.com']);
  assert.deepEqual([of('llama').type, of('llama').base_url], ['ollama', 'http://localhost:11434/v1']);
  assert.deepEqual([of('proxy').type, of('proxy').base_url], ['openai-compatible', 'http://localhost:8000/v1']);
  assert.deepEqual(of('proxy').api_keys, ['s3cr${et}']);
  assert.equal(of('embed').headers['x-a'], 'b');
  assert.match(notTaken['model_list[7].litellm_params.model']!, /no type for the provider "replicate"/);
  assert.match(notTaken['model_list[8].litellm_params.model']!, /did you mean "openai"/);
  assert.match(notTaken['x-shared']!, /no setting/);
  assert.match(notTaken['guardrails']!, /no equivalent/);
  assert.match(notes['model_list[10].litellm_params.api_key']!, /in the file/);
  assert.deepEqual(config.cache.embedding.type, 'provider');
});

test('no string breaks the result, and control characters reach no terminal', () => {
  const { config, notTaken } = made(fixture('hostile'));
  assert.deepEqual(Object.keys(config.providers).includes('evil'), false);
  assert.deepEqual(Object.keys(config.models), ['7']);
  assert.match(notTaken['model_list[3].litellm_params -> base_url']!, /credentials/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  for (const [path, reason] of Object.entries(notTaken)) assert.doesNotMatch(path + reason, /[\u0000-\u001f\u007f]/);
});

test('whatever stands at any place, what is made loads or a reason is told', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom(
      '${X}',
      '${',
      'os.environ/A',
      '*',
      'openai/*',
      '__proto__',
      "'",
      '- a: b',
      '!!js/x',
      '&a',
      '2024-01-01',
    ),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 2 }),
  );
  const params = ['api_key', 'api_base', 'api_version', 'rpm', 'weight', 'order', 'timeout', 'input_cost_per_token'];
  const entry = fc.record({
    model_name: leaf,
    litellm_params: fc
      .tuple(
        fc.dictionary(fc.constantFrom(...params, 'extra_headers', 'aws_region_name', 'vertex_project'), leaf),
        fc.oneof(leaf, fc.constantFrom('openai/gpt-4o', 'azure/x', 'bedrock/y', 'vertex_ai/z', 'ollama/l')),
      )
      .map(([rest, model]) => ({ ...rest, model })),
  });
  const settings = fc.dictionary(
    fc.constantFrom(
      'timeout',
      'num_retries',
      'fallbacks',
      'model_group_alias',
      'redis_host',
      'redis_password',
      'redis_url',
    ),
    fc.oneof(
      leaf,
      fc.dictionary(fc.string({ maxLength: 8 }), leaf),
      fc.array(fc.dictionary(fc.string({ maxLength: 5 }), leaf)),
    ),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), settings, (model_list, router_settings) => {
      made(stringify({ model_list, router_settings, general_settings: router_settings }, { version: '1.1' }));
    }),
    { numRuns: 150 },
  );
});

test('what is no configuration of LiteLLM is refused with its place', () => {
  const refusal = (text: string) => {
    const imported = importLitellm(text, types);
    assert.ok(!imported.ok, text);
    return `${imported.line}:${imported.column}: ${imported.message}`;
  };
  assert.match(refusal('model_list:\n  - a: [1\n'), /^[23]:\d+: /);
  assert.match(refusal('- 1'), /mapping is expected/);
  assert.match(refusal(''), /mapping is expected/);
  assert.match(refusal('providers: {}'), /has none of model_list/);
  assert.match(refusal(`model_list: ${'['.repeat(50_000)}`), /./);
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefgh'[i]}`)}]`),
  ];
  assert.match(refusal(`${bomb.join('\n')}\nmodel_list: []\n`), /alias/i);
});
