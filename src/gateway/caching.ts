/** The cache between the stations: what it is asked, what a hit writes and records, what is kept of an answer. */
import type { CachePolicy } from '../cache/cache.js';
import type { FetchPermit, KnownAnswer, Question, Recall } from '../cache/recall.js';
import type { Model } from '../catalog/model.js';
import type { Replay } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import { noUsage } from '../formats/usage.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, refuse } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { usd } from '../lib/money.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { CallHeaders } from './call.js';
import type { Carried } from './carried.js';
import { limitModelOf } from './entry.js';
import { streamHead, wholeHead } from './head.js';
import { firstEntryId, type Limiter } from './limiter.js';
import { RecordingWriter } from './recording-writer.js';
import type { ResponseWriter } from './response-writer.js';
import type { Admitted, AttemptResult, Reserved } from './stages.js';

const NOTHING = { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 };
/** Larger answers are not kept. */
const LARGEST_ANSWER_BYTES = 1024 * 1024;

/** A request whose model's answers are cached, in a format whose answers can be. */
type QuestionSource = Pick<Admitted, 'headers' | 'caller' | 'request' | 'model' | 'user' | 'tags'> & {
  readonly policy: CachePolicy;
  readonly replay: Replay<ModelRequest>;
  /** Null: nobody waits for an answer. */
  readonly writer: ResponseWriter | null;
  /** It waits for another one's answer, and chooses no target meanwhile. */
  readonly targets?: { release(): void };
};

export function questionOf({
  model,
  caller,
  headers,
  request,
  writer,
  user,
  tags,
  policy,
  replay,
  targets,
}: QuestionSource): Question {
  return {
    request,
    replay,
    model: model.name,
    resolved: [...model.targets.map(({ id }) => id), ...settingsOf(model), ...passedOf(model, request, headers)],
    policy,
    asker: { key: caller.key.id, team: caller.key.team, user },
    keyShare: caller.key.cache,
    tags,
    directives: headers.cache,
    patienceMs: Math.min(headers.timeoutMs ?? Number.POSITIVE_INFINITY, model.timeouts.total),
    onGone: (listener) => writer?.onGone(listener),
    onFollow: () => targets?.release(),
    isGone: () => writer?.gone ?? false,
  };
}

/** What of the model's settings changes what its targets are asked. */
const settingsOf = ({ dropParams, forcedToolChoice }: Model): string[] =>
  forcedToolChoice === 'refuse' ? [dropParams ? 'drop' : ''] : [dropParams ? 'drop' : '', forcedToolChoice];

/** The caller's headers that go on to any of the model's targets: they change what it answers. */
function passedOf({ targets }: Model, { format }: ModelRequest, { received }: CallHeaders): string[] {
  const names = new Set(targets.flatMap(({ carriers }) => carriers[format]?.passes ?? []));
  return [...names].sort().flatMap((name) => {
    const value = received[name];
    return value === undefined ? [] : [`${name}: ${String(value)}`];
  });
}

/** What the request path does next. */
export type Turn =
  /** The answer is known and entered in the ledger; `write` gives it once that is durable. */
  | { readonly kind: 'known'; write(): void }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The request goes upstream, its answer to this writer; of what it brings `keep` is told, and `end` in any case. */
  | { readonly kind: 'fetch'; readonly writer: ResponseWriter; keep(result: AttemptResult): void; end(): void };

export interface Caching {
  /** Undefined where this request takes no part. */
  turn(reserved: Reserved): Promise<Turn | undefined> | undefined;
}

