/** Changes the configuration of a running gateway, as people and orchestrators do. */
import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import type { Gateway } from './gateway.js';

// biome-ignore lint/suspicious/noExplicitAny: a configuration as a test writes it
export type Written = any;

export interface Status {
  readonly file: string;
  readonly hash: string;
  readonly since: string;
  readonly restart: readonly string[];
  readonly last_reload: {
    readonly status: string;
    readonly trigger: string;
    readonly problems?: readonly { readonly line: number; readonly column: number; readonly message: string }[];
  } | null;
}

export const configFile = (gateway: Gateway): string => join(gateway.dir, 'config.yaml');

export async function edited(gateway: Gateway, change: (config: Written) => void): Promise<string> {
  const config: Written = parse(await readFile(configFile(gateway), 'utf8'));
  change(config);
  return stringify(config);
}

/** A new file in the place of the old one, as editors save. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

export const statusOf = (gateway: Gateway): Promise<Status> => gateway.admin('GET', '/config/status');

/** Waits for something that the gateway does by itself. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) assert.fail(`did not happen: ${what}`);
    await sleep(20);
  }
}

/** Makes a change and waits until a reload has taken it in. */
export async function changeAndWait(gateway: Gateway, change: () => Promise<void>): Promise<Status> {
  const before = await statusOf(gateway);
  await change();
  return eventually('a reload', async () => {
    const status = await statusOf(gateway);
    return status.hash === before.hash ? undefined : status;
  });
}

/** Edits the file and waits until the gateway has noticed by itself. */
export const editAndWait = (gateway: Gateway, change: (config: Written) => void): Promise<Status> =>
  changeAndWait(gateway, async () => replaceFile(configFile(gateway), await edited(gateway, change)));

export interface Reloaded {
  readonly status: number;
  readonly body: Written;
}

export async function reloadByApi(gateway: Gateway, headers: Record<string, string> = {}): Promise<Reloaded> {
  const response = await fetch(`${gateway.url}/admin/v1/config/reload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminKey}`, ...headers },
  });
  return { status: response.status, body: await response.json() };
}
