/** What OpenAI's models take and give, by their bare names. The first row that matches counts. */
import type { ModelAbilities } from '../../lib/abilities-spec.js';

const plain: ModelAbilities = {
  ...{ input: ['text'], output: ['text'], reasoning: 'none' },
  ...{ sampling: true, tools: true, forcedTool: true, jsonSchema: false },
};
const seeing: ModelAbilities = { ...plain, input: ['text', 'image'] };
const reading: ModelAbilities = { ...seeing, input: ['text', 'image', 'file'], jsonSchema: true };
const reasoning: ModelAbilities = { ...reading, sampling: false, reasoning: 'effort' };
const sounding: ModelAbilities = { ...plain, input: ['text', 'audio'], output: ['text', 'audio'] };
const early: ModelAbilities = { ...plain, sampling: false, tools: false, forcedTool: false };

export const openaiModels: readonly (readonly [RegExp, ModelAbilities])[] = [
  [/^gpt-4o(?:-mini)?-(?:transcribe|tts)|^gpt-(?:realtime|image)/, { ...sounding, tools: false, forcedTool: false }],
  [/^gpt-audio|^gpt-4o(?:-mini)?-audio/, sounding],
  [/^gpt-4o(?:-mini)?-search/, { ...plain, sampling: false, tools: false, forcedTool: false, jsonSchema: true }],
  [/^chatgpt-4o/, { ...seeing, tools: false, forcedTool: false }],
  [/^gpt-4o-2024-05-13/, seeing],
  [/^gpt-4(?:o|\.[15])/, reading],
  [/^gpt-4-(?:turbo|vision)(?!-preview)/, seeing],
  [/^(?:gpt-4|gpt-3\.5|gpt-35)(?![.\do])/, plain],
  [/^gpt-oss/, { ...plain, jsonSchema: true, reasoning: 'effort' }],
  [/^gpt-5(?:\.\d+)?-chat/, { ...reading, input: ['text', 'image'] }],
  [/^gpt-[5-9](?!\d)/, reasoning],
  [/^o1-(?:mini|preview)/, early],
  [/^o3-mini/, { ...reasoning, input: ['text'] }],
  [/^o[1-9](?!\d)|^codex-/, reasoning],
  [/^text-embedding/, { ...plain, output: ['embedding'], sampling: false, tools: false, forcedTool: false }],
];
