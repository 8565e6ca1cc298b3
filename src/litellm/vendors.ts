/** The providers that LiteLLM names in front of a model (`groq/llama-3.3-70b`), and which type of ours each is. */
export interface Vendor {
  readonly type: string;
  /** The variable that LiteLLM reads where no key is stated. */
  readonly keyVariable?: string;
  /** Where the API is, for those that have no type of their own. */
  readonly baseUrl?: string;
  /** The variable that LiteLLM reads where no address is stated. */
  readonly baseVariable?: string;
  /** What is appended to an address that does not end so: LiteLLM appends more to it than we do. */
  readonly suffix?: string;
}

const compatible = (keyVariable: string, baseUrl: string): Vendor => ({
  ...{ type: 'openai-compatible', keyVariable, baseUrl },
});
const ownServer = (type: string, baseVariable: string, keyVariable: string, suffix?: string): Vendor => ({
  ...{ type, baseVariable, keyVariable, ...(suffix ? { suffix } : {}) },
});
const named = (type: string, keyVariable: string): Vendor => ({ type, keyVariable });

const openai = named('openai', 'OPENAI_API_KEY');
const azure: Vendor = { type: 'azure', keyVariable: 'AZURE_API_KEY', baseVariable: 'AZURE_API_BASE' };
const vertex: Vendor = { type: 'vertex' };
const bedrock: Vendor = { type: 'bedrock' };
const cohere = named('cohere', 'COHERE_API_KEY');
const anthropic = named('anthropic', 'ANTHROPIC_API_KEY');
const gemini = named('gemini', 'GEMINI_API_KEY');
const mistral = named('mistral', 'MISTRAL_API_KEY');
const ollama = ownServer('ollama', 'OLLAMA_API_BASE', 'OLLAMA_API_KEY', '/v1');
const vllm = ownServer('vllm', 'HOSTED_VLLM_API_BASE', 'HOSTED_VLLM_API_KEY');

const vendors = new Map<string, Vendor>(
  Object.entries({
    openai,
    ...{ 'text-completion-openai': openai, anthropic, anthropic_text: anthropic, gemini },
    ...{ azure, azure_text: azure, bedrock, bedrock_converse: bedrock, mistral, cohere, cohere_chat: cohere },
    azure_ai: { ...azure, keyVariable: 'AZURE_AI_API_KEY', baseVariable: 'AZURE_AI_API_BASE' },
    ...{ vertex_ai: vertex, vertex_ai_beta: vertex },
    groq: named('groq', 'GROQ_API_KEY'),
    deepseek: named('deepseek', 'DEEPSEEK_API_KEY'),
    xai: named('xai', 'XAI_API_KEY'),
    together_ai: named('together', 'TOGETHERAI_API_KEY'),
    fireworks_ai: named('fireworks', 'FIREWORKS_AI_API_KEY'),
    openrouter: named('openrouter', 'OPENROUTER_API_KEY'),
    perplexity: named('perplexity', 'PERPLEXITYAI_API_KEY'),
    cerebras: named('cerebras', 'CEREBRAS_API_KEY'),
    nvidia_nim: named('nvidia', 'NVIDIA_NIM_API_KEY'),
    huggingface: named('huggingface', 'HF_TOKEN'),
    databricks: { type: 'databricks', keyVariable: 'DATABRICKS_API_KEY', baseVariable: 'DATABRICKS_API_BASE' },
    moonshot: named('moonshot', 'MOONSHOT_API_KEY'),
    dashscope: named('qwen', 'DASHSCOPE_API_KEY'),
    zai: named('zai', 'ZAI_API_KEY'),
    minimax: named('minimax', 'MINIMAX_API_KEY'),
    ...{ ollama, ollama_chat: ollama, hosted_vllm: vllm, vllm },
    lm_studio: ownServer('lmstudio', 'LM_STUDIO_API_BASE', 'LM_STUDIO_API_KEY'),
    llamafile: ownServer('llamacpp', 'LLAMAFILE_API_BASE', 'LLAMAFILE_API_KEY'),
    openai_like: ownServer('openai-compatible', 'OPENAI_LIKE_API_BASE', 'OPENAI_LIKE_API_KEY'),
    custom_openai: ownServer('openai-compatible', 'OPENAI_LIKE_API_BASE', 'OPENAI_LIKE_API_KEY'),
    litellm_proxy: ownServer('openai-compatible', 'LITELLM_PROXY_API_BASE', 'LITELLM_PROXY_API_KEY'),
    xinference: ownServer('openai-compatible', 'XINFERENCE_API_BASE', 'XINFERENCE_API_KEY'),
    deepinfra: compatible('DEEPINFRA_API_KEY', 'https://api.deepinfra.com/v1/openai'),
    sambanova: compatible('SAMBANOVA_API_KEY', 'https://api.sambanova.ai/v1'),
    novita: compatible('NOVITA_API_KEY', 'https://api.novita.ai/v3/openai'),
    nebius: compatible('NEBIUS_API_KEY', 'https://api.studio.nebius.ai/v1'),
    hyperbolic: compatible('HYPERBOLIC_API_KEY', 'https://api.hyperbolic.xyz/v1'),
    friendliai: compatible('FRIENDLI_TOKEN', 'https://api.friendli.ai/serverless/v1'),
    github: compatible('GITHUB_API_KEY', 'https://models.inference.ai.azure.com'),
    volcengine: compatible('VOLCENGINE_API_KEY', 'https://ark.cn-beijing.volces.com/api/v3'),
    ai21: compatible('AI21_API_KEY', 'https://api.ai21.com/studio/v1'),
    ai21_chat: compatible('AI21_API_KEY', 'https://api.ai21.com/studio/v1'),
    meta_llama: compatible('LLAMA_API_KEY', 'https://api.llama.com/compat/v1'),
    lambda_ai: compatible('LAMBDA_API_KEY', 'https://api.lambda.ai/v1'),
    featherless_ai: compatible('FEATHERLESS_AI_API_KEY', 'https://api.featherless.ai/v1'),
  }),
);

export const vendorNames: readonly string[] = [...vendors.keys()];

/** Whose a model without a provider in front of it is, by its name. */
const byName: readonly (readonly [RegExp, string])[] = [
  [/^(gpt-|o[134](-|$)|chatgpt-|text-embedding-|dall-e|whisper|tts-|omni-moderation|ft:gpt-)/i, 'openai'],
  [/^claude-/i, 'anthropic'],
  [/^gemini-/i, 'vertex_ai'],
  [/^(command|embed-(english|multilingual))/i, 'cohere'],
  [/^(anthropic|amazon|meta|cohere|mistral|ai21)\.[a-z]/i, 'bedrock'],
];

export interface Named {
  readonly prefix: string;
  readonly vendor: Vendor;
  /** The model's name at the provider. */
  readonly model: string;
}

/** `undefined`: whose model it is cannot be told. A `provider` that is stated wins over the one in the name. */
export function vendorOf(written: string, provider: string | undefined): Named | undefined {
  const slash = written.indexOf('/');
  const first = slash === -1 ? '' : written.slice(0, slash);
  if (provider !== undefined && vendors.has(provider)) {
    const model = first === provider ? written.slice(slash + 1) : written;
    return { prefix: provider, vendor: vendors.get(provider)!, model };
  }
  const vendor = vendors.get(first);
  if (vendor) return { prefix: first, vendor, model: written.slice(slash + 1) };
  const prefix = byName.find(([pattern]) => pattern.test(written.slice(0, 100)))?.[1];
  return prefix === undefined ? undefined : { prefix, vendor: vendors.get(prefix)!, model: written };
}
