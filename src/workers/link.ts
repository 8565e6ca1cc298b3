/**
 * The line between the primary process and one worker: a pair of sockets that nobody else can reach. What is hot (limits) goes as
 * small messages that need no answer of their own: all of one turn of the event loop are one frame, as JSON. What is rare goes as
 * calls of named ports, which are answered. Frames arrive in the order in which they were sent.
 *
 * The line ends when either process does. What is asked then, and what waits for an answer, rejects with `LinkEnded`.
 */
import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import { DATABASE_AWAY, isDatabaseAway } from '../lib/database-away.js';
import { messageOf } from '../lib/thrown.js';

/** What the other side may call: by the name of the port, then of its method. */
export type Ports = Readonly<Record<string, object>>;

export type Message = readonly unknown[];

interface LinkOptions {
  readonly socket: Duplex;
  readonly ports: Ports;
  /** The messages of one turn, in order. */
  readonly onMessages: (messages: readonly Message[]) => void;
  readonly onEnd: () => void;
}

export class LinkEnded extends Error {
  override readonly name = 'LinkEnded';
}

/** What the other side threw. That the database is away stays known: those who wait for it then do so on this side. */
export class CallFailed extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  constructor(name: string, message: string, databaseAway: boolean) {
    super(message);
    this.name = name;
    this.code = databaseAway ? DATABASE_AWAY : undefined;
  }
}

const LATER_MS = 2;
const HEAD_BYTES = 5;
const MESSAGES = 1;
const CALL = 2;
const ANSWER = 3;

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #asked = new Map<number, Asked>();
  #calls = 0;
  #waiting: Message[] = [];
  #scheduled = false;
  #later: NodeJS.Timeout | undefined;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #ended = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { socket } = options;
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
    socket.on('end', () => socket.destroy());
  }

  /** Goes out with the others of this turn. */
  post(message: Message): void {
    this.#waiting.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushScheduled);
  }

  /** Goes out with whatever is posted next, or after two milliseconds. */
  postLater(message: Message): void {
    this.#waiting.push(message);
    if (this.#scheduled || this.#later) return;
    this.#later = setTimeout(this.#flushLater, LATER_MS);
  }

  /** What was posted goes out now. */
  flush(): void {
    if (this.#later) clearTimeout(this.#later);
    this.#later = undefined;
    if (this.#waiting.length === 0) return;
    const text = JSON.stringify(this.#waiting);
    this.#waiting = [];
    this.#write(MESSAGES, Buffer.from(text));
  }

  call(port: string, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#ended) return Promise.reject(new LinkEnded('the other process has ended'));
    const number = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#asked.set(number, { resolve, reject });
      this.flush();
      this.#write(CALL, serialize([number, port, method, args]));
    });
  }

  destroy(): void {
    this.#options.socket.destroy();
  }

  readonly #flushLater = (): void => {
    this.#later = undefined;
    this.flush();
  };

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  #write(kind: number, payload: Buffer): void {
    if (this.#ended) return;
    const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
    frame.writeUInt32LE(payload.length, 0);
    frame[4] = kind;
    payload.copy(frame, HEAD_BYTES);
    this.#options.socket.write(frame);
  }

  #data(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed()) return;
    let bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    while (bytes.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + bytes.readUInt32LE(0);
      if (bytes.length < end) break;
      this.#take(bytes[4]!, bytes.subarray(HEAD_BYTES, end));
      bytes = bytes.subarray(end);
    }
    this.#pieces = bytes.length > 0 ? [bytes] : [];
    this.#bytes = bytes.length;
    // What could be answered at once goes back at once.
    this.flush();
  }

  /** Bytes until the next frame is whole, as far as the first piece tells. */
  #needed(): number {
    const first = this.#pieces[0]!;
    return first.length < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + first.readUInt32LE(0);
  }

  #take(kind: number, payload: Buffer): void {
    if (kind === MESSAGES) return this.#options.onMessages(JSON.parse(payload.toString('utf8')) as Message[]);
    const message: unknown = deserialize(payload);
    if (kind === CALL) void this.#serve(message as [number, string, string, unknown[]]);
    else this.#answered(message as [number, boolean, unknown]);
  }

  async #serve([number, port, method, args]: [number, string, string, unknown[]]): Promise<void> {
    let answer: Buffer;
    try {
      const target = this.#options.ports[port] as Record<string, (...args: unknown[]) => unknown> | undefined;
      if (typeof target?.[method] !== 'function') throw new Error(`there is no ${port}.${method}`);
      answer = serialize([number, true, await target[method](...args)]);
    } catch (error) {
      const name = error instanceof Error ? error.name : 'Error';
      answer = serialize([number, false, [name, messageOf(error), isDatabaseAway(error)]]);
    }
    this.#write(ANSWER, answer);
  }

  #answered([number, ok, value]: [number, boolean, unknown]): void {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    if (ok) asked?.resolve(value);
    else asked?.reject(new CallFailed(...(value as [string, string, boolean])));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { reject } of this.#asked.values()) reject(new LinkEnded('the other process has ended'));
    this.#asked.clear();
    this.#options.onEnd();
  }
}

/** A port of the other side: its methods are calls. All of them answer with promises. */
export function remotePort<T extends object>(link: Pick<Link, 'call'>, port: string): T {
  const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>();
  return new Proxy({} as T, {
    get(_target, method) {
      if (typeof method !== 'string' || method === 'then') return undefined;
      let call = methods.get(method);
      if (!call) methods.set(method, (call = (...args) => link.call(port, method, args)));
      return call;
    },
  });
}
