/**
 * The guards of a request, before it is routed, counted, looked up in the cache or sent: sizes first, then those that look for
 * something in its texts, then those that are asked elsewhere. Nothing is taken from a limit before they have spoken. What they
 * change is changed in the request itself, so that everything after them sees the request as it is sent.
 */
import type { Model, Models, Target } from '../catalog/model.js';
import { splice } from '../formats/json-fields.js';
import type { ModelRequest } from '../formats/request.js';
import { textsOf, withTexts } from '../guardrails/all-texts.js';
import type { GuardSet } from '../guardrails/guards.js';
import { namesTwice } from '../guardrails/names-twice.js';
import { Placeholders, placeholdersIn } from '../guardrails/placeholders.js';
import { Rewrite } from '../guardrails/rewrite.js';
import { GuardWords } from '../guardrails/text-guard.js';
import type { AskGuard } from '../guardrails/verdict.js';
import type { Caller } from '../identity/key.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refused } from '../lib/errors.js';
import type { SizeGuardConfig } from '../lib/guard-spec.js';
import type { Json } from '../lib/json.js';
import { jsonText } from '../lib/json-text.js';
import { finishNow, inTurns } from '../lib/turns.js';
import { type Asking, askAll } from './ask-guards.js';
import type { Waiter } from './ask-patience.js';
import type { Call } from './call.js';
import { countInput } from './count-input.js';
import { guardNamesOf } from './guard-names.js';
import { blockedBy, namedTwice, notConfigured, unreadable } from './guard-refusals.js';
import type { Guarded } from './guarded-request.js';

/** Larger requests are read in turns of the event loop. */
const SMALL_BYTES = 16 * 1024;

export interface GuardInput {
  readonly call: Pick<Call, 'format' | 'model' | 'requestId'>;
  /** How its body was read; left out: as the format reads one. */
  readonly read?: (body: Buffer) => Result<ModelRequest> | Promise<Result<ModelRequest>>;
  readonly caller: Caller;
  readonly models: Models;
  readonly request: ModelRequest;
  /** The model that was asked for. */
  readonly model: Model;
  readonly user: string | null;
  /** Left out: nobody who could leave waits for it. */
  readonly waiter?: Waiter;
}

export interface GuardPorts {
  /** No guard is in force: what the gateway asks itself. */
  readonly off?: true;
  readonly ask: AskGuard;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly guardSpoke: (guard: string, action: string, side: string) => void;
  /** Told of a guard that could not be asked. */
  readonly onUnasked: (guard: string, why: string, requestId: string) => void;
}

export interface GuardedRequest {
  readonly request: ModelRequest;
  readonly guarded: Guarded;
}

/** Null: no guard is in force. `telling`: what the guards say is written down there as they say it. */
export function guardInput(
  input: GuardInput,
  ports: GuardPorts,
  telling?: { guards: GuardWords | null },
): Promise<Result<GuardedRequest>> | Result<never> | null {
  const { caller, models, model } = input;
  if (ports.off) return null;
  const { key, team } = caller;
  if (models.guards.none && key.guards.length === 0 && !team?.guards.length) return null;
  const found = models.guards.inForce(team?.guards ?? [], key.guards, guardNamesOf(model, models));
  if (!found.ok) return refused(notConfigured(found.unknown));
  return found.set && guardedInput(input, found.set, ports, telling);
}

async function guardedInput(
  input: GuardInput,
  set: GuardSet,
  ports: GuardPorts,
  telling: { guards: GuardWords | null } | undefined,
): Promise<Result<GuardedRequest>> {
  const { request } = input;
  const words = new GuardWords(({ guard, action, side }) => ports.guardSpoke(guard, action, side));
  if (telling) telling.guards = words;
  const taken = new Set<string>();
  const placeholders = new Placeholders((placeholder) => taken.has(placeholder));
  const guarded: Guarded = { set, words, placeholders };
  const { sizes, texts, asked } = set.input;
  if (sizes.length + texts.length + asked.length === 0) return ok({ request, guarded });
  const isSmall = request.body.length <= SMALL_BYTES;
  const checking = ambiguity(input, set);
  const unclear = isSmall ? finishNow(checking) : await inTurns(checking);
  if (unclear) return refused(unclear);
  const tooLarge = await sizeProblem(input, sizes, words);
  if (tooLarge) return refused(tooLarge);
  const reading = readWith(input, guarded, taken);
  const json = isSmall ? finishNow(reading) : await inTurns(reading);
  if ('code' in json) return refused(json);
  const judged = await judgedBy(input, json.json, guarded, ports);
  if (!judged.ok) return judged;
  return judged.value === request.json ? ok({ request, guarded }) : rewritten(input, judged.value, guarded);
}

