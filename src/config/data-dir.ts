/**
 * The `data_dir` of a configuration, for a command that needs nothing else of it: also where the rest cannot be read here, for
 * secrets are in the environment of the gateway and not in that of whoever types. The default where it says nothing.
 */
import { readFileSync } from 'node:fs';
import { join, resolve as resolvePath } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { readDocument } from './document.js';
import { chooseFile, type LoadOptions } from './load.js';

export function dataDirOf(options: Pick<LoadOptions, 'file' | 'env' | 'cwd'>): string {
  const { file, baseDir } = chooseFile(options);
  const { value } = readDocument(read(file), { ...parseDotenv(read(join(baseDir, '.env'))), ...options.env });
  const written = (value as { data_dir?: unknown } | null | undefined)?.data_dir;
  return resolvePath(baseDir, typeof written === 'string' && written !== '' ? written : './data');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
