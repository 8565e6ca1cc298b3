/** Where added providers and models are kept: `added_configuration`, encrypted. Changes are made inside the caller's transaction. */
import type { AddedEntry, AddedKind } from '../config/added.js';
import type { Query } from '../lib/query.js';
import type { Seal } from '../lib/seal.js';

export interface AddedRow {
  readonly kind: AddedKind;
  readonly name: string;
  /** Undefined: it was encrypted with another `secrets_key`, or is not what it should be. */
  readonly entry: AddedEntry | undefined;
}

/** Whoever changes what is added holds this advisory lock, so that each sees what the one before it made. */
const LOCK = '8390043843661231207';
/** More would make every reload slow. */
export const MOST_ADDED = 5_000;

/** The one order of them, whatever the database sorts by. */
export const inOrder = (rows: readonly AddedRow[]): readonly AddedRow[] =>
  [...rows].sort((a, b) => {
    const [one, other] = [placeOf(a.kind, a.name), placeOf(b.kind, b.name)];
    return one < other ? -1 : one > other ? 1 : 0;
  });

export class AddedRows {
  readonly #seal: Seal;

  constructor(seal: Seal) {
    this.#seal = seal;
  }

  /** In the order of their names. */
  async read(query: Query): Promise<readonly AddedRow[]> {
    const rows = await query<{ kind: AddedKind; name: string; sealed: Buffer }>(
      'select kind, name, sealed from added_configuration order by kind, name limit $1',
      [MOST_ADDED],
    );
    return rows.map(({ kind, name, sealed }) => ({ kind, name, entry: this.#open(kind, name, sealed) }));
  }

  async lock(query: Query): Promise<void> {
    await query(`select pg_advisory_xact_lock(${LOCK})`);
  }

  async put(query: Query, { kind, name, written }: AddedEntry, atMs: number): Promise<void> {
    const sealed = this.#seal.close(Buffer.from(JSON.stringify(written)), placeOf(kind, name));
    await query(
      `insert into added_configuration (kind, name, sealed, created_at, updated_at) values ($1, $2, $3, $4, $4)
       on conflict (kind, name) do update set sealed = excluded.sealed, updated_at = excluded.updated_at`,
      [kind, name, sealed, new Date(atMs)],
    );
  }

  async remove(query: Query, kind: AddedKind, name: string): Promise<void> {
    await query('delete from added_configuration where kind = $1 and name = $2', [kind, name]);
  }

  #open(kind: AddedKind, name: string, sealed: Buffer): AddedEntry | undefined {
    const clear = this.#seal.open(sealed, placeOf(kind, name));
    if (!clear) return undefined;
    try {
      const written = JSON.parse(clear.toString()) as unknown;
      const isObject = typeof written === 'object' && written !== null && !Array.isArray(written);
      return isObject ? { kind, name, written: written as AddedEntry['written'] } : undefined;
    } catch {
      return undefined;
    }
  }
}

const placeOf = (kind: AddedKind, name: string): string => `${kind}\n${name}`;
