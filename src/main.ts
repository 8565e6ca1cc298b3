/** argv -> verb. */
import { Command } from 'commander';
import { adaptors } from '../providers/index.js';
import { version } from './app/app.js';
import { check } from './cli/check.js';
import { registerKeys } from './cli/keys.js';
import { registerLedger } from './cli/ledger.js';
import { registerReconcile } from './cli/reconcile.js';
import { registerReport } from './cli/report.js';
import { serve } from './cli/serve.js';

const providerTypes = Object.fromEntries(
  Object.values(adaptors).map(({ type, baseUrl, catalogue, models, free, paths }) => [
    type,
    { needsBaseUrl: baseUrl === null, catalogue, models, free, endpoints: Object.keys(paths) },
  ]),
);

const program = new Command('tollgate').description('A dedicated LLM gateway.').version(version);

program
  .command('serve', { isDefault: true })
  .description('serve requests')
  .option('-c, --config <file>', 'the configuration; config.yaml unless told')
  .action(async ({ config }: { config?: string }) => {
    const code = await serve({ config, adaptors, providerTypes });
    if (code !== undefined) process.exit(code); // what had begun before it failed would keep the process
  });

program
  .command('check [config]')
  .description('validate a configuration and say what it means')
  .option('--json', 'as JSON', false)
  .action(async (config: string | undefined, { json }: { json: boolean }) => {
    process.exitCode = await check({ config, json, providerTypes });
  });

registerKeys(program);
registerReport(program);
registerLedger(program);
registerReconcile(
  program,
  Object.fromEntries(
    Object.values(adaptors).map((adaptor) => [adaptor.type, 'exports' in adaptor ? (adaptor.exports ?? []) : []]),
  ),
);

await program.parseAsync();
