/**
 * A chat completion without the extension fields that other dialects are told in (docs/dialects.md): what OpenAI's own API and
 * servers like it know. Images of a tool's result go into a message of the user after the results, as OpenAI asks for it.
 * OpenAI's API refuses parameters that it or the model does not know, and other servers know fewer: what tunes or labels goes
 * only where it is known to be taken.
 */

import { encodingFor, outputFieldFor, takesEffort } from '../formats/openai-chat/models.js';
import { refusedSampling } from '../formats/sampling.js';
import type { TargetFacts } from '../formats/translation.js';
import { isObject, type Json } from '../lib/json.js';
import { type Findings, isAbsent } from './findings.js';

/** Fields of a message that only other dialects know. They hint, or are of no use to another model. */
const extensions: ReadonlySet<string> = new Set(['thinking_blocks', 'cache_control', 'is_error', 'extra_content']);

export function plainChat(body: Json, target: TargetFacts, findings: Findings): Json {
  const messages = Array.isArray(body['messages']) ? body['messages'] : [];
  const rest = withoutMark(body, findings) as Json;
  const tools = Array.isArray(rest['tools']) ? { tools: rest['tools'].map((tool) => withoutMark(tool, findings)) } : {};
  return { ...knownParameters(rest, target, findings), ...tools, messages: plainMessages(messages, findings) };
}

/** Labels, which only OpenAI's API is known to take. */
const labels = ['safety_identifier', 'prompt_cache_key', 'service_tier'];
const MOST_STOPS = 4;

function knownParameters(body: Json, { model, abilities, stated }: TargetFacts, findings: Findings): Json {
  const known: Record<string, unknown> = { ...body };
  const drop = (names: readonly string[]): void => {
    for (const name of names) {
      if (isAbsent(known[name])) continue;
      delete known[name];
      findings.drop(name);
    }
  };
  const openais = encodingFor(model).exact;
  const reasons = outputFieldFor(model) === 'max_completion_tokens';
  const { reasoning_effort: asked, stop } = body;
  if (!isAbsent(asked)) {
    const effort = takesEffort(model, asked, stated?.reasoning);
    if (effort === undefined) drop(['reasoning_effort']);
    else known['reasoning_effort'] = effort;
  }
  if (openais) drop(['top_k']);
  else drop(labels);
  drop(refusedSampling(known, abilities, known['reasoning_effort']));
  if (openais && Array.isArray(stop) && (reasons || stop.length > MOST_STOPS)) {
    const why = reasons ? 'is not known to this model' : `may have at most ${MOST_STOPS} texts for this model`;
    findings.unsupported('stop', why);
    delete known['stop'];
  }
  return known;
}

function plainMessages(messages: readonly unknown[], findings: Findings): Json[] {
  const plain: Json[] = [];
  /** Parts of tools' results that are no text, until the results end. */
  let media: Json[] = [];
  const settle = (): void => {
    if (media.length > 0) plain.push({ role: 'user', content: media });
    media = [];
  };
  for (const [at, message] of messages.entries()) {
    if (!isObject(message)) continue;
    if (message['role'] !== 'tool') settle();
    const { content } = message;
    const parts = Array.isArray(content)
      ? content.filter(isObject).flatMap((part, i) => plainPart(part, `messages[${at}].content[${i}]`, findings))
      : null;
    if (!isAbsent(message['cache_control'])) findings.drop('cache_control');
    const kept = Object.fromEntries(Object.entries(message).filter(([name]) => !extensions.has(name)));
    if (Array.isArray(kept['tool_calls']))
      kept['tool_calls'] = kept['tool_calls'].map((call: unknown) => plainCall(call, findings));
    if (message['role'] !== 'tool') {
      plain.push(parts ? { ...kept, content: parts } : kept);
      continue;
    }
    const others = (parts ?? []).filter(({ type }) => type !== 'text');
    if (others.length > 0)
      media.push({ type: 'text', text: `Of the tool call ${message['tool_call_id']}:` }, ...others);
    plain.push({ ...kept, content: resultText(message, parts, others.length > 0) });
  }
  settle();
  return plain;
}

/** The result of a tool: that it failed, nothing but its text can tell. */
function resultText({ content, is_error: failed }: Json, parts: readonly Json[] | null, hasMedia: boolean): string {
  const said = parts?.flatMap(({ type, text }) => (type === 'text' ? [String(text)] : [])).join('\n\n') ?? content;
  const text = typeof said === 'string' ? said : '';
  const told = text === '' && hasMedia ? 'The result follows as media.' : text;
  return failed === true && !/^error/i.test(told) ? `Error: ${told}` : told;
}

function plainPart(part: Json, path: string, findings: Findings): Json[] {
  if (part['type'] === 'thinking' || part['type'] === 'redacted_thinking') {
    findings.drop('thinking');
    return [];
  }
  const { file } = part;
  if (part['type'] === 'file' && isObject(file) && isAbsent(file['file_data']) && !isAbsent(file['file_url'])) {
    findings.unsupported(path, 'is a document by its address, which this model does not fetch: send its data');
    return [];
  }
  return [withoutMark(part, findings) as Json];
}

/** A mark to cache by only hints: who has no marks keeps prompts by itself, or not at all. */
function withoutMark(value: unknown, findings: Findings): unknown {
  if (!isObject(value) || value['cache_control'] === undefined) return value;
  if (!isAbsent(value['cache_control'])) findings.drop('cache_control');
  const { cache_control: _mark, ...rest } = value;
  return rest;
}

/** A call without what other dialects have of it. */
function plainCall(call: unknown, findings: Findings): unknown {
  if (!isObject(call)) return call;
  const { extra_content: _extra, ...rest } = call;
  return withoutMark(rest, findings);
}
