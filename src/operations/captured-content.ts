/**
 * What of a request is captured, made once it is over: the request as guards left it, and the answer that the caller was told, a
 * stream put together. What guards put back into the answer is taken out again, and with `redacted` whatever is personal or a
 * secret, in names and numbers too. All of it is done in turns of the event loop.
 */
import type { Content } from '../capture/captured.js';
import { type Cut, cutJson, withoutSpare } from '../capture/cut-json.js';
import { putTogether } from '../capture/put-together.js';
import { readAnswerJson } from '../formats/answer-json.js';
import type { TextRules } from '../formats/texts.js';
import type { Tape } from '../gateway/tape.js';
import { PiiFinder } from '../guardrails/pii.js';
import { Placeholders, placeholdersIn } from '../guardrails/placeholders.js';
import { Rewrite } from '../guardrails/rewrite.js';
import { GuardWords, type TextGuard } from '../guardrails/text-guard.js';
import { piiEntities } from '../lib/guard-spec.js';
import { inTurns } from '../lib/turns.js';

const pii: TextGuard = {
  ...{ name: 'capture', on: ['input'], action: 'redact', message: null, restore: false },
  finder: new PiiFinder(piiEntities),
};

const none: ReadonlySet<string> = new Set();
/** All of it is text. */
const everything: TextRules = { apart: none, plain: none, free: new Set(['content']), echoes: none };

export async function contentOf(tape: Tape, mostBytes: number): Promise<Content> {
  const { request, guarded } = tape.of;
  const taken = new Set<string>();
  const guards = guardsOf(tape);
  const placeholders = guarded?.placeholders ?? new Placeholders((placeholder) => taken.has(placeholder));
  if (!guarded && guards.length > 0) await inTurns(placeholdersIn(request.json, taken));
  const longestFind = guards.reduce((most, { finder }) => Math.max(most, finder.longest), 0);
  const kept = async (value: unknown): Promise<Pick<Cut, 'json' | 'truncated'>> => {
    const { json, truncated, path, spareChars } = await inTurns(cutJson(value, mostBytes, longestFind));
    if (guards.length === 0) return { json, truncated };
    const words = new GuardWords(() => {});
    const rewrite = new Rewrite(guards, everything, { side: 'input', words, placeholders });
    const { content } = await inTurns(rewrite.whole({ content: json }));
    // What was cut in the middle of a find is not kept.
    return { json: path ? withoutSpare(content, path, spareChars) : content, truncated };
  };
  const asked = await kept(request.json);
  const answered = await kept((await answerOf(tape)) ?? null);
  return {
    request: asked.json,
    answer: answered.json,
    complete: tape.isWhole,
    truncated: { request: asked.truncated, answer: answered.truncated || tape.isCut },
  };
}

/** Those whose finds go: what was put back, and all that is personal. */
function guardsOf({ of: { mode, guarded } }: Tape): readonly TextGuard[] {
  const restored = guarded?.placeholders.restores ? guarded.set.input.texts.filter(({ restore }) => restore) : [];
  return mode === 'redacted' ? [...restored, pii] : restored;
}

async function answerOf({ of: { format, request }, pieces, status }: Tape): Promise<unknown> {
  if (pieces.length === 0) return undefined;
  if (request.stream && status === 200)
    return inTurns(putTogether(format.id, pieces, format.streamType === 'application/json' && isArray(pieces)));
  const body = Buffer.concat(pieces);
  const read = await readAnswerJson(body);
  return read ? read.value : body.toString('utf8');
}

const OPEN_BRACKET = 0x5b;
const isArray = ([first]: readonly Buffer[]): boolean => first?.[0] === OPEN_BRACKET;
