/**
 * Every pattern of the house reads hostile text in linear time. The patterns are found in the source itself, so that a new one
 * is measured without being named here. What is measured is growth: four times the text may take four times as long, and not
 * sixteen times.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';

/** Patterns that are put together while it runs, by file, and why they are linear. */
const madeAtRunTime: Readonly<Record<string, string>> = {
  'providers/sandbox.ts': 'a name of its own, then at most six digits, in brackets',
  'src/cache/semantic/languages.ts': 'one character of a script',
  'src/pricing/catalogue-file.ts':
    'a pattern of a catalogue that is brought: compiled to see whether it is one, and not run',
  'src/pricing/catalogue-provider.ts':
    'a pattern of the catalogue, against the address of a base URL of the configuration',
  'src/tokens/encodings.ts': 'the split of an encoding; test/tokens/estimate-time.test.ts measures it',
};

const SHORT = 3_000;
const TIMES_LONGER = 4;
/** Between linear (4) and quadratic (16). */
const MOST_GROWTH = 9;
/** Faster than this on the long text, the clock tells noise. */
const LEAST_MS = 0.5;

const files = ['src', 'providers'].flatMap((folder) =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);
const sources = new Map(files.map((file) => [file, readFileSync(join(packageRoot, file), 'utf8')]));

/** After these a slash begins a pattern and divides nothing. */
const BEFORE_PATTERN = /(?:^|[=(,:[&|?{};+>~]|(?<![\w)\]])!|\b(?:return|typeof|case|of|in)!?)$/;

/** The pattern literals of a source text. Strings, templates and comments are passed over. */
function literalsOf(text: string): string[] {
  const found: string[] = [];
  const templates: number[] = []; // open braces inside each `${`
  let last = '';
  for (let at = 0; at < text.length; ) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === '//') at = indexOr(text, '\n', at);
    else if (two === '/*') at = indexOr(text, '*/', at) + 2;
    else if (char === "'" || char === '"') {
      at = stringEnd(text, at, char);
      last = 'x';
    } else if (char === '`' || (char === '}' && templates.at(-1) === 0)) {
      if (char === '}') templates.pop();
      const end = templateEnd(text, at + 1);
      if (end.opens) templates.push(0);
      at = end.at;
      last = end.opens ? '(' : 'x';
    } else if (char === '/' && BEFORE_PATTERN.test(last)) {
      const end = patternEnd(text, at);
      found.push(text.slice(at, end));
      at = end;
      last = 'x';
    } else {
      if (templates.length > 0 && (char === '{' || char === '}'))
        templates[templates.length - 1]! += char === '{' ? 1 : -1;
      if (!/\s/.test(char)) last = (last + char).slice(-10);
      else if (/\w$/.test(last))
        last = `${last} `.replace(/(\w+) $/, (word) => (isKeyword(word.trim()) ? word.trim() : 'x'));
      at++;
    }
  }
  return found;
}

const isKeyword = (word: string): boolean => ['return', 'typeof', 'case', 'of', 'in'].includes(word);

function indexOr(text: string, part: string, from: number): number {
  const at = text.indexOf(part, from);
  return at === -1 ? text.length : at;
}

