/**
 * One candidate of an answer told as a choice of a chat completion, in deltas as its parts come. A whole answer is told by the
 * same deltas, put together.
 */
import { compactJson } from '../../formats/compact-json.js';
import { GeneratedText } from '../../formats/generated-text.js';
import { type Finish, finishOf, isFinish, partsOf } from '../../formats/google-gemini/wire.js';
import { jsonElements } from '../../formats/json-elements.js';
import { isObject, type Json } from '../../lib/json.js';
import { FencedJson } from '../fenced-json.js';
import { rawAt } from '../raw-json.js';
import { extraContent, type SignedPart, signedBlock } from '../thought-signatures.js';
import type { ToolNames } from '../tool-names.js';
import { annotationsOf } from './grounding.js';

/** What of the request must be known to read its answer. */
export interface AnswerPlan {
  /** The model that was asked, should the answer not name one. */
  readonly model: string;
  readonly nowMs: number;
  readonly askedUsage: boolean;
  /** What the caller calls a tool. */
  readonly names: Pick<ToolNames, 'told'>;
  /** The tool whose input is the answer's content. */
  readonly jsonTool: string | undefined;
  /** The content was asked to be JSON, and may come in a Markdown fence. */
  readonly fencedJson: boolean;
  /** The provider charges for each search, and not for each answer that searched. */
  readonly eachSearch: boolean;
}

export class Candidate {
  readonly index: number;
  readonly #plan: AnswerPlan;
  /** Begins the ids of calls that come without one: other answers have other ids. */
  readonly #callIds: string;
  readonly #fence: FencedJson | undefined;
  #ofText: string | undefined;
  #reason: unknown;
  #thinking = '';
  /** Text beside a forced tool: it is the answer only if the tool was never called. */
  #aside = '';
  #calls = 0;
  #jsonCalls = 0;
  #said = false;
  /** For what is cited of it. */
  readonly #shown = new GeneratedText();
  #grounding: unknown;
  /** Everything that was generated, to be counted. */
  readonly #text = new GeneratedText();

  constructor(index: number, plan: AnswerPlan, callIds: string) {
    this.index = index;
    this.#plan = plan;
    this.#callIds = callIds;
    this.#fence = plan.fencedJson ? new FencedJson() : undefined;
  }

  get generated(): Pick<GeneratedText, 'isEmpty' | 'chars' | 'kept' | 'pieces'> {
    return this.#text;
  }

