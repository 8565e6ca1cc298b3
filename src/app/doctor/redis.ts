/** Redis as limits need it: reached, fast enough, of a version that will do, and told to forget no counters. */
import type { Config } from '../../config/config.js';
import { messageOf } from '../../lib/thrown.js';
import { openRedis, redisScript } from '../../store/redis.js';
import { clockFinding, type Finding, fine, note, problem } from './finding.js';

const CONNECT_MS = 5_000;
/** A gateway takes a slower answer for Redis being away. */
const SLOW_MS = 50;
const ROUNDS = 20;

const ping = redisScript(`return redis.call('TIME')`);
const asking = redisScript(
  `return {redis.call('INFO', 'server'), redis.call('INFO', 'memory'), redis.call('INFO', 'replication')}`,
);

export async function lookAtRedis({ redis: { url, on_failure: onFailure } }: Config): Promise<Finding[]> {
  if (url === null)
    return [note('redis', 'none: limits are counted in each process', 'Set redis.url where several gateways run.')];
  const where = shown(url);
  const link = openRedis(url, { name: 'tollgate doctor', connectTimeoutMs: CONNECT_MS });
  try {
    await readyWithin(link, CONNECT_MS);
    const [server, memory, replication] = (await link.run(asking, [], [], CONNECT_MS)) as string[];
    const version = field(server, 'redis_version');
    const policy = field(memory, 'maxmemory_policy');
    const tookMs: number[] = [];
    let clock: Finding | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const beforeMs = Date.now();
      const began = performance.now();
      const [seconds, micros] = (await link.run(ping, [], [], CONNECT_MS)) as string[];
      tookMs.push(performance.now() - began);
      clock = clockFinding('redis', Number(seconds) * 1000 + Number(micros) / 1000, beforeMs, Date.now());
    }
    return [judged(where, { version, policy, tookMs, role: field(replication, 'role') }), ...(clock ? [clock] : [])];
  } catch (error) {
    const meanwhile = {
      local: 'each gateway admits its share',
      closed: 'requests with limits are refused',
      open: 'nothing is limited',
    };
    return [
      problem(
        'redis',
        `${where}: ${messageOf(error)}`,
        `Check redis.url (host, port, password, rediss:// for TLS) and that Redis runs. Until then ${meanwhile[onFailure]} (on_failure: ${onFailure}).`,
      ),
    ];
  } finally {
    await link.close();
  }
}

function judged(
  where: string,
  { version, policy, tookMs, role }: { version: string; policy: string; tookMs: readonly number[]; role: string },
): Finding {
  const [fastestMs, slowestMs] = [Math.min(...tookMs), Math.max(...tookMs)];
  const detail = `Redis ${version} at ${where}, answers in ${fastestMs.toFixed(1)} to ${slowestMs.toFixed(1)} ms`;
  if (Number(version.split('.')[0]) < 6) return problem('redis', detail, 'Use Redis 6 or later.');
  if (role !== 'master' && role !== '')
    return problem('redis', `${detail}; it is a ${role}`, 'Name the primary in redis.url.');
  if (policy.startsWith('allkeys'))
    return problem(
      'redis',
      `${detail}; maxmemory-policy ${policy} may evict counters`,
      'Set noeviction, or a volatile-* policy.',
    );
  const todo = `A gateway waits ${SLOW_MS} ms and then takes Redis for away: put it nearer.`;
  if (fastestMs > SLOW_MS) return problem('redis', detail, todo);
  if (slowestMs > SLOW_MS) return note('redis', detail, todo);
  return fine('redis', detail);
}

/** A line `name:value` of what INFO answers; empty where there is none. */
function field(info: string | undefined, name: string): string {
  const line = (info ?? '').split('\n').find((one) => one.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}

function readyWithin(link: ReturnType<typeof openRedis>, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no connection within ${ms} ms, or not let in`)), ms);
    link.onChange((ready) => {
      if (!ready) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function shown(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'redis.url';
  }
}
