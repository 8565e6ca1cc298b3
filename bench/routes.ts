/**
 * What a classic route costs: key auth, a limit, a breaker, metrics and the access line on, GET of 1 KB, keep-alive, an
 * upstream without delay (nginx). Beside it the limit of the language, nginx as a proxy, and Caddy where `BENCH_CADDY` names
 * its binary. Alternating runs of `wrk`, medians; requests per second, and CPU time of the proxy's own process per request.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.js';
import { startGateway } from '../test/support/gateway.js';

const ROUNDS = 5;
const SECONDS = 3;

interface Side {
  readonly name: string;
  readonly url: string;
  readonly pids: readonly number[];
  readonly key?: string;
}

export async function run(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const running: ChildProcess[] = [];
  const start = (command: string, args: readonly string[]): ChildProcess => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, HOME: dir } });
    running.push(child);
    return child;
  };
  const upstream = await freePort();
  start(
    'nginx',
    nginxArgs(dir, 'upstream', upstream, `default_type application/json; return 200 '${'x'.repeat(1024)}';`),
  );
  await up(upstream);
  const gateway = await startGateway({
    database: 'embedded',
    config: {
      providers: {},
      models: {},
      routes: [
        {
          name: 'bench',
          match: { path: '/bench/*' },
          upstream: { targets: [{ url: `http://127.0.0.1:${upstream}` }] },
          limits: [{ unit: 'requests', max: 1_000_000_000, per: 'minute', by: 'consumer' }],
          breaker: { failure_rate: 0.5, min_requests: 20 },
        },
      ],
    },
  });
  try {
    const floor = start(process.execPath, [
      join(import.meta.dirname, 'routes-floor.js'),
      `http://127.0.0.1:${upstream}`,
    ]);
    const sides: Side[] = [
      { name: 'node:http + dispatch', url: await listening(floor), pids: [floor.pid!] },
      { name: 'tollgate route', url: gateway.url, pids: [gateway.pid], key: (await gateway.key()).key },
    ];
    const proxied = await freePort();
    const proxy = start(
      'nginx',
      nginxArgs(
        dir,
        'proxy',
        proxied,
        `proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";`,
        upstream,
      ),
    );
    await up(proxied);
    sides.push({ name: 'nginx', url: `http://127.0.0.1:${proxied}`, pids: childrenOf(proxy.pid!) });
    const caddy = process.env['BENCH_CADDY'];
    if (caddy) {
      const port = await freePort();
      const file = join(dir, 'Caddyfile');
      writeFileSync(
        file,
        `{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:${port} {\n reverse_proxy 127.0.0.1:${upstream}\n}\n`,
      );
      const child = start(caddy, ['run', '--config', file, '--adapter', 'caddyfile']);
      await up(port);
      sides.push({ name: 'caddy', url: `http://127.0.0.1:${port}`, pids: [child.pid!] });
    }
    await compare(sides);
  } finally {
    await gateway.close();
    for (const child of running) child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function compare(sides: readonly Side[]): Promise<void> {
  const results = sides.map((side) => ({ side, perSecond: [] as number[], cpuUs: [] as number[] }));
  for (const { side } of results) measure(side, 2);
  for (let round = 0; round < ROUNDS; round++) {
    for (const result of results) {
      const { perSecond, cpuUs } = measure(result.side, SECONDS);
      result.perSecond.push(perSecond);
      result.cpuUs.push(cpuUs);
    }
  }
  const base = median(results[0]!.perSecond);
  for (const { side, perSecond, cpuUs } of results) {
    const rate = median(perSecond);
    console.log(
      `${side.name.padEnd(22)} ${rate.toFixed(0).padStart(7)} requests/s  ${(rate / base).toFixed(2)} of the floor  ${median(cpuUs).toFixed(0).padStart(4)} us CPU/request`,
    );
  }
}

function measure({ name, url, pids, key }: Side, seconds: number): { perSecond: number; cpuUs: number } {
  const before = cpuMs(pids);
  const auth = key ? ['-H', `authorization: Bearer ${key}`] : [];
  const out = execFileSync(
    'wrk',
    [
      '-t1',
      '-c32',
      `-d${seconds}s`,
      ...auth,
      '-H',
      'accept: application/json',
      '-H',
      'user-agent: bench/1.0',
      `${url}/bench/orders/42?page=2`,
    ],
    {
      encoding: 'utf8',
    },
  );
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1];
  if (bad) throw new Error(`${name}: ${bad} answers were errors`);
  const requests = Number(/(\d+) requests in/.exec(out)?.[1]);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]),
    cpuUs: ((cpuMs(pids) - before) * 1000) / requests,
  };
}

/** User and system time of processes so far, in milliseconds. */
function cpuMs(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    sum += (Number(fields[11]) + Number(fields[12])) * 10;
  }
  return sum;
}

const childrenOf = (pid: number): number[] => [
  pid,
  ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
];

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of child.stdout!) {
    const port = /listening (\d+)/.exec(String(line))?.[1];
    if (port) return `http://127.0.0.1:${port}`;
  }
  throw new Error('the floor did not start');
}

async function up(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on ${port}`);
}

function nginxArgs(dir: string, name: string, port: number, location: string, upstream?: number): string[] {
  const file = join(dir, `${name}.conf`);
  const pool =
    upstream === undefined
      ? ''
      : `upstream up { server 127.0.0.1:${upstream}; keepalive 64; keepalive_requests 100000000; }`;
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${dir}/${name}.pid; error_log ${dir}/${name}.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
${pool}
server { listen 127.0.0.1:${port}; location / { ${location} } } }\n`,
  );
  return ['-c', file, '-p', dir];
}
