/**
 * How requests of workers that only the primary serves reach it: over a Unix socket in a folder that only this user can enter, one
 * connection a request. A connection begins with a line that says whose the client's was; then it is HTTP as the client spoke it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { request as ask, type ClientRequest } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LONGEST_LINE = 128;
const LINE_FEED = 10;

export interface PrimarySocket {
  readonly path: string;
  /** `take` gets connections on which HTTP is spoken. */
  listen(take: (socket: Socket) => void): Promise<void>;
  close(): void;
}

/** The primary's end. Sockets have short paths, and where the system is read-only only `dataDir` may be written. */
export function primarySocket(dataDir: string): PrimarySocket {
  const folder = folderIn(tmpdir()) ?? folderIn(dataDir);
  if (folder === undefined)
    throw new Error(`server.workers needs a folder for a socket: neither ${tmpdir()} nor ${dataDir} can be written`);
  const path = join(folder, 'http');
  const listener = createServer();
  return {
    path,
    listen: (take) =>
      new Promise((listening, failed) => {
        listener.on('connection', (socket) => begin(socket, take));
        listener.once('error', failed);
        listener.listen(path, () => listening());
      }),
    close: () => {
      listener.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Undefined where none can be made. Only this user can enter it. */
function folderIn(parent: string): string | undefined {
  try {
    return mkdtempSync(join(parent, 'tollgate-primary-'));
  } catch {
    return undefined;
  }
}

/** Reads whose connection it is, and gives it to the server. */
function begin(socket: Socket, take: (socket: Socket) => void): void {
  let read = Buffer.alloc(0);
  socket.on('error', ignore);
  const onData = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    const end = read.indexOf(LINE_FEED);
    if (end === -1 && read.length <= LONGEST_LINE) return;
    socket.off('data', onData);
    if (end === -1) return void socket.destroy();
    socket.pause();
    const address = read.toString('latin1', 0, end);
    Object.defineProperty(socket, 'remoteAddress', { value: address === '' ? undefined : address });
    if (read.length > end + 1) socket.unshift(read.subarray(end + 1));
    take(socket);
  };
  socket.on('data', onData);
}

/** What belongs to one connection and not to the request. */
const HOPS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'expect']);
const AWAY = JSON.stringify({
  error: {
    message: 'The gateway is just ending or starting. Try again.',
    type: 'api_error',
    param: null,
    code: 'unavailable',
  },
});

/** Serves by asking the primary. */
export function forwardTo(path: string): RequestListener {
  return (request, response) => {
    const peer = request.socket.remoteAddress ?? '';
    const asked: ClientRequest = ask({
      method: request.method!,
      path: request.url!,
      headers: [...passed(request.rawHeaders), 'connection', 'close'] as never,
      setHost: false,
      createConnection: () => {
        const socket = connect(path);
        socket.write(`${peer}\n`);
        return socket;
      },
    });
    asked.on('response', (answer) => {
      response.writeHead(answer.statusCode!, answer.statusMessage, passed(answer.rawHeaders));
      answer.pipe(response);
      answer.on('error', () => response.destroy());
      answer.on('aborted', () => response.destroy());
    });
    asked.on('error', () => {
      if (response.headersSent) return void response.destroy();
      response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', 'retry-after-ms': '1000' });
      response.end(AWAY);
    });
    response.on('close', () => asked.destroy());
    request.on('error', () => asked.destroy());
    request.pipe(asked);
  };
}

function passed(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) if (!HOPS.has(raw[i]!.toLowerCase())) headers.push(raw[i]!, raw[i + 1]!);
  return headers;
}

const ignore = (): void => {};
