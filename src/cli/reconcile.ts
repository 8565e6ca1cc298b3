/**
 * `tollgate reconcile`: a provider's usage and cost exports beside what the gateway recorded, per day and model. The exports
 * are read here and are sent nowhere; only the gateway's own figures are asked for.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { ExportFormat } from '../provider/provider-type.js';
import { dollars, exact } from '../reports/figures.js';
import { nanoFrom, pageOf, pagesWrong, readExport } from '../reports/provider-export.js';
import {
  type Cause,
  type Compared,
  type Figures,
  isExplained,
  type ModelDay,
  reconcile,
} from '../reports/reconcile.js';
import {
  aligned,
  ask,
  asksGateway,
  type CliWorld,
  type Common,
  ownWorld,
  tellsUser,
  UserError,
} from './gateway-client.js';

/** The exports of each provider type that has any. */
export type ExportsOf = Readonly<Record<string, readonly ExportFormat[]>>;

interface ReconcileOptions extends Common {
  readonly provider: string;
  readonly all?: boolean;
}

const words: Readonly<Record<Cause, string>> = {
  equal: 'equal',
  missing_here: 'missing here: the ledger has nothing of it',
  missing_there: 'missing there: the export has nothing of it',
  price: 'price: the same tokens for other money',
  rounding: 'rounding of the export',
  time_zone_edge: 'time-zone edge: on the other side of midnight',
  counted: 'counted: the provider told no usage for some',
  unexplained: 'unexplained',
};

export function registerReconcile(program: Command, exportsOf: ExportsOf, world: CliWorld = ownWorld): void {
  const told = tellsUser(world);
  asksGateway(
    program
      .command('reconcile <export...>')
      .description(
        "compare a provider's usage and cost (CSV exports, pages of its API) with the ledger, per day and model",
      ),
  )
    .requiredOption('--provider <name>', 'a provider of the configuration, or a type of provider')
    .option('--all', 'days and models that agree too')
    .action(told((files: string[], options: ReconcileOptions) => run(world, exportsOf, files, options)));
}

async function run(
  world: CliWorld,
  exportsOf: ExportsOf,
  files: readonly string[],
  options: ReconcileOptions,
): Promise<void> {
  const { names, type } = await providersOf(world, options);
  const formats = exportsOf[type] ?? [];
  if (formats.length === 0) throw new UserError(`Exports of providers of type ${type} are not known.`);
  const theirs = theirsOf(files, formats);
  const days = theirs.map(({ day }) => day).sort();
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) throw new UserError('There is nothing in the export.');
  const ours = await oursOf(world, options, names, first, last);
  const compared = reconcile(ours, theirs);
  const shown = options.all ? compared : compared.filter(({ cause }) => cause !== 'equal');
  if (options.json) world.print(JSON.stringify({ from: first, to: last, data: shown.map(asJson) }, null, 2));
  else world.print(lines(compared, shown, first, last).join('\n'));
  if (!compared.every(isExplained)) world.exit(1);
}

function theirsOf(files: readonly string[], formats: readonly ExportFormat[]): ModelDay[] {
  const theirs: ModelDay[] = [];
  const pages = [];
  for (const file of files) {
    const text = contentOf(file);
    const read = readExport(text, formats);
    if (!read.ok) throw new UserError(`${file}: ${read.refusal.message}`);
    theirs.push(...read.value);
    const page = pageOf(file, text);
    if (page) pages.push(page);
  }
  const wrong = pagesWrong(pages);
  if (wrong !== null) throw new UserError(wrong);
  return theirs;
}

