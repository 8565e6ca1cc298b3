/** `npm run bench [name...]`: one file per claim. */
import * as capture from './capture.js';
import * as company from './company.js';
import * as dialects from './dialects.js';
import * as http2 from './http2.js';
import * as ledger from './ledger.js';
import * as limits from './limits.js';
import * as loop from './loop.js';
import * as proxy from './proxy.js';
import * as reports from './reports.js';
import * as routes from './routes.js';
import * as soak from './soak.js';
import * as spool from './spool.js';
import * as stream from './stream.js';
import * as streams from './streams.js';
import * as tokens from './tokens.js';
import * as traces from './traces.js';
import * as workers from './workers.js';

const benches = {
  proxy,
  workers,
  loop,
  routes,
  stream,
  dialects,
  tokens,
  ledger,
  limits,
  reports,
  spool,
  traces,
  capture,
};
/** Take minutes: only where they are named. */
const apart = { company, http2, streams, soak };
const names = process.argv.slice(2);

for (const [name, bench] of Object.entries({ ...benches, ...apart })) {
  if (names.length > 0 ? !names.includes(name) : name in apart) continue;
  console.log(`\n# ${name}`);
  await bench.run();
}
process.exit(0);
