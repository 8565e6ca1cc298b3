/**
 * `tollgate ledger verify|reprice`: the sums of spend compared with the ledger, and the ledger billed anew, by a running
 * gateway. `verify` ends with 1 where they differ and were not repaired.
 */
import type { Command } from 'commander';
import { aligned, ask, asksGateway, type CliWorld, type Common, ownWorld, tellsUser } from './gateway-client.js';
import { dayOrInstant } from './written-time.js';

interface Verified {
  readonly from: string | null;
  readonly to: string | null;
  readonly entries: number;
  readonly cost_nusd: string;
  readonly differences: readonly {
    readonly month: string;
    readonly table: string;
    readonly rows: number;
    readonly cost_nusd: string;
  }[];
  readonly repaired: boolean;
}

interface Repriced {
  readonly dry_run: boolean;
  readonly entries: number;
  readonly corrected: number;
  readonly unpriced: number;
  readonly difference_nusd: number | string;
  readonly by_model: readonly {
    readonly model: string;
    readonly target: string;
    readonly corrected: number;
    readonly difference_nusd: number | string;
  }[];
}

const LONG_MS = 60 * 60_000;

export function registerLedger(program: Command, world: CliWorld = ownWorld): void {
  const told = tellsUser(world);
  const ledger = program.command('ledger').description('check the ledger against its sums, and bill it anew');

  asksGateway(ledger.command('verify').description('compare the sums of spend with the ledger, entry by entry'))
    .option('--repair', 'sum up anew what differs')
    .action(
      told(async (options: Common & { repair?: boolean }) => {
        const body = { repair: options.repair === true };
        const { answer } = await ask(world, options, 'POST', '/ledger/verify', { body, timeoutMs: LONG_MS });
        const verified = (await answer.json()) as Verified;
        world.print(options.json ? JSON.stringify(verified, null, 2) : verifiedLines(verified).join('\n'));
        if (verified.differences.length > 0 && !verified.repaired) world.exit(1);
      }),
    );

  asksGateway(ledger.command('reprice').description('bill entries anew with the prices now known; writes corrections'))
    .requiredOption('--from <when>', 'the first entry: a date (UTC) or a time with a zone')
    .option('--to <when>', 'before which; now unless told')
    .option('--model <name>', 'only entries of this model')
    .option('--provider <name>', 'only entries of this provider')
    .option('--dry-run', 'only say what would be written')
    .action(
      told(async (options: Common & RepriceOptions) => {
        const body = {
          from: dayOrInstant(options.from),
          to: dayOrInstant(options.to),
          model: options.model,
          provider: options.provider,
          dry_run: options.dryRun === true,
        };
        const { answer } = await ask(world, options, 'POST', '/ledger/reprice', { body, timeoutMs: LONG_MS });
        const repriced = (await answer.json()) as Repriced;
        world.print(options.json ? JSON.stringify(repriced, null, 2) : repricedLines(repriced).join('\n'));
      }),
    );
}

interface RepriceOptions {
  readonly from: string;
  readonly to?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly dryRun?: boolean;
}

function verifiedLines({ from, to, entries, cost_nusd, differences, repaired }: Verified): string[] {
  if (from === null) return ['There are no entries.'];
  const what = `${entries} entries from ${from} to ${to}, $${usd(cost_nusd)}`;
  if (differences.length === 0) return [`The sums agree with the ledger: ${what}.`];
  return [
    `The sums differ from the ledger (${what}):`,
    '',
    ...aligned([
      ['MONTH', 'TABLE', 'ROWS', 'USD TOO MUCH'],
      ...differences.map((one) => [one.month, one.table, String(one.rows), usd(one.cost_nusd)]),
    ]),
    '',
    repaired ? 'They were summed up anew.' : 'Sum them up anew with --repair.',
  ];
}

function repricedLines({ dry_run, entries, corrected, unpriced, difference_nusd, by_model }: Repriced): string[] {
  const lines = [
    `${entries} entries; ${corrected} ${dry_run ? 'would be' : 'were'} corrected, by $${usd(String(difference_nusd))} in all.`,
  ];
  if (unpriced > 0) lines.push(`${unpriced} have no price that is known, and stay as they are.`);
  if (by_model.length === 0) return lines;
  const rows = by_model.map((one) => [one.model, one.target, String(one.corrected), usd(String(one.difference_nusd))]);
  return [...lines, '', ...aligned([['MODEL', 'TARGET', 'ENTRIES', 'USD'], ...rows])];
}

function usd(nano: string): string {
  const digits = nano.replace('-', '').padStart(10, '0');
  return `${nano.startsWith('-') ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
