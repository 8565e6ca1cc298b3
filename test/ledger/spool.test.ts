import assert from 'node:assert/strict';
import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Stored } from '../../src/ledger/drain.js';
import type { Entry } from '../../src/ledger/entry.js';
import { entryText, progressText } from '../../src/ledger/entry-text.js';
import { RecordBuffer } from '../../src/ledger/spool-record.js';
import type { WriterFs } from '../../src/ledger/spool-writer.js';
import { entry } from '../contract/ledger.js';
import { attempt, type Rig, rig, TestStore } from './spool-support.js';

const ids = (entries: readonly Entry[]): string[] => entries.map(({ id }) => id);
const intentOf = (result: Entry): Entry => ({
  ...result,
  status: 500,
  error: 'interrupted',
  usage_source: 'estimated',
});

/** As it is entered where nothing more is heard. */
const estimateOf = (result: Entry, estimate: Entry['estimate'] = 'intent'): Entry => ({
  ...intentOf(result),
  estimate,
  ...(estimate === 'intent' && { flags: ['sent_unknown'] }),
});

describe('the spool', () => {
  let dir: string;
  let store: TestStore;
  const open: Rig[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tollgate-spool-'));
    store = new TestStore();
  });
  afterEach(async () => {
    store.away = false;
    for (const one of open.splice(0)) await one.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const start = async (...options: Parameters<typeof rig> extends [string, unknown, ...infer Rest] ? Rest : never) => {
    const one = await rig(dir, store, ...options);
    open.push(one);
    return one;
  };
  /** What a process leaves that dies while its store is away: the rig is not closed, its folder is given back. */
  const leave = async (work: (left: Rig) => Promise<void>, options: Parameters<typeof rig>[2] = {}) => {
    const nothing = new TestStore();
    nothing.away = true;
    const left = await rig(dir, nothing, options);
    await work(left);
    left.die();
    return left;
  };

  test('entries go to the store in their order, and their files are removed', async () => {
    const { ledger, files, close } = await start();
    const results = Array.from({ length: 300 }, () => entry());
    for (const result of results) {
      assert.equal(await ledger.begin(intentOf(result)), undefined);
      ledger.append(result);
    }
    await ledger.flush();
    assert.deepEqual(store.written, results);
    open.pop();
    await close();
    assert.deepEqual(files(), []);
  });

  test('an intent is on the disk when it may be sent, and a result when the caller may have its last byte', async () => {
    store.away = true;
    const { ledger, files } = await start();
    const result = entry({ request_id: 'req-on-disk' });
    await ledger.begin(intentOf(result));
    assert.match(readFileSync(files()[0]!, 'latin1'), /I\([^\n]*req-on-disk/);
    ledger.append(result);
    await ledger.durable();
    assert.match(readFileSync(files()[0]!, 'latin1'), /R\([^\n]*req-on-disk/);
    assert.equal(ledger.durable(), undefined, 'nothing is left to wait for');
  });

  test('all that wait in one turn are one write', async () => {
    let writes = 0;
    const counting: WriterFs = {
      ...fs,
      write: ((...args: Parameters<typeof fs.write>) => {
        writes += 1;
        return fs.write(...args);
      }) as typeof fs.write,
    };
    const { ledger } = await start({ fs: counting });
    await Promise.all(Array.from({ length: 100 }, () => ledger.begin(intentOf(entry()))));
    assert.equal(writes, 1);
  });

  test('what a dead process left is entered: results as they are, intents at what is known of them', async () => {
    const [done, open, streaming, abandoned] = [entry(), entry(), entry(), entry()];
    await leave(async ({ ledger }) => {
      await attempt(ledger, intentOf(done), done);
      for (const one of [open, streaming, abandoned]) await ledger.begin(intentOf(one));
      ledger.abandon(abandoned.id);
      ledger.progress(streaming.id, { duration_ms: 777, tokens: { ...streaming.tokens, output: 5 } });
      await ledger.begin(intentOf(entry({ id: 'ent_last' })));
    });
    const { ledger, spool } = await start();
    await ledger.recover();
    const known = {
      ...estimateOf(streaming, 'progress'),
      duration_ms: 777,
      tokens: { ...streaming.tokens, output: 5 },
    };
    assert.deepEqual(store.written.slice(0, 3), [done, estimateOf(open), known]);
    assert.deepEqual(ids(store.written.slice(3)), ['ent_last']);
    assert.equal(spool.state.interrupted, 3);
    assert.equal(spool.state.entries, 0);
  });

  test('a process that dies while it enters what another left enters nothing twice and loses nothing', async () => {
    const all = Array.from({ length: 40 }, () => entry());
    await leave(async ({ ledger }) => {
      for (const one of all.slice(0, 20)) await attempt(ledger, intentOf(one), one);
    });
    await leave(async ({ ledger }) => {
      for (const one of all.slice(20)) await attempt(ledger, intentOf(one), one);
    });
    const { ledger } = await start();
    await ledger.recover();
    assert.deepEqual(ids(store.written), ids(all));
  });

  test('a torn last record: all before it is recovered', async () => {
    const [whole, torn] = [entry(), entry()];
    const left = await leave(async ({ ledger }) => {
      for (const one of [whole, torn]) await attempt(ledger, intentOf(one), one);
    });
    for (let cut = 1; cut < 200; cut += 37) {
      const file = left.files()[0]!;
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.subarray(0, bytes.length - cut));
      const again = await rig(dir, store, {});
      await again.ledger.recover();
      // Its intent is there, so it is entered at what is known.
      assert.deepEqual(ids(store.written), [whole.id, torn.id]);
      assert.equal(store.written[1]?.error, 'interrupted');
      assert.equal(again.spool.state.damages, 0);
      assert.ok(again.logged.some(({ message }) => message.includes('not written to its end')));
      await again.close();
      store = new TestStore();
      writeFileSync(file, bytes);
    }
  });

  test('a corrupt record in the middle is reported, and all others are recovered', async () => {
    const all = Array.from({ length: 30 }, () => entry());
    const left = await leave(async ({ ledger }) => {
      for (const one of all) {
        ledger.append(one);
        await ledger.durable();
      }
    });
    const file = left.files()[0]!;
    const bytes = readFileSync(file);
    const size = bytes.indexOf(10, 10) + 1;
    // A flipped byte, a broken length, a line feed where none belongs, and one that is gone.
    const harm: Record<string, (at: Buffer) => void> = {
      'a byte of its body': (at) => void (at[50]! ^= 1),
      'its length': (at) => at.writeUInt32LE(2 ** 31, 0),
      'a length that is too long': (at) => at.writeUInt32LE(at.readUInt32LE(0) + 300, 0),
      'a line feed in it': (at) => void (at[60] = 10),
      'its checksum': (at) => void (at[5]! ^= 0x80),
    };
    for (const [what, apply] of Object.entries(harm)) {
      const harmed = Buffer.from(bytes);
      const at = harmed.indexOf(10, size * 12) + 1;
      apply(harmed.subarray(at));
      writeFileSync(file, harmed);
      const again = await rig(dir, store, {});
      await again.ledger.recover();
      assert.equal(store.written.length, 29, what);
      const missing = ids(all).filter((id) => !ids(store.written).includes(id));
      assert.deepEqual(ids(store.written), ids(all.filter(({ id }) => id !== missing[0])), what);
      assert.equal(again.spool.state.damages, 1, what);
      assert.ok(
        again.logged.some(({ level, message }) => level === 'error' && /damaged/.test(message)),
        what,
      );
      await again.close();
      // It is kept aside for whoever wants to look.
      assert.ok(fs.existsSync(`${file}.damaged`), what);
      rmSync(`${file}.damaged`);
      store = new TestStore();
    }
  });

  test('records that are whole and no entries, as another version may have left, are put aside', async () => {
    const all = [entry(), entry(), entry()];
    const left = await leave(async ({ ledger }) => {
      for (const one of all) ledger.append(one);
      await ledger.durable();
    });
    const foreign = new RecordBuffer();
    foreign.add('R', '{"id":"ent_other"}');
    foreign.add('I', '(ent_other,1,too,few)');
    const file = left.files()[0]!;
    writeFileSync(file, Buffer.concat([foreign.bytes, readFileSync(file)]));
    const again = await start();
    await again.ledger.recover();
    assert.deepEqual(ids(store.written), ids(all));
    assert.equal(again.spool.state.damages, 2);
    assert.equal(again.logged.filter(({ message }) => /is no entry/.test(message)).length, 2);
    await again.close();
    assert.ok(fs.existsSync(`${file}.damaged`));
  });

  test('an attempt that was sent says so, where that went to the disk with something else; else nobody knows', async () => {
    const [sent, unsent, other] = [entry(), entry(), entry()];
    for (const sentUnknown of ['billed', 'free'] as const) {
      store = new TestStore();
      await leave(async ({ ledger, files }) => {
        for (const one of [sent, unsent]) await ledger.begin(intentOf(one));
        const written = () => readFileSync(files()[0]!, 'latin1');
        for (let i = 0; i < 2; i++) ledger.sent(sent.id);
        ledger.sent('ent_never_begun');
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.doesNotMatch(written(), /T\(/, 'it is not worth a write');
        await attempt(ledger, intentOf(other), other);
        assert.equal(written().match(/T\(/g)!.length, 1);
      });
      const again = await rig(dir, store, { sentUnknown });
      await again.ledger.recover();
      const { flags: _, ...known } = estimateOf(sent);
      const free = sentUnknown === 'free' ? { billed_nusd: 0 } : {};
      assert.deepEqual(
        new Map(store.written.map((one) => [one.id, one])),
        new Map([other, known, { ...estimateOf(unsent), ...free }].map((one) => [one.id, one])),
      );
      await again.close();
    }
  });

  test('what was noted and not yet written is written when the spool is closed', async () => {
    const one = entry();
    const nothing = new TestStore();
    nothing.away = true;
    const first = await rig(dir, nothing, {}, { closeMs: 10 });
    await first.ledger.begin(intentOf(one));
    first.ledger.sent(one.id);
    await first.close();
    const { ledger } = await start();
    await ledger.recover();
    assert.equal(store.written[0]!.flags, undefined);
  });

  for (const lacking of [1, 2, 5])
    test(`what an earlier version left is read: its lines lack the last ${lacking} fields`, async () => {
      const earlier = (line: string) => {
        assert.ok(line.endsWith(`${','.repeat(lacking)})`));
        return `${line.slice(0, -1 - lacking)})`;
      };
      const [done, open, streaming] = [entry({ service_tier: 'flex' }), entry(), entry({ billed_nusd: 8_000 })];
      const left = await leave(async ({ ledger }) => {
        ledger.append(entry({ id: 'ent_first' }));
        await ledger.durable();
      });
      const records = new RecordBuffer();
      const internal = (one: Entry): Entry => ({ ...intentOf(one), error: 'internal_error' });
      for (const one of [done, open, streaming]) records.add('I', earlier(entryText(internal(one))));
      records.add('P', earlier(progressText({ ...internal(streaming), duration_ms: 777 })));
      records.add('R', earlier(entryText(done)));
      writeFileSync(left.files()[0]!, records.bytes);
      const { ledger, spool } = await start();
      await ledger.recover();
      assert.deepEqual(store.written, [
        done,
        estimateOf(open),
        { ...estimateOf(streaming, 'progress'), duration_ms: 777 },
      ]);
      assert.equal(store.lines[0], entryText(done), 'and written as this version writes them');
      assert.equal(spool.state.damages, 0);
    });

  test('who writes is told which entries an earlier process left, and which found an estimate', async () => {
    const [left, own, late] = [entry(), entry(), entry()];
    await leave(async ({ ledger }) => attempt(ledger, intentOf(left), left));
    await store.insert([estimateOf(late)]);
    const told: Stored[] = [];
    const { ledger } = await start({}, { onStored: (stored) => void told.push(stored) });
    await ledger.recover();
    for (const one of [own, late]) await attempt(ledger, intentOf(one), one);
    await ledger.flush();
    const all = (of: keyof Stored) => ids(told.flatMap((stored) => stored[of]));
    assert.deepEqual(all('entries'), ids([left, own, late]));
    assert.deepEqual(all('recovered'), [left.id]);
    assert.deepEqual(all('late'), [late.id]);
  });

  test('a lost line feed between two records loses neither', async () => {
    const [a, b] = [entry(), entry()];
    const left = await leave(async ({ ledger }) => {
      for (const one of [a, b]) ledger.append(one);
      await ledger.durable();
    });
    const file = left.files()[0]!;
    const bytes = readFileSync(file);
    bytes[bytes.indexOf(10, 10)] = 0;
    writeFileSync(file, bytes);
    const { ledger } = await start();
    await ledger.recover();
    assert.deepEqual(ids(store.written), [a.id, b.id]);
  });

  test('with the store away, memory is bounded, and what is on disk comes in order when it is back', async () => {
    const { ledger, spool } = await start({ maxQueued: 50, segmentBytes: 64 * 1024 }, { batchMax: 20 });
    store.away = true;
    const all: Entry[] = [];
    const append = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const one = entry();
        all.push(one);
        await attempt(ledger, intentOf(one), one);
      }
    };
    await append(1_000);
    assert.ok(spool.atHand <= 50, `${spool.atHand} entries in memory`);
    assert.equal(spool.length, 1_000);
    store.away = false;
    await append(500); // while the store is catching up
    await ledger.flush();
    assert.deepEqual(ids(store.written), ids(all));
    assert.deepEqual(store.written, all);
    assert.equal(spool.length, 0);
    assert.ok(spool.state.bytes < 200_000, 'files are removed once they are posted');
  });

  test('outages that come and go: order is kept and nothing is lost', async () => {
    const { ledger } = await start({ maxQueued: 20, segmentBytes: 16 * 1024 }, { batchMax: 7 });
    const all: Entry[] = [];
    for (let i = 0; i < 1_500; i++) {
      if (i % 50 === 0) store.away = (i / 50) % 3 === 1;
      const one = entry();
      all.push(one);
      if (i % 5 === 0) await attempt(ledger, intentOf(one), one);
      else ledger.append(one);
      if (i % 100 === 0) await ledger.durable();
    }
    store.away = false;
    await ledger.flush();
    assert.deepEqual(ids(store.written), ids(all));
  });

  test('full: attempts are refused in plain words, what was let in has its room, and it goes on when there is room', async () => {
    const { ledger, spool } = await start({ maxBytes: 200_000 });
    store.away = true;
    const all: Entry[] = [];
    let refusal: Awaited<ReturnType<typeof ledger.begin>>;
    const running = entry();
    await ledger.begin(intentOf(running));
    while (!refusal) {
      const one = entry();
      refusal = await ledger.begin(intentOf(one));
      if (refusal) break;
      all.push(one);
      ledger.append(one);
    }
    assert.equal(refusal.code, 'unavailable');
    assert.match(refusal.message, /spool is full/);
    assert.equal(refusal.headers?.['retry-after'], '5');
    assert.equal(ledger.refusal(), refusal);
    assert.equal(spool.state.problem, 'full');
    ledger.append(running);
    await ledger.durable();
    assert.ok(spool.state.bytes < 210_000, `${spool.state.bytes} bytes`);
    store.away = false;
    await ledger.flush();
    assert.deepEqual(ids(store.written), [...ids(all), running.id]);
    assert.equal(await ledger.begin(intentOf(entry())), undefined);
    assert.equal(ledger.lost, 0);
  });

  test('full and told to serve: what does not fit is counted and reported', async () => {
    const { ledger, logged } = await start({ maxBytes: 100_000, onFull: 'serve', maxQueued: 10 });
    store.away = true;
    for (let i = 0; i < 500; i++) {
      const one = entry();
      assert.equal(await ledger.begin(intentOf(one)), undefined);
      ledger.append(one);
    }
    assert.ok(ledger.lost > 0);
    assert.ok(logged.some(({ message }) => /spool is full: requests are served/.test(message)));
    store.away = false;
    await ledger.flush();
    assert.equal(store.written.length + ledger.lost, 500);
  });

  test('a disk that fails: attempts are refused, results go to the store, and all is well when it works again', async () => {
    let broken: NodeJS.ErrnoException | null = null;
    const failing: WriterFs = {
      ...fs,
      write: ((...args: unknown[]) => {
        if (broken) return setImmediate(args.at(-1) as (error: Error) => void, broken);
        return (fs.write as (...passed: unknown[]) => void)(...args);
      }) as unknown as typeof fs.write,
    };
    const { ledger, logged, spool, files } = await start({ fs: failing });
    const [running, before] = [entry(), entry()];
    await attempt(ledger, intentOf(before), before);
    await ledger.begin(intentOf(running));
    broken = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    ledger.append(running);
    await ledger.durable();
    assert.deepEqual(ids(store.written), [before.id, running.id], 'the way into the store was waited for');
    const refusal = await ledger.begin(intentOf(entry()));
    assert.match(refusal?.message ?? '', /cannot write down/);
    assert.equal(spool.state.problem, 'unwritable');
    assert.ok(
      logged.some(({ level, message }) => level === 'error' && /cannot be written: requests are/.test(message)),
    );
    broken = null;
    while (spool.state.problem !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    const after = entry();
    await attempt(ledger, intentOf(after), after);
    await ledger.flush();
    assert.deepEqual(ids(store.written), [before.id, running.id, after.id]);
    assert.ok(files().length <= 2);
  });

  test('an attempt that was refused for want of a disk leaves no entry, also after a crash', async () => {
    let broken = false;
    const failing: WriterFs = {
      ...fs,
      write: ((...args: unknown[]) => {
        if (broken) return setImmediate(args.at(-1) as (error: Error) => void, new Error('EIO'));
        return (fs.write as (...passed: unknown[]) => void)(...args);
      }) as unknown as typeof fs.write,
    };
    const sent = entry();
    await leave(
      async ({ ledger, spool }) => {
        broken = true;
        assert.ok(await ledger.begin(intentOf(entry())));
        broken = false;
        while (spool.state.problem !== null) await new Promise((resolve) => setTimeout(resolve, 5));
        await ledger.begin(intentOf(sent));
      },
      { fs: failing },
    );
    const { ledger } = await start();
    await ledger.recover();
    assert.deepEqual(ids(store.written), [sent.id]);
  });

  test('a long attempt does not hold up the removal of files', async () => {
    const { ledger, spool, files } = await start({ segmentBytes: 16 * 1024 });
    const [long, streaming] = [entry(), entry()];
    for (const one of [long, streaming]) await ledger.begin(intentOf(one));
    ledger.progress(streaming.id, { duration_ms: 777 });
    for (let i = 0; i < 400; i++) {
      const one = entry();
      await attempt(ledger, intentOf(one), one);
      if (i % 20 === 0) await ledger.flush();
    }
    await ledger.flush();
    assert.ok(spool.state.bytes < 16 * 1024 * 8, `${spool.state.bytes} bytes in ${files().length} files`);
    open.pop()?.die();
    // It died: the intents were carried on from file to file, with what is known of them.
    const again = await start();
    await again.ledger.recover();
    const [closed] = store.written.filter(({ id }) => id === long.id);
    assert.deepEqual(closed, estimateOf(long));
    assert.deepEqual(
      store.written.find(({ id }) => id === streaming.id),
      { ...estimateOf(streaming, 'progress'), duration_ms: 777 },
    );
  });

  test('a file that something else removed is told, and what was in it reaches the store from memory', async () => {
    const { ledger, files, logged, spool } = await start({ segmentBytes: 4 * 1024 });
    store.away = true;
    const all = Array.from({ length: 20 }, () => entry());
    for (const one of all) await attempt(ledger, intentOf(one), one);
    const [first] = files();
    rmSync(first!);
    store.away = false;
    await ledger.flush();
    const told = () =>
      logged.some(({ level, message }) => level === 'error' && /a file of the spool is gone/.test(message));
    while (!told()) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(ids(store.written), ids(all));
    assert.equal(spool.state.damages, 1);
  });

  test('two processes over one folder have their own spools; what one leaves, the next one to start enters', async () => {
    const [a, b] = [entry(), entry()];
    const nothing = new TestStore();
    nothing.away = true;
    const first = await rig(dir, nothing);
    const second = await rig(dir, nothing);
    assert.notEqual(first.dir, second.dir);
    await attempt(first.ledger, intentOf(a), a);
    await attempt(second.ledger, intentOf(b), b);
    first.die();
    second.die();
    const { ledger } = await start();
    await ledger.recover();
    assert.deepEqual(ids(store.written).sort(), [a.id, b.id].sort());
  });
});
