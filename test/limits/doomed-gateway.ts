/** A gateway process that takes holds and lives on, until a test kills it. Arguments: Redis's URL, prefix, lease in ms. */
import { Limit } from '../../src/limits/limit.js';
import { estimate, spec } from '../contract/limits/rig.js';
import { openGateway } from '../support/limits-redis.js';

const [url, prefix, leaseMs] = process.argv.slice(2) as [string, string, string];
const { limits } = await openGateway({ url, prefix, leaseMs: Number(leaseMs) });
limits.start();
const of = [
  new Limit({ kind: 'key', id: 'shared' }, spec('usd', 1000, 'month')),
  new Limit({ kind: 'key', id: 'shared' }, spec('concurrent', 3, null)),
];
for (const id of ['stream-1', 'stream-2'])
  await limits.reserve({ id, note: `note of ${id}`, limits: of, estimate: estimate(50, 200) });
process.stdout.write('taken\n');
setInterval(() => {}, 1000);
