/**
 * A gateway under a steady mixed load for `SOAK_MINUTES` (30): whole answers, streams, clients that leave in the middle, refusals, large
 * bodies and classic routes. Told is each minute what it holds; in the end how much it grew from the second fifth of the time to
 * the last one, which for a process that keeps nothing is about nothing.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../test/support/gateway.js';
import { scrape } from '../test/support/metrics-text.js';
import { listening } from './listening.js';

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 30);
const CLIENTS = 16;
/** Between two requests of a client: the load is steady and not the most that there can be. */
const PAUSE_MS = 40;
const MB = 1024 * 1024;

interface Look {
  readonly residentMb: number;
  readonly heapMb: number;
}

export async function run(): Promise<void> {
  const upstream = spawn(process.execPath, [join(import.meta.dirname, 'stream-upstream.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await listening(upstream);
  const gateway = await startGateway({
    config: {
      telemetry: { log: { level: 'warn' } },
      providers: {
        up: { type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'none' },
        own: { type: 'sandbox' },
      },
      models: {
        m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 1 } },
        own: { targets: [{ provider: 'own', model: 'own' }], price: { input: 1, output: 1 } },
      },
      routes: [
        {
          ...{ name: 'r', match: { path: '/r' }, auth: { none: {} }, upstream: { targets: [{ url }] } },
          request: { body: { remove: ['list.secret'] } },
        },
      ],
    },
  });
  const counts = new Map<string, number>();
  try {
    const { key } = await gateway.key({ limits: [{ unit: 'requests', max: 1e9, per: 'day' }] });
    const until = performance.now() + MINUTES * 60_000;
    const clients = Array.from({ length: CLIENTS }, async (_, i) => {
      for (let n = i; performance.now() < until; n++) {
        const status = await ask(gateway, key, n).catch((error: unknown) => String(error));
        counts.set(String(status), (counts.get(String(status)) ?? 0) + 1);
        await sleep(PAUSE_MS);
      }
    });
    const looks: Look[] = [];
    for (let minute = 1; minute <= MINUTES; minute++) {
      await sleep(Math.max(0, until - (MINUTES - minute) * 60_000 - performance.now()));
      looks.push(await look(gateway, minute, counts));
    }
    await Promise.all(clients);
    tell(looks);
  } finally {
    await gateway.close();
    upstream.kill();
  }
}

const body = (model: string, stream: boolean, content: string): string =>
  JSON.stringify({ model, stream, messages: [{ role: 'user', content }] });
const LARGE = 'lorem ipsum '.repeat(20_000);
const LIST = JSON.stringify({ list: Array.from({ length: 2_000 }, (_, i) => ({ secret: 'x', i })) });

async function ask(gateway: Gateway, key: string, n: number): Promise<number | string> {
  const read = async (asked: Promise<Response>): Promise<number> => {
    const response = await asked;
    await response.arrayBuffer();
    return response.status;
  };
  switch (n % 10) {
    case 0:
      return read(gateway.chat('sk-tg-nobody', body('m', false, 'hi')));
    case 1:
      return read(gateway.chat(key, body('none', false, 'hi')));
    case 2: {
      const leave = new AbortController();
      const response = await gateway.chat(key, body('own', true, 'hi'), { signal: leave.signal });
      await response.body!.getReader().read();
      leave.abort();
      return 'left';
    }
    case 3:
      return read(gateway.chat(key, body('own', false, LARGE)));
    case 4:
      return read(
        fetch(`${gateway.url}/r`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: LIST }),
      );
    case 5:
      return read(gateway.chat(key, body('own', false, 'hi')));
    default:
      return read(gateway.chat(key, body('m', true, 'hi')));
  }
}

async function look({ url }: Gateway, minute: number, counts: ReadonlyMap<string, number>): Promise<Look> {
  const told = await scrape(url);
  const of = (name: string): number => told.value(name) ?? 0;
  const now = {
    residentMb: of('process_resident_memory_bytes') / MB,
    heapMb: of('nodejs_heap_size_used_bytes') / MB,
  };
  const statuses = [...counts].map(([status, count]) => `${status}: ${count}`).join(', ');
  console.log(
    `minute ${String(minute).padStart(3)}  ${now.residentMb.toFixed(0).padStart(5)} MB resident ${now.heapMb.toFixed(0).padStart(5)} MB heap ${String(of('process_open_fds')).padStart(5)} files ${of('tollgate_in_flight_requests')} running ${of('tollgate_spool_entries')} in the spool  ${statuses}`,
  );
  return now;
}

function tell(looks: readonly Look[]): void {
  const fifth = Math.max(1, Math.floor(looks.length / 5));
  const mean = (part: readonly Look[], of: keyof Look): number =>
    part.reduce((sum, one) => sum + one[of], 0) / part.length;
  for (const of of ['residentMb', 'heapMb'] as const) {
    const early = mean(looks.slice(fifth, 2 * fifth), of);
    const late = mean(looks.slice(-fifth), of);
    console.log(`${of}: ${early.toFixed(0)} early, ${late.toFixed(0)} late: ${(late - early).toFixed(1)} MB more`);
  }
}
