/** The cache between the stations: what it is asked, what a hit writes and records, what is kept of an answer. */
import type { CachePolicy, CacheState } from '../cache/cache.js';
import { noDirectives } from '../cache/directives.js';
import type { AnswerFacts, LiveAnswer, LiveEnd, WholeEnd } from '../cache/live-answer.js';
import type { FetchPermit, KnownAnswer, Question, Recall } from '../cache/recall.js';
import type { Model, Target } from '../catalog/model.js';
import type { Replay } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import type { UsageExtra } from '../formats/translation.js';
import { noUsage } from '../formats/usage.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, refuse } from '../lib/errors.js';
import { usd } from '../lib/money.js';
import { finishNow, inTurns, LARGE_BYTES } from '../lib/turns.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { CallHeaders } from './call.js';
import { type Carried, servedModel } from './carried.js';
import type { GuardPorts } from './guard-input.js';
import { guardAnswer } from './guard-output.js';
import { guardedBy } from './guarded-request.js';
import { extraOf, streamHead, wholeHead } from './head.js';
import { hitEntry, NO_COST } from './hit-entry.js';
import type { Limiter } from './limiter.js';
import { readAlong } from './read-along.js';
import { RecordingWriter } from './recording-writer.js';
import type { ResponseWriter } from './response-writer.js';
import type { Admitted, AttemptResult, Reserved } from './stages.js';

/** Larger answers are not kept. */
const LARGEST_ANSWER_BYTES = 1024 * 1024;

/** A request whose model's answers are cached, in a format whose answers can be. */
type QuestionSource = Pick<Admitted, 'headers' | 'caller' | 'request' | 'model' | 'user' | 'tags' | 'guarded'> & {
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
  guarded,
}: QuestionSource): Question {
  return {
    request,
    replay,
    model: model.name,
    resolved: [
      ...model.targets.map(placeOf),
      ...settingsOf(model),
      ...passedOf(model, request, headers),
      ...guardedBy(guarded),
    ],
    policy,
    asker: { key: caller.key.id, team: caller.key.team, teamSince: caller.team?.created_at ?? null, user },
    keyShare: caller.key.cache,
    tags,
    directives: headers.cache,
    streamStyle: request.stream
      ? JSON.stringify([streamOptionsOf(request), replay.echo?.(request, caller.key.id) ?? null])
      : null,
    patienceMs: Math.min(headers.timeoutMs ?? Number.POSITIVE_INFINITY, model.timeouts.total),
    onGone: (listener) => writer?.onGone(listener),
    onFollow: () => targets?.release(),
    isGone: () => writer?.gone ?? false,
  };
}

/** Which target, and of which provider: another address, or other headers, make another one under its name. */
const placeOf = ({ id, place }: Target): string => `${id} ${place}`;

const streamOptionsOf = ({ json }: ModelRequest): unknown =>
  (json as { readonly stream_options?: unknown }).stream_options ?? null;

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
  /** The answer is known and entered in the ledger; `write` gives it, or its last bytes, once that is durable. */
  | { readonly kind: 'known'; write(): void; readonly refusal?: Refusal }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The request goes upstream, its answer to this writer; of what it brings `keep` is told, and `end` in any case. */
  | {
      readonly kind: 'fetch';
      readonly writer: ResponseWriter;
      keep(result: AttemptResult): Promise<void> | undefined;
      end(): void;
    };

export interface Caching {
  /** Undefined where this request takes no part. */
  turn(reserved: Reserved): Promise<Turn | undefined> | undefined;
  /** Its answer may be known. */
  mayKnow(request: Pick<Admitted, 'model' | 'call'>): boolean;
  /** The answer of a request that may not go upstream, where it is known. */
  known(reserved: Reserved): Promise<Turn | undefined>;
}

