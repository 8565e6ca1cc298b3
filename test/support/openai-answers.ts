/**
 * Chat completions as OpenAI's API words them, honouring the request: `stream`, `stream_options`, `n`, `tools`,
 * `response_format`, `logprobs`, and for words its maximum. Where tools are given and the last message is no tool's result, every tool is called once
 * (only the first with `parallel_tool_calls: false`), with arguments made from its schema; after the results come words.
 */
import { sampleOf } from './schema-sample.js';
import { json, openaiError, type Received, type Step, sse } from './upstream-steps.js';

interface Tool {
  readonly type: string;
  readonly function: { readonly name: string; readonly parameters?: Record<string, unknown> };
}

interface Message {
  readonly role: string;
  readonly content?:
    | string
    | null
    | readonly { readonly type: string; readonly text?: string; readonly image_url?: { url: string } }[];
}

interface ChatBody {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean } | null;
  readonly n?: number | null;
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly tools?: readonly Tool[];
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: boolean;
  readonly response_format?: {
    readonly type: string;
    readonly json_schema?: { readonly schema: Record<string, unknown> };
  };
  readonly logprobs?: boolean;
}

/** What the model says: words, or calls of tools. */
export interface Saying {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: string }[];
  /** The request's maximum cut it short. */
  readonly cut?: boolean;
}

export function answerChat(request: Received, saying?: Saying): readonly Step[] {
  if (!/^Bearer ./.test(request.headers.authorization ?? '')) {
    return openaiError(401, { message: "You didn't provide an API key.", code: null });
  }
  const body = request.json() as unknown as ChatBody;
  const said = saying ?? sayingFor(body);
  return body.stream
    ? sse(...streamOf(body, said))
    : json(200, completionOf(body, said), { 'x-request-id': 'req_upstream' });
}

/** A completion of a prompt, in words that a chat would have. */
export function answerCompletions(request: Received): readonly Step[] {
  const { prompt, ...asked } = request.json();
  const body = { ...asked, messages: [{ role: 'user', content: String(prompt) }] } as unknown as ChatBody;
  const said = sayingFor(body);
  const usage = usageOf(body, said);
  const base = { id: 'cmpl-CfZ3kWq1yL8mN0pR', object: 'text_completion', created, model: servedModel(body.model) };
  const choice = (text: string, finish_reason: string | null) => [{ text, index: 0, logprobs: null, finish_reason }];
  const end = said.cut ? 'length' : 'stop';
  if (!body.stream) return json(200, { ...base, choices: choice(said.text ?? '', end), usage });
  return sse(
    ...pieces(said.text ?? '').map((piece) => event({ ...base, choices: choice(piece, null) })),
    event({ ...base, choices: choice('', end) }),
    ...(body.stream_options?.include_usage ? [event({ ...base, choices: [], usage })] : []),
    'data: [DONE]\n\n',
  );
}

export function sayingFor(body: ChatBody): Saying {
  const last = body.messages.at(-1)!;
  if (last.role === 'tool') return { text: `The tool said: ${textOf(last)}` };
  const tools = body.tool_choice === 'none' ? [] : (body.tools ?? []);
  if (tools.length > 0) {
    const called = body.parallel_tool_calls === false ? tools.slice(0, 1) : tools;
    return {
      calls: called.map(({ function: f }) => ({
        name: f.name,
        arguments: JSON.stringify(f.parameters ? sampleOf(f.parameters) : {}),
      })),
    };
  }
  const schema = body.response_format?.json_schema?.schema;
  if (schema) return { text: JSON.stringify(sampleOf(schema)) };
  if (body.response_format?.type === 'json_object') return { text: '{"ok":true}' };
  const words = pieces(`You said: ${textOf(last)}`);
  const most = body.max_completion_tokens ?? body.max_tokens ?? Number.POSITIVE_INFINITY;
  return { text: words.slice(0, most).join(''), cut: words.length > most };
}

function textOf(message: Message): string {
  if (typeof message.content === 'string') return message.content;
  return (message.content ?? []).map((part) => part.text ?? `[${part.type}]`).join(' ');
}

const servedModel = (asked: string): string => `${asked}-2024-07-18`;
const created = 1_764_000_000;
const id = 'chatcmpl-CfZ3kWq1yL8mN0pR';
const fingerprint = 'fp_560af6e559';

