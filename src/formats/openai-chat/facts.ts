/**
 * The facts of a chat completion request. Nothing of the request is trusted: what has an unexpected shape is not there, or
 * counts as the JSON that it is, or as the dearest that it might be.
 */
import { createHash } from 'node:crypto';
import { isObject, type Json } from '../../lib/json.js';
import { jsonText } from '../../lib/json-text.js';
import type { Feature } from '../../lib/route-spec.js';
import { documentKind, fileKind, type MediaKind } from '../media-kind.js';
import type { Billable, Countable, RequestFacts } from '../request-facts.js';
import { usesAllowed, usesOfEach } from '../tool-uses.js';
import { chatCountables } from './countables.js';

const LONGEST_TEXT = 100_000;
const LONGEST_PREFIX = 64 * 1024;

export class ChatFacts implements RequestFacts {
  readonly inputs = 1;
  readonly sizeBytes: number;
  readonly choices: number;
  readonly maxOutput: number | null;
  readonly #json: Json;
  #billable: Billable | undefined;

  constructor(json: Json, sizeBytes: number) {
    this.#json = json;
    this.sizeBytes = sizeBytes;
    this.choices = (json['n'] as number | null | undefined) ?? 1;
    this.maxOutput = largest(json['max_completion_tokens'], json['max_tokens']);
  }

