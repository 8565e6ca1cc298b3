/**
 * Facts that hold for Google's models by their names, wherever they are served. Names may carry `models/`, a publisher or a
 * date. A name that is not known is taken for a model without abilities that could be refused; a newer Gemini for the newest
 * one that is.
 */

import type { ReasoningForm } from '../../lib/abilities-spec.js';

/** How a model is told how much to think. */
export type Thinking =
  | { readonly by: 'nothing' }
  /** `thinkingBudget` in tokens; `off`: 0 turns it off. */
  | { readonly by: 'budget'; readonly least: number; readonly most: number; readonly off: boolean }
  /** `thinkingLevel`; the least first. */
  | { readonly by: 'level'; readonly levels: readonly ThinkingLevel[] };

export type ThinkingLevel = 'minimal' | 'low' | 'medium' | 'high';

export interface GeminiModel {
  /** Most tokens of an answer, thoughts included; null where that is not known. */
  readonly maxOutput: number | null;
  readonly thinking: Thinking;
  /** Schemas of tools and answers may be JSON schemas; else they are a subset of OpenAPI's. */
  readonly jsonSchema: boolean;
  /** An answer can be held to JSON while there are tools to call. */
  readonly jsonBesideTools: boolean;
  /** Calls of tools are refused when they come back without the signature that they came with. */
  readonly signedCalls: boolean;
  /** Results of tools may hold images. */
  readonly mediaInResults: boolean;
  /** It knows no instruction apart from the conversation. */
  readonly noSystem: boolean;
  /** The developer API refuses penalties for it. */
  readonly rejectsPenalties: boolean;
}

const unknown: GeminiModel = {
  maxOutput: null,
  thinking: { by: 'nothing' },
  jsonSchema: true,
  jsonBesideTools: false,
  signedCalls: false,
  mediaInResults: false,
  noSystem: false,
  rejectsPenalties: false,
};
const first: GeminiModel = { ...unknown, maxOutput: 8192, jsonSchema: false };
const second: GeminiModel = { ...unknown, maxOutput: 65_536, rejectsPenalties: true };
const third: GeminiModel = { ...second, jsonBesideTools: true, signedCalls: true, mediaInResults: true };

const budget = (least: number, most: number, off = true): Thinking => ({ by: 'budget', least, most, off });
const levels = (...of: ThinkingLevel[]): Thinking => ({ by: 'level', levels: of });
const ALL = levels('minimal', 'low', 'medium', 'high');
const FROM_LOW = levels('low', 'medium', 'high');

/** The first row that matches counts. */
const families: readonly (readonly [RegExp, GeminiModel])[] = [
  [/^gemma/, { ...first, noSystem: true }],
  [/^gemini-[1-9.]+-(?:flash|pro).*-tts/, { ...second, maxOutput: 16_384 }],
  [/^gemini-(?:1|pro(?:-vision)?$|flash-1|pro-1)/, first],
  [/^gemini-2\.0/, first],
  [/^gemini-2\.5-flash-image/, { ...second, maxOutput: 32_768 }],
  [/^gemini-2\.5-flash-lite/, { ...second, thinking: budget(512, 24_576) }],
  [/^gemini-2\.5-pro/, { ...second, thinking: budget(128, 32_768, false) }],
  [/^gemini-2/, { ...second, thinking: budget(1, 24_576) }],
  [/^gemini-[3-9].*-image/, { ...third, maxOutput: 32_768, thinking: { by: 'nothing' } }],
  [/^gemini-3-pro/, { ...third, thinking: levels('low', 'high') }],
  [/^gemini-3(?:\.\d+)?-flash-lite/, { ...third, thinking: ALL }],
  [/^gemini-3(?:\.[0-6])?-flash/, { ...third, thinking: ALL }],
  [/^gemini-(?:[3-9]|\d\d|pro|flash)/, { ...third, thinking: FROM_LOW }],
];

/** The form that the configuration states: as it is known of the model, or as most models have it. */
export function statedThinking(known: Thinking, stated: ReasoningForm): Thinking {
  if (stated === 'none') return { by: 'nothing' };
  if (stated === 'budget') return known.by === 'budget' ? known : budget(1, 24_576);
  if (stated === 'level') return known.by === 'level' ? known : FROM_LOW;
  return known;
}

export function geminiModel(model: string): GeminiModel {
  const name = model.slice(model.lastIndexOf('/') + 1).toLowerCase();
  return families.find(([pattern]) => pattern.test(name))?.[1] ?? unknown;
}
