/** `tollgate tokens`: tokens for scripts, from the command line. Exit codes: 0 done, 1 not done, with the reason on standard error. */
import type { Command } from 'commander';
import { repeatable } from './fields.js';
import { aligned, asksGateway, type CliWorld, type Common, call, ownWorld, show, tellsUser } from './gateway-client.js';
import { everyPage } from './pages.js';
import { userId } from './users.js';
import { instantOf } from './written-time.js';

interface TokenAnswer {
  readonly id: string;
  readonly token?: string;
  readonly prefix: string;
  readonly name: string;
  readonly user: string | null;
  readonly role: string;
  readonly teams: readonly string[] | null;
  readonly expires_at: string;
  readonly revoked_at: string | null;
}

interface CreateOptions extends Common {
  readonly name: string;
  readonly role?: string;
  readonly team?: string[];
  readonly user?: string;
  readonly expires?: string;
}

/** Adds the verb `tokens`; `world` is the process's own unless handed in. */
export function registerTokens(program: Command, world: CliWorld = ownWorld): void {
  const tokens = program.command('tokens').description('create, list and revoke tokens for scripts');
  const told = tellsUser(world);
  const verb = (name: string, description: string) => asksGateway(tokens.command(name).description(description));

  verb('create', 'create a token and show it, this once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--role <role>', 'admin, viewer, team_admin or member; that of its user unless told')
    .option('--team <team>', 'that it has to do with; those of its user unless told; may be repeated', repeatable)
    .option('--user <user>', 'whose it is, by id or address; of the admin key, and of no user, unless told')
    .option('--expires <when>', 'a time such as 2027-01-01T00:00:00Z, or from now: 12h, 30d; 90 days unless told')
    .action(
      told(async (options: CreateOptions) => {
        const { name, role, team, user, expires } = options;
        const made = await call<TokenAnswer>(world, options, 'POST', '/tokens', {
          name,
          ...(role !== undefined && { role }),
          ...(team && { teams: team }),
          ...(user !== undefined && { user: await userId(world, options, user) }),
          ...(expires !== undefined && { expires_at: instantOf(expires, world.nowMs()) }),
        });
        show(world, options, made, () => [
          ...describe(made, world.nowMs()),
          ...['', `  ${made.token}`, '', 'Keep it now: it is not shown again.'],
        ]);
      }),
    );
  verb('list', 'list tokens, newest first')
    .option('--user <user>', 'only of this user, by id or address')
    .option('--revoked', 'revoked ones too')
    .action(
      told(async (options: Common & { user?: string; revoked?: boolean }) => {
        const filter = {
          user: options.user === undefined ? undefined : await userId(world, options, options.user),
          include_revoked: options.revoked ? 'true' : undefined,
        };
        const all = await everyPage<TokenAnswer>(world, options, '/tokens', filter);
        show(world, options, { data: all, next_cursor: null }, () =>
          all.length === 0 ? ['There are no tokens.'] : table(all, world.nowMs()),
        );
      }),
    );
  verb('revoke', 'revoke a token, for good, with all that were made with it')
    .argument('<id>', 'the id, such as tok_01h...')
    .action(
      told(async (id: string, options: Common) => {
        const revoked = await call<TokenAnswer>(world, options, 'DELETE', `/tokens/${encodeURIComponent(id)}`);
        show(world, options, revoked, () => [`Revoked ${revoked.id} (${revoked.name}, ${revoked.prefix}...).`]);
      }),
    );
}

function stateOf({ revoked_at, expires_at }: TokenAnswer, nowMs: number): string {
  if (revoked_at !== null) return 'revoked';
  return Date.parse(expires_at) <= nowMs ? 'expired' : 'active';
}

const describe = (token: TokenAnswer, nowMs: number): string[] => [
  `${token.id}  ${token.name}`,
  `${token.role}${token.teams ? ` of ${token.teams.join(', ')}` : ''}, ${stateOf(token, nowMs)}, ends ${token.expires_at}`,
];

const table = (tokens: readonly TokenAnswer[], nowMs: number): string[] =>
  aligned([
    ['ID', 'NAME', 'TOKEN', 'USER', 'ROLE', 'STATE', 'ENDS'],
    ...tokens.map((token) => [
      ...[token.id, token.name, `${token.prefix}...`, token.user ?? '-', token.role],
      ...[stateOf(token, nowMs), token.expires_at],
    ]),
  ]);
