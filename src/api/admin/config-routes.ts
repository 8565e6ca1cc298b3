/**
 * The running configuration: shown with secrets hidden, where it comes from, and the order to read its file again. What was
 * read is taken in inside the transaction that writes its audit line, so nothing is while the database is away (the file's
 * own watch and SIGHUP need no database).
 */
import { z } from 'zod';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import type { Adding } from './added-routes.js';
import type { AdminApp } from './admin-api.js';
import type { DetailedRefusal } from './errors.js';
import { type Answer, type Writing, write } from './once.js';
import { route } from './route.js';

interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

interface Reloaded {
  readonly status: 'reloaded' | 'unchanged';
  readonly trigger: string;
  readonly at: number;
  readonly file: string;
  readonly hash: string;
  readonly changed: readonly string[];
  readonly restart: readonly string[];
}

interface Rejected {
  readonly status: 'rejected';
  readonly trigger: string;
  readonly at: number;
  readonly file: string;
  readonly problems: readonly ConfigProblem[];
}

export interface Configuring {
  /** The running configuration, as plain data with secrets hidden. */
  readonly describeConfig: () => unknown;
  readonly configState: () => {
    readonly file: string;
    readonly hash: string;
    /** Milliseconds since the Unix epoch. */
    readonly since: number;
    readonly restart: readonly string[];
    readonly last: Reloaded | Rejected | null;
  };
  /** What a start with this text as its file would say, and what it would change. */
  readonly judgeConfig: (
    text: string,
  ) => Promise<
    | { readonly valid: true; readonly changed: readonly string[]; readonly restart: readonly string[] }
    | { readonly valid: false; readonly problems: readonly ConfigProblem[] }
  >;
  /** Reads the file again; what it answers takes it in, or changes nothing where it is rejected. */
  readonly readConfig: () => Promise<() => Reloaded | Rejected>;
}

const judgement = z
  .object({
    valid: z.boolean().describe('Whether a gateway would start with it.'),
    problems: z
      .array(z.object({ line: z.number(), column: z.number(), path: z.string(), message: z.string() }))
      .describe('All that is wrong, as a start would tell it.'),
    changed: z.array(z.string()).describe('The names of the settings that it would change; never a value.'),
    restart: z.array(z.string()).describe('The names of those among them that would wait for a restart.'),
  })
  .meta({ id: 'ConfigJudgement' });

const draft = z
  .strictObject({ config: z.string().max(900_000).describe('The text of the file, in YAML.') })
  .meta({ id: 'ConfigDraft' });

const reloadAnswer = z
  .object({
    status: z.enum(['reloaded', 'unchanged']),
    hash: z.string(),
    changed: z.array(z.string()).describe('What changed, by name.'),
    restart: z.array(z.string()).describe('What is written otherwise than it runs, until a restart.'),
  })
  .meta({ id: 'Reload' });

const stateAnswer = z
  .object({
    file: z.string(),
    hash: z.string(),
    since: z.string(),
    restart: z.array(z.string()),
    left_out: z
      .array(
        z.object({
          kind: z.enum(['provider', 'model']),
          id: z.string().describe('Its name.'),
          problem: z.string().describe('Why, in words.'),
        }),
      )
      .describe('What the API made and is not in force.'),
    last_reload: z
      .object({
        status: z.enum(['reloaded', 'unchanged', 'rejected']),
        trigger: z.string(),
        at: z.string(),
        problems: z
          .array(
            z.object({ file: z.string(), line: z.number(), column: z.number(), path: z.string(), message: z.string() }),
          )
          .optional(),
      })
      .nullable(),
  })
  .meta({ id: 'ConfigState' });

const leftOut = (added: Pick<Adding['added'], 'leftOut'>) =>
  (['provider', 'model'] as const).flatMap((kind) =>
    added.leftOut(kind).map(({ name, problem }) => ({ kind, id: name, problem })),
  );

export function configRoutes(app: AdminApp, deps: Configuring & Writing & Pick<Adding, 'added'>): void {
  route(app, 'getConfig', { schema: { response: { 200: z.unknown() } }, handler: () => deps.describeConfig() });

  route(app, 'getConfigStatus', {
    schema: { response: { 200: stateAnswer } },
    handler: () => {
      const { file, hash, since, restart, last } = deps.configState();
      return {
        ...{ file, hash, since: iso(since), restart: [...restart], left_out: leftOut(deps.added) },
        last_reload: last && {
          ...{ status: last.status, trigger: last.trigger, at: iso(last.at) },
          ...(last.status === 'rejected' && { problems: [...last.problems] }),
        },
      };
    },
  });

  route(app, 'validateConfig', {
    schema: { body: draft, response: { 200: judgement } },
    handler: async ({ body }) => {
      const judged = await deps.judgeConfig(body.config);
      if (judged.valid)
        return { valid: true, problems: [], changed: [...judged.changed], restart: [...judged.restart] };
      const problems = judged.problems.map(({ line, column, path, message }) => ({ line, column, path, message }));
      return { valid: false, problems, changed: [], restart: [] };
    },
  });

  route(app, 'reloadConfig', {
    schema: { response: { 200: reloadAnswer } },
    handler: async (request, reply) => {
      const take = await deps.readConfig();
      return write(deps, request, reply, async ({ tx }): Promise<Result<Answer>> => {
        const reload = take();
        if (reload.status === 'rejected') return refused(rejection(reload));
        const { status, at, hash, changed, restart } = reload;
        const detail = { status, hash, changed, restart };
        await tx.audit({ at, actor: request.adminActor, action: 'config.reload', subject: 'config', detail });
        return ok({ status: 200, body: detail });
      });
    },
  });
}

const MOST_TOLD = 20;

function rejection({ problems: found }: Rejected): DetailedRefusal {
  const first = found[0]!;
  const more = found.length > 1 ? ` (and ${found.length - 1} more)` : '';
  const words = `${first.file}:${first.line}:${first.column}: ${first.path && `${first.path}: `}${first.message}${more}`;
  return {
    ...refuse('config_rejected', `The configuration was not taken in, and nothing was changed: ${words}`),
    errors: found.slice(0, MOST_TOLD).map(({ path, message, file, line, column }) => ({
      ...{ field: path, message, file, line, column },
    })),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
