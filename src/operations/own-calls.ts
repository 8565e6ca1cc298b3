/**
 * What the gateway asks models for itself. Such calls run the request path like those of any caller, so that routing, limits of the
 * model and the target, the ledger, metrics and the log hold for them; only the caller is the gateway, under a key of that name that
 * nobody can have. Other models never stand in, no answer comes from the cache, and no guard reads them.
 */
import type { InForce } from '../catalog/snapshot.js';
import type { ApiFormat } from '../formats/format.js';
import type { FormatId } from '../formats/format-id.js';
import { apiFormat } from '../formats/registry.js';
import type { Call } from '../gateway/call.js';
import type { GatewayPorts } from '../gateway/gateway-ports.js';
import { createGateway } from '../gateway/pipeline.js';
import type { ResponseWriter } from '../gateway/response-writer.js';
import { type Caller, unstoredKey } from '../identity/key.js';
import { ok, type Refusal } from '../lib/errors.js';
import { newId } from '../lib/ids.js';

export interface OwnCallPorts
  extends Omit<GatewayPorts, 'authenticator' | 'recall' | 'snapshots' | 'guards' | 'overload' | 'capture'> {
  readonly snapshots: { enter(): { readonly value: InForce; leave(): void } };
}

export interface OwnAnswer {
  readonly body: string;
  /** The id of the target that answered. */
  readonly target: string;
}

interface OwnCall {
  readonly body: object;
  readonly withinMs: number;
  /** For its entry. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

const NEVER = { refuses: () => undefined };
const NOBODY = (): never => {
  throw new Error('no guard reads what the gateway asks itself');
};

/** Rejects where a call came to no answer, with the words that a caller would be told. `tag`: of the entries. */
export function createOwnCalls(
  ports: OwnCallPorts,
  {
    format,
    tag,
    models = (value) => value,
  }: { format: FormatId; tag: string; models?: (value: InForce) => Pick<InForce, 'models'> },
): (call: OwnCall) => Promise<OwnAnswer> {
  const { snapshots, clock } = ports;
  const caller: Caller = { key: unstoredKey('gateway', { tags: [tag] }), team: null };
  const words = inWords(format);
  const gateway = createGateway({
    ...ports,
    authenticator: { authenticate: () => ok(caller) },
    overload: NEVER, // whoever it is for was let in
    recall: () => ({ kind: 'off', why: 'embeddings' }),
    capture: null,
    guards: { off: true, clock, ask: NOBODY, guardSpoke: NOBODY, onUnasked: NOBODY },
    snapshots: {
      enter: () => {
        const entered = snapshots.enter();
        return { value: models(entered.value), leave: () => entered.leave() };
      },
    },
  });
  return async ({ body, withinMs, metadata, signal }) => {
    const reply = new KeptAnswer(signal);
    const bytes = Buffer.from(JSON.stringify(body));
    await gateway.serve(callFor(words, bytes, withinMs, clock.monotonic(), metadata), reply);
    return reply.answer();
  };
}

function callFor(
  format: ApiFormat,
  body: Buffer,
  timeoutMs: number,
  arrivedAt: number,
  metadata: OwnCall['metadata'],
): Call {
  const requestId = newId('req');
  const token = undefined;
  const ip = '';
  return {
    format,
    headers: ok({
      ...{ requestId, token, ip, timeoutMs, metadata },
      ...{
        tags: [],
        user: null,
        traceparent: undefined,
        tracestate: undefined,
        cache: undefined,
        fallbacks: false,
        received: {},
      },
    }),
    ...{ requestId, token, ip, arrivedAt },
    readBody: async () => ok(body),
  };
}

/** Refusals are for the gateway's own log, which is not told what an upstream says. */
const loggedWords = ({ cause, message }: Refusal): string => cause ?? message;

const inWords = (id: FormatId): ApiFormat => ({
  ...apiFormat(id),
  errors: {
    body: (refusal) => Buffer.from(loggedWords(refusal)),
    event: (refusal) => Buffer.from(loggedWords(refusal)),
    keepAlive: Buffer.alloc(0),
  },
});

/** A writer that goes nowhere: nobody is slow, and who asks may leave. */
class KeptAnswer implements ResponseWriter {
  readonly #signal: AbortSignal | undefined;
  readonly interrupted = false;
  started = false;
  #status = 0;
  #target = '';
  #body = '';

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  get gone(): boolean {
    return this.#signal?.aborted ?? false;
  }

  head(status: number, headers: readonly string[]): void {
    this.started = true;
    this.#status = status;
    this.#target = headers[headers.indexOf('x-tollgate-target') + 1]!;
  }

  write(): boolean {
    return true;
  }

  end(bytes?: Buffer): void {
    this.#body = bytes?.toString('utf8') ?? '';
  }

  breakOff(event: Buffer): void {
    this.#status = 0;
    this.#body = event.toString('utf8');
  }

  onDrain(): void {}

  /** It ends within its own time. */
  interrupt(): void {}

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#signal?.addEventListener('abort', listener, { once: true });
  }

  answer(): OwnAnswer {
    if (this.#status !== 200) throw new Error(this.#body);
    return { body: this.#body, target: this.#target };
  }
}
