/**
 * A network of a test's own, in which packets can be dropped without a word: a gateway runs in a namespace, a router stands between it
 * and everything else, and what it reaches has an address of its own outside. Linux, root and `ip` are needed.
 *
 *     gateway (namespace) --- router (namespace) --- the test, Postgres, Redis, upstreams
 *
 * What is dropped is dropped by the router, both ways: the kernels on both sides know nothing of it, so connections stay open and
 * nobody is told.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { endWithTest } from './end-with-test.js';

export interface Network {
  /** Of the gateway. */
  readonly gateway: string;
  /** Outside: one for each that was asked for, in that order. */
  readonly outside: readonly string[];
  /** What a command line begins with that is to run where the gateway is. */
  readonly inside: readonly string[];
  /** All addresses, as a database's or a proxy's rules name them. */
  readonly block: string;
  /** From now on no packet to or from these addresses comes through, until `pass`. */
  drop(...addresses: readonly string[]): void;
  pass(...addresses: readonly string[]): void;
  close(): void;
}

/** Why there can be no such network; false: there can. */
export function withoutNetwork(): string | false {
  if (process.platform !== 'linux') return 'network namespaces are there on Linux alone';
  if (process.getuid?.() !== 0) return 'network namespaces are made by root alone';
  if (spawnSync('ip', ['-V']).status !== 0) return 'network namespaces are made by `ip` (apt-get install iproute2)';
  try {
    openNetwork(1).close();
    return false;
  } catch (error) {
    return `no network namespace can be made here: ${(error as Error).message}`;
  }
}

export function openNetwork(count: number): Network {
  const number = randomInt(0, 2 ** 16)
    .toString(16)
    .padStart(4, '0');
  const [router, room] = [`tg-r-${number}`, `tg-g-${number}`];
  const base = `10.${randomInt(64, 128)}.${randomInt(0, 256)}`;
  const outside = Array.from({ length: count }, (_, n) => `${base}.${n + 1}`);
  const [near, gateway, far] = [`${base}.126`, `${base}.129`, `${base}.254`];
  const close = (): void => {
    spare();
    for (const name of [room, router]) spawnSync('ip', ['netns', 'del', name]);
  };
  const spare = endWithTest(() => close());
  const at = (name: string, ...words: readonly string[]): void => ip('-n', name, ...words);
  try {
    for (const name of [router, room]) {
      ip('netns', 'add', name);
      at(name, 'link', 'set', 'lo', 'up');
    }
    ip('link', 'add', `tgh${number}`, 'type', 'veth', 'peer', 'name', 'out', 'netns', router);
    ip('-n', room, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'in', 'netns', router);
    for (const address of outside) ip('address', 'add', `${address}/25`, 'dev', `tgh${number}`);
    at(router, 'address', 'add', `${near}/25`, 'dev', 'out');
    at(router, 'address', 'add', `${far}/25`, 'dev', 'in');
    at(room, 'address', 'add', `${gateway}/25`, 'dev', 'eth0');
    ip('link', 'set', `tgh${number}`, 'up');
    for (const link of ['in', 'out']) at(router, 'link', 'set', link, 'up');
    at(room, 'link', 'set', 'eth0', 'up');
    ip('route', 'add', `${base}.128/25`, 'via', near);
    at(room, 'route', 'add', 'default', 'via', far);
    // Where a source leads nowhere its packets are dropped too, so one route stops both ways.
    for (const name of ['ip_forward', 'conf.all.rp_filter'])
      run('ip', ['netns', 'exec', router, 'sysctl', '-qw', `net.ipv4.${name}=1`]);
  } catch (error) {
    close();
    throw error;
  }
  return {
    ...{ gateway, outside, close, block: `${base}.0/24`, inside: ['ip', 'netns', 'exec', room] },
    drop: (...addresses) => {
      for (const address of addresses) at(router, 'route', 'replace', 'blackhole', `${address}/32`);
    },
    pass: (...addresses) => {
      for (const address of addresses) at(router, 'route', 'del', 'blackhole', `${address}/32`);
    },
  };
}

const ip = (...words: readonly string[]): void => run('ip', words);

function run(command: string, words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, words, { encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
