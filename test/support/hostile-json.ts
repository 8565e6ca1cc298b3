/**
 * Answers that are almost right: of a JSON value one place is given another type or size, is lost, or comes twice. With the same
 * seed always the same ones.
 */

/** As text, because JSON has numbers that no language writes so. */
const VALUES = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-1',
    '1.5',
    '-0',
    '1e300',
    '1e999',
    '18446744073709551615',
    '-9223372036854775809',
  ],
  ...['""', '"x"', '"\\u0000"', '"\\ud800"', '"error"', '"9".repeat', '[]', '{}', '[null]', '[[[[[[]]]]]]', '{"":""}'],
  ...['{"error":{}}', '{"toString":1,"__proto__":{"x":1},"constructor":2}', '["a",{"text":"b"},3]', 'NaN', '', '}'],
];

/** An integer from 0 to below `below`. */
export type Chance = (below: number) => number;

export function chanceOf(seed: number): Chance {
  let state = seed % 2_147_483_647 || 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

const MARK = '\u0001here\u0001';

/** A text of JSON, which may be none, with one place changed; and what was done. */
export function spoilt(value: unknown, chance: Chance): { readonly text: string; readonly what: string } {
  const copy = structuredClone(value);
  const places: { readonly of: Record<string, unknown>; readonly key: string; readonly path: string }[] = [];
  const walk = (of: unknown, path: string): void => {
    if (typeof of !== 'object' || of === null) return;
    for (const key of Object.keys(of)) {
      places.push({ of: of as Record<string, unknown>, key, path: `${path}.${key}` });
      walk((of as Record<string, unknown>)[key], `${path}.${key}`);
    }
  };
  walk(copy, '');
  const { of, key, path } = places[chance(places.length)]!;
  const how = chance(VALUES.length + 2);
  if (how === VALUES.length) {
    if (Array.isArray(of)) of.splice(Number(key), 1);
    else delete of[key];
    return { text: JSON.stringify(copy), what: `${path} lost` };
  }
  if (how === VALUES.length + 1) {
    const text = JSON.stringify(copy);
    const at = 1 + chance(text.length - 1);
    return { text: text.slice(0, at), what: `cut at ${at}` };
  }
  of[key] = MARK;
  const written = VALUES[how]! === '"9".repeat' ? `"${'9'.repeat(5_000)}"` : VALUES[how]!;
  return {
    text: JSON.stringify(copy).replace(JSON.stringify(MARK), () => written),
    what: `${path} = ${written.slice(0, 60)}`,
  };
}
