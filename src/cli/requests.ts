/** `tollgate requests list|show`: the ledger of a running gateway, filtered, newest first; and one request with all its attempts. */
import type { Command } from 'commander';
import type { TakenLimit } from '../lib/taken-limits.js';
import type { TakenRoute } from '../lib/taken-route.js';
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
import { dayOrInstant } from './written-time.js';

interface Line {
  readonly id: string;
  readonly at: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly key: string;
  readonly key_name: string | null;
  readonly team: string | null;
  readonly model: string;
  readonly target: string;
  readonly status: number;
  readonly error: string | null;
  readonly cache: string;
  readonly cost_usd: string;
  readonly duration_ms: number;
  readonly routing?: TakenRoute;
  readonly limits?: readonly TakenLimit[];
  readonly limits_more?: number;
}

interface Page {
  readonly data: readonly Line[];
  readonly next_cursor: string | null;
}

/** Filters that the gateway has under the same name. */
const equal = ['team', 'key', 'user', 'model', 'provider', 'target', 'status', 'error', 'cache', 'tag'] as const;

interface ListOptions extends Common, Partial<Record<(typeof equal)[number], string>> {
  readonly from?: string;
  readonly to?: string;
  readonly keyName?: string;
  readonly minCost?: string;
  readonly maxCost?: string;
  readonly limit: string;
}

export function registerRequests(program: Command, world: CliWorld = ownWorld): void {
  const told = tellsUser(world);
  const requests = program
    .command('requests')
    .description('list requests of the ledger, and show one with its attempts');
  const list = asksGateway(requests.command('list').description('list attempts and cached answers, newest first'));
  for (const name of equal) list.option(`--${name} <${name}>`, `only of this ${name}`);
  list
    .option('--key-name <part>', 'only of keys with this in their names')
    .option('--min-cost <usd>', 'only what cost at least so many dollars')
    .option('--max-cost <usd>', 'only what cost at most so many dollars')
    .option('--from <when>', 'the first: a date (UTC) or a time with a zone')
    .option('--to <when>', 'before which; now unless told')
    .option('--limit <count>', 'how many, up to 1000', '50')
    .action(
      told(async (options: ListOptions) => {
        const page = await call<Page>(world, options, 'GET', `/usage?${queryOf(options)}`);
        show(world, options, page, () => listLines(page));
      }),
    );

  asksGateway(requests.command('show').description('show a request: its attempts, limits and routing'))
    .argument('<id>', 'the id of the request, as `x-request-id` of its answer has it')
    .action(
      told(async (id: string, options: Common) => {
        const page = await pagesOf(id, (query) => call<Page>(world, options, 'GET', `/usage?${query}`));
        if (page.data.length === 0) throw new UserError(`There is no request '${id}' in the ledger.`);
        show(world, options, page, () => requestLines(page));
      }),
    );
}

/** A caller may give many requests the same id: the newest so many pages of it. */
const MOST_PAGES = 10;

async function pagesOf(id: string, read: (query: URLSearchParams) => Promise<Page>): Promise<Page> {
  const data: Line[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = new URLSearchParams({ request_id: id, limit: '1000', ...(cursor !== null && { cursor }) });
    const { data: more, next_cursor } = await read(query);
    data.push(...more);
    cursor = next_cursor;
    if (cursor === null) break;
  }
  return { data, next_cursor: cursor };
}

function queryOf(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams({ limit: options.limit });
  const set = (name: string, value: string | undefined) => value !== undefined && query.set(name, value);
  for (const name of equal) set(name, options[name]);
  set('key_name', options.keyName);
  set('min_cost_usd', options.minCost);
  set('max_cost_usd', options.maxCost);
  set('from', dayOrInstant(options.from));
  set('to', dayOrInstant(options.to));
  return query;
}

function listLines({ data, next_cursor }: Page): string[] {
  if (data.length === 0) return ['There are no such requests.'];
  const rows = data.map((one) => [
    one.at,
    one.error === null ? String(one.status) : `${one.status} ${one.error}`,
    one.model,
    one.target,
    one.key_name ?? one.key,
    one.cost_usd,
    `${Math.round(one.duration_ms)} ms`,
    one.request_id,
  ]);
  const lines = aligned([['TIME', 'STATUS', 'MODEL', 'TARGET', 'KEY', 'USD', 'TOOK', 'REQUEST'], ...rows]);
  return next_cursor === null ? lines : [...lines, '', 'There are more: ask for more with --limit, or narrow it down.'];
}

function requestLines({ data, next_cursor }: Page): string[] {
  const lines = [...data].sort((a, b) => a.attempt - b.attempt).flatMap(attemptLines);
  return next_cursor === null ? lines : [...lines, '', 'There are older ones of this id, which are not shown.'];
}

function attemptLines(one: Line): string[] {
  const { attempt, target, at, status, error, duration_ms, cost_usd, routing, limits = [], limits_more = 0 } = one;
  const came = `${status}${error === null ? '' : ` ${error}`}, ${Math.round(duration_ms)} ms, $${cost_usd}`;
  const lines = [`attempt ${attempt}  ${target}  ${at}  ${came}`];
  if (routing) lines.push(...routingLines(routing));
  const rows = limits.map(({ scope, unit, per, model, max, held, remaining, used }) => [
    `  ${Object.values(scope).join(' of ')}`,
    `${max} ${unit}${per === null ? '' : `/${per}`}${model === null ? '' : ` of ${model}`}`,
    `held ${held}`,
    `used ${used}`,
    `left then ${remaining}`,
  ]);
  lines.push(...aligned(rows));
  if (limits_more > 0) lines.push(`  and ${limits_more} more limits`);
  return lines;
}

function routingLines({ way, after, model, rules, policy, candidates, more, ...passed }: TakenRoute): string[] {
  const { passed_over, passed_over_more = 0 } = passed;
  const by = rules.length > 0 && `rule ${rules.join(', then ')}`;
  const chosen = [way ?? 'chosen', after && `after ${after}`, `model ${model}`, by, policy && `by ${policy}`];
  const lines = [`  routing: ${chosen.filter((word) => word).join(', ')}`];
  for (const { target, state, ...measure } of candidates) {
    const figures = Object.entries(measure).map(([name, value]) => `${name} ${value}`);
    lines.push(`    ${[target, state, ...figures].join(', ')}`);
  }
  if (more > 0) lines.push(`    and ${more} more candidates`);
  for (const { target, why } of passed_over) lines.push(`    ${target}, passed over: ${why}`);
  if (passed_over_more > 0) lines.push(`    and ${passed_over_more} more passed over`);
  return lines;
}
