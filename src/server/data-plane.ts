/** What the request path answers by itself, in front of Fastify and without it. */
import { addressedBy } from '../api/addressed.js';
import { type CallDeps, callHandler } from '../api/openai/call.js';
import type { ModelsDeps } from '../api/openai/models.js';
import { ResponseSession, type ResponsesDeps } from '../api/openai/response-session.js';
import type { HttpResponseWriter } from '../api/response-writer.js';
import { dataRows, type Row, rowOf } from '../api/table.js';
import { apiFormat } from '../formats/registry.js';
import type { Handler } from '../front/client.js';
import { clientAddress } from '../lib/forwarded.js';
import { type CorsSettings, DataPlaneCors } from './cors.js';
import { directRoutes } from './raw.js';
import { trusts } from './trust.js';

export interface DataPlaneDeps {
  readonly openai: ModelsDeps & Omit<CallDeps, 'ipOf'>;
  /** Counts the tokens of requests. */
  readonly counting: CallDeps['gateway'];
  readonly responses: ResponsesDeps;
  /** The addresses and CIDR blocks whose `X-Forwarded-For` and `Forwarded` are believed now. */
  readonly trustProxy: () => readonly string[];
  /** Which browsers' scripts may call the data plane; null: none. */
  readonly cors: () => CorsSettings | null;
}

export function dataPlane(deps: DataPlaneDeps) {
  const trusted = trusts(deps.trustProxy);
  const ipOf: CallDeps['ipOf'] = (request) =>
    deps.trustProxy().length > 0
      ? clientAddress(request.socket.remoteAddress ?? '', request.headers, trusted)
      : (request.socket.remoteAddress ?? '');
  const cors = new DataPlaneCors(deps.cors);
  const handlers = callHandlers({ ...deps.openai, ipOf }, deps, cors);
  return { trusted, cors, handlers, direct: directRoutes(handlers) };
}

/** The request path behind each address where a model is asked, and what counts beside it. */
const callHandlers = (
  deps: CallDeps,
  { counting, responses }: Pick<DataPlaneDeps, 'counting' | 'responses'>,
  cors: DataPlaneCors,
): ReadonlyMap<Row, Handler> =>
  new Map([
    ...dataRows.flatMap((row): [Row, Handler][] => {
      if (!row.format) return [];
      const sessionOf = row.format === 'openai-responses' ? sessionsWith(responses) : undefined;
      const kind = { addressed: addressedBy(row), sessionOf };
      return [[row, cors.around(callHandler(deps, apiFormat(row.format), kind))]];
    }),
    [
      rowOf('countContentTokens'),
      cors.around(
        callHandler({ ...deps, gateway: counting }, apiFormat('google-gemini'), {
          addressed: addressedBy(rowOf('countContentTokens')),
        }),
      ),
    ],
    [
      rowOf('countMessageTokens'),
      cors.around(callHandler({ ...deps, gateway: counting }, apiFormat('anthropic-messages'))),
    ],
  ]);

const sessionsWith = (deps: ResponsesDeps) => (client: HttpResponseWriter) => new ResponseSession(deps, client);