export function createCaching(ports: {
  readonly recall: (...question: Parameters<Recall>) => ReturnType<Recall>;
  readonly ledger: Pick<Ledger, 'append' | 'durable'>;
  readonly limiter: Pick<Limiter, 'record'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'cacheSaved'>;
}): Caching {
  const { recall, ledger, limiter, clock } = ports;

  function turn(reserved: Reserved): Promise<Turn | undefined> | undefined {
    const policy = reserved.model.cache;
    const { replay } = reserved.call.format;
    return policy && replay ? turnOf(reserved, policy, replay) : undefined;
  }

  async function turnOf(
    reserved: Reserved,
    policy: CachePolicy,
    replay: Replay<ModelRequest>,
  ): Promise<Turn | undefined> {
    const asked = recall(questionOf({ ...reserved, policy, replay }));
    const recalled = asked instanceof Promise ? await asked : asked;
    if (recalled.kind === 'off') return undefined;
    if (recalled.kind === 'known') return hit(reserved, recalled, replay);
    if (recalled.kind === 'fetch') return fetching(reserved, recalled.permit, replay);
    if (recalled.kind === 'gone') return recalled;
    return { kind: 'refused', refusal: recalled.kind === 'late' ? waitedTooLong : notCached };
  }

  function fetching(reserved: Reserved, permit: FetchPermit, replay: Replay<ModelRequest>): Turn {
    const { context, request, model } = reserved;
    context.cache = 'miss';
    const recording =
      request.stream && permit.records ? new RecordingWriter(reserved.writer, LARGEST_ANSWER_BYTES) : null;
    const writer = recording ?? reserved.writer;
    return {
      kind: 'fetch',
      writer,
      keep: ({ target, carried, bill, refusal }) => {
        if (carried.kind === 'gone') return; // the next of those who wait takes over at the end
        // A fallback's answer is not the model's: it is not told again in its name.
        const own = model.targets.includes(target);
        permit.done({
          body: refusal || !own ? undefined : keepable(carried, recording, bill.tokens, replay),
          provider: target.provider,
          target: target.id,
          served_model: servedModel(carried),
          price_version: target.priceAt(clock.now())?.version ?? '',
          tokens: bill.tokens,
          cost_nusd: bill.cost.total,
        });
      },
      end: () => permit.failed(writer.gone),
    };
  }

  function hit(reserved: Reserved, found: KnownAnswer, replay: Replay<ModelRequest>): Turn {
    const { context, call, request, model, grant, writer } = reserved;
    context.cache = found.state;
    const target = model.targets.find(({ id }) => id === found.answer.target) ?? model.targets[0]!;
    context.target = target;
    // It counts as a request, and as nothing else.
    limiter.record(grant, { model, target }, { tokens: noUsage(), cost: NOTHING });
    ledger.append(hitEntry(reserved, found, clock));
    ports.metrics.cacheSaved(found.answer.cost_nusd);
    const write = (): void => {
      const answer = replay.retold(found.answer.body, clock.now());
      const extra = { cost_usd: usd(0), attempts: 0, cache: found.state };
      const body = request.stream ? call.format.asStream(request, answer, extra) : answer;
      if (writer.started) return writer.end(body);
      const head = request.stream
        ? streamHead(context)
        : wholeHead(context, clock.monotonic() - context.startedAt, body.length);
      head.push(...hitHead(found, clock.now()));
      writer.head(200, head);
      writer.end(body);
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
function keepable(
  carried: Carried,
  recording: RecordingWriter | null,
  tokens: Entry['tokens'],
  replay: Replay<ModelRequest>,
): Buffer | undefined {
  let answer: Buffer | undefined;
  if (carried.kind === 'whole') answer = carried.answer.body;
  else if (carried.kind === 'streamed' && recording?.pieces) answer = replay.whole(recording.pieces, tokens);
  if (!answer || answer.length > LARGEST_ANSWER_BYTES) return undefined;
  return replay.isRepeatable(answer) ? answer : undefined;
}

/** Names and values in turn, to be added to the head of a hit. */
function hitHead({ answer, similarity }: KnownAnswer, nowMs: number): string[] {
  const age = String(Math.max(0, Math.floor((nowMs - answer.created_at) / 1000)));
  const head = ['age', age, 'x-tollgate-cache-age', age, 'x-tollgate-cache-id', answer.id];
  if (similarity !== null) head.push('x-tollgate-cache-similarity', similarity.toFixed(4));
  return head;
}

/** The entry of a hit: no tokens, no cost, and what it saved. */
function hitEntry(reserved: Reserved, { answer, state }: KnownAnswer, clock: Clock): Entry {
  const { call, context, request, headers, caller, grant, model } = reserved;
  const { hold } = grant;
  const tookMs = clock.monotonic() - context.startedAt;
  // As of a first attempt: whoever closes the hold of a gateway that died enters the same line.
  const id = hold ? firstEntryId(hold.id) : newId('ent', clock.now());
  return {
    id,
    at: hold ? timeOf(id) : Math.round(clock.now() - tookMs),
    request_id: call.requestId,
    attempt: 1,
    key: caller.key.id,
    team: caller.key.team,
    user: reserved.user,
    tags: reserved.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.format.endpoint,
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
    limit_model: limitModelOf(request.model, model),
  };
}
