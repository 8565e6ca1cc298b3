/** argv -> verb. What only a gateway and the doctor need is loaded by these alone: the other verbs begin in half the time. */
import { Command } from 'commander';
import { providers } from '../providers/index.js';
import { providerTypesOf } from './app/provider-types.js';
import { version } from './app/version.js';
import { check } from './cli/check.js';
import { registerContent } from './cli/content.js';
import { registerImport } from './cli/import.js';
import { registerKeys } from './cli/keys.js';
import { registerLedger } from './cli/ledger.js';
import { registerLimits } from './cli/limits.js';
import { registerMigrate } from './cli/migrate.js';
import { registerPrices } from './cli/prices.js';
import { registerReconcile } from './cli/reconcile.js';
import { registerReport } from './cli/report.js';
import { registerRequests } from './cli/requests.js';
import { registerTeams } from './cli/teams.js';
import { registerTokens } from './cli/tokens.js';
import { registerUsers } from './cli/users.js';
import { nearest } from './config/suggest.js';
import { accountLack } from './provider/accounts.js';

const providerTypes = providerTypesOf(providers);

const program = new Command('tollgate').description('A dedicated LLM gateway.').version(version);

program
  .command('serve', { isDefault: true })
  .description('serve requests')
  .option('-c, --config <file>', 'the configuration; config.yaml unless told')
  .action(async ({ config }: { config?: string }) => {
    const { serve } = await import('./cli/serve.js');
    const code = await serve({ config, providers, providerTypes });
    if (code !== undefined) process.exit(code); // what had begun before it failed would keep the process
  });

program
  .command('check [config]')
  .description('validate a configuration and say what it means')
  .option('--json', 'as JSON', false)
  .action(async (config: string | undefined, { json }: { json: boolean }) => {
    process.exitCode = await check({
      config,
      json,
      providerTypes,
      lack: (account) => accountLack(account, providers[account.type]!),
    });
  });

program
  .command('doctor [config]')
  .description('look at all that a gateway needs: database, Redis, providers, clock, disk, port, prices')
  .option('-c, --config <file>', 'the configuration; config.yaml unless told')
  .option('--json', 'as JSON', false)
  .action(async (named: string | undefined, { config, json }: { config?: string; json: boolean }) => {
    const { doctor } = await import('./cli/doctor.js');
    process.exitCode = await doctor({ config: named ?? config, json, providers, providerTypes });
  });

registerMigrate(program, providerTypes);
registerKeys(program);
registerTeams(program);
registerUsers(program);
registerTokens(program);
registerLimits(program);
registerImport(program, providerTypes);
registerReport(program);
registerRequests(program);
registerContent(program);
registerLedger(program);
registerPrices(program);
registerReconcile(
  program,
  Object.fromEntries(Object.values(providers).map(({ type, exports = [] }) => [type, exports])),
);

const didYouMean = (word: string, known: readonly string[]): string => {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean '${near}'?`;
};

/** A word that is no verb is not taken for an argument of `serve`. */
const [, , verb] = process.argv;
const verbs = [...program.commands.map((one) => one.name()), 'help'];
if (verb !== undefined && !verb.startsWith('-') && !verbs.includes(verb)) {
  console.error(
    `There is no verb '${verb}'${didYouMean(verb, verbs) || '.'} There are: ${verbs.join(', ')}. \`tollgate <verb> --help\` tells more.`,
  );
  process.exit(1);
}
await program.parseAsync();
