/** The addresses of the request path: a request and its response, handed to the gateway in the wire format of the address. */
import type { ApiFormat } from '../../formats/format.js';
import type { ClientRequest, Handler } from '../../front/client.js';
import { internalError } from '../../gateway/attempt.js';
import type { Call } from '../../gateway/call.js';
import type { Gateway } from '../../gateway/pipeline.js';
import type { ResponseWriter } from '../../gateway/response-writer.js';
import type { Clock } from '../../lib/clock.js';
import { readCallHeaders, requestIdOf, tokenOf } from '../call-headers.js';
import { readBody } from '../read-body.js';
import { HttpResponseWriter } from '../response-writer.js';

export interface CallDeps {
  readonly gateway: Gateway;
  readonly bodyLimit: () => number;
  readonly clock: Clock;
  /** The caller's address, as far as proxies in between are trusted to tell it. */
  readonly ipOf: (request: ClientRequest) => string;
  readonly onFault: (error: unknown, requestId: string) => void;
}

/** What stands between the request path and the client, for a format whose calls have a state. */
export interface Session extends ResponseWriter, Pick<Call, 'prepare' | 'begins'> {
  interrupt(): void;
}

/** What an address says beside its wire format. */
export interface Addressed {
  /** The format as it is spoken at this address. */
  readonly format: ApiFormat;
  /** Undefined: the body, or the format, says it. */
  readonly model?: string | undefined;
  /** A credential in the query, which counts where the headers have none. */
  readonly key?: string | undefined;
}

interface CallKind {
  /** Reads the target of a request, where the model stands in it. */
  readonly addressed?: ((target: string) => Addressed) | undefined;
  readonly sessionOf?: ((client: HttpResponseWriter) => Session) | undefined;
}

export const callHandler =
  (deps: CallDeps, spoken: ApiFormat, { addressed, sessionOf }: CallKind = {}): Handler =>
  (request, response) => {
    const { headers } = request;
    const { format, model, key }: Addressed = addressed?.(request.url!) ?? { format: spoken };
    const requestId = requestIdOf(headers);
    const token = tokenOf(headers) ?? key;
    const ip = deps.ipOf(request);
    const client = new HttpResponseWriter(response);
    const session = sessionOf?.(client);
    const writer = session ?? client;
    const call = {
      format,
      model,
      headers: readCallHeaders(headers, requestId, token, ip),
      requestId,
      token,
      ip,
      arrivedAt: deps.clock.monotonic(),
      readBody: () => readBody(request, deps.bodyLimit()),
      ...(session && {
        prepare: (...asked: Parameters<NonNullable<Call['prepare']>>) => session.prepare?.(...asked),
        begins: (...reserved: Parameters<NonNullable<Call['begins']>>) => session.begins?.(...reserved),
      }),
    };
    deps.gateway.serve(call, writer).catch((error: unknown) => {
      deps.onFault(error, requestId);
      if (writer.started) return writer.breakOff(format.errors.event(internalError, requestId));
      writer.head(500, ['content-type', 'application/json', 'x-request-id', requestId]);
      writer.end(format.errors.body(internalError, requestId));
    });
  };
