/**
 * What the gateway costs beside the limit of the language: key, counting, ledger and metrics on, not streamed, a prompt of
 * about 300 bytes, keep-alive, an upstream without delay (nginx). Alternating runs of `wrk`, medians, ratios. `wrk`,
 * `nginx` and Postgres are Debian packages, which it installs where it may.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Gateway, startGateway } from '../test/support/gateway.js';
import { needs } from '../test/support/packages.js';
import { listening } from './listening.js';

const ROUNDS = 3;
const SECONDS = 4;
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
const body = JSON.stringify({
  model: 'bench',
  messages: [{ role: 'user', content: 'Tell me in one short sentence what a gateway does. '.repeat(5).trim() }],
});

interface Side {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly key: string;
}

export async function run(): Promise<void> {
  needs('wrk');
  needs('nginx');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const upstream = await startNginx(dir);
  const floor = spawn(process.execPath, [join(import.meta.dirname, 'floor.js'), upstream.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gateways: Gateway[] = [];
  try {
    const sides: Side[] = [{ name: 'node:http + dispatch', url: await listening(floor), pid: floor.pid!, key: 'none' }];
    for (const database of ['postgres', 'embedded'] as const) {
      const gateway = await startGateway({ database, config: configFor(upstream.url) });
      gateways.push(gateway);
      sides.push({ name: `tollgate, ${database}`, url: gateway.url, pid: gateway.pid, key: (await gateway.key()).key });
    }
    const results = sides.map((side) => ({ side, perSecond: [] as number[], cpuUs: [] as number[] }));
    for (const { side } of results) await measure(dir, side, 2);
    for (let round = 0; round < ROUNDS; round++) {
      for (const result of results) {
        const { perSecond, cpuUs } = await measure(dir, result.side, SECONDS);
        result.perSecond.push(perSecond);
        result.cpuUs.push(cpuUs);
      }
    }
    const base = median(results[0]!.perSecond);
    for (const { side, perSecond, cpuUs } of results) {
      const rate = median(perSecond);
      console.log(
        `${side.name.padEnd(24)} ${rate.toFixed(0).padStart(7)} requests/s  ${(rate / base).toFixed(2)} of the floor  ${median(cpuUs).toFixed(0).padStart(4)} us CPU/request`,
      );
    }
  } finally {
    floor.kill();
    for (const gateway of gateways) await gateway.close();
    upstream.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const configFor = (url: string) => ({
  providers: { bench: { type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'none' } },
  models: { bench: { targets: [{ provider: 'bench', model: 'gpt-4o-mini' }], price: { input: 0.15, output: 0.6 } } },
});

/** The gateway's output is read meanwhile: a pipe that nobody reads would hold its log up. */
async function measure(dir: string, side: Side, seconds: number): Promise<{ perSecond: number; cpuUs: number }> {
  const script = join(dir, 'post.lua');
  writeFileSync(
    script,
    `wrk.method = "POST"\nwrk.body = [[${body}]]\nwrk.headers["content-type"] = "application/json"\nwrk.headers["authorization"] = "Bearer ${side.key}"\n`,
  );
  const before = cpuMs(side.pid);
  const load = ['-t1', '-c32', `-d${seconds}s`, '-s', script, `${side.url}/v1/chat/completions`];
  const { stdout: out } = await promisify(execFile)('wrk', load);
  const requests = Number(/(\d+) requests in/.exec(out)?.[1]);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1];
  if (bad) throw new Error(`${side.name}: ${bad} answers were errors`);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]),
    cpuUs: ((cpuMs(side.pid) - before) * 1000) / requests,
  };
}

/** User and system time of a process so far, in milliseconds. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function startNginx(dir: string): Promise<{ url: string; stop(): void }> {
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
