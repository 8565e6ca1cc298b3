/** Caddy; installed where that is possible without a question, else what needs it is skipped and says so. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithTest } from './end-with-test.js';
import { install, onPath } from './packages.js';

if (!onPath('caddy')) install('caddy');

export const withoutCaddy = onPath('caddy') ? false : 'caddy is missing (Debian and Ubuntu: apt-get install caddy)';

/** Serves the Caddyfile until `stop`; `url` is where it is known to listen. Throws what it says of a file that is wrong. */
export async function startCaddy(file: string, url: string): Promise<{ stop(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-caddy-'));
  writeFileSync(join(dir, 'Caddyfile'), file);
  const env = { PATH: process.env['PATH'], HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const args = ['--config', join(dir, 'Caddyfile'), '--adapter', 'caddyfile'];
  const checked = spawnSync('caddy', ['validate', ...args], { env, encoding: 'utf8', timeout: 30_000 });
  if (checked.status !== 0) throw new Error(checked.stderr);
  const caddy: ChildProcess = spawn('caddy', ['run', ...args], { env, stdio: 'ignore' });
  const exit = once(caddy, 'exit');
  const spare = endWithTest(() => caddy.kill('SIGKILL'));
  for (let tries = 0; !(await fetch(url).catch(() => undefined)); tries++) {
    if (tries > 200) throw new Error('Caddy did not start');
    await sleep(50);
  }
  return {
    stop: async () => {
      caddy.kill('SIGKILL');
      await exit;
      spare();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
