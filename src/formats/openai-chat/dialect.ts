/**
 * How a vendor's chat completions differ from OpenAI's, as facts, and a request made to fit them. A request that fits keeps its
 * bytes. What a vendor calls by another name is renamed; what it would refuse is refused here with the name of the field, or left
 * out and named where the caller agreed to that; what it takes no notice of, or would stumble over, is left out.
 */
import { createHash } from 'node:crypto';
import { type Refusal, refuse } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { thinksWith } from '../sampling.js';
import type { OutputField } from '../translation.js';

export interface ChatDialect {
  /** The only field that bounds an answer; left out: both are known. */
  readonly outputField?: OutputField;
  /** There is no role `developer`: it is `system`. */
  readonly noDeveloper?: true;
  /** Fields of a request that are refused. */
  readonly refuses?: readonly string[];
  /** Fields of a request that say nothing here, and that only label, tune or hint. */
  readonly ignores?: readonly string[];
  /** Fields of a request that the model refuses, and that its caller agreed to have left out. */
  readonly drops?: readonly string[];
  /** Other names of fields. */
  readonly renames?: Readonly<Record<string, string>>;
  /** What is always said unless the caller says something. */
  readonly adds?: Json;
  /** The same of whole answers alone. */
  readonly wholeAdds?: Json;
  /** Another word for `required`; null: a call cannot be forced. A named tool can be forced unless `namedTool` says no. */
  readonly requiredTool?: string | null;
  /** A tool cannot be named: it is offered alone, and a call is required. */
  readonly namedTool?: false;
  /** What efforts are called; null: it cannot be told. An effort that is not named is as it is. */
  readonly efforts?: Readonly<Record<string, string | null>>;
  /** Fields instead of `reasoning_effort`, by the effort. */
  readonly thinking?: (effort: string) => Json;
  /** Where earlier reasoning goes back; `none`: it is refused in messages. Left out: as it comes. */
  readonly replays?: 'reasoning_content' | 'reasoning' | 'none';
  /** Every turn of the assistant, or every one that calls tools, has a field of reasoning, even an empty one. */
  readonly replaysAlways?: 'turns' | 'calls';
  /** Fields of messages beyond OpenAI's are refused. */
  readonly strictMessages?: true;
  /** A message of the user may not follow a tool's result: an empty turn of the assistant is put between. */
  readonly answersTools?: true;
  /** One system message, and it comes first. */
  readonly oneSystem?: true;
  /** Ids of calls have this form. */
  readonly toolIds?: 'nine letters';
  /** Answers can be held to being JSON, and not to a schema. */
  readonly noSchemas?: true;
}

interface Fitted {
  readonly json: Json;
  readonly dropped: readonly string[];
}

/** Undefined: the request fits as it is. */
export function fit(json: Json, dialect: ChatDialect, dropParams: boolean): Fitted | Refusal | undefined {
  const fitting = new Fitting(json, dropParams);
  fitting.fields(dialect);
  fitting.tools(dialect);
  fitting.messages(dialect);
  if (fitting.refusal) return fitting.refusal;
  return fitting.changed ? { json: fitting.json, dropped: fitting.dropped } : undefined;
}

class Fitting {
  json: Json;
  changed = false;
  readonly dropped: string[] = [];
  refusal: Refusal | undefined;
  readonly #dropParams: boolean;

  constructor(json: Json, dropParams: boolean) {
    this.json = json;
    this.#dropParams = dropParams;
  }

