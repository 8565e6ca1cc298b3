/** A worker of a gateway with `server.workers` above 1. Started by the primary process, and by nobody else. */
import { providers } from '../providers/index.js';
import { runWorker } from './app/worker.js';

if (!process.send) {
  console.error('This is a part of `tollgate serve`, which starts it by itself (server.workers).');
  process.exit(1);
}
runWorker(providers);
