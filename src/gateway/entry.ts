/**
 * An attempt as the ledger enters it: first the intent, which is what it will be entered as if the gateway ends before the
 * attempt does, then its progress, and last what it came to.
 */

import type { Target } from '../catalog/model.js';
import type { StreamReading } from '../formats/translation.js';
import { noUsage } from '../formats/usage.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, statusOf } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { cost, type Price } from '../pricing/price.js';
import { countText } from '../tokens/estimate.js';
import type { CallHeaders } from './call.js';
import { type Demand, firstEntryId, type Grant } from './limiter.js';
import type { Carried } from './meter.js';
import { type Bill, rareFields } from './usage-accounting.js';

interface Sent {
  readonly course: Demand & {
    readonly headers: CallHeaders;
    readonly cache: Entry['cache'];
  };
  /** As the target counts it. */
  readonly countedInput: number;
  readonly grant: Grant;
  readonly target: Target;
  readonly price: Price;
  /** Of the attempt, from 1. */
  readonly number: number;
  readonly nowMs: number;
}

/**
 * The input is billed as it was counted: the upstream may have read it. Id and time of a first attempt are its hold's, so that
 * whoever closes the hold of a gateway that died enters the same line.
 */
export function intentOf({ course, countedInput, grant, target, price, number, nowMs }: Sent): Entry {
  const { caller, request, headers, call } = course;
  const { hold } = grant;
  const id = hold && number === 1 ? firstEntryId(hold.id) : newId('ent', nowMs);
  const tokens = { ...noUsage(), input: countedInput };
  const spent = cost(tokens, price);
  return {
    id,
    at: hold && number === 1 ? timeOf(id) : Math.round(nowMs),
    request_id: call.requestId,
    attempt: number,
    key: caller.key.id,
    team: caller.key.team,
    user: course.user,
    tags: course.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.endpoint,
    model: request.model,
    served_model: null,
    provider: target.provider,
    target: target.id,
    status: 500,
    error: 'internal_error',
    stream: request.stream,
    cache: course.cache,
    tokens,
    usage_source: 'estimated',
    cost_nusd: spent,
    price_version: price.version,
    first_byte_ms: null,
    duration_ms: 0,
    overhead_ms: 0,
    ...rareFields({ service: undefined, cost: spent }, caller.team?.markup_ppm),
    hold: hold?.id,
    held_at: hold ? Math.round(grant.heldAtMs) : undefined,
    limit_model: limitModelOf(course),
  };
}

/** The model whose limits count a request, where not the one that was asked for. */
export function limitModelOf({ request, model, serving = model }: Demand): string | undefined {
  return serving.name === request.model ? undefined : serving.name;
}

interface Outcome {
  readonly course: Demand;
  readonly carried: Carried;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
}

export function resultOf(intent: Entry, { course, carried, bill, refusal, overheadMs }: Outcome): Entry {
  const { sentAt, firstByteAt, endedAt } = carried.times;
  return {
    ...intent,
    served_model: servedModel(carried) ?? null,
    status: refusal ? statusOf(refusal) : 200,
    error: refusal?.code ?? null,
    tokens: bill.tokens,
    usage_source: bill.source,
    cost_nusd: bill.cost,
    first_byte_ms: firstByteAt === null ? null : toMicroseconds(firstByteAt - sentAt),
    duration_ms: toMicroseconds(endedAt - sentAt),
    overhead_ms: toMicroseconds(overheadMs),
    ...rareFields(bill, course.caller.team?.markup_ppm),
  };
}

const toMicroseconds = (ms: number): number => Math.round(ms * 1000) / 1000;

function servedModel(carried: Carried): string | undefined {
  return carried.kind === 'whole' ? carried.answer.servedModel : carried.reading?.servedModel;
}

interface Noting {
  readonly ledger: Pick<Ledger, 'progress'>;
  readonly intent: Entry;
  readonly target: Target;
  readonly price: Price;
  readonly markupPpm: number | null | undefined;
  /** The maximum that was sent upstream for all choices. */
  readonly mostOutput: number;
  readonly clock: Clock;
}

/**
 * Notes what a stream has brought so far. Only the text that is new since the last note is counted, so a long stream is
 * counted once; where a token is cut in two that is one too many.
 */
export class Progress {
  readonly #noting: Noting;
  readonly #begunAt: number;
  #chars = 0;
  #output = 0;
  #counting = false;

  constructor(noting: Noting) {
    this.#noting = noting;
    this.#begunAt = noting.clock.monotonic();
  }

  note(reading: StreamReading): void {
    if (this.#counting) return;
    const text = reading.text();
    const counted = countText(text.slice(this.#chars), this.#noting.target.counting.encoding);
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
    const { ledger, intent, target, price, markupPpm, mostOutput, clock } = this.#noting;
    this.#output += counted * target.counting.factor;
    const { service_tier: service, ...before } = usage ?? intent.tokens;
    const tokens = { ...before, output: Math.max(before.output, Math.min(mostOutput, Math.ceil(this.#output))) };
    const spent = cost(tokens, price, { service, answered: true });
    ledger.progress(intent.id, {
      served_model: servedModel ?? null,
      tokens,
      cost_nusd: spent,
      duration_ms: clock.monotonic() - this.#begunAt,
      ...rareFields({ service, cost: spent }, markupPpm),
    });
  }
}
