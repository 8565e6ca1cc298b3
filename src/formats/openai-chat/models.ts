/**
 * Facts that hold for OpenAI's models by their names, wherever they are served: the encoding, and what pictures and tools
 * cost in input tokens. Names may carry a fine-tuning frame (`ft:gpt-4o-mini:org::id`), a vendor (`openai/gpt-4o`) or a
 * date. Where the documentation and the bills disagree, the dearer figure stands here.
 */
import type { ReasoningForm } from '../../lib/abilities-spec.js';
import type { FormatId } from '../format-id.js';
import type { OutputField } from '../translation.js';

export interface EncodingRule {
  readonly encoding: 'o200k_base' | 'cl100k_base';
  /** The encoding is known to be the model's own. */
  readonly exact: boolean;
}

/** How a picture becomes tokens. */
export type VisionRule =
  /** Scaled to 2048 x 2048 and a short side of 768 pixels, then `base` plus `tile` per 512-pixel square. */
  | { readonly kind: 'tiles'; readonly base: number; readonly tile: number }
  /** Scaled to `longest` pixels and at most `most` squares of `side` pixels, then squares times `factor`. */
  | {
      readonly kind: 'patches';
      readonly side: number;
      readonly longest: number;
      readonly most: number;
      readonly factor: number;
    };

/** Tokens that each part of a tool's declaration costs beside its text, as OpenAI's cookbook found them. */
export interface ToolRule {
  readonly perTool: number;
  readonly firstProperty: number;
  readonly perProperty: number;
  readonly firstEnumItem: number;
  readonly perEnumItem: number;
  /** Once per request that declares tools. */
  readonly perRequest: number;
}

const o200kNames =
  /^(chatgpt-4o|gpt-4o|gpt-4\.|gpt-[56](?!\d)|gpt-oss|gpt-audio|gpt-realtime|o[1-9](?!\d)|codex-|computer-use)/;
const cl100kNames = /^(gpt-4(?!\d)|gpt-3\.5|gpt-35|text-embedding-3|text-embedding-ada-002)/;

/** The encoding of a model; `o200k_base`, not exact, for a name that is not OpenAI's. */
export function encodingFor(model: string): EncodingRule {
  const name = bareName(model);
  if (o200kNames.test(name)) return { encoding: 'o200k_base', exact: true };
  if (cl100kNames.test(name)) return { encoding: 'cl100k_base', exact: true };
  return { encoding: 'o200k_base', exact: false };
}

const tiles = (base: number, tile: number): VisionRule => ({ kind: 'tiles', base, tile });
const patches = (most: number, longest: number, factor: number): VisionRule => ({
  kind: 'patches',
  side: 32,
  longest,
  most,
  factor,
});
const unscaled = patches(10_000, 6000, 1.2);

/** First match wins. */
const visionRules: readonly (readonly [RegExp, VisionRule])[] = [
  [/^gpt-4o-mini/, tiles(2833, 5667)],
  [/^gpt-4\.1-mini|^gpt-5(\.[1-4])?-mini/, patches(1536, 2048, 1.62)],
  [/^gpt-4\.1-nano|^gpt-5(\.[1-4])?-nano/, patches(1536, 2048, 2.46)],
  [/^o4-mini|^codex-mini/, patches(1536, 2048, 1.72)],
  [/^gpt-4|^chatgpt-4o/, tiles(85, 170)],
  [/^o[1-9](?!\d)/, tiles(75, 150)],
  [/^computer-use/, tiles(65, 129)],
  [/^gpt-5(\.1)?(?![.\d])/, tiles(70, 140)],
  [/^gpt-5\.[23](?!\d)/, patches(1536, 2048, 1.2)],
  [/^gpt-5\.4(?!\d)/, patches(2500, 2048, 1.2)],
];

/** How a model bills pictures; a name that is not listed gets the newest rule, which is also the dearest. */
export function visionRuleFor(model: string, detail?: unknown): VisionRule {
  const name = bareName(model);
  const rule = visionRules.find(([pattern]) => pattern.test(name))?.[1] ?? unscaled;
  return detail === 'original' && rule.kind === 'patches' && rule.most === 2500 ? unscaled : rule;
}

