/** Makes a new embedded database in the folder that is the first argument, and ends. */
import { PGlite } from '@electric-sql/pglite';

const dataDir = process.argv[2];
if (!dataDir) throw new Error('no folder given');
process.once('disconnect', () => process.exit(1));
await (await PGlite.create({ dataDir })).close();
process.exit(0);
