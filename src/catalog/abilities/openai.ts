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
const toolless = { tools: false, forcedTool: false } as const;
const early: ModelAbilities = { ...plain, sampling: false, ...toolless };

export const openaiModels: readonly (readonly [RegExp, ModelAbilities])[] = [
  [/^gpt-4o(?:-mini)?-transcribe/, { ...sounding, ...toolless, output: ['text'] }],
  [/^gpt-4o(?:-mini)?-tts/, { ...sounding, ...toolless, input: ['text'], output: ['audio'] }],
  [/^(?:chat)?gpt-image/, { ...seeing, ...toolless, sampling: null, output: ['image'] }],
  // Some of them see as well.
  [/^gpt-realtime|^gpt-4o(?:-mini)?-realtime/, { ...sounding, input: null, reasoning: null }],
  [/^gpt-audio|^gpt-4o(?:-mini)?-audio/, sounding],
  [/^gpt-4o(?:-mini)?-search/, { ...plain, ...toolless, sampling: false, jsonSchema: true }],
  [/^chatgpt-4o/, { ...seeing, ...toolless }],
  [/^gpt-4o-2024-05-13/, seeing],
  [/^gpt-4(?:o|\.[15])/, reading],
  [/^gpt-4-(?:\d{4}-)?vision/, { ...seeing, ...toolless }],
  [/^gpt-4-turbo(?!-preview)/, seeing],
  [/^(?:gpt-4|gpt-3\.5|gpt-35)(?![.\do])/, plain],
  [/^gpt-oss/, { ...plain, jsonSchema: true, reasoning: 'effort' }],
  [/^gpt-5(?:\.\d+)?-chat/, { ...reading, input: ['text', 'image'] }],
  [/^gpt-[5-9](?!\d)/, reasoning],
  [/^o1-(?:mini|preview)/, early],
  [/^o3-mini/, { ...reasoning, input: ['text'] }],
  [/^o[1-9](?!\d)|^codex-/, reasoning],
  [/^text-embedding/, { ...plain, ...toolless, output: ['embedding'], sampling: false }],
];
