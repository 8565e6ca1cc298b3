/**
 * A plain value against the schema, and zod's issues in the words of the configuration. A text that stands where a number or
 * a boolean is wanted is read as one (`port: "${PORT}"`, `max: 2_000_000`): the place decides the type, not the text.
 */
import type { z } from 'zod';
import type { Path } from './problem.js';
import { configSchema, type WrittenConfig } from './schema.js';
import { knownKeys, nearest, suggestion } from './suggest.js';

/** What is wrong at a path: with its value, or with the key itself. */
export interface Finding {
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly message: string;
}

export type Validated =
  | { readonly ok: true; readonly written: WrittenConfig }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Changes texts inside `value` to the numbers and booleans that their places want. */
export function validate(value: unknown): Validated {
  const config = withoutEmptySections(value ?? {});
  let result = configSchema.safeParse(config);
  // Every round reads at least one text as something else, so this ends.
  while (!result.success && result.error.issues.filter((issue) => readText(config, issue)).length > 0) {
    result = configSchema.safeParse(config);
  }
  if (result.success) return { ok: true, written: result.data };
  return { ok: false, findings: result.error.issues.flatMap((issue) => findingsOf(config, issue, [])) };
}

/** A section of which nothing is left but its name (`redis:`) is a section that is not there. */
function withoutEmptySections(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}

type Issue = z.core.$ZodIssue;

const NUMBER = /^[-+]?\d[\d_]*(\.\d+)?$/;

function readText(config: unknown, issue: Issue): boolean {
  if (issue.code !== 'invalid_type') return false;
  const parent = valueAt(config, issue.path.slice(0, -1)) as Record<PropertyKey, unknown> | undefined;
  const key = issue.path.at(-1);
  if (!parent || key === undefined) return false;
  const text = parent[key];
  if (typeof text !== 'string') return false;
  if (issue.expected === 'number' && NUMBER.test(text)) parent[key] = Number(text.replaceAll('_', ''));
  else if (issue.expected === 'boolean' && (text === 'true' || text === 'false')) parent[key] = text === 'true';
  else return false;
  return true;
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

function findingsOf(config: unknown, issue: Issue, above: Path): Finding[] {
  const path = [...above, ...issue.path] as Path;
  const finding = (message: string, part: Finding['part'] = 'value'): Finding[] => [{ path, part, message }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys
        .map((key) => [...path, key])
        .map((unknown) => {
          const key = String(unknown.at(-1));
          return {
            path: unknown,
            part: 'key',
            message: `unknown key${suggestion(key, knownKeys(configSchema, path))}`,
          };
        });
    case 'invalid_key':
      return finding(issue.issues[0]?.message ?? issue.message, 'key');
    case 'invalid_union':
      return unionFindings(config, issue, path);
    case 'invalid_type': {
      const value = valueAt(config, path);
      if (value !== undefined && !issue.message.startsWith('Invalid input')) return finding(issue.message);
      return finding(
        value === undefined
          ? 'is missing'
          : `expected ${named(issue.expected)}, found ${shown(value, issue.expected === 'string')}`,
      );
    }
    case 'invalid_value': {
      const value = valueAt(config, path);
      const words = issue.values.map(String);
      if (value === undefined) return finding(`is missing: one of ${words.join(', ')}`);
      const near = typeof value === 'string' ? nearest(value, words) : undefined;
      const hint = near === undefined ? `found ${shown(value)}` : `did you mean ${near}?`;
      return finding(`expected one of ${words.join(', ')}; ${hint}`);
    }
    case 'too_small':
      return finding(
        issue.origin === 'number'
          ? `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
          : issue.message,
      );
    case 'too_big':
      return finding(issue.origin === 'number' ? `must be at most ${issue.maximum}` : issue.message);
    default:
      return finding(issue.message);
  }
}

/** Of the alternatives the one whose type is right speaks; where none is, all are named. */
function unionFindings(config: unknown, issue: Issue & { code: 'invalid_union' }, path: Path): Finding[] {
  const wrongType = (issues: readonly Issue[]) =>
    issues.find((one) => one.code === 'invalid_type' && one.path.length === 0);
  const right = issue.errors.find((issues) => !wrongType(issues));
  if (right) return right.flatMap((inner) => findingsOf(config, inner, path));
  const types = issue.errors.map((issues) => {
    const one = wrongType(issues);
    return one?.code === 'invalid_type' ? named(one.expected) : '';
  });
  const value = valueAt(config, path);
  const message =
    value === undefined
      ? 'is missing'
      : `expected ${types.join(' or ')}, found ${shown(value, types.includes(named('string')))}`;
  return [{ path, part: 'value', message }];
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

const named = (type: string): string => NAMES[type] ?? type;

/** Never the value of a text: it may be a secret that slipped into another place. */
function shown(value: unknown, textWanted = false): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'object') return 'a mapping';
  const written = typeof value === 'number' ? `the number ${value}` : String(value);
  return textWanted ? `${written}; write it in quotes` : written;
}
