/**
 * What a classic route costs: key auth, a limit, a breaker, metrics and the access line on, GET of 1 KB, keep-alive, an
 * upstream without delay (nginx). Beside it the limit of the language, nginx as a proxy, and Caddy where `BENCH_CADDY` names
 * its binary.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.js';
import { startGateway } from '../test/support/gateway.js';
import { needs } from '../test/support/packages.js';
import { listening } from './listening.js';
import { compare, type Side } from './sides.js';

export async function run(): Promise<void> {
  needs('wrk');
  needs('nginx');
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
    const sides = [
      sideOf('node:http + dispatch', await listening(floor), [floor.pid!]),
      sideOf('tollgate route', gateway.url, [gateway.pid], (await gateway.key()).key),
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
    sides.push(sideOf('nginx', `http://127.0.0.1:${proxied}`, childrenOf(proxy.pid!)));
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
      sides.push(sideOf('caddy', `http://127.0.0.1:${port}`, [child.pid!]));
    }
    await compare(sides);
  } finally {
    await gateway.close();
    for (const child of running) child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

const sideOf = (name: string, url: string, pids: readonly number[], key?: string): Side => ({
  name,
  pids,
  load: [
    ...(key ? ['-H', `authorization: Bearer ${key}`] : []),
    ...['-H', 'accept: application/json', '-H', 'user-agent: bench/1.0', `${url}/bench/orders/42?page=2`],
  ],
});

const childrenOf = (pid: number): number[] => [
  pid,
  ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
];

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
