/** `POST /v1/chat/completions` and `POST /v1/embeddings`: the request path behind a request and its response. */

import { openaiErrors } from '../../formats/openai-chat/errors.js';
import type { Endpoint } from '../../formats/provider.js';
import type { ClientRequest, Handler } from '../../front/client.js';
import type { Gateway } from '../../gateway/pipeline.js';
import type { Clock } from '../../lib/clock.js';
import { refuse } from '../../lib/errors.js';
import { readCallHeaders, requestIdOf, tokenOf } from '../call-headers.js';
import { readBody } from '../read-body.js';
import { HttpReply } from '../reply.js';

export interface CallDeps {
  readonly gateway: Gateway;
  readonly bodyLimit: () => number;
  readonly clock: Clock;
  /** The caller's address, as far as proxies in between are trusted to tell it. */
  readonly ipOf: (request: ClientRequest) => string;
  readonly onFault: (error: unknown, requestId: string) => void;
}

export const callHandler =
  (deps: CallDeps, endpoint: Endpoint): Handler =>
  (request, response) => {
    const { headers } = request;
    const requestId = requestIdOf(headers);
    const token = tokenOf(headers);
    const ip = deps.ipOf(request);
    const reply = new HttpReply(response);
    const call = {
      endpoint,
      dialect: openaiErrors,
      headers: readCallHeaders(headers, requestId, token, ip),
      requestId,
      token,
      ip,
      arrivedAt: deps.clock.monotonic(),
      readBody: () => readBody(request, deps.bodyLimit()),
    };
    deps.gateway.serve(call, reply).catch((error: unknown) => {
      deps.onFault(error, requestId);
      const refusal = refuse('internal_error', 'The gateway failed. The request id leads to the cause in its log.');
      if (reply.started) return reply.breakOff(openaiErrors.event(refusal, requestId));
      reply.head(500, ['content-type', 'application/json', 'x-request-id', requestId]);
      reply.end(openaiErrors.body(refusal, requestId));
    });
  };
