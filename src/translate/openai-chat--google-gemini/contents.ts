/**
 * The messages of a chat completion as instruction and contents of Google's dialect.
 *
 * - Instructions in front of the conversation become `systemInstruction`. Later ones stay where they are, as words of the user;
 *   so do all for a model that knows none.
 * - All results of a turn's calls stand in ONE content, in the order of the calls, each with the name of its function.
 * - Thought signatures go back on the part that they came with (`thought-signatures.ts`). A call that has none, since its client
 *   threw it away or another model made it, gets the word with which Google lets it pass.
 */
import { UNSIGNED } from '../../formats/google-gemini/foreign-thoughts.js';
import type { GeminiModel } from '../../formats/google-gemini/models.js';
import { isObject, type Json } from '../../lib/json.js';
import { jsonText } from '../../lib/json-text.js';
import { type Findings, isAbsent } from '../findings.js';
import { blockSignatures, carriedSignature } from '../thought-signatures.js';
import type { ToolNames } from '../tool-names.js';
import { contentParts, type PartReader, textOnlyParts, textParts } from './parts.js';

/** A call of a tool. `args` is JSON text that is printed as it is: numbers in it keep their precision. */
export interface CallPart {
  readonly name: string;
  readonly id: string | undefined;
  readonly args: string;
  signature: string | undefined;
}

export type Part = Json | { readonly call: CallPart };

export interface Turn {
  readonly role: 'user' | 'model';
  readonly parts: Part[];
  /** It holds results of tools. */
  readonly results: boolean;
}

export interface Conversation {
  readonly system: Json[];
  readonly turns: Turn[];
}

export interface ConversationTerms extends PartReader {
  readonly model: GeminiModel;
  /** As the target takes names of tools. */
  readonly names: Pick<ToolNames, 'sent'>;
  /** Calls and results have ids; Vertex AI knows none. */
  readonly callIds: boolean;
}

export function readConversation(messages: unknown, terms: ConversationTerms): Conversation {
  const reader = new ConversationReader(terms);
  if (!Array.isArray(messages)) terms.findings.invalid('messages', 'must be an array');
  else for (const [i, message] of messages.entries()) reader.message(message, `messages[${i}]`);
  return reader.end();
}

/** Said where the caller begins with the assistant. */
const OPENING = '(The conversation begins.)';

interface Waiting {
  readonly name: string;
  readonly path: string;
  /** The place of the call among those of its turn. */
  readonly order: number;
}

interface Result {
  readonly order: number;
  readonly part: Json;
  /** Media that the result itself cannot hold. */
  readonly beside: readonly Json[];
}

class ConversationReader {
  readonly #terms: ConversationTerms;
  readonly #findings: Findings;
  readonly #system: Json[] = [];
  readonly #turns: Turn[] = [];
  /** Calls that wait for their result, by their ids. */
  readonly #waiting = new Map<string, Waiting>();
  #results: Result[] = [];
  /** Said before all results were there. */
  #behind: Json[] = [];

  constructor(terms: ConversationTerms) {
    this.#terms = terms;
    this.#findings = terms.findings;
  }

  message(message: unknown, path: string): void {
    if (!isObject(message)) {
      this.#findings.invalid(path, 'must be an object');
      return;
    }
    if (!isAbsent(message['name'])) this.#findings.drop('messages[].name');
    if (!isAbsent(message['cache_control'])) this.#findings.drop('cache_control');
    const { role, content } = message;
    // What is said between calls and their results stands behind the results.
    const waits = this.#waiting.size > 0 && (role === 'user' || role === 'system' || role === 'developer');
    if (role !== 'tool' && !waits) this.#settleResults();
    if (role === 'system' || role === 'developer')
      this.#instruct(textOnlyParts(content, `${path}.content`, this.#terms), waits);
    else if (role === 'user') this.#say(contentParts(content, `${path}.content`, this.#terms), waits);
    else if (role === 'assistant') this.#add('model', this.#assistant(message, path));
    else if (role === 'tool') this.#toolResult(message, path);
    else if (role === 'function')
      this.#findings.unsupported(`${path}.role`, "is of the retired function calls: use 'tool'");
    else this.#findings.invalid(`${path}.role`, "must be 'system', 'developer', 'user', 'assistant' or 'tool'");
  }

