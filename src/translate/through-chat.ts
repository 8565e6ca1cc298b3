/**
 * A format that clients call, carried by way of chat completions. Such a format states once how its requests are told as a chat
 * completion and how an answer of chat completions is told in it (`ChatLeg`); with that it reaches every format that chat
 * completions reach, by the translator that is there already. What chat completions have no field for travels in the extension
 * fields that docs/dialects.md lists; where the target speaks chat completions itself, `plainChat` takes them out again.
 */

import { readAnswerJson } from '../formats/answer-json.js';
import { DerivedStream } from '../formats/derived-stream.js';
import type { FormatId } from '../formats/format-id.js';
import type { ChatRequest } from '../formats/openai-chat/request.js';
import { readChatRequest } from '../formats/openai-chat/request.js';
import type { ModelRequest } from '../formats/request.js';
import { type SseEvent, SseReader } from '../formats/sse.js';
import type {
  Answer,
  AttemptTerms,
  StreamReader,
  TargetFacts,
  Translation,
  Translator,
  UsageExtra,
} from '../formats/translation.js';
import type { Usage } from '../formats/usage.js';
import { ok, type Refusal, type Result, refused } from '../lib/errors.js';
import type { Json } from '../lib/json.js';
import { jsonBytes } from '../lib/json-bytes.js';
import { then } from '../lib/then.js';
import { Findings } from './findings.js';
import { plainChat } from './plain-chat.js';

/** What of a request and its target must be known to tell its answer. */
export interface LegTerms<R extends ModelRequest> {
  readonly request: R;
  /** The model's name at the target, should the answer not name one. */
  readonly model: string;
  /** `provider/model`. */
  readonly target: string;
  readonly nowMs: number;
  readonly clock?: AttemptTerms['clock'];
}

export interface ChatLeg<R extends ModelRequest> {
  readonly from: FormatId;
  /** What fields of a chat completion are called in this format, for what is told of them to its callers. */
  readonly fieldNames?: ReadonlyMap<string, string>;
  /** No maximum beyond the model's own is told, where that is known. */
  readonly boundsMaximum?: true;
  /**
   * The request as the body of a chat completion, extension fields included, without `stream_options`: usage is asked for and
   * read by whoever speaks to the target. What cannot be told so goes into `findings`.
   */
  toChat(request: R, target: TargetFacts, findings: Findings): Json;
  /** A whole chat completion as an answer of this format. */
  answer(completion: Json, usage: Usage | undefined, terms: LegTerms<R>): Json;
  /** Called once for each streamed answer. */
  writer(terms: LegTerms<R>): ChunkWriter;
}

/** Tells the chunks of a chat completion in another format. What its methods return is passed on at once. */
export interface ChunkWriter {
  /** One chunk, as parsed. It may have no choices, or be of a kind that is not known. */
  chunk(chunk: Json): string;
  /** The upstream gave a sign of life. */
  readonly ping: string;
  /** The in-band error that ends the stream, with what the provider reported so far; left out: the format's own. */
  broken?(refusal: Refusal, usage: Usage | undefined): string;
  /** What keeps the connection alive once the answer has begun; left out: the format's own. */
  keepAlive?(): string;
  /** The end, with what the provider reported. Called after the last chunk and only where the answer is whole. */
  closing(usage: Usage | undefined, extra: UsageExtra): string;
}

/** The way from `leg` to the format that `onward` leads to. */
export function throughChat<R extends ModelRequest>(leg: ChatLeg<R>, onward: Translator<ChatRequest>): Translator<R> {
  return {
    from: leg.from,
    to: onward.to,
    ...(leg.boundsMaximum && { boundsMaximum: leg.boundsMaximum }),
    translate(request: R, target: TargetFacts, attempt: AttemptTerms): ReturnType<Translator['translate']> {
      const findings = new Findings(target.dropParams);
      const told = leg.toChat(request, target, findings);
      const json = onward.to === 'openai-chat' ? plainChat(told, target, findings) : told;
      if (findings.refusal) return refused(inOwnWords(leg, findings.refusal));
      const terms = {
        request,
        model: target.model,
        target: target.id,
        nowMs: attempt.nowMs,
        ...(attempt.clock && { clock: attempt.clock }),
      };
      const back = (carried: Result<Translation>): Result<Translation> =>
        carried.ok
          ? ok(retold(leg, carried.value, findings.dropped, terms))
          : refused(inOwnWords(leg, carried.refusal));
      const carry = (chat: Result<ChatRequest>): ReturnType<Translator['translate']> =>
        chat.ok ? then(onward.translate(chat.value, target, attempt), back) : chat;
      return then(then(jsonBytes(json, request.body.length), readChatRequest), carry);
    },
  };
}

/** A refusal of a translator that speaks of a field of chat completions. */
function inOwnWords<R extends ModelRequest>({ fieldNames }: ChatLeg<R>, refusal: Refusal): Refusal {
  const { param, message } = refusal;
  const own = param === undefined ? undefined : fieldNames?.get(param);
  return own === undefined ? refusal : { ...refusal, param: own, message: message.replace(`'${param}'`, `'${own}'`) };
}

function retold<R extends ModelRequest>(
  leg: ChatLeg<R>,
  carried: Translation,
  dropped: readonly string[],
  terms: LegTerms<R>,
): Translation {
  return {
    ...carried,
    dropped: [...new Set([...dropped, ...carried.dropped].map((name) => leg.fieldNames?.get(name) ?? name))],
    answer: (body) => then(carried.answer(body), (answer) => wholeOf(leg, answer, terms)),
    stream: () => new RetoldStream(carried.stream(), leg.writer(terms)),
  };
}

function wholeOf<R extends ModelRequest>(
  leg: ChatLeg<R>,
  answer: Answer,
  terms: LegTerms<R>,
): Answer | Promise<Answer> {
  if (!answer.ok) return answer;
  const told = then(readAnswerJson(answer.body), (read) =>
    jsonBytes(leg.answer(read!.value as Json, answer.usage, terms), answer.body.length),
  );
  return then(told, (body): Answer => ({ ...answer, body, text: () => answer.text() }));
}

/** A stream of chat completions told in another format. Everything but the bytes is as the inner reader says. */
class RetoldStream extends DerivedStream {
  readonly #writer: ChunkWriter;
  readonly #events = new SseReader();
  readonly broken?: (refusal: Refusal) => Buffer;
  readonly keepAlive?: () => Buffer;
  #out = '';

  constructor(inner: StreamReader, writer: ChunkWriter) {
    super(inner);
    this.#writer = writer;
    if (writer.broken) this.broken = (refusal) => Buffer.from(writer.broken!(refusal, inner.usage));
    if (writer.keepAlive) this.keepAlive = () => Buffer.from(writer.keepAlive!());
  }

  push(chunk: Buffer): Buffer {
    return this.#retell(this.inner.push(chunk));
  }

  closing(extra: UsageExtra): Buffer {
    const rest = this.#retell(this.inner.closing(extra));
    return Buffer.concat([rest, Buffer.from(this.#writer.closing(this.inner.usage, extra))]);
  }

  #retell(chat: Buffer): Buffer {
    if (chat.length === 0) return chat;
    this.#out = '';
    this.#events.feed(chat, this.#event);
    return Buffer.from(this.#out);
  }

  readonly #event = ({ data }: SseEvent): boolean => {
    if (data === undefined) this.#out += this.#writer.ping;
    else if (data !== '[DONE]') this.#out += this.#writer.chunk(JSON.parse(data) as Json);
    return true;
  };
}
