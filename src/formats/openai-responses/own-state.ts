/**
 * The fields of a request that the gateway sees to itself: whether the response is kept, and what it goes on from. Targets know
 * nothing of them, so a response of theirs says otherwise and is mended in its own bytes.
 */
import type { Json } from '../../lib/json.js';
import { jsonFields, splice } from '../json-fields.js';
import { conversationId } from './items.js';
import type { ResponsesRequest } from './request.js';

/** Fields that no target is sent. */
export const ownFields: ReadonlySet<string> = new Set([
  ...['background', 'background_options', 'previous_response_id', 'conversation'],
]);

/** What of a request says how its response is kept. */
export type KeptRequest = Pick<ResponsesRequest, 'json' | 'stores' | 'model'>;

/** What a response tells of the gateway's state; `store` is false where nothing is kept. */
function ownState({ json, stores }: KeptRequest): Json {
  const conversation = conversationId(json);
  return {
    ...(stores && { store: true }),
    ...(json['background'] === true && { background: true }),
    ...(typeof json['previous_response_id'] === 'string' && { previous_response_id: json['previous_response_id'] }),
    ...(conversation !== undefined && { conversation: { id: conversation } }),
  };
}

const refers = (json: Json): boolean =>
  json['background'] === true || json['previous_response_id'] !== undefined || json['conversation'] !== undefined;

/** The response as its caller is to see it: all other bytes as they were. */
export function asKept(request: KeptRequest, response: Buffer): Buffer {
  if (!request.stores && !refers(request.json)) return response;
  const state = ownState(request);
  const names = Object.keys(state);
  const found = names.length === 0 ? undefined : jsonFields(response);
  if (!found) return response;
  const { fields, end } = found;
  const edits = fields.flatMap(({ name, valueStart, valueEnd }) => {
    if (!names.includes(name)) return [];
    const value = JSON.stringify(state[name]);
    return response.toString('utf8', valueStart, valueEnd) === value
      ? []
      : [{ start: valueStart, end: valueEnd, with: value }];
  });
  // Servers that know no conversations say nothing of them.
  if (state['conversation'] !== undefined && fields.length > 0 && !fields.some(({ name }) => name === 'conversation'))
    edits.push({ start: end, end, with: `,"conversation":${JSON.stringify(state['conversation'])}` });
  return edits.length === 0 ? response : splice(response, edits);
}

/** Fields that a response repeats from its request and that say nothing of what the model was asked; what stands there otherwise. */
const echoes: Readonly<Record<string, unknown>> = {
  metadata: {},
  user: null,
  safety_identifier: null,
  prompt_cache_key: null,
  previous_response_id: null,
};

/** What a response tells of its own request alone, whoever's answer it is. */
export function ownEcho({ json, stores }: KeptRequest): Json {
  const conversation = conversationId(json);
  const told: Record<string, unknown> = {
    store: stores,
    background: json['background'] === true,
    conversation: conversation === undefined ? null : { id: conversation },
  };
  for (const name of Object.keys(echoes)) told[name] = json[name] ?? echoes[name];
  return told;
}

/** A response that was made for another request, as the answer to this one. */
export function asOwn(request: KeptRequest, response: Json): Json {
  const told: Record<string, unknown> = { ...response };
  for (const [name, value] of Object.entries(ownEcho(request)))
    if (name in response || isPresent(request.json[name])) told[name] = value;
  return told;
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
