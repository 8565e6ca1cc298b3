/**
 * The facts of a request of the Responses API. Nothing of the request is trusted: what has an unexpected shape is not there, or
 * counts as the JSON that it is, or as the dearest that it might be.
 */
import { createHash } from 'node:crypto';
import { isObject, type Json } from '../../lib/json.js';
import type { Feature } from '../../lib/route-spec.js';
import { fileKind, type MediaKind } from '../media-kind.js';
import type { Billable, Countable, RequestFacts } from '../request-facts.js';
import { usesAllowed } from '../tool-uses.js';
import { responsesCountables } from './countables.js';
import { inputItems, isHostedTool, isOutputItem, itemType, listOf, textParts } from './items.js';

const LONGEST_TEXT = 100_000;
const LONGEST_PREFIX = 64 * 1024;

export class ResponsesFacts implements RequestFacts {
  readonly inputs = 1;
  readonly choices = 1;
  readonly sizeBytes: number;
  readonly maxOutput: number | null;
  readonly #json: Json;
  #billable: Billable | undefined;

  constructor(json: Json, sizeBytes: number) {
    this.#json = json;
    this.sizeBytes = sizeBytes;
    const most = json['max_output_tokens'];
    this.maxOutput = typeof most === 'number' && most > 0 ? most : null;
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
    return responsesCountables(this.#json);
  }

  lastUserText(): string {
    const last = inputItems(this.#json['input']).findLast((item) => userText(item) !== '');
    return last === undefined ? '' : userText(last).slice(0, LONGEST_TEXT);
  }

  /** The tools, the instructions and the first message; the caller's own `prompt_cache_key` where it has one. */
  prefix(): string {
    const own = this.#json['prompt_cache_key'];
    if (typeof own === 'string' && own !== '') return own.slice(0, 256);
    const begin: unknown[] = [this.#json['tools'] ?? null, this.#json['instructions'] ?? null];
    for (const item of inputItems(this.#json['input'])) {
      begin.push(item);
      if (!isInstruction(item)) break;
    }
    const text = JSON.stringify(begin).slice(0, LONGEST_PREFIX);
    return createHash('sha256').update(text).digest('base64url').slice(0, 22);
  }
}

const isInstruction = ({ role }: Json): boolean => role === 'system' || role === 'developer';
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

const formatType = ({ text }: Json): unknown =>
  isObject(text) && isObject(text['format']) ? text['format']['type'] : undefined;

function hasFeature(request: Json, feature: Feature): boolean {
  switch (feature) {
    case 'tools':
      return listOf(request['tools']).length > 0;
    case 'image':
      return hasPart(request, 'input_image');
    case 'file':
      return hasPart(request, 'input_file');
    case 'audio':
      return hasPart(request, 'input_audio');
    case 'json':
      return ['json_object', 'json_schema'].includes(String(formatType(request)));
    case 'json_schema':
      return formatType(request) === 'json_schema';
    case 'reasoning':
      return isObject(request['reasoning']) && (request['reasoning']['effort'] ?? 'none') !== 'none';
    case 'stream':
      return request['stream'] === true;
    case 'system':
      return (
        (typeof request['instructions'] === 'string' && request['instructions'] !== '') ||
        inputItems(request['input']).some(isInstruction)
      );
  }
}

function kindOf(part: Json): MediaKind | undefined {
  if (part['type'] === 'input_image') return 'image';
  if (part['type'] === 'input_audio') return 'audio';
  if (part['type'] === 'input_video') return 'video';
  return part['type'] === 'input_file' ? fileKind(part) : undefined;
}

function hasPart(request: Json, type: string): boolean {
  for (const part of partsOf(request)) if (isObject(part) && part['type'] === type) return true;
  return false;
}

/** Every part of every message, with those that a tool's result holds. */
function* partsOf(request: Json): Generator<unknown, void> {
  for (const item of inputItems(request['input'])) {
    yield* listOf(item['content']);
    yield* listOf(item['output']);
  }
}

/** Parts that are billed as plain text. */
const isPlain = (part: Json): boolean =>
  textParts.has(part['type']) || part['type'] === 'refusal' || part['type'] === 'reasoning_text';

const isMarked = (holder: unknown): boolean => isObject(holder) && isPresent(holder['prompt_cache_breakpoint']);

function billableOf(request: Json): Billable {
  let audioInput = false;
  let images = listOf(request['tools']).some((tool) => isObject(tool) && tool['type'] === 'image_generation');
  let cacheWrite = listOf(request['tools']).some(isMarked);
  for (const item of inputItems(request['input'])) cacheWrite ||= isMarked(item);
  for (const part of partsOf(request)) {
    if (!isObject(part)) continue;
    cacheWrite ||= isMarked(part);
    if (isPlain(part)) continue;
    const audio = part['type'] === 'input_audio';
    const known = audio || part['type'] === 'input_image' || part['type'] === 'input_file';
    images ||= !audio;
    audioInput ||= audio || !known;
  }
  const { service_tier: tier } = request;
  return {
    audioInput,
    audioOutput: isObject(request['audio']) || listOf(request['modalities']).includes('audio'),
    images,
    cacheWrite,
    serviceTier: isPresent(tier) && tier !== 'default',
  };
}

/** More than any picture is read as. */
const PICTURE_TOKENS = 50_000;
/** A file, a recording or what a search finds can be as long as what a model can read. */
const LONGEST_INPUT = 2_000_000;
/** Items with which a request has its provider read more than was sent. */
const plainItems: ReadonlySet<string> = new Set([
  ...['message', 'function_call', 'custom_tool_call', 'reasoning', 'additional_tools', 'configuration_update'],
]);

/** `max_tool_calls` is one maximum for all tools. */
const toolUsesMost = (request: Json): number =>
  listOf(request['tools']).some(isHostedTool) ? usesAllowed(request['max_tool_calls']) : 0;

function mediaTokensMost(request: Json): number {
  const further = listOf(request['tools']).some(isHostedTool) || isPresent(request['prompt']);
  let tokens = further ? LONGEST_INPUT : 0;
  for (const item of inputItems(request['input'])) {
    const type = itemType(item);
    if (!plainItems.has(type) && !isOutputItem(type)) tokens += LONGEST_INPUT;
  }
  for (const part of partsOf(request)) {
    if (isObject(part) && isPlain(part)) continue;
    tokens += isObject(part) && part['type'] === 'input_image' ? PICTURE_TOKENS : LONGEST_INPUT;
  }
  return tokens;
}

function userText(item: Json): string {
  if (itemType(item) !== 'message' || item['role'] !== 'user') return '';
  const { content } = item;
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .filter((text) => text !== '')
    .join('\n');
}
