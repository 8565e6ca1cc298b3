/** The chunks through the real `openai` package, over a real connection. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { atOnce } from '../../support/at-once.js';
import { fixture, SONNET_4, streamed, translation } from './calls.js';

/** Answers the next requests with these, in turn. */
const answers: { type: string; body: Buffer }[] = [];
const received: Record<string, unknown>[] = [];
let server: Server;
let client: OpenAI;

before(async () => {
  server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, unknown>);
      const { type, body } = answers.shift()!;
      response.writeHead(200, { 'content-type': type });
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'none', maxRetries: 0 });
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const serveStream = (name: string, request: object = {}, settings: object = {}) =>
  answers.push({ type: 'text/event-stream', body: streamed(request, [fixture(name)], settings).bytes });
const serveAnswer = (name: string, request: object = {}, settings: object = {}) => {
  const answer = atOnce(translation(request, settings).answer(fixture(name)));
  assert.ok(answer.ok);
  answers.push({ type: 'application/json', body: answer.body });
};

const question = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };
const parameters = { type: 'object', properties: {}, additionalProperties: false } as const;
const getTime = { type: 'function' as const, function: { name: 'get_time', strict: true, parameters } };
const getWeather = { type: 'function' as const, function: { name: 'get_weather', parameters } };
const person = zodResponseFormat(z.object({ name: z.string(), age: z.number() }), 'person');

test('stream() accumulates text and usage', async () => {
  serveStream('text.sse', {}, { askedUsage: true });
  const stream = client.chat.completions.stream({ ...question, stream_options: { include_usage: true } });
  const completion = await stream.finalChatCompletion();
  assert.equal(completion.choices[0]?.message.content, 'Grüß Gott, 世界 🌍!');
  assert.equal(completion.choices[0]?.finish_reason, 'stop');
  assert.equal(completion.usage?.total_tokens, 40);
});

test('stream() accumulates parallel tool calls, strict and without arguments too', async () => {
  serveStream('tools.sse');
  const stream = client.chat.completions.stream({ ...question, tools: [getWeather, getTime] });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0]!;
  assert.equal(finish_reason, 'tool_calls');
  assert.deepEqual(
    message.tool_calls?.map(({ id, function: called }) => [id, called.name, called.arguments]),
    [
      ['toolu_01Paris', 'get_weather', '{"city": "Paris", "id": 12345678901234567890}'],
      ['toolu_01Time', 'get_time', '{}'],
    ],
  );
});

test('stream() keeps signed thinking whole, so that it can be sent back', async () => {
  serveStream('thinking.sse');
  const message = await client.chat.completions.stream(question).finalMessage();
  const { thinking_blocks } = message as unknown as { thinking_blocks: object[] };
  assert.deepEqual(thinking_blocks[0], {
    type: 'thinking',
    thinking: 'The user wants a sum.',
    signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3h',
  });
  assert.equal(thinking_blocks.length, 2);
});

test('stream() accumulates a refusal', async () => {
  serveStream('refusal.sse');
  const { message, finish_reason } = (await client.chat.completions.stream(question).finalChatCompletion()).choices[0]!;
  assert.equal(finish_reason, 'content_filter');
  assert.equal(message.refusal, 'This request was blocked under the usage policy.');
});

test('stream() parses the answer of a forced tool', async () => {
  serveStream('json-tool.sse', { response_format: person }, { model: SONNET_4 });
  const completion = await client.chat.completions
    .stream({ ...question, response_format: person })
    .finalChatCompletion();
  assert.deepEqual(completion.choices[0]?.message.parsed, { name: 'Ada', age: 36 });
});

test('parse() parses the answer of a forced tool, and an answer that came in a fence', async () => {
  serveAnswer('json-tool.json', { response_format: person }, { model: SONNET_4 });
  const forced = await client.chat.completions.parse({ ...question, response_format: person });
  assert.deepEqual(forced.choices[0]?.message.parsed, { name: 'Ada', age: 36 });
  serveAnswer('fenced-json.json', { response_format: { type: 'json_object' } });
  const fenced = zodResponseFormat(z.object({ a: z.number() }), 'fenced');
  const told = await client.chat.completions.parse({ ...question, response_format: fenced });
  assert.deepEqual(told.choices[0]?.message.parsed, { a: 1 });
});

test('runTools() calls the tools of a stream and sends back what can be translated', async () => {
  serveStream('tools.sse');
  serveStream('text.sse');
  const called: string[] = [];
  const run = (name: string) => ({
    type: 'function' as const,
    function: { name, description: name, parameters, function: () => `call ${called.push(name)}` },
  });
  const runner = client.chat.completions.runTools({
    ...question,
    stream: true,
    tools: [run('get_weather'), run('get_time')],
  });
  assert.equal(await runner.finalContent(), 'Grüß Gott, 世界 🌍!');
  assert.deepEqual(called, ['get_weather', 'get_time']);
  const { messages } = JSON.parse(translation(received.at(-1)!).body.toString('utf8')) as {
    messages: { content: { type: string }[] }[];
  };
  assert.deepEqual(
    messages.map(({ content }) => content.map(({ type }) => type)),
    [['text'], ['text', 'tool_use', 'tool_use'], ['tool_result', 'tool_result']],
  );
});

test('a stream that fails has no finish, so that stream() does not take it for an answer', async () => {
  serveStream('overloaded.sse');
  await assert.rejects(client.chat.completions.stream(question).finalChatCompletion(), /finish_reason/);
});
