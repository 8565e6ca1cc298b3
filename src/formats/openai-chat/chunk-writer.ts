/** Writes the chunks of a chat completion that is told of another dialect's stream, and its end. */
import type { Json } from '../../lib/json.js';
import { sseEvent } from '../sse.js';
import type { UsageExtra } from '../translation.js';
import type { Usage } from '../usage.js';
import { chatUsage } from './usage.js';

const NOTHING = Buffer.alloc(0);
const DONE = sseEvent('[DONE]');

/** What every chunk of an answer says. */
interface ChunkHead {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly model: string;
}

export class ChatChunkWriter {
  readonly #askedUsage: boolean;
  #head = '';
  #out = '';

  constructor(askedUsage: boolean) {
    this.#askedUsage = askedUsage;
  }

  get begun(): boolean {
    return this.#head !== '';
  }

  /** Comes before the first chunk. */
  begin({ id, created, model }: ChunkHead): void {
    this.#head = JSON.stringify({ id, object: 'chat.completion.chunk', created, model }).slice(1, -1);
  }

  choice(choice: Json): void {
    const usage = this.#askedUsage ? ',"usage":null' : '';
    this.#out += `data: {${this.#head},"choices":[${JSON.stringify(choice)}]${usage}}\n\n`;
  }

  /** The only choice. */
  chunk(delta: Json, finish: string | null = null, logprobs: unknown = null): void {
    this.choice({ index: 0, delta, logprobs, finish_reason: finish });
  }

  /** A sign of life. */
  ping(): void {
    this.#out += ': ping\n\n';
  }

  /** What was written since it was last asked for. */
  taken(): Buffer {
    if (this.#out === '') return NOTHING;
    const out = Buffer.from(this.#out);
    this.#out = '';
    return out;
  }

  closing(usage: Usage | undefined, extra: UsageExtra): Buffer {
    const rest = this.taken();
    if (!this.#askedUsage) return Buffer.concat([rest, DONE]);
    const told = JSON.stringify(usage ? chatUsage(usage) : null);
    const last = `{${this.#head},"choices":[],"usage":${told},"x_tollgate":${JSON.stringify(extra)}}`;
    return Buffer.concat([rest, sseEvent(last), DONE]);
  }
}
