/**
 * `tollgate users`: people who sign in to a running gateway, from the command line. Passwords come from a file or from standard
 * input, since others can read what is typed. Exit codes: 0 done, 1 not done, with the reason on standard error.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { patchOf, repeatable } from './fields.js';
import {
  aligned,
  asksGateway,
  type CliWorld,
  type Common,
  call,
  ownWorld,
  show,
  tellsUser,
  UserError,
} from './gateway-client.js';
import { everyPage } from './pages.js';

interface UserAnswer {
  readonly id: string;
  readonly email: string | null;
  readonly name: string;
  readonly role: string;
  readonly teams: readonly string[];
  readonly has_password: boolean;
  readonly issuer: string | null;
  readonly blocked: boolean;
}

interface UserOptions extends Common {
  readonly name?: string;
  readonly role?: string;
  readonly team?: string[];
  readonly passwordFile?: string;
  readonly force?: boolean;
}

/** Adds the verb `users`; `world` is the process's own unless handed in. */
export function registerUsers(program: Command, world: CliWorld = ownWorld): void {
  const users = program.command('users').description('create, list, show, change, block and delete users');
  const told = tellsUser(world);
  const verb = (name: string, description: string) => asksGateway(users.command(name).description(description));
  const fields = (command: Command) =>
    command
      .option('--name <name>', 'what the user is called')
      .option('--role <role>', 'admin, viewer, team_admin or member')
      .option('--team <team>', 'of roles that have to do with named teams; may be repeated', repeatable);
  const one = (options: Common, user: UserAnswer) => show(world, options, user, () => describe(user));
  const force = ['--force', 'also where it is the last user who is an admin'] as const;
  const passwordIn = '--password-file <file>';
  const passwordWords = 'a file with the password on its first line; - for standard input';

  fields(verb('create', 'create a user').argument('<email>', 'the address that the user signs in with'))
    .option(passwordIn, passwordWords)
    .action(
      told(async (email: string, options: UserOptions) => {
        if (options.role === undefined) throw new UserError('--role is missing: admin, viewer, team_admin or member.');
        const password =
          options.passwordFile === undefined ? {} : { password: passwordOf(world, options.passwordFile) };
        one(
          options,
          await call<UserAnswer>(world, options, 'POST', '/users', { email, ...written(options), ...password }),
        );
      }),
    );
  verb('list', 'list users, newest first')
    .option('--role <role>', 'only of this role')
    .option('--team <team>', 'only of this team')
    .option('--search <text>', 'a part of the name or the address')
    .action(
      told(async (options: Common & { role?: string; team?: string; search?: string }) => {
        const filter = { role: options.role, team: options.team, q: options.search };
        const all = await everyPage<UserAnswer>(world, options, '/users', filter);
        show(world, options, { data: all, next_cursor: null }, () =>
          all.length === 0 ? ['There are no users.'] : table(all),
        );
      }),
    );
  verb('show', 'show a user')
    .argument('<user>', 'the id or the address')
    .action(
      told(async (user: string, options: Common) => {
        one(options, await call<UserAnswer>(world, options, 'GET', await pathOf(world, options, user)));
      }),
    );
  fields(verb('update', 'change a user; another role, or other teams, sign the user out'))
    .argument('<user>', 'the id or the address')
    .option('--email <email>', 'another address')
    .option(...force)
    .action(
      told(async (user: string, options: UserOptions & { email?: string }) => {
        const { email } = options;
        const body = patchOf([], [], { ...(email !== undefined && { email }), ...written(options) });
        const path = `${await pathOf(world, options, user)}${forced(options)}`;
        one(options, await call<UserAnswer>(world, options, 'PATCH', path, body));
      }),
    );
  verb('password', 'give a user a password, or none; all sessions of the user end')
    .argument('<user>', 'the id or the address')
    .option(passwordIn, passwordWords)
    .option('--none', 'no password: the user signs in by OIDC alone')
    .action(
      told(async (user: string, options: UserOptions & { none?: boolean }) => {
        if ((options.passwordFile === undefined) === (options.none !== true))
          throw new UserError('Name either --password-file or --none.');
        const password = options.none ? null : passwordOf(world, options.passwordFile!);
        const path = `${await pathOf(world, options, user)}/password`;
        one(options, await call<UserAnswer>(world, options, 'POST', path, { password }));
      }),
    );
  const changes = [
    ['block', 'refuse the user, and all tokens of the user', 'POST', '/block', true],
    ['unblock', 'take the user again', 'POST', '/unblock', false],
    ['sign-out', 'end all sessions of the user', 'POST', '/sign-out', false],
    ['delete', 'delete the user with all tokens and sessions', 'DELETE', '', true],
  ] as const;
  for (const [name, description, method, ending, takesAdmin] of changes) {
    const command = verb(name, description).argument('<user>', 'the id or the address');
    if (takesAdmin) command.option(...force);
    command.action(
      told(async (user: string, options: UserOptions) => {
        const path = `${await pathOf(world, options, user)}${ending}${forced(options)}`;
        const answer = await call<UserAnswer>(world, options, method, path);
        show(world, options, answer, () => (name === 'delete' ? [`Deleted ${nameOf(answer)}.`] : describe(answer)));
      }),
    );
  }
}

/** An address is looked up. */
async function pathOf(world: CliWorld, options: Common, user: string): Promise<string> {
  return `/users/${encodeURIComponent(await userId(world, options, user))}`;
}

export async function userId(world: CliWorld, options: Common, user: string): Promise<string> {
  if (!user.includes('@')) return user;
  const found = await everyPage<UserAnswer>(world, options, '/users', { q: user });
  const match = found.find(({ email }) => email === user.toLowerCase());
  if (!match) throw new UserError(`There is no user with the address ${user}.`);
  return match.id;
}

function passwordOf(world: CliWorld, file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : resolve(world.cwd, file), 'utf8').split(/\r?\n/, 1)[0]!;
  } catch (error) {
    throw new UserError(`--password-file ${file}: it cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

const forced = ({ force }: UserOptions): string => (force ? '?force=true' : '');

/** Only what was said. */
const written = ({ name, role, team }: UserOptions): Record<string, unknown> => ({
  ...(name !== undefined && { name }),
  ...(role !== undefined && { role }),
  ...(team && { teams: team }),
});

const nameOf = ({ email, name, id }: UserAnswer): string => email ?? (name || id);
const waysOf = ({ has_password, issuer }: UserAnswer): string =>
  [has_password && 'password', issuer].filter(Boolean).join(', ') || 'none';

const describe = (user: UserAnswer): string[] => [
  `${user.id}  ${nameOf(user)}`,
  `${user.role}${user.teams.length > 0 ? ` of ${user.teams.join(', ')}` : ''}, ${user.blocked ? 'blocked' : 'active'}, signs in by ${waysOf(user)}`,
];

const table = (users: readonly UserAnswer[]): string[] =>
  aligned([
    ['ID', 'ADDRESS', 'ROLE', 'TEAMS', 'STATE', 'SIGNS IN BY'],
    ...users.map((user) => [
      ...[user.id, user.email ?? '-', user.role, user.teams.join(', ') || '-'],
      ...[user.blocked ? 'blocked' : 'active', waysOf(user)],
    ]),
  ]);
