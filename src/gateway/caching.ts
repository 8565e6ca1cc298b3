/** The cache between the stations: what it is asked, what a hit writes and records, what is kept of an answer. */
import type { CacheState } from '../cache/cache.js';
import type { Errand, Known, Question, Recall } from '../cache/recall.js';
import type { Caller } from '../keys/key.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, refuse } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { usd } from '../lib/money.js';
import { completionAsStream } from '../protocol/openai-chat-chunks.js';
import { completionOf, isRepeatable, retold } from '../protocol/openai-chat-replay.js';
import type { ChatRequest } from '../protocol/openai-chat-request.js';
import { noUsage } from '../protocol/usage.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Call, CallHeaders, Reply } from './call.js';
import { limitModelOf } from './entry.js';
import { hitWholeHead, streamHead } from './head.js';
import { firstEntryId, type Grant, type Limiter } from './limiter.js';
import type { Carried } from './meter.js';
import type { Model, Target } from './model.js';
import { Recording } from './recording.js';
import type { Bill } from './settle.js';

/** Larger answers are not kept. */
const LARGEST_ANSWER_BYTES = 1024 * 1024;

/** What of a call the cache needs to know, and what it tells it. */
export interface Cacheable {
  readonly call: Pick<Call, 'endpoint' | 'requestId'>;
  reply: Reply;
  cache: CacheState;
  target: Target | undefined;
  readonly attempts: number;
  readonly dropped: readonly string[];
  readonly headers: CallHeaders;
  readonly caller: Caller;
  readonly user: string | null;
  readonly tags: readonly string[];
  readonly request: ChatRequest;
  readonly model: Model;
  readonly grant: Grant;
  readonly limitHead: readonly string[];
  readonly outputCap: number | null;
  readonly costNano: number;
  readonly startedAt: number;
}

function questionOf(course: Cacheable): Question {
  const { model, caller, headers, request, reply, call } = course;
  return {
    endpoint: call.endpoint,
    model: model.name,
    resolved: [...model.targets.map(({ id }) => id), model.dropParams ? 'drop' : ''],
    body: request.body,
    json: request.json,
    policy: model.cache!,
    asker: { key: caller.key.id, team: caller.key.team, user: course.user },
    keyShare: caller.key.cache,
    tags: course.tags,
    wishes: headers.cache,
    patienceMs: Math.min(headers.timeoutMs ?? Number.POSITIVE_INFINITY, model.timeouts.total),
    onGone: (listener) => reply.onGone(listener),
    isGone: () => reply.gone,
  };
}

/** What the request path does next. */
export type Turn =
  /** The answer is written and recorded. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The request goes upstream; of what it brings `keep` is told, and `end` in any case. */
  | { readonly kind: 'fetch'; keep(attempted: Fetching): void; end(): void };

interface Fetching {
  readonly target: Target;
  readonly carried: Carried;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
}

export interface Caching {
  /** For a model whose answers are cached; undefined where this request takes no part. */
  turn(course: Cacheable): Promise<Turn | undefined>;
}

export function createCaching(ports: {
  readonly recall: Recall;
  readonly ledger: Pick<Ledger, 'append' | 'durable'>;
  readonly limiter: Pick<Limiter, 'record'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'cacheSaved'>;
}): Caching {
  const { recall, ledger, clock } = ports;

  async function turn(course: Cacheable): Promise<Turn | undefined> {
    const asked = recall(questionOf(course));
    const recalled = asked instanceof Promise ? await asked : asked;
    if (recalled.kind === 'off') return undefined;
    if (recalled.kind === 'known') return serveHit(course, recalled);
    if (recalled.kind === 'fetch') return fetching(course, recalled.errand);
    if (recalled.kind === 'gone') return recalled;
    return { kind: 'refused', refusal: recalled.kind === 'late' ? waitedTooLong : notCached };
  }

  function fetching(course: Cacheable, errand: Errand): Turn {
    course.cache = 'miss';
    if (course.request.stream && errand.records) course.reply = new Recording(course.reply, LARGEST_ANSWER_BYTES);
    return {
      kind: 'fetch',
      keep: ({ target, carried, bill, refusal }) => {
        if (carried.kind === 'gone') return; // the next of those who wait takes over at the end
        // A fallback's answer is not the model's: it is not told again in its name.
        const own = course.model.targets.includes(target);
        const body = refusal || !own ? undefined : keepable(carried, course.reply, bill.tokens);
        errand.done({
          body,
          provider: target.provider,
          target: target.id,
          served_model: servedModel(carried),
          price_version: target.priceAt(clock.now())?.version ?? '',
          tokens: bill.tokens,
          cost_nusd: bill.cost.total,
        });
      },
      end: () => errand.failed(course.reply.gone),
    };
  }

  async function serveHit(course: Cacheable, hit: Known): Promise<Turn> {
    const { request, model, reply } = course;
    course.cache = hit.state;
    course.target = model.targets.find(({ id }) => id === hit.answer.target) ?? model.targets[0];
    const body = hitBody(hit, request, clock.now());
    // A hit counts as a request, and as nothing else.
    ports.limiter.record(course.grant, model, course.target!, { tokens: noUsage(), cost: FREE });
    ledger.append(hitEntry(course, hit, clock));
    ports.metrics.cacheSaved(hit.answer.cost_nusd);
    const durable = ledger.durable();
    if (durable) await durable;
    if (reply.gone) return { kind: 'gone' };
    const head = request.stream
      ? streamHead(course)
      : hitWholeHead(course, body.length, clock.monotonic() - course.startedAt);
    head.push(...hitHead(hit, clock.now()));
    reply.head(200, head);
    reply.end(body);
    return { kind: 'answered' };
  }

  return { turn };
}

