/** Migrations without a start: of the database that the configuration names, or of the embedded one, which no gateway may have open. */
import type { Config } from '../config/config.js';
import { openEmbedded } from '../store/embedded.js';
import { migrate, missingMigrations } from '../store/migrate.js';
import { openStore } from '../store/pg.js';

interface Migrated {
  /** Without user and password. */
  readonly database: string;
  /** That were applied, or, where nothing was to be changed, that are missing. */
  readonly migrations: readonly string[];
}

/** Throws where the database cannot be reached or refuses. */
export async function migrateDatabase({ database, data_dir }: Config, dryRun: boolean): Promise<Migrated> {
  const embedded =
    database.url === null
      ? await openEmbedded({ dataDir: data_dir, onCrash: (error) => console.error(error.message) })
      : null;
  const store = openStore({ ...(embedded ? embedded.connection : { url: database.url! }), max: 1 });
  try {
    const migrations = await (dryRun ? missingMigrations(store.pool) : migrate(store.pool));
    return {
      database: database.url === null ? `the embedded database in ${data_dir}` : shown(database.url),
      migrations,
    };
  } finally {
    await store.close();
    await embedded?.close();
  }
}

function shown(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
