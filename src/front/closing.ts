/**
 * The end of a server that loses no connection. While `begun`, each answer says that it is the last of its connection, though new
 * connections are still taken. Then the listeners close, and what was accepted before is served.
 *
 * The system resets connections that wait to be accepted when their listener closes, and a proxy does not repeat a POST that it
 * has sent. So a listener is closed while nobody waits. Its queue is made as short as one connection, and a connection of our own
 * takes that place: whoever comes then is not answered, tries again a second later and is refused, and a proxy goes on to another
 * gateway. Linux tells who waits (`/proc/net/tcp`); elsewhere a listener closes as it is. A client whose handshake is on its way
 * over the network at that moment can still be reset.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';

/** Times that it is tried to close while nobody waits. */
const MOST_TRIES = 50;
/** States of `/proc/net/tcp`. */
const LISTEN = '0A';
const ESTABLISHED = '01';

export class Closing {
  readonly #servers: Server[] = [];
  #lingerMs = -1;
  /** A connection was accepted at some time. */
  connected = false;

  /** Answers are the last of their connections. */
  get begun(): boolean {
    return this.#lingerMs >= 0;
  }

  /** How long a connection that was used is kept without a request once the listeners are closed. -1: nothing closes. */
  get lingerMs(): number {
    return this.#lingerMs;
  }

  begin(lingerMs: number): void {
    this.#lingerMs = lingerMs;
  }

  add(server: Server): void {
    this.#servers.push(server);
  }

  /** Closes the listeners; `ended` resolves when all connections have ended. */
  async closeListeners(): Promise<{ readonly ended: Promise<unknown> }> {
    const ended = this.#servers.map((server) => new Promise((end) => server.once('close', end)));
    await Promise.all(this.#servers.map(closeWhileNobodyWaits));
    return { ended: Promise.all(ended) };
  }
}

interface Listening {
  listen(backlog: number): number;
}

/** Closes a listener so that no connection is lost that waits to be accepted. */
export async function closeWhileNobodyWaits(server: Pick<Server, 'address'> & { close(): unknown }): Promise<void> {
  const address = server.address();
  const handle = (server as { _handle?: Partial<Listening> })._handle;
  if (typeof address === 'object' && address !== null && typeof handle?.listen === 'function') {
    handle.listen(0); // as the system counts: one
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      // What waits is accepted.
      await new Promise(setImmediate);
      const own = connect(address.port, reachable(address.address));
      own.on('error', () => {});
      own.on('connect', () => own.destroy());
      await new Promise<void>(process.nextTick); // the connection is asked for; nothing is accepted meanwhile
      const alone = waitsAlone(own, address.port, address.family);
      if (alone !== false) {
        server.close();
        own.destroy();
        return;
      }
      own.destroy();
    }
  }
  server.close();
}

const reachable = (address: string): string =>
  address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;

/** Only `own` waits to be accepted. Undefined: the system does not tell. */
function waitsAlone({ localPort }: Socket, port: number, family: string): boolean | undefined {
  let table: string;
  try {
    table = readFileSync(family === 'IPv6' ? '/proc/net/tcp6' : '/proc/net/tcp', 'latin1');
  } catch {
    return undefined;
  }
  const local = `:${hexOf(port)}`;
  const remote = `:${hexOf(localPort ?? 0)}`;
  let waiting = 0;
  let own = false;
  for (const line of table.split('\n')) {
    const [, here, there, state, queues] = line.trim().split(/ +/, 5);
    if (!here?.endsWith(local)) continue;
    if (state === LISTEN) waiting += Number.parseInt(queues!.split(':')[1]!, 16);
    else if (state === ESTABLISHED && there!.endsWith(remote)) own = true;
  }
  return own && waiting === 1;
}

const hexOf = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
