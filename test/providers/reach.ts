/** How a type of provider is spoken to, without a network: the address, the headers and the body of a request. */
import assert from 'node:assert/strict';
import { abilitiesOf } from '../../src/catalog/abilities/abilities.js';
import { carriersOf } from '../../src/catalog/carrier.js';
import type { FormatId } from '../../src/formats/format-id.js';
import { readChatRequest } from '../../src/formats/openai-chat/request.js';
import { readEmbeddingsRequest } from '../../src/formats/openai-embeddings/request.js';
import { readResponsesRequest } from '../../src/formats/openai-responses/request.js';
import type { ModelRequest } from '../../src/formats/request.js';
import type { Answer, Translation } from '../../src/formats/translation.js';
import type { Refusal } from '../../src/lib/errors.js';
import type { Json } from '../../src/lib/json.js';
import type { ProviderSettings } from '../../src/lib/provider-settings.js';
import type { ProviderType } from '../../src/provider/provider-type.js';

export interface Asked {
  readonly model?: string;
  readonly baseModel?: string;
  readonly settings?: ProviderSettings;
  readonly speaks?: readonly string[];
  readonly dropParams?: boolean;
  readonly key?: string;
  readonly maxOutput?: number | null;
}

export interface Reached {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly speaks: FormatId;
  readonly body: Json;
  readonly translation: Translation;
}

const reading: Partial<
  Record<
    FormatId,
    (body: Buffer) => ReturnType<typeof readChatRequest | typeof readEmbeddingsRequest | typeof readResponsesRequest>
  >
> = {
  'openai-chat': readChatRequest,
  'openai-embeddings': readEmbeddingsRequest,
  'openai-responses': readResponsesRequest,
};

function carrierOf(
  type: ProviderType,
  format: FormatId,
  { model = 'm', baseModel = model, settings = {}, speaks, dropParams = false, key = 'sk-1' }: Asked,
) {
  const carriers = carriersOf(
    type,
    { speaks: speaks ?? null, settings, baseModel },
    {
      to: (path) => ({ local: () => Promise.reject(new Error('nobody is there')), path }),
      headers: (more) => [Object.entries({ ...type.auth(key), ...more?.(key) }).flat()],
    },
    {
      ...{ model, id: `p/${model}`, dropParams, forcedToolChoice: 'refuse' as const },
      abilities: abilitiesOf(baseModel),
      modelFacts: type.modelFacts?.(baseModel) ?? null,
      converseFacts: type.converseFacts?.(baseModel) ?? null,
      outputField: type.outputField?.(baseModel) ?? 'max_tokens',
      chatDialect: type.chatDialect?.(baseModel) ?? null,
      embeddingsDialect: type.embeddings ?? null,
      maxOutput: type.maxOutput?.(baseModel) ?? null,
      asksUsage: type.asksUsage !== false,
      mostInputs:
        typeof type.mostInputs === 'function'
          ? type.mostInputs(baseModel)
          : (type.mostInputs ?? Number.POSITIVE_INFINITY),
    },
    null,
  );
  return carriers[format];
}

function carried(type: ProviderType, format: FormatId, json: object, asked: Asked) {
  const carrier = carrierOf(type, format, asked);
  assert.ok(carrier, `${type.type} is not reached by ${format}`);
  const read = reading[format]!(Buffer.from(JSON.stringify(json)));
  assert.ok(!(read instanceof Promise) && read.ok, JSON.stringify(read));
  const request = read.value as ModelRequest;
  const translated = carrier.translate(request, { maxOutput: asked.maxOutput ?? null, nowMs: 1_760_000_000_000 });
  assert.ok(!(translated instanceof Promise), 'a small request is carried at once');
  return { carrier, request, translated };
}

export function reach(type: ProviderType, format: FormatId, json: object, asked: Asked = {}): Reached {
  const { carrier, request, translated } = carried(type, format, json, asked);
  assert.ok(translated.ok, JSON.stringify(translated));
  const flat = carrier.headers[0]!;
  const headers: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) headers[flat[i]!] = flat[i + 1]!;
  return {
    path: carrier.to[request.stream ? 'stream' : 'whole'].path,
    headers,
    speaks: carrier.speaks,
    body: JSON.parse(translated.value.body.toString('utf8')) as Json,
    translation: translated.value,
  };
}

export function refusal(type: ProviderType, format: FormatId, json: object, asked: Asked = {}): Refusal {
  const { translated } = carried(type, format, json, asked);
  assert.ok(!translated.ok, 'it was carried');
  return translated.refusal;
}

export const isReached = (type: ProviderType, format: FormatId, asked: Asked = {}): boolean =>
  carrierOf(type, format, asked) !== undefined;

/** A small answer, which is read at once. */
export function answerOf(translation: Translation, body: string | object): Answer {
  const answer = translation.answer(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  assert.ok(!(answer instanceof Promise), 'a small answer is read at once');
  return answer;
}
