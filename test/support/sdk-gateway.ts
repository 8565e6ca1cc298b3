/** A gateway and an upstream for the scenarios of client libraries: what the upstream does goes by the model's name. */
import type { Context } from '../clients/scenario.js';
import { type Gateway, startGateway } from './gateway.js';
import { contentChunk } from './openai-answers.js';
import { faithful, startUpstream } from './upstream.js';
import { cut, openaiError, pause, type Received, type Step, sse } from './upstream-steps.js';

export interface SdkGateway {
  readonly gateway: Gateway;
  /** A fresh context, whose once-only failures have not happened yet. */
  context(): Promise<Context>;
  close(): Promise<void>;
}

export async function startSdkGateway(): Promise<SdkGateway> {
  const upstream = await startUpstream();
  const failedOnce = new Set<unknown>();
  upstream.always((request) => answerByModel(request, failedOnce));
  const price = { input: 0.15, output: 0.6 };
  const model = (name: string) => ({ targets: [{ provider: 'fake', model: name }], price });
  const gateway = await startGateway({
    config: {
      // What a failure is to the caller is looked at here, not what is tried instead.
      defaults: { retry: { max_attempts: 1 } },
      providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: {
        'gpt-4o-mini': model('gpt-4o-mini'),
        'team/large': model('large'),
        'bad-request': model('bad-request'),
        'busy-once': model('busy-once'),
        breaks: model('breaks'),
        unpriced: { targets: [{ provider: 'fake', model: 'nobody-knows-its-price' }] },
      },
    },
  });
  let runs = 0;
  return {
    gateway,
    context: async () => ({
      baseURL: `${gateway.url}/v1`,
      apiKey: (await gateway.key()).key,
      narrowKey: (await gateway.key({ models: ['gpt-4o-mini'] })).key,
      run: String(++runs),
    }),
    close: async () => {
      await gateway.close();
      await upstream.stop();
    },
  };
}

function answerByModel(request: Received, failedOnce: Set<unknown>): readonly Step[] {
  const { model, user } = request.json();
  if (model === 'bad-request') {
    return openaiError(400, { message: 'That is too hot.', param: 'temperature', code: 'invalid_value' });
  }
  if (model === 'busy-once' && !failedOnce.has(user)) {
    failedOnce.add(user);
    const error = { message: 'Too many requests.', type: 'rate_limit_error', code: 'rate_limit_exceeded' };
    return openaiError(429, error, { 'retry-after': '1', 'retry-after-ms': '120' });
  }
  if (model === 'breaks') return sse(contentChunk('Half an ans'), pause(20), cut);
  return faithful(request);
}
