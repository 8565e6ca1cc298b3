/**
 * What was captured of requests: read, exported, deleted. Each of it is in the audit log before anything is answered. Roles of named
 * teams are answered what was captured for their teams alone.
 */
import { Readable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { z } from 'zod';
import type { Captured, ContentFilter, Deletion } from '../../capture/captured.js';
import type { CapturedContents } from '../../capture/captured-contents.js';
import { ok, refuse } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import type { Writing } from './once.js';
import { route } from './route.js';
import { instant, text } from './schemas.js';

export interface ContentReading {
  readonly contents: Pick<CapturedContents, 'find' | 'all' | 'remove'>;
  /** What was captured by this gateway, in all its processes, is written. */
  readonly flushContent: () => Promise<unknown>;
}

const orNull = z.string().nullable();
const contentAnswer = z
  .object({
    entry: z.string().describe('The entry of the attempt whose answer was told.'),
    at: z.string(),
    request_id: z.string(),
    key: z.string(),
    team: orNull,
    user: orNull,
    model: z.string(),
    endpoint: z.string(),
    stream: z.boolean(),
    content: z.enum(['on', 'redacted']).describe('As it was captured: `on` or `redacted`.'),
    readable: z.boolean().describe('False: it was encrypted with another `secrets_key`.'),
    request: z.unknown().describe('The request in the dialect of its caller, as guards left it.'),
    answer: z
      .unknown()
      .describe('The answer in the same dialect, a stream put together; null: nothing was told, or vectors were.'),
    complete: z.boolean().describe('Whether the caller was told all of it.'),
    truncated: z
      .object({ request: z.boolean().describe('Of the request.'), answer: z.boolean().describe('Of the answer.') })
      .describe('What was larger than `capture.max_size`, and is cut.'),
  })
  .meta({ id: 'CapturedContent' });

/** Of an answer that is a stream. */
const lineOfEach = {
  description: 'A line of JSON for each request.',
  content: { 'application/jsonl': { schema: contentAnswer } },
};

const filter = {
  key: text(400).optional(),
  team: text(400).optional(),
  user: text(400).optional(),
  request_id: text(400).optional(),
};

const exportQuery = z.strictObject({
  ...filter,
  model: text(400).optional(),
  from: instant.optional(),
  to: instant.optional(),
});

const deletionQuery = z
  .strictObject({ ...filter, all: z.literal('true').optional().describe('All of it, where nothing else is said.') })
  .refine(
    ({ all, ...rest }) => (all === undefined) !== Object.values(rest).every((one) => one === undefined),
    'says what is deleted: `key`, `team`, `user`, `request_id`, some of them, or `all=true`',
  );
const deletedAnswer = z
  .object({ deleted: z.number().describe('How many requests there were.') })
  .meta({ id: 'DeletedContent' });

const byEntry = z.strictObject({ id: text(400) });

const FLUSHED_MS = 2_000;

export function contentRoutes(app: AdminApp, deps: ContentReading & Writing): void {
  /** What was answered before the question is there, unless the database takes it too slowly. */
  const written = (): Promise<unknown> =>
    Promise.race([deps.flushContent(), after(FLUSHED_MS, undefined, { ref: false })]);
  const told = (actor: string, action: string, subject: string, detail: Json, teams: readonly string[]) =>
    deps.keys.write(actor, async ({ tx }) => {
      await tx.audit({ at: deps.clock.now(), actor, action, subject, detail, teams });
      return ok(null);
    });

  route(app, 'getContent', {
    schema: { params: byEntry, response: { 200: contentAnswer } },
    handler: async ({ params: { id }, principal: { teams, actor } }, reply) => {
      await written();
      const found = await deps.contents.find(id, teams && [...teams]);
      if (!found) return sendRefusal(reply, nothing(id));
      await told(actor, 'content.read', found.entry, factsFor(found), teamsOf(found));
      return shown(found);
    },
  });

  route(app, 'deleteEntryContent', {
    schema: { params: byEntry, response: { 200: deletedAnswer } },
    handler: async ({ params: { id }, principal: { teams, actor } }, reply) => {
      await written();
      const found = await deps.contents.find(id, teams && [...teams]);
      if (!found) return sendRefusal(reply, nothing(id));
      await told(actor, 'content.delete', found.entry, factsFor(found), teamsOf(found));
      return { deleted: await deps.contents.remove([{ entry: found.entry }]) };
    },
  });

  route(app, 'exportContent', {
    schema: { querystring: exportQuery, response: { 200: lineOfEach as never } },
    handler: async ({ query: { from, to = deps.clock.now(), ...asked }, principal: { teams, actor } }, reply) => {
      await written();
      await told(actor, 'content.export', 'content', given({ ...asked, from: iso(from), to: iso(to) }), [
        ...(teams ?? []),
      ]);
      const of: ContentFilter = { ...asked, fromMs: from, toMs: to, ...(teams && { teams: [...teams] }) };
      reply.header('content-type', 'application/jsonl; charset=utf-8');
      reply.header('content-disposition', 'attachment; filename="content.jsonl"');
      // A stream is sent as it is: no schema looks at it.
      return reply.send(Readable.from(lines(deps.contents.all(of)), { objectMode: false }) as never);
    },
  });

  route(app, 'deleteContent', {
    schema: { querystring: deletionQuery, response: { 200: deletedAnswer } },
    handler: async ({ query: { all: _, ...asked }, principal: { teams, actor } }) => {
      await told(actor, 'content.delete', 'content', given(asked), [...(teams ?? [])]);
      return { deleted: await deps.contents.remove(deletionsOf(asked, teams)) };
    },
  });
}

/** Of somebody who has to do with named teams: in each of them. */
function deletionsOf(asked: Deletion, teams: ReadonlySet<string> | null): readonly Deletion[] {
  if (teams === null) return [asked];
  return [...teams].filter((team) => (asked.team ?? team) === team).map((team) => ({ ...asked, team }));
}

const nothing = (id: string) => refuse('not_found', `Nothing is captured of an entry ${id}.`);

const teamsOf = ({ team }: Captured): readonly string[] => (team === null ? [] : [team]);
const factsFor = ({ requestId, key }: Captured): Json => ({ request_id: requestId, key });
const given = (fields: Json): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());

const shown = ({ entry, requestId, key, team, user, model, endpoint, stream, mode, atMs, content }: Captured) => ({
  ...{ entry, at: new Date(atMs).toISOString(), request_id: requestId, key, team, user, model, endpoint, stream },
  content: mode,
  readable: content !== null,
  request: content?.request ?? null,
  answer: content?.answer ?? null,
  complete: content?.complete ?? false,
  truncated: content?.truncated ?? { request: false, answer: false },
});

async function* lines(captured: AsyncIterable<Captured>): AsyncGenerator<string, void> {
  for await (const one of captured) yield `${JSON.stringify(shown(one))}\n`;
}
