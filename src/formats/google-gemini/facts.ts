/**
 * The facts of a request for content. Nothing of the request is trusted: what has an unexpected shape is not there, or counts as
 * the JSON that it is, or as the dearest that it might be.
 */
import { createHash } from 'node:crypto';
import { isObject, type Json } from '../../lib/json.js';
import type { Feature } from '../../lib/route-spec.js';
import { type MediaKind, typedKind } from '../media-kind.js';
import {
  ANSWER,
  type Billable,
  CALL,
  type Countable,
  MESSAGE,
  RESPONSE_FORMAT,
  type RequestFacts,
  TOOL_CHOICE,
  TOOLS,
} from '../request-facts.js';
import { usesOfEach } from '../tool-uses.js';
import { field, listIn, objectIn, partsIn } from './fields.js';

const LONGEST_TEXT = 100_000;
const LONGEST_PREFIX = 64 * 1024;
/** More than any picture is read as. */
const PICTURE_TOKENS = 50_000;
/** A file, a recording or what a search finds can be as long as what a model can read. */
const LONGEST_INPUT = 2_000_000;

export class GeminiFacts implements RequestFacts {
  readonly inputs = 1;
  readonly sizeBytes: number;
  readonly choices: number;
  readonly maxOutput: number | null;
  readonly #json: Json;
  readonly #config: Json;
  readonly #stream: boolean;
  #billable: Billable | undefined;