async function providersOf(world: CliWorld, options: ReconcileOptions): Promise<{ names: string[]; type: string }> {
  const { answer } = await ask(world, options, 'GET', '/providers');
  const { data } = (await answer.json()) as { data: readonly { id: string; type: string }[] };
  const named = data.find(({ id }) => id === options.provider);
  if (named) return { names: [named.id], type: named.type };
  const names = data.filter(({ type }) => type === options.provider).map(({ id }) => id);
  if (names.length === 0)
    throw new UserError(`The gateway has no provider named ${options.provider}, and none of that type.`);
  return { names, type: options.provider };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

interface OurRow {
  readonly day: string;
  readonly served_model: string | null;
  readonly target: string;
  readonly usage_source: string;
  readonly requests: number | string;
  readonly attempts: number | string;
  readonly tokens: Readonly<Record<string, number | string>>;
  readonly cost_usd: string;
}

async function oursOf(world: CliWorld, options: Common, providers: readonly string[], first: string, last: string) {
  const to = new Date(Date.parse(`${last}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  const query = new URLSearchParams({ from: first, to, group_by: 'day,served_model,target,usage_source' });
  for (const name of providers) query.append('provider', name);
  const { answer } = await ask(world, options, 'GET', `/reports/spend?${query}`, { timeoutMs: 10 * 60_000 });
  const { data } = (await answer.json()) as { data: readonly OurRow[] };
  return data.map((row): ModelDay => {
    const tokens = (kind: string) => BigInt(row.tokens[kind] ?? 0);
    return {
      day: row.day,
      // The model as the provider names it: what it says it served, else what it was asked for.
      model: row.served_model ?? row.target.slice(row.target.indexOf('/') + 1),
      figures: {
        requests: BigInt(row.attempts),
        tokens: {
          input: tokens('input'),
          cached: tokens('cache_read') + tokens('cache_write_5m') + tokens('cache_write_1h'),
          output: tokens('output'),
        },
        nano: nanoFrom(row.cost_usd),
      },
      roundedNano: 0n,
      countedTokens:
        row.usage_source === 'provider'
          ? 0n
          : ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output'].reduce(
              (sum, kind) => sum + tokens(kind),
              0n,
            ),
    };
  });
}

const tokensOf = (figures: Figures | null): bigint | null =>
  figures?.tokens ? figures.tokens.input + figures.tokens.cached + figures.tokens.output : null;

const asJson = ({ day, model, ours, theirs, differenceNano, differenceTokens, cause }: Compared) => ({
  day,
  model,
  ours: sideOf(ours),
  theirs: sideOf(theirs),
  difference_usd: differenceNano === null ? null : dollars(differenceNano),
  difference_tokens: differenceTokens === null ? null : exact(differenceTokens),
  cause,
});

const orNull = (value: bigint | null): number | string | null => (value === null ? null : exact(value));

const sideOf = (figures: Figures | null) =>
  figures && {
    requests: orNull(figures.requests),
    tokens: figures.tokens && {
      input: exact(figures.tokens.input),
      cached: exact(figures.tokens.cached),
      output: exact(figures.tokens.output),
    },
    cost_usd: figures.nano === null ? null : dollars(figures.nano),
  };

function lines(all: readonly Compared[], shown: readonly Compared[], first: string, last: string): string[] {
  const money = (nano: bigint | null | undefined) => (nano == null ? '-' : dollars(nano));
  const whole = (count: bigint | null) => (count === null ? '-' : String(count));
  const rows = shown.map(({ day, model, ours, theirs, differenceNano, differenceTokens, cause }) => [
    day,
    model,
    whole(tokensOf(ours)),
    whole(tokensOf(theirs)),
    whole(differenceTokens),
    money(ours?.nano),
    money(theirs?.nano),
    money(differenceNano),
    words[cause],
  ]);
  const equal = all.filter(({ cause }) => cause === 'equal').length;
  const summary = `${first} to ${last}: ${equal} of ${all.length} days and models agree.`;
  if (rows.length === 0) return [summary];
  const head = ['DAY', 'MODEL', 'TOKENS OURS', 'THEIRS', 'DIFFERENCE', 'USD OURS', 'THEIRS', 'DIFFERENCE', 'CAUSE'];
  return [summary, '', ...aligned([head, ...rows])];
}
