/**
 * The files that a configuration is made of: the file itself, the `.env` beside it, the files of secrets. A load keeps what
 * it read, and a look at the same files later tells whether they hold something else now. Content is compared and not
 * times or inode numbers, so neither a rename, nor a symbolic link that points elsewhere, nor a clock misleads; and since
 * the fingerprint is of the very bytes that were parsed, a file that was still being written is never taken for seen.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

/** What a file held, or the code of the error with which reading it failed. */
type Content = Uint8Array | string;

export interface Inputs {
  /** Absolute paths, in the order in which they were read; those that were missing too. */
  readonly files: readonly string[];
  /** The same for the same files with the same content. */
  readonly fingerprint: string;
}

const NOT_A_FILE = 'not a file';
const NOT_READ = 'a draft reads only files that the running configuration reads';

/** Reads files as `readFileSync` does, and remembers what they held. */
export class InputReader {
  readonly #contents = new Map<string, Content>();
  readonly #again: boolean;
  readonly #only: ReadonlySet<string> | undefined;

  /** `only`: no other files. `again`: not for the first time. A pipe, which gives its content once, is not read again: that could wait without end. */
  constructor(again: boolean, only?: ReadonlySet<string>) {
    this.#again = again;
    this.#only = only;
  }

  read(file: string): Buffer {
    if (this.#only?.has(file) === false) throw Object.assign(new Error(NOT_READ), { code: NOT_READ });
    try {
      const found = statSync(file);
      if (this.#again && !found.isFile() && !found.isDirectory())
        throw Object.assign(new Error(NOT_A_FILE), { code: 'ESPIPE' });
      const bytes = readFileSync(file);
      this.#contents.set(file, found.isFile() ? bytes : NOT_A_FILE);
      return bytes;
    } catch (error) {
      this.#contents.set(file, codeOf(error));
      throw error;
    }
  }

  inputs(): Inputs {
    return { files: [...this.#contents.keys()], fingerprint: fingerprintOf(this.#contents) };
  }
}

/** The fingerprint that the files have now. Never rejects. */
export async function fingerprintNow(files: readonly string[]): Promise<string> {
  const contents = await Promise.all(files.map(async (file) => [file, await contentOf(file)] as const));
  return fingerprintOf(new Map(contents));
}

async function contentOf(file: string): Promise<Content> {
  try {
    const found = await stat(file);
    if (found.isFile()) return await readFile(file);
    return found.isDirectory() ? 'EISDIR' : NOT_A_FILE;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  const { code = 'unreadable' } = error as NodeJS.ErrnoException;
  return code === 'ESPIPE' ? NOT_A_FILE : code;
}

function fingerprintOf(contents: ReadonlyMap<string, Content>): string {
  const hash = createHash('sha256');
  for (const [file, content] of contents) {
    const kind = typeof content === 'string' ? 'error' : 'bytes';
    hash.update(`${kind} ${Buffer.byteLength(content)} ${file}\n`).update(content);
  }
  return hash.digest('hex');
}
