/**
 * How many processors this process may use. Node tells how many it may run on; what a control group allows of their time (containers,
 * systemd's `CPUQuota`) is read of Linux's own files, of the group and of those above it. A part of a processor counts as one.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

type Read = (path: string) => string | undefined;

const ROOT = '/sys/fs/cgroup';

export function processors(read: Read = readText, most = availableParallelism()): number {
  const groups = (read('/proc/self/cgroup') ?? '').split('\n');
  let allowed = most;
  for (const line of groups) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '')
      allowed = Math.min(
        allowed,
        leastOf(path, (group) => quotaOf(read, group)),
      );
    else if (controllers!.split(',').includes('cpu'))
      allowed = Math.min(
        allowed,
        leastOf(path, (group) => oldQuotaOf(read, group)),
      );
  }
  return Math.max(1, Math.ceil(allowed));
}

/** The least that a group or one above it allows. In a container the path may be the host's: then the root tells. */
function leastOf(path: string, quota: (group: string) => number): number {
  let least = quota('/');
  for (let group = path; group !== '/' && group !== '.'; group = posix.dirname(group))
    least = Math.min(least, quota(group));
  return least;
}

/** The second version: `max 100000`, or `150000 100000`. */
function quotaOf(read: Read, group: string): number {
  const [quota, period] = (read(posix.join(ROOT, group, 'cpu.max')) ?? '').trim().split(' ').map(Number);
  return share(quota, period);
}

/** The first version, in which -1 is no quota. */
const oldQuotaOf = (read: Read, group: string): number =>
  share(
    Number(read(posix.join(ROOT, 'cpu', group, 'cpu.cfs_quota_us'))),
    Number(read(posix.join(ROOT, 'cpu', group, 'cpu.cfs_period_us'))),
  );

const share = (quota = Number.NaN, period = Number.NaN): number =>
  quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
