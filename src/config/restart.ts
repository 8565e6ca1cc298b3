/**
 * What a running gateway cannot take from a changed configuration: it listens where it listens, and its stores are open.
 * Such a setting keeps its value until a restart, is reported at each reload, and holds nothing else back.
 */
import { isObject } from '../lib/json.js';
import type { Config } from './config.js';
import { formatPath } from './problem.js';

const settings: readonly (readonly [section: keyof Config, key: string | null])[] = [
  ['server', 'host'],
  ['server', 'port'],
  ['server', 'workers'],
  ['data_dir', null],
  ['database', 'url'],
  ['ledger', 'durability'],
  ['ledger', 'max_size'],
  ['ledger', 'on_full'],
  ['ledger', 'sent_unknown'],
  ['redis', 'url'],
  ['redis', 'on_failure'],
  ['cache', 'index'],
  ['telemetry', 'traces'],
  ['secrets_key', null],
];

/** `wanted` with the settings that have to wait as they run, and the names of those that differ. */
export function withoutRestart(running: Config, wanted: Config): { config: Config; restart: readonly string[] } {
  const config = { ...wanted } as Record<keyof Config, unknown>;
  const restart: string[] = [];
  for (const [section, key] of settings) {
    const now = key === null ? running[section] : valueIn(running[section], key);
    const then = key === null ? wanted[section] : valueIn(wanted[section], key);
    if (same(now, then)) continue;
    restart.push(key === null ? section : `${section}.${key}`);
    config[section] = key === null ? now : { ...(config[section] as object), [key]: now };
  }
  // Other certificates can be taken; a listener that speaks TLS cannot become one that does not.
  const { tls } = running.server;
  if ((tls === null) !== (wanted.server.tls === null)) {
    restart.push('server.tls');
    config.server = { ...(config.server as object), tls };
  }
  return { config: config as Config, restart };
}

/** The names of what differs, never a value: `models.gpt-4o`, `server.body_limit`, `data_dir`. */
export function differences(before: Config, after: Config): string[] {
  const found: string[] = [];
  for (const section of Object.keys({ ...before, ...after }) as (keyof Config)[]) {
    const [a, b] = [before[section], after[section]];
    if (same(a, b)) continue;
    if (!isObject(a) || !isObject(b)) found.push(section);
    else
      for (const key of Object.keys({ ...a, ...b }))
        if (!same(valueIn(a, key), valueIn(b, key))) found.push(formatPath([section, key]));
  }
  return found;
}

const MOST_DEEP = 6;

/** The names of what differs as far down as they go, never a value: `models.gpt-4o.retry.max_attempts`. */
export function changesOf(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (same(before, after)) return [];
  const isSplit = isObject(before) && isObject(after) && path.length < MOST_DEEP;
  if (!isSplit) return [formatPath(path)];
  return Object.keys({ ...before, ...after }).flatMap((key) =>
    changesOf(valueIn(before, key), valueIn(after, key), [...path, key]),
  );
}

const valueIn = (value: unknown, key: string): unknown => (value as Record<string, unknown>)[key];
const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
