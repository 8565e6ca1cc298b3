/**
 * `npm test`: all test files against a real Postgres and a real Redis, each file in a process of its own, three at a time. A
 * file that does not end in its time is ended and counts as failed. Arguments pick the files whose names hold one of them;
 * with `--node24` these files, or a chosen part of the suite, run on Node 24 as well, before.
 * The last line is `N passed, N failed, N skipped`; a run that executed nothing has failed.
 */
import { setMaxListeners } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { packageRoot } from '../src/lib/root.js';
import { runOnNode24 } from './support/node24.js';
import { NothingToRunAgainst } from './support/packages.js';
import { provideServices, type Services } from './support/services.js';

const FILE_TIMEOUT_MS = 300_000;
/** Of one failure, in characters: a comparison of two long lists would fill the screen. */
const MOST_TOLD = 6_000;
const here = import.meta.dirname;

/** What node's runner tells of a test; its types leave `details` and the error loose. */
interface Told {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly line?: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: {
    readonly type?: string;
    readonly duration_ms: number;
    readonly error?: Error & { failureType?: string };
  };
}

const count = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];
const failures: string[] = [];
/** A name a line: what is still seen where the end of the output is all that is kept. */
const failed: string[] = [];

const filters = process.argv.slice(2).filter((word) => word !== '--node24');
const files = testFiles(filters);
process.exitCode = await main();

async function main(): Promise<number> {
  const stopped = new AbortController();
  setMaxListeners(0, stopped.signal); // every file listens to it
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  let services: Services | undefined;
  try {
    services = await provideServices();
    for (const line of services.told) console.log(line);
    process.env['TEST_DATABASE_URL'] = services.databaseUrl;
    if (services.redisUrl) process.env['TEST_REDIS_URL'] = services.redisUrl;
    if (process.argv.includes('--node24')) await tellOfNode24(stopped.signal);
    await runAll(stopped.signal, services.redisUrl ? 1 : 3); // files that flush one shared Redis take turns
  } catch (error) {
    if (!(error instanceof NothingToRunAgainst)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    await services?.stop();
  }
  if (skips.length > 0) console.log(`\nSkipped:\n${skips.join('\n')}`);
  if (failures.length > 0) console.log(`\nFailed:\n\n${failures.join('\n\n')}`);
  if (failed.length > 0) console.log(`\nFailed, by name:\n${failed.join('\n')}`);
  if (stopped.signal.aborted) console.log('\nStopped before the end.');
  if (count.passed + count.failed === 0) console.log('\nNo test ran.');
  console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  if (stopped.signal.aborted) return 130;
  return count.failed > 0 || count.passed === 0 ? 1 : 0;
}

/** Compiled test files whose source is still there, the slow end-to-end ones first. */
function testFiles(filters: readonly string[]): string[] {
  return readdirSync(here, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .filter((name) => existsSync(join(packageRoot, 'test', name.replace(/\.js$/, '.ts'))))
    .filter((name) => filters.length === 0 || filters.some((filter) => name.replace(/\.js$/, '.ts').includes(filter)))
    .sort((a, b) => Number(b.startsWith('e2e')) - Number(a.startsWith('e2e')) || a.localeCompare(b))
    .map((name) => join(here, name));
}

async function runAll(signal: AbortSignal, concurrency: number): Promise<void> {
  const told = run({ files, concurrency, timeout: FILE_TIMEOUT_MS, signal });
  const output = new Map<string, string>();
  for await (const { type, data } of told as AsyncIterable<{ type: string; data: unknown }>) {
    if (type === 'test:stdout' || type === 'test:stderr') {
      const { file, message } = data as { file: string; message: string };
      output.set(file, ((output.get(file) ?? '') + message).slice(-4_000));
    } else if (type === 'test:pass' || type === 'test:fail') {
      tell(type === 'test:pass', data as Told, output);
    }
  }
}

/** What ran on Node 24 counts like the rest; its own lines have its name before them. */
async function tellOfNode24(signal: AbortSignal): Promise<void> {
  const told = await runOnNode24(join(here, 'run.js'), filters, signal);
  count.passed += told.passed;
  count.failed += told.failed;
  count.skipped += told.skipped;
  if (told.failed > 0) failed.push(`  On Node 24: ${told.failed}, see above`);
  if (told.skipped > 0) skips.push(`  On Node 24: ${told.why ?? 'see above'}`);
}

function tell(passed: boolean, test: Told, output: ReadonlyMap<string, string>): void {
  if (test.details.type === 'suite' && (passed || test.details.error?.failureType === 'subtestsFailed')) return;
  const file = test.file ? relative(here, test.file).replace(/\.js$/, '.ts') : '';
  const name = test.file === test.name || files.includes(test.name) ? '(the file)' : test.name;
  const left = test.skip ?? test.todo;
  if (passed && left !== undefined && left !== false) {
    count.skipped++;
    skips.push(`  ${file}: ${name} (${left === true || left === '' ? 'no reason given' : left})`);
    return;
  }
  const ms = Math.round(test.details.duration_ms);
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${file}: ${name} (${ms} ms)`);
  if (passed) {
    count.passed++;
    return;
  }
  count.failed++;
  const error = test.details.error;
  const cause = error?.cause instanceof Error ? error.cause : (error?.cause ?? error);
  failed.push(`  ${file}: ${name}`);
  const printed = name === '(the file)' ? (output.get(test.file ?? test.name) ?? output.get(test.name) ?? '') : '';
  failures.push(
    `${file}: ${name}\n${inspect(cause, { depth: 4, maxStringLength: 2_000 }).slice(0, MOST_TOLD)}\n${printed}`.trimEnd(),
  );
}
