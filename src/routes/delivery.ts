/**
 * An answer on its way to the client, wherever it comes from: an upstream, a cache, a composition. The route's changes are made
 * to it, it is compressed where that is wanted, and otherwise bytes go out as they come, no faster than the client takes them.
 */
import type { Transform } from 'node:stream';
import { refuse } from '../lib/errors.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import { asBuffer } from '../lib/handed-over.js';
import { headerIn } from '../lib/headers.js';
import { compressorFor } from './compress.js';
import { Cors } from './cors.js';
import { removeFrom, trailerPairs } from './headers.js';
import { isPlain } from './json-answer.js';
import { LITTLE_BYTES } from './json-work.js';
import type { Route } from './route.js';
import { type BodyEdit, type HeaderEdit, isJson } from './transform.js';
import type { Visit } from './visit.js';

const SMALL_BYTES = 64 * 1024;
const NO_EDITS: readonly HeaderEdit[] = [];

export class Delivery {
  readonly #visit: Visit;
  readonly #route: Route;
  /** Called when more may be written. */
  readonly #resume: () => void;
  #compressor: Transform | null = null;
  /** A JSON body that is to be changed is collected. */
  #collected: GatheredBytes | null = null;
  #edit: BodyEdit | null = null;
  #status = 0;
  #headers: string[] = [];
  /** A whole body that goes out with its head in one write. */
  #whole: Buffer | undefined;
  #wholeBytes = -1;
  #written = false;
  #waiting = false;
  #over = false;

  constructor(visit: Visit, route: Route, resume: () => void) {
    this.#visit = visit;
    this.#route = route;
    this.#resume = resume;
  }

  /** False: the answer cannot be given like that, and the client was told. */
  head(status: number, headers: string[], message?: string): boolean {
    const visit = this.#visit;
    const route = this.#route;
    if (route.cors) {
      for (let i = headers.length - 2; i >= 0; i -= 2) if (Cors.owns(headers[i]!)) headers.splice(i, 2);
    }
    if (visit.cacheState !== '') headers.push('x-tollgate-cache', visit.cacheState);
    const changes = route.responseChanges?.of(status, headers);
    for (const edit of changes?.headers ?? NO_EDITS) {
      if (!edit.apply(headers, visit)) continue;
      this.#over = true;
      visit.refuse(refuse('upstream_error', 'The answer of the upstream cannot be passed on.'));
      return false;
    }
    if (route.ownErrors?.answer(visit, status, headers)) {
      this.#over = true;
      return false;
    }
    const code = status === 304 ? status : (changes?.status ?? status);
    const bodiless = visit.method === 'HEAD' || code === 204 || code === 304;
    if (changes?.body && !bodiless && isJson(headerIn(headers, 'content-type'))) {
      this.#edit = changes.body;
      this.#collected = new GatheredBytes(Number(headerIn(headers, 'content-length') ?? 0));
      this.#status = code;
      this.#headers = headers;
      return true;
    }
    this.#start(code, headers, bodiless, message);
    return true;
  }

