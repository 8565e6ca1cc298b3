/** A response to be told again: taken from the event that ended its stream, judged whole or not, with a new identity each time. */
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Prompt, PromptUnfit, Replay } from '../format.js';
import { SseReader } from '../sse.js';
import { itemType, listOf, partsText } from './items.js';
import { asOwn, ownEcho } from './own-state.js';
import type { ResponsesRequest } from './request.js';
import { responsesUsage } from './usage.js';

/** Fields that change how an answer is delivered, kept or recorded, and not what it says. */
const apart: ReadonlySet<string> = new Set([
  ...[
    'model',
    'stream',
    'stream_options',
    'user',
    'safety_identifier',
    'metadata',
    'client_metadata',
    'prompt_cache_key',
  ],
  ...['store', 'background', 'previous_response_id', 'conversation'],
]);

export const responsesReplay: Replay<ResponsesRequest> = {
  unfit: ({ json }) => (isObject(json['prompt']) ? 'kept upstream' : null),
  identity: ({ json }) => {
    const kept = Object.fromEntries(Object.entries(json).filter(([name]) => !apart.has(name)));
    return Array.isArray(kept['input']) ? { ...kept, input: kept['input'].map(withoutId) } : kept;
  },
  prompt: (request, maxTurns) => promptOf(responsesReplay.identity(request), maxTurns),
  isRepeatable: (answer) => isRepeatable(JSON.parse(answer.toString('utf8'))),
  *whole(pieces, usage) {
    const response = yield* endOf(pieces);
    return response && Buffer.from(JSON.stringify({ ...response, usage: responsesUsage(usage) }));
  },
  retold(answer, nowMs, request) {
    const response = asOwn(request, JSON.parse(answer.toString('utf8')) as Json);
    return Buffer.from(JSON.stringify(retold(response, nowMs)));
  },
  // A response that is kept is kept for one key, under the id that its stream told.
  echo: (request, keyId) => [ownEcho(request), request.stores ? keyId : null],
  words: (answer) =>
    listOf((JSON.parse(answer.toString('utf8')) as Json)['output'])
      .map((item) => (isObject(item) && item['type'] === 'message' ? partsText(item['content']) : ''))
      .join(''),
};

/** The id of an item and its status say nothing to the model. */
function withoutId(item: unknown): unknown {
  if (!isObject(item) || itemType(item) === 'item_reference') return item;
  const { id: _id, status: _status, ...rest } = item;
  return rest;
}

function promptOf(request: Json, maxTurns: number): Prompt | PromptUnfit {
  const { input } = request;
  if (typeof input === 'string')
    return input.trim() === '' ? 'no text' : { text: input, rest: { ...request, input: null } };
  const items = listOf(input).filter(isObject);
  const last = items.at(-1);
  if (!last || itemType(last) !== 'message' || last['role'] !== 'user') return 'no text';
  if (items.some((item) => itemType(item) !== 'message')) return 'tools';
  const parts =
    typeof last['content'] === 'string' ? [{ type: 'input_text', text: last['content'] }] : listOf(last['content']);
  const [part] = parts;
  const text = parts.length === 1 && isObject(part) && part['type'] === 'input_text' ? partsText([part]) : '';
  if (text.trim() === '') return 'no text';
  if (items.filter(({ role }) => role === 'user').length > maxTurns) return 'turns';
  if (listOf(request['include']).includes('message.output_text.logprobs')) return 'details';
  return { text, rest: { ...request, input: [...items.slice(0, -1), { ...last, content: null }] } };
}

/** A response that another caller may be given: complete, of words, without calls of tools, not a refusal. */
function isRepeatable(response: unknown): boolean {
  if (!isObject(response) || response['status'] !== 'completed') return false;
  const items = listOf(response['output']).filter(isObject);
  const messages = items.filter(({ type }) => type === 'message');
  if (messages.length === 0 || items.some(({ type }) => type !== 'message' && type !== 'reasoning')) return false;
  return messages.every(({ content }) =>
    listOf(content).every((part) => isObject(part) && part['type'] === 'output_text' && part['text'] !== ''),
  );
}

/** The response of the event that ended a stream. */
function* endOf(pieces: readonly Buffer[]): Generator<number, Json | undefined> {
  const reader = new SseReader();
  let found: Json | undefined;
  for (const piece of pieces) {
    reader.feed(piece, ({ name, data }) => {
      if (data === undefined || (name !== '' && name !== 'response.completed')) return true;
      const event: unknown = parsed(data);
      if (isObject(event) && event['type'] === 'response.completed' && isObject(event['response']))
        found = event['response'];
      return true;
    });
    yield piece.length;
  }
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const prefixes: Readonly<Record<string, 'msg' | 'rs'>> = { message: 'msg', reasoning: 'rs' };

function retold(response: Json, nowMs: number): Json {
  const createdAtS = Math.floor(nowMs / 1000);
  const output = listOf(response['output']).map((item) =>
    isObject(item) ? { ...item, id: newId(prefixes[String(item['type'])] ?? 'msg', nowMs) } : item,
  );
  const completed = response['completed_at'] == null ? {} : { completed_at: createdAtS };
  return { ...response, id: newId('resp', nowMs), created_at: createdAtS, ...completed, output };
}
