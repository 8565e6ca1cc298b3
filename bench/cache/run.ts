/**
 * What the semantic cache is worth, measured with the weights that it ships: `npm run bench:cache`. Data sets come from the
 * folder that TOLLGATE_BENCH_DATA names (`banking77_train.csv`, `clinc150_full.json`, `qqp_dev.tsv`); what is not there is
 * left out and said so. The pairs of `traps.tsv` are always there. `docs/semantic-cache.md` reports a run.
 */

import { createComparer } from '../../src/cache/semantic/counterparts.js';
import { counterpartsBy, localVectors } from '../../src/cache/semantic/embedder.js';
import { loadSynonyms } from '../../src/cache/semantic/synonyms.js';
import { adversarial, poisoned } from './adversarial.js';
import { banking77, clinc150, dataFolder, fresh, type Pair, type Query, quoraHalf, shuffled, traps } from './data.js';
import { throughGateway } from './gateway.js';
import { byKind, type JudgedPair, judgedPairs, taken } from './pairs.js';
import { speed } from './speed.js';
import { prepared, type StreamPolicy, type StreamResult, stream } from './stream.js';
import { vectorsOf } from './vectors-of.js';

const worker = localVectors(undefined);
const comparer = createComparer(loadSynonyms(), counterpartsBy(worker, 60_000));
const only = process.argv.slice(2);
const wanted = (what: string): boolean => only.length === 0 || only.includes(what);

const plain = { guards: 'off', margin: 0, eligibility: false } as const;
const standard = { guards: 'standard', margin: 0.1, eligibility: true } as const;
const policies: [string, StreamPolicy][] = [
  ...[0.85, 0.9, 0.95].map((threshold): [string, StreamPolicy] => [
    `similarity alone, ${threshold.toFixed(2)}`,
    { ...plain, threshold },
  ]),
  ['similarity and margin 0.10, 0.85', { ...plain, threshold: 0.85, margin: 0.1 }],
  ['word by word, 0.85', { ...standard, threshold: 0.85, margin: 0 }],
  ['default: word by word, margin 0.10, 0.85', { ...standard, threshold: 0.85 }],
  ['word by word, margin 0.10, 0.80', { ...standard, threshold: 0.8 }],
  ['strict, margin 0.10, 0.85', { ...standard, guards: 'strict', threshold: 0.85 }],
  ['default, verified, bound 2 %', { ...standard, threshold: 0.85, maxErrorRate: 0.02 }],
];

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;

function row(
  name: string,
  { requests, hits, wrong, precision, interval, kept, told, finalThreshold }: StreamResult,
): string {
  const [low, high] = interval;
  return [
    name,
    percent(hits / requests),
    `${percent(precision, 2)} (${percent(low, 2)} to ${percent(high, 2)})`,
    percent(wrong / requests, 2),
    kept,
    percent(told / requests),
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
    'policy | hits | precision of hits (95 %) | wrong answers per request | prompts kept | told by outlines | threshold at the end',
  );
  for (const [title, policy] of policies) console.log(row(title, await stream(ready, policy, comparer)));
}

async function pairs(name: string, all: readonly Pair[] | undefined): Promise<void> {
  if (!all) return console.log(`\n${name}: not in ${dataFolder}, left out`);
  console.log(`\n${name}, ${all.length} pairs: taken as the same (95 % interval)`);
  console.log('policy | same | different');
  for (const [title, guards, threshold] of [
    ['similarity alone, 0.85', 'off', 0.85],
    ['similarity alone, 0.95', 'off', 0.95],
    ['default: word by word, 0.85', 'standard', 0.85],
    ['strict, 0.85', 'strict', 0.85],
    ['word by word, 0.95', 'standard', 0.95],
  ] as const) {
    const judged = await judgedPairs(worker, comparer, all, threshold, guards);
    const [same, different] = [judged.filter((pair) => pair.same), judged.filter((pair) => !pair.same)];
    console.log([title, taken(same), taken(different)].join(' | '));
    if (title.startsWith('default')) details(name, judged);
  }
}

/** By kind, at the default setting, with what was wrongly taken. */
function details(name: string, judged: readonly JudgedPair[]): void {
  const kinds = byKind(judged);
  if (kinds.size > 1)
    for (const [kind, of] of kinds) console.log(`  ${of[0]!.same ? 'same' : 'different'}, ${kind} | ${taken(of)}`);
  if (name.startsWith('Quora')) return;
  for (const { kind, one, two, similarity } of judged.filter(({ same, why }) => !same && why === null))
    console.log(`  wrongly taken: ${kind}: ${one} / ${two} (${similarity.toFixed(3)})`);
}

if (wanted('traps')) await pairs('traps', traps());
if (wanted('adversarial')) await pairs('Adversarial pairs', adversarial());
if (wanted('poison')) await pairs('Poisoned prompts', poisoned());
if (wanted('fresh')) await pairs('Fresh pairs', fresh());
if (wanted('quora')) await pairs('Quora question pairs, the half that floors were chosen on', quoraHalf('tuning'));
if (wanted('quora')) await pairs('Quora question pairs, the half that was held out', quoraHalf('held out'));
if (wanted('banking77')) await streams('BANKING77', banking77());
if (wanted('clinc150')) await streams('CLINC150', clinc150());
if (wanted('speed')) await speed(worker);
if (wanted('gateway')) await throughGateway();
await worker.close();
