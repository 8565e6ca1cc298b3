/**
 * What the semantic cache is worth, measured with the weights that it ships: `npm run bench:cache`. Data sets come from the
 * folder that TOLLGATE_BENCH_DATA names (`banking77_train.csv`, `clinc150_full.json`, `qqp_dev.tsv`); what is not there is
 * left out and said so. The pairs of `traps.tsv` are always there. `docs/semantic-cache.md` reports a run.
 */
import { localVectors } from '../../src/cache/semantic/embedder.js';
import { objection, signatureOf } from '../../src/cache/semantic/guards.js';
import { banking77, clinc150, dataFolder, type Pair, type Query, quora, shuffled, traps } from './data.js';
import { speed } from './speed.js';
import { prepared, type StreamPolicy, type StreamResult, stream } from './stream.js';
import { vectorsOf } from './vectors-of.js';

const worker = localVectors(undefined);
const only = process.argv.slice(2);
const wanted = (what: string): boolean => only.length === 0 || only.includes(what);

const plain = { guards: 'off', margin: 0, eligibility: false } as const;
const standard = { guards: 'standard', margin: 0.1, eligibility: true } as const;
const policies: [string, StreamPolicy][] = [
  ...[0.8, 0.85, 0.9, 0.92, 0.93, 0.94, 0.95, 0.97].map((threshold): [string, StreamPolicy] => [
    `static ${threshold.toFixed(2)}`,
    { ...plain, threshold },
  ]),
  ['guards, 0.85', { ...standard, threshold: 0.85, margin: 0 }],
  ['margin 0.10, 0.85', { ...plain, threshold: 0.85, margin: 0.1 }],
  ['margin 0.10, 0.80', { ...plain, threshold: 0.8, margin: 0.1 }],
  ['default: guards, margin 0.10, 0.85', { ...standard, threshold: 0.85 }],
  ['guards, margin 0.10, 0.80', { ...standard, threshold: 0.8 }],
  ['guards, margin 0.10, 0.90', { ...standard, threshold: 0.9 }],
  ['strict guards, margin 0.10, 0.85', { ...standard, guards: 'strict', threshold: 0.85 }],
  ['default, verified, bound 2 %', { ...standard, threshold: 0.85, maxErrorRate: 0.02 }],
  ['default, verified, bound 1 %', { ...standard, threshold: 0.85, maxErrorRate: 0.01 }],
  ['0.80, verified, bound 1 %', { ...standard, threshold: 0.8, maxErrorRate: 0.01 }],
  ['no margin 0.80, verified, bound 2 %', { ...plain, threshold: 0.8, maxErrorRate: 0.02 }],
  ['no margin 0.80, verified, bound 5 %', { ...plain, threshold: 0.8, maxErrorRate: 0.05 }],
];

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;

function row(name: string, { requests, hits, wrong, precision, interval, kept, finalThreshold }: StreamResult): string {
  const [low, high] = interval;
  return [
    name,
    percent(hits / requests),
    `${percent(precision, 2)} (${percent(low, 2)} to ${percent(high, 2)})`,
    percent(wrong / requests, 2),
    kept,
    finalThreshold === null ? 'off' : finalThreshold.toFixed(3),
  ].join(' | ');
}

async function streams(name: string, queries: readonly Query[] | undefined): Promise<void> {
  if (!queries) return console.log(`\n${name}: not in ${dataFolder}, left out`);
  const mixed = shuffled(queries);
  const vectors = await vectorsOf(
    worker,
    mixed.map(({ text }) => text),
  );
  const ready = prepared(mixed, vectors);
  console.log(`\n${name}, ${mixed.length} queries streamed once in random order`);
  console.log(
    'policy | hits | precision of hits (95 %) | wrong answers per request | prompts kept | threshold at the end',
  );
  for (const [title, policy] of policies) console.log(row(title, stream(ready, policy)));
}

async function pairs(name: string, all: readonly Pair[] | undefined): Promise<void> {
  if (!all) return console.log(`\n${name}: not in ${dataFolder}, left out`);
  const vectors = await vectorsOf(
    worker,
    all.flatMap(({ one, two }) => [one, two]),
  );
  const judged = all.map((pair, i) => ({
    ...pair,
    similarity: vectors[2 * i]!.reduce((sum, value, at) => sum + value * vectors[2 * i + 1]![at]!, 0),
    objection: objection(signatureOf(pair.two), signatureOf(pair.one), false),
  }));
  const count = (same: boolean, taken: (one: (typeof judged)[number]) => boolean): string => {
    const of = judged.filter((one) => one.same === same);
    const hits = of.filter(taken).length;
    return `${hits}/${of.length} (${percent(hits / of.length)})`;
  };
  console.log(`\n${name}, ${all.length} pairs: taken as the same`);
  console.log('threshold | same | same, guarded | different | different, guarded | precision | precision, guarded');
  for (const threshold of [0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97]) {
    const bare = (one: (typeof judged)[number]): boolean => one.similarity >= threshold;
    const guarded = (one: (typeof judged)[number]): boolean => bare(one) && one.objection === null;
    const precision = (taken: (one: (typeof judged)[number]) => boolean): string => {
      const hits = judged.filter(taken);
      return hits.length === 0 ? '-' : percent(hits.filter(({ same }) => same).length / hits.length);
    };
    console.log(
      [
        threshold.toFixed(2),
        ...[count(true, bare), count(true, guarded), count(false, bare), count(false, guarded)],
        ...[precision(bare), precision(guarded)],
      ].join(' | '),
    );
  }
  if (name !== 'traps') return;
  for (const { kind, one, two, similarity } of judged.filter(
    (pair) => !pair.same && pair.similarity >= 0.85 && !pair.objection,
  ))
    console.log(`not caught at 0.85: ${kind}: ${one} / ${two} (${similarity.toFixed(3)})`);
}

if (wanted('traps')) await pairs('traps', traps());
if (wanted('quora')) await pairs('Quora question pairs', quora());
if (wanted('banking77')) await streams('BANKING77', banking77());
if (wanted('clinc150')) await streams('CLINC150', clinc150());
if (wanted('speed')) await speed(worker);
await worker.close();
