/**
 * What the gateway costs beside the limit of the language: key, counting, ledger and metrics on, not streamed, a prompt of
 * about 300 bytes, keep-alive, an upstream without delay (nginx). `wrk`, `nginx` and Postgres are Debian packages, which it
 * installs where it may.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../test/support/gateway.js';
import { needs } from '../test/support/packages.js';
import { listening } from './listening.js';
import { compare, type Side } from './sides.js';

const answer = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o-mini',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello there.', refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 60, completion_tokens: 4, total_tokens: 64 },
});
export const body = JSON.stringify({
  model: 'bench',
  messages: [{ role: 'user', content: 'Tell me in one short sentence what a gateway does. '.repeat(5).trim() }],
});

export async function run(): Promise<void> {
  needs('wrk');
  needs('nginx');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const upstream = await startNginx(dir);
  const floor = spawn(process.execPath, [join(import.meta.dirname, 'floor.js'), upstream.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const first = sideOf(dir, 'node:http + dispatch', await listening(floor), floor.pid!, 'none');
    // One gateway at a time: what another one keeps in memory, and takes of the processor now and then, is not its cost.
    for (const database of ['postgres', 'embedded'] as const) {
      const gateway = await startGateway({ database, config: configFor(upstream.url) });
      try {
        const { key } = await gateway.key();
        await compare([first, sideOf(dir, `tollgate, ${database}`, gateway.url, gateway.pid, key)]);
      } finally {
        await gateway.close();
      }
    }
  } finally {
    floor.kill();
    upstream.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Also of `workers.ts`. */
export const configFor = (url: string) => ({
  providers: { bench: { type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'none' } },
  models: { bench: { targets: [{ provider: 'bench', model: 'gpt-4o-mini' }], price: { input: 0.15, output: 0.6 } } },
});

export function sideOf(
  dir: string,
  name: string,
  url: string,
  pid: number,
  key: string,
  others: readonly number[] = [],
): Side {
  const script = join(dir, `${pid}.lua`);
  writeFileSync(
    script,
    `wrk.method = "POST"\nwrk.body = [[${body}]]\nwrk.headers["content-type"] = "application/json"\nwrk.headers["authorization"] = "Bearer ${key}"\n`,
  );
  return { name, pids: [pid, ...others], load: ['-s', script, `${url}/v1/chat/completions`] };
}

export async function startNginx(dir: string): Promise<{ url: string; stop(): void }> {
  const port = 20_000 + (process.pid % 10_000);
  const file = join(dir, 'nginx.conf');
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
server { listen 127.0.0.1:${port}; location / { default_type application/json; return 200 '${answer}'; } } }\n`,
  );
  const nginx = spawn('nginx', ['-c', file, '-p', dir], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100; tries++) {
    try {
      await fetch(url);
      return { url, stop: () => void nginx.kill() };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('nginx did not start');
}
