/**
 * A request of the Responses API carried to a target that speaks it: the caller's bytes go out with the fields changed that must
 * change, and the upstream's bytes come back. State is the gateway's: its targets are asked to keep nothing (`store: false`), so
 * a conversation may go on at another target and nobody else can ask for it; what a model thought comes along encrypted instead.
 */
import { ok } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { jsonBytes } from '../../lib/json-bytes.js';
import { then } from '../../lib/then.js';
import { readAnswerJson } from '../answer-json.js';
import { errorIn, readErrorBody } from '../error-body.js';
import { edited, splice } from '../json-fields.js';
import { generatedText } from '../openai-chat/generated.js';
import { refusedSampling } from '../sampling.js';
import type { Answer, TargetFacts, Translator } from '../translation.js';
import type { Usage } from '../usage.js';
import { itemType, listOf } from './items.js';
import { asKept, ownFields } from './own-state.js';
import { isOwnBlob } from './reasoning.js';
import type { ResponsesRequest } from './request.js';
import { OpenAiResponsesStream } from './stream.js';
import { ENCRYPTED_REASONING, thinks } from './thoughts.js';
import { responsesUsageIn } from './usage.js';

export const nativeResponses: Translator<ResponsesRequest> = {
  from: 'openai-responses',
  to: 'openai-responses',
  translate(request, target, { maxOutput }) {
    const { reasoning } = request.json;
    const effort = isObject(reasoning) ? reasoning['effort'] : undefined;
    const dropped = target.dropParams ? refusedSampling(request.json, target.abilities, effort) : [];
    const foreign = foreignInput(request.json['input']);
    const written = foreign && jsonBytes(foreign, request.body.length);
    return then(written, (input) => {
      const body = requestBody(request, target, maxOutput, input);
      return ok({
        body: dropped.length > 0 ? edited(body, { remove: dropped, add: {} }) : body,
        dropped,
        answer: (bytes) => then(readResponse(bytes), (answer) => answered(request, answer)),
        stream: () => new OpenAiResponsesStream(request),
        failure: readErrorBody,
      });
    });
  },
};

/** `input`: what takes the place of the caller's; left out: nothing does. */
function requestBody(request: ResponsesRequest, { model }: TargetFacts, cap: number | null, input?: Buffer): Buffer {
  const { json, fields, body, stores } = request;
  const most = cap === null ? undefined : String(Math.min(request.facts.maxOutput ?? cap, cap));
  const include = asksForThoughts(json, stores, model) ? withThoughts(json['include']) : undefined;
  const edits: Edit[] = [];
  let missing = SAYS_STORE | (most === undefined ? 0 : SAYS_MOST) | (include === undefined ? 0 : SAYS_INCLUDE);
  let own = false;
  for (const { name, valueStart: start, valueEnd: end } of fields.fields) {
    if (name === 'model') edits.push({ start, end, with: JSON.stringify(model) });
    else if (name === 'store') {
      missing &= ~SAYS_STORE;
      if (stores) edits.push({ start, end, with: 'false' });
    } else if (name === 'input') {
      if (input !== undefined) edits.push({ start, end, with: input });
    } else if (name === 'include' && include !== undefined) {
      missing &= ~SAYS_INCLUDE;
      edits.push({ start, end, with: include });
    } else if (name === 'max_output_tokens' && most !== undefined) {
      missing &= ~SAYS_MOST;
      edits.push({ start, end, with: most });
    } else if (ownFields.has(name)) own = true;
  }
  // `model` is always there, so what is added or cut has a comma before it or after it.
  const added =
    (missing & SAYS_STORE ? ',"store":false' : '') +
    (missing & SAYS_MOST ? `,"max_output_tokens":${most}` : '') +
    (missing & SAYS_INCLUDE ? `,"include":${include}` : '');
  if (added !== '') edits.push({ start: fields.end, end: fields.end, with: added });
  return splice(body, own ? [...edits, ...cuts(request)].sort((a, b) => a.start - b.start) : edits);
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string | Buffer;
}

/** What the request must say. */
const SAYS_STORE = 1;
const SAYS_MOST = 2;
const SAYS_INCLUDE = 4;

const asksForThoughts = (json: Json, stores: boolean, model: string): boolean =>
  stores && (isObject(json['reasoning']) || thinks(model));

/** The list with what is thought in it; undefined: it asks for that already. */
function withThoughts(written: unknown): string | undefined {
  const include = listOf(written);
  return include.includes(ENCRYPTED_REASONING) ? undefined : JSON.stringify([...include, ENCRYPTED_REASONING]);
}

/** The ranges of the gateway's own fields, each with one comma. */
function cuts({ fields: { fields } }: ResponsesRequest): Edit[] {
  const firstKept = fields.findIndex(({ name }) => !ownFields.has(name));
  return fields.flatMap(({ name, start, valueEnd }, at) => {
    if (!ownFields.has(name)) return [];
    const before = fields[at - 1];
    if (at > firstKept && before) return [{ start: before.valueEnd, end: valueEnd, with: '' }];
    return [{ start, end: fields[at + 1]!.start, with: '' }];
  });
}

/** The input without thoughts of other providers' models, which travel in the gateway's own envelope; undefined: it has none. */
function foreignInput(input: unknown): readonly unknown[] | undefined {
  const isForeign = (item: unknown): boolean =>
    isObject(item) && itemType(item) === 'reasoning' && isOwnBlob(item['encrypted_content']);
  if (!Array.isArray(input)) return undefined;
  const items = input as readonly unknown[];
  return items.some(isForeign) ? items.filter((item) => !isForeign(item)) : undefined;
}

const answered = (request: ResponsesRequest, answer: Answer): Answer =>
  answer.ok ? { ...answer, body: asKept(request, answer.body), text: () => answer.text() } : answer;

const garbage = (what: string, usage?: Usage): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
  usage,
});

/** Reads a whole answer; its bytes stay as they are. */
const readResponse = (body: Buffer): Answer | Promise<Answer> =>
  then(readAnswerJson(body), (read) => responseAnswer(body, read?.value));

/** `response`: undefined where the body is no JSON. */
export function responseAnswer(body: Buffer, response: unknown): Answer {
  if (response === undefined) return garbage('something that is not JSON');
  const usage = isObject(response) ? responsesUsageIn(response) : undefined;
  const told = errorIn(response);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told }, usage };
  if (!isObject(response) || !Array.isArray(response['output'])) return garbage('JSON that is not a response', usage);
  const { output, model, status, incomplete_details: details } = response;
  const items = (output as unknown[]).filter(isObject);
  if (items.length === 0 && status !== 'incomplete') return garbage('a response without output', usage);
  return {
    ok: true,
    body,
    usage,
    servedModel: typeof model === 'string' ? model : undefined,
    filtered: isObject(details) && details['reason'] === 'content_filter',
    empty: items.every(saysNothing),
    text: () => items.map((item) => generatedText(generatedOf(item))).join(''),
  };
}

const generatedOf = (item: Json): Json =>
  item['type'] === 'message' || item['type'] === 'reasoning'
    ? { content: item['content'], summary: item['summary'] }
    : { call: item };

const saysNothing = (item: Json): boolean =>
  item['type'] === 'reasoning' || (item['type'] === 'message' && listOf(item['content']).length === 0);
