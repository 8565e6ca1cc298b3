/** The only list of provider types. */
import type { ProviderType } from '../src/provider/provider-type.js';
import { anthropic } from './anthropic.js';
import { azure } from './azure.js';
import { bedrock } from './bedrock.js';
import { cerebras } from './cerebras.js';
import { cohere } from './cohere.js';
import { databricks } from './databricks.js';
import { deepseek } from './deepseek.js';
import { fireworks } from './fireworks.js';
import { gemini } from './gemini.js';
import { groq } from './groq.js';
import { huggingface } from './huggingface.js';
import { localEmbeddings } from './local-embeddings.js';
import { minimax } from './minimax.js';
import { mistral } from './mistral.js';
import { moonshot } from './moonshot.js';
import { nvidia } from './nvidia.js';
import { openai } from './openai.js';
import { openaiCompatible } from './openai-compatible.js';
import { openrouter } from './openrouter.js';
import { ownServers } from './own-servers.js';
import { perplexity } from './perplexity.js';
import { qwen } from './qwen.js';
import { sandbox } from './sandbox.js';
import { together } from './together.js';
import { vertex } from './vertex.js';
import { xai } from './xai.js';
import { zai } from './zai.js';

const types: readonly ProviderType[] = [
  ...[openai, openaiCompatible, anthropic, gemini, vertex, azure, bedrock],
  ...[
    mistral,
    cohere,
    groq,
    deepseek,
    xai,
    together,
    fireworks,
    openrouter,
    perplexity,
    cerebras,
    nvidia,
    huggingface,
    databricks,
    moonshot,
    qwen,
    zai,
    minimax,
  ],
  ...ownServers,
  ...[sandbox, localEmbeddings],
];

export const providers: Readonly<Record<string, ProviderType>> = Object.fromEntries(
  types.map((provider) => [provider.type, provider]),
);
