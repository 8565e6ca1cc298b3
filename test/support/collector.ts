/** A collector of traces inside the test: OTLP over HTTP (protobuf, JSON) and gRPC, whose answers the test decides. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type handleUnaryCall, Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { decodeExport, type Exported, type Span } from './otlp-decode.js';

export interface Collected {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly exported: readonly Exported[];
}

export interface Collector {
  readonly url: string;
  readonly got: readonly Collected[];
  readonly spans: readonly Span[];
  /** The spans of one trace, the request's own first, once there are so many. */
  trace(traceId: string, count: number): Promise<readonly Span[]>;
  close(): Promise<void>;
}

/** A status, or `never`: the collector takes what comes and does not answer. */
type Answer = () => number | 'never';

export async function startCollector(answer: Answer = () => 200): Promise<Collector> {
  const got: Collected[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const sent = Buffer.concat(parts);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const protobuf = request.headers['content-type'] === 'application/x-protobuf';
    got.push({ path: request.url!, headers: request.headers, body, exported: protobuf ? decodeExport(body) : [] });
    const status = answer();
    if (status !== 'never') response.writeHead(status).end();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return collectorOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, got, async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

export async function startGrpcCollector(): Promise<Collector> {
  const got: Collected[] = [];
  const server = new Server();
  const whole = (bytes: Buffer): Buffer => bytes;
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
  const take: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    const headers = (call.metadata ?? new Metadata()).getMap() as IncomingHttpHeaders;
    got.push({ path, headers, body: call.request, exported: decodeExport(call.request) });
    done(null, Buffer.alloc(0));
  };
  server.addService(
    {
      export: {
        ...{ path, requestStream: false, responseStream: false },
        ...{ requestSerialize: whole, requestDeserialize: whole, responseSerialize: whole, responseDeserialize: whole },
      },
    },
    { export: take },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return collectorOf(`http://127.0.0.1:${port}`, got, async () => server.forceShutdown());
}

function collectorOf(url: string, got: Collected[], close: () => Promise<void>): Collector {
  const spans = (): Span[] => got.flatMap(({ exported }) => exported.flatMap((one) => one.spans));
  return {
    url,
    got,
    get spans() {
      return spans();
    },
    trace: async (traceId, count) => {
      for (let tries = 0; ; tries++) {
        const found = spans().filter((span) => span.traceId === traceId);
        if (found.length >= count) return found.sort((a, b) => a.kind - b.kind || Number(a.startNano - b.startNano));
        if (tries > 500) throw new Error(`only ${found.length} spans of ${traceId}`);
        await sleep(20);
      }
    },
    close,
  };
}
