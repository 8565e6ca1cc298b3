/**
 * What of a request is captured, made once it is over: the request as guards left it, and the answer that the caller was told, a
 * stream put together. What guards put back into the answer is taken out again, wherever it stands, and with `redacted` whatever is
 * personal or a secret, in names and numbers too. All of it is done in turns of the event loop.
 */
import type { Content } from '../capture/captured.js';
import { type CutTexts, cutJson, withoutSpare } from '../capture/cut-json.js';
import { putTogether } from '../capture/put-together.js';
import { readAnswerJson } from '../formats/answer-json.js';
import { readJsonBody } from '../formats/json-body.js';
import type { TextRules } from '../formats/texts.js';
import type { Recording } from '../gateway/tape.js';
import { literalFinder } from '../guardrails/literals.js';
import { PiiFinder } from '../guardrails/pii.js';
import { Placeholders, placeholdersIn } from '../guardrails/placeholders.js';
import { Rewrite } from '../guardrails/rewrite.js';
import { GuardWords, type TextGuard } from '../guardrails/text-guard.js';
import { piiEntities } from '../lib/guard-spec.js';
import { inTurns } from '../lib/turns.js';

const redacts = { name: 'capture', on: ['input'], action: 'redact', message: null, restore: false } as const;
const pii: TextGuard = { ...redacts, finder: new PiiFinder(piiEntities) };

const none: ReadonlySet<string> = new Set();
/** All of it is text. */
const everything: TextRules = { apart: none, plain: none, free: new Set(['content']), echoes: none };

export async function contentOf(recording: Recording, mostBytes: number): Promise<Content> {
  const { guarded, format, isCut, isWhole, stream, status } = recording;
  const request = await requestOf(recording);
  const taken = new Set<string>();
  const guards = await guardsOf(recording);
  const placeholders = guarded?.placeholders ?? new Placeholders((placeholder) => taken.has(placeholder));
  if (!guarded && guards.length > 0) await inTurns(placeholdersIn(request, taken));
  const longestFind = guards.reduce((most, { finder }) => Math.max(most, finder.longest), 0);
  const kept = async (value: unknown, cutTexts?: CutTexts) => {
    const { json, truncated, path, spareChars } = await inTurns(cutJson(value, mostBytes, longestFind, cutTexts));
    if (guards.length === 0) return { json, truncated };
    const words = new GuardWords(() => {});
    const rewrite = new Rewrite(guards, everything, { side: 'input', words, placeholders });
    const { content } = await inTurns(rewrite.whole({ content: json }));
    // What was cut in the middle of a find is not kept.
    return { json: path ? withoutSpare(content, path, spareChars) : content, truncated };
  };
  const asked = await kept(request);
  const isBroken = stream && status === 200 && !isWhole;
  const endOf = isCut ? () => longestFind : isBroken ? halfFind(guards, longestFind) : undefined;
  const ends = endOf && guards.length > 0 ? { plain: format.texts.answer.plain, endOf } : undefined;
  const answered = await kept((await answerOf(recording)) ?? null, ends);
  return {
    request: asked.json,
    answer: answered.json,
    complete: recording.isWhole,
    truncated: { request: asked.truncated, answer: answered.truncated || isCut },
  };
}

/** What is personal, other than a secret, is no longer with all its blanks. Characters. */
const LONGEST_PERSONAL = 128;
const OF_SECRETS = /[\w.+/=@%:~-]/;

/**
 * How much of the end of a text may be half of a find, where it was broken off in the middle. Secrets are longer than all that is
 * personal, and have no blanks; a private key, which has, is found by its beginning.
 */
function halfFind(guards: readonly TextGuard[], longestFind: number): (text: string) => number {
  const least = guards.reduce(
    (most, { finder }) => (finder instanceof PiiFinder ? most : Math.max(most, finder.longest)),
    LONGEST_PERSONAL,
  );
  return (text) => {
    let from = Math.max(0, text.length - least);
    while (from > 0 && text.length - from < longestFind && OF_SECRETS.test(text[from - 1]!)) from -= 1;
    return text.length - from;
  };
}

/** Those whose finds go: what was put back, and all that is personal. */
async function guardsOf({ mode, guarded }: Recording): Promise<readonly TextGuard[]> {
  const personal = mode === 'redacted' ? [pii] : [];
  if (!guarded?.placeholders.restores) return personal;
  const finder = await inTurns(literalFinder(guarded.placeholders.restored()));
  return [{ ...redacts, finder }, ...guarded.set.input.texts.filter(({ restore }) => restore), ...personal];
}

/** It was read before, and is read again rather than held: parsed it takes many times its bytes. */
async function requestOf({ body }: Recording): Promise<unknown> {
  const read = await readJsonBody(body);
  return read.ok ? read.value.json : null;
}

async function answerOf({ format, stream, pieces, status }: Recording): Promise<unknown> {
  if (pieces.length === 0) return undefined;
  if (stream && status === 200)
    return inTurns(putTogether(format.id, pieces, format.streamType === 'application/json' && isArray(pieces)));
  const body = Buffer.concat(pieces);
  const read = await readAnswerJson(body);
  return read ? read.value : body.toString('utf8');
}

const OPEN_BRACKET = 0x5b;
const isArray = ([first]: readonly Buffer[]): boolean => first?.[0] === OPEN_BRACKET;
