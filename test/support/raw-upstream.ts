/** An upstream of bytes: a test sees what arrives on each connection and answers with whatever bytes it likes. */
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far, as latin1. */
  text(): string;
  /** Settles once what was received matches. */
  until(pattern: RegExp, withinMs?: number): Promise<string>;
  write(bytes: string | Buffer): void;
  readonly closed: Promise<void>;
  readonly received: number;
}

export interface RawUpstream {
  readonly url: string;
  readonly port: number;
  readonly connections: readonly RawConnection[];
  /** The next connection that is opened, or one that nobody took yet. */
  next(): Promise<RawConnection>;
  /** Closes every connection, and forgets those that nobody took. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRawUpstream(onConnection?: (connection: RawConnection) => void): Promise<RawUpstream> {
  const connections: RawConnection[] = [];
  const fresh: RawConnection[] = [];
  const waiting: ((connection: RawConnection) => void)[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = connectionOf(socket);
    connections.push(connection);
    const taker = waiting.shift();
    if (taker) taker(connection);
    else fresh.push(connection);
    onConnection?.(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections,
    next: () => {
      const known = fresh.shift();
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.push(resolve));
    },
    reset: async () => {
      fresh.length = 0;
      for (const { socket, closed } of connections.splice(0)) {
        socket.destroy();
        await closed;
      }
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { socket } of connections) socket.destroy();
      }),
  };
}

function connectionOf(socket: Socket): RawConnection {
  const pieces: Buffer[] = [];
  let received = 0;
  const watching = new Set<() => void>();
  socket.on('data', (piece) => {
    received += piece.length;
    if (received < 1024 * 1024) pieces.push(piece);
    for (const look of [...watching]) look();
  });
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const text = () => Buffer.concat(pieces).toString('latin1');
  return {
    socket,
    text,
    closed,
    get received() {
      return received;
    },
    write: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    until: (pattern, withinMs = 15_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watching.delete(look);
          reject(new Error(`Not within ${withinMs} ms: ${pattern}, but ${JSON.stringify(text())}`));
        }, withinMs);
        const look = () => {
          const seen = text();
          if (!pattern.test(seen)) return;
          clearTimeout(timer);
          watching.delete(look);
          resolve(seen);
        };
        watching.add(look);
        look();
      }),
  };
}
