/**
 * What the gateway adds to the first byte of a streamed answer: one caller, one request after the other, keep-alive,
 * alternating between the upstream itself, a bare proxy (the floor of `proxy.ts`) and the gateway with everything on. The
 * upstream is a process of its own and answers at once. Medians, and the difference of medians to the upstream itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { startGateway } from '../test/support/gateway.js';
import { listening } from './listening.js';

const REQUESTS = 3_000;
const WARM_UP = 500;
const body = JSON.stringify({
  model: 'bench',
  stream: true,
  messages: [{ role: 'user', content: 'Tell me in one short sentence what a gateway does. '.repeat(5).trim() }],
});

interface Side {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  readonly agent: Agent;
  readonly firstByteMs: number[];
}

export async function run(): Promise<void> {
  const upstream = start('stream-upstream.js');
  const upstreamUrl = await listening(upstream);
  const floor = start('floor.js', upstreamUrl);
  const gateway = await startGateway({
    config: {
      providers: { bench: { type: 'openai-compatible', base_url: `${upstreamUrl}/v1`, api_key: 'none' } },
      models: {
        bench: { targets: [{ provider: 'bench', model: 'gpt-4o-mini' }], price: { input: 0.15, output: 0.6 } },
      },
    },
  });
  try {
    const sides = [
      side('upstream itself', upstreamUrl, 'none'),
      side('node:http + dispatch', await listening(floor), 'none'),
      side('tollgate', gateway.url, (await gateway.key()).key),
    ];
    for (let at = 0; at < WARM_UP + REQUESTS; at++) {
      for (const one of sides) {
        const ms = await firstByteMs(one);
        if (at >= WARM_UP) one.firstByteMs.push(ms);
      }
    }
    const base = quantile(sides[0]!.firstByteMs, 0.5);
    for (const { name, firstByteMs } of sides) {
      const median = quantile(firstByteMs, 0.5);
      console.log(
        `${name.padEnd(24)} first byte after ${median.toFixed(3)} ms (median), ${quantile(firstByteMs, 0.99).toFixed(3)} ms (p99); added at the median ${(median - base).toFixed(3)} ms`,
      );
    }
    for (const { agent } of sides) agent.destroy();
  } finally {
    await gateway.close();
    floor.kill();
    upstream.kill();
  }
}

const start = (file: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, file), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

const side = (name: string, url: string, key: string): Side => ({
  name,
  url,
  key,
  agent: new Agent({ keepAlive: true, maxSockets: 1 }),
  firstByteMs: [],
});

/** From the request's last byte written to the first byte of the answer's body; reads the answer to its end. */
function firstByteMs({ url, key, agent }: Side): Promise<number> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    let ms: number | undefined;
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const sent = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`));
      response.on('data', () => {
        ms ??= performance.now() - sentAt;
      });
      response.on('end', () => resolve(ms!));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * part)]!;
