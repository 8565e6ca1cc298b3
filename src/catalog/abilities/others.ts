/**
 * What models of other makers take and give, by their bare names, wherever they are served. Only what holds for all of a family
 * stands here: a name that may be another model tomorrow (`mistral-large-latest`) does not. The first row that matches counts.
 */
import type { ModelAbilities } from '../../lib/abilities-spec.js';

const plain: ModelAbilities = {
  ...{ input: ['text'], output: ['text'], reasoning: 'none' },
  ...{ sampling: true, tools: true, forcedTool: true, jsonSchema: true },
};
const seeing: ModelAbilities = { ...plain, input: ['text', 'image'] };
const watching: ModelAbilities = { ...plain, input: ['text', 'image', 'video'] };
const embedding: ModelAbilities = {
  ...plain,
  ...{ output: ['embedding'], sampling: false, tools: false, forcedTool: false, jsonSchema: false },
};

export const otherModels: readonly (readonly [RegExp, ModelAbilities])[] = [
  // Meta
  [/^(?:meta-)?llama-?3[.-]2-(?:11|90)b|^(?:meta-)?llama-?4/, seeing],
  [/^(?:meta-)?llama-?(?:2|3(?:[.-][0-3])?)(?![.\d])/, plain],
  // Mistral
  [/^pixtral|^mistral-small-(?:3[.-][12]|2503|2506)|^mistral-medium-(?:3|25)|^mistral-large-(?:3|2512)/, seeing],
  [/^voxtral/, { ...plain, input: ['text', 'audio'] }],
  [/^codestral|^mixtral|^(?:open-)?mistral-(?:7b|nemo)|^open-mi|^mistral-large-2(?:402|407|411)/, plain],
  // DeepSeek
  [/^deepseek-vl|^deepseek-ocr|^janus/, seeing],
  [/^deepseek-(?:chat|reasoner|coder|r1|v[123])/, plain],
  // Alibaba
  [/^qwen.*-omni/, { ...watching, input: ['text', 'image', 'audio', 'video'] }],
  [/^qwen.*-vl|^qvq/, watching],
  [/^qwq|^qwen-?(?:2|2\.5|3)-coder|^qwen-?2(?:\.5)?-\d|^qwen-?3-(?:\d|max|next|coder)/, plain],
  // Moonshot
  [/^kimi-k2[.-][5-9]|^moonshot-v1-.*-vision|^kimi-vl/, seeing],
  [/^kimi-k2(?!\.)|^moonshot-v1/, plain],
  // Z.ai
  [/^glm-4(?:\.\d)?v/, watching],
  [/^glm-(?:4\.[5-7]|5)(?!v)/, plain],
  // xAI
  [/^grok-2-vision|^grok-4/, seeing],
  [/^grok-3-mini/, { ...plain, reasoning: 'effort' }],
  [/^grok-(?:3|code)/, plain],
  // Cohere
  [/^command-a-vision|^c4ai-aya-vision|^aya-vision/, { ...seeing, tools: false, forcedTool: false }],
  [/^command-(?:r|a-03)/, plain],
  // Amazon
  [/nova-micro/, { ...plain, jsonSchema: false }],
  [/nova-(?:lite|pro|premier)/, { ...watching, input: ['text', 'image', 'video', 'file'], jsonSchema: false }],
  // Others
  [/^minimax-m[12]|^phi-(?:3|3\.5|4)-mini|^dbrx|^jamba|^gpt-neox/, plain],
  [/embed|^bge-|^e5-|^gte-|^all-minilm/, embedding],
];
