/**
 * What the configuration will have and this version does not do. Such a key is refused, because a gateway that read it and
 * did nothing would promise what it does not keep. When a feature comes, its row goes.
 */
import type { Path } from './problem.js';

interface Row {
  /** `*` is any key or index. */
  readonly path: readonly string[];
  /** How the message names it. */
  readonly what: string;
  /** Only such values are refused. */
  readonly where?: (value: unknown) => boolean;
}

const row = (path: string, what = `\`${path.split('.').at(-1)}\``, where?: Row['where']): Row => ({
  path: path.split('.'),
  what,
  ...(where && { where }),
});

const rows: readonly Row[] = [row('capture')];

export interface Unavailable {
  readonly path: Path;
  /** The key is what is not there, or only a value of it. */
  readonly part: 'key' | 'value';
  readonly message: string;
}

/** Every part of a configuration that asks for what is not there. */
export function findUnavailable(config: unknown): Unavailable[] {
  return rows.flatMap(({ path, what, where }) =>
    matches(config, path)
      .filter(({ value }) => where?.(value) ?? true)
      .map((match) => ({
        path: match.path,
        part: where ? 'value' : 'key',
        message: `${what} is not available in this version`,
      })),
  );
}

/** Whether a key is in the table, whatever its value. */
export const isUnavailable = (path: Path): boolean =>
  rows.some(
    (row) => row.path.length === path.length && row.path.every((step, i) => step === '*' || step === String(path[i])),
  );

function matches(value: unknown, pattern: readonly string[], path: Path = []): { path: Path; value: unknown }[] {
  const [step, ...rest] = pattern;
  if (step === undefined) return [{ path, value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value)
    .filter((key) => step === '*' || step === key)
    .flatMap((key) =>
      matches((value as Record<string, unknown>)[key], rest, [...path, Array.isArray(value) ? Number(key) : key]),
    );
}

/** The paths of the table, `*` for any name, for tests and the reference. */
export const unavailablePaths = (): string[] => rows.map(({ path }) => path.join('.'));
