/** The list of models, in the form of whoever asks. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';

let gateway: Gateway;
let secret: string;

before(async () => {
  const target = (provider: string, model: string) => ({ targets: [{ provider, model }] });
  gateway = await startGateway({
    config: {
      providers: {
        openai: { type: 'openai', api_key: 'sk-x' },
        anthropic: { type: 'anthropic', api_key: 'sk-ant-x' },
        sandbox: { type: 'sandbox' },
      },
      models: {
        'gpt-4o-mini': target('openai', 'gpt-4o-mini'),
        'claude-sonnet-4-5': {
          ...target('anthropic', 'claude-sonnet-4-5'),
          price: { input: 3, output: 15, cached_input: 0.3 },
        },
        both: {
          targets: [
            { provider: 'openai', model: 'gpt-4o-mini' },
            { provider: 'anthropic', model: 'claude-sonnet-4-5' },
          ],
          max_output: 1000,
        },
        sandbox: { ...target('sandbox', 'sandbox'), price: { input: 1, output: 2 } },
        auto: { route: [{ use: 'both' }] },
      },
    },
  });
  ({ key: secret } = await gateway.key());
});
after(() => gateway?.close());

const get = (path: string, headers: Record<string, string> = {}, key = secret) =>
  fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}`, ...headers } });
const json = async (path: string, headers: Record<string, string> = {}) =>
  (await (await get(path, headers)).json()) as Record<string, unknown> & { data: Record<string, unknown>[] };
const anthropics = { 'anthropic-version': '2026-10-21' };

describe('the list of models', () => {
  it('as OpenAI has it, with what is known of each: window, maximum and price', async () => {
    const { object, data, models } = await json('/v1/models');
    assert.equal(object, 'list');
    assert.equal(models, undefined);
    const byId = new Map(data.map(({ id, created: _, ...rest }) => [id, rest]));
    const base = { object: 'model', owned_by: 'tollgate' };
    assert.deepEqual(byId.get('gpt-4o-mini'), {
      ...base,
      context_window: 128_000,
      max_output_tokens: 16_384,
      pricing: { input: 0.15, cached_input: 0.075, output: 0.6 },
      modalities: { input: ['text', 'image', 'file'], output: ['text'] },
      abilities: { sampling: true, tools: true, forced_tool: true, json_schema: true, reasoning: 'none' },
    });
    assert.deepEqual(byId.get('claude-sonnet-4-5')!['pricing'], { input: 3, cached_input: 0.3, output: 15 });
    // Of several targets what all of them take; how each is told to think differs.
    assert.deepEqual(byId.get('both')!['modalities'], { input: ['text', 'image', 'file'], output: ['text'] });
    assert.deepEqual(byId.get('both')!['abilities'], {
      ...{ sampling: true, tools: true, forced_tool: true, json_schema: true },
    });
    const { context_window, max_output_tokens } = byId.get('both')!;
    assert.deepEqual([context_window, max_output_tokens], [128_000, 1000]);
    assert.deepEqual(byId.get('sandbox'), { ...base, pricing: { input: 1, cached_input: 1, output: 2 } });
    assert.equal(byId.get('auto')!['context_window'], 128_000);
    assert.deepEqual(
      await json('/v1/models/sandbox'),
      data.find(({ id }) => id === 'sandbox'),
    );
  });

  it('as Anthropic has it, for clients that name a version of its API', async () => {
    const page = await json('/v1/models?limit=1000', anthropics);
    assert.deepEqual([page['has_more'], page['first_id'], page['last_id']], [false, 'gpt-4o-mini', 'auto']);
    const claude = page.data.find(({ id }) => id === 'claude-sonnet-4-5')!;
    assert.match(String(claude['created_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(claude, {
      id: 'claude-sonnet-4-5',
      type: 'model',
      display_name: 'claude-sonnet-4-5',
      created_at: claude['created_at'],
      max_input_tokens: 200_000,
      max_tokens: 64_000,
      lifecycle: 'active',
      line: null,
      deprecated_at: null,
      retires_at: null,
      capabilities: null,
    });
    assert.deepEqual(await json('/v1/models/claude-sonnet-4-5', anthropics), claude);
  });

  it('in pages, forwards and backwards', async () => {
    const ids = ({ data }: { data: Record<string, unknown>[] }) => data.map(({ id }) => id);
    const all = ids(await json('/v1/models?limit=1000', anthropics));
    const first = await json('/v1/models?limit=2', anthropics);
    assert.deepEqual([ids(first), first['has_more']], [all.slice(0, 2), true]);
    const second = await json(`/v1/models?limit=2&after_id=${String(first['last_id'])}`, anthropics);
    assert.deepEqual([ids(second), second['has_more']], [all.slice(2, 4), true]);
    const last = await json(`/v1/models?limit=2&after_id=${String(second['last_id'])}`, anthropics);
    assert.deepEqual([ids(last), last['has_more']], [all.slice(4), false]);
    const back = await json(`/v1/models?limit=2&before_id=${String(last['first_id'])}`, anthropics);
    assert.deepEqual([ids(back), back['has_more']], [all.slice(2, 4), true]);
    for (const odd of ['limit=0', 'limit=x', 'limit=-1', 'after_id=nobody', 'before_id='])
      assert.deepEqual(ids(await json(`/v1/models?${odd}`, anthropics)), all, odd);
  });

  it('as Codex looks for it, beside the list, where it names its version', async () => {
    const { models, data } = await json('/v1/models?client_version=0.150.0');
    assert.equal((models as unknown[]).length, data.length);
    assert.deepEqual((models as Record<string, unknown>[])[0], {
      slug: 'gpt-4o-mini',
      display_name: 'gpt-4o-mini',
      context_window: 128_000,
    });
  });

  it('tells errors in the form of whoever asks', async () => {
    for (const path of ['/v1/models', '/v1/models/nobody']) {
      const key = path.endsWith('models') ? 'sk-nobody' : secret;
      const told = (await (await get(path, anthropics, key)).json()) as { type: string; error: { type: string } };
      assert.equal(told.type, 'error');
      assert.match(told.error.type, /^(authentication|not_found)_error$/);
      const plain = (await (await get(path, {}, key)).json()) as { error: { code: string } };
      assert.match(plain.error.code, /^(invalid_api_key|model_not_found)$/);
    }
  });
});
