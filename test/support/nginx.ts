/** A real nginx in front of gateways; undefined where none is installed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithTest } from './end-with-test.js';

const found = spawnSync('nginx', ['-v']).error === undefined;
export const withoutNginx = found ? false : 'nginx is not installed';

/** Serves `http`, the inside of nginx's section of that name, until `stop`. `port` is where it is known to listen. */
export async function startNginx(http: string, port: number): Promise<{ stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'tollgate-nginx-'));
  const file = join(dir, 'nginx.conf');
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`);
  await writeFile(
    file,
    `daemon off; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http { access_log off; ${temp.join(' ')}
${http} }`,
  );
  const nginx = spawn('nginx', ['-p', dir, '-c', file, '-g', 'worker_processes 1;'], { stdio: 'inherit' });
  const exit = once(nginx, 'exit');
  const spare = endWithTest(() => nginx.kill('SIGKILL'));
  for (let tries = 0; ; tries++) {
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) break;
    if (tries > 100) throw new Error('nginx did not start');
    await sleep(50);
  }
  return {
    stop: async () => {
      nginx.kill('SIGTERM');
      await exit;
      spare();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
