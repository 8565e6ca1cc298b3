/**
 * `/admin/v1/usage/stream`: entries of all gateways as they are written, as server-sent events. A stream ends by itself after ten
 * minutes, so that who may no longer read finds out, and the next one goes on where it ended (`Last-Event-ID`). Who reads too slowly is
 * told that something is missing, as soon as there is room again.
 */
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Entry } from '../../ledger/entry.js';
import type { LedgerFilter } from '../../ledger/ledger-store.js';
import { matches } from '../../ledger/matches.js';
import { cleanFilter } from '../../ledger/page.js';
import type { Follower, LedgerTail } from '../../ledger/tail.js';
import { type Result, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { route } from './route.js';
import { entryAnswer, type KeysNamed, ledgerFilter, showEntry, usageQuery } from './usage.js';

export interface Tailing {
  readonly tail: Pick<LedgerTail, 'follow' | 'leave' | 'full'>;
  readonly keysNamed: KeysNamed;
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

const full = refuse('overloaded', 'This gateway takes no more streams just now. Read the list, or try again later.', {
  headers: { 'retry-after': '30' },
});

export function usageStreamRoute(app: AdminApp, { tail, keysNamed }: Tailing): void {
  const texts = new EntryTexts();
  route(app, 'streamUsage', {
    schema: { querystring: streamQuery, response: { 200: events as never } },
    handler: async ({ query, principal: { teams }, headers }, reply) => {
      if (tail.full) return sendRefusal(reply, full);
      const find = () => ledgerFilter(query, teams, keysNamed);
      const filter = await find();
      if (!filter.ok) return sendRefusal(reply, filter.refusal);
      const renew = query.key_name === undefined ? undefined : find;
      const last = headers['last-event-id'];
      const stream = new EventStream(filter.value, renew, texts, (follower) => tail.leave(follower));
      try {
        await tail.follow(stream, typeof last === 'string' && last !== '' ? last : undefined);
      } catch (error) {
        stream.end();
        throw error;
      }
      // The gateway ends, or others came first while keys were looked for.
      if (stream.gone) return sendRefusal(reply, full);
      stream.open();
      reply.headers({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      return reply.send(stream.bytes as never);
    },
  });
}

/** Entries as they are told, made once for all who follow; people of teams are told less. */
class EntryTexts {
  readonly #whole = new WeakMap<Entry, string>();
  readonly #ofTeams = new WeakMap<Entry, string>();

  of(entry: Entry, ofTeams: boolean): string {
    const made = ofTeams ? this.#ofTeams : this.#whole;
    let text = made.get(entry);
    if (text === undefined) made.set(entry, (text = JSON.stringify(showEntry(entry, ofTeams))));
    return text;
  }
}

class EventStream implements Follower {
  readonly bytes: Readable;
  #filter: LedgerFilter;
  readonly #texts: EntryTexts;
  readonly #timers: readonly NodeJS.Timeout[];
  /** Up to there all was told. */
  #place: string | undefined;
  /** What did not fit is told as missing once the reader has read on. */
  #isBehind = false;
  #isOver = false;
  #isRenewing = false;

  /** `renew`: finds the filter anew, since keys get names meanwhile. */
  constructor(
    filter: LedgerFilter,
    renew: (() => Promise<Result<LedgerFilter>>) | undefined,
    texts: EntryTexts,
    leave: (follower: Follower) => void,
  ) {
    this.#filter = cleanFilter(filter);
    this.#texts = texts;
    this.bytes = new Readable({ read: () => this.#readOn() });
    this.#timers = [
      setInterval(() => {
        this.#write(`: still here\n${this.#id}\n`);
        if (renew) this.#renew(renew);
      }, HEARTBEAT_MS).unref(),
      setTimeout(() => this.end(), LONGEST_MS).unref(),
    ];
    this.bytes.once('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
      leave(this);
    });
  }

  get gone(): boolean {
    return this.#isOver || this.bytes.destroyed;
  }

  /** So that who asked knows at once that it is there, and where to go on from though nothing comes. */
  open(): void {
    this.#write(`retry: 1000\n${this.#id}\n`);
  }

  take(entry: Entry, place: string): void {
    if (this.#isBehind || !matches(entry, this.#filter)) return;
    const text = this.#texts.of(entry, this.#filter.teams !== undefined);
    this.#write(`id: ${place}\nevent: entry\ndata: ${text}\n\n`);
  }

  reached(place: string): void {
    this.#place = place;
  }

  gap(): void {
    if (!this.#isBehind) this.#write('event: gap\ndata: {}\n\n');
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.bytes.push(null);
    this.bytes.resume();
  }

  /** Where the database is away, what was found before stays; where it is slow, it is not asked anew before it has answered. */
  #renew(find: () => Promise<Result<LedgerFilter>>): void {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    find()
      .then(
        (found) => {
          if (found.ok) this.#filter = cleanFilter(found.value);
        },
        () => {},
      )
      .finally(() => {
        this.#isRenewing = false;
      });
  }

  get #id(): string {
    return this.#place === undefined || this.#isBehind ? '' : `id: ${this.#place}\n`;
  }

  #readOn(): void {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.gap();
  }

  #write(text: string): void {
    if (this.gone) return;
    if (this.bytes.readableLength <= MOST_WAITING_BYTES) this.bytes.push(text);
    else this.#isBehind = true;
  }
}
