/** The thread of `load-elsewhere.ts`: answers each configuration that it is to load. */
import { parentPort } from 'node:worker_threads';
import { type LoadOptions, loadConfig } from './load.js';

parentPort?.on('message', (options: LoadOptions) => parentPort?.postMessage(loadConfig(options)));
