/**
 * How long each read of the admin API takes with 100,000 keys and a million entries: the answer's whole time at a gateway that does
 * nothing else, the best and the worst of five. `npm run bench company`, with the size after it where it is another one:
 * `company 10000 100000`.
 */
import { performance } from 'node:perf_hooks';
import { migrate } from '../src/store/migrate.js';
import { openStore } from '../src/store/pg.js';
import { companyReads, fillCompany } from '../test/support/company.js';
import { startGateway } from '../test/support/gateway.js';
import { freshDatabase } from '../test/support/postgres.js';

const TIMES = 5;
const GOAL_MS = 500;

export async function run(): Promise<void> {
  const [keys = 100_000, entries = 1_000_000] = process.argv
    .slice(2)
    .map(Number)
    .filter((n) => n > 0);
  const database = await freshDatabase();
  const store = openStore({ url: database.url });
  await migrate(store.pool);
  const begun = performance.now();
  await fillCompany(store.pool, { keys, entries });
  console.log(`${keys} keys, ${entries} entries: made in ${Math.round((performance.now() - begun) / 1000)} s`);
  await store.close();
  const gateway = await startGateway({
    database: database.url,
    config: { providers: { sandbox: { type: 'sandbox' } } },
  });
  for (const path of companyReads()) {
    const took: number[] = [];
    let bytes = 0;
    for (let i = 0; i < TIMES; i++) {
      const at = performance.now();
      const response = await fetch(`${gateway.url}/admin/v1${path}`, {
        headers: { authorization: `Bearer ${gateway.adminKey}` },
      });
      const text = await response.text();
      took.push(performance.now() - at);
      bytes = text.length;
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    }
    const [best, worst] = [Math.min(...took), Math.max(...took)];
    const mark = best > GOAL_MS ? '  TOO SLOW' : '';
    console.log(
      `${path.padEnd(96)} ${best.toFixed(0).padStart(6)} to ${worst.toFixed(0).padStart(6)} ms ${String(bytes).padStart(9)} bytes${mark}`,
    );
  }
  await gateway.close();
  await database.drop();
}
