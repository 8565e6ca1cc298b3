/**
 * `tollgate migrate`: brings the database to the schema of this version, as a start does. Exit codes: 0 it is there, or with
 * `--dry-run` whatever is missing; 1 not done.
 */
import type { Command } from 'commander';
import { migrateDatabase } from '../app/migrations.js';
import { loadConfig } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import type { ProviderTypes } from '../config/references.js';
import { messageOf } from '../lib/thrown.js';
import { type CliWorld, ownWorld, show, tellsUser, UserError } from './gateway-client.js';

interface MigrateOptions {
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Adds the verb `migrate`; `world` is the process's own unless handed in. */
export function registerMigrate(program: Command, providerTypes: ProviderTypes, world: CliWorld = ownWorld): void {
  program
    .command('migrate')
    .description('bring the database to the schema of this version, as a start does')
    .option('-c, --config <file>', 'the configuration; config.yaml unless told')
    .option('--dry-run', 'say what is missing, and change nothing')
    .option('--json', 'as JSON')
    .action(
      tellsUser(world)(async (options: MigrateOptions) => {
        const { env, cwd } = world;
        const loaded = loadConfig({ file: options.config, env, cwd, providerTypes });
        if (!loaded.ok) throw new UserError(loaded.problems.map(formatProblem).join('\n'));
        const dryRun = options.dryRun === true;
        const done = await migrateDatabase(loaded.config, dryRun).catch((error: unknown) => {
          throw new UserError(`The database was not migrated: ${messageOf(error)}`);
        });
        const { database, migrations } = done;
        show(world, options, { database, dry_run: dryRun, migrations }, () => [
          migrations.length === 0
            ? `${database}: nothing is missing.`
            : `${database}: ${dryRun ? 'missing' : 'applied'} ${migrations.length}:`,
          ...migrations.map((name) => `  ${name}`),
        ]);
      }),
    );
}
