/**
 * The guards of an answer. A stream is read along as it comes (`guardrails/guarded-stream.ts`); whole answers, those from the cache
 * and streams that were held back are read here, before they are entered and told.
 */
import { readAnswerJson } from '../formats/answer-json.js';
import type { ApiFormat } from '../formats/format.js';
import type { StreamReader, Translation } from '../formats/translation.js';
import { textsOf, withTexts } from '../guardrails/all-texts.js';
import { GuardedStream } from '../guardrails/guarded-stream.js';
import { Rewrite } from '../guardrails/rewrite.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { isObject, type Json } from '../lib/json.js';
import { inTurns } from '../lib/turns.js';
import { askAll, unasked } from './ask-guards.js';
import type { Carried } from './carried.js';
import { askingFor, type GuardPorts } from './guard-input.js';
import { blockedBy } from './guard-refusals.js';
import { type Guarded, readsAnswers } from './guarded-request.js';
import type { Admitted } from './stages.js';

type Answered = Pick<Admitted, 'call' | 'caller' | 'model' | 'user' | 'writer' | 'deadlineMs'> & {
  readonly guarded: Guarded | null;
};

/** The same, with streams as guards let them through. */
export const guardedTranslation = (translation: Translation, from: Answered, ports: GuardPorts): Translation => ({
  ...translation,
  stream: () => guardedStream(translation.stream(), from, ports),
});

/** What came of an attempt, once guards have read all of it. What they themselves do wrong is a fault. */
export async function guardedEnd(carried: Carried, from: Answered, ports: GuardPorts): Promise<Carried> {
  try {
    if (carried.kind === 'whole') {
      const { times, answer } = carried;
      const passed = await guardAnswer(answer.body, from, ports);
      if (!passed.ok) return { kind: 'blocked', times, refusal: passed.refusal, reading: undefined, answer };
      return passed.value === answer.body
        ? carried
        : { kind: 'whole', times, answer: { ...answer, body: passed.value } };
    }
    if (carried.kind !== 'streamed') return carried;
    const refusal = await judgeStream(carried.reading, from, ports);
    return refusal
      ? { kind: 'blocked', times: carried.times, refusal, reading: carried.reading, answer: undefined }
      : carried;
  } catch (error) {
    const reading = carried.kind === 'streamed' ? carried.reading : undefined;
    return { kind: 'fault', times: carried.times, error, reading };
  }
}

function guardedStream(inner: StreamReader, from: Answered, ports: GuardPorts): StreamReader {
  const { call, guarded } = from;
  if (!guarded || !readsAnswers(guarded)) return inner;
  const { set, words, placeholders } = guarded;
  return new GuardedStream(inner, {
    texts: call.format.texts,
    guards: set.output.texts,
    sizes: set.output.sizes,
    reading: { side: 'output', words, placeholders },
    asArray: call.format.streamType === 'application/json',
    holdsAll: set.output.asked.length > 0,
    onTooLarge: () => unasked(set.output.asked, TOO_LONG, 'output', call.requestId, words, ports),
  });
}

/** Why a stream goes no further; undefined: it does. */
export function stopped(reading: StreamReader, guarded: Guarded | null): Refusal | undefined {
  if (!guarded || !(reading instanceof GuardedStream) || !reading.blocked) return undefined;
  const { blockedBy: by } = guarded.words;
  return by && blockedBy(by, 'output');
}

const unread = refuse('upstream_error', 'The answer could not be read by the guards that it has to pass.');

const TOO_LONG = 'it is too long to be judged';

/** Asks about a stream that was held back; a refusal where it is not to be told. */
async function judgeStream(reading: StreamReader, from: Answered, ports: GuardPorts): Promise<Refusal | undefined> {
  const { guarded } = from;
  if (!guarded || !(reading instanceof GuardedStream) || !reading.isHeld) return undefined;
  const texts = reading.answered;
  const judged = await askAll(guarded.set.output.asked, texts, askingFor(from, 'output'), guarded.words, ports, from);
  if (!judged.ok) return judged.refusal;
  if (judged.value !== texts) reading.replace(judged.value);
  return undefined;
}

/** A whole answer as guards leave it: the same bytes where they leave it as it is. */
export async function guardAnswer(body: Buffer, from: Answered, ports: GuardPorts): Promise<Result<Buffer>> {
  const { guarded, call } = from;
  if (!guarded || !readsAnswers(guarded) || call.format.endpoint === 'embeddings') return ok(body);
  const read = await readAnswerJson(body);
  const { set, words, placeholders } = guarded;
  if (!read || !isObject(read.value)) return refused(unread);
  const { answer: rules } = call.format.texts;
  const walk = new Rewrite(set.output.texts, rules, { side: 'output', words, placeholders }).whole(read.value);
  const json = await inTurns(walk);
  if (words.blockedBy) return refused(blockedBy(words.blockedBy, 'output'));
  const long = sizeProblem(read.value, call.format, guarded);
  if (long) return refused(long);
  const texts = set.output.asked.length > 0 ? textsOf(json, rules) : [];
  const judged = await askAll(set.output.asked, texts, askingFor(from, 'output'), words, ports, from);
  if (!judged.ok) return judged;
  const told = judged.value === texts ? json : withTexts(json, rules, judged.value);
  return ok(told === read.value ? body : Buffer.from(JSON.stringify(told)));
}

function sizeProblem(json: Json, { texts }: ApiFormat, { set, words }: Guarded): Refusal | undefined {
  const { sizes } = set.output;
  if (sizes.length === 0) return undefined;
  const characters = textsOf(json, texts.answer).reduce((sum, { length }) => sum + length, 0);
  for (const size of sizes) {
    if (characters <= (size.max_characters ?? Number.POSITIVE_INFINITY)) continue;
    if (size.action === 'log') words.add(size.name, 'output', 'log');
    else {
      words.block(size, 'output');
      return blockedBy(size, 'output');
    }
  }
  return undefined;
}
