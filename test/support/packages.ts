/** Programs that come from Debian packages: looked for, and installed where that is possible without a question. */
import { spawnSync } from 'node:child_process';

/** Something to run against is missing and cannot be had; the message says what to install. */
export class NothingToRunAgainst extends Error {}

export const onPath = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** Installs a Debian package where that is possible without a question; what came of it is for the caller to look at. */
export function install(name: string): void {
  if (!onPath('apt-get')) return;
  const root = process.getuid?.() === 0;
  if (!root && spawnSync('sudo', ['-n', 'true']).status !== 0) return;
  const apt = (...args: string[]) =>
    spawnSync(root ? 'apt-get' : 'sudo', root ? args : ['-n', 'apt-get', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    });
  console.log(`Installing the package ${name} ...`);
  apt('update', '-qq');
  apt('install', '-y', '-qq', '--no-install-recommends', name);
}

/** Installs the program where it is missing. Throws, saying what to install, where that is not possible. */
export function needs(program: string): void {
  if (onPath(program) || onPath(`/usr/sbin/${program}`)) return;
  install(program);
  if (!onPath(program) && !onPath(`/usr/sbin/${program}`))
    throw new NothingToRunAgainst(`${program} is missing: install it (Debian and Ubuntu: apt-get install ${program}).`);
}
