/**
 * One call of the Responses API, with what the gateway keeps of it. It stands between the request path and the client: before the
 * request is served, what it refers to is put in; when the answer went out, it is kept. A response in the background is answered
 * at once, and goes on where its client does not matter.
 */
import type { ResponsesRequest } from '../../formats/openai-responses/request.js';
import { responseObject } from '../../formats/openai-responses/response-object.js';
import type { ModelRequest } from '../../formats/request.js';
import { SseReader } from '../../formats/sse.js';
import { streamHead, wholeHead } from '../../gateway/head.js';
import type { ResponseWriter } from '../../gateway/response-writer.js';
import type { Reserved } from '../../gateway/stages.js';
import type { Caller } from '../../identity/key.js';
import type { Clock } from '../../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Conversations } from '../../responses/conversations.js';
import type { StoredResponse } from '../../responses/stored-response.js';
import { outputOf, type StoredResponses, TooLarge, TooManyWaiting } from '../../responses/stored-responses.js';
import type { HttpResponseWriter } from '../response-writer.js';
import { BackgroundRun, type BackgroundRuns } from './background.js';
import { asksForState, away, type Continued, continued } from './continued.js';
import { withSaneIds } from './conversations.js';

export interface ResponsesDeps {
  readonly stored: StoredResponses;
  readonly conversations: Conversations;
  readonly runs: BackgroundRuns;
  readonly clock: Clock;
}

/** How long after its model's own time-out a background response counts as abandoned. */
const SPARE_MS = 60_000;

/** What of a call is kept. */
type Kept = Continued & { readonly keyId: string };

export class ResponseSession implements ResponseWriter {
  readonly #deps: ResponsesDeps;
  readonly #client: HttpResponseWriter;
  #writer: ResponseWriter & { interrupt(): void };
  #status = 0;
  #kept: Kept | undefined;

  constructor(deps: ResponsesDeps, client: HttpResponseWriter) {
    this.#deps = deps;
    this.#client = client;
    this.#writer = client;
  }

  prepare(request: ModelRequest, { key }: Caller): Promise<Result<ModelRequest>> | undefined {
    const asked = request as ResponsesRequest;
    return asksForState(asked) ? this.#prepared(asked, key.id) : undefined;
  }

  async #prepared(asked: ResponsesRequest, keyId: string): Promise<Result<ModelRequest>> {
    const found = await continued(asked, keyId, this.#deps);
    if (!found.ok) return found;
    const { request } = found.value;
    if (request.stores || found.value.conversation) this.#kept = { ...found.value, keyId };
    return ok(request);
  }

  /** Its limits are taken. A response in the background begins here, for whoever asks for it. */
  begins(reserved: Reserved): Promise<Result<void>> | undefined {
    const kept = this.#kept;
    return kept && kept.request.json['background'] === true ? this.#detach(reserved, kept) : undefined;
  }

  async #detach({ context, model }: Reserved, kept: Kept): Promise<Result<void>> {
    const { clock, stored, runs } = this.#deps;
    const { request, keyId, before, input } = kept;
    const nowMs = clock.now();
    const id = newId('resp', nowMs);
    const createdAtS = Math.floor(nowMs / 1000);
    const response = responseObject(request.json, {
      id,
      model: request.model,
      createdAtS,
      status: 'queued',
      output: [],
    });
    const row: StoredResponse = {
      id,
      keyId,
      status: 'queued',
      background: true,
      createdAtMs: nowMs,
      runningUntilMs: nowMs + model.timeouts.total + SPARE_MS,
      before,
      input,
      response,
    };
    try {
      await stored.write(row);
    } catch (error) {
      return refused(notKept(error));
    }
    const run = new BackgroundRun(row, request.stream, (final, conclude) =>
      runs.finish(run, this.#added(kept, final.response), conclude),
    );
    runs.enter(run);
    this.#writer = run;
    this.#kept = undefined;
    const client = this.#client;
    if (client.gone) return ok(undefined);
    if (request.stream) {
      client.head(200, streamHead(context));
      run.follow(-1, client);
    } else {
      const body = Buffer.from(JSON.stringify(response));
      client.head(200, wholeHead(context, clock.monotonic() - context.startedAt, body.length));
      client.end(body);
    }
    return ok(undefined);
  }

  get started(): boolean {
    return this.#writer.started;
  }

  get gone(): boolean {
    return this.#writer.gone;
  }

  get interrupted(): boolean {
    return this.#writer.interrupted;
  }

  interrupt(): void {
    this.#writer.interrupt();
  }

  head(status: number, headers: readonly string[]): void {
    this.#status = status;
    this.#writer.head(status, headers);
  }

  write(bytes: Buffer): boolean {
    return this.#writer.write(bytes);
  }

  end(bytes?: Buffer): void {
    const kept = bytes && this.#status === 200 ? this.#kept : undefined;
    const response = kept && (kept.request.stream ? lastResponse(bytes!) : parsed(bytes!));
    const added = response && this.#added(kept!, response);
    if (added) void added.then(() => this.#writer.end(bytes));
    else this.#writer.end(bytes);
    if (response && kept!.request.stores) this.#keep(kept!, response);
  }

  /** Adds the turn to its conversation. The next request may come to another gateway, so that the answer's end waits for it. */
  #added({ conversation, input }: Kept, response: Json): Promise<void> | undefined {
    if (!conversation || (response['status'] !== 'completed' && response['status'] !== 'incomplete')) return undefined;
    return this.#deps.conversations.appendTurn(conversation, withSaneIds([...input, ...outputOf(response)]));
  }

  breakOff(event: Buffer): void {
    this.#writer.breakOff(event);
  }

  onDrain(listener: () => void): void {
    this.#writer.onDrain(listener);
  }

  onGone(listener: () => void): void {
    this.#writer.onGone(listener);
  }

  #keep({ keyId, before, input }: Kept, response: Json): void {
    if (typeof response['id'] !== 'string' || response['id'] === '') return;
    const status = response['status'] === 'incomplete' ? 'incomplete' : 'completed';
    const createdAtMs = this.#deps.clock.now();
    const row = { id: response['id'], keyId, status, background: false, createdAtMs, runningUntilMs: null } as const;
    this.#deps.stored.keep({ ...row, before, input, response });
  }
}

/** A response in the background is there for who asks again, or it is not begun. */
function notKept(error: unknown): Refusal {
  if (error instanceof TooLarge)
    return refuse('request_too_large', 'The request is larger than this gateway keeps (responses.max_size).');
  if (error instanceof TooManyWaiting)
    return refuse('overloaded', 'Too many responses wait to be kept. Try again.', { headers: { 'retry-after': '1' } });
  return away(error);
}

function parsed(bytes: Buffer): Json | undefined {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** The response of the last event: the bytes that end a stream have it whole. */
function lastResponse(bytes: Buffer): Json | undefined {
  let last: Json | undefined;
  new SseReader().feed(bytes, ({ data }) => {
    const event = data === undefined ? undefined : parsed(Buffer.from(data));
    if (event && isObject(event['response'])) last = event['response'];
    return true;
  });
  return last;
}
