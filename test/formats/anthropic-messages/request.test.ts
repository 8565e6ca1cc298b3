/** What is read of a request of the messages dialect, what is refused, and its facts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endUserOf, sessionOf } from '../../../src/formats/anthropic-messages/end-user.js';
import { readCountRequest, readMessagesRequest } from '../../../src/formats/anthropic-messages/request.js';
import { estimate } from '../../../src/tokens/estimate.js';
import { atOnce } from '../../support/at-once.js';

const least = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const read = (body: object | string) =>
  atOnce(readMessagesRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))));

function request(more: object = {}) {
  const result = read({ ...least, ...more });
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.value;
}

const facts = (more: object = {}) => request(more).facts;
const user = (...content: object[]) => ({ messages: [{ role: 'user', content }] });
const rule = { encoding: 'o200k_base', factor: 1, exact: true } as const;

describe('a request', () => {
  test('is refused with the path of the field that is at fault', () => {
    const cases: [object | string, string][] = [
      ['', 'The request body is empty'],
      ['[]', 'must be a JSON object'],
      [{ ...least, model: undefined }, 'model: Field required'],
      [{ ...least, model: 7 }, 'model: must be'],
      [{ ...least, max_tokens: undefined }, 'max_tokens: Field required'],
      [{ ...least, max_tokens: 1.5 }, 'max_tokens: must be'],
      [{ ...least, max_tokens: -1 }, 'max_tokens: must be'],
      [{ ...least, messages: undefined }, 'messages: Field required'],
      [{ ...least, messages: {} }, 'messages: must be'],
      [{ ...least, messages: [] }, 'messages: at least one'],
      [{ ...least, messages: ['hi'] }, 'messages.0: must be'],
      [{ ...least, messages: [{ content: 'hi' }] }, 'messages.0.role: must be'],
      [{ ...least, messages: [{ role: 'user' }] }, 'messages.0.content: Field required'],
      [{ ...least, messages: [{ role: 'user', content: 7 }] }, 'messages.0.content: must be'],
      [{ ...least, messages: [{ role: 'user', content: [{ text: 'hi' }] }] }, 'messages.0.content.0: must be'],
      [{ ...least, system: 7 }, 'system: must be'],
      [{ ...least, system: ['x'] }, 'system.0: must be'],
      [{ ...least, stream: 'yes' }, 'stream: must be'],
      [{ ...least, tools: {} }, 'tools: must be'],
      [{ ...least, thinking: 'on' }, 'thinking: must be'],
      [{ ...least, metadata: [] }, 'metadata: must be'],
      ['{"model":"a","model":"b","max_tokens":1,"messages":[{"role":"user","content":""}]}', "'model' is given twice"],
    ];
    for (const [body, words] of cases) {
      const result = read(body);
      assert.ok(!result.ok, words);
      assert.ok(result.refusal.message.includes(words), `${result.refusal.message} | ${words}`);
    }
  });

  test('may have roles, blocks, tools and fields that nobody here knows', () => {
    const unknown = request({
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: [{ type: 'from_the_future', value: 1 }] },
      ],
      tools: [{ type: 'web_search_29991231', name: 'web_search' }],
      context_management: { edits: [] },
      stream: null,
    });
    assert.equal(unknown.model, 'm');
    assert.equal(unknown.stream, false);
  });

  test('whose tokens are to be counted needs no maximum', () => {
    const { max_tokens: _, ...rest } = least;
    assert.ok(atOnce(readCountRequest(Buffer.from(JSON.stringify(rest)))).ok);
  });

  test('is its end user’s: of what a coding agent says, its account, else its device, and no session', () => {
    const agent = { device_id: 'd1', account_uuid: 'a1', session_id: 's1' };
    assert.equal(request({ metadata: { user_id: 'ann', team: 'x' } }).user, 'ann');
    assert.deepEqual(request({ metadata: { user_id: 'ann', team: 'x' } }).metadata, { team: 'x' });
    assert.equal(request().user, null);
    assert.equal(endUserOf(JSON.stringify(agent)), 'a1');
    assert.equal(endUserOf(JSON.stringify({ ...agent, account_uuid: '' })), 'd1');
    assert.equal(sessionOf(JSON.stringify(agent)), 's1');
    assert.equal(endUserOf('user_abc_account__session_0f-1'), 'user_abc_account_');
    assert.equal(sessionOf('user_abc_account__session_0f-1'), '0f-1');
    for (const odd of ['{', '{}', '[1]', 'ann_session_1']) assert.equal(endUserOf(odd), odd);
    for (const odd of ['', 7, null, undefined]) assert.equal(endUserOf(odd), null);
    assert.equal(sessionOf('ann'), null);
  });
});

describe('facts', () => {
  test('the maximum, one choice, and what the request has', () => {
    const plain = facts();
    assert.deepEqual([plain.maxOutput, plain.choices, plain.inputs], [10, 1, 1]);
    const features = (more: object) =>
      (['tools', 'image', 'file', 'audio', 'json', 'json_schema', 'reasoning', 'stream', 'system'] as const).filter(
        (name) => facts(more).has(name),
      );
    assert.deepEqual(features({}), []);
    assert.deepEqual(features({ tools: [{ name: 'a', input_schema: {} }] }), ['tools']);
    assert.deepEqual(features(user({ type: 'image', source: {} })), ['image']);
    assert.deepEqual(features(user({ type: 'document', source: {} })), ['file']);
    assert.deepEqual(features(user({ type: 'tool_result', tool_use_id: 'x', content: [{ type: 'image' }] })), [
      'image',
    ]);
    assert.deepEqual(features({ output_config: { format: { type: 'json_schema', schema: {} } } }), [
      'json',
      'json_schema',
    ]);
    assert.deepEqual(features({ output_format: { type: 'json_schema', schema: {} } }), ['json', 'json_schema']);
    assert.deepEqual(features({ thinking: { type: 'adaptive' } }), ['reasoning']);
    assert.deepEqual(features({ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }), []);
    assert.deepEqual(features({ output_config: { effort: 'high' } }), ['reasoning']);
    assert.deepEqual(features({ stream: true }), ['stream']);
    assert.deepEqual(features({ system: 'x' }), ['system']);
    assert.deepEqual(features({ system: [{ type: 'text', text: 'x' }] }), ['system']);
    assert.deepEqual(features({ messages: [{ role: 'system', content: 'x' }, ...least.messages] }), ['system']);
  });

  test('a mark for the prompt cache counts wherever it stands', () => {
    const mark = { cache_control: { type: 'ephemeral' } };
    const marked: object[] = [
      mark,
      { system: [{ type: 'text', text: 'x', ...mark }] },
      { tools: [{ name: 'a', input_schema: {}, ...mark }] },
      user({ type: 'text', text: 'x', ...mark }),
      user({ type: 'tool_result', tool_use_id: 'x', content: [{ type: 'text', text: 'x', ...mark }] }),
      user({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x', ...mark }] } }),
    ];
    for (const more of marked) assert.equal(facts(more).billable.cacheWrite, true, JSON.stringify(more));
    assert.equal(facts({ system: [{ type: 'text', text: 'cache_control' }] }).billable.cacheWrite, false);
    assert.equal(facts({ cache_control: null }).billable.cacheWrite, false);
  });

  test('what may cost more than text: pictures, what is not known, a tier, a speed', () => {
    const { images, audioInput, audioOutput, serviceTier } = facts().billable;
    assert.deepEqual([images, audioInput, audioOutput, serviceTier], [false, false, false, false]);
    for (const type of ['image', 'document', 'container_upload', 'from_the_future'])
      assert.equal(facts(user({ type })).billable.images, true, type);
    assert.equal(facts({ service_tier: 'auto' }).billable.serviceTier, true);
    assert.equal(facts({ service_tier: 'standard_only' }).billable.serviceTier, false);
    assert.equal(facts({ speed: 'fast' }).billable.serviceTier, true);
  });

  test('how much more than its own bytes the model may read', () => {
    assert.equal(facts().mediaTokensMost(), 0);
    assert.equal(facts(user({ type: 'tool_use', id: 'a', name: 'b', input: {} })).mediaTokensMost(), 0);
    assert.ok(facts(user({ type: 'image' })).mediaTokensMost() >= 10_000);
    const unbounded: object[] = [
      user({ type: 'document' }),
      user({ type: 'from_the_future' }),
      { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      { mcp_servers: [{ url: 'https://example.com' }] },
      { container: 'c' },
    ];
    for (const more of unbounded) assert.ok(facts(more).mediaTokensMost() >= 1_000_000, JSON.stringify(more));
    for (const type of ['custom', 'bash_20250124', 'text_editor_20250728', 'memory_20250818', null])
      assert.equal(facts({ tools: [{ type, name: 'x' }] }).mediaTokensMost(), 0, String(type));
  });

  test('tokens of every text that the model reads', async () => {
    const words = 'one two three four five six seven eight nine ten';
    const tokens = (more: object) => estimate(facts(more), rule, 'claude');
    const bare = await tokens({});
    const longer: object[] = [
      { system: words },
      { system: [{ type: 'text', text: words }] },
      user({ type: 'text', text: words }),
      user({ type: 'thinking', thinking: words, signature: 's' }),
      user({ type: 'tool_use', id: 't', name: 'n', input: { words } }),
      user({ type: 'tool_result', tool_use_id: 't', content: words }),
      user({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: words }] }),
      user({ type: 'search_result', title: 't', source: 's', content: [{ type: 'text', text: words }] }),
      user({ type: 'document', source: { type: 'text', data: words } }),
      user({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: words }] } }),
      user({ type: 'from_the_future', words }),
      { tools: [{ name: 'n', description: words, input_schema: { type: 'object' } }] },
      { tools: [{ type: 'odd_1', words }] },
      { output_config: { format: { type: 'json_schema', schema: { description: words } } } },
    ];
    for (const more of longer) assert.ok((await tokens(more)) >= bare + 9, JSON.stringify(more));
    assert.ok(
      (await tokens(user({ type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } }))) > bare + 500,
    );
  });

  test('the text of the last turn of the user that has any', () => {
    const turns = {
      messages: [
        { role: 'user', content: 'first' },
        { role: 'assistant', content: 'said' },
        { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'image' }, { type: 'text', text: 'b' }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'no' }] },
      ],
    };
    assert.equal(facts(turns).lastUserText(), 'a\nb');
  });

  test('what stays the same as a conversation goes on, whatever line is put before the instructions', () => {
    const system = (line: string) => [
      { type: 'text', text: `x-anthropic-billing-header: cc_version=2; ${line}` },
      { type: 'text', text: 'You are helpful.' },
    ];
    const first = facts({ system: system('1') });
    const later = facts({
      system: system('2'),
      messages: [...least.messages, { role: 'assistant', content: 'ho' }, { role: 'user', content: 'more' }],
    });
    assert.equal(first.prefix(), later.prefix());
    assert.notEqual(first.prefix(), facts({ system: 'other' }).prefix());
  });
});
