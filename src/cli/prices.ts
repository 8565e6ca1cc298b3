/**
 * `tollgate prices show|update|reset`: the catalogue of list prices of running gateways. A newer one is a file on this machine: it
 * is sent to one gateway, which validates it, and all that share its database take it in. Nothing is fetched from anywhere.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import {
  ask,
  asksGateway,
  type CliWorld,
  type Common,
  call,
  ownWorld,
  tellsUser,
  UserError,
} from './gateway-client.js';

interface InForce {
  readonly catalogue: string;
  readonly date: string;
  readonly sha256: string | null;
  readonly models?: number;
}

interface Shown {
  readonly catalogue: string;
  readonly catalogue_date: string;
  readonly catalogue_sha256: string | null;
  readonly data: readonly { readonly model: string; readonly target: string; readonly price: object | null }[];
}

const SOURCE = 'https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json';
const SLOW_MS = 120_000;

export function registerPrices(program: Command, world: CliWorld = ownWorld): void {
  const told = tellsUser(world);
  const prices = program.command('prices').description('the catalogue of list prices that is in force');

  asksGateway(prices.command('show').description('which catalogue is in force, and which models have no price')).action(
    told(async (options: Common) => {
      const shown = await call<Shown>(world, options, 'GET', '/pricing');
      const { catalogue, catalogue_date: date, catalogue_sha256: sha256 } = shown;
      const unpriced = shown.data
        .filter(({ price }) => price === null)
        .map(({ model, target }) => `${model} (${target})`);
      if (options.json) return world.print(JSON.stringify({ catalogue, date, sha256, unpriced }, null, 2));
      world.print(describing({ catalogue, date, sha256 }));
      if (unpriced.length > 0) world.print(`Without a price, and refused: ${unpriced.join(', ')}.`);
    }),
  );

  asksGateway(
    prices
      .command('update <file>')
      .description('take a newer catalogue: a file, file:// or - for the standard input')
      .addHelpText(
        'after',
        `\nThe catalogue is the data of @pydantic/genai-prices:\n  curl -O ${SOURCE}\n  tollgate prices update data.json`,
      ),
  )
    .option('--date <date>', 'from when its prices are, where the file does not tell')
    .option('--force', 'also where it is not newer, or where models lose their price')
    .action(
      told(async (file: string, options: Common & { date?: string; force?: boolean }) => {
        const text = contentOf(file);
        const body = { catalogue: text, date: options.date, force: options.force === true };
        const { answer } = await ask(world, options, 'POST', '/pricing/catalogue', { body, timeoutMs: SLOW_MS });
        const taken = (await answer.json()) as InForce;
        const sent = createHash('sha256').update(text).digest('hex');
        if (taken.sha256 !== sent)
          throw new UserError(`The gateway took another file (SHA-256 ${taken.sha256}, sent was ${sent}).`);
        world.print(options.json ? JSON.stringify(taken, null, 2) : describing(taken));
      }),
    );

  asksGateway(prices.command('reset').description('go back to the catalogue that this version ships with')).action(
    told(async (options: Common) => {
      const taken = await call<InForce>(world, options, 'DELETE', '/pricing/catalogue');
      world.print(options.json ? JSON.stringify(taken, null, 2) : describing(taken));
    }),
  );
}

function describing({ catalogue, date, sha256, models }: InForce): string {
  const of = models === undefined ? '' : `, ${models} models`;
  return `In force: ${catalogue}, prices from ${date}${of}. ${sha256 ? `SHA-256 ${sha256}` : 'It came with this version.'}`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function contentOf(file: string): string {
  if (/^https?:/i.test(file))
    throw new UserError(`Nothing is fetched here. Get it first (curl -O ${file}), look at it, and name the file.`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file.startsWith('file:') ? fileURLToPath(file) : file);
  } catch (error) {
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UserError(`${file} is not text in UTF-8.`);
  }
}
