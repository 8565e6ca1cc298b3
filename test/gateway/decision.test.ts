/** What an entry keeps of a decision stays within its bound, says how much it left out, and is read again whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Model, Target } from '../../src/catalog/model.js';
import { Choices, decisionText } from '../../src/gateway/decision.js';
import { cleanEntry } from '../../src/ledger/clean.js';
import type { Entry } from '../../src/ledger/entry.js';
import { shownDecision } from '../../src/ledger/shown-decision.js';
import type { LimitSpec } from '../../src/lib/limit-spec.js';
import { encoded } from '../../src/lib/word-text.js';
import type { Hold } from '../../src/limits/hold.js';
import { sampleEntries } from '../support/ledger-sample.js';

/** The longest names, of characters that take most room. */
const long = (n: number): string => `p/${'\u5b57'.repeat(190)}${n}`;
const target = (id: string): Target =>
  ({ id, label: id, word: encoded(id), priority: 1, weight: 1, state: { load: 0 } }) as unknown as Target;
const modelOf = (name: string, targets: readonly Target[]): Model =>
  ({ name, label: name, targets, balance: 'weighted', affinity: 'none' }) as unknown as Model;
const ask = { affinity: null, turn: 0, costOf: () => 0 };

/** A hold of so many limits of a target, of a model with such a name. */
const holdOf = (count: number, model: string | null, id: string): Hold => {
  const spec = { unit: 'requests', per: 'day', max: 9_000_000_000, model } as LimitSpec;
  const limit = () => ({ kind: 'budget', scope: { kind: 'target', id }, spec, word: undefined });
  const part = () => ({ limit: limit(), own: null, fixed: 1, milli: 0, remaining: 8_000_000_000 });
  return { parts: Array.from({ length: count }, part), outputTokens: 0 } as unknown as Hold;
};

function kept(name: string, targets: readonly Target[], hold: Hold): Entry {
  const model = modelOf(name, targets);
  const choices = new Choices(model, 'asked', [0, 1, 2]);
  choices.planned(model, { ready: targets, skipped: [] }, ask, 0);
  for (const one of targets.slice(1)) choices.passOver(one, 'unsupported_parameter');
  choices.next({ model, target: targets[0]! }, 'context_window_fallback', 'context_window');
  const decision = decisionText(choices.words(model, targets[0]!), hold, model, targets[0]!);
  return { ...sampleEntries(1, { fromMs: 0, toMs: 1 })[0]!, decision };
}

test('many targets that were passed over, and many limits, are counted where they are not named', () => {
  const targets = Array.from({ length: 120 }, (_, i) => target(`p/m-${i}`));
  const entry = kept('m', targets, holdOf(25, null, 'p/m-0'));
  assert.equal(cleanEntry(entry).decision, entry.decision, 'nothing is cut');
  const { routing, taken } = shownDecision(entry)!;
  assert.deepEqual([routing.candidates.length, routing.more], [10, 110]);
  assert.deepEqual([routing.passed_over.length, routing.passed_over_more], [10, 109]);
  assert.deepEqual([taken?.limits.length, taken?.more], [20, 5]);
});

test('names that are long take the place of others, and nothing is cut', () => {
  const name = `m${'\u5b57'.repeat(199)}`;
  const targets = Array.from({ length: 120 }, (_, i) => target(long(i)));
  const entry = kept(name, targets, holdOf(25, 'm*', targets[0]!.label));
  assert.equal(cleanEntry(entry).decision, entry.decision);
  const { routing, taken } = shownDecision(entry)!;
  assert.equal(routing.candidates.length + routing.more, 120);
  assert.equal(routing.passed_over.length + (routing.passed_over_more ?? 0), 119);
  assert.equal((taken?.limits.length ?? 0) + (taken?.more ?? 0), 25);
  const cut = shownDecision({ ...entry, decision: entry.decision!.split(';')[0]! })!;
  assert.equal(cut.taken, undefined, 'what was not kept is not told as none');
});
