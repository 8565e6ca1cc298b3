/** The repository as a fresh checkout of the working tree would have it: no `node_modules`, no build, no data. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/root.js';

export const repositoryFiles = (): string[] =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: packageRoot, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(packageRoot, file)));

/** Copies those files into a new folder outside the repository, from where nothing of it can be found by walking up. */
export function freshCopy(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tollgate-fresh-')));
  for (const file of repositoryFiles()) cpSync(join(packageRoot, file), join(folder, file));
  return folder;
}

/** The environment of a person who has just cloned: of the suite, npm and a gateway nothing is set but how the registry is reached. */
export function freshEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      !/^(TEST_|TOLLGATE_|npm_(?!config_globalconfig$)|NODE_(?!EXTRA_CA_CERTS$)|INIT_CWD$|DATABASE_URL$|REDIS_URL$|PORT$|OPENAI_|ANTHROPIC_|OTEL_|FORCE_COLOR$)/.test(
        name,
      )
    )
      env[name] = value;
  }
  return { ...env, npm_config_prefer_offline: 'true', npm_config_update_notifier: 'false', NO_COLOR: '1', ...more };
}
