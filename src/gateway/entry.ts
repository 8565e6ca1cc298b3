/** The ledger's entry of one attempt. */
import type { Entry } from '../ledger/entry.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, statusOf } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Price } from '../pricing/price.js';
import type { CallHeaders } from './call.js';
import { type Demand, firstEntryId, type Grant } from './limiter.js';
import type { Carried } from './meter.js';
import type { Target } from './model.js';
import { type Bill, rareFields } from './settle.js';

interface Recorded {
  readonly course: Demand & { readonly headers: CallHeaders; readonly cache: Entry['cache'] };
  readonly grant: Grant;
  readonly target: Target;
  readonly price: Price;
  /** Of the attempt, from 1. */
  readonly number: number;
  readonly carried: Carried;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
  readonly clock: Clock;
}

export function entryOf(recorded: Recorded): Entry {
  const { course, grant, target, price, number, carried, bill, refusal, overheadMs, clock } = recorded;
  const { caller, request, headers, call } = course;
  const { hold } = grant;
  const { times } = carried;
  return {
    id: hold && number === 1 ? firstEntryId(hold.id) : newId('ent', clock.now()),
    at: Math.round(clock.now() - (clock.monotonic() - times.sentAt)),
    request_id: call.requestId,
    attempt: number,
    key: caller.key.id,
    team: caller.key.team,
    user: course.user,
    tags: course.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.endpoint,
    model: request.model,
    served_model: servedModel(carried) ?? null,
    provider: target.provider,
    target: target.id,
    status: refusal ? statusOf(refusal) : 200,
    error: refusal?.code ?? null,
    stream: request.stream,
    cache: course.cache,
    tokens: bill.tokens,
    usage_source: bill.source,
    cost_nusd: bill.cost,
    price_version: price.version,
    first_byte_ms: times.firstByteAt === null ? null : times.firstByteAt - times.sentAt,
    duration_ms: times.endedAt - times.sentAt,
    overhead_ms: overheadMs,
    ...rareFields(bill, caller.team?.markup_ppm),
    hold: hold?.id,
    held_at: hold ? Math.round(grant.heldAtMs) : undefined,
    limit_model: limitModelOf(course),
  };
}

/** The model whose limits count a request, where not the one that was asked for. */
export function limitModelOf({ request, model, serving = model }: Demand): string | undefined {
  return serving.name === request.model ? undefined : serving.name;
}

function servedModel(carried: Carried): string | undefined {
  return carried.kind === 'whole' ? carried.answer.servedModel : carried.reading?.servedModel;
}
