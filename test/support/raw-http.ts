/** A client that sees the bytes themselves: how an answer is cut into chunks, and whether HTTP ended it. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly bytes: () => Buffer;
  /** Settles once what was received matches; rejects where the connection ends or `withinMs` pass before. */
  until(pattern: RegExp, withinMs?: number): Promise<string>;
  /** Settles when the server closed the connection. */
  readonly closed: Promise<void>;
}

/** Opens a connection and sends `bytes` as they are. */
export function rawRequest(url: string, bytes: string | Buffer): RawAnswer {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  socket.on('error', () => {}); // a reset is an end as well
  const pieces: Buffer[] = [];
  const watching = new Set<() => void>();
  const tell = () => {
    for (const look of watching) look();
  };
  socket.on('data', (piece) => {
    pieces.push(piece);
    tell();
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  closed.then(tell);
  socket.write(bytes);
  const all = () => Buffer.concat(pieces);
  return {
    socket,
    bytes: all,
    closed,
    until: (pattern, withinMs = 10_000) =>
      new Promise((resolve, reject) => {
        const over = (settle: () => void) => {
          clearTimeout(timer);
          watching.delete(look);
          settle();
        };
        const look = () => {
          const text = all().toString('latin1');
          if (pattern.test(text)) over(() => resolve(text));
          else if (socket.closed) over(() => reject(new Error(`The connection ended with ${JSON.stringify(text)}`)));
        };
        const timer = setTimeout(
          () =>
            over(() =>
              reject(new Error(`Not within ${withinMs} ms: ${pattern}, but ${JSON.stringify(all().toString())}`)),
            ),
          withinMs,
        );
        watching.add(look);
        look();
      }),
  };
}

/** A chat request as raw bytes. */
export function chatBytes(key: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Buffer {
  const json =
    typeof body === 'string' ? Buffer.from(body) : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const all = {
    host: 'gateway',
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': String(json.length),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`), json]);
}

export interface Parsed {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** A chunked body had its last chunk, or a body had its whole length. */
  readonly complete: boolean;
}

/** Reads one answer. */
export function parseAnswer(bytes: Buffer): Parsed {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) throw new Error(`No answer in ${JSON.stringify(bytes.toString('latin1'))}`);
  const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  const status = Number(first!.split(' ')[1]);
  if (headers.get('transfer-encoding') === 'chunked') return { status, headers, ...unchunk(rest) };
  const length = Number(headers.get('content-length') ?? 0);
  return { status, headers, body: rest.subarray(0, length), complete: rest.length >= length };
}

function unchunk(bytes: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return { body: Buffer.concat(parts), complete: false };
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (size === 0) return { body: Buffer.concat(parts), complete: true };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
