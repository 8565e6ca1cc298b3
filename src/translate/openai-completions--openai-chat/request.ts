/**
 * A request of OpenAI's completions told as a chat completion: its one text is what the user says. What has no meaning in a
 * conversation (several prompts, tokens, echo, a suffix, logprobs) is refused by name.
 */

import { chatUsage } from '../../formats/openai-chat/usage.js';
import { promptsOf } from '../../formats/openai-completions/facts.js';
import type { CompletionsRequest } from '../../formats/openai-completions/request.js';
import type { TargetFacts, UsageExtra } from '../../formats/translation.js';
import type { Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import type { ChatLeg, ChunkWriter, LegTerms } from '../through-chat.js';

type Terms = LegTerms<CompletionsRequest>;

export const completionsByChat: ChatLeg<CompletionsRequest> = {
  from: 'openai-completions',
  boundsMaximum: true,
  fieldNames: new Map([['max_completion_tokens', 'max_tokens']]),
  toChat,
  answer: (completion, usage, terms) => ({
    ...frameOf(completion, terms),
    choices: choicesOf(completion).map((choice) => told(choice, choice['message'])),
    ...(usage && { usage: chatUsage(usage) }),
  }),
  writer: (terms) => new CompletionsWriter(terms),
};

/** They mean the same in both. */
const same = [
  'temperature',
  'top_p',
  'n',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'user',
];
const known: ReadonlySet<string> = new Set([
  ...same,
  ...['model', 'prompt', 'max_tokens', 'stream', 'stream_options', 'echo', 'suffix', 'logprobs', 'best_of'],
]);
const why = 'has no meaning for this model, which answers in a conversation';

function toChat({ json }: CompletionsRequest, target: TargetFacts, findings: Findings): Json {
  const [prompt, ...more] = promptsOf(json);
  if (more.length > 0) findings.unsupported('prompt', 'may be one text alone for this model');
  else if (typeof prompt !== 'string') findings.unsupported('prompt', 'cannot be tokens for this model: send a text');
  if (json['echo'] === true) findings.unsupported('echo', why);
  for (const name of ['suffix', 'logprobs']) if (!isAbsent(json[name])) findings.unsupported(name, why);
  if (typeof json['best_of'] === 'number' && json['best_of'] > ((json['n'] as number | null) ?? 1))
    findings.unsupported('best_of', why);
  for (const [name, value] of Object.entries(json))
    if (!known.has(name) && !isAbsent(value)) findings.unsupported(name, 'cannot be translated for this model');
  const most = json['max_tokens'];
  const maximum = typeof most === 'number' && most > 0 ? Math.min(most, target.maxOutput ?? most) : null;
  return {
    model: target.model,
    messages: [{ role: 'user', content: typeof prompt === 'string' ? prompt : '' }],
    ...(maximum !== null && { [target.outputField]: maximum }),
    ...(json['stream'] === true && { stream: true }),
    ...Object.fromEntries(same.flatMap((name) => (isAbsent(json[name]) ? [] : [[name, json[name]]]))),
  };
}

const choicesOf = ({ choices }: Json): Json[] =>
  Array.isArray(choices) ? (choices as unknown[]).filter(isObject) : [];

const frameOf = ({ id, created, model }: Json, terms: Terms): Json => ({
  id: typeof id === 'string' ? id.replace(/^chatcmpl-/, 'cmpl-') : `cmpl-${terms.nowMs}`,
  object: 'text_completion',
  created: created ?? Math.floor(terms.nowMs / 1000),
  model: model ?? terms.model,
});

/** `said`: a message, or a delta. */
function told({ index, finish_reason: finish }: Json, said: unknown): Json {
  const { content, refusal } = isObject(said) ? said : ({} as Json);
  const text = [content, refusal].find((one) => typeof one === 'string' && one !== '') ?? '';
  return { text, index: index ?? 0, logprobs: null, finish_reason: finish ?? null };
}

class CompletionsWriter implements ChunkWriter {
  readonly ping = ': ping\n\n';
  readonly #terms: Terms;
  #frame: Json | undefined;

  constructor(terms: Terms) {
    this.#terms = terms;
  }

  chunk(chunk: Json): string {
    this.#frame ??= frameOf(chunk, this.#terms);
    const choices = choicesOf(chunk)
      .map((choice) => told(choice, choice['delta']))
      .filter(({ text, finish_reason: finish }) => text !== '' || finish !== null);
    return choices.length === 0 ? '' : `data: ${JSON.stringify({ ...this.#frame, choices })}\n\n`;
  }

  closing(usage: Usage | undefined, extra: UsageExtra): string {
    if (!this.#terms.request.askedUsage) return 'data: [DONE]\n\n';
    const frame = this.#frame ?? frameOf({}, this.#terms);
    const last = { ...frame, choices: [], usage: usage ? chatUsage(usage) : null, x_tollgate: extra };
    return `data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`;
  }
}
