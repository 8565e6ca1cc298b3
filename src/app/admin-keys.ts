/**
 * Tells where gateways of one database run with different admin keys: then the one does not know who signed in at the other. Looked
 * at when a gateway starts and every half a minute; the embedded database has one gateway.
 */
import type { Store } from '../store/pg.js';
import { queryOf } from '../store/query.js';
import type { Log } from '../telemetry/log.js';

const EVERY_MS = 30_000;
const WORDS =
  'another gateway on this database runs with another admin key: set admin.key, the same at each; whoever signs in at one is unknown at the others';

/** Resolves once it is known who else is there, or that the database does not answer. */
export async function watchAdminKeys(
  { store, embedded }: { readonly store: Store; readonly embedded: boolean },
  actor: () => string | null,
  log: Pick<Log, 'warn'>,
): Promise<{ close(): void }> {
  if (embedded) return { close: () => {} };
  const query = queryOf(store.pool);
  let told = '';
  const look = async (): Promise<void> => {
    const mine = actor();
    if (mine === null) return;
    await query(
      'insert into admin_keys values ($1, now()) on conflict (actor) do update set seen_at = excluded.seen_at',
      [mine],
    );
    await query(`delete from admin_keys where seen_at < now() - interval '90 seconds'`);
    const others = (
      await query<{ actor: string }>('select actor from admin_keys where actor <> $1 order by 1', [mine])
    ).map((one) => one.actor);
    if (others.length > 0 && others.join() !== told) log.warn({ others, mine }, WORDS);
    told = others.join();
  };
  await look().catch(() => {}); // the database is away: it is looked at again
  const timer = setInterval(() => void look().catch(() => {}), EVERY_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