  constructor(json: Json, sizeBytes: number, stream: boolean) {
    this.#json = json;
    this.#config = objectIn(json, 'generationConfig') ?? {};
    this.#stream = stream;
    this.sizeBytes = sizeBytes;
    this.choices = (field(this.#config, 'candidateCount') as number | undefined) ?? 1;
    this.maxOutput = (field(this.#config, 'maxOutputTokens') as number | undefined) ?? null;
  }

  get billable(): Billable {
    return (this.#billable ??= billableOf(this.#json, this.#config));
  }

  mediaTokensMost(): number {
    const more = toolsOf(this.#json).some(isOfProvider) || field(this.#json, 'cachedContent') !== undefined;
    let tokens = more ? LONGEST_INPUT : 0;
    for (const part of allParts(this.#json)) {
      const kind = mediaKind(part);
      if (kind) tokens += kind === 'image' ? PICTURE_TOKENS : LONGEST_INPUT;
    }
    return tokens;
  }

  toolUsesMost(): number {
    return usesOfEach(toolsOf(this.#json).filter(isOfProvider));
  }

  has(feature: Feature): boolean {
    switch (feature) {
      case 'tools':
        return toolsOf(this.#json).length > 0;
      case 'image':
      case 'file':
      case 'audio':
        return (feature === 'audio' && speaks(this.#config)) || hasMedia(this.#json, feature);
      case 'json':
        return field(this.#config, 'responseMimeType') === 'application/json';
      case 'json_schema':
        return schemaOf(this.#config) !== undefined;
      case 'reasoning':
        return reasons(objectIn(this.#config, 'thinkingConfig'));
      case 'stream':
        return this.#stream;
      case 'system':
        return partsIn(field(this.#json, 'systemInstruction')).length > 0;
    }
  }

  holdsAny(kinds: readonly MediaKind[]): MediaKind | undefined {
    for (const part of allParts(this.#json)) {
      const media = objectIn(part, 'inlineData') ?? objectIn(part, 'fileData');
      if (!media) continue;
      const type = field(media, 'mimeType');
      const kind = typeof type === 'string' ? typedKind(type) : 'file';
      if (kind !== undefined && kinds.includes(kind)) return kind;
    }
    return undefined;
  }

  countables(): Iterable<Countable> {
    return geminiCountables(this.#json, this.#config);
  }

  lastUserText(): string {
    const texts = listIn(this.#json, 'contents').map(userText);
    return (texts.findLast((text) => text !== '') ?? '').slice(0, LONGEST_TEXT);
  }

  /** The tools, the instruction and the first content; what is kept at the provider where something is. */
  prefix(): string {
    const cached = field(this.#json, 'cachedContent');
    if (typeof cached === 'string' && cached !== '') return cached.slice(0, 256);
    const begin = [this.#json['tools'] ?? null, field(this.#json, 'systemInstruction') ?? null];
    const text = JSON.stringify([...begin, listIn(this.#json, 'contents')[0]]).slice(0, LONGEST_PREFIX);
    return createHash('sha256').update(text).digest('base64url').slice(0, 22);
  }
}

const toolsOf = (request: Json): readonly Json[] => listIn(request, 'tools').filter(isObject);
/** It has more than functions of the caller: the provider does something itself. */
const isOfProvider = (tool: Json): boolean =>
  Object.keys(tool).some((name) => !['functionDeclarations', 'function_declarations'].includes(name));

function* allParts(request: Json): Generator<Json, void> {
  for (const content of [field(request, 'systemInstruction'), ...listIn(request, 'contents')]) {
    for (const part of partsIn(content)) {
      yield part;
      const response = objectIn(part, 'functionResponse');
      if (response) yield* listIn(response, 'parts').filter(isObject);
    }
  }
}

type BilledKind = 'image' | 'audio' | 'file';

/** What a part brings that is no text; undefined: nothing. Films have sound. */
function mediaKind(part: Json): BilledKind | undefined {
  const media = objectIn(part, 'inlineData') ?? objectIn(part, 'fileData');
  if (!media) return undefined;
  const type = field(media, 'mimeType');
  if (typeof type !== 'string') return 'file';
  if (type.startsWith('image/')) return 'image';
  return type.startsWith('audio/') || type.startsWith('video/') ? 'audio' : 'file';
}

function hasMedia(request: Json, kind: BilledKind): boolean {
  for (const part of allParts(request)) if (mediaKind(part) === kind) return true;
  return false;
}

const speaks = (config: Json): boolean =>
  listIn(config, 'responseModalities').some((one) => String(one).toUpperCase() === 'AUDIO') ||
  objectIn(config, 'speechConfig') !== undefined;

function billableOf(request: Json, config: Json): Billable {
  let audioInput = false;
  let images = listIn(config, 'responseModalities').some((one) => String(one).toUpperCase() === 'IMAGE');
  for (const part of allParts(request)) {
    const kind = mediaKind(part);
    audioInput ||= kind === 'audio';
    images ||= kind === 'image' || kind === 'file';
  }
  const tier = field(request, 'serviceTier');
  return {
    audioInput,
    audioOutput: speaks(config),
    images,
    cacheWrite: false,
    serviceTier: typeof tier === 'string' && tier.toLowerCase() !== 'standard',
  };
}

/** The schema that the answer is held to. */
export const schemaOf = (config: Json): unknown =>
  field(config, 'responseJsonSchema') ?? field(config, 'responseSchema') ?? undefined;

function reasons(thinking: Json | undefined): boolean {
  if (!thinking) return false;
  const budget = field(thinking, 'thinkingBudget');
  return typeof budget === 'number' ? budget !== 0 : field(thinking, 'thinkingLevel') !== undefined;
}

function userText(content: unknown): string {
  if (!isObject(content) || content['role'] === 'model') return '';
  return partsIn(content)
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('');
}

function* geminiCountables(request: Json, config: Json): Generator<Countable, void> {
  yield ANSWER;
  const system = partsIn(field(request, 'systemInstruction'));
  if (system.length > 0) {
    yield MESSAGE;
    for (const part of system) yield* partCountables(part);
  }
  for (const content of listIn(request, 'contents')) {
    yield MESSAGE;
    if (!isObject(content)) yield { kind: 'json', value: content };
    for (const part of partsIn(content)) yield* partCountables(part);
  }
  for (const [i, tool] of toolsOf(request).entries()) {
    if (i === 0) yield TOOLS;
    yield* toolCountables(tool);
  }
  if (objectIn(request, 'toolConfig')) yield TOOL_CHOICE;
  const schema = schemaOf(config);
  if (schema !== undefined) {
    yield RESPONSE_FORMAT;
    yield { kind: 'json', value: schema };
  }
}

function* partCountables(part: Json): Generator<Countable, void> {
  for (const name in part) {
    const value = part[name];
    if (name === 'text' && typeof value === 'string') yield value;
    else if (isObject(value) && (name === 'inlineData' || name === 'inline_data')) yield inline(value);
    else if (isObject(value) && (name === 'fileData' || name === 'file_data')) yield stored(value);
    else if (isObject(value) && (name === 'functionCall' || name === 'function_call')) {
      yield CALL;
      yield { kind: 'id', text: typeof value['id'] === 'string' ? value['id'] : '' };
      yield typeof value['name'] === 'string' ? value['name'] : '';
      yield { kind: 'json', value: value['args'] ?? {} };
    } else if (isObject(value) && (name === 'functionResponse' || name === 'function_response')) {
      yield CALL;
      yield { kind: 'json', value, without: ['parts'] };
      for (const media of listIn(value, 'parts').filter(isObject)) yield* partCountables(media);
    } else if (name !== 'thought') yield { kind: 'json', value };
  }
}

function inline(media: Json): Countable {
  const { data } = media;
  const type = String(field(media, 'mimeType') ?? '');
  if (type.startsWith('image/')) return { kind: 'image', url: `data:${type};base64,${String(data)}`, detail: null };
  return type.startsWith('audio/') ? { kind: 'audio', data } : { kind: 'document', data };
}

function stored(media: Json): Countable {
  const type = String(field(media, 'mimeType') ?? '');
  if (type.startsWith('image/')) return { kind: 'image', url: field(media, 'fileUri'), detail: null };
  return { kind: 'document', data: undefined };
}

function* toolCountables(tool: Json): Generator<Countable, void> {
  for (const declared of listIn(tool, 'functionDeclarations')) {
    const { name, description } = isObject(declared) ? declared : ({} as Json);
    const parameters = isObject(declared)
      ? (field(declared, 'parametersJsonSchema') ?? declared['parameters'])
      : undefined;
    const declaration = typeof name === 'string' ? { name, description, parameters } : null;
    yield { kind: 'tool', declaration, written: declared };
  }
  const { functionDeclarations: _camel, function_declarations: _snake, ...others } = tool;
  if (Object.keys(others).length > 0) yield { kind: 'json', value: others };
}
