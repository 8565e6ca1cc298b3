/** The only list of provider types. */
import type { ProviderType } from '../src/provider/provider-type.js';
import { anthropic } from './anthropic.js';
import { localEmbeddings } from './local-embeddings.js';
import { openai } from './openai.js';
import { openaiCompatible } from './openai-compatible.js';
import { sandbox } from './sandbox.js';

export const providers: Readonly<Record<string, ProviderType>> = Object.fromEntries(
  [openai, openaiCompatible, anthropic, sandbox, localEmbeddings].map((provider) => [provider.type, provider]),
);
