/** What the requests of a gateway cost of Redis, as Redis itself saw it: which of the limits' scripts were called, and how often. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { loadScripts } from '../../src/limits/wire-redis.js';
import type { Gateway } from './gateway.js';
import { ask, levels, words } from './limits-http.js';

const names = new Map(Object.entries(loadScripts()).map(([name, { sha }]) => [sha, name]));

/** Calls by script, commands of another kind by their own names, while `work` runs. Each is a round trip, or a part of one. */
async function callsDuring(url: string, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const client = new Redis(url);
  const monitor = await client.monitor();
  const calls: Record<string, number> = {};
  const end = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, [command = '', sha = '']: string[], source: string) => {
      if (source === 'lua') return; // what a script does by itself
      const name = names.get(sha) ?? command.toLowerCase();
      if (name === 'echo') resolve();
      else calls[name] = (calls[name] ?? 0) + 1;
    });
  });
  try {
    await work();
    await client.echo('over');
    await end;
  } finally {
    monitor.disconnect();
    client.disconnect();
    await once(monitor, 'end').catch(() => {});
  }
  return calls;
}

const limits = [
  { unit: 'requests', max: 10_000, per: 'hour' },
  { unit: 'tokens', max: 1_000_000, per: 'hour' },
  { unit: 'usd', max: 100, per: 'month' },
];
/** On a machine that is too busy Redis is away for a moment, and what is told it afterwards is no request's. */
const MOST_ROUNDS = 10;

/**
 * What so many requests with three limits cost, each on a connection of its own: in a round in which all were answered at the first
 * try. Left out is what is asked once in a while for all (`beat`) and by the admin API (`read`).
 */
export async function callsOfRequests(gateway: Gateway, url: string, count: number): Promise<Record<string, number>> {
  const { key, id } = await gateway.key({ limits });
  const one = () => ask(gateway, key, words(3), { connection: 'close' });
  const settled = async (): Promise<void> => {
    while ((await levels(gateway, `key=${id}`)).some(({ held }) => Number(held) > 0));
  };
  // Each process has met the key, and Redis knows what its budget has spent.
  for (let i = 0; i < 8; i++) await one();
  await settled();
  for (let round = 1; ; round++) {
    let whole = true;
    const {
      beat: _,
      read: __,
      ...calls
    } = await callsDuring(url, async () => {
      for (let i = 0; i < count; i++) whole = (await one()).status === 200 && whole;
      await settled();
    });
    if ((whole && !('adopt' in calls) && !('taken' in calls)) || round === MOST_ROUNDS) return calls;
  }
}
