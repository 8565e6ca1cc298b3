/** `tollgate limits`: what of the limits of a key, team, user, model or target is spent, held and left. */
import type { Command } from 'commander';
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
import { limitWords } from './written-limit.js';

interface Level {
  readonly scope: Readonly<Record<string, unknown>>;
  readonly unit: string;
  readonly per: string | null;
  readonly model: string | null;
  readonly max: string | number;
  readonly spent: string | number | null;
  readonly held: string | number | null;
  readonly remaining: string | number | null;
  readonly window_ends_at: string | null;
}

const scopes = ['key', 'team', 'user', 'model', 'target'] as const;
type LimitsOptions = Common & Partial<Record<(typeof scopes)[number], string>>;

/** Adds the verb `limits`; `world` is the process's own unless handed in. */
export function registerLimits(program: Command, world: CliWorld = ownWorld): void {
  asksGateway(program.command('limits').description('what of limits is spent, held and left'))
    .option('--key <id>', 'of a key, such as key_01h...')
    .option('--team <name>', 'of a team')
    .option('--user <id>', 'of an end user, with --key or --team')
    .option('--model <name>', 'of a model')
    .option('--target <name>', 'of a target, such as openai/gpt-4o')
    .action(
      tellsUser(world)(async (options: LimitsOptions) => {
        const query = new URLSearchParams();
        for (const scope of scopes) if (options[scope] !== undefined) query.set(scope, options[scope]);
        if (query.size === 0) throw new UserError('Name whose limits: --key, --team, --user, --model or --target.');
        const answer = await call<{ data: Level[] }>(world, options, 'GET', `/limits?${query}`);
        show(world, options, answer, () => (answer.data.length === 0 ? ['There are no limits.'] : table(answer.data)));
      }),
    );
}

const shown = (value: string | number | null): string => (value === null ? '?' : String(value));

const table = (levels: readonly Level[]): string[] =>
  aligned([
    ['OF', 'LIMIT', 'SPENT', 'HELD', 'LEFT', 'WINDOW ENDS'],
    ...levels.map(({ scope, spent, held, remaining, window_ends_at, ...limit }) => [
      Object.entries(scope)
        .map(([kind, id]) => `${kind} ${typeof id === 'object' ? JSON.stringify(id) : id}`)
        .join(', '),
      limitWords(limit),
      ...[shown(spent), shown(held), shown(remaining)],
      window_ends_at ?? '-',
    ]),
  ]);
