/**
 * Claude Code, installed once into `.cache/` in a folder named after its version, and run against a gateway: print mode, in an
 * empty folder with a home of its own, so that no settings of this machine reach it.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/lib/root.js';

const VERSION = '2.1.332';

/** The path of the command. */
export async function claudeCode(): Promise<string> {
  const root = join(packageRoot, '.cache', `claude-code-${VERSION}`);
  if (!existsSync(root)) await install(root);
  return join(root, 'node_modules/.bin/claude');
}

/** Into a folder beside it first, so that an installation that was broken off is never taken for one. */
async function install(root: string): Promise<void> {
  mkdirSync(join(packageRoot, '.cache'), { recursive: true });
  const half = mkdtempSync(`${root}-`);
  try {
    writeFileSync(join(half, 'package.json'), JSON.stringify({ private: true }));
    const wanted = `@anthropic-ai/claude-code@${VERSION}`;
    const args = ['install', wanted, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    await promisify(execFile)('npm', args, { cwd: half, timeout: 280_000 });
    renameSync(half, root);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(root)) throw error;
  }
}

export interface ClaudeCodeRun {
  /** What `--output-format json` prints. */
  readonly result: string;
  readonly is_error: boolean;
  readonly num_turns: number;
}

/** One prompt, with leave to run commands. */
export async function runClaudeCode(
  command: string,
  prompt: string,
  env: Readonly<Record<string, string>>,
): Promise<ClaudeCodeRun> {
  const dir = mkdtempSync(join(tmpdir(), 'claude-code-'));
  try {
    const args = ['-p', prompt, '--allowedTools', 'Bash', '--output-format', 'json', '--max-turns', '5'];
    const running = promisify(execFile)(command, args, {
      cwd: dir,
      timeout: 120_000,
      env: {
        PATH: process.env['PATH'],
        HOME: dir,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
        ...env,
      },
    });
    running.child.stdin?.end();
    const { stdout } = await running;
    return JSON.parse(stdout) as ClaudeCodeRun;
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
