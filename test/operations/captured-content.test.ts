/** What is captured of an answer into which guards put values back, and of one of which only the beginning was kept or told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openaiChat } from '../../src/formats/openai-chat/format.js';
import type { Recording } from '../../src/gateway/tape.js';
import { Placeholders } from '../../src/guardrails/placeholders.js';
import { GuardWords, textGuardOf } from '../../src/guardrails/text-guard.js';
import { contentOf } from '../../src/operations/captured-content.js';
import { contentChunk } from '../support/openai-answers.js';

const CARD = '4111 1111 1111 1111';
const mask = textGuardOf({
  ...{ name: 'mask', kind: 'pii', entities: ['card'], on: ['input'], action: 'redact', message: null, restore: true },
});

/** Of a request from which these values were taken. */
function guardedFor(...values: readonly string[]): NonNullable<Recording['guarded']> {
  const placeholders = new Placeholders(() => false);
  for (const value of values) placeholders.of('CARD', value, true);
  const side = { sizes: [], texts: [mask], asked: [] };
  const set = { digest: '', input: side, output: { ...side, texts: [] } } as unknown as NonNullable<
    Recording['guarded']
  >['set'];
  return { set, words: new GuardWords(() => {}), placeholders };
}

const recording = (answer: Buffer, more: Partial<Recording> = {}): Recording => ({
  ...{ mode: 'on', requestId: 'r', format: openaiChat, guarded: null, user: null, atMs: 0, model: 'm', stream: true },
  caller: {} as Recording['caller'],
  body: Buffer.from('{"model":"m","messages":[]}'),
  ...{ entry: 'e', others: [], pieces: [answer], takenBytes: 0, status: 200, isCut: false, isWhole: true },
  ...more,
});
const streamOf = (...texts: readonly string[]): Buffer => Buffer.from(texts.map((text) => contentChunk(text)).join(''));
const answerOf = async (of: Recording): Promise<string> => JSON.stringify((await contentOf(of, 1_000_000)).answer);

describe('what a guard put back', () => {
  it('is taken out wherever it stands', async () => {
    const guarded = guardedFor(CARD);
    for (const text of [`no.${CARD}`, `x${CARD}y`, `7${CARD}`, `${CARD}.5`, `${CARD}${CARD}`])
      for (const mode of ['on', 'redacted'] as const) {
        const told = await answerOf(recording(streamOf('so: ', text.slice(0, 9), text.slice(9)), { guarded, mode }));
        assert.ok(!told.includes('1111'), `${mode} ${text} ${told}`);
        assert.ok(told.includes('[CARD_1]'), told);
      }
  });

  it('also in arguments that were cut, in look-alikes, and where one value begins with another', async () => {
    const quoted = 'a"b\\c';
    const guarded = guardedFor(quoted, 'secret', 'secret-2');
    const call = {
      tool_calls: [{ index: 0, function: { name: 'f', arguments: `{"a":${JSON.stringify(quoted)},"b` } }],
    };
    const bytes = Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: call }] })}\n\n`);
    assert.match(await answerOf(recording(bytes, { guarded })), /\[CARD_4\]/);
    const told = await answerOf(recording(streamOf('xｓecret-2, secret-3, secret'), { guarded }));
    assert.doesNotMatch(told, /ecret/);
    assert.match(told, /x\[CARD_5\], \[CARD_2\]-3, \[CARD_2\]/);
  });

  it('is found among very many in the time that the text takes', async () => {
    const values = Array.from({ length: 20_000 }, (_, n) => `${'a'.repeat(30)}${n}@x`);
    const guarded = guardedFor(...values);
    const at = performance.now();
    const told = await answerOf(recording(streamOf(`${'a'.repeat(50_000)} ${values[19_999]}`), { guarded }));
    assert.ok(told.includes('[CARD_20000]'));
    assert.ok(performance.now() - at < 10_000);
  });
});

describe('an answer of which only the beginning was kept, or a stream that was broken off', () => {
  it('ends before what may be half of a find, in each of its texts, and nowhere else', async () => {
    const events = [0, 1].map((index) => ({
      ...{ id: 'an-id', object: 'chat.completion.chunk', model: 'a-model' },
      choices: [{ index, delta: { role: 'assistant', content: `${'word '.repeat(3_000)}4111 1111 11` } }],
    }));
    const bytes = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    for (const more of [{ mode: 'redacted' }, { guarded: guardedFor(CARD) }] as const)
      for (const how of [{ isCut: true }, { isWhole: false }, { isCut: true, isWhole: false }]) {
        const told = await answerOf(recording(bytes, { ...more, ...how }));
        assert.ok(!told.includes('4111') && told.includes('word word'), told.slice(-200));
        for (const kept of ['an-id', 'a-model', 'assistant']) assert.ok(told.includes(kept), kept);
      }
    assert.ok((await answerOf(recording(bytes, { isCut: true }))).includes('4111'), 'nothing is taken out of it');
    const broken = { mode: 'redacted', isWhole: false } as const;
    const key = `a.${'b'.repeat(2_000)}`;
    const whole = 'A sentence that is far from the end. '.repeat(9);
    const told = await answerOf(recording(streamOf(whole, 'eyJhbGciOiJIUzI1NiJ9.', key), broken));
    assert.ok(told.includes('far from the end.') && !/eyJ|bbb/.test(told), 'a secret of any length');
    const error = `data: ${JSON.stringify({ error: { message: 'The upstream broke off.', code: 'upstream_error' } })}\n\n`;
    const ended = await answerOf(recording(Buffer.concat([streamOf('Well'), Buffer.from(error)]), broken));
    assert.ok(ended.includes('The upstream broke off.'), ended);
    const kanji = await answerOf(recording(streamOf('漢字'.repeat(400)), broken));
    assert.ok(kanji.length > 600, 'words without blanks are none');
    const answered = Buffer.from(JSON.stringify({ choices: [{ message: { content: 'all of it' } }] }));
    const left = { stream: false, mode: 'redacted', isWhole: false } as const;
    assert.ok(
      (await answerOf(recording(answered, left))).includes('all of it'),
      'nothing of an answer in one piece is missing',
    );
  });
});
