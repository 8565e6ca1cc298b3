/** Streams of chat completions told as events of the messages dialect, as raw events and through the Anthropic client. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { isOwnSignature } from '../../../src/formats/anthropic-messages/own-signature.js';
import type { Json } from '../../../src/lib/json.js';
import { translation } from './calls.js';

const extra = { cost_usd: '0', attempts: 1, cache: 'off' };
const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 4 },
};

const chunk = (delta: object, finish: string | null = null, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const call = (index: number, id: string | undefined, name: string | undefined, args: string) => ({
  tool_calls: [{ index, ...(id && { id, type: 'function' }), function: { ...(name && { name }), arguments: args } }],
});
const usage = { id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'm', choices: [], usage: USAGE };

interface Told {
  readonly events: readonly Json[];
  readonly text: string;
}

async function told(chunks: readonly object[], request: object = {}, ends = true): Promise<Told> {
  const reader = (await translation({ stream: true, ...request })).stream();
  let text = '';
  for (const one of chunks) text += reader.push(Buffer.from(`data: ${JSON.stringify(one)}\n\n`)).toString();
  if (ends) {
    text += reader.push(Buffer.from('data: [DONE]\n\n')).toString();
    assert.equal(reader.failure, undefined);
    text += reader.closing(extra).toString();
  }
  const events = text.split('\n\n').flatMap((event) => {
    if (event === '') return [];
    const [name, data] = event.split('\n');
    const json = JSON.parse(data!.slice(6)) as Json;
    assert.equal(name, `event: ${String(json['type'])}`);
    return [json];
  });
  return { events, text };
}

/** Each block as what its pieces come to. */
function blocksOf({ events }: Told): unknown[] {
  const blocks: { start: Json; pieces: Json[] }[] = [];
  let open = false;
  for (const { type, index, content_block: start, delta } of events) {
    if (type === 'content_block_start') {
      assert.equal(index, blocks.length, 'blocks are numbered without gaps');
      assert.ok(!open, 'one block is open at a time');
      open = true;
      blocks.push({ start: start as Json, pieces: [] });
    } else if (type === 'content_block_delta') {
      assert.ok(open && index === blocks.length - 1);
      blocks.at(-1)!.pieces.push(delta as Json);
    } else if (type === 'content_block_stop') {
      assert.ok(open && index === blocks.length - 1);
      open = false;
    }
  }
  assert.ok(!open, 'the last block is closed');
  return blocks.map(({ start, pieces }) => {
    const joined = pieces.map((piece) => piece['text'] ?? piece['thinking'] ?? piece['partial_json'] ?? '').join('');
    return start['type'] === 'tool_use' ? [start['name'], start['id'], joined] : [start['type'], joined];
  });
}

const ending = ({ events }: Told) => events.findLast(({ type }) => type === 'message_delta')!;

test('words, as they come, with the usage at the end', async () => {
  const chunks = [chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hel' }), chunk({ content: 'lo' })];
  const all = await told([...chunks, chunk({}, 'stop'), usage]);
  assert.deepEqual(
    all.events.map(({ type }) => type),
    [
      ...['message_start', 'content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_stop'],
      ...['message_delta', 'message_stop'],
    ],
  );
  const { message } = all.events[0] as { message: Json };
  assert.deepEqual([message['id'], message['model'], message['content']], ['msg_1', 'claude-asked', []]);
  assert.ok(((message['usage'] as Json)['input_tokens'] as number) > 0);
  assert.deepEqual(ending(all)['delta'], {
    stop_reason: 'end_turn',
    stop_sequence: null,
    stop_details: null,
    container: null,
  });
  const { input_tokens, cache_read_input_tokens, output_tokens } = ending(all)['usage'] as Json;
  assert.deepEqual([input_tokens, cache_read_input_tokens, output_tokens], [6, 4, 5]);
  const early = await told(chunks, {}, false);
  assert.deepEqual(early.events.at(-1), {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'lo' },
  });
});

test('empty chunks, those without choices, and comments open nothing', async () => {
  const azure = { ...usage, usage: undefined, prompt_filter_results: [] };
  const all = await told([
    azure,
    chunk({}),
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'a' }),
    chunk({}, 'stop'),
  ]);
  assert.deepEqual(blocksOf(all), [['text', 'a']]);
  const reader = (await translation({ stream: true })).stream();
  const ping = reader.push(Buffer.from(': keep-alive\n\n')).toString();
  assert.equal(ping, 'event: ping\ndata: {"type":"ping"}\n\n');
});

