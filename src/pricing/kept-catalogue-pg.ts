/** The catalogue that an operator brought, as the database keeps it for all gateways. Whoever listens is told of a change. */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Store } from '../store/pg.js';

export interface KeptCatalogue {
  readonly sha256: string;
  readonly date: string;
}

export interface CatalogueStore {
  /** Which one is kept; null: none. */
  kept(): Promise<KeptCatalogue | null>;
  /** Its file; undefined where another one is kept by now. */
  file(sha256: string): Promise<string | undefined>;
  /** Keeps it with a line of the audit log, in the place of an older one; false where the kept one is not older (unless forced). */
  keep(catalogue: KeptCatalogue & { file: string; detail: object }, by: Who, force: boolean): Promise<boolean>;
  /** Forgets it, with a line of the audit log; false where none was kept. */
  forget(by: Who): Promise<boolean>;
}

interface Who {
  readonly actor: string;
  readonly atMs: number;
}

const zip = promisify(gzip);
const unzip = promisify(gunzip);
const MOST_BYTES = 64 * 1024 * 1024;

const keeping = `
  with kept as (
    insert into price_catalogue (sha256, dated, data, actor) values ($1, $2, $3, $4)
    on conflict (one) do update
    set sha256 = excluded.sha256, dated = excluded.dated, data = excluded.data, actor = excluded.actor, set_at = now()
    where $5 or price_catalogue.dated < excluded.dated
    returning 1
  )
  insert into audit_log (at, actor, action, subject, detail)
  select to_timestamp($6 / 1000.0), $4, 'prices.update', 'prices', $7 from kept`;

const forgetting = `
  with gone as (delete from price_catalogue returning sha256)
  insert into audit_log (at, actor, action, subject, detail)
  select to_timestamp($2 / 1000.0), $1, 'prices.reset', 'prices', jsonb_build_object('sha256', sha256) from gone`;

export function pgCatalogueStore({ pool }: Pick<Store, 'pool'>): CatalogueStore {
  return {
    async kept() {
      const { rows } = await pool.query<KeptCatalogue>('select sha256, dated::text as date from price_catalogue');
      return rows[0] ?? null;
    },
    async file(sha256) {
      const { rows } = await pool.query<{ data: Buffer }>('select data from price_catalogue where sha256 = $1', [
        sha256,
      ]);
      return rows[0] && (await unzip(rows[0].data, { maxOutputLength: MOST_BYTES })).toString('utf8');
    },
    async keep({ sha256, date, file, detail }, { actor, atMs }, force) {
      const data = await zip(file);
      const { rowCount } = await pool.query(keeping, [sha256, date, data, actor, force, atMs, JSON.stringify(detail)]);
      return rowCount === 1;
    },
    async forget({ actor, atMs }) {
      const { rowCount } = await pool.query(forgetting, [actor, atMs]);
      return rowCount === 1;
    },
  };
}
