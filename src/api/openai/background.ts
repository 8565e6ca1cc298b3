/**
 * Responses in the background. A run is the client of its own request: it takes the answer, whole or as events, keeps it under
 * the id that was given out at the start, and hands events on to whoever follows. Runs are in the memory of the gateway that
 * started them; others see what is stored, and ask it to stop through the store, where this one looks once a second.
 */
import { SseReader, sseEvent } from '../../formats/sse.js';
import type { ResponseWriter } from '../../gateway/response-writer.js';
import { isObject, type Json } from '../../lib/json.js';
import type { StoredResponse } from '../../responses/stored-response.js';
import type { StoredResponses } from '../../responses/stored-responses.js';

/** Who follows a run: a client's connection. */
export type Follower = Pick<ResponseWriter, 'write' | 'end' | 'gone'>;

/**
 * It is known how a run ends: `final` is its last row. Nobody is told before `conclude` is called, which answers that row: what
 * is to be found with an ended response is written first.
 */
type OnOver = (final: StoredResponse, conclude: () => StoredResponse) => void;

const ENDINGS: ReadonlySet<unknown> = new Set(['completed', 'incomplete', 'failed', 'cancelled']);

export class BackgroundRun implements ResponseWriter {
  readonly #stream: boolean;
  readonly #onOver: OnOver;
  readonly #onGone: (() => void)[] = [];
  readonly #followers: Follower[] = [];
  readonly #reader = new SseReader();
  readonly events: string[] = [];
  #row: StoredResponse;
  #status = 0;
  /** Nothing more is taken, and nothing more told. */
  #over = false;
  #concluded = false;
  started = false;
  gone = false;
  interrupted = false;

  constructor(row: StoredResponse, stream: boolean, onOver: OnOver) {
    this.#row = row;
    this.#stream = stream;
    this.#onOver = onOver;
  }

  /** The response as it is now. */
  get row(): StoredResponse {
    return this.#row;
  }

  get streams(): boolean {
    return this.#stream;
  }

