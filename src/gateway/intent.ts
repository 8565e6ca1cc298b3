/**
 * An attempt as the ledger enters it: first the intent, which is what it will be entered as if the gateway ends before the
 * attempt does, then its progress, and last what it came to.
 */
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, statusOf } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { cost, type Price } from '../pricing/price.js';
import type { StreamReading } from '../protocol/exchange.js';
import { noUsage, type Usage } from '../protocol/usage.js';
import { countText } from '../tokens/estimate.js';
import type { CallHeaders } from './call.js';
import { type Demand, firstEntryId, type Grant } from './limiter.js';
import type { Carried } from './meter.js';
import type { Target } from './model.js';
import { type Bill, rareFields } from './settle.js';

/** What is known of a call when it is sent. */
type Asked = Demand & {
  readonly headers: CallHeaders;
  readonly grant: Grant;
  readonly countedInput: number;
  readonly cache: Entry['cache'];
};

/** The error of an attempt whose end the gateway did not live to see. */
const INTERRUPTED = 'interrupted';

/**
 * The input is billed as it was counted: the upstream may have read it. The first attempt under a hold is entered as the
 * hold's own entry, with its id and time, so that whoever closes the hold of a dead gateway cannot write it a second time.
 */
export function intentOf(asked: Asked, target: Target, price: Price, number: number, nowMs: number): Entry {
  const { call, headers, caller, request, grant } = asked;
  const { hold } = grant;
  const own = hold && number === 1 ? hold.id : undefined;
  const tokens: Usage = { ...noUsage(), input: asked.countedInput };
  return {
    id: own === undefined ? newId('ent', nowMs) : firstEntryId(own),
    at: own === undefined ? Math.round(nowMs) : timeOf(own),
    request_id: call.requestId,
    attempt: number,
    key: caller.key.id,
    team: caller.key.team,
    user: asked.user,
    tags: asked.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.endpoint,
    model: request.model,
    served_model: null,
    provider: target.provider,
    target: target.id,
    status: 500,
    error: INTERRUPTED,
    stream: request.stream,
    cache: asked.cache,
    tokens,
    usage_source: 'estimated',
    cost_nusd: cost(tokens, price),
    price_version: price.version,
    first_byte_ms: null,
    duration_ms: 0,
    overhead_ms: 0,
    hold: hold?.id,
    held_at: hold ? Math.round(grant.heldAtMs) : undefined,
    limit_model: limitModelOf(asked),
  };
}

/** The model whose limits count a request, where not the one that was asked for. */
export function limitModelOf({ request, model, serving = model }: Demand): string | undefined {
  return serving.name === request.model ? undefined : serving.name;
}

interface Outcome {
  readonly carried: Carried;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
  readonly markupPpm: number | null | undefined;
}

export function resultOf(intent: Entry, outcome: Outcome): Entry {
  const { carried, bill, refusal, overheadMs, markupPpm } = outcome;
  const { sentAt, firstByteAt, endedAt } = carried.times;
  return {
    ...intent,
    served_model: servedModel(carried) ?? null,
    status: refusal ? statusOf(refusal) : 200,
    error: refusal?.code ?? null,
    tokens: bill.tokens,
    usage_source: bill.source,
    cost_nusd: bill.cost,
    first_byte_ms: firstByteAt === null ? null : firstByteAt - sentAt,
    duration_ms: endedAt - sentAt,
    overhead_ms: overheadMs,
    ...rareFields(bill, markupPpm),
  };
}

function servedModel(carried: Carried): string | undefined {
  return carried.kind === 'whole' ? carried.answer.servedModel : carried.reading?.servedModel;
}

/**
 * Notes what a stream has brought so far. Only the text that is new since the last note is counted, so a long stream is
 * counted once; where a token is cut in two that is one too many.
 */
export class Progress {
  readonly #ledger: Ledger;
  readonly #intent: Entry;
  readonly #target: Target;
  readonly #price: Price;
  readonly #clock: Clock;
  readonly #begunAt: number;
  #chars = 0;
  #output = 0;
  #counting = false;

  constructor(ledger: Ledger, intent: Entry, target: Target, price: Price, clock: Clock) {
    this.#ledger = ledger;
    this.#intent = intent;
    this.#target = target;
    this.#price = price;
    this.#clock = clock;
    this.#begunAt = clock.monotonic();
  }

  note(reading: StreamReading): void {
    if (this.#counting) return;
    const text = reading.text();
    const counted = countText(text.slice(this.#chars), this.#target.counting.encoding);
    this.#chars = text.length;
    if (typeof counted === 'number') return this.#tell(reading, counted);
    this.#counting = true;
    counted.then(
      (tokens) => {
        this.#counting = false;
        this.#tell(reading, tokens);
      },
      () => {},
    );
  }

  #tell({ usage, servedModel }: StreamReading, counted: number): void {
    this.#output += counted * this.#target.counting.factor;
    const before = usage ?? this.#intent.tokens;
    const tokens = { ...before, output: Math.max(before.output, Math.ceil(this.#output)) };
    this.#ledger.progress(this.#intent.id, {
      served_model: servedModel ?? null,
      tokens,
      cost_nusd: cost(tokens, this.#price),
      duration_ms: this.#clock.monotonic() - this.#begunAt,
    });
  }
}
