/**
 * `tollgate import litellm <config.yaml>`: prints the configuration that is equivalent, on standard output, and what has no
 * equivalent, on standard error. Exit codes: 0 made, 1 the file cannot be used.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import type { Command } from 'commander';
import type { ProviderTypes } from '../config/references.js';
import type { Finding, Findings } from '../litellm/findings.js';
import { importLitellm, MOST_BYTES } from '../litellm/import.js';
import { asksGateway, type CliWorld, ownWorld, tellsUser, UserError } from './gateway-client.js';
import { asJson, type DatabaseOptions, importDatabase, inWords } from './import-database.js';

/** Adds the verb `import`; `world` is the process's own unless handed in. */
export function registerImport(program: Command, types: ProviderTypes, world: CliWorld = ownWorld): void {
  const verb = program.command('import').description('take over what another gateway has');
  const litellm = verb
    .command('litellm')
    .description('print the equivalent of a LiteLLM configuration, and what of it has none');
  asksGateway(litellm)
    .argument('[config]', 'the config.yaml of LiteLLM')
    .option('--database <url>', 'instead: keys, teams and what was spent, from the database of LiteLLM')
    .option('--apply', 'with --database: take them over; without it nothing is changed')
    .action(
      tellsUser(world)(async (file: string | undefined, options: DatabaseOptions) => {
        const { json } = options;
        if (options.database !== undefined) {
          if (file !== undefined) throw new UserError('Import either a file or a database.');
          const result = await importDatabase(world, options);
          if (json) return world.print(JSON.stringify(asJson(result), null, 2));
          world.print(inWords(result).join('\n'));
          for (const line of told(result.findings)) world.printError(line);
          return;
        }
        if (file === undefined)
          throw new UserError('Name the config.yaml of LiteLLM, or its database with --database.');
        const made = importLitellm(readText(resolvePath(world.cwd, file), file), types);
        if (!made.ok) throw new UserError(`${file}:${made.line}:${made.column}: ${made.message}`);
        const { yaml, findings } = made;
        if (json) {
          const { notTaken, notes, leftOut } = findings;
          world.print(JSON.stringify({ config: yaml, not_taken: notTaken, notes, left_out: leftOut }, null, 2));
          return;
        }
        world.print(yaml.trimEnd());
        for (const line of told(findings)) world.printError(line);
      }),
    );
}

function told({ notTaken, notes, leftOut }: Findings): string[] {
  const lines = (head: string, findings: readonly Finding[]) =>
    findings.length === 0 ? [] : [head, ...findings.map(({ path, reason }) => `  ${path}: ${reason}`)];
  return [
    ...lines('To know of what was taken:', notes),
    ...lines(`Not taken (${notTaken.length}):`, notTaken),
    ...(leftOut > 0 ? [`  and ${leftOut} more`] : []),
    ...(notTaken.length === 0 ? ['Everything was taken.'] : []),
  ];
}

/** The size is asked of the open file: a pipe or a device has none, and is not read. */
function readText(path: string, shown: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new UserError(`${shown} is no file.`);
    if (stats.size > MOST_BYTES) throw new UserError(`${shown} is longer than ${MOST_BYTES / 2 ** 20} MB.`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(fd));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof TypeError) throw new UserError(`${shown} is not UTF-8 text.`);
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(code === 'ENOENT' ? `There is no file ${shown}.` : `${shown} cannot be read: ${code}.`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
