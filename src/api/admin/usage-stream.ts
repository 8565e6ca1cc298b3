/**
 * `/admin/v1/usage/stream`: entries of all gateways as they are written, as server-sent events. A stream ends by itself after ten
 * minutes, so that who may no longer read finds out, and the next one goes on where it ended (`Last-Event-ID`). Who reads too slowly is
 * cut off, and goes on in the same way.
 */
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Entry } from '../../ledger/entry.js';
import type { LedgerFilter } from '../../ledger/ledger-store.js';
import { matches } from '../../ledger/matches.js';
import { cleanFilter } from '../../ledger/page.js';
import type { Follower, LedgerTail } from '../../ledger/tail.js';
import { refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { route } from './route.js';
import { entryAnswer, showEntry, usageQuery } from './usage.js';

export interface Tailing {
  readonly tail: Pick<LedgerTail, 'follow' | 'leave' | 'full'>;
}

const HEARTBEAT_MS = 15_000;
const LONGEST_MS = 10 * 60_000;
/** What may wait for a reader. */
const MOST_WAITING_BYTES = 1024 * 1024;

const { from: _from, to: _to, limit: _limit, cursor: _cursor, ...filters } = usageQuery.shape;
const streamQuery = z.strictObject(filters);

const events = {
  description:
    'Events: `entry` has an entry as `data`; `gap` says that some may be missing before it, so the list is to be read again.',
  content: { 'text/event-stream': { schema: entryAnswer } },
};

export function usageStreamRoute(app: AdminApp, { tail }: Tailing): void {
  route(app, 'streamUsage', {
    schema: { querystring: streamQuery, response: { 200: events as never } },
    handler: async ({ query, principal: { teams }, headers }, reply) => {
      if (tail.full) {
        const words = 'This gateway takes no more streams just now. Read the list, or try again later.';
        return sendRefusal(reply, refuse('overloaded', words, { headers: { 'retry-after': '30' } }));
      }
      const filter = cleanFilter({ ...query, ...(teams && { teams: [...teams] }) });
      const last = headers['last-event-id'];
      const stream = new EventStream(filter, (follower) => tail.leave(follower));
      try {
        await tail.follow(stream, typeof last === 'string' && last !== '' ? last : undefined);
      } catch (error) {
        stream.end();
        throw error;
      }
      reply.headers({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      return reply.send(stream.bytes as never);
    },
  });
}

class EventStream implements Follower {
  readonly bytes = new Readable({ read: () => {} });
  readonly #filter: LedgerFilter;
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(filter: LedgerFilter, leave: (follower: Follower) => void) {
    this.#filter = filter;
    this.#timers = [
      setInterval(() => this.#write(': still here\n\n'), HEARTBEAT_MS).unref(),
      setTimeout(() => this.end(), LONGEST_MS).unref(),
    ];
    this.bytes.once('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
      leave(this);
    });
    // So that who asked knows at once that it is there.
    this.#write('retry: 1000\n\n');
  }

  take(entry: Entry, place: string): void {
    if (matches(entry, this.#filter))
      this.#write(`id: ${place}\nevent: entry\ndata: ${JSON.stringify(showEntry(entry))}\n\n`);
  }

  gap(): void {
    this.#write('event: gap\ndata: {}\n\n');
  }

  end(): void {
    this.bytes.push(null);
    this.bytes.resume();
  }

  #write(text: string): void {
    if (this.bytes.destroyed || this.bytes.readableEnded) return;
    if (this.bytes.readableLength > MOST_WAITING_BYTES) this.bytes.destroy();
    else this.bytes.push(text);
  }
}
