/** Prometheus' own tool; installed where that is possible without a question, else what needs it is skipped and says so. */
import { spawnSync } from 'node:child_process';
import { install, onPath } from './packages.js';

if (!onPath('promtool')) install('prometheus');

export const withoutPromtool = onPath('promtool')
  ? false
  : 'promtool is missing (Debian and Ubuntu: apt-get install prometheus)';

/** Runs it; `told` is all that it printed. */
export function promtool(args: readonly string[], input?: string): { readonly ok: boolean; readonly told: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8', timeout: 60_000 });
  return { ok: status === 0, told: `${stdout}${stderr}` };
}