  fields(dialect: ChatDialect): void {
    for (const name of dialect.refuses ?? []) this.#lacks(name, 'is not known to the provider of this model');
    for (const name of dialect.ignores ?? []) if (this.#has(name)) this.#drop(name);
    const { drops = [] } = dialect;
    // An effort that is left out excuses no sampling.
    const refusesSampling = drops.includes('reasoning_effort') || thinksWith(this.json['reasoning_effort']);
    for (const name of drops) if (this.#has(name) && (refusesSampling || name === 'reasoning_effort')) this.#drop(name);
    const { outputField } = dialect;
    if (outputField) this.#rename(outputField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens', outputField);
    this.#effort(dialect);
    for (const [from, to] of Object.entries(dialect.renames ?? {})) this.#rename(from, to);
    for (const [name, value] of Object.entries({
      ...dialect.adds,
      ...(this.json['stream'] !== true && dialect.wholeAdds),
    }))
      if (!(name in this.json)) this.#set({ [name]: value });
    const format = this.json['response_format'];
    if (!dialect.noSchemas || !isObject(format) || format['type'] !== 'json_schema') return;
    if (!this.#dropParams)
      this.#refuse('response_format.json_schema', 'cannot be imposed by the provider of this model');
    this.dropped.push('response_format.json_schema');
    this.#set({ response_format: { type: 'json_object' } });
  }

  #effort({ efforts, thinking }: ChatDialect): void {
    const effort = this.json['reasoning_effort'];
    if (typeof effort !== 'string' || (!efforts && !thinking)) return;
    const own = efforts && Object.hasOwn(efforts, effort) ? efforts[effort]! : effort;
    if (own === null) this.#drop('reasoning_effort');
    else if (thinking) {
      const { reasoning_effort: _effort, ...rest } = this.json;
      this.#replace({ ...rest, ...thinking(own) });
    } else if (own !== effort) this.#set({ reasoning_effort: own });
  }

  tools({ requiredTool, namedTool }: ChatDialect): void {
    const choice = this.json['tool_choice'];
    const name = isObject(choice) && isObject(choice['function']) ? choice['function']['name'] : undefined;
    const required = requiredTool === undefined ? 'required' : requiredTool;
    if (choice === 'required' || (name !== undefined && namedTool === false)) {
      if (required === null) this.#lacks('tool_choice', 'cannot be forced at the provider of this model');
      else if (name === undefined) {
        if (required !== choice) this.#set({ tool_choice: required });
      } else this.#offerAlone(name, required);
    }
  }

  #offerAlone(name: unknown, required: string): void {
    const tools: unknown = this.json['tools'];
    const only = Array.isArray(tools) ? tools.filter((tool) => isObject(tool) && nameOf(tool) === name) : [];
    this.#set({ tools: only, tool_choice: required });
  }

  messages(dialect: ChatDialect): void {
    const written = this.json['messages'] as readonly Json[];
    let messages = written.map((message) => fitMessage(message, dialect));
    if (dialect.oneSystem) messages = withOneSystem(messages);
    if (dialect.answersTools) messages = withAnswersOfTools(messages);
    if (messages.length !== written.length || messages.some((message, i) => message !== written[i]))
      this.#set({ messages });
  }

  #has(name: string): boolean {
    return this.json[name] !== undefined && this.json[name] !== null;
  }

  #lacks(name: string, why: string): void {
    if (!this.#has(name) || says(name, this.json[name])) return;
    if (this.#dropParams) this.#drop(name);
    else this.#refuse(name, why);
  }

  #refuse(name: string, why: string): void {
    const words = `'${name}' ${why}. Leave it out, or have the gateway leave it out with 'drop_params: true'.`;
    this.refusal ??= refuse('unsupported_parameter', words, { param: name });
  }

  #drop(name: string): void {
    const { [name]: _gone, ...rest } = this.json;
    this.#replace(rest);
    this.dropped.push(name);
  }

  #rename(from: string, to: string): void {
    if (!(from in this.json)) return;
    const { [from]: value, ...rest } = this.json;
    this.#replace(to in rest ? rest : { ...rest, [to]: value });
  }

  #set(more: Json): void {
    this.#replace({ ...this.json, ...more });
  }

  #replace(json: Json): void {
    this.json = json;
    this.changed = true;
  }
}

