/** What traces cost: the same gateway without them, with a share of 10 %, and with all, in turn, to a collector in a process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGateway } from '../test/support/gateway.js';
import { needs } from '../test/support/packages.js';
import { configFor, sideOf, startNginx } from './proxy.js';
import { compare } from './sides.js';

export async function run(): Promise<void> {
  needs('wrk');
  needs('nginx');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const upstream = await startNginx(dir);
  const collector = fork(fileURLToPath(import.meta.url), ['collect']);
  const [port] = (await once(collector, 'message')) as [number];
  const otlp = `http://127.0.0.1:${port}`;
  const start = (telemetry: object) => startGateway({ config: { ...configFor(upstream.url), telemetry } });
  const kinds = {
    'no traces': {},
    'traces, 10 %': { traces: { otlp, sample: 0.1 } },
    'traces, all': { traces: { otlp } },
  };
  const gateways = await Promise.all(Object.values(kinds).map(start));
  try {
    const sides = Object.keys(kinds).map(async (name, at) => {
      const gateway = gateways[at]!;
      return sideOf(dir, name, gateway.url, gateway.pid, (await gateway.key()).key);
    });
    await compare(await Promise.all(sides));
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    collector.kill();
    upstream.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'collect') {
  const server = createServer((request, response) => request.resume().on('end', () => response.end()));
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
}
