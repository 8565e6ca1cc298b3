/**
 * The facts of a request of the messages dialect. Nothing of the request is trusted: what has an unexpected shape is not there,
 * or counts as the JSON that it is, or as the dearest that it might be.
 */
import { createHash } from 'node:crypto';
import { isObject, type Json } from '../../lib/json.js';
import type { Feature } from '../../lib/route-spec.js';
import { documentKind, type MediaKind } from '../media-kind.js';
import type { Billable, Countable, RequestFacts } from '../request-facts.js';
import { usesOfEach } from '../tool-uses.js';
import { blocksOf, isAttribution, isMarked, isServerTool, listOf, textBlocks, typeOf } from './blocks.js';
import { messagesCountables } from './countables.js';

const LONGEST_TEXT = 100_000;
const LONGEST_PREFIX = 64 * 1024;

export class MessagesFacts implements RequestFacts {
  readonly inputs = 1;
  readonly choices = 1;
  readonly sizeBytes: number;
  readonly maxOutput: number | null;
  readonly #json: Json;
  #billable: Billable | undefined;

  constructor(json: Json, sizeBytes: number) {
    this.#json = json;
    this.sizeBytes = sizeBytes;
    const most = json['max_tokens'];
    this.maxOutput = typeof most === 'number' ? most : null;
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
    for (const block of blocksOf(this.#json)) {
      const { type } = block;
      const kind = type === 'image' ? type : type === 'document' ? documentKind(block) : undefined;
      if (kind !== undefined && kinds.includes(kind)) return kind;
    }
    return undefined;
  }

  countables(): Iterable<Countable> {
    return messagesCountables(this.#json);
  }

  lastUserText(): string {
    const message = listOf(this.#json['messages']).findLast((one) => userText(one) !== '');
    return userText(message).slice(0, LONGEST_TEXT);
  }

  /** The tools, the instructions and the first message. */
  prefix(): string {
    const { tools, system, messages } = this.#json;
    const instructions = Array.isArray(system) ? system.filter((block) => !isAttribution(block)) : system;
    const text = JSON.stringify([tools ?? null, instructions ?? null, listOf(messages)[0]]).slice(0, LONGEST_PREFIX);
    return createHash('sha256').update(text).digest('base64url').slice(0, 22);
  }
}

function hasFeature(request: Json, feature: Feature): boolean {
  switch (feature) {
    case 'tools':
      return listOf(request['tools']).length > 0;
    case 'image':
      return hasBlock(request, (type) => type === 'image');
    case 'file':
      return hasBlock(request, (type) => type === 'document' || type === 'container_upload');
    case 'audio':
      return false;
    case 'json':
    case 'json_schema':
      return typeOf(formatOf(request)) === 'json_schema';
    case 'reasoning':
      return reasons(request);
    case 'stream':
      return request['stream'] === true;
    case 'system':
      return hasSystem(request);
  }
}

/** The form that the answer is held to; `output_format` is its older place. */
export function formatOf(request: Json): unknown {
  const { output_config: config, output_format: older } = request;
  return (isObject(config) ? config['format'] : undefined) ?? older;
}

function reasons({ thinking, output_config: config }: Json): boolean {
  if (isObject(thinking)) return thinking['type'] !== 'disabled';
  return isObject(config) && typeof config['effort'] === 'string';
}

function hasSystem({ system, messages }: Json): boolean {
  if (typeof system === 'string' ? system !== '' : listOf(system).length > 0) return true;
  return listOf(messages).some((message) => isObject(message) && message['role'] === 'system');
}

function hasBlock(request: Json, is: (type: unknown) => boolean): boolean {
  for (const block of blocksOf(request)) if (is(block['type'])) return true;
  return false;
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

function billableOf(request: Json): Billable {
  let images = false;
  let cacheWrite = isMarked(request) || listOf(request['tools']).some(isMarked);
  for (const block of blocksOf(request)) {
    cacheWrite ||= isMarked(block);
    images ||= !textBlocks.has(block['type']);
  }
  const { service_tier: tier, speed } = request;
  const asksForTier = isPresent(tier) && tier !== 'standard_only';
  return {
    // The dialect has no sound, and no usage of it.
    audioInput: false,
    audioOutput: false,
    images,
    cacheWrite,
    serviceTier: asksForTier || (isPresent(speed) && speed !== 'standard'),
  };
}

/** More than any picture is read as. */
const PICTURE_TOKENS = 50_000;
/** A document, or what a search finds, can be as long as what a model can read. */
const LONGEST_INPUT = 2_000_000;
/** Fields with which a request has its provider read more than was sent. */
const furtherReading = ['container', 'mcp_servers', 'thread'];

const toolUsesMost = (request: Json): number => usesOfEach(listOf(request['tools']).filter(isServerTool));

function mediaTokensMost(request: Json): number {
  const further =
    listOf(request['tools']).some(isServerTool) || furtherReading.some((name) => isPresent(request[name]));
  let tokens = further ? LONGEST_INPUT : 0;
  for (const { type } of blocksOf(request)) {
    if (textBlocks.has(type)) continue;
    tokens += type === 'image' ? PICTURE_TOKENS : LONGEST_INPUT;
  }
  return tokens;
}

function userText(message: unknown): string {
  if (!isObject(message) || message['role'] !== 'user') return '';
  const { content } = message;
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((block) =>
      isObject(block) && block['type'] === 'text' && typeof block['text'] === 'string' ? block['text'] : '',
    )
    .filter((piece) => piece !== '')
    .join('\n');
}