  #start(status: number, headers: string[], bodiless: boolean, message?: string): void {
    const visit = this.#visit;
    const { compress } = this.#route;
    if (compress && !bodiless) this.#compressor = compressorFor(compress, status, headers, visit);
    const length = headerIn(headers, 'content-length');
    if (bodiless || length !== undefined || visit.req.httpVersion === '1.0') removeFrom(headers, 'trailer');
    if (length !== undefined && !bodiless) this.#wholeBytes = Number(length);
    visit.head(status, headers, status === this.#status || this.#status === 0 ? message : undefined);
    if (this.#compressor) this.#pipe(this.#compressor);
    // The head of a small body waits for it: the two go out in one write.
    if (this.#wholeBytes < 0 || this.#wholeBytes > SMALL_BYTES) process.nextTick(flush, this);
  }

  /** A head whose body lets itself be waited for goes out alone. */
  flush(): void {
    if (this.#written || this.#over || this.#whole !== undefined || this.#visit.gone) return;
    if (!this.#visit.res.headersSent || !this.#visit.res.writableEnded) this.#visit.res.flushHeaders();
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true;
    if (this.#collected) return this.#collect(chunk);
    if (this.#compressor) {
      if (this.#compressor.write(chunk)) return true;
      return false;
    }
    if (!this.#written && chunk.length === this.#wholeBytes) {
      this.#whole = chunk;
      return true;
    }
    return this.#write(chunk);
  }

  end(trailers: readonly string[] | null): void {
    if (this.#over) return;
    if (this.#collected) return void this.#change(this.#collected.take()).catch(() => this.#refuse(UNCHANGED));
    this.#finish(trailers);
  }

  #finish(trailers: readonly string[] | null): void {
    if (this.#compressor) return void this.#compressor.end();
    this.#over = true;
    const { res } = this.#visit;
    if (trailers !== null && trailers.length > 0 && res.chunkedEncoding) {
      const pairs = trailerPairs(trailers);
      if (pairs.length > 0) res.addTrailers(pairs);
    }
    this.#visit.end(this.#whole);
  }

  /** What was sent is not the whole; where nothing was, it can still be said. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#compressor?.destroy();
    if (this.#visit.answered) this.#visit.cut();
    else this.#visit.refuse(refuse('upstream_error', "The upstream's answer was cut short."));
  }

  #write(chunk: Buffer): boolean {
    this.#written = true;
    const { res, gone } = this.#visit;
    if (gone || res.write(chunk)) return true;
    if (!this.#waiting) {
      this.#waiting = true;
      res.on('drain', () => (this.#compressor ? this.#compressor.resume() : this.#resume()));
    }
    return false;
  }

  #pipe(compressor: Transform): void {
    compressor.on('data', (chunk: Buffer) => {
      if (!this.#write(chunk)) compressor.pause();
    });
    compressor.on('drain', () => this.#resume());
    compressor.on('end', () => {
      this.#over = true;
      this.#visit.end();
    });
    compressor.on('error', () => this.cut());
  }

  #collect(chunk: Buffer): boolean {
    const collected = this.#collected!;
    if (collected.length + chunk.length <= this.#route.json.largestBytes) collected.push(chunk);
    else this.#refuse('is too large to be changed (json.largest)');
    return true;
  }

  #refuse(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#collected = null;
    this.#visit.refuse(refuse('upstream_error', `The upstream's answer ${why}.`));
  }

  /**
   * The changed body as the answer. What is not JSON goes as it is; what claims to be JSON and cannot be looked into does not
   * go, for it might hold what was to be taken out.
   */
  async #change(collected: Buffer): Promise<void> {
    const headers = this.#headers;
    const { json, work } = this.#route;
    const encoding = headerIn(headers, 'content-encoding');
    const plan = { edit: this.#edit!.planFor(this.#visit), encoding, ...json };
    const isLittle = collected.length <= LITTLE_BYTES && isPlain(encoding);
    const worked = await work.run('answer', plan, collected, isLittle);
    if (this.#over || this.#visit.gone) return;
    if ('undone' in worked || worked.done === 'too much') return this.#refuse(UNCHANGED);
    const { done, bytes } = worked;
    if (done === 'cannot be decoded') return this.#refuse(done);
    const body = done === 'as it is' ? bytes : asBuffer(done);
    this.#collected = null;
    if (done !== 'as it is')
      for (const name of ['content-encoding', 'etag', 'accept-ranges', 'content-md5', 'digest', 'content-digest'])
        removeFrom(headers, name);
    removeFrom(headers, 'content-length');
    removeFrom(headers, 'trailer');
    headers.push('content-length', String(body.length));
    this.#start(this.#status, headers, false);
    this.data(body);
    this.#finish(null);
  }
}

const UNCHANGED = 'is more than can be changed (json)';
const flush = (delivery: Delivery): void => delivery.flush();
