/** `tollgate content show|export|delete`: what a running gateway captured of requests. */
import type { Command } from 'commander';
import {
  ask,
  asksGateway,
  type Common,
  call,
  ownWorld,
  type StreamingWorld,
  show,
  tellsUser,
  UserError,
} from './gateway-client.js';
import { printed, saved } from './saved.js';
import { dayOrInstant } from './written-time.js';

interface Named extends Common {
  readonly key?: string;
  readonly team?: string;
  readonly user?: string;
  readonly request?: string;
}

interface ExportOptions extends Named {
  readonly model?: string;
  readonly from?: string;
  readonly to?: string;
  readonly output?: string;
}

interface DeleteOptions extends Named {
  readonly entry?: string;
  readonly all?: boolean;
}

/** Megabytes each, and as many as there are. */
const LONG_MS = 60 * 60_000;
/** Prompts and answers are nobody else's. */
const OWN_MODE = 0o600;

export function registerContent(program: Command, world: StreamingWorld = ownWorld): void {
  const told = tellsUser(world);
  const content = program.command('content').description('prompts and answers that were captured');
  const named = (verb: Command): Command =>
    asksGateway(verb)
      .option('--key <id>', 'of this key')
      .option('--team <name>', 'of this team')
      .option('--user <name>', 'of this end user')
      .option('--request <id>', 'of this request');

  asksGateway(content.command('show <entry>').description('what a request was asked and told, by its entry')).action(
    told(async (entry: string, options: Common) => {
      const found = await call<object>(world, options, 'GET', at(entry));
      show(world, options, found, () => [JSON.stringify(found, null, 2)]);
    }),
  );

  named(content.command('export').description('all of it as lines of JSON, the oldest first'))
    .option('--model <name>', 'of this model')
    .option('--from <when>', 'a date (UTC) or a time with a zone')
    .option('--to <when>', 'before which; now unless told')
    .option('-o, --output <file>', 'where to write it; the standard output unless told')
    .action(told((options: ExportOptions) => exported(world, options)));

  named(content.command('delete').description('delete what fits all that is named'))
    .option('--entry <id>', 'of the request that has this entry')
    .option('--all', 'all of it')
    .action(
      told(async (options: DeleteOptions) => {
        const { deleted } = await call<{ deleted: number }>(world, options, 'DELETE', deletionOf(options));
        show(world, options, { deleted }, () => [`${deleted} requests deleted`]);
      }),
    );
}

const at = (entry: string): string => `/usage/entries/${encodeURIComponent(entry)}/content`;

async function exported(world: StreamingWorld, options: ExportOptions): Promise<void> {
  const { model, from, to, output } = options;
  const query = queryOf({ ...filterOf(options), model, from: dayOrInstant(from), to: dayOrInstant(to) });
  const { answer } = await ask(world, options, 'GET', `/content?${query}`, { timeoutMs: LONG_MS });
  if (output !== undefined) return saved(answer, output, OWN_MODE);
  await printed(answer, world.output);
}

function deletionOf({ entry, all, ...options }: DeleteOptions): string {
  const filter = filterOf(options);
  const others = Object.values(filter).some((value) => value !== undefined);
  if (entry !== undefined) {
    if (others || all) throw new UserError('--entry names one request: nothing else can be named beside it.');
    return at(entry);
  }
  if (others === (all === true))
    throw new UserError('What is to be deleted? Some of --key, --team, --user, --request; or --entry; or --all.');
  return `/content?${queryOf({ ...filter, all: all ? 'true' : undefined })}`;
}

const filterOf = ({ key, team, user, request }: Named) => ({ key, team, user, request_id: request });

function queryOf(fields: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, value);
  return String(query);
}
