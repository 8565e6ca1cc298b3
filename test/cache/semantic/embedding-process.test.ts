/** The embedding process comes and goes without the gateway: killed it is started again, and it never outlives who asked. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCAL_MODEL, ownModel } from '../../../src/cache/semantic/embedder.js';
import { VectorWorker, WorkerAway } from '../../../src/cache/semantic/vector-worker.js';
import { packageRoot } from '../../../src/lib/root.js';

const build = join(import.meta.dirname, '../../..');

/** Processes that were started with this text among their arguments, but for those whose first ones are `-e`. */
function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.some((word) => word.endsWith('embed-worker.js')) && words.some((word) => word.includes(text));
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('the embedding process', { skip: process.platform !== 'linux' && 'processes are found in /proc' }, () => {
  let dir: string;
  let folder: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tollgate-embedding-'));
    folder = join(dir, 'model'); // a name of its own, by which the process is found
    symlinkSync(join(packageRoot, 'models', LOCAL_MODEL), folder);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const options = () => ({ ...ownModel, folder, capacity: 10, perScope: 10, mostWaiting: 8 });

  it('that is killed is told to those who wait, and started again with the next question', async () => {
    const ends: Error[] = [];
    const worker = new VectorWorker({ ...options(), onEnd: (error) => ends.push(error) });
    try {
      const before = (await worker.ask({ op: 'embed', text: 'hello' }, 30_000)).vector!;
      const [pid] = processesWith(folder);
      process.kill(pid!, 'SIGSTOP');
      const waiting = worker.ask({ op: 'embed', text: 'waits' }, 30_000);
      process.kill(pid!, 'SIGKILL');
      await assert.rejects(waiting, WorkerAway);
      assert.match(ends[0]!.message, /SIGKILL/);
      assert.deepEqual((await worker.ask({ op: 'embed', text: 'hello' }, 30_000)).vector, before);
      assert.notDeepEqual(processesWith(folder), [pid]);
    } finally {
      await worker.close();
    }
    assert.deepEqual(processesWith(folder), []);
    assert.equal(ends.length, 1, 'to be closed is no fault');
  });

  it('that answers nothing is replaced, and those who wait are told', async () => {
    const ends: Error[] = [];
    const worker = new VectorWorker({ ...options(), stallMs: 500, onEnd: (error) => ends.push(error) });
    try {
      await worker.ask({ op: 'size' }, 30_000);
      const [pid] = processesWith(folder);
      process.kill(pid!, 'SIGSTOP');
      await assert.rejects(worker.ask({ op: 'size' }, 30_000), WorkerAway);
      assert.match(ends[0]!.message, /SIGKILL/);
    } finally {
      await worker.close();
    }
  });

  it('answers who asks again before what can wait, and what can wait in the end', async () => {
    const worker = new VectorWorker(options());
    try {
      const told: string[] = [];
      const ask = async (text: string) => {
        await worker.ask({ op: 'embed', text }, 30_000);
        told.push(text);
      };
      const askIdly = async (text: string) => {
        await worker.askIdly({ op: 'embed', text }, 30_000);
        told.push(text);
      };
      await ask('loads the model');
      const asked = ask('first');
      const idle = [1, 2, 3].map((i) => askIdly(`idle ${i}`));
      await asked;
      for (const text of ['second', 'third', 'fourth']) await ask(text);
      await Promise.all(idle);
      assert.deepEqual(told.slice(1), ['first', 'second', 'third', 'fourth', 'idle 1', 'idle 2', 'idle 3']);
      // Where much waits, it goes in between.
      const many = Array.from({ length: 8 }, (_, i) => askIdly(`more ${i}`));
      for (let i = 0; i < 8; i++) await ask(`urgent ${i}`);
      assert.ok(told.indexOf('more 0') < told.indexOf('urgent 7'), told.join());
      await Promise.all(many);
    } finally {
      await worker.close();
    }
  });

  it('is asked what waited long enough while it owes others an answer, one at a time', async () => {
    const worker = new VectorWorker(options());
    try {
      await worker.ask({ op: 'embed', text: 'loads the model' }, 30_000);
      const [pid] = processesWith(folder);
      process.kill(pid!, 'SIGSTOP');
      const one = worker.ask({ op: 'embed', text: 'one' }, 30_000);
      const idle = [1, 2, 3].map((i) => worker.askIdly({ op: 'embed', text: `idle ${i}` }, 30_000));
      assert.equal(worker.waiting, 1, 'others go first');
      for (let tries = 0; worker.waiting === 1; tries++) {
        assert.ok(tries < 100, 'it still waits for others');
        await sleep(50);
      }
      const two = worker.ask({ op: 'embed', text: 'two' }, 30_000);
      await sleep(300);
      assert.equal(worker.waiting, 3, 'one of what can wait is with those who cannot');
      process.kill(pid!, 'SIGCONT');
      for (const { vector } of await Promise.all([one, two, ...idle])) assert.ok(vector);
    } finally {
      await worker.close();
    }
  });

  it('knows no secret of the gateway, and ends with it, however that ends', async () => {
    const program = `
      import { VectorWorker } from ${JSON.stringify(join(build, 'src/cache/semantic/vector-worker.js'))};
      const worker = new VectorWorker(${JSON.stringify(options())});
      await worker.ask({ op: 'embed', text: 'hello' }, 30000);
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const gateway = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, A_SECRET: 'sk-of-a-provider' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(gateway.stdout, 'data');
    const [pid] = processesWith(folder);
    assert.ok(pid);
    assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'utf8'), /sk-of-a-provider/);
    gateway.kill('SIGKILL');
    for (let tries = 0; processesWith(folder).length > 0; tries++) {
      assert.ok(tries < 100, 'it is still there');
      await sleep(50);
    }
  });

  it('does not keep alive a program that has no question', async () => {
    const program = `
      import { VectorWorker } from ${JSON.stringify(join(build, 'src/cache/semantic/vector-worker.js'))};
      const worker = new VectorWorker(${JSON.stringify(options())});
      await worker.ask({ op: 'embed', text: 'hello' }, 30000);`;
    const gateway = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    const [code] = await once(gateway, 'exit');
    assert.equal(code, 0);
  });
});