function stringEnd(text: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function templateEnd(text: string, start: number): { readonly at: number; readonly opens: boolean } {
  let at = start;
  while (at < text.length && text[at] !== '`') {
    if (text.startsWith('${', at)) return { at: at + 2, opens: true };
    at += text[at] === '\\' ? 2 : 1;
  }
  return { at: at + 1, opens: false };
}

function patternEnd(text: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < text.length && (text[at] !== '/' || inClass)) {
    if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  at++;
  while (/[a-z]/.test(text[at] ?? '')) at++;
  return at;
}

function compiled(literal: string): RegExp {
  const end = literal.lastIndexOf('/');
  const flags = literal.slice(end + 1);
  // Read to the end of the text, wherever the first match is.
  return new RegExp(literal.slice(1, end), flags.includes('g') ? flags : `${flags}g`);
}

const COMMON = [
  'a',
  'a.',
  '.',
  ' ',
  '0',
  '0.',
  '-',
  'a-',
  'a ',
  '"',
  '\\',
  '<',
  '{',
  '[',
  ',',
  ', ',
  '=',
  ':',
  '/',
  '\n',
  '\t',
  'é',
  '0a',
];

/** Texts that begin as the pattern wants and go on for ever: its own words, over and over, and with a common filler behind. */
function hostileTo({ source }: RegExp): (readonly [string, string])[] {
  const plain = source.replace(/\\[bBdDwWsSnrt]|\(\?[:=!<]+|\\u\{?[0-9a-f]+\}?/gi, ' ').replace(/\\(.)/g, '$1');
  const words = [...new Set(plain.match(/[\w.:@/ -]{2,40}/g) ?? [])]
    .map((word) => word.trim())
    .filter(Boolean)
    .slice(0, 25);
  const own = words.flatMap(
    (word) =>
      [
        ['', word],
        ['', `${word} `],
        [word, 'a'],
        [word, ' '],
        [word, 'a '],
        [word, '0'],
        [word, '.'],
      ] as const,
  );
  return [...COMMON.map((unit) => ['', unit] as const), ...own];
}

const textOf = ([before, unit]: readonly [string, string], length: number): string =>
  `${before}${unit.repeat(Math.ceil(length / unit.length)).slice(0, length)}\u0000`;

/** The least of several, which is the one that nothing else disturbed. */
function leastMs(pattern: RegExp, text: string, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    pattern.lastIndex = 0;
    text.replace(pattern, '');
    least = Math.min(least, performance.now() - begun);
  }
  return least;
}

/** Where a text takes more than its share, how much. */
function growthOf(pattern: RegExp): string | undefined {
  for (const hostile of hostileTo(pattern)) {
    const long = textOf(hostile, SHORT * TIMES_LONGER);
    if (leastMs(pattern, long, 1) < LEAST_MS) continue;
    const longMs = leastMs(pattern, long, 5);
    if (longMs < LEAST_MS) continue;
    const short = textOf(hostile, SHORT);
    let growth = longMs / leastMs(pattern, short, 9);
    // What the machine did meanwhile is not there a second and a third time.
    for (let again = 0; again < 2 && growth > MOST_GROWTH; again++)
      growth = Math.min(growth, leastMs(pattern, long, 9) / leastMs(pattern, short, 9));
    if (growth > MOST_GROWTH) return `${JSON.stringify(hostile)}: ${growth.toFixed(1)} times, ${longMs.toFixed(1)} ms`;
  }
  return undefined;
}

describe('the scan of the source', () => {
  for (const [text, literals] of [
    ['const a = /a\\/[/]b/gi;', ['/a\\/[/]b/gi']],
    [
      'const a = \'/no/\' + "/no/" + `/no/ ${x ? /yes/ : `${/too/u}`} /no/`; // /no/\n/* /no/ */ f(/last/)',
      ['/yes/', '/too/u', '/last/'],
    ],
    ['const half = width / 2 / height; return /yes/.test(a)', ['/yes/']],
    ['a[0] / b / c; d! / e; !/yes/.test(f); return !/too/.test(g)', ['/yes/', '/too/']],
  ] as const) {
    test(`finds what is in ${text.slice(0, 40)}`, () => assert.deepEqual(literalsOf(text), literals));
  }

  test('and the measure tells a quadratic pattern from a linear one', () => {
    assert.notEqual(growthOf(/\b[\w-]+(?:\.[\w-]+)*\.(?:internal|local)\b/g), undefined);
    assert.equal(growthOf(/[\w.-]+(?::\d{1,5})?/g), undefined);
  });
});

describe('every pattern is linear', () => {
  for (const [file, text] of sources) {
    const literals = literalsOf(text);
    if (literals.length === 0) continue;
    test(`${file}: ${literals.length}`, () => {
      const slow = literals.flatMap((literal) => {
        const growth = growthOf(compiled(literal));
        return growth === undefined ? [] : [`${literal.slice(0, 120)} ${growth}`];
      });
      assert.deepEqual(slow, []);
    });
  }

  test('and none is put together while it runs but those that are named here', () => {
    const made = files.filter((file) => /new RegExp\(/.test(sources.get(file)!));
    assert.deepEqual(made.sort(), Object.keys(madeAtRunTime).sort());
  });

  test('there are patterns', () => {
    const count = [...sources.values()].reduce((sum, text) => sum + literalsOf(text).length, 0);
    assert.ok(count > 100, String(count));
  });
});
