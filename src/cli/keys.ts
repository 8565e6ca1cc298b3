/**
 * `tollgate keys create|list|show|update|block|unblock|rotate|revoke`: the admin API of a running gateway from the command line. The admin key is
 * `TOLLGATE_ADMIN_KEY` (the environment, else `.env`), else the file that the gateway wrote on its first start. That file is
 * sent to this machine only, unless it is named: an admin key must not go to whatever host a URL says. Exit codes: 0 done, 1
 * not done, with the reason on standard error.
 */
import type { Command } from 'commander';
import { clearWords, patchOf, repeatable } from './fields.js';
import { aligned, asksGateway, type CliWorld, type Common, call, ownWorld, show, tellsUser } from './gateway-client.js';
import { everyPage } from './pages.js';
import { limitOf, limitWords } from './written-limit.js';
import { instantOf } from './written-time.js';

interface FieldOptions extends Common {
  readonly team?: string;
  readonly model?: string[];
  readonly endpoint?: string[];
  readonly limit?: string[];
  readonly tag?: string[];
  readonly allowIp?: string[];
  readonly expires?: string;
}

interface CreateOptions extends FieldOptions {
  readonly name: string;
}

interface UpdateOptions extends FieldOptions {
  readonly name?: string;
  readonly clear?: string[];
}

/** What `--clear` takes: the fields of a change that may be null. */
export const clearedOfKeys: readonly string[] = [
  ...[
    'team',
    'models',
    'endpoints',
    'limits',
    'user_limits',
    'tags',
    'allowed_ips',
    'expires_at',
    'metadata',
    'aliases',
  ],
  ...['cache', 'guards', 'priority', 'capture'],
];

interface KeyAnswer {
  readonly id: string;
  readonly key?: string;
  readonly name: string;
  readonly prefix: string;
  readonly team: string | null;
  readonly expires_at: string | null;
  readonly blocked_at: string | null;
  readonly revoked_at: string | null;
  readonly models: readonly string[] | null;
  readonly limits: readonly Record<string, unknown>[];
}

