/** What the tables of responses and of conversations have in common. */
import { timeOf } from '../store/times.js';

/** Removes of a table what is over at the time `$1` or belongs to a revoked key, at most `$2` rows. */
export const sweepOf = (table: 'stored_responses' | 'conversations'): string => `
  delete from ${table} where id in (
    select id from ${table} where expires_at <= ${timeOf('$1')}
    union all
    select kept.id from ${table} kept join keys k on k.id = kept.key_id where k.revoked_at is not null
    limit $2)`;
