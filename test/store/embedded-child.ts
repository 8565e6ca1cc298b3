/**
 * A process of its own with an embedded database, for tests that kill it. `hold <dir>` opens it and says so; `write <dir>`
 * also inserts rows without end and says the number of each that was committed; `lock <file>` takes the lock and says so.
 * It ends when its standard input does.
 */
import { takeLock } from '../../src/store/data-lock.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { openStore } from '../../src/store/pg.js';

const [what, path = ''] = process.argv.slice(2);
const say = (line: string | number) => process.stdout.write(`${line}\n`);
process.stdin.once('end', () => process.exit(0)).resume();

try {
  if (what === 'lock') await takeLock(path);
  else {
    const { connection } = await openEmbedded({ dataDir: path });
    if (what === 'write') void write(openStore(connection).pool);
  }
  say('open');
} catch (error) {
  say(String(error));
}

async function write(pool: ReturnType<typeof openStore>['pool']): Promise<void> {
  await pool.query('create table if not exists rows (n int)');
  for (let n = 0; ; n++) {
    await pool.query({ name: 'insert', text: 'insert into rows values ($1)', values: [n] });
    say(n);
  }
}