/** Adds the verb `keys`; `world` is the process's own unless handed in. */
export function registerKeys(program: Command, world: CliWorld = ownWorld): void {
  const keys = program.command('keys').description('create, list, show, change, block, rotate and revoke virtual keys');
  const verb = (name: string, description: string) => asksGateway(keys.command(name).description(description));
  const told = tellsUser(world);
  const fields = (command: Command): Command =>
    command
      .option('--team <team>', 'whose it is; created where there is none of that name')
      .option('--model <pattern>', 'a model it may use, such as gpt-4o*; all unless told; may be repeated', repeatable)
      .option('--endpoint <name>', 'an endpoint it may use, such as chat; all unless told; may be repeated', repeatable)
      .option('--limit <limit>', 'such as "60 requests/minute", "50 usd/month", or JSON; may be repeated', repeatable)
      .option('--tag <tag>', 'may be repeated', repeatable)
      .option('--allow-ip <block>', 'an address or CIDR block it may come from; may be repeated', repeatable)
      .option('--expires <when>', 'a time such as 2027-01-01T00:00:00Z, or from now: 12h, 30d');
  fields(
    verb('create', 'create a key and show it, this once').requiredOption('--name <name>', 'what it is for'),
  ).action(
    told(async (options: CreateOptions) => {
      const made = await call<KeyAnswer>(world, options, 'POST', '/keys', creation(options, world.nowMs()));
      show(world, options, made, () => [...describe(made, world.nowMs()), ...secretLines(made)]);
    }),
  );

  verb('list', 'list keys, newest first')
    .option('--team <team>', 'only of this team')
    .option('--name <beginning>', 'only those whose name begins so')
    .option('--revoked', 'revoked ones too')
    .action(
      told(async (options: Common & { team?: string; name?: string; revoked?: boolean }) => {
        const filter = {
          team: options.team,
          name: options.name,
          include_revoked: options.revoked ? 'true' : undefined,
        };
        const all = await everyPage<KeyAnswer>(world, options, '/keys', filter);
        show(world, options, { data: all, next_cursor: null }, () =>
          all.length === 0 ? ['There are no keys.'] : table(all, world.nowMs()),
        );
      }),
    );

  const pathOf = (id: string) => `/keys/${encodeURIComponent(id)}`;
  const one = (options: Common, key: KeyAnswer) =>
    show(world, options, key, () => [...describe(key, world.nowMs()), ...permits(key)]);
  verb('show', 'show a key')
    .argument('<id>', 'the id, such as key_01h...')
    .action(
      told(async (id: string, options: Common) => {
        one(options, await call<KeyAnswer>(world, options, 'GET', pathOf(id)));
      }),
    );

  fields(verb('update', 'change a key: lists that are given take the place of those it has'))
    .argument('<id>', 'the id, such as key_01h...')
    .option('--name <name>', 'what it is for')
    .option('--clear <field>', clearWords(clearedOfKeys), repeatable)
    .action(
      told(async (id: string, options: UpdateOptions) => {
        const { name, clear = [] } = options;
        const given = { ...(name !== undefined && { name }), ...written(options, world.nowMs()) };
        const body = patchOf(clear, clearedOfKeys, given);
        one(options, await call<KeyAnswer>(world, options, 'PATCH', pathOf(id), body));
      }),
    );

  for (const [name, description] of [
    ['block', 'refuse its requests until it is unblocked'],
    ['unblock', 'serve its requests again'],
  ] as const) {
    verb(name, description)
      .argument('<id>', 'the id, such as key_01h...')
      .action(
        told(async (id: string, options: Common) => {
          one(options, await call<KeyAnswer>(world, options, 'POST', `${pathOf(id)}/${name}`));
        }),
      );
  }

  verb('revoke', 'revoke a key, for good')
    .argument('<id>', 'the id, such as key_01h...')
    .action(
      told(async (id: string, options: Common) => {
        const revoked = await call<KeyAnswer>(world, options, 'DELETE', pathOf(id));
        show(world, options, revoked, () => [`Revoked ${revoked.id} (${revoked.name}, ${revoked.prefix}...).`]);
      }),
    );

  verb('rotate', 'give a key a new secret and show it, this once')
    .argument('<id>', 'the id, such as key_01h...')
    .option('--overlap <duration>', 'how long the old secret works on, such as 24h; not at all unless told')
    .action(
      told(async (id: string, options: Common & { overlap?: string }) => {
        const body = options.overlap === undefined ? {} : { overlap: options.overlap };
        const rotated = await call<KeyAnswer>(world, options, 'POST', `${pathOf(id)}/rotate`, body);
        const old = options.overlap
          ? `The old secret works for ${options.overlap}.`
          : 'The old secret works no longer.';
        show(world, options, rotated, () => [...describe(rotated, world.nowMs()), ...secretLines(rotated), old]);
      }),
    );
}

const creation = (options: CreateOptions, nowMs: number) => ({ name: options.name, ...written(options, nowMs) });

/** Only what was said. */
function written(options: FieldOptions, nowMs: number): Record<string, unknown> {
  const { team, model, endpoint, limit, tag, allowIp, expires } = options;
  return {
    ...(team !== undefined && { team }),
    ...(model && { models: model }),
    ...(endpoint && { endpoints: endpoint }),
    ...(limit && { limits: limit.map((one) => limitOf(one, '--limit')) }),
    ...(tag && { tags: tag }),
    ...(allowIp && { allowed_ips: allowIp }),
    ...(expires !== undefined && { expires_at: instantOf(expires, nowMs) }),
  };
}

function stateOf(key: KeyAnswer, nowMs: number): string {
  if (key.revoked_at !== null) return 'revoked';
  if (key.expires_at !== null && Date.parse(key.expires_at) <= nowMs) return 'expired';
  return key.blocked_at === null ? 'active' : 'blocked';
}

function table(keys: readonly KeyAnswer[], nowMs: number): string[] {
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.team ?? '-',
    `${key.prefix}...`,
    stateOf(key, nowMs),
    key.expires_at ?? 'never',
  ]);
  return aligned([['ID', 'NAME', 'TEAM', 'KEY', 'STATE', 'EXPIRES'], ...rows]);
}

const describe = (key: KeyAnswer, nowMs: number): string[] => [
  `${key.id}  ${key.name}`,
  `team ${key.team ?? '-'}, ${stateOf(key, nowMs)}, expires ${key.expires_at ?? 'never'}`,
];

const permits = (key: KeyAnswer): string[] => [
  `models ${key.models?.join(', ') ?? 'all'}`,
  ...(key.limits.length === 0 ? ['no limits'] : key.limits.map(limitWords)),
];

const secretLines = (key: KeyAnswer): string[] => ['', `  ${key.key}`, '', 'Keep it now: it is not shown again.'];
