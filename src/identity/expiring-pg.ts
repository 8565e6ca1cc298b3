/** Keys that end soon and still work. */
import { and, gt, isNotNull, isNull, lte } from 'drizzle-orm';
import type { Database } from '../store/pg.js';
import { keys } from '../store/schema.js';
import type { Key } from './key.js';
import { keyColumns } from './keys-pg.js';

/** Those whose `expires_at` is after `nowMs` and not after `untilMs`, the next to end first. */
export const expiringKeys =
  (db: Database) =>
  (nowMs: number, untilMs: number): Promise<readonly Key[]> =>
    db
      .select(keyColumns)
      .from(keys)
      .where(
        and(
          isNull(keys.revoked_at),
          isNotNull(keys.expires_at),
          gt(keys.expires_at, nowMs),
          lte(keys.expires_at, untilMs),
        ),
      )
      .orderBy(keys.expires_at)
      .limit(1_000);