  get ended(): boolean {
    return isFinish(this.#reason);
  }

  get reason(): unknown {
    return this.#reason;
  }

  get finish(): Finish {
    return finishOf(this.#reason, this.#calls > 0);
  }

  /** Neither content nor a call has come. */
  get empty(): boolean {
    return !this.#said && this.#calls === 0 && this.#jsonCalls === 0;
  }

  /** `raw`: the JSON that the candidate stands in, and its place there. */
  take(candidate: Json, raw: Buffer, place: number): Json[] {
    if (isFinish(candidate['finishReason'])) this.#reason = candidate['finishReason'];
    const parts = partsOf(candidate);
    const inputs = parts.some((part) => isObject(part['functionCall'])) ? rawInputs(raw, place) : [];
    const deltas = parts.flatMap((part, i) => this.#part(part, inputs[i]));
    this.#grounding = candidate['groundingMetadata'] ?? this.#grounding;
    const logprobs = logprobsOf(candidate['logprobsResult']);
    if (logprobs) deltas.push({ logprobs });
    return deltas;
  }

  /** What is left to tell once nothing more comes. */
  end(): Json[] {
    const deltas: Json[] = [];
    const rest = (this.#jsonCalls === 0 ? this.#aside : '') + (this.#fence?.end() ?? '');
    if (rest !== '') deltas.push({ content: rest });
    const annotations = this.#plan.jsonTool === undefined ? annotationsOf(this.#grounding, this.#shown.kept()) : [];
    if (annotations.length > 0) deltas.push({ annotations });
    const signature = this.#ofText;
    if (signature !== undefined)
      deltas.push({ extra_content: extraContent(signature), ...this.#block('text', signature) });
    return deltas;
  }

  #part(part: Json, input: Buffer | undefined): Json[] {
    const { text, thought, functionCall: call, inlineData: media } = part;
    if (isObject(call)) return this.#call(call, input, part['thoughtSignature']);
    const { thoughtSignature: signature } = part;
    if (typeof signature === 'string' && signature !== '') this.#ofText = signature;
    if (isObject(media)) return this.#media(media);
    if (typeof text !== 'string' || text === '') return [];
    this.#text.add(text);
    if (thought === true) {
      this.#thinking += text;
      return [{ reasoning_content: text }];
    }
    this.#said = true;
    if (this.#plan.jsonTool !== undefined) {
      this.#aside += text;
      return [];
    }
    const shown = this.#fence ? this.#fence.push(text) : text;
    this.#shown.add(shown);
    return shown === '' ? [] : [{ content: shown }];
  }

  #call(call: Json, input: Buffer | undefined, signature: unknown): Json[] {
    const name = typeof call['name'] === 'string' ? call['name'] : '';
    const args = isObject(call['args']) ? (input ? compactJson(input.toString('utf8')) : printed(call['args'])) : '{}';
    this.#text.add(name + args);
    if (name === this.#plan.jsonTool) {
      this.#jsonCalls += 1;
      return this.#jsonCalls === 1 ? [{ content: args }] : [];
    }
    const index = this.#calls++;
    const { id: own } = call;
    const id = typeof own === 'string' && own !== '' ? own : `call_${this.#callIds}_${this.index}_${index}`;
    const signed = typeof signature === 'string' && signature !== '' ? signature : undefined;
    const extra = signed === undefined ? {} : { extra_content: extraContent(signed) };
    return [
      // Before the call: what was thought is over.
      ...(signed === undefined ? [] : [this.#block(index, signed)]),
      {
        tool_calls: [
          { index, id, type: 'function', function: { name: this.#plan.names.told(name), arguments: args }, ...extra },
        ],
      },
    ];
  }

  #media({ mimeType, data }: Json): Json[] {
    if (typeof mimeType !== 'string' || typeof data !== 'string') return [];
    this.#said = true;
    return [{ images: [{ type: 'image_url', image_url: { url: `data:${mimeType};base64,${data}` } }] }];
  }

  /** What was thought up to here, with the signature of where it led to. */
  #block(part: SignedPart, signature: string): Json {
    const thinking = this.#thinking;
    this.#thinking = '';
    return { thinking_blocks: [signedBlock({ part, signature }, thinking)] };
  }
}

/** The input of the call in each part, as it was written. */
function rawInputs(json: Buffer, place: number): (Buffer | undefined)[] {
  const parts = rawAt(json, ['candidates', place, 'content', 'parts']);
  return parts === undefined ? [] : jsonElements(parts).map((part) => rawAt(part, ['functionCall', 'args']));
}

/** An input that nests too deep to be printed is as good as none. */
function printed(input: unknown): string {
  try {
    return JSON.stringify(input);
  } catch {
    return '{}';
  }
}

function logprobsOf(result: unknown): Json | undefined {
  if (!isObject(result) || !Array.isArray(result['chosenCandidates'])) return undefined;
  const tops = Array.isArray(result['topCandidates']) ? result['topCandidates'] : [];
  const content = result['chosenCandidates'].filter(isObject).map((chosen, i) => {
    const top: unknown = tops[i];
    const others = isObject(top) && Array.isArray(top['candidates']) ? top['candidates'].filter(isObject) : [];
    return { ...logprob(chosen), top_logprobs: others.map(logprob) };
  });
  return { content, refusal: null };
}

function logprob({ token, logProbability }: Json) {
  const text = typeof token === 'string' ? token : '';
  const value = typeof logProbability === 'number' ? logProbability : 0;
  return { token: text, logprob: value, bytes: [...Buffer.from(text)] };
}
