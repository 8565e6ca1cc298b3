/**
 * An attempt as the ledger enters it: first the intent, which is what it will be entered as if the gateway ends before the
 * attempt does, then its progress, and last what it came to.
 */

import type { Model, Target } from '../catalog/model.js';
import { ofAll } from '../formats/generated-text.js';
import type { StreamReader } from '../formats/translation.js';
import { inputOf, noUsage } from '../formats/usage.js';
import type { Entry, EntryFlag } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, statusOf } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { cost, type Price } from '../pricing/price.js';
import { countText } from '../tokens/estimate.js';
import { type Carried, servedModel } from './carried.js';
import { decisionText } from './decision.js';
import { type Guarded, guardFlags } from './guarded-request.js';
import { firstEntryId } from './limiter.js';
import { entered, type MostUsage } from './plausible-usage.js';
import type { Reach, Reserved } from './stages.js';
import { type Bill, rareFields } from './usage-accounting.js';

interface Sent {
  readonly reserved: Pick<
    Reserved,
    'call' | 'caller' | 'request' | 'headers' | 'user' | 'tags' | 'grant' | 'targets'
  > & {
    readonly context: { readonly cache: Entry['cache'] };
  };
  readonly reach: Reach;
  readonly price: Price;
  /** Of the attempt, from 1. */
  readonly number: number;
  readonly nowMs: number;
}

/**
 * The input is billed as it was counted, since the upstream may have read it, and no fee for an answer. Id and time of a first attempt are its hold's, so that
 * whoever closes the hold of a gateway that died enters the same line.
 */
export function intentOf({ reserved, reach, price, number, nowMs }: Sent): Entry {
  const { caller, request, headers, call, grant, context } = reserved;
  const { model, target, input } = reach;
  const { hold } = grant;
  const id = hold && number === 1 ? firstEntryId(hold.id) : newId('ent', nowMs);
  const tokens = { ...noUsage(), input: input.expected };
  const spent = cost(tokens, price, { answered: false });
  return {
    id,
    at: hold && number === 1 ? timeOf(id) : Math.round(nowMs),
    request_id: call.requestId,
    attempt: number,
    key: caller.key.id,
    team: caller.key.team,
    user: reserved.user,
    tags: reserved.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.format.endpoint,
    model: request.model,
    served_model: null,
    provider: target.provider,
    target: target.id,
    status: 500,
    error: 'interrupted',
    stream: request.stream,
    cache: context.cache,
    tokens,
    usage_source: 'estimated',
    cost_nusd: spent,
    price_version: price.version,
    first_byte_ms: null,
    duration_ms: 0,
    overhead_ms: 0,
    provider_request_id: undefined,
    ...rareFields({ service: undefined, cost: spent }, caller.team?.markup_ppm),
    hold: hold?.id,
    held_at: hold ? Math.round(grant.heldAtMs) : undefined,
    limit_model: limitModelOf(request.model, model),
    decision: decisionText(reserved.targets.words(reach), hold, model, target),
  };
}

/** The model whose limits count a request, where not the one that was asked for. */
export const limitModelOf = (asked: string, serving: Model): string | undefined =>
  serving.name === asked ? undefined : serving.name;

interface Ended {
  readonly reserved: Pick<Reserved, 'caller' | 'guarded'>;
  readonly carried: Carried;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
  /** Another attempt ran beside it: the ledger then looks which of them counts as the request. */
  readonly hedged: boolean | undefined;
}

const NO_FLAGS: readonly EntryFlag[] = [];
const IMPLAUSIBLE: readonly EntryFlag[] = ['implausible_usage'];
const HEDGED: readonly EntryFlag[] = ['hedged'];

function flagsOf(
  implausible: boolean,
  hedged: boolean | undefined,
  guarded: Guarded | null,
): { flags: readonly EntryFlag[] } | undefined {
  const said = guarded ? guardFlags(guarded) : NO_FLAGS;
  if (said.length === 0 && !hedged) return implausible ? { flags: IMPLAUSIBLE } : undefined;
  return { flags: [...(hedged ? HEDGED : NO_FLAGS), ...(implausible ? IMPLAUSIBLE : NO_FLAGS), ...said] };
}

export function resultOf(intent: Entry, { reserved, carried, bill, refusal, overheadMs, hedged }: Ended): Entry {
  const { sentAt, firstByteAt, endedAt, providerRequestId } = carried.times;
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
    provider_request_id: providerRequestId,
    ...flagsOf(bill.implausible, hedged, reserved.guarded),
    ...rareFields(bill, reserved.caller.team?.markup_ppm),
  };
}

const toMicroseconds = (ms: number): number => Math.round(ms * 1000) / 1000;

interface Noting {
  readonly ledger: Pick<Ledger, 'progress'>;
  readonly intent: Entry;
  readonly target: Target;
  readonly price: Price;
  readonly markupPpm: number | null | undefined;
  readonly most: MostUsage;
  readonly clock: Clock;
}

/** Characters that are counted for a note, and those of a stream that brings more than that between two notes. */
const MOST_NOTED = 8_000;
const MOST_OF_FAST = 16_000;

/**
 * Notes what a stream has brought so far. Only the text that is new since the last note is counted, so a long stream is
 * counted once; where a token is cut in two that is one too many. Of what comes faster than any model writes only the beginning is
 * counted, and the rest is taken to be like it: to count what hundreds of such streams bring would take the processor for seconds.
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

  note(reading: StreamReader): void {
    if (this.#counting) return;
    const isFast = reading.chars - this.#chars > MOST_NOTED;
    if (isFast && this.#chars >= MOST_OF_FAST) return this.#tell(reading, 0);
    const text = reading.text(this.#chars, this.#chars + MOST_NOTED);
    const counted = countText(text, this.#noting.target.counting.encoding);
    this.#chars += text.length;
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

  #tell(reading: StreamReader, counted: number): void {
    const { usage, servedModel } = reading;
    const { ledger, intent, target, price, markupPpm, most, clock } = this.#noting;
    this.#output += counted * target.counting.factor;
    const before = usage ?? intent.tokens;
    const untold = usage?.lacks === 'input' ? Math.max(0, intent.tokens.input - inputOf(usage)) : 0;
    const generated = ofAll(Math.ceil(this.#output), this.#chars, reading.chars);
    const output = Math.max(before.output, generated);
    const { tokens, service } = entered({ ...before, input: before.input + untold, output }, most);
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
