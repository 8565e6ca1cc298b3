/** A gateway with a model for each kind of target that a request of the Responses API may reach, all behind one fake upstream. */
import type { Context } from '../clients/scenario.js';
import { type Gateway, startGateway } from './gateway.js';
import { type FakeUpstream, startUpstream } from './upstream.js';

/** `native` speaks it, `chat` chat completions alone, `claude` messages. */
export const responsesModels = ['native', 'chat', 'claude'] as const;

export interface ResponsesGateway {
  readonly gateway: Gateway;
  readonly upstream: FakeUpstream;
  /** Another gateway on the same database. */
  replica(): Promise<Gateway>;
  context(): Promise<Context>;
  close(): Promise<void>;
}

const price = { input: 1, output: 2 };

interface MoreOf {
  readonly providers?: Readonly<Record<string, object>>;
  readonly models?: Readonly<Record<string, object>>;
}

/** `moreOf`: providers and models beside the usual ones, of the upstream's address. */
export async function startResponsesGateway(
  more: Readonly<Record<string, unknown>> = {},
  moreOf: (upstreamUrl: string) => MoreOf = () => ({}),
): Promise<ResponsesGateway> {
  const upstream = await startUpstream();
  const base_url = `${upstream.url}/v1`;
  const { providers, models } = moreOf(upstream.url);
  const model = (provider: string, name: string, fields = {}) => ({
    targets: [{ provider, model: name }],
    price,
    ...fields,
  });
  const options = {
    config: {
      // Of all gateways on the database.
      secrets_key: 'the-secrets-key-of-these-tests-0123456789',
      defaults: { retry: { max_attempts: 1 } },
      providers: {
        openai: { type: 'openai', base_url, api_key: 'sk-upstream' },
        compatible: { type: 'openai-compatible', base_url, api_key: 'sk-upstream' },
        anthropic: { type: 'anthropic', base_url, api_key: 'sk-ant-upstream' },
        ...providers,
      },
      models: {
        native: model('openai', 'gpt-4o'),
        chat: model('compatible', 'open-model'),
        claude: model('anthropic', 'claude-sonnet-4-5'),
        reasoner: model('openai', 'gpt-5'),
        lenient: model('compatible', 'open-model', { drop_params: true }),
        ...models,
      },
      ...more,
    },
  };
  const gateway = await startGateway(options);
  let runs = 0;
  return {
    gateway,
    upstream,
    replica: () => startGateway({ ...options, database: gateway.databaseUrl ?? 'embedded' }),
    context: async () => ({
      baseURL: `${gateway.url}/v1`,
      apiKey: (await gateway.key()).key,
      narrowKey: (await gateway.key({ models: ['native'] })).key,
      run: String(++runs),
    }),
    close: async () => {
      await gateway.close();
      await upstream.stop();
    },
  };
}