  get billable(): Billable {
    return (this.#billable ??= billableOf(this.#json));
  }

  mediaTokensMost(): number {
    return mediaTokensMost(this.#json);
  }

  toolUsesMost(): number {
    return toolUsesMost(this.#json);
  }

  has(feature: Feature): boolean {
    return hasFeature(this.#json, feature);
  }

  holdsAny(kinds: readonly MediaKind[]): MediaKind | undefined {
    for (const part of partsOf(this.#json)) {
      const kind = isObject(part) ? kindOf(part) : undefined;
      if (kind !== undefined && kinds.includes(kind)) return kind;
    }
    return undefined;
  }

  countables(): Iterable<Countable> {
    return chatCountables(this.#json);
  }

  lastUserText(): string {
    const messages = messagesOf(this.#json);
    for (let i = messages.length - 1; i >= 0; i--) {
      const text = userText(messages[i]);
      if (text !== '') return text;
    }
    return '';
  }

  /** The tools, the instructions and the first message; the caller's own `prompt_cache_key` where it has one. */
  prefix(): string {
    const own = this.#json['prompt_cache_key'];
    if (typeof own === 'string' && own !== '') return own.slice(0, 256);
    const begin: unknown[] = [this.#json['tools'] ?? null];
    for (const message of messagesOf(this.#json)) {
      begin.push(message);
      if (!isObject(message) || !isInstruction(message)) break;
    }
    let text = '';
    for (const piece of jsonText(begin)) {
      text += piece;
      if (text.length >= LONGEST_PREFIX) break;
    }
    text = text.slice(0, LONGEST_PREFIX);
    return createHash('sha256').update(text).digest('base64url').slice(0, 22);
  }
}

function largest(...maxima: readonly unknown[]): number | null {
  const said = maxima.filter((one) => typeof one === 'number' && one > 0) as number[];
  return said.length === 0 ? null : Math.max(...said);
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const typeOf = (value: unknown): unknown => (isObject(value) ? value['type'] : undefined);
const messagesOf = (request: Json): readonly unknown[] => listOf(request['messages']);
const isInstruction = ({ role }: Json): boolean => role === 'system' || role === 'developer';

/** Types of parts that each kind of content has, in this format and in those of clients that mix them up. */
const partTypes: Readonly<Record<'image' | 'audio' | 'file', ReadonlySet<unknown>>> = {
  image: new Set(['image_url', 'image', 'input_image']),
  audio: new Set(['input_audio', 'audio', 'audio_url']),
  file: new Set(['file', 'document', 'input_file']),
};

function hasFeature(request: Json, feature: Feature): boolean {
  switch (feature) {
    case 'tools':
      return listOf(request['tools']).length > 0 || listOf(request['functions']).length > 0;
    case 'image':
    case 'file':
      return hasPart(request, partTypes[feature]);
    case 'audio':
      return asksForAudio(request) || hasPart(request, partTypes.audio);
    case 'json':
      return ['json_object', 'json_schema'].includes(String(typeOf(request['response_format'])));
    case 'json_schema':
      return typeOf(request['response_format']) === 'json_schema';
    case 'reasoning':
      return reasons(request);
    case 'stream':
      return request['stream'] === true;
    case 'system':
      return messagesOf(request).some((message) => isObject(message) && isInstruction(message));
  }
}

function kindOf(part: Json): MediaKind | undefined {
  const { type } = part;
  if (partTypes.image.has(type)) return 'image';
  if (partTypes.audio.has(type)) return 'audio';
  if (type === 'video_url' || type === 'video' || type === 'input_video') return 'video';
  if (type === 'document') return documentKind(part);
  if (type === 'input_file') return fileKind(part);
  return type === 'file' ? fileKind(part['file']) : undefined;
}

const asksForAudio = (request: Json): boolean => listOf(request['modalities']).includes('audio');

/** `reasoning` and `thinking` are other vendors' words for it. */
function reasons(request: Json): boolean {
  const { reasoning, thinking } = request;
  const effort = request['reasoning_effort'] ?? (isObject(reasoning) ? reasoning['effort'] : undefined);
  if (typeof effort === 'string') return effort !== 'none';
  return isObject(thinking) && thinking['type'] !== 'disabled';
}

function hasPart(request: Json, types: ReadonlySet<unknown>): boolean {
  for (const part of partsOf(request)) if (types.has(typeOf(part))) return true;
  return false;
}

/** Every part of every message, with those that a tool's result holds. */
function* partsOf(request: Json): Generator<unknown, void> {
  for (const message of messagesOf(request)) {
    if (!isObject(message)) continue;
    yield* partsIn(message['content']);
  }
}

function* partsIn(content: unknown): Generator<unknown, void> {
  for (const part of listOf(content)) {
    yield part;
    if (isObject(part)) yield* partsIn(part['content']);
  }
}

/** Parts that are billed as plain text; what a tool's result holds is looked at by itself. */
const plainParts: ReadonlySet<unknown> = new Set([
  ...['text', 'refusal', 'thinking', 'redacted_thinking', 'tool_use', 'tool_result', 'search_result'],
]);

function billableOf(request: Json): Billable {
  let audioInput = false;
  let images = false;
  let cacheWrite = isMarked(request) || listOf(request['tools']).some(isMarkedTool);
  for (const message of messagesOf(request)) {
    if (!isObject(message)) continue;
    cacheWrite ||= isMarked(message);
    // An earlier answer in sound, named by its id.
    audioInput ||= isObject(message['audio']);
  }
  for (const part of partsOf(request)) {
    if (!isObject(part)) continue;
    cacheWrite ||= isMarked(part);
    const { type } = part;
    if (plainParts.has(type)) continue;
    const image = partTypes.image.has(type);
    const file = partTypes.file.has(type);
    images ||= image || !partTypes.audio.has(type);
    audioInput ||= !image && !file;
  }
  const { service_tier: tier } = request;
  return {
    audioInput,
    audioOutput: asksForAudio(request) || isObject(request['audio']),
    images,
    cacheWrite,
    serviceTier: tier !== undefined && tier !== null && tier !== 'default',
  };
}

/** More than any picture is read as. */
const PICTURE_TOKENS = 50_000;
/** A file, a recording or what a search finds can be as long as what a model can read. */
const LONGEST_INPUT = 2_000_000;
/** Fields with which a request has its provider read more than was sent. */
const searchFields = ['web_search_options', 'search_parameters', 'plugins'];
const furtherReading = [...searchFields, 'prompt', 'previous_response_id'];

const isProviderTool = (tool: unknown): boolean => !['function', 'custom', undefined].includes(typeName(tool));

function toolUsesMost(request: Json): number {
  const uses = usesOfEach(listOf(request['tools']).filter(isProviderTool));
  return searchFields.some((name) => isPresent(request[name])) ? Math.max(uses, usesAllowed(undefined)) : uses;
}

function mediaTokensMost(request: Json): number {
  const furtherTools = listOf(request['tools']).some(isProviderTool);
  let tokens = furtherTools || furtherReading.some((name) => isPresent(request[name])) ? LONGEST_INPUT : 0;
  for (const message of messagesOf(request))
    if (isObject(message) && isObject(message['audio'])) tokens += LONGEST_INPUT;
  for (const part of partsOf(request)) {
    const type = typeOf(part);
    if (plainParts.has(type)) continue;
    tokens += partTypes.image.has(type) ? PICTURE_TOKENS : LONGEST_INPUT;
  }
  return tokens;
}

const typeName = (value: unknown): string | undefined => {
  const type = typeOf(value);
  return type === undefined ? undefined : String(type);
};

/** A mark up to which the prompt is to be cached, in Anthropic's words or in OpenAI's. */
const isMarked = (holder: Json): boolean =>
  isPresent(holder['cache_control']) || isPresent(holder['prompt_cache_breakpoint']);
const isMarkedTool = (tool: unknown): boolean =>
  isObject(tool) && (isMarked(tool) || (isObject(tool['function']) && isMarked(tool['function'])));
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** The beginning of what a message of the user says. */
function userText(message: unknown): string {
  if (!isObject(message) || (message['role'] !== undefined && message['role'] !== 'user')) return '';
  const { content } = message;
  if (typeof content === 'string') return content.slice(0, LONGEST_TEXT);
  let text = '';
  for (const part of listOf(content)) {
    const piece = isObject(part) && typeof part['text'] === 'string' ? part['text'] : '';
    if (piece !== '') text += `${text === '' ? '' : '\n'}${piece.slice(0, LONGEST_TEXT)}`;
    if (text.length >= LONGEST_TEXT) break;
  }
  return text.slice(0, LONGEST_TEXT);
}
