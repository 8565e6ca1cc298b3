/**
 * A draft of the configuration: judged as a start would judge it, and compared with what runs, by the names of settings alone. It
 * comes over the network, so it may say less than a file: it reads no other files than what runs reads, and nothing that a variable of
 * the environment holds is in an answer. Where something is wrong, it is judged once more with every such value replaced, and
 * what is told are the words of that.
 */
import type { LoadedWithAdded } from './added.js';
import type { Config } from './config.js';
import type { Problem } from './problem.js';
import { changesOf, withoutRestart } from './restart.js';

export interface Draft {
  readonly text: string;
  /** Absolute paths of the files that it may read. */
  readonly files: readonly string[];
  /** Letters and digits stand for what variables hold. */
  readonly masked: boolean;
}

export type Judged =
  | { readonly valid: true; readonly changed: readonly string[]; readonly restart: readonly string[] }
  | { readonly valid: false; readonly problems: readonly Problem[] };

const UNTOLD = 'is wrong; the words are kept back, for they would have what a variable of the environment holds';

export async function judgeDraft(
  text: string,
  running: { readonly config: Config; readonly files: readonly string[] },
  load: (draft: Draft) => Promise<LoadedWithAdded>,
): Promise<Judged> {
  const draft = { text, files: running.files };
  const loaded = await load({ ...draft, masked: false });
  if (loaded.ok) {
    const { config, restart } = withoutRestart(running.config, loaded.config);
    return { valid: true, changed: changesOf(running.config, config), restart };
  }
  const masked = await load({ ...draft, masked: true });
  const told = masked.ok ? [] : masked.problems;
  const problems = loaded.problems.map((problem) => {
    const { line, column, path } = problem;
    const same = told.find((one) => one.line === line && one.column === column && one.path === path);
    return { ...problem, file: 'draft', message: same?.message ?? UNTOLD };
  });
  return { valid: false, problems };
}

/** Numbers and switches are no secrets, and their places want nothing else. */
const PLAIN = /^(\d{1,6}|true|false|)$/;

/** Of the same length, and with the same signs between letters and digits. */
export const maskedValue = (value: string): string =>
  PLAIN.test(value) ? value : value.replace(/[a-z]/gi, 'x').replace(/\d/g, '0');