/** Words with the space before them, as tokens mostly are. */
const pieces = (text: string): string[] => text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];

export function usageOf(body: ChatBody, said: Saying) {
  const prompt = body.messages.reduce((sum, message) => sum + 4 + pieces(textOf(message)).length, 3);
  const one = said.calls
    ? said.calls.reduce((sum, call) => sum + 8 + pieces(call.arguments).length, 0)
    : pieces(said.text ?? '').length;
  const completion = one * (body.n ?? 1);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

const callId = (choice: number, at: number): string => `call_${'abcdefghij'[choice]}${'klmnopqrst'[at % 10]}0123456789`;
const finishOf = (said: Saying): string => (said.calls ? 'tool_calls' : said.cut ? 'length' : 'stop');
const logprobOf = (token: string) => ({ token, logprob: -0.0001, bytes: [...Buffer.from(token)], top_logprobs: [] });

export function completionOf(body: ChatBody, said: Saying = sayingFor(body)) {
  const choices = Array.from({ length: body.n ?? 1 }, (_, index) => ({
    index,
    message: {
      role: 'assistant',
      content: said.text ?? null,
      ...(said.calls && {
        tool_calls: said.calls.map((call, at) => ({ id: callId(index, at), type: 'function', function: call })),
      }),
      refusal: null,
      annotations: [],
    },
    logprobs: body.logprobs ? { content: pieces(said.text ?? '').map(logprobOf), refusal: null } : null,
    finish_reason: finishOf(said),
  }));
  return {
    id,
    object: 'chat.completion',
    created,
    model: servedModel(body.model),
    choices,
    usage: usageOf(body, said),
    service_tier: 'default',
    system_fingerprint: fingerprint,
  };
}

/** Every event of the stream, in order, `[DONE]` last. */
export function streamOf(body: ChatBody, said: Saying = sayingFor(body)): string[] {
  const asked = body.stream_options?.include_usage === true;
  const chunk = (choices: unknown[], usage: unknown = null): string =>
    event({
      id,
      object: 'chat.completion.chunk',
      created,
      model: servedModel(body.model),
      service_tier: 'default',
      system_fingerprint: fingerprint,
      choices,
      ...(asked && { usage }),
      obfuscation: 'aK3x',
    });
  const delta = (index: number, delta: unknown, finish: string | null = null, logprobs: unknown = null): string =>
    chunk([{ index, delta, logprobs, finish_reason: finish }]);
  const events: string[] = [];
  const choices = Array.from({ length: body.n ?? 1 }, (_, index) => index);
  for (const index of choices) {
    events.push(delta(index, { role: 'assistant', content: said.calls ? null : '', refusal: null }));
  }
  for (const piece of pieces(said.text ?? '')) {
    const logprobs = body.logprobs ? { content: [logprobOf(piece)], refusal: null } : null;
    for (const index of choices) events.push(delta(index, { content: piece }, null, logprobs));
  }
  for (const index of choices)
    events.push(...callDeltas(said, index).map((call) => delta(index, { tool_calls: [call] })));
  for (const index of choices) events.push(delta(index, {}, finishOf(said)));
  if (asked) events.push(chunk([], usageOf(body, said)));
  return [...events, 'data: [DONE]\n\n'];
}

/** Calls as they are streamed: the name first, then the arguments in fragments, one call after the other. */
function callDeltas(said: Saying, choice: number): unknown[] {
  return (said.calls ?? []).flatMap((call, index) => [
    { index, id: callId(choice, index), type: 'function', function: { name: call.name, arguments: '' } },
    ...(call.arguments.match(/.{1,7}/gs) ?? []).map((fragment) => ({ index, function: { arguments: fragment } })),
  ]);
}

export const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

/** A content chunk for hand-made streams. */
export const contentChunk = (content: string, finish: string | null = null): string =>
  event({
    id,
    object: 'chat.completion.chunk',
    created,
    model: 'gpt-4o-mini-2024-07-18',
    choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: finish }],
    usage: null,
  });

/** The usage chunk for hand-made streams. */
export const usageChunk = (prompt: number, completion: number): string =>
  event({
    id,
    object: 'chat.completion.chunk',
    created,
    model: 'gpt-4o-mini-2024-07-18',
    choices: [],
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  });
