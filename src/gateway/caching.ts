/** The cache between the stations: what it is asked, what a hit writes and records, what is kept of an answer. */
import type { CacheState } from '../cache/cache.js';
import type { FetchPermit, KnownAnswer, Question, Recall } from '../cache/recall.js';
import type { Model, Target } from '../catalog/model.js';
import { completionAsStream } from '../formats/openai-chat/chunks.js';
import { completionOf, isRepeatable, retold } from '../formats/openai-chat/replay.js';
import type { ChatRequest } from '../formats/openai-chat/request.js';
import { noUsage } from '../formats/usage.js';
import type { Caller } from '../identity/key.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, refuse } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { usd } from '../lib/money.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Call, CallHeaders, Reply } from './call.js';
import { limitModelOf } from './entry.js';
import { hitWholeHead, streamHead } from './head.js';
import { firstEntryId, type Grant, type Limiter } from './limiter.js';
import type { Carried } from './meter.js';
import { Recording } from './recording.js';
import type { Bill } from './usage-accounting.js';

const NOTHING = { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 };
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
  readonly request: ChatRequest;
  readonly user: string | null;
  readonly tags: readonly string[];
  readonly grant: Grant;
  readonly limitHead: readonly string[];
  readonly outputCap: number | null;
  readonly model: Model;
  readonly costNano: number;
  readonly startedAt: number;
}

type Asking = Pick<Cacheable, 'headers' | 'caller' | 'request' | 'model' | 'user' | 'tags'> & {
  readonly call: Pick<Call, 'endpoint'>;
  /** Undefined: nobody waits for an answer. */
  readonly reply: Reply | undefined;
};

export function questionOf(course: Asking): Question {
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
    directives: headers.cache,
    patienceMs: Math.min(headers.timeoutMs ?? Number.POSITIVE_INFINITY, model.timeouts.total),
    onGone: (listener) => reply?.onGone(listener),
    isGone: () => reply?.gone ?? false,
  };
}

/** What the request path does next. */
export type Turn =
  /** The answer is known and entered in the ledger; `write` gives it once that is durable. */
  | { readonly kind: 'known'; write(): void }
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
  readonly recall: (...question: Parameters<Recall>) => ReturnType<Recall>;
  readonly ledger: Pick<Ledger, 'append' | 'durable'>;
  readonly limiter: Pick<Limiter, 'record'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'cacheSaved'>;
}): Caching {
  const { recall, ledger, limiter, clock } = ports;

  async function turn(course: Cacheable): Promise<Turn | undefined> {
    const asked = recall(questionOf(course));
    const recalled = asked instanceof Promise ? await asked : asked;
    if (recalled.kind === 'off') return undefined;
    if (recalled.kind === 'known') return hit(course, recalled);
    if (recalled.kind === 'fetch') return fetching(course, recalled.permit);
    if (recalled.kind === 'gone') return recalled;
    return { kind: 'refused', refusal: recalled.kind === 'late' ? waitedTooLong : notCached };
  }

  function fetching(course: Cacheable, permit: FetchPermit): Turn {
    course.cache = 'miss';
    if (course.request.stream && permit.records) course.reply = new Recording(course.reply, LARGEST_ANSWER_BYTES);
    return {
      kind: 'fetch',
      keep: ({ target, carried, bill, refusal }) => {
        if (carried.kind === 'gone') return; // the next of those who wait takes over at the end
        // A fallback's answer is not the model's: it is not told again in its name.
        const own = course.model.targets.includes(target);
        const body = refusal || !own ? undefined : keepable(carried, course.reply, bill.tokens);
        permit.done({
          body,
          provider: target.provider,
          target: target.id,
          served_model: servedModel(carried),
          price_version: target.priceAt(clock.now())?.version ?? '',
          tokens: bill.tokens,
          cost_nusd: bill.cost.total,
        });
      },
      end: () => permit.failed(course.reply.gone),
    };
  }

  function hit(course: Cacheable, found: KnownAnswer): Turn {
    const { request, model, grant } = course;
    course.cache = found.state;
    const target = model.targets.find(({ id }) => id === found.answer.target) ?? model.targets[0]!;
    course.target = target;
    // It counts as a request, and as nothing else.
    limiter.record(grant, model, target, { tokens: noUsage(), cost: NOTHING });
    ledger.append(hitEntry(course, found, clock));
    ports.metrics.cacheSaved(found.answer.cost_nusd);
    const write = (): void => {
      const body = hitBody(found, request, clock.now());
      const head = request.stream
        ? streamHead(course)
        : hitWholeHead(course, body.length, clock.monotonic() - course.startedAt);
      head.push(...hitHead(found, clock.now()));
      course.reply.head(200, head);
      course.reply.end(body);
    };
    return { kind: 'known', write };
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
function hitBody({ answer, state }: KnownAnswer, request: ChatRequest, nowMs: number): Buffer {
  const completion = retold(JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>, nowMs);
  const body = Buffer.from(JSON.stringify(completion));
  if (!request.stream) return body;
  return completionAsStream(body, request.askedUsage, { cost_usd: usd(0), attempts: 0, cache: state });
}

/** Names and values in turn, to be added to the head of a hit. */
function hitHead({ answer, similarity }: KnownAnswer, nowMs: number): string[] {
  const age = String(Math.max(0, Math.floor((nowMs - answer.created_at) / 1000)));
  const head = ['age', age, 'x-tollgate-cache-age', age, 'x-tollgate-cache-id', answer.id];
  if (similarity !== null) head.push('x-tollgate-cache-similarity', similarity.toFixed(4));
  return head;
}

/** The entry of a hit: no tokens, no cost, and what it saved. */
function hitEntry(course: Cacheable, { answer, state }: KnownAnswer, clock: Clock): Entry {
  const { call, request, headers, caller, grant } = course;
  const { hold } = grant;
  const tookMs = clock.monotonic() - course.startedAt;
  // As of a first attempt: whoever closes the hold of a gateway that died enters the same line.
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
    cost_nusd: NOTHING,
    saved_nusd: answer.cost_nusd,
    price_version: answer.price_version,
    first_byte_ms: null,
    duration_ms: tookMs,
    overhead_ms: tookMs,
    ...(hold && { hold: hold.id, held_at: Math.round(grant.heldAtMs) }),
    limit_model: limitModelOf(course),
  };
}
