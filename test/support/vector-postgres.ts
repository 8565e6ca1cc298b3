/**
 * A Postgres with pgvector for tests: PGlite with the extension, behind a port, so that `pg` reaches it with as many
 * connections as it likes. PGlite is one session. What a connection sends up to its Sync is therefore passed on as a whole,
 * a transaction keeps the others waiting, and names of prepared statements are made the connection's own. It cannot be
 * cancelled, and has no statement timeout. `TEST_VECTOR_DATABASE_URL` names a server that has pgvector, to be used instead.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { freshDatabase } from './postgres.js';

export interface VectorPostgres {
  readonly url: string;
  /** Closes its connections too. */
  close(): Promise<void>;
}

export async function startVectorPostgres(): Promise<VectorPostgres> {
  const given = process.env['TEST_VECTOR_DATABASE_URL'];
  if (given) {
    const { url, drop } = await freshDatabase(given);
    return { url, close: drop };
  }
  const db = await PGlite.create({ extensions: { vector } });
  const turns = new Turns();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const session = new Session(db, socket, turns);
    socket.on('data', (data) => session.take(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      void session.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await turns.take();
      await db.close();
    },
  };
}

/** Who has the database, and who waits for it. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  async take(): Promise<void> {
    if (this.#taken) await new Promise<void>((go) => this.#waiting.push(go));
    this.#taken = true;
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }
}

let made = 0;

class Session {
  readonly #db: PGlite;
  readonly #socket: Socket;
  readonly #turns: Turns;
  readonly #prefix = `c${++made}_`;
  #received = Buffer.alloc(0);
  #batch: Buffer[] = [];
  #started = false;
  #has = false;
  #last: Promise<void> = Promise.resolve();

  constructor(db: PGlite, socket: Socket, turns: Turns) {
    this.#db = db;
    this.#socket = socket;
    this.#turns = turns;
  }

  take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const at = this.#started ? 1 : 0;
      if (this.#received.length < at + 4) return;
      const length = at + this.#received.readInt32BE(at);
      if (this.#received.length < length) return;
      const message = this.#received.subarray(0, length);
      this.#received = this.#received.subarray(length);
      this.#batch.push(this.#started ? this.#renamed(message) : message);
      const kind = this.#started ? String.fromCharCode(message[0]!) : 'startup';
      this.#started = true;
      if (kind === 'X') return void this.#socket.end();
      if (!['startup', 'S', 'Q'].includes(kind)) continue;
      const batch = Buffer.concat(this.#batch.splice(0));
      this.#last = this.#last.then(() => this.#run(batch)).catch((error: Error) => void this.#socket.destroy(error));
    }
  }

  async end(): Promise<void> {
    await this.#last;
    if (!this.#has) return;
    await this.#db.exec('rollback');
    this.#turns.give();
  }

  async #run(batch: Buffer): Promise<void> {
    if (!this.#has) await this.#turns.take();
    this.#has = true;
    const answer = await this.#db.execProtocolRaw(new Uint8Array(batch));
    // Of the last message, ReadyForQuery: idle, or in a transaction.
    this.#has = answer.at(-1) !== 'I'.charCodeAt(0);
    if (!this.#has) this.#turns.give();
    if (this.#socket.writable) this.#socket.write(answer);
  }

  /** Parse, Bind, and Describe or Close of a statement name one; the unnamed one stays so. */
  #renamed(message: Buffer): Buffer {
    const kind = String.fromCharCode(message[0]!);
    let at = 5;
    if (kind === 'B') at = message.indexOf(0, at) + 1;
    else if ((kind === 'D' || kind === 'C') && message[at] === 'S'.charCodeAt(0)) at += 1;
    else if (kind !== 'P') return message;
    if (message[at] === 0) return message;
    const renamed = Buffer.concat([message.subarray(0, at), Buffer.from(this.#prefix), message.subarray(at)]);
    renamed.writeInt32BE(renamed.length - 1, 1);
    return renamed;
  }
}
