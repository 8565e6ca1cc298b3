/**
 * The embedding model of the gateway as an upstream that speaks the embeddings dialect. It shares its process with
 * the semantic cache: one text of all requests is asked for at a time, so that a prompt waits behind one text at most, and
 * requests take turns, text by text, so that a short one does not wait for a long one. What waits is bounded; what does not
 * fit is told that the model is overloaded. A caller that leaves takes its texts with it. No text is cut and no vector is
 * kept.
 */

import type { EmbeddingsInput } from '../../formats/openai-embeddings/facts.js';
import { type VectorFormat, vectorJson } from '../../formats/openai-embeddings/vectors.js';
import type { LocalAnswer, LocalRequest, LocalUpstream } from '../../provider/provider-type.js';
import { LOCAL_MODEL, MOST_PIECES } from './embedder.js';
import type { VectorWorker } from './vector-worker.js';

/** Texts that wait, of all requests. */
const MOST_TEXTS = 4_096;
const DIMENSIONS = 384;
const TEXT_MS = 30_000;
/** Vectors that are written in one turn of the event loop. */
const AT_ONCE = 16;

interface Job {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly vectors: Float32Array[];
  pieces: number;
  readonly over: (problem: Problem | undefined) => void;
}

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly param?: string;
}

interface Wire {
  readonly model: string;
  readonly input: EmbeddingsInput;
  readonly encoding_format?: string | null;
  readonly dimensions?: number | null;
}

export function localEmbeddings(worker: Pick<VectorWorker, 'ask'>, mostTexts = MOST_TEXTS): LocalUpstream {
  const jobs: Job[] = [];
  let waiting = 0;
  let running = false;

  /** Undefined once all its vectors are there. */
  function embedAll(texts: readonly string[], signal: AbortSignal): Promise<Job | Problem> {
    if (waiting + texts.length > mostTexts) return Promise.resolve(overloaded('has too many texts before it'));
    waiting += texts.length;
    return new Promise((resolve) => {
      const job: Job = { texts, signal, vectors: [], pieces: 0, over: (problem) => resolve(problem ?? job) };
      jobs.push(job);
      if (!running) void run();
    });
  }

  async function run(): Promise<void> {
    running = true;
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const problem = job.signal.aborted ? gone : await step(job);
      if (!problem && job.vectors.length < job.texts.length) {
        jobs.push(job);
        continue;
      }
      waiting -= job.texts.length;
      job.over(problem);
    }
    running = false;
  }

  /** Its next text. */
  async function step(job: Job): Promise<Problem | undefined> {
    const at = job.vectors.length;
    try {
      // The queue of the process is for those who cannot wait; this is one text, and it has its own.
      const work = { op: 'embed', text: job.texts[at]! } as const;
      const { vector, pieces = 0 } = await worker.ask(work, TEXT_MS, Number.POSITIVE_INFINITY);
      if (!vector) return tooLong(job.texts.length === 1 ? 'input' : `input[${at}]`);
      job.vectors.push(vector);
      job.pieces += pieces;
      return undefined;
    } catch {
      return overloaded('cannot be reached');
    }
  }

  return async ({ body, signal }: LocalRequest): Promise<LocalAnswer> => {
    const wire = JSON.parse(body.toString('utf8')) as Wire;
    const problem = problemIn(wire);
    if (problem) return failing(problem);
    const { input } = wire;
    const texts = typeof input === 'string' ? [input] : (input as readonly string[]);
    const job = await embedAll(texts, signal);
    if ('status' in job) return failing(job);
    const format = wire.encoding_format === 'base64' ? 'base64' : 'float';
    return { status: 200, headers: { 'content-type': 'application/json' }, body: answer(job, wire.model, format) };
  };
}

async function* answer({ vectors, pieces }: Job, model: string, format: VectorFormat): AsyncGenerator<Buffer> {
  yield Buffer.from('{"object":"list","data":[');
  for (let from = 0; from < vectors.length; from += AT_ONCE) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    const items = vectors
      .slice(from, from + AT_ONCE)
      .map((vector, i) => `{"object":"embedding","index":${from + i},"embedding":${vectorJson(vector, format)}}`);
    yield Buffer.from(`${from > 0 ? ',' : ''}${items.join(',')}`);
  }
  const usage = { prompt_tokens: pieces, total_tokens: pieces };
  yield Buffer.from(`],"model":${JSON.stringify(model)},"usage":${JSON.stringify(usage)}}`);
}

function problemIn({ model, input, encoding_format: format, dimensions }: Wire): Problem | undefined {
  const invalid = (param: string, message: string): Problem => ({ status: 400, code: 'invalid_value', message, param });
  if (model !== LOCAL_MODEL)
    return { status: 404, code: 'model_not_found', message: `There is no local model '${model}'.`, param: 'model' };
  if (format !== undefined && format !== null && format !== 'float' && format !== 'base64')
    return invalid('encoding_format', `'encoding_format' must be float or base64.`);
  if (dimensions !== undefined && dimensions !== null && dimensions !== DIMENSIONS)
    return invalid(
      'dimensions',
      `'dimensions' must be ${DIMENSIONS}: the vectors of ${LOCAL_MODEL} have no other length.`,
    );
  if (typeof input !== 'string' && typeof input[0] !== 'string')
    return invalid('input', `'input' must be text: ${LOCAL_MODEL} does not know the tokens of other models.`);
  const texts = typeof input === 'string' ? [input] : (input as readonly string[]);
  const empty = texts.findIndex((text) => text.trim() === '');
  if (empty === -1) return undefined;
  const param = typeof input === 'string' ? 'input' : `input[${empty}]`;
  return invalid(param, `'${param}' is an empty text.`);
}

const tooLong = (param: string): Problem => ({
  status: 400,
  code: 'context_length_exceeded',
  message: `'${param}' is longer than ${MOST_PIECES} word pieces, which is the most that ${LOCAL_MODEL} reads.`,
  param,
});

const overloaded = (why: string): Problem => ({
  status: 503,
  code: 'overloaded',
  message: `The local embedding model ${why}. Try again in a moment.`,
});

/** Nobody reads it. */
const gone: Problem = { status: 499, code: 'client_closed_request', message: 'The caller left.' };

function failing({ status, code, message, param = undefined }: Problem): LocalAnswer {
  const type = status < 500 ? 'invalid_request_error' : 'api_error';
  const retry: Record<string, string> = status === 503 ? { 'retry-after-ms': '1000' } : {};
  const bytes = Buffer.from(JSON.stringify({ error: { message, type, param: param ?? null, code } }));
  return { status, headers: { 'content-type': 'application/json', ...retry }, body: once(bytes) };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
