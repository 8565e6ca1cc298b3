/**
 * What models of other makers take and give, by their bare names, wherever they are served. Only what holds for all of a family
 * stands here: a name that may be another model tomorrow (`mistral-large-latest`) does not. The first row that matches counts.
 * `reasoning: none` stands only where no model of the row thinks: how others are told to, if at all, depends on who serves them
 * (`ChatDialect.thinking`), and is not known here.
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

/** They think, or some of them do. */
const thinking: ModelAbilities = { ...plain, reasoning: null };
const seeingThinking: ModelAbilities = { ...seeing, reasoning: null };
const watchingThinking: ModelAbilities = { ...watching, reasoning: null };

export const otherModels: readonly (readonly [RegExp, ModelAbilities])[] = [
  [/^embed-|^titan-embed-image/, { ...embedding, input: null }],
  [/embed|^bge-|^e5-|^gte-|^all-minilm/, embedding],
  // Meta
  [/^(?:meta-)?llama-?3[.-]2-(?:(?:11|90)b|vision)|^(?:meta-)?llama-?4/, seeing],
  [/^(?:meta-)?llama-?(?:2|3(?:[.-][0-3])?)(?![.\d])/, plain],
  // Mistral
  [/^pixtral|^mistral-small-(?:3[.-][12]|2503|2506)|^mistral-large-(?:3|2512)/, seeing],
  [/^mistral-medium-(?:3|25)/, seeingThinking],
  [/^voxtral/, { ...plain, input: ['text', 'audio'] }],
  [/^codestral|^mixtral|^(?:open-)?mistral-(?:7b|nemo)|^open-mi|^mistral-large-2(?:402|407|411)/, plain],
  // DeepSeek
  [/^deepseek-vl|^deepseek-ocr|^janus/, seeing],
  [/^deepseek-(?:coder|v[12](?!\d))/, plain],
  [/^deepseek-(?:chat|reasoner|r1|v3)/, thinking],
  // Alibaba
  [/^qwen.*-omni/, { ...watchingThinking, input: ['text', 'image', 'audio', 'video'] }],
  [/^qwen-?2(?:\.5)?-vl/, watching],
  [/^qwen.*-vl|^qvq/, watchingThinking],
  [/^qwen-?(?:2|2\.5|3)-coder|^qwen-?2(?:\.5)?-\d/, plain],
  [/^qwq|^qwen-?3-(?:\d|max|next)/, thinking],
  // Moonshot
  [/^moonshot-v1-.*-vision/, seeing],
  [/^kimi-k2[.p-][5-9]/, watchingThinking],
  [/^kimi-vl/, seeingThinking],
  [/^kimi-k2-thinking/, thinking],
  [/^kimi-k2(?![.p])|^moonshot-v1/, plain],
  // Z.ai
  [/^glm-4v/, watching],
  [/^glm-4(?:\.\d)?v/, watchingThinking],
  [/^glm-(?:4\.[5-7]|5(?:\.\d)?)(?![v.\d])/, thinking],
  // xAI
  [/^grok-2-vision/, seeing],
  [/^grok-4/, seeingThinking],
  [/^grok-3-mini/, { ...plain, reasoning: 'effort' }],
  [/^grok-3/, plain],
  [/^grok-code/, thinking],
  // Cohere
  [/^command-a-vision|^c4ai-aya-vision|^aya-vision/, { ...seeing, tools: false, forcedTool: false }],
  [/^command-(?:r|a-03)/, plain],
  // Amazon
  [/nova-micro/, { ...plain, jsonSchema: false }],
  [/nova-(?:lite|pro|premier)/, { ...watching, input: ['text', 'image', 'video', 'file'], jsonSchema: false }],
  // Others
  [/^phi-(?:3|3\.5)-mini|^dbrx|^gpt-neox/, plain],
  [/^minimax-m[12]|^phi-4-mini|^jamba/, thinking],
];
