/**
 * A connection whose protocol was changed (WebSocket): from here on bytes go both ways untouched, each side no faster than the
 * other takes them. When one side ends, the other is told and may still finish; an error on either, or a silence of both for
 * too long, ends both.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { headerIn } from '../lib/headers.js';
import { responseHeaders, withOurs } from './headers.js';
import type { Visit } from './visit.js';

export function tunnel(
  visit: Visit,
  { socket: client, head }: NonNullable<Visit['upgrade']>,
  status: number,
  answered: readonly string[],
  upstream: Duplex,
  idleMs: number,
  done: () => void,
): void {
  const protocol = headerIn(answered, 'upgrade') ?? 'websocket';
  const headers = [...withOurs(responseHeaders(answered), visit.extra), 'connection', 'Upgrade', 'upgrade', protocol];
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Switching Protocols'}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  (visit.res as ServerResponse).detachSocket(client as never);
  visit.answered = true;
  client.write(`${text}\r\n`, 'latin1');
  if (head.length > 0) upstream.write(head);

  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const over = (): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    client.destroy();
    upstream.destroy();
    visit.tunnelled(status);
    done();
  };
  const alive = (): void => {
    if (timer) timer.refresh();
    else timer = setTimeout(over, idleMs).unref();
  };
  for (const side of [client, upstream]) {
    side.on('data', alive);
    side.on('error', over);
    side.on('close', () => {
      if (client.destroyed && upstream.destroyed) return over();
      // The one that is left gets what was written to it, and then its end.
      const other = side === client ? upstream : client;
      if (!other.writableEnded) other.end();
      if (other.readableEnded || !other.readable) over();
      else setTimeout(over, 5_000).unref();
    });
  }
  client.pipe(upstream);
  upstream.pipe(client);
  alive();
}
