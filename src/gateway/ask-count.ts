/**
 * Asks a target for the tokens of a request, where it counts requests of its format itself. Such a call costs nothing and proves
 * nothing of the target's health, so it leaves no entry and strikes no breaker. Undefined where no count came back: the gateway
 * counts then.
 */
import type { Target } from '../catalog/model.js';
import { readErrorBody } from '../formats/error-body.js';
import type { UpstreamFailure } from '../formats/failure.js';
import type { ModelRequest } from '../formats/request.js';
import type { Clock } from '../lib/clock.js';
import { isObject } from '../lib/json.js';
import { passedHeaders, withPassed } from '../lib/passed-headers.js';
import { attempt, type UpstreamCall } from '../upstream/attempt.js';
import type { Deadlines } from '../upstream/deadline.js';
import type { CallHeaders } from './call.js';

const TIMEOUTS = { connect: 3_000, first_byte: 10_000, idle: 10_000, total: 10_000, keep_alive: Infinity };
const LARGEST_ANSWER_BYTES = 64 * 1024;

export type CountAnswer =
  | { readonly ok: true; readonly body: Buffer }
  /** The request is at fault. */
  | { readonly ok: false; readonly failure: UpstreamFailure };

export interface CountPorts {
  readonly deadlines: Deadlines;
  readonly clock: Clock;
}

export async function askForCount(
  request: ModelRequest,
  target: Target,
  headers: CallHeaders,
  { deadlines, clock }: CountPorts,
): Promise<CountAnswer | undefined> {
  const carrier = target.carriers[request.format];
  const to = carrier?.countsAt;
  if (!carrier || !to) return undefined;
  const translated = await carrier.translate(request, { maxOutput: null, nowMs: clock.now() });
  const passed = passedHeaders(headers.received, carrier.passes);
  if (!translated.ok || !passed.ok) return undefined;
  const { body } = translated.value;
  const slot = slotAt(target, clock.monotonic());
  const sent = [...withPassed(carrier.headers[slot]!, passed.value), 'x-request-id', headers.requestId];
  const { sign } = target;
  const call: UpstreamCall = {
    to,
    headers: sent,
    sign: sign ? () => sign(slot, to.path, sent, body, clock.now()) : undefined,
    body,
    timeouts: TIMEOUTS,
  };
  return answerOf(call, deadlines);
}

/** A credential that is not cooling down, or the first. */
function slotAt({ state }: Target, nowMs: number): number {
  const ready = state.slots.findIndex(
    ({ credential, cooldownUntilMs }) => Math.max(cooldownUntilMs, credential.cooldownUntilMs) <= nowMs,
  );
  return Math.max(0, ready);
}

function answerOf(call: UpstreamCall, deadlines: Deadlines): Promise<CountAnswer | undefined> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    let status = 0;
    const flow = attempt(
      call,
      {
        onHeaders: (told) => {
          status = told;
        },
        onData: (piece) => {
          size += piece.length;
          // The connection reads on into the same buffer.
          if (size <= LARGEST_ANSWER_BYTES) return void pieces.push(Buffer.from(piece));
          flow.abort();
          resolve(undefined);
        },
        onEnd: () => resolve(read(status, Buffer.concat(pieces))),
        onFailure: () => resolve(undefined),
      },
      deadlines,
    );
  });
}

/** A server that has no such address, or that refuses the gateway itself, says nothing about the request. */
function read(status: number, body: Buffer): CountAnswer | undefined {
  if (status === 400 || status === 413) return { ok: false, failure: readErrorBody(status, body) };
  if (status !== 200) return undefined;
  try {
    const told: unknown = JSON.parse(body.toString('utf8'));
    return isObject(told) && Number.isSafeInteger(told['input_tokens']) ? { ok: true, body } : undefined;
  } catch {
    return undefined;
  }
}
