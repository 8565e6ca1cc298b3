/** What the documents tell a reader to type: the commands of their shell blocks, and requests of the admin API. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/root.js';

export interface Block {
  /** Such as `docs/keys.md`. */
  readonly file: string;
  readonly language: string;
  readonly text: string;
}

const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const textOf = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

export const blocks: readonly Block[] = documents.flatMap((file) =>
  [...textOf(file).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
    file,
    language: language!,
    text: text!,
  })),
);

/** A block's commands, a line each, without comments; lines that go on after a `\` are one. */
export const commandsOf = ({ text }: Block): string[] =>
  text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)#\s.*$/, '').trim())
    .filter((line) => line !== '');

/** What stands between backticks in the prose and the tables. */
export const inline: readonly { readonly file: string; readonly text: string }[] = documents.flatMap((file) =>
  [
    ...textOf(file)
      .replace(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, text]) => ({ file, text: text! })),
);

export interface WrittenRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** A request as it is drawn in a block: the line, headers, an empty line, the body. */
export function requestOf({ text }: Block): WrittenRequest {
  const [head, ...body] = text.split('\n\n');
  const [method, target] = head!.split('\n')[0]!.split(' ');
  return { method: method!, target: target!, body: body.join('\n\n').trim() };
}
