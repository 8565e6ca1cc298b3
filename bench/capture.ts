/**
 * What captured content costs: the same gateway with it off, on and redacted, in turn, answers whole and streamed. Where more comes
 * than can be written, content is dropped and not requests; how much was is told, since what is dropped costs less.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, startGateway } from '../test/support/gateway.js';
import { needs } from '../test/support/packages.js';
import { listening } from './listening.js';
import { body, configFor, startNginx } from './proxy.js';
import { compare, type Side } from './sides.js';

export async function run(): Promise<void> {
  needs('wrk');
  needs('nginx');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const nginx = await startNginx(dir);
  const streams = spawn(process.execPath, [join(import.meta.dirname, 'stream-upstream.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await measured(dir, 'whole', nginx.url, body);
    await measured(dir, 'streamed', await listening(streams), JSON.stringify({ ...JSON.parse(body), stream: true }));
  } finally {
    streams.kill();
    nginx.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measured(dir: string, kind: string, url: string, request: string): Promise<void> {
  const modes = ['off', 'on', 'redacted'] as const;
  const gateways = await Promise.all(
    modes.map((content) => startGateway({ config: { ...configFor(url), capture: { content } } })),
  );
  try {
    const sides = modes.map((mode, at) => sideOf(dir, `${kind}, ${mode}`, gateways[at]!, request));
    await compare(await Promise.all(sides), 'without');
    for (const [at, mode] of modes.entries()) {
      const counts = await countsOf(gateways[at]!);
      if (counts !== '') console.log(`${kind}, ${mode}: ${counts}`);
    }
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.close()));
  }
}

async function sideOf(dir: string, name: string, gateway: Gateway, request: string): Promise<Side> {
  const script = join(dir, `${gateway.pid}.lua`);
  const { key } = await gateway.key();
  writeFileSync(
    script,
    `wrk.method = "POST"\nwrk.body = [[${request}]]\nwrk.headers["content-type"] = "application/json"\nwrk.headers["authorization"] = "Bearer ${key}"\n`,
  );
  return { name, pids: [gateway.pid], load: ['-s', script, `${gateway.url}/v1/chat/completions`] };
}

async function countsOf({ url }: Gateway): Promise<string> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = text.matchAll(/^tollgate_capture_total\{result="(\w+)"\} (\d+)/gm);
  return [...found].map(([, result, count]) => `${count} ${result}`).join(', ');
}
