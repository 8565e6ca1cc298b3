/**
 * Which catalogue of list prices is in force: the one of the package, or a newer one that an operator brought. The package keeps
 * the data for the whole process, and so does this. Whoever keeps what it looked up compares `catalogueInForce()`: it is another
 * object after each change.
 */
import { readFileSync } from 'node:fs';
import { type Provider, updatePrices, waitForUpdate } from '@pydantic/genai-prices';
import { messageOf } from '../lib/thrown.js';
import type { CatalogueFile } from './catalogue-file.js';

export interface CatalogueInForce {
  /** Names the data: entries that carry it were billed from its tables. */
  readonly version: string;
  /** From when its prices are. */
  readonly date: string;
  /** Of the file that an operator brought; null for the one of the package. */
  readonly sha256: string | null;
}

/** When the version of the package came out. Another version needs its date here: a test tells. */
export const shippedDates: Readonly<Record<string, string>> = { '0.1.8': '2026-09-23' };

const packageVersion = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.resolve('@pydantic/genai-prices')), 'utf8')) as {
    version: string;
  }
).version;

const shippedData: Provider[] = (await waitForUpdate()) ?? [];
const shipped: CatalogueInForce = {
  version: `genai-prices/${packageVersion}`,
  date: shippedDates[packageVersion] ?? '1970-01-01',
  sha256: null,
};

let inForce = shipped;
let dataInForce = shippedData;
let fileInForce: CatalogueFile | null = null;

export const catalogueInForce = (): CatalogueInForce => inForce;

/** What an operator brought, for other processes of this gateway; null: the one of the package is in force. */
export const catalogueFileInForce = (): CatalogueFile | null => fileInForce;

/** Takes another catalogue, null for the one of the package. Answers why its data is refused; then nothing changed. */
export function takeCatalogue(file: CatalogueFile | null): string | undefined {
  const data = file?.providers ?? shippedData;
  const problem = set(data);
  if (problem !== undefined) {
    set(dataInForce);
    return problem;
  }
  dataInForce = data;
  fileInForce = file;
  inForce = file
    ? { version: `catalogue/${file.date}-${file.sha256.slice(0, 8)}`, date: file.date, sha256: file.sha256 }
    : shipped;
  return undefined;
}

function set(data: Provider[]): string | undefined {
  let problem: string | undefined;
  updatePrices(({ setProviderData }) => {
    try {
      setProviderData(data);
    } catch (error) {
      problem = messageOf(error);
    }
  });
  return problem;
}

/** What is in force, to be taken back where a change turns out not to do. */
export function catalogueNow(): { restore(): void } {
  const [data, was, file] = [dataInForce, inForce, fileInForce];
  return {
    restore: () => {
      set(data);
      dataInForce = data;
      inForce = was;
      fileInForce = file;
    },
  };
}
