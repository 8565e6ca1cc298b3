/** The lines that the source writes into the log: level and words of each call, found in the text of the files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/root.js';

export interface LogLine {
  readonly file: string;
  readonly level: string;
  /** What varies in it is `...`. */
  readonly words: string;
  /** The names of the fields where they stand in the call. */
  readonly fields: readonly string[];
}

const CALL = /\blog\.(debug|info|warn|error|fatal)\(/g;
const LITERAL = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g;

export function logLines(): LogLine[] {
  const src = join(packageRoot, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      return [...text.matchAll(CALL)].flatMap((call): LogLine[] => {
        const args = argumentsAt(text, call.index + call[0].length);
        const words = [...args.replace(/^\s*\{[^}]*\}/, '').matchAll(LITERAL)].map(
          ([, single, double, template]) => single ?? double ?? template!.replace(/\$\{[^}]*\}/g, '...'),
        );
        const fields = [...(/^\s*\{([^}]*)\}/.exec(args)?.[1] ?? '').matchAll(/(?:^|,)\s*(\w+)/g)].map(
          ([, name]) => name!,
        );
        return words.length === 0
          ? []
          : words.map((one) => ({ file: `src/${file}`, level: call[1]!, words: one, fields }));
      });
    });
}

/** What stands between the parentheses. */
function argumentsAt(text: string, from: number): string {
  let depth = 1;
  let at = from;
  for (; at < text.length && depth > 0; at++) {
    if ('([{'.includes(text[at]!)) depth++;
    else if (')]}'.includes(text[at]!)) depth--;
  }
  return text.slice(from, at - 1);
}