describe('calls', () => {
  test('one after the other, in pieces', async () => {
    const all = await told([
      chunk({ content: 'Looking.' }),
      chunk(call(0, 'a', 'get', '')),
      chunk(call(0, undefined, undefined, '{"x":')),
      chunk(call(0, undefined, undefined, '1}')),
      chunk(call(1, 'b', 'set', '{}')),
      chunk({}, 'tool_calls'),
      usage,
    ]);
    assert.deepEqual(blocksOf(all), [
      ['text', 'Looking.'],
      ['get', 'a', '{"x":1}'],
      ['set', 'b', '{}'],
    ]);
    assert.equal((ending(all)['delta'] as Json)['stop_reason'], 'tool_use');
    assert.ok(
      all.events.every(
        ({ content_block: block }) =>
          !block || !(block as Json)['input'] || JSON.stringify((block as Json)['input']) === '{}',
      ),
    );
  });

  test('mixed: the pieces of the second wait for the end of the first', async () => {
    const all = await told([
      chunk(call(0, 'a', 'get', '{"x":')),
      chunk(call(1, 'b', 'set', '{"y":')),
      chunk(call(0, undefined, undefined, '1}')),
      chunk(call(1, undefined, undefined, '2}')),
      chunk({}, 'tool_calls'),
    ]);
    assert.deepEqual(blocksOf(all), [
      ['get', 'a', '{"x":1}'],
      ['set', 'b', '{"y":2}'],
    ]);
  });

  test('without arguments, cut off, and all under one number', async () => {
    const bare = await told([chunk(call(0, 'a', 'now', '')), chunk(call(1, 'b', 'now', '')), chunk({}, 'stop')]);
    assert.deepEqual(blocksOf(bare), [
      ['now', 'a', ''],
      ['now', 'b', ''],
    ]);
    assert.equal((ending(bare)['delta'] as Json)['stop_reason'], 'tool_use');
    const cut = await told([chunk(call(0, 'a', 'get', '{"x":')), chunk({}, 'length')]);
    assert.deepEqual(blocksOf(cut), [['get', 'a', '{"x":']]);
    assert.equal((ending(cut)['delta'] as Json)['stop_reason'], 'max_tokens');
    const alike = await told([chunk(call(0, 'a', 'get', '{}')), chunk(call(0, 'b', 'get', '{}')), chunk({}, 'stop')]);
    assert.deepEqual(blocksOf(alike), [
      ['get', 'a', '{}'],
      ['get', 'b', '{}'],
    ]);
  });

  test('whose name or id come late or never', async () => {
    const late = await told([
      chunk({ tool_calls: [{ index: 0, id: 'a', function: { arguments: '' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { name: 'get', arguments: '{' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '}' } }] }),
      chunk({}, 'tool_calls'),
    ]);
    assert.deepEqual(blocksOf(late), [['get', 'a', '{}']]);
    const nameless = await told([chunk(call(0, undefined, 'get', '{}')), chunk({}, 'tool_calls')]);
    assert.match(((blocksOf(nameless)[0] as string[])[1] ?? '') as string, /^toolu_/);
  });

  test('with a parse of the first at most once for each of its pieces, however many pieces the second has', async () => {
    const long = JSON.stringify('x'.repeat(200_000)).slice(0, -1);
    const pieces = Array.from({ length: 2000 }, () => chunk(call(1, undefined, undefined, ' ')));
    const started = performance.now();
    await told([chunk(call(0, 'a', 'get', long)), chunk(call(1, 'b', 'set', '{}')), ...pieces, chunk({}, 'length')]);
    assert.ok(performance.now() - started < 5000);
  });
});

describe('thinking', () => {
  test('is closed with a signature before the words begin', async () => {
    for (const field of ['reasoning_content', 'reasoning']) {
      const all = await told([
        chunk({ [field]: 'H' }),
        chunk({ [field]: 'm.' }),
        chunk({ content: 'a' }),
        chunk({}, 'stop'),
      ]);
      assert.deepEqual(blocksOf(all), [
        ['thinking', 'Hm.'],
        ['text', 'a'],
      ]);
      const signature = all.events.find(({ delta }) => (delta as Json | undefined)?.['type'] === 'signature_delta');
      assert.ok(isOwnSignature((signature!['delta'] as Json)['signature']));
    }
  });

  test('is left out where the caller has turned it off', async () => {
    const all = await told([chunk({ reasoning: 'Hm.' }), chunk({ content: 'a' }), chunk({}, 'stop')], {
      thinking: { type: 'disabled' },
    });
    assert.deepEqual(blocksOf(all), [['text', 'a']]);
  });

  test('that the target signs keeps its signature', async () => {
    const signed = [{ type: 'thinking', thinking: 'Hm.', signature: 'EqQB' }];
    const { text } = await told([
      chunk({ reasoning_content: 'Hm.' }),
      chunk({ thinking_blocks: signed }),
      chunk({ content: 'a' }),
      chunk({}, 'stop'),
    ]);
    assert.match(text, /"signature":"EqQB"/);
  });
});

test('a citation stands on the block that it is about, or after all where that is closed', async () => {
  const cite = (start_index: number, end_index: number, url: string) => ({
    annotations: [{ type: 'url_citation', url_citation: { start_index, end_index, url, title: '' } }],
  });
  const { events } = await told([
    chunk({ content: 'First. ' }),
    chunk(cite(0, 5, 'https://open')),
    chunk(call(0, 'a', 'get', '{"x":')),
    chunk({ content: 'Second.' }),
    chunk(cite(7, 14, 'https://waits')),
    chunk(cite(0, 5, 'https://closed')),
    chunk(call(0, undefined, undefined, '1}')),
    chunk({ content: ' Third.' }),
    chunk(cite(14, 20, 'https://again')),
    chunk({}, 'stop'),
  ]);
  const cited = events.flatMap(({ index, delta }) => {
    const citation = (delta as Json | undefined)?.['citation'] as Json | undefined;
    return citation ? [[index, citation['url'], citation['cited_text']]] : [];
  });
  assert.deepEqual(cited, [
    [0, 'https://open', 'First'],
    [2, 'https://waits', 'Second.'],
    [2, 'https://again', ' Third'],
    [3, 'https://closed', 'First'],
  ]);
  const kinds = events.flatMap(({ content_block: block }) => (block ? [(block as Json)['type']] : []));
  assert.deepEqual(kinds, ['text', 'tool_use', 'text', 'text']);
});

test('a refusal, a filter, and usage that nobody told', async () => {
  const refused = await told([chunk({ refusal: 'I ' }), chunk({ refusal: 'cannot.' }), chunk({}, 'stop')]);
  assert.deepEqual(blocksOf(refused), [['text', 'I cannot.']]);
  const { stop_reason, stop_details } = ending(refused)['delta'] as Json;
  assert.equal(stop_reason, 'refusal');
  assert.deepEqual(stop_details, { type: 'refusal', category: null, explanation: 'I cannot.' });
  const filtered = await told([chunk({ content: 'a' }), chunk({}, 'content_filter')]);
  assert.equal((ending(filtered)['delta'] as Json)['stop_reason'], 'refusal');
  const { input_tokens, output_tokens } = ending(filtered)['usage'] as Json;
  assert.ok((input_tokens as number) > 0 && (output_tokens as number) > 0);
});

test('the Anthropic client assembles all of it', async () => {
  const { text } = await told(
    [
      chunk({ reasoning: 'Hm.' }),
      chunk({ content: 'Looking.' }),
      chunk(call(0, 'a', 'get', '{"city":')),
      chunk(call(1, 'b', 'now', '')),
      chunk(call(0, undefined, undefined, '"Rome"}')),
      chunk({}, 'tool_calls'),
      usage,
    ],
    { tools: [{ name: 'get', input_schema: {} }] },
  );
  const client = new Anthropic({
    apiKey: 'x',
    baseURL: 'http://x.test',
    fetch: async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } }),
  });
  const ask = { model: 'm', max_tokens: 10, messages: [{ role: 'user' as const, content: 'x' }] };
  const message = await client.messages.stream(ask).finalMessage();
  assert.deepEqual(
    message.content.map((block) => (block.type === 'tool_use' ? [block.name, block.input] : block.type)),
    ['thinking', 'text', ['get', { city: 'Rome' }], ['now', {}]],
  );
  assert.equal(message.stop_reason, 'tool_use');
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [6, 5]);
});