  /** Hands on the events after a number, and those to come. */
  follow(afterNumber: number, follower: Follower): void {
    for (const event of this.events.slice(afterNumber + 1)) follower.write(Buffer.from(event));
    if (this.#concluded) follower.end();
    else this.#followers.push(follower);
  }

  cancel(): void {
    if (this.#over) return;
    this.#finish({ ...this.#row.response, status: 'cancelled', output: [] });
    this.#giveUp();
  }

  interrupt(): void {
    if (this.#over || this.gone) return;
    this.interrupted = true;
    this.#giveUp();
  }

  head(status: number): void {
    this.started = true;
    this.#status = status;
    if (status === 200 && !this.#over) this.#tell({ ...this.#row.response, status: 'in_progress' });
  }

  write(bytes: Buffer): boolean {
    if (!this.#over) this.#reader.feed(bytes, ({ name, data }) => this.#event(name, data));
    return true;
  }

  end(bytes?: Buffer): void {
    if (this.#over) return;
    if (this.#status === 200 && this.#stream) {
      if (bytes) this.write(bytes);
      if (!this.#over) this.#finish(failed(this.#row.response, 'The answer ended without its end.'));
    } else
      this.#finish(
        this.#status === 200 ? this.#own(parsed(bytes)) : refusedResponse(this.#row.response, parsed(bytes)),
      );
  }

  breakOff(event: Buffer): void {
    this.write(event);
    if (!this.#over) this.#finish(failed(this.#row.response, 'The answer broke off.'));
  }

  onDrain(): void {}

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#onGone.push(listener);
  }

  #giveUp(): void {
    this.gone = true;
    for (const listener of this.#onGone.splice(0)) listener();
  }

  #event(name: string, data: string | undefined): boolean {
    const event = data === undefined ? undefined : parsed(Buffer.from(data));
    if (!event || event['type'] === 'keepalive') return true;
    const { response } = event;
    const own = isObject(response) ? this.#own(response) : undefined;
    // The gateway's own numbers: what is left out leaves no gap.
    const told = { ...event, sequence_number: this.events.length, ...(own && { response: own }) };
    const written = sseEvent(JSON.stringify(told), name).toString('utf8');
    if (own && ENDINGS.has(own['status'])) this.#finish(own, written);
    else {
      this.#pass(written);
      if (own) this.#tell(own);
    }
    return !this.#over;
  }

  #pass(event: string): void {
    this.events.push(event);
    for (const follower of this.#followers) if (!follower.gone) follower.write(Buffer.from(event));
  }

  /** The response under the id that was given out. */
  #own(response: Json | undefined): Json {
    if (!response) return failed(this.#row.response, 'The answer could not be read.');
    const { id, created_at, background } = this.#row.response;
    return { ...response, id, created_at, background };
  }

  #tell(response: Json): void {
    this.#row = { ...this.#row, response, status: 'in_progress' };
  }

  /** `ending`: the event that tells it. */
  #finish(response: Json, ending?: string): void {
    if (this.#over) return;
    this.#over = true;
    const status = ENDINGS.has(response['status']) ? (response['status'] as StoredResponse['status']) : 'completed';
    const events = this.#stream ? { events: this.events } : {};
    const final = { ...this.#row, response: { ...response, status }, status, runningUntilMs: null, ...events };
    this.#onOver(final, () => {
      this.#concluded = true;
      this.#row = final;
      if (ending !== undefined) this.#pass(ending);
      for (const follower of this.#followers.splice(0)) follower.end();
      return final;
    });
  }
}

function parsed(bytes: Buffer | undefined): Json | undefined {
  try {
    const json: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

export const failed = (response: Json, message: string, code = 'server_error'): Json => ({
  ...response,
  status: 'failed',
  error: { code, message },
});

/** The request was refused after it had been taken. */
function refusedResponse(response: Json, body: Json | undefined): Json {
  const error = body && isObject(body['error']) ? body['error'] : {};
  const { code, message } = error;
  return failed(
    response,
    typeof message === 'string' ? message : 'The request was refused.',
    typeof code === 'string' ? code : 'server_error',
  );
}

/** The runs of this gateway. */
export class BackgroundRuns {
  readonly #stored: StoredResponses;
  readonly #everyMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #runs = new Map<string, BackgroundRun>();
  readonly #finishing = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(stored: StoredResponses, everyMs: number, onError: (error: unknown) => void) {
    this.#stored = stored;
    this.#everyMs = everyMs;
    this.#onError = onError;
  }

  enter(run: BackgroundRun): void {
    this.#runs.set(run.row.id, run);
    this.#timer ??= setInterval(() => void this.#look(), this.#everyMs).unref();
  }

  /** Undefined for one that this key did not start here. */
  of(id: string, keyId: string): BackgroundRun | undefined {
    const run = this.#runs.get(id);
    return run?.row.keyId === keyId ? run : undefined;
  }

  /** `before`: what is written before it is told as over, so that who finds it over finds that too. */
  finish(run: BackgroundRun, before: Promise<void> | undefined, conclude: () => StoredResponse): void {
    const { id } = run.row;
    this.#finishing.set(
      id,
      this.#finished(run, before, conclude).finally(() => this.#finishing.delete(id)),
    );
  }

  /** Once what is over is written. */
  async finished(id: string): Promise<void> {
    await this.#finishing.get(id);
  }

  async #finished(
    run: BackgroundRun,
    before: Promise<void> | undefined,
    conclude: () => StoredResponse,
  ): Promise<void> {
    try {
      if (before) await before;
      await this.#stored.write(conclude());
    } catch (error) {
      this.#onError(error);
    }
    this.#runs.delete(run.row.id);
    if (this.#runs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    try {
      for (const id of await this.#stored.cancelled([...this.#runs.keys()])) this.#runs.get(id)?.cancel();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Waits for what is over to be written. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#finishing.values());
  }
}
