/**
 * `tollgate import litellm --database postgres://...`: keys, teams and what was spent, from LiteLLM's database by way of the
 * admin API of a running gateway. Without `--apply` it says what it would do and changes nothing.
 */
import { type AdminCall, type Layout, layOut, type Taken, takeOver } from '../litellm/database.js';
import { Findings } from '../litellm/findings.js';
import { type LitellmTables, openTables } from '../litellm/tables-pg.js';
import { type CliWorld, type Common, sent, UserError } from './gateway-client.js';

export interface DatabaseOptions extends Common {
  readonly database?: string;
  readonly apply?: boolean;
}

const EVERY_MS = 1_000;

export async function importDatabase(world: CliWorld, options: DatabaseOptions): Promise<Result> {
  const findings = new Findings();
  const tables = await opened(options.database!);
  let layout: Layout;
  const progress = progressOf(world);
  try {
    layout = await layOut(tables, world.nowMs(), findings, progress);
  } catch (error) {
    throw new UserError(`The database cannot be read: ${messageOf(error)}.`);
  } finally {
    await tables.close();
  }
  if (!options.apply) return { layout, findings, taken: null };
  const call: AdminCall = (method, path, body) => sent(world, options, method, path, body);
  try {
    return { layout, findings, taken: await takeOver(layout, call, findings, progress) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${messageOf(error)} What was done stays; run it again to go on.`);
  }
}

export interface Result {
  readonly layout: Layout;
  readonly findings: Findings;
  readonly taken: Taken | null;
}

async function opened(database: string): Promise<LitellmTables> {
  const url = URL.canParse(database) ? new URL(database) : undefined;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) throw new UserError('--database is no postgres:// URL.');
  try {
    return await openTables(database);
  } catch (error) {
    throw new UserError(`The database at ${url.host}${url.pathname} ${messageOf(error)}.`);
  }
}

/** Once a second, on standard error: what is piped on stays clean. */
function progressOf(world: CliWorld): (what: string, done: number, of: number) => void {
  let toldMs = world.nowMs();
  return (what, done, of) => {
    if (world.nowMs() - toldMs < EVERY_MS) return;
    toldMs = world.nowMs();
    world.printError(`${what}: ${done} of ${of}`);
  };
}

const messageOf = (error: unknown): string => {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
};

export const asJson = ({ layout, findings, taken }: Result) => ({
  applied: taken !== null,
  teams: layout.teams.length,
  keys: layout.keys.length,
  openings: layout.openings.length,
  taken,
  not_taken: findings.notTaken,
  notes: findings.notes,
  left_out: findings.leftOut,
});

export function inWords({ layout, taken }: Result): string[] {
  const { teams, keys, openings } = layout;
  if (taken === null) {
    return [
      `${teams.length} teams, ${keys.length} keys and ${openings.length} sums of what was spent would be taken over.`,
      'Nothing was changed. --apply takes them over.',
    ];
  }
  const line = (what: string, { created, there }: { created: number; there: number }) =>
    `${what}: ${created} created, ${there} were there already and are as they were.`;
  return [
    line('Teams', taken.teams),
    line('Keys', taken.keys),
    `Sums of what was spent: ${taken.openings.entered} entered, ${taken.openings.there} were there already.`,
    'The keys work with the secrets that they have.',
  ];
}