/** The model that an upstream said it served, as a database can hold it. */
function servedModel(carried: Carried): string | null {
  const said = carried.kind === 'whole' ? carried.answer.servedModel : carried.reading?.servedModel;
  return said === undefined ? null : said.slice(0, 200).replace(/[\0\p{Surrogate}]/gu, '\ufffd');
}

const notCached: Refusal = refuse(
  'not_cached',
  'There is no answer in the cache, and the request said only-if-cached.',
  { headers: { 'x-should-retry': 'false' } },
);

const waitedTooLong: Refusal = refuse(
  'upstream_timeout',
  'The identical request that is under way was not answered in time.',
);

/** What of an answer is kept; undefined: nothing. */
function keepable(carried: Carried, reply: Reply, tokens: Entry['tokens']): Buffer | undefined {
  if (carried.kind === 'whole') {
    const { body } = carried.answer;
    if (body.length > LARGEST_ANSWER_BYTES) return undefined;
    return isRepeatable(JSON.parse(body.toString('utf8'))) ? body : undefined;
  }
  if (carried.kind !== 'streamed' || !(reply instanceof Recording) || !reply.pieces) return undefined;
  const completion = completionOf(reply.pieces, carried.reading.usage ?? tokens);
  return completion && isRepeatable(completion) ? Buffer.from(JSON.stringify(completion)) : undefined;
}

/** The bytes of a hit, with an identity of their own. */
function hitBody({ answer, state }: Known, request: ChatRequest, nowMs: number): Buffer {
  const completion = retold(JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>, nowMs);
  const body = Buffer.from(JSON.stringify(completion));
  if (!request.stream) return body;
  return completionAsStream(body, request.askedUsage, { cost_usd: usd(0), attempts: 0, cache: state });
}

/** Names and values in turn, to be added to the head of a hit. */
function hitHead({ answer, similarity }: Known, nowMs: number): string[] {
  const age = String(Math.max(0, Math.floor((nowMs - answer.created_at) / 1000)));
  const head = ['age', age, 'x-tollgate-cache-age', age, 'x-tollgate-cache-id', answer.id];
  if (similarity !== null) head.push('x-tollgate-cache-similarity', similarity.toFixed(4));
  return head;
}

/** The entry of a hit: no tokens, no cost, and what it saved. */
function hitEntry(course: Cacheable, { answer, state }: Known, clock: Clock): Entry {
  const { call, request, headers, caller, grant } = course;
  const { hold } = grant;
  const tookMs = clock.monotonic() - course.startedAt;
  const id = hold ? firstEntryId(hold.id) : newId('ent', clock.now());
  return {
    id,
    at: hold ? timeOf(id) : Math.round(clock.now() - tookMs),
    request_id: call.requestId,
    attempt: 1,
    key: caller.key.id,
    team: caller.key.team,
    user: course.user,
    tags: course.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.endpoint,
    model: request.model,
    served_model: answer.served_model,
    provider: answer.provider,
    target: answer.target,
    status: 200,
    error: null,
    stream: request.stream,
    cache: state,
    tokens: noUsage(),
    usage_source: 'provider',
    cost_nusd: FREE,
    saved_nusd: answer.cost_nusd,
    price_version: answer.price_version,
    first_byte_ms: null,
    duration_ms: tookMs,
    overhead_ms: tookMs,
    hold: hold?.id,
    held_at: hold ? Math.round(grant.heldAtMs) : undefined,
    limit_model: limitModelOf(course),
  };
}

const FREE = { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 };
