/** Every page of a list of the admin API. */
import { type CliWorld, type Common, call } from './gateway-client.js';

export async function everyPage<T>(
  world: CliWorld,
  options: Common,
  path: string,
  filter: Readonly<Record<string, string | undefined>> = {},
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: '200' });
    for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
    if (cursor !== null) query.set('cursor', cursor);
    const page: { data: T[]; next_cursor: string | null } = await call(world, options, 'GET', `${path}?${query}`);
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return all;
}