/** Values that ask for what happens anyway. */
const says = (name: string, value: unknown): boolean =>
  (name === 'n' && value === 1) || (/_penalty$/.test(name) && value === 0) || (name === 'logprobs' && value === false);

const nameOf = (tool: Json): unknown => (isObject(tool['function']) ? tool['function']['name'] : undefined);

/** Fields of messages that OpenAI has; `reasoning` in its forms is what vendors add. */
const OPENAI_FIELDS: ReadonlySet<string> = new Set([
  ...['role', 'content', 'name', 'tool_calls', 'tool_call_id', 'refusal', 'audio', 'function_call'],
]);
const REASONING_FIELDS = ['reasoning_content', 'reasoning', 'reasoning_details', 'thinking_blocks'];

/** The message itself where it fits. */
function fitMessage(message: Json, dialect: ChatDialect): Json {
  const changes: Record<string, unknown> = {};
  const { role } = message;
  if (role === 'developer' && dialect.noDeveloper) changes['role'] = 'system';
  const gone = new Set<string>();
  if (role === 'assistant' && dialect.replays) fitReasoning(message, dialect, changes, gone);
  if (dialect.strictMessages)
    for (const name of Object.keys(message)) {
      if (!OPENAI_FIELDS.has(name) && name !== dialect.replays) gone.add(name);
    }
  if (dialect.toolIds) fitIds(message, changes);
  if (gone.size === 0 && Object.keys(changes).length === 0) return message;
  const kept = Object.fromEntries(Object.entries(message).filter(([name]) => !gone.has(name)));
  return { ...kept, ...changes };
}

function fitReasoning(
  message: Json,
  { replays, replaysAlways }: ChatDialect,
  changes: Record<string, unknown>,
  gone: Set<string>,
): void {
  const told = [message['reasoning_content'], message['reasoning']].find((one) => typeof one === 'string');
  for (const name of REASONING_FIELDS) if (name in message && name !== replays) gone.add(name);
  if (replays === undefined || replays === 'none' || typeof message[replays] === 'string') return;
  if (told !== undefined) changes[replays] = told;
  else if (replaysAlways === 'turns' || (replaysAlways && Array.isArray(message['tool_calls']))) changes[replays] = '';
}

function fitIds(message: Json, changes: Record<string, unknown>): void {
  const { tool_calls: calls, tool_call_id: id } = message;
  if (typeof id === 'string' && nineLetters(id) !== id) changes['tool_call_id'] = nineLetters(id);
  if (!Array.isArray(calls) || calls.every((call) => !isObject(call) || call['id'] === nineLetters(call['id']))) return;
  changes['tool_calls'] = calls.map((call: unknown) =>
    isObject(call) ? { ...call, id: nineLetters(call['id']) } : call,
  );
}

/** Equal ids stay equal, and different ones different. */
function nineLetters(id: unknown): unknown {
  if (typeof id !== 'string' || /^[a-zA-Z0-9]{9}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** Texts of all system messages in one, in front. Parts that are not text stay parts. */
function withOneSystem(messages: readonly Json[]): Json[] {
  const isSystem = ({ role }: Json) => role === 'system' || role === 'developer';
  const system = messages.filter(isSystem);
  if (system.length < 2 && (system.length === 0 || messages[0] === system[0])) return [...messages];
  const content = system.every((one) => typeof one['content'] === 'string')
    ? system.map((one) => one['content']).join('\n\n')
    : system.flatMap(({ content: one }) => (Array.isArray(one) ? one : [{ type: 'text', text: String(one ?? '') }]));
  return [{ role: 'system', content }, ...messages.filter((one) => !isSystem(one))];
}

function withAnswersOfTools(messages: readonly Json[]): Json[] {
  return messages.flatMap((message, i) =>
    message['role'] === 'user' && messages[i - 1]?.['role'] === 'tool'
      ? [{ role: 'assistant', content: 'I have the result.' }, message]
      : [message],
  );
}
