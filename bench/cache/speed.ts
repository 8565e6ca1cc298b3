/** How long the parts of the semantic tier take. */
import { compare } from '../../src/cache/semantic/alignment.js';
import { signatureOf } from '../../src/cache/semantic/signature.js';
import type { VectorWorker } from '../../src/cache/semantic/vector-worker.js';
import { randomFrom } from './data.js';

const DIMS = 384;
const MANY = 100_000;
/** 32 word pieces with the two marks. */
const PROMPT =
  'what should I do when my card payment was declined at a shop near my house and nobody in the support chat can tell me why it happened';

export async function speed(worker: VectorWorker): Promise<void> {
  console.log('\nspeed | p50 ms | p99 ms');
  await worker.ask({ op: 'embed', text: PROMPT }, 60_000);
  await fill(worker, 'small', 1_000);
  await timed('embed a prompt of about 32 tokens', 500, (i) =>
    worker.ask({ op: 'embed', text: `${PROMPT} ${i}` }, 60_000),
  );
  await timed('embed, and search 1,000 vectors', 500, async (i) => {
    const { vector } = await worker.ask({ op: 'embed', text: `${PROMPT} again ${i}` }, 60_000);
    await worker.ask({ op: 'search', scope: 'small', vector: vector!, most: 12 }, 60_000);
  });
  const others = (i: number) => [{ text: `${PROMPT} other ${i}`, pairs: [[0, 0]] as const, floors: [0.9] }];
  await timed('compare words of it with one that was not seen lately', 300, (i) =>
    worker.ask({ op: 'counterparts', one: PROMPT, others: others(i) }, 60_000),
  );
  await timed('compare words of it with one that was', 300, (i) =>
    worker.ask({ op: 'counterparts', one: PROMPT, others: others(i) }, 60_000),
  );
  const before = (await worker.ask({ op: 'size' }, 1_000)).bytes!;
  await fill(worker, 'large', MANY);
  const query = unit(randomFrom(3));
  await timed(`search ${MANY} vectors of one scope`, 200, () =>
    worker.ask({ op: 'search', scope: 'large', vector: query, most: 12 }, 60_000),
  );
  const { bytes } = await worker.ask({ op: 'size' }, 1_000);
  console.log(`memory per vector: ${Math.round((bytes! - before) / MANY)} bytes`);
  const [one, two] = [signatureOf(PROMPT), signatureOf(`${PROMPT} today`)];
  await timed('read a prompt', 5_000, () => void signatureOf(PROMPT));
  await timed('compare two prompts word by word', 5_000, () => void compare(one, two));
}

async function fill(worker: VectorWorker, scope: string, many: number): Promise<void> {
  const random = randomFrom(5);
  for (let at = 0; at < many; at += 1_000) {
    const rows = Array.from({ length: Math.min(1_000, many - at) }, (_, i) => ({
      id: `${at + i}`,
      vector: unit(random),
    }));
    await worker.ask({ op: 'add', scope, rows, opens: true }, 60_000);
  }
}

function unit(random: () => number): Float32Array {
  const vector = Float32Array.from({ length: DIMS }, () => random() - 0.5);
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}

async function timed(what: string, times: number, work: (i: number) => Promise<unknown> | undefined): Promise<void> {
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    await work(i);
    took.push(performance.now() - begun);
  }
  took.sort((a, b) => a - b);
  const at = (share: number): string => took[Math.floor(share * (times - 1))]!.toFixed(3);
  console.log(`${what} | ${at(0.5)} | ${at(0.99)}`);
}