  end(): Conversation {
    this.#settleResults();
    this.#checkAnswered();
    const turns = this.#turns;
    const system = this.#terms.model.noSystem ? [] : this.#system;
    if (this.#terms.model.noSystem && this.#system.length > 0) this.#prepend(this.#system);
    if (turns.length === 0) this.#findings.invalid('messages', 'must hold a message of the user that is not empty');
    if (turns[0]?.role === 'model') turns.unshift({ role: 'user', parts: textParts(OPENING), results: false });
    if (this.#terms.model.signedCalls) for (const turn of turns) signFirst(turn);
    return { system, turns };
  }

  #instruct(parts: Json[], behind: boolean): void {
    if (this.#turns.length === 0 && !behind) this.#system.push(...parts);
    else this.#say(parts, behind);
  }

  #say(parts: readonly Json[], behind: boolean): void {
    if (behind) this.#behind.push(...parts);
    else this.#add('user', parts);
  }

  #prepend(parts: readonly Json[]): void {
    const [first] = this.#turns;
    if (first?.role === 'user') first.parts.unshift(...parts);
    else this.#turns.unshift({ role: 'user', parts: [...parts], results: false });
  }

  #add(role: Turn['role'], parts: readonly Part[], results = false): void {
    if (parts.length === 0) return;
    const last = this.#turns.at(-1);
    if (last?.role === role && last.results === results) last.parts.push(...parts);
    else this.#turns.push({ role, parts: [...parts], results });
  }

  #checkAnswered(): void {
    const [waiting] = this.#waiting.values();
    if (waiting) this.#findings.invalid(waiting.path, "has no result: a message of role 'tool' must answer it");
    this.#waiting.clear();
  }

  #assistant(message: Json, path: string): Part[] {
    if (this.#turns.at(-1)?.role === 'user') this.#checkAnswered();
    for (const name of ['audio', 'function_call']) {
      if (!isAbsent(message[name]))
        this.#findings.unsupported(`${path}.${name}`, 'cannot be translated for this model');
    }
    const { refusal } = message;
    if (!isAbsent(refusal) && typeof refusal !== 'string')
      this.#findings.invalid(`${path}.refusal`, 'must be a string');
    const said = [
      ...textOnlyParts(message['content'], `${path}.content`, this.#terms),
      ...textParts(typeof refusal === 'string' ? refusal : ''),
    ];
    const calls = this.#calls(message['tool_calls'], `${path}.tool_calls`);
    const signed = blockSignatures(message);
    for (const { part, signature } of signed) {
      const call = typeof part === 'number' ? calls[part] : undefined;
      if (call) call.signature ??= signature;
    }
    const ofText = carriedSignature(message) ?? signed.find(({ part }) => part === 'text')?.signature;
    return [...withSignature(said, ofText), ...calls.map((call) => ({ call }))];
  }

  #calls(calls: unknown, path: string): CallPart[] {
    if (isAbsent(calls)) return [];
    if (!Array.isArray(calls)) {
      this.#findings.invalid(path, 'must be an array');
      return [];
    }
    return calls.flatMap((call, i) => {
      const at = `${path}[${i}]`;
      const read = readCall(call, at, this.#findings);
      if (!read) return [];
      const { id, ...written } = read;
      const part = { ...written, name: this.#terms.names.sent(written.name) };
      if (this.#waiting.has(id)) this.#findings.invalid(`${at}.id`, 'is given twice');
      this.#waiting.set(id, { name: part.name, path: at, order: this.#waiting.size });
      return [{ ...part, id: this.#terms.callIds ? id : undefined }];
    });
  }

  #toolResult(message: Json, path: string): void {
    const { tool_call_id: id, content } = message;
    if (typeof id !== 'string') {
      this.#findings.invalid(`${path}.tool_call_id`, 'must be a string');
      return;
    }
    const call = this.#waiting.get(id);
    if (!call) {
      this.#findings.invalid(`${path}.tool_call_id`, 'answers no tool call that waits for a result');
      return;
    }
    this.#waiting.delete(id);
    const parts = contentParts(content, `${path}.content`, this.#terms);
    const text = parts.map((part) => part['text'] ?? '').join('');
    const media = parts.filter((part) => part['text'] === undefined);
    const failed = message['is_error'] === true || text.startsWith('Error:');
    const held = this.#terms.model.mediaInResults && media.length > 0;
    const response = {
      ...(this.#terms.callIds ? { id } : {}),
      name: call.name,
      response: { [failed ? 'error' : 'output']: text },
      ...(held ? { parts: media } : {}),
    };
    const beside = held || media.length === 0 ? [] : [...textParts(`Of the result of ${call.name}:`), ...media];
    this.#results.push({ order: call.order, part: { functionResponse: response }, beside });
  }

  #settleResults(): void {
    const results = this.#results.sort((a, b) => a.order - b.order);
    const behind = this.#behind;
    [this.#results, this.#behind] = [[], []];
    this.#add('user', [...results.map(({ part }) => part), ...results.flatMap(({ beside }) => beside)], true);
    this.#add('user', behind);
  }
}

/** The signature on the last text; on an empty one where nothing was said. */
function withSignature(said: Json[], signature: string | undefined): Json[] {
  if (signature === undefined) return said;
  const last = said.at(-1) ?? { text: '' };
  return [...said.slice(0, -1), { ...last, thoughtSignature: signature }];
}

/** Of calls that were made together only the first is signed. */
function signFirst({ parts }: Turn): void {
  const first = parts.find((part): part is { readonly call: CallPart } => 'call' in part);
  if (first) first.call.signature ??= UNSIGNED;
}

function readCall(call: unknown, path: string, findings: Findings): (CallPart & { readonly id: string }) | undefined {
  if (!isObject(call)) return findings.invalid(path, 'must be an object');
  if (call['type'] === 'custom') return findings.unsupported(`${path}.type`, 'cannot be translated for this model');
  const { id, function: called } = call;
  if (typeof id !== 'string' || id === '') return findings.invalid(`${path}.id`, 'must be a non-empty string');
  const name = isObject(called) ? called['name'] : undefined;
  if (typeof name !== 'string' || name === '')
    return findings.invalid(`${path}.function.name`, 'must be a non-empty string');
  const args = isObject(called) ? (called['arguments'] ?? '') : '';
  if (typeof args !== 'string') return findings.invalid(`${path}.function.arguments`, 'must be a string of JSON');
  return { id, name, args: argsOf(args), signature: carriedSignature(call) };
}

/**
 * Arguments are text that a model wrote, so they may be no JSON at all (cut short by a token limit, say). The target takes
 * objects only; the conversation goes on with the text as it is under a name that says what it is.
 */
function argsOf(args: string): string {
  if (!/\S/.test(args)) return '{}';
  try {
    if (isObject(JSON.parse(args))) return args;
  } catch {
    // told below
  }
  return JSON.stringify({ invalid_arguments: args });
}

/** The same in pieces. */
export function* turnPieces({ role, parts }: Turn): Generator<string, void> {
  yield `{"role":"${role}","parts":[`;
  for (const [i, part] of parts.entries()) {
    if (i > 0) yield ',';
    if ('call' in part) yield printPart(part);
    else yield* jsonText(part);
  }
  yield ']}';
}

export function printTurn({ role, parts }: Turn): string {
  return `{"role":"${role}","parts":[${parts.map(printPart).join(',')}]}`;
}

function printPart(part: Part): string {
  if (!('call' in part)) return JSON.stringify(part);
  const { name, id, args, signature } = part.call as CallPart;
  const head = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  const tail = signature === undefined ? '' : `,"thoughtSignature":${JSON.stringify(signature)}`;
  return `{"functionCall":{${head}"name":${JSON.stringify(name)},"args":${args}}${tail}}`;
}
