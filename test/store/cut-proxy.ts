/** A TCP proxy in front of a database, whose line a test can cut and mend. */
import { connect, createServer, type Socket } from 'node:net';

export interface CutProxy {
  /** The URL of the database by way of the proxy. */
  readonly url: string;
  /** Breaks every connection, and refuses new ones. */
  cut(): void;
  mend(): void;
  /** Takes connections and bytes, and passes nothing on. */
  stall(): void;
  close(): Promise<void>;
}

export async function cutProxy(databaseUrl: string): Promise<CutProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let state: 'whole' | 'cut' | 'stalled' = 'whole';
  const server = createServer((client) => {
    const keep = (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    };
    keep(client);
    if (state === 'cut') return client.resetAndDestroy();
    if (state === 'stalled') return client;
    const upstream = connect(Number(target.port), target.hostname);
    keep(upstream);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    return client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  const breakAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: url.href,
    cut: () => {
      state = 'cut';
      breakAll();
    },
    mend: () => {
      state = 'whole';
    },
    stall: () => {
      state = 'stalled';
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        breakAll();
      }),
  };
}
