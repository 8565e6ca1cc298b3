/**
 * A database as that of a large company: teams, keys with limits, entries of the last thirty days with their sums, lines of the audit
 * log, refused requests and deliveries. Made by the database itself, so that a million entries take a minute or two; all of it is
 * the same for the same numbers but for when it was.
 */
import type { Pool } from 'pg';
import { performanceDims, performanceOf, performanceSums, performanceTable } from '../../src/lib/performance-sums.js';
import { cubes, grains, rollupOf, rollupTable, sumNames, writtenCubes } from '../../src/lib/spend-sums.js';

export interface CompanySize {
  readonly keys: number;
  readonly entries: number;
  readonly teams?: number;
}

const KEY_ID = (n: string): string => `'key_' || lpad((${n})::text, 26, '0')`;

const limit = (unit: string, max: number, per: string): string =>
  JSON.stringify({ unit, max, per, model: null, warn_at: [], timezone: 'UTC', on_exhausted: 'clamp' });

const DAYS = 30;
const REFUSAL_ROWS = 200_000;

export async function fillCompany(pool: Pool, { keys, entries, teams = 500 }: CompanySize): Promise<void> {
  const client = await pool.connect();
  const run = (text: string, values: readonly unknown[] = []) =>
    client.query({ text, values: [...values], query_timeout: 2 ** 31 - 1 } as never);
  try {
    await run('set statement_timeout = 0');
    await run(`set work_mem = '256MB'`);
    await run(
      `insert into teams (id, limits) select 'team-' || n, '[${limit('usd', 5_000_000_000_000, 'month')}]'
       from generate_series(1, $1) as n`,
      [teams],
    );
    await run('alter table keys disable trigger announce');
    await run(
      `insert into keys (id, hash, name, prefix, team, limits, tags, created_at)
       select ${KEY_ID('n')}, sha256(n::text::bytea), 'service-' || n, 'sk-tg-ab' || (n % 100), 'team-' || (1 + n % $2),
         '[${limit('requests', 600, 'minute')}, ${limit('usd', 50_000_000_000, 'month')}]', '{prod}',
         now() - n * interval '1 second'
       from generate_series(1, $1) as n`,
      [keys, teams],
    );
    await run('alter table keys enable trigger announce');
    await fillEntries(run, { keys, entries, teams });
    await run(
      `insert into audit_log (at, actor, action, subject, detail, teams)
       select now() - n * interval '10 seconds', 'admin:0123456789', 'key.update', ${KEY_ID(`1 + n % ${keys}`)}, '{"name": "x"}',
         array['team-' || (1 + n % $2)]
       from generate_series($1, 1, -1) as n`,
      [keys, teams],
    );
    await run(
      `insert into refusals
       select date_trunc('hour', now()) - (n / 300) * interval '15 minutes', sha256(n::text::bytea), ${KEY_ID(`1 + n % ${keys}`)},
         'team-' || (1 + n % ${teams}), 'model-' || (n % 20),
         (array['rate_limit_exceeded', 'budget_exceeded', 'model_not_allowed'])[1 + n % 3], 1 + n % 50, now() - (n / 300) * interval '15 minutes'
       from generate_series(0, $1 - 1) as n`,
      [Math.min(REFUSAL_ROWS, entries)],
    );
    await run('analyze');
  } finally {
    client.release();
  }
}

type Run = (text: string, values?: readonly unknown[]) => Promise<unknown>;

async function fillEntries(run: Run, { keys, entries, teams }: Required<CompanySize>): Promise<void> {
  // Months that the period reaches into have partitions of their own.
  for (const ago of [1, 0])
    await run(
      `select tollgate_make_partition((date_trunc('month', now() at time zone 'UTC') - ${ago} * interval '1 month')::date)`,
    );
  await run(
    `insert into entries (
       id, at, request_id, attempt, key_id, team, end_user, tags, metadata, endpoint, model, served_model, provider, target, status, error,
       stream, cache, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
       audio_input_tokens, audio_output_tokens, usage_source, input_nusd, cache_read_nusd, cache_write_nusd, output_nusd, total_nusd,
       price_version, first_byte_ms, duration_ms, overhead_ms, saved_nusd)
     select 'ent_' || lpad(n::text, 26, '0'), date_trunc('milliseconds', now()) - (n * ${DAYS * 86_400_000} / $1) * interval '1 millisecond',
       'req-' || n, 1, ${KEY_ID(`1 + (n * 7919) % ${keys}`)}, 'team-' || (1 + (1 + (n * 7919) % ${keys}) % ${teams}),
       case when n % 3 = 0 then 'user-' || n % 1000 end, array['prod', 'project-' || n % 50], '{}', 'chat',
       'model-' || n % 20, 'model-' || n % 20 || '-2026', 'provider-' || n % 5, 'provider-' || n % 5 || '/model-' || n % 20,
       case when n % 50 = 0 then 502 when n % 97 = 0 then 429 else 200 end,
       case when n % 50 = 0 then 'upstream_error' when n % 97 = 0 then 'rate_limited' end, n % 2 = 0,
       case when n % 10 = 1 then 'hit' else 'miss' end, 100 + n % 900, 0, 0, 0, 50 + n % 400, 0, 0, 0, 'provider',
       (100 + n % 900) * 150, 0, 0, (50 + n % 400) * 600, (100 + n % 900) * 150 + (50 + n % 400) * 600, '2026-11-20',
       20 + (n * 31) % 900, 50 + (n * 17) % 4000, 0.4, case when n % 10 = 1 then 100000 else 0 end
     from generate_series(1::bigint, $1::bigint) as n`,
    [entries],
  );
  // A trigger wrote the other sums. Those of a day lie together, as they do where gateways write them.
  for (const grain of grains) {
    for (const cube of writtenCubes) {
      const columns = ['start', 'dims', ...cubes[cube], ...sumNames].join(', ');
      await run(
        `insert into ${rollupTable(grain, cube)} (${columns}) select ${columns} from (${rollupOf(grain, cube, 'entries')}) as summed order by start`,
      );
    }
    const columns = ['start', 'dims', ...performanceDims, ...performanceSums].join(', ');
    await run(
      `insert into ${performanceTable(grain)} (${columns}) select ${columns} from (${performanceOf(grain, 'entries')}) as summed order by start`,
    );
  }
}

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

