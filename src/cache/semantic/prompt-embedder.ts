/**
 * How prompts become vectors: by the model that comes with the gateway, or by one behind a provider, which `ask` calls. Such
 * a call has a timeout of its own and a bounded number of others beside it; what is late, does not fit or fails is no vector,
 * and the prompt is a miss. Nothing is tried again here.
 */

import { ofLengthOne, vectorOf } from '../../formats/openai-embeddings/vectors.js';
import { within } from '../../lib/within.js';
import type { Embedder } from './embedder.js';
import type { VectorWorker } from './vector-worker.js';
import type { ModelOptions, Reply } from './worker-messages.js';

export interface Embedded {
  /** Of length one. */
  readonly vector: Float32Array;
  /** The model and its settings; vectors of different spaces are never compared. */
  readonly space: string;
}

export interface PromptEmbedder {
  /** Costs nothing but time, so that it may be asked before it is known whether the vector is needed. */
  readonly isFree: boolean;
  /** Of the vectors that it makes, where that is known before. */
  readonly space?: string | undefined;
  /** Undefined where the text is too long to be compared. Throws where the model is away or too slow. */
  readonly embed: (text: string) => Promise<Embedded | undefined>;
  /** The same for work that can wait. */
  readonly embedIdly: (text: string) => Promise<Embedded | undefined>;
}

/** Far beyond what it takes: an upstream's answer takes longer, and a process that is slow for a moment is no reason to ask. */
const LOCAL_MS = 300;

export function localPrompts(embedder: Embedder): PromptEmbedder {
  const placed = (vector: Float32Array | undefined) => vector && { vector, space: embedder.identity };
  return {
    isFree: true,
    space: embedder.identity,
    embed: async (text) => placed(await embedder.embed(text, LOCAL_MS)),
    embedIdly: async (text) => placed(await embedder.embedIdly(text)),
  };
}

/** By a model from a folder: its bytes, its pooling and what stands before each text are part of the space. */
export function folderPrompts(
  worker: Pick<VectorWorker, 'ask' | 'askIdly'>,
  { pooling, prefix }: Pick<ModelOptions, 'pooling' | 'prefix'>,
): PromptEmbedder {
  let space: string | undefined;
  const placed = ({ vector, model }: Reply): Embedded | undefined => {
    if (!vector) return undefined;
    space = `folder/${model}/${pooling}/${JSON.stringify(prefix)}`;
    return { vector, space };
  };
  return {
    isFree: true,
    get space() {
      return space;
    },
    embed: async (text) => placed(await worker.ask({ op: 'embed', text }, LOCAL_MS)),
    embedIdly: async (text) => placed(await worker.askIdly({ op: 'embed', text }, FOLDER_IDLE_MS)),
  };
}

const FOLDER_IDLE_MS = 60_000;

export interface ProviderModel {
  readonly timeoutMs: number;
  /** What is asked for; null: the model's own. */
  readonly dimensions: number | null;
}

/** What a provider answered, from which target. */
export interface Answered {
  readonly embedding: unknown;
  readonly target: string;
}

export type AskProvider = (text: string, dimensions: number | null, withinMs: number) => Promise<Answered>;

const MOST_AT_ONCE = 64;
const MOST_IDLY = 8;
const IDLE_MS = 10_000;
/** Longer prompts look alike to a model that makes one vector of them, and cost more. */
const MOST_CHARS = 8_000;

/** Whatever the settings are by now, their calls are counted together. */
export function providerPrompts(ask: AskProvider): (model: ProviderModel) => PromptEmbedder {
  const running = { now: 0, idly: 0 };

  async function embed(
    text: string,
    { dimensions }: ProviderModel,
    withinMs: number,
    kind: keyof typeof running,
    most: number,
  ): Promise<Embedded | undefined> {
    if (text.length > MOST_CHARS) return undefined;
    if (running[kind] >= most) throw new Error('too many prompts are being embedded by the provider');
    running[kind]++;
    const asked = ask(text, dimensions, withinMs).finally(() => running[kind]--);
    const { embedding, target } = await within(asked, withinMs, 'the prompt was not embedded');
    const read = vectorOf(embedding);
    const vector = read && ofLengthOne(read);
    if (!vector) throw new Error(`${target} answered with something that is no vector`);
    return { vector, space: `provider/${target}/${dimensions ?? 'own'}/${vector.length}` };
  }

  return (model) => ({
    isFree: false,
    embed: (text) => embed(text, model, model.timeoutMs, 'now', MOST_AT_ONCE),
    embedIdly: (text) => embed(text, model, IDLE_MS, 'idly', MOST_IDLY),
  });
}
