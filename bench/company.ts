/**
 * How long each read of the admin API takes with 100,000 keys and a million entries: the answer's whole time at a gateway that does
 * nothing else, the best and the worst of five, and where the database is on this machine (Linux) the least processor time that it
 * took, which other work on the machine changes little. `npm run bench company`, with the size after it where it is another one
 * (`company 10000 100000`), and with `embedded` for the embedded database. With `views` it is the console's pages, in a browser.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openEmbedded } from '../src/store/embedded.js';
import { migrate } from '../src/store/migrate.js';
import { openStore, type Store, type StoreOptions } from '../src/store/pg.js';
import { type CompanySize, companyReads, fillCompany } from '../test/support/company.js';
import { type Gateway, type GatewayOptions, startGateway } from '../test/support/gateway.js';
import { freshDatabase } from '../test/support/postgres.js';
import { timeViews } from './views.js';

const TIMES = 5;
const GOAL_MS = 500;
const TICK_MS = 10;
const config = { providers: { sandbox: { type: 'sandbox' } } };

export async function run(): Promise<void> {
  const numbers = process.argv.slice(2).map(Number);
  const [keys = 100_000, entries = 1_000_000] = numbers.filter((n) => n > 0);
  const isEmbedded = process.argv.includes('embedded');
  await (isEmbedded ? inEmbedded({ keys, entries }) : inPostgres({ keys, entries }));
}

async function inPostgres(size: CompanySize): Promise<void> {
  const database = await freshDatabase();
  const store = await filled({ url: database.url }, size);
  await readAll({ database: database.url, config }, await processorTime(store));
  await store.close();
  await database.drop();
}

async function inEmbedded(size: CompanySize): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const embedded = await openEmbedded({ dataDir });
  await (await filled({ ...embedded.connection, statementTimeoutMs: 3_600_000 }, size)).close();
  await embedded.close();
  await readAll({ database: 'embedded', config: { ...config, data_dir: dataDir } }, null);
  rmSync(dataDir, { recursive: true });
}

async function filled(options: StoreOptions, size: CompanySize): Promise<Store> {
  const store = openStore(options);
  await migrate(store.pool);
  const begun = performance.now();
  await fillCompany(store.pool, size);
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`${size.keys} keys, ${size.entries} entries: made in ${seconds} s`);
  return store;
}

async function readAll(options: GatewayOptions, spentMs: (() => number) | null): Promise<void> {
  const gateway = await startGateway(options);
  if (process.argv.includes('views')) await timeViews(gateway);
  else for (const path of companyReads()) await readOne(gateway, path, spentMs);
  await gateway.close();
}

async function readOne(gateway: Gateway, path: string, spentMs: (() => number) | null): Promise<void> {
  const took: number[] = [];
  const spent: number[] = [];
  let bytes = 0;
  for (let i = 0; i < TIMES; i++) {
    const before = spentMs?.() ?? 0;
    const at = performance.now();
    const response = await fetch(`${gateway.url}/admin/v1${path}`, {
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    });
    const text = await response.text();
    took.push(performance.now() - at);
    spent.push((spentMs?.() ?? 0) - before);
    bytes = text.length;
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  }
  const [best, worst] = [Math.min(...took), Math.max(...took)];
  const processor = spentMs ? ` ${String(Math.min(...spent)).padStart(5)} ms of processor` : '';
  const mark = best > GOAL_MS ? '  TOO SLOW' : '';
  console.log(
    `${path.padEnd(96)} ${best.toFixed(0).padStart(6)} to ${worst.toFixed(0).padStart(6)} ms${processor} ${String(bytes).padStart(9)} bytes${mark}`,
  );
}

/** What the processes of the database have spent; null where they are not to be seen from here. */
async function processorTime({ pool }: Store): Promise<(() => number) | null> {
  const { rows } = await pool.query<{ data_directory: string }>('show data_directory');
  try {
    const first = Number(readFileSync(join(rows[0]!.data_directory, 'postmaster.pid'), 'utf8').split('\n')[0]);
    const spentMs = () =>
      readdirSync('/proc')
        .filter((name) => /^\d{1,10}$/.test(name))
        .reduce((sum, id) => sum + ticksOf(id, first), 0) * TICK_MS;
    spentMs();
    return spentMs;
  } catch {
    return null;
  }
}

/** Of a process that the first one began; of the first one, what those had spent that have ended. */
function ticksOf(id: string, first: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${id}/stat`, 'utf8');
  } catch {
    return 0; // it has ended
  }
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  if (Number(id) === first) return fields[13]! + fields[14]!;
  return fields[1] === first ? fields[11]! + fields[12]! : 0;
}