/** Every list and report of the admin API, as scripts and the console ask them. */
export function companyReads(): readonly string[] {
  const key = `key_${'7'.padStart(26, '0')}`;
  const month = `from=${daysAgo(29).slice(0, 10)}`;
  const usage = (query: string): string => `/usage?${query}`;
  const spend = (query: string): string => `/reports/spend?${month}&${query}`;
  return [
    ...[
      '/keys?limit=100',
      '/keys?q=service-777',
      '/keys?q=nothing-like-it',
      '/keys?team=team-7',
      '/keys?include_revoked=true',
      `/keys/${key}`,
    ],
    ...[
      '/teams?limit=200',
      '/teams?q=team-77',
      '/teams/team-7',
      '/limits?of=teams',
      `/limits?key=${key}`,
      '/limits?team=team-7',
    ],
    ...[
      'limit=50',
      'limit=1000',
      'team=team-7',
      `key=${key}`,
      'user=user-7',
      'model=model-7',
      'provider=provider-3',
    ].map(usage),
    ...[
      'target=provider-3/model-3',
      'status=502',
      'status=418',
      'error=upstream_error',
      'error=nothing',
      'cache=hit',
    ].map(usage),
    ...['cache=semantic', 'tag=project-7', 'tag=nothing', 'request_id=req-777', 'model=nothing', 'target=nothing'].map(
      usage,
    ),
    ...[
      `from=${daysAgo(3)}&to=${daysAgo(2)}`,
      'team=team-7&status=502',
      'team=team-7&cache=semantic',
      'status=200&cache=semantic',
    ].map(usage),
    ...[
      'group_by=day',
      'group_by=day,model',
      'group_by=model',
      'group_by=team',
      'group_by=provider',
      'group_by=key&top=100',
      'group_by=key&top=100&team=team-7',
    ].map(spend),
    ...[
      'group_by=user&top=100',
      'group_by=tag',
      'group_by=day&timezone=Europe/Berlin',
      'group_by=day&team=team-7',
      'group_by=team,model',
    ].map(spend),
    ...['group_by=hour&timezone=Asia/Kolkata&team=team-7', 'group_by=error', 'group_by=key&team=team-7'].map(spend),
    ...['group_by=target&top=100', 'group_by=day,tag', 'group_by=team,model&top=500'].map(spend),
    ...['group_by=key,model&top=500', 'group_by=month,key&top=500', 'group_by=endpoint,cache,status&top=500'].map(
      spend,
    ),
    ...['key', 'user', 'model'].map(
      (name) =>
        `/reports/spend?from=${daysAgo(22).slice(0, 10)}&to=${daysAgo(7).slice(0, 10)}&group_by=${name}&top=100`,
    ),
    `/reports/refusals?${month}&group_by=reason,team,key,model`,
    ...[
      '/reports/refusals?group_by=key,team,reason',
      `/reports/refusals?${month}&group_by=team,reason`,
      `/reports/refusals?${month}&group_by=day,reason`,
    ],
    ...[
      `/reports/performance?${month}&group_by=day`,
      `/reports/performance?${month}&group_by=target`,
      '/reports/performance?group_by=hour,error',
    ],
    ...[`/reports/performance?${month}&group_by=day&team=team-7`, `/reports/performance?${month}&key=${key}`],
    ...[
      '/audit',
      '/audit?limit=200',
      `/audit?subject=${key}`,
      '/audit?action=key.delete',
      '/users',
      '/tokens',
      '/webhooks',
      '/webhooks/deliveries',
    ],
    ...['/models', '/providers', '/routes', '/cache', '/config', '/config/status', '/pricing', '/guardrails'],
  ];
}
