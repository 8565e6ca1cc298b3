/**
 * What router, tokens, limits, cache and explain know of a request: facts in words that all wire formats share. They come
 * from the parsed request and never from its bytes, which may spell one thing in many ways. What costs something is found
 * out when it is first asked for.
 */
import type { Feature } from '../lib/route-spec.js';
import type { MediaKind } from './media-kind.js';

export interface RequestFacts {
  /** Answers that are asked for; 1 unless the format has a field for it. */
  readonly choices: number;
  /** Most output tokens of each choice. Where several fields say so, the largest; null: none does. 0: nothing is generated. */
  readonly maxOutput: number | null;
  /** Bytes of the request: a first guess at its length that costs nothing. */
  readonly sizeBytes: number;
  /** Texts that are to be embedded; 1 for requests of other endpoints. */
  readonly inputs: number;
  /** What may make the request dearer than plain text. */
  readonly billable: Billable;
  /** Most tokens that the model may read beside the request's own bytes: media, files, what tools of the provider find. */
  mediaTokensMost(): number;
  /** How often the provider may use tools of its own for it; 0: it has none. */
  toolUsesMost(): number;
  has(feature: Feature): boolean;
  /** The first of these kinds that the model must read some of, as the parts come; undefined: none. Files of text are read by every model. */
  holdsAny(kinds: readonly MediaKind[]): MediaKind | undefined;
  /** What the model reads, in order. */
  countables(): Iterable<Countable>;
  /** The text of the user's last message that has any, cut to 100,000 characters; empty where there is none. */
  lastUserText(): string;
  /** What stays the same as a conversation goes on, as a short name; null: nothing does. */
  prefix(): string | null;
}

/** True where it may be so: a part that is not known counts as the dearest. */
export interface Billable {
  readonly audioInput: boolean;
  readonly audioOutput: boolean;
  readonly images: boolean;
  /** The request asks for a part of its prompt to be cached. */
  readonly cacheWrite: boolean;
  /** The request asks for a service tier that may not be the standard one. */
  readonly serviceTier: boolean;
}

/**
 * A piece of what a model reads: text as it is, or something that `tokens/` knows the size of for each model. A request of any
 * size yields small pieces, so that whoever counts can pause between any two.
 */
export type Countable =
  | string
  | Frame
  /** An id that some models see. */
  | { readonly kind: 'id'; readonly text: string }
  /** A value that the model sees as JSON, but for these top-level fields. */
  | { readonly kind: 'json'; readonly value: unknown; readonly without?: readonly string[] }
  /** `url`: a data URL or a remote one. Both may be anything. */
  | { readonly kind: 'image'; readonly url: unknown; readonly detail: unknown }
  /** Base64 of a sound file. */
  | { readonly kind: 'audio'; readonly data: unknown }
  /** Base64 of a document, with or without a data URL's head; anything else: it is kept by the provider. */
  | { readonly kind: 'document'; readonly data: unknown }
  /** `declaration`: null where `written` is none. */
  | { readonly kind: 'tool'; readonly declaration: ToolDeclaration | null; readonly written: unknown }
  /** Text that came as tokens. */
  | { readonly kind: 'tokens'; readonly count: number };

export interface ToolDeclaration {
  readonly name: string;
  readonly description: unknown;
  /** A JSON schema. */
  readonly parameters: unknown;
}

/** What stands around texts: each kind costs a model so many tokens. */
export interface Frame {
  readonly kind: 'frame';
  readonly of: 'answer' | 'message' | 'name' | 'call' | 'tools' | 'tool_choice' | 'response_format' | 'embedded';
}

const frame = (of: Frame['of']): Frame => ({ kind: 'frame', of });

export const ANSWER = frame('answer');
export const MESSAGE = frame('message');
export const NAME = frame('name');
export const CALL = frame('call');
export const TOOLS = frame('tools');
export const TOOL_CHOICE = frame('tool_choice');
export const RESPONSE_FORMAT = frame('response_format');
export const EMBEDDED = frame('embedded');
