/** `tollgate teams`: teams of a running gateway from the command line. Exit codes: 0 done, 1 not done, with the reason on standard error. */
import type { Command } from 'commander';
import { clearWords, patchOf, repeatable } from './fields.js';
import { aligned, asksGateway, type CliWorld, type Common, call, ownWorld, show, tellsUser } from './gateway-client.js';
import { everyPage } from './pages.js';
import { limitOf, limitWords } from './written-limit.js';

interface TeamAnswer {
  readonly name: string;
  readonly limits: readonly Record<string, unknown>[];
  readonly blocked_at: string | null;
}

interface TeamOptions extends Common {
  readonly limit?: string[];
  readonly userLimit?: string[];
  readonly markup?: string;
  readonly clear?: string[];
}

/** What `--clear` takes: the fields of a change that may be null. */
export const clearedOfTeams: readonly string[] = [
  'limits',
  'user_limits',
  'markup',
  'metadata',
  'aliases',
  'guards',
  'capture',
];

/** Adds the verb `teams`; `world` is the process's own unless handed in. */
export function registerTeams(program: Command, world: CliWorld = ownWorld): void {
  const teams = program.command('teams').description('create, list, show, change, block and delete teams');
  const told = tellsUser(world);
  const verb = (name: string, description: string) => asksGateway(teams.command(name).description(description));
  const fields = (command: Command) =>
    command
      .option('--limit <limit>', 'such as "50 usd/month", or JSON; may be repeated', repeatable)
      .option('--user-limit <limit>', 'of each of its end users; may be repeated', repeatable)
      .option('--markup <factor>', 'what it is billed for a cost, such as 1.2');
  const one = (options: Common, team: TeamAnswer) => show(world, options, team, () => describe(team));

  fields(verb('create', 'create a team').argument('<name>', 'its name')).action(
    told(async (name: string, options: TeamOptions) => {
      one(options, await call<TeamAnswer>(world, options, 'POST', '/teams', { name, ...written(options) }));
    }),
  );
  verb('list', 'list teams').action(
    told(async (options: Common) => {
      const all = await everyPage<TeamAnswer>(world, options, '/teams');
      show(world, options, { data: all, next_cursor: null }, () =>
        all.length === 0 ? ['There are no teams.'] : table(all),
      );
    }),
  );
  verb('show', 'show a team')
    .argument('<name>', 'its name')
    .action(
      told(async (name: string, options: Common) => {
        one(options, await call<TeamAnswer>(world, options, 'GET', pathOf(name)));
      }),
    );
  fields(
    verb('update', 'change a team: limits that are given take the place of those it has').argument(
      '<name>',
      'its name',
    ),
  )
    .option('--clear <field>', clearWords(clearedOfTeams), repeatable)
    .action(
      told(async (name: string, options: TeamOptions) => {
        const body = patchOf(options.clear ?? [], clearedOfTeams, written(options));
        one(options, await call<TeamAnswer>(world, options, 'PATCH', pathOf(name), body));
      }),
    );
  const changes = [
    ['delete', 'delete a team that has no keys', 'DELETE', ''],
    ['block', 'refuse the requests of all its keys', 'POST', '/block'],
    ['unblock', 'serve them again', 'POST', '/unblock'],
  ] as const;
  for (const [name, description, method, ending] of changes) {
    verb(name, description)
      .argument('<name>', 'its name')
      .action(
        told(async (team: string, options: Common) => {
          const answer = await call<TeamAnswer>(world, options, method, `${pathOf(team)}${ending}`);
          show(world, options, answer, () => (name === 'delete' ? [`Deleted ${team}.`] : describe(answer)));
        }),
      );
  }
}

const pathOf = (name: string): string => `/teams/${encodeURIComponent(name)}`;

/** Only what was said. */
function written({ limit, userLimit, markup }: TeamOptions): Record<string, unknown> {
  return {
    ...(limit && { limits: limit.map((one) => limitOf(one, '--limit')) }),
    ...(userLimit && { user_limits: userLimit.map((one) => limitOf(one, '--user-limit')) }),
    ...(markup !== undefined && { markup }),
  };
}

const stateOf = ({ blocked_at }: TeamAnswer): string => (blocked_at === null ? 'active' : 'blocked');

const describe = (team: TeamAnswer): string[] => [
  `${team.name}  ${stateOf(team)}`,
  ...(team.limits.length === 0 ? ['no limits'] : team.limits.map(limitWords)),
];

const table = (teams: readonly TeamAnswer[]): string[] =>
  aligned([
    ['TEAM', 'STATE', 'LIMITS'],
    ...teams.map((team) => [team.name, stateOf(team), team.limits.map(limitWords).join(', ') || '-']),
  ]);