/** What tools cost on a model. GPT-5 adds a constant 83 that the cookbook does not know of. */
export function toolRuleFor(model: string): ToolRule {
  const name = bareName(model);
  return {
    perTool: encodingFor(name).encoding === 'cl100k_base' ? 10 : 7,
    firstProperty: 3,
    perProperty: 3,
    firstEnumItem: -3,
    perEnumItem: 3,
    perRequest: 12 + (/^gpt-[5-9](?!\d)/.test(name) ? 83 : 0),
  };
}

/** Most output tokens of a request, reasoning included. First match wins; later models of a family have its figure. */
const outputMaxima: readonly (readonly [RegExp, number])[] = [
  [/^gpt-4o-2024-05-13/, 4096],
  [/^(chatgpt-4o|gpt-4o|gpt-audio|gpt-4\.5|gpt-5(\.\d+)?-chat)/, 16_384],
  [/^gpt-4\.1/, 32_768],
  [/^gpt-5(\.\d+)?-pro/, 272_000],
  [/^gpt-[5-9](?!\d)/, 128_000],
  [/^gpt-oss/, 131_072],
  [/^o1-mini/, 65_536],
  [/^o1-preview/, 32_768],
  [/^(o[1-9](?!\d)|codex-mini)/, 100_000],
  [/^gpt-4-(turbo|1106|0125|vision)/, 4096],
  [/^gpt-4-32k/, 32_768],
  [/^gpt-4(?!\d)/, 8192],
  [/^(gpt-3\.5-turbo-16k|gpt-35-turbo-16k)/, 16_384],
  [/^(gpt-3\.5|gpt-35)/, 4096],
];

/**
 * The field that bounds an answer. Models that reason refuse `max_tokens`; most servers of other models know no other field.
 */
export const outputFieldFor = (model: string): OutputField =>
  /^(o[1-9]|gpt-[5-9]|codex-)(?!\d)/.test(bareName(model)) ? 'max_completion_tokens' : 'max_tokens';

/** Models that are known to take `reasoning_effort`; those since 5.1 also `none`. */
const REASONING = /^(?:o[1-9]|gpt-[5-9]|codex-|gpt-oss)(?!\d)/;
const STOPS_REASONING = /^gpt-(?:5\.[1-9]|[6-9])/;

/**
 * The effort to ask a model for instead of `asked`, in the words that all models of its kind take; undefined: it takes none,
 * or is not known to. `stated`: what the configuration says of it, which counts before its name.
 */
export function takesEffort(model: string, asked: unknown, stated?: ReasoningForm): unknown {
  if (stated === 'none') return undefined;
  if (stated === 'effort') return asked;
  const name = bareName(model);
  if (!REASONING.test(name) || /^gpt-5(\.\d+)?-chat/.test(name)) return undefined;
  if (asked === 'none') return STOPS_REASONING.test(name) ? asked : undefined;
  return asked === 'xhigh' || asked === 'max' ? 'high' : asked;
}

/** Most tokens that a model answers with; null for a name that is not OpenAI's. */
export function maxOutputFor(model: string): number | null {
  const name = bareName(model);
  return outputMaxima.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

function bareName(model: string): string {
  const name = model.toLowerCase();
  const tuned = name.startsWith('ft:') ? name.slice(3).split(':', 1)[0]! : name;
  return tuned.slice(tuned.lastIndexOf('/') + 1);
}

/** Models that have no chat completions: those of Codex, the ones that think longest, those that search or use a computer. */
const responsesOnly =
  /^(?:gpt-5[\w.]{0,10}-codex|gpt-5[\w.]{0,10}-pro|codex-|o[1-9]-pro|o[1-9](?:-mini)?-deep-research|computer-use)/;

/** The formats in which OpenAI serves a model. */
export const formatsFor = (model: string): readonly FormatId[] =>
  responsesOnly.test(bareName(model).slice(0, 200))
    ? ['openai-responses']
    : ['openai-chat', 'openai-responses', 'openai-embeddings'];
