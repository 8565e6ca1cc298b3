import { messagesHeaders } from '../src/provider/signers.js';
import { CHAT, openaiLike } from './openai-like.js';

const ON = { thinking: { type: 'enabled' } };

export const deepseek = openaiLike({
  type: 'deepseek',
  baseUrl: 'https://api.deepseek.com',
  catalogue: 'deepseek',
  speaks: { ...CHAT, 'anthropic-messages': { path: '/anthropic/v1/messages', headers: messagesHeaders } },
  dialect: (model) => ({
    efforts: { minimal: 'low', medium: 'high', xhigh: 'max' },
    thinking: (effort) =>
      effort === 'none' ? { thinking: { type: 'disabled' } } : { ...ON, reasoning_effort: effort },
    noSchemas: true,
    refuses: ['n', 'logit_bias'],
    ignores: ['seed', 'user', 'store', 'metadata', 'parallel_tool_calls'],
    // The first models that thought took no reasoning back; those of today want it with every turn.
    ...(/r1/i.test(model) ? { replays: 'none' } : { replays: 'reasoning_content', replaysAlways: 'turns' }),
  }),
});
