/**
 * `tollgate keys create|list|revoke|rotate`: the admin API of a running gateway from the command line. The admin key is
 * `TOLLGATE_ADMIN_KEY` (the environment, else `.env`), else the file that the gateway wrote on its first start. That file is
 * sent to this machine only, unless it is named: an admin key must not go to whatever host a URL says. Exit codes: 0 done, 1
 * not done, with the reason on standard error.
 */
import type { Command } from 'commander';
import {
  aligned,
  asksGateway,
  type CliWorld,
  type Common,
  call,
  ownWorld,
  tellsUser,
  UserError,
} from './gateway-client.js';

interface CreateOptions extends Common {
  readonly name: string;
  readonly team?: string;
  readonly model?: string[];
  readonly endpoint?: string[];
  readonly limit?: string[];
  readonly tag?: string[];
  readonly allowIp?: string[];
  readonly expires?: string;
}

interface KeyAnswer {
  readonly id: string;
  readonly key?: string;
  readonly name: string;
  readonly prefix: string;
  readonly team: string | null;
  readonly expires_at: string | null;
  readonly blocked_at: string | null;
  readonly revoked_at: string | null;
}

/** Adds the verb `keys`; `world` is the process's own unless handed in. */
export function registerKeys(program: Command, world: CliWorld = ownWorld): void {
  const keys = program.command('keys').description('create, list, revoke and rotate virtual keys');
  const verb = (name: string, description: string) => asksGateway(keys.command(name).description(description));
  const repeatable = (value: string, before: string[] = []) => [...before, value];
  const told = tellsUser(world);
  verb('create', 'create a key and show it, this once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--team <team>', 'whose it is; created where there is none of that name')
    .option('--model <pattern>', 'a model it may use, such as gpt-4o*; all unless told; may be repeated', repeatable)
    .option('--endpoint <name>', 'an endpoint it may use, such as chat; all unless told; may be repeated', repeatable)
    .option('--limit <limit>', 'such as "60 requests/minute", "50 usd/month", or JSON; may be repeated', repeatable)
    .option('--tag <tag>', 'may be repeated', repeatable)
    .option('--allow-ip <block>', 'an address or CIDR block it may come from; may be repeated', repeatable)
    .option('--expires <when>', 'a time such as 2027-01-01T00:00:00Z, or from now: 12h, 30d')
    .action(
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
        const all = await listKeys(world, options);
        show(world, options, { data: all, next_cursor: null }, () =>
          all.length === 0 ? ['There are no keys.'] : table(all, world.nowMs()),
        );
      }),
    );

  verb('revoke', 'revoke a key, for good')
    .argument('<id>', 'the id, such as key_01h...')
    .action(
      told(async (id: string, options: Common) => {
        const revoked = await call<KeyAnswer>(world, options, 'DELETE', `/keys/${encodeURIComponent(id)}`);
        show(world, options, revoked, () => [`Revoked ${revoked.id} (${revoked.name}, ${revoked.prefix}...).`]);
      }),
    );

  verb('rotate', 'give a key a new secret and show it, this once')
    .argument('<id>', 'the id, such as key_01h...')
    .option('--overlap <duration>', 'how long the old secret works on, such as 24h; not at all unless told')
    .action(
      told(async (id: string, options: Common & { overlap?: string }) => {
        const body = options.overlap === undefined ? {} : { overlap: options.overlap };
        const rotated = await call<KeyAnswer>(world, options, 'POST', `/keys/${encodeURIComponent(id)}/rotate`, body);
        const old = options.overlap
          ? `The old secret works for ${options.overlap}.`
          : 'The old secret works no longer.';
        show(world, options, rotated, () => [...describe(rotated, world.nowMs()), ...secretLines(rotated), old]);
      }),
    );
}

const show = (world: CliWorld, { json }: Common, answer: unknown, lines: () => string[]): void =>
  world.print(json ? JSON.stringify(answer, null, 2) : lines().join('\n'));

async function listKeys(world: CliWorld, options: Common & { team?: string; name?: string; revoked?: boolean }) {
  const all: KeyAnswer[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: '200' });
    if (options.team !== undefined) query.set('team', options.team);
    if (options.name !== undefined) query.set('name', options.name);
    if (options.revoked) query.set('include_revoked', 'true');
    if (cursor !== null) query.set('cursor', cursor);
    const page: { data: KeyAnswer[]; next_cursor: string | null } = await call(world, options, 'GET', `/keys?${query}`);
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return all;
}

const creation = (options: CreateOptions, nowMs: number) => ({
  name: options.name,
  team: options.team,
  models: options.model,
  endpoints: options.endpoint,
  limits: options.limit?.map(limitOf),
  tags: options.tag,
  allowed_ips: options.allowIp,
  expires_at: options.expires === undefined ? undefined : instantOf(options.expires, nowMs),
});

/** `60 requests/minute`, `50 usd/month`, `5 concurrent`, or the JSON of the admin API. What it means is checked there. */
function limitOf(written: string): unknown {
  if (written.trimStart().startsWith('{')) {
    try {
      return JSON.parse(written);
    } catch {
      throw new UserError(`--limit ${written}: not valid JSON.`);
    }
  }
  const match = /^\s*([\d_.]+)\s+([a-z_]+)\s*(?:\/\s*([a-z]+))?\s*$/.exec(written);
  if (!match)
    throw new UserError(`--limit "${written}": expected such as "60 requests/minute" or "50 usd/month", or JSON.`);
  const [, max, unit, per] = match;
  return { unit, max, per };
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function instantOf(written: string, nowMs: number): string {
  const from = /^(\d{1,6})([mhd])$/.exec(written);
  const ms = from ? nowMs + Number(from[1]) * unitsMs[from[2]!]! : Date.parse(written);
  if (!from && !/^\d{4}-\d{2}-\d{2}(T.*(Z|[+-]\d{2}:\d{2}))?$/.test(written)) {
    throw new UserError(
      `--expires ${written}: expected a time with a zone, such as 2027-01-01T00:00:00Z, a date, or 12h, 30d.`,
    );
  }
  if (!Number.isFinite(ms)) throw new UserError(`--expires ${written}: there is no such time.`);
  return new Date(ms).toISOString();
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

const secretLines = (key: KeyAnswer): string[] => ['', `  ${key.key}`, '', 'Keep it now: it is not shown again.'];
