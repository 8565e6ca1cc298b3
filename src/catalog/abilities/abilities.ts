/**
 * The table of models: what each takes and gives, found by its name. A name may carry a vendor, a region, a fine-tuning frame or a
 * date. Windows and prices are the price catalogue's;
 * what the configuration states of a model counts before all of it.
 */
import { claudeFamily } from '../../formats/anthropic-messages/claude-models.js';
import { type GeminiModel, geminiModel } from '../../formats/google-gemini/models.js';
import { type InputKind, type ModelAbilities, nothingKnown } from '../../lib/abilities-spec.js';
import { openaiModels } from './openai.js';
import { otherModels } from './others.js';

/** Longer names are nobody's. */
const LONGEST_NAME = 300;

export function abilitiesOf(model: string): ModelAbilities {
  const name = bareName(model.toLowerCase().slice(0, LONGEST_NAME));
  if (name.includes('claude')) return claudeAbilities(name);
  if (/^(?:gemini|gemma)/.test(name)) return geminiAbilities(name);
  const found = [...openaiModels, ...otherModels].find(([pattern]) => pattern.test(name))?.[1] ?? nothingKnown;
  return saysMore(name, found.input) ? { ...found, input: null } : found;
}

/** Parts of names of models that see, and of those that hear. */
const SEEING = /vision|visual|llava|multimodal|image|omni|(?:^|[-_.:])(?:\w{0,10}vl|vlm)(?![a-z])/;
const HEARING = /audio|omni|voice|speech|realtime|multimodal|-asr/;

/** Whether a name tells of more than its family reads: such a model is made of one of the family, and is another. */
const saysMore = (name: string, input: readonly InputKind[] | null): boolean =>
  input !== null &&
  ((!input.includes('image') && SEEING.test(name)) || (!input.includes('audio') && HEARING.test(name)));

/** `ft:gpt-4o-mini:org::id`, `meta-llama/Llama-3.3-70B`, `eu.amazon.nova-pro-v1:0`. */
function bareName(name: string): string {
  const tuned = name.startsWith('ft:') ? name.slice(3).split(':', 1)[0]! : name;
  return tuned
    .slice(tuned.lastIndexOf('/') + 1)
    .replace(/^(?:us|eu|apac|global|jp|au)\./, '')
    .replace(/^[a-z]{2,20}\.(?=[a-z])/, '');
}

function claudeAbilities(name: string): ModelAbilities {
  const { facts } = claudeFamily(name);
  const old = /claude-(?:2|instant)/.test(name);
  return {
    input: old ? ['text'] : /claude-3-(?:opus|sonnet|haiku)/.test(name) ? ['text', 'image'] : ['text', 'image', 'file'],
    output: ['text'],
    sampling: !facts.rejectsSampling,
    tools: !old,
    forcedTool: !old && !facts.rejectsForcedTool,
    jsonSchema: facts.nativeStructuredOutput,
    reasoning: facts.adaptiveThinking ? 'adaptive' : facts.rejectsBudgetThinking ? 'none' : 'budget',
  };
}

/** Of Google's small models some hear, and newer ones may. */
function geminiInputs(name: string): readonly InputKind[] | null {
  if (/embedding-001|^gemini-(?:1\.0-)?pro$|^gemma-(?:2|3-1b)|-tts/.test(name)) return ['text'];
  if (/embedding|^gemma-?[4-9]/.test(name)) return null;
  if (/^gemma-?3n/.test(name)) return ['text', 'image', 'audio', 'video'];
  return name.startsWith('gemma') ? ['text', 'image'] : ['text', 'image', 'audio', 'video', 'file'];
}

function geminiAbilities(name: string): ModelAbilities {
  const { thinking, maxOutput }: GeminiModel = geminiModel(name);
  const speaks = /-tts/.test(name);
  const draws = /-image/.test(name);
  const embeds = /embedding/.test(name);
  const acts = maxOutput !== null && !speaks && !draws && !name.startsWith('gemma');
  return {
    input: geminiInputs(name),
    output: embeds ? ['embedding'] : speaks ? ['audio'] : draws ? ['text', 'image'] : ['text'],
    sampling: !embeds,
    tools: acts && !embeds,
    forcedTool: acts && !embeds,
    jsonSchema: acts && !embeds,
    reasoning: thinking.by === 'nothing' ? 'none' : thinking.by,
  };
}
