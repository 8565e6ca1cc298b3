/** A gateway for the scenarios of Anthropic's clients, with a native target and one of another dialect. */
import type { AnthropicContext } from '../clients/anthropic-scenarios.js';
import { type Gateway, startGateway } from './gateway.js';
import { type FakeUpstream, startUpstream } from './upstream.js';

export interface AnthropicGateway {
  readonly gateway: Gateway;
  readonly upstream: FakeUpstream;
  readonly contexts: Readonly<Record<'native' | 'crossed', AnthropicContext>>;
  close(): Promise<void>;
}

export async function startAnthropicGateway(): Promise<AnthropicGateway> {
  const upstream = await startUpstream();
  const price = { input: 0.15, output: 0.6 };
  const gateway = await startGateway({
    config: {
      // What a failure is to the caller is looked at here, not what is tried instead.
      defaults: { retry: { max_attempts: 1 } },
      providers: {
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        sandbox: { type: 'sandbox' },
      },
      models: {
        'claude-sonnet-4-5': { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }] },
        'gpt-4o-mini': { targets: [{ provider: 'fake', model: 'gpt-4o-mini' }], price },
        sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price },
      },
    },
  });
  const { key: apiKey } = await gateway.key();
  const base = { baseURL: gateway.url, apiKey };
  return {
    gateway,
    upstream,
    contexts: {
      native: { ...base, model: 'claude-sonnet-4-5', native: true },
      crossed: { ...base, model: 'gpt-4o-mini', native: false },
    },
    close: async () => {
      await gateway.close();
      await upstream.stop();
    },
  };
}
