/** The only list of provider types. */
import type { Adaptor } from '../src/formats/provider.js';
import { anthropic } from './anthropic.js';
import { localEmbeddings } from './local-embeddings.js';
import { openai } from './openai.js';
import { openaiCompatible } from './openai-compatible.js';
import { sandbox } from './sandbox.js';

export const adaptors: Readonly<Record<string, Adaptor>> = Object.fromEntries(
  [openai, openaiCompatible, anthropic, sandbox, localEmbeddings].map((adaptor) => [adaptor.type, adaptor]),
);
