/** The part of the composition that keeps prompts and answers. */
import { setTimeout as after } from 'node:timers/promises';
import { CaptureMemory } from '../capture/capture-memory.js';
import { CaptureQueue } from '../capture/capture-queue.js';
import type { CapturedFacts, ContentStore, NewRow } from '../capture/captured.js';
import { CapturedContents, sealedContent } from '../capture/captured-contents.js';
import { pgContentStore } from '../capture/content-pg.js';
import type { Config } from '../config/config.js';
import type { Capturing, Recording } from '../gateway/tape.js';
import { cleanText } from '../ledger/clean.js';
import type { Clock } from '../lib/clock.js';
import { jsonText } from '../lib/json-text.js';
import { createSeal } from '../lib/seal.js';
import { secretsKeyOf } from '../lib/secrets-key.js';
import { messageOf } from '../lib/thrown.js';
import { backgroundTimer } from '../lib/timer.js';
import { inTurns } from '../lib/turns.js';
import { contentOf } from '../operations/captured-content.js';
import type { Store } from '../store/pg.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

interface CaptureStart {
  readonly config: Config;
  readonly inForce: () => { readonly config: Config };
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Pick<ContentStore, 'insert'>;
}

/** Of all that is on its way into the database, in all processes. */
const MOST_BYTES = 64 * 1024 * 1024;
const SWEEP_MS = 60_000;
const TOLD_AGAIN_MS = 60_000;
/** A database that does not answer is not waited for any longer. */
const CLOSE_MS = 5_000;

const sealOf = (config: Config) => createSeal(secretsKeyOf(config), 'tollgate captured content');

/** Of each process that serves. */
export function startCapture({ config, inForce, clock, log, metrics, store }: CaptureStart) {
  const seal = sealOf(config);
  const memory = new CaptureMemory(Math.floor(MOST_BYTES / config.server.workers));
  let toldAt = Number.NEGATIVE_INFINITY;
  const queue = new CaptureQueue({
    ...{ store, memory, timer: backgroundTimer },
    onEnd: (end, count) => metrics.captured(end, count),
    onError: (error) => {
      if (clock.monotonic() - toldAt < TOLD_AGAIN_MS) return;
      toldAt = clock.monotonic();
      log.error({ error: messageOf(error) }, 'captured content is not written');
    },
  });
  metrics.gauge('tollgate_capture_waiting_bytes', () => memory.usedBytes);

  /** Gives back the memory of what nothing becomes of. */
  function keep(recording: Recording): void {
    const { entry, takenBytes, body } = recording;
    if (entry === undefined) return memory.give(takenBytes);
    if (!memory.take(body.length)) {
      memory.give(takenBytes);
      return metrics.captured('dropped_memory', 1);
    }
    queue.add({ bytes: takenBytes + body.length, prepare: () => rowOf(recording, entry) });
  }

  async function rowOf(recording: Recording, entry: string): Promise<NewRow> {
    const facts = factsOf(recording, entry);
    const content = await contentOf(recording, inForce().config.capture.max_size);
    const json = await inTurns(written(content));
    return { ...facts, others: recording.others, body: await sealedContent(seal, facts, json) };
  }

  const capturing: Capturing = { memory, keep };
  return {
    capturing,
    flush: () => queue.flush(),
    close: () => Promise.race([queue.close(), after(CLOSE_MS, undefined, { ref: false })]),
  };
}

interface PrimaryStart extends Omit<CaptureStart, 'store'> {
  readonly store: Store;
  /** What other processes of this gateway captured is in the database when this resolves. */
  readonly flushOthers: () => Promise<unknown> | undefined;
}

/** Of the process that has the database: reading, deleting, and removing what is over, too. */
export function startCaptureHere({ store: { pool }, flushOthers, ...start }: PrimaryStart) {
  const { config, inForce, clock, log } = start;
  const store = pgContentStore(pool);
  const capture = startCapture({ ...start, store });
  const contents = new CapturedContents({
    ...{ store, clock, seal: sealOf(config) },
    retentionMs: () => inForce().config.capture.retention,
  });
  const sweep = (): void =>
    void contents
      .sweep()
      .catch((error: unknown) => log.error({ error: messageOf(error) }, 'upkeep of captured content'));
  const timer = setInterval(sweep, SWEEP_MS).unref();
  sweep();
  return {
    capturing: capture.capturing,
    store,
    admin: { contents, flushContent: () => Promise.all([capture.flush(), flushOthers()?.catch(() => {})]) },
    close: async () => {
      clearInterval(timer);
      await capture.close();
    },
  };
}

function* written(value: unknown): Generator<number, string> {
  const pieces: string[] = [];
  for (const piece of jsonText(value)) {
    pieces.push(piece);
    yield piece.length;
  }
  return pieces.join('');
}

/** As the ledger keeps them. */
const factsOf = ({ caller, format, stream, mode, atMs, ...of }: Recording, entry: string): CapturedFacts => ({
  ...{ entry, stream, mode, atMs },
  requestId: cleanText(of.requestId),
  key: caller.key.id,
  team: caller.key.team,
  user: of.user === null ? null : cleanText(of.user),
  model: cleanText(of.model),
  endpoint: format.endpoint,
});
