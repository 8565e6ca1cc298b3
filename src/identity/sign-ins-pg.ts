/** Sign-ins by OIDC that are under way: each is taken once, by the browser that began it, at whichever gateway. */
import type { Query } from '../lib/query.js';
import { timeOf } from './users-pg.js';

export interface BegunSignIn {
  /** SHA-256, as everything here. */
  readonly state: Buffer;
  readonly browser: Buffer;
  readonly returnTo: string;
}

/** More are begun by nobody who means to end them. */
const MOST = 20_000;

/** False: too many are under way. */
export async function insertSignIn(
  query: Query,
  { state, browser, returnTo }: BegunSignIn,
  { nowMs, endsMs }: { readonly nowMs: number; readonly endsMs: number },
): Promise<boolean> {
  await query('delete from sign_ins where ends_at < $1', [timeOf(nowMs)]);
  const made = await query(
    `insert into sign_ins (state, browser, return_to, ends_at)
     select $1, $2, $3, $4 where (select count(*) from sign_ins) < ${MOST} returning state`,
    [state, browser, returnTo, timeOf(endsMs)],
  );
  return made.length > 0;
}

/** Where it leads to; null: there is none of this state, browser and time. */
export async function takeSignIn(query: Query, state: Buffer, browser: Buffer, nowMs: number): Promise<string | null> {
  const [taken] = await query<{ return_to: string }>(
    'delete from sign_ins where state = $1 and browser = $2 and ends_at > $3 returning return_to',
    [state, browser, timeOf(nowMs)],
  );
  return taken?.return_to ?? null;
}
