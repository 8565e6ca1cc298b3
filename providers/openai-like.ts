/** A vendor that speaks like OpenAI: what nearly all of them have in common, and what each states for itself. */
import type { ChatDialect } from '../src/formats/openai-chat/dialect.js';
import { chatFailures, chatLimitHeaders } from '../src/formats/openai-chat/failures.js';
import { encodingFor, maxOutputFor } from '../src/formats/openai-chat/models.js';
import type { ProviderType, Spoken } from '../src/provider/provider-type.js';
import { bearer, bearerOrNone, messagesHeaders } from '../src/provider/signers.js';

type Own = Pick<ProviderType, 'type' | 'baseUrl' | 'catalogue'> & Partial<Omit<ProviderType, 'chatDialect'>>;

interface Facts extends Own {
  /** Differences from OpenAI, all models' or by the model. */
  readonly dialect?: ChatDialect | ((model: string) => ChatDialect);
}

export const CHAT: Spoken = { 'openai-chat': '/chat/completions' };
/** Many have it by now, each a part of it. */
const RESPONSES: Spoken = { 'openai-responses': '/responses' };
export const CHAT_AND_EMBEDDINGS: Spoken = { ...CHAT, 'openai-embeddings': '/embeddings' };

/** What most vendors lack of OpenAI's chat completions. */
const common: ChatDialect = { outputField: 'max_tokens', noDeveloper: true };

export function openaiLike({ dialect = {}, ...facts }: Facts): ProviderType {
  const dialectOf = (model: string): ChatDialect => ({
    ...common,
    ...(typeof dialect === 'function' ? dialect(model) : dialect),
  });
  return {
    speaks: CHAT_AND_EMBEDDINGS,
    maySpeak: RESPONSES,
    ...{ auth: bearer, needsCredential: true },
    ...(facts.speaks === undefined || facts.speaks['openai-chat'] === '/chat/completions' ? { lists: '/models' } : {}),
    failures: chatFailures,
    limitHeaders: chatLimitHeaders,
    // Their tokenizers are their own: on English they stay within a tenth of the public encoding.
    counting: (model) =>
      encodingFor(model).exact
        ? { ...encodingFor(model), factor: 1 }
        : { encoding: 'o200k_base', factor: 1.1, exact: false, bound: /claude/i.test(model) ? 'claude_4_7' : 'open' },
    maxOutput: maxOutputFor,
    outputField: (model) => dialectOf(model).outputField ?? 'max_tokens',
    chatDialect: dialectOf,
    ...facts,
  };
}

/** A server of one's own asks for no key unless it was told to, costs nothing, and newer versions speak Anthropic's dialect, too. */
export function ownServer(type: string, baseUrl: string): ProviderType {
  const { needsCredential: _none, ...like } = openaiLike({ type, baseUrl, catalogue: null });
  const maySpeak: Spoken = { ...RESPONSES, 'anthropic-messages': { path: '/v1/messages', headers: messagesHeaders } };
  return { ...like, auth: bearerOrNone, free: true, maySpeak };
}
