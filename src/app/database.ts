/** The part of the composition that opens the database: the one that is configured, or the embedded one. */
import type { Config } from '../config/config.js';
import { localChanges } from '../identity/changes.js';
import { pgChanges } from '../identity/changes-pg.js';
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import { openEmbedded } from '../store/embedded.js';
import { migrate } from '../store/migrate.js';
import { type Connection, openStore, type Store } from '../store/pg.js';
import type { Log } from '../telemetry/log.js';
import { saying, startPart } from './start-failures.js';

interface Opened {
  readonly store: Store;
  readonly connection: Connection;
  readonly embedded: boolean;
  close(): Promise<void>;
}

async function openDatabase(config: Config, log: Log): Promise<Opened> {
  const onIdleError = (error: Error): void => log.warn({ error: messageOf(error) }, 'database connection');
  if (config.database.url !== null) {
    const connection = { url: config.database.url };
    const store = openStore({ ...connection, onIdleError });
    return { store, connection, embedded: false, close: () => store.close() };
  }
  const embedded = await openEmbedded({
    dataDir: config.data_dir,
    onCrash: (error) => log.fatal({ error: messageOf(error) }, 'the embedded database ended'),
  });
  const store = openStore({ ...embedded.connection, onIdleError });
  const close = async (): Promise<void> => {
    await store.close();
    await embedded.close();
  };
  return { store, connection: embedded.connection, embedded: true, close };
}

/** How this process hears of changes that others make. With the embedded database there are no others. */
export function changesOf({ embedded, connection }: Pick<Opened, 'embedded' | 'connection'>, clock: Clock, log: Log) {
  const announced = embedded
    ? undefined
    : pgChanges({
        ...{ connection, clock },
        onLine: (state, error) =>
          log.info({ state, error: error === undefined ? undefined : messageOf(error) }, 'key changes'),
      });
  return { announced, changes: announced ?? localChanges() };
}

/** Who asks whether a gateway is ready often waits for a second alone. */
const PING_MS = 500;

/** Known keys are served and entries wait in the spool while it is away, so a gateway is ready without it. */
export async function databaseHealth(store: Store): Promise<{ ok: boolean; optional: true; detail?: string }> {
  try {
    await store.ping(PING_MS);
    return { ok: true, optional: true };
  } catch (error) {
    return { ok: false, optional: true, detail: messageOf(error) };
  }
}

/** Opens the database and brings it to this version. */
export async function startDatabase(config: Config, log: Log, say: (line: string) => void): Promise<Opened> {
  const { database, data_dir } = config;
  const setting = database.url === null ? 'data_dir' : 'database.url';
  const opening = database.url === null ? `opening the embedded database in ${data_dir}` : 'connecting to the database';
  return startPart(setting, config, async () => {
    const opened = await saying(opening, say, () => openDatabase(config, log));
    await saying('bringing the database to this version', say, () => migrate(opened.store.pool));
    return opened;
  });
}
