/** A volume of 2 MB that fills up while Postgres is away: once Postgres is back, requests are served again, without a restart. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutProxy } from '../store/cut-proxy.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { sandboxConfig } from '../support/limits-http.js';
import { freshDatabase } from '../support/postgres.js';

const closing: (() => Promise<unknown> | unknown)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

const root = process.platform === 'linux' && process.getuid?.() === 0;

/** A folder on a volume of its own; undefined where the system does not let us mount one. */
function volume(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-volume-'));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  const disk = join(dir, 'data');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch {
    return undefined;
  }
  closing.push(() => execFileSync('umount', ['-l', disk]));
  return disk;
}

const spoolFiles = (disk: string): number =>
  readdirSync(join(disk, 'spool'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.spool'))
    .length;

async function told(gateway: Gateway): Promise<string> {
  const headers = { authorization: `Bearer ${gateway.adminKey}` };
  return (await fetch(`${gateway.url}/readyz`, { headers })).text();
}

async function countedOf(gateway: Gateway, key: string): Promise<number> {
  const report = await gateway.admin<{ total: { requests: number } }>('GET', `/reports/spend?key=${key}`);
  return report.total.requests;
}

for (const [name, othersBytes] of [
  ['the spool has it to itself', 0],
  ['others have half of it', 1024 * 1024],
] as const) {
  test(`2 MB are full while Postgres is away, and are used again by themselves: ${name}`, {
    timeout: 200_000,
    skip: root ? false : 'mounting a small volume needs root on Linux',
  }, async (t) => {
    const disk = volume();
    if (disk === undefined) return t.skip('this system does not let root mount a volume');
    if (othersBytes > 0) writeFileSync(join(disk, 'others'), Buffer.alloc(othersBytes));
    const database = await freshDatabase();
    closing.push(() => database.drop());
    const proxy = await cutProxy(database.url);
    closing.push(() => proxy.close());
    const gateway = await startGateway({ database: proxy.url, config: { ...sandboxConfig, data_dir: disk } });
    closing.push(() => gateway.close());
    assert.match(await told(gateway), /volume of the ledger's spool has 2 MB and ledger\.max_size is 4096 MB/);
    assert.match(gateway.output, /volume of the ledger's spool has 2 MB/);
    const { id, key } = await gateway.key();
    const body = { model: 'sandbox', messages: [{ role: 'user', content: 'Say hello.' }] };
    const ask = async (): Promise<number> => {
      const response = await gateway.chat(key, body);
      await response.text();
      return response.status;
    };
    assert.equal(await ask(), 200);
    let served = 1;
    proxy.cut();
    for (let refused = 0; refused < 20; ) {
      const statuses = await Promise.all(Array.from({ length: 10 }, ask));
      served += statuses.filter((status) => status === 200).length;
      refused += statuses.filter((status) => status === 503).length;
    }
    assert.ok(served > 400, `${served} were served`);
    const files = spoolFiles(disk);
    await sleep(3000); // three tries
    assert.ok(spoolFiles(disk) <= files + 1, `${spoolFiles(disk)} files after three seconds, ${files} before`);
    // Ends of what was refused leave a little room.
    for (let status = 200; status !== 503; ) {
      status = await ask();
      if (status === 200) served += 1;
    }
    proxy.mend();
    const backAt = performance.now();
    while ((await ask()) !== 200) {
      // It is reached again within the longest pause of two seconds; then the entries have to be taken.
      assert.ok(performance.now() - backAt < 5_000, 'not within five seconds of the database');
      await sleep(50);
    }
    t.diagnostic(`served again after ${Math.round(performance.now() - backAt)} ms`);
    served += 1;
    for (let i = 0; i < 20; i++) {
      assert.equal(await ask(), 200);
      served += 1;
    }
    while ((await countedOf(gateway, id)) !== served) await sleep(100);
    assert.ok(spoolFiles(disk) <= 2, `${spoolFiles(disk)} files are left`);
  });
}
