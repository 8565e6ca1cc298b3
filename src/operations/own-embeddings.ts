/**
 * Embeddings that the gateway asks for itself, for the semantic cache. They run the request path like those of any caller,
 * so that routing, limits of the model and the target, the ledger, metrics and the log hold for them; only the caller is the
 * gateway, under a key of that name that nobody can have. Other models never stand in: their vectors mean something else.
 */

import type { InForce } from '../catalog/snapshot.js';
import type { ApiFormat } from '../formats/format.js';
import { apiFormat } from '../formats/registry.js';
import type { Call } from '../gateway/call.js';
import type { GatewayPorts } from '../gateway/gateway-ports.js';
import { createGateway } from '../gateway/pipeline.js';
import type { ResponseWriter } from '../gateway/response-writer.js';
import { type Caller, unstoredKey } from '../identity/key.js';
import { ok, type Refusal } from '../lib/errors.js';
import { newId } from '../lib/ids.js';

interface Ports extends Omit<GatewayPorts, 'authenticator' | 'recall' | 'snapshots'> {
  readonly snapshots: { enter(): { readonly value: InForce; leave(): void } };
}

export interface OwnEmbedding {
  /** As the wire has it. */
  readonly embedding: unknown;
  /** The id of the target that answered. */
  readonly target: string;
}

/** The key of their entries. */
const caller: Caller = { key: unstoredKey('gateway', { tags: ['semantic-cache'] }), team: null };

export type EmbedForCache = (text: string, dimensions: number | null, withinMs: number) => Promise<OwnEmbedding>;

/** Rejects where it came to no embedding, with the words that a caller would be told. */
export function createOwnEmbeddings(ports: Ports): EmbedForCache {
  const { snapshots, clock } = ports;
  const gateway = createGateway({
    ...ports,
    authenticator: { authenticate: () => ok(caller) },
    recall: () => ({ kind: 'off', why: 'embeddings' }),
    snapshots: {
      enter: () => {
        const entered = snapshots.enter();
        const { models } = entered.value.cacheEmbedding ?? entered.value;
        return { value: { models }, leave: () => entered.leave() };
      },
    },
  });

  return async (text, dimensions, withinMs) => {
    const entered = snapshots.enter();
    try {
      const { cacheEmbedding } = entered.value;
      if (!cacheEmbedding) throw new Error('no provider is configured to embed prompts');
      const { model } = cacheEmbedding;
      const asked = { model, input: text, encoding_format: 'base64', ...(dimensions !== null && { dimensions }) };
      const reply = new KeptAnswer();
      await gateway.serve(callFor(Buffer.from(JSON.stringify(asked)), withinMs, clock.monotonic()), reply);
      return reply.embedding();
    } finally {
      entered.leave();
    }
  };
}

function callFor(body: Buffer, timeoutMs: number, arrivedAt: number): Call {
  const requestId = newId('req');
  const token = undefined;
  const ip = '';
  return {
    format: inWords,
    headers: ok({
      ...{ requestId, token, ip, timeoutMs },
      ...{
        tags: [],
        user: null,
        metadata: undefined,
        traceparent: undefined,
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

const inWords: ApiFormat = {
  ...apiFormat('openai-embeddings'),
  errors: {
    body: (refusal) => Buffer.from(loggedWords(refusal)),
    event: (refusal) => Buffer.from(loggedWords(refusal)),
    keepAlive: Buffer.alloc(0),
  },
};

/** A writer that goes nowhere: nobody leaves, and nobody is slow. */
class KeptAnswer implements ResponseWriter {
  readonly gone = false;
  readonly interrupted = false;
  started = false;
  #status = 0;
  #target = '';
  #body = '';

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

  onGone(): void {}

  embedding(): OwnEmbedding {
    if (this.#status !== 200) throw new Error(this.#body);
    const { data } = JSON.parse(this.#body) as { data: readonly { readonly embedding?: unknown }[] };
    return { embedding: data[0]?.embedding, target: this.#target };
  }
}