/** Why guards that act cannot know what the request says. */
function* ambiguity({ request, call }: GuardInput, { input }: GuardSet): Generator<number, Refusal | undefined> {
  const { sizes, texts, asked } = input;
  const reads = asked.length > 0 || texts.some(({ action }) => action !== 'log');
  const hidden = reads ? call.format.texts.unreadable?.(request.json) : undefined;
  if (hidden !== undefined) return unreadable(hidden);
  const acts = reads || sizes.some(({ action }) => action !== 'log');
  return acts && (yield* namesTwice(request.body, request.json)) ? namedTwice : undefined;
}

/** The request's JSON as text guards leave it, or why it goes no further. `taken`: placeholders that it has itself go there. */
function* readWith(
  { request, call }: GuardInput,
  { set, words, placeholders }: Guarded,
  taken: Set<string>,
): Generator<number, { readonly json: Json } | Refusal> {
  const { texts } = set.input;
  const rules = call.format.texts.request;
  if (texts.length === 0) return { json: request.json };
  yield* placeholdersIn(request.json, taken);
  const json = yield* new Rewrite(texts, rules, { side: 'input', words, placeholders }).whole(request.json);
  return words.blockedBy ? blockedBy(words.blockedBy, 'input') : { json };
}

async function sizeProblem(
  input: GuardInput,
  sizes: readonly SizeGuardConfig[],
  words: GuardWords,
): Promise<Refusal | undefined> {
  for (const size of sizes) {
    const why = await excess(input, size);
    if (why === undefined) continue;
    if (size.action === 'log') words.add(size.name, 'input', 'log');
    else {
      words.block(size, 'input');
      return blockedBy({ name: size.name, message: size.message ?? why }, 'input');
    }
  }
  return undefined;
}

async function excess(
  { request, call, model, models }: GuardInput,
  { max_characters, max_messages, max_tokens }: SizeGuardConfig,
): Promise<string | undefined> {
  if (max_messages !== null && messagesOf(request) > max_messages) return `it has more than ${max_messages} messages`;
  if (max_characters !== null && request.body.length > max_characters) {
    const characters = textsOf(request.json, call.format.texts.request).reduce((sum, { length }) => sum + length, 0);
    if (characters > max_characters) return `its texts have more than ${max_characters} characters`;
  }
  const target = targetOf(model, models);
  if (max_tokens === null || !target) return undefined;
  const { expected } = await countInput(request.facts, target);
  return expected > max_tokens ? `it has more than ${max_tokens} tokens` : undefined;
}

function messagesOf({ json }: ModelRequest): number {
  const { messages, contents, input } = json;
  const list = messages ?? contents ?? input;
  return Array.isArray(list) ? list.length : 1;
}

/** One whose way of counting is that of the model, or of the first that its route uses. */
function targetOf(model: Model, models: Models): Target | undefined {
  for (let at: Model | undefined = model, left = 8; at && left > 0; left--) {
    if (!at.route) return at.targets[0];
    at = models.get(at.route.uses[0] ?? '');
  }
  return undefined;
}

async function judgedBy(
  input: GuardInput,
  json: Json,
  { set, words }: Guarded,
  ports: GuardPorts,
): Promise<Result<Json>> {
  const { asked } = set.input;
  if (asked.length === 0) return ok(json);
  const rules = input.call.format.texts.request;
  const texts = textsOf(json, rules);
  const answered = await askAll(asked, texts, askingFor(input, 'input'), words, ports, input.waiter);
  if (!answered.ok) return answered;
  return ok(answered.value === texts ? json : withTexts(json, rules, answered.value));
}

export const askingFor = (
  { call, caller, model, user }: Pick<GuardInput, 'call' | 'caller' | 'model' | 'user'>,
  side: Asking['side'],
): Asking => ({
  side,
  requestId: call.requestId,
  endpoint: call.format.endpoint,
  model: model.name,
  key: caller.key.id,
  team: caller.key.team,
  user,
});

/** The request with other texts: the fields that changed are written anew, all other bytes are the caller's. */
async function rewritten(
  { request, call, read: readBody }: GuardInput,
  json: Json,
  guarded: Guarded,
): Promise<Result<GuardedRequest>> {
  const edits: { start: number; end: number; with: string }[] = [];
  for (const { name, valueStart, valueEnd } of request.fields.fields) {
    if (json[name] === request.json[name]) continue;
    const written = writtenOut(json[name]);
    edits.push({
      start: valueStart,
      end: valueEnd,
      with: request.body.length <= SMALL_BYTES ? finishNow(written) : await inTurns(written),
    });
  }
  const body = splice(request.body, edits);
  const read = await (readBody ? readBody(body) : call.format.read(body, call.model));
  if (!read.ok) return read;
  // What is sent is what was read anew; what was settled about the request before (`stores`) stays.
  const settled = 'stores' in request ? { stores: request.stores } : {};
  return ok({
    request: { ...request, ...read.value, json, model: request.model, ...settled } as ModelRequest,
    guarded,
  });
}

function* writtenOut(value: unknown): Generator<number, string> {
  const pieces: string[] = [];
  for (const piece of jsonText(value)) {
    pieces.push(piece);
    yield piece.length;
  }
  return pieces.join('');
}
