/** The thread of `load-elsewhere.ts`: loads one configuration and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LoadOptions, loadConfig } from './load.js';

parentPort?.postMessage(loadConfig(workerData as LoadOptions));