export function createCaching(ports: {
  readonly recall: (...question: Parameters<Recall>) => ReturnType<Recall>;
  readonly ledger: Pick<Ledger, 'append' | 'durable'>;
  readonly limiter: Pick<Limiter, 'record'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'cacheSaved'>;
  readonly guards: GuardPorts;
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
    if (recalled.kind === 'live') return readingAlong(reserved, recalled.live);
    if (recalled.kind === 'fetch') return fetching(reserved, recalled.permit, replay);
    if (recalled.kind === 'gone') return recalled;
    return { kind: 'refused', refusal: recalled.kind === 'late' ? waitedTooLong : notCached };
  }

  const mayKnow = ({ model, call }: Pick<Admitted, 'model' | 'call'>): boolean =>
    model.cache !== null && call.format.replay !== undefined;

  async function known(reserved: Reserved): Promise<Turn | undefined> {
    const { model, call, headers } = reserved;
    const { replay } = call.format;
    const directives = headers.cache ?? noDirectives;
    if (!model.cache || !replay || !directives.read) return undefined;
    const question = questionOf({ ...reserved, policy: model.cache, replay });
    const recalled = await recall({ ...question, directives: { ...directives, onlyCached: true } });
    return recalled.kind === 'known' ? hit(reserved, recalled, replay) : undefined;
  }

  function fetching(reserved: Reserved, permit: FetchPermit, replay: Replay<ModelRequest>): Turn {
    const { context, request, model } = reserved;
    context.cache = 'miss';
    const recording =
      request.stream && permit.records
        ? new RecordingWriter(reserved.writer, LARGEST_ANSWER_BYTES, (live) => comes(reserved, live, permit))
        : null;
    const writer = recording ?? reserved.writer;
    let keeping: Promise<void> | undefined;
    return {
      kind: 'fetch',
      writer,
      keep: ({ target, carried, bill, refusal }) => {
        if (carried.kind === 'gone') return undefined; // the next of those who wait takes over at the end
        const told = {
          provider: target.provider,
          target: target.id,
          served_model: keptModel(carried),
          price_version: target.priceAt(clock.now())?.version ?? '',
          cost_nusd: bill.cost.total,
        };
        recording?.over(liveEnd(recording, reserved, told));
        // A fallback's answer is not the model's: it is not told again in its name.
        const own = model.targets.includes(target);
        const done = (body: Buffer | undefined): void => permit.done({ body, ...told, tokens: bill.tokens });
        if (refusal || !own) done(undefined);
        else {
          const bytes = carried.kind === 'whole' ? carried.answer.body.length : (recording?.size ?? 0);
          const walk = keepable(carried, recording, bill.tokens, replay);
          // A large answer was read in this turn of the loop already.
          if (bytes > LARGE_BYTES) keeping = inTurns(walk).then(done);
          else done(finishNow(walk));
          if (keeping) permit.keeps(keeping);
        }
        return keeping;
      },
      end: () => {
        recording?.over({ kind: 'broken', told: undefined, slow: false });
        const { gone } = reserved.writer;
        if (keeping) void keeping.catch(() => {}).then(() => permit.failed(gone));
        else permit.failed(gone);
      },
    };
  }

  /** A fallback's answer is not the model's. */
  function comes({ context, model }: Reserved, live: LiveAnswer, permit: FetchPermit): boolean {
    if (!context.target || !model.targets.includes(context.target)) return false;
    live.target = context.target.id;
    return permit.comes(live);
  }

  /** Gives the answer as it comes, but for its last bytes. */
  async function readingAlong(reserved: Reserved, live: LiveAnswer): Promise<Turn> {
    const { context, call, writer, deadlineMs, model } = reserved;
    context.cache = 'hit';
    context.target = targetNamed(live.target, model);
    const head = () => [...streamHead(context), ...ageHead('0')];
    const end = await readAlong(live, reserved, head, deadlineMs - clock.monotonic());
    if (end.kind === 'gone') return end;
    if (end.kind === 'whole') {
      enter(reserved, 'hit', end.told);
      const closing = withExtra(end, { cost_usd: usd(0), attempts: 0, cache: 'hit' });
      const write = (): void => {
        if (!writer.started) writer.head(200, head());
        writer.end(closing);
      };
      return { kind: 'known', write };
    }
    const { refusal } = end;
    if (!writer.started) return { kind: 'refused', refusal };
    if (end.told) enter(reserved, 'hit', end.told, refusal);
    return { kind: 'known', refusal, write: () => writer.breakOff(call.format.errors.event(refusal, call.requestId)) };
  }

  /** It counts as a request, and as nothing else. */
  function enter(reserved: Reserved, state: CacheState, told: AnswerFacts, refusal?: Refusal): void {
    const { context, model, grant } = reserved;
    const target = targetNamed(told.target, model);
    context.target = target;
    limiter.record(grant, { model, target }, { tokens: noUsage(), cost: NO_COST });
    const entry = hitEntry(reserved, told, state, refusal, clock);
    ledger.append(entry);
    context.tape?.entered(entry.id, true);
    if (!refusal) ports.metrics.cacheSaved(told.cost_nusd);
  }

  async function hit(reserved: Reserved, known: KnownAnswer, replay: Replay<ModelRequest>): Promise<Turn> {
    const { context, call, request, writer } = reserved;
    context.cache = known.state;
    // Guards that are asked elsewhere may say something else than when the answer was kept.
    const passed = reserved.guarded
      ? await guardAnswer(known.answer.body, reserved, ports.guards)
      : ok(known.answer.body);
    if (!passed.ok) {
      enter(reserved, known.state, known.answer, passed.refusal);
      return { kind: 'refused', refusal: passed.refusal };
    }
    const found =
      passed.value === known.answer.body ? known : { ...known, answer: { ...known.answer, body: passed.value } };
    enter(reserved, found.state, found.answer);
    const write = (): void => {
      const answer = replay.retold(found.answer.body, clock.now(), request);
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

  return { turn, mayKnow, known };
}

/** The model that an upstream said it served, as a database can hold it. */
function keptModel(carried: Carried): string | null {
  const said = servedModel(carried);
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
function* keepable(
  carried: Carried,
  recording: RecordingWriter | null,
  tokens: Entry['tokens'],
  replay: Replay<ModelRequest>,
): Generator<number, Buffer | undefined> {
  let answer: Buffer | undefined;
  if (carried.kind === 'whole') answer = carried.answer.body;
  else if (carried.kind === 'streamed' && recording?.pieces) answer = yield* replay.whole(recording.pieces, tokens);
  if (!answer || answer.length > LARGEST_ANSWER_BYTES) return undefined;
  yield answer.length;
  return replay.isRepeatable(answer) ? answer : undefined;
}

/** Names and values in turn, to be added to the head of a hit. */
function hitHead({ answer, similarity }: KnownAnswer, nowMs: number): string[] {
  const age = String(Math.max(0, Math.floor((nowMs - answer.created_at) / 1000)));
  const head = [...ageHead(age), 'x-tollgate-cache-id', answer.id];
  if (similarity !== null) head.push('x-tollgate-cache-similarity', similarity.toFixed(4));
  return head;
}

const targetNamed = (name: string, { targets }: Model): Target => targets.find(({ id }) => id === name) ?? targets[0]!;

const ageHead = (age: string): string[] => ['age', age, 'x-tollgate-cache-age', age];

/** How the stream ended, for those who read it along. */
function liveEnd(recording: RecordingWriter, { context }: Reserved, told: AnswerFacts): LiveEnd {
  const { closing } = recording;
  if (closing === undefined) return { kind: 'broken', told, slow: false };
  return { kind: 'whole', closing, extra: JSON.stringify(extraOf(context)), told };
}

/** The last bytes of a stream with what is said of this request in the place of what was said of the one that fetched. */
function withExtra({ closing, extra: said }: WholeEnd, extra: UsageExtra): Buffer {
  const at = closing.lastIndexOf(said);
  if (at === -1) return closing;
  return Buffer.concat([
    closing.subarray(0, at),
    Buffer.from(JSON.stringify(extra)),
    closing.subarray(at + said.length),
  ]);
}
