/** The Responses API by way of chat completions: the request as a chat completion, and the answer, whole or streamed, as a response. */
import { EventWriter, failedEvents } from '../../formats/openai-responses/events.js';
import { textOr } from '../../formats/openai-responses/items.js';
import type { ResponsesRequest } from '../../formats/openai-responses/request.js';
import { type ResponseStatus, responseObject } from '../../formats/openai-responses/response-object.js';
import { noUsage, type Usage } from '../../formats/usage.js';
import type { Refusal } from '../../lib/errors.js';
import { newId } from '../../lib/ids.js';
import { isObject, type Json } from '../../lib/json.js';
import { isAbsent } from '../findings.js';
import type { ChatLeg, ChunkWriter, LegTerms } from '../through-chat.js';
import { chatMessages } from './messages.js';
import { emitTo } from './open-items.js';
import { chatParameters, checkParameters } from './parameters.js';
import { ResponseBuilder } from './response-builder.js';
import { planTools } from './tools.js';

export const responsesToChat: ChatLeg<ResponsesRequest> = {
  from: 'openai-responses',
  fieldNames: new Map([
    ['max_completion_tokens', 'max_output_tokens'],
    ['max_tokens', 'max_output_tokens'],
    ['reasoning_effort', 'reasoning.effort'],
    ['response_format', 'text.format'],
  ]),
  toChat({ json, stream }, target, findings) {
    const { model } = target;
    checkParameters(json, findings);
    const { tools, choice } = planTools(json, findings);
    const parallel = json['parallel_tool_calls'];
    return {
      model,
      messages: chatMessages(json, model, findings),
      ...(tools.length > 0 && {
        tools,
        ...(choice === undefined ? {} : { tool_choice: choice }),
        ...(isAbsent(parallel) ? {} : { parallel_tool_calls: parallel }),
      }),
      ...chatParameters(json, target, findings),
      ...(stream && { stream }),
    };
  },
  answer(completion, usage, terms) {
    const telling = new ResponseTelling(terms, () => {});
    telling.chunk(completion);
    return telling.whole(usage);
  },
  writer: (terms) => new EventTelling(terms),
};

const ignored: ReadonlySet<unknown> = new Set(['default', 'auto']);

/** A response as it becomes known. */
class ResponseTelling {
  readonly #request: Json;
  readonly #terms: LegTerms<ResponsesRequest>;
  readonly #builder: ResponseBuilder;
  readonly #id: string;
  #model: string | undefined;
  #tier: string | undefined;

  constructor(terms: LegTerms<ResponsesRequest>, emit: ConstructorParameters<typeof ResponseBuilder>[2]) {
    this.#request = terms.request.json;
    this.#terms = terms;
    this.#builder = new ResponseBuilder(this.#request, terms, emit);
    this.#id = newId('resp', terms.nowMs);
  }

  /** Before the first chunk's choices: who answers. */
  note(chunk: Json): void {
    this.#model ??= textOr(chunk['model'], '') || undefined;
    if (typeof chunk['service_tier'] === 'string') this.#tier = chunk['service_tier'];
  }

  chunk(chunk: Json): void {
    this.note(chunk);
    const choices = Array.isArray(chunk['choices']) ? chunk['choices'] : [];
    for (const choice of choices.slice(0, 1)) if (isObject(choice)) this.#builder.choice(choice);
  }

  /** The end: ends what is open. */
  whole(usage: Usage | undefined): Json {
    this.#builder.end();
    const { incomplete } = this.#builder;
    return this.told(incomplete ? 'incomplete' : 'completed', usage ?? noUsage());
  }

  told(status: ResponseStatus, usage?: Usage): Json {
    const { incomplete, output } = this.#builder;
    const { clock, nowMs } = this.#terms;
    return responseObject(this.#request, {
      id: this.#id,
      model: this.#model ?? this.#terms.model,
      createdAtS: Math.floor(nowMs / 1000),
      completedAtS: status === 'completed' ? Math.floor((clock?.now() ?? nowMs) / 1000) : undefined,
      status,
      output,
      usage,
      incomplete: status === 'incomplete' ? incomplete : undefined,
      serviceTier: ignored.has(this.#tier) ? undefined : this.#tier,
    });
  }
}

/** The same as events. */
class EventTelling implements ChunkWriter {
  readonly #events = new EventWriter();
  readonly #telling: ResponseTelling;
  #begun = false;
  #out = '';

  constructor(terms: LegTerms<ResponsesRequest>) {
    this.#telling = new ResponseTelling(
      terms,
      emitTo(this.#events, (text) => {
        this.#out += text;
      }),
    );
  }

  chunk(chunk: Json): string {
    this.#telling.note(chunk);
    this.#begin();
    this.#telling.chunk(chunk);
    return this.#take();
  }

  /** A comment does not tell every client that the stream is alive; nothing may come before the first event. */
  get ping(): string {
    return this.#begun ? this.keepAlive() : '';
  }

  keepAlive(): string {
    return this.#begun ? this.#events.event('keepalive', {}) : ': keep-alive\n\n';
  }

  closing(usage: Usage | undefined): string {
    this.#begin();
    const response = this.#telling.whole(usage);
    return this.#take() + this.#events.event(`response.${response['status'] as string}`, { response });
  }

  broken(refusal: Refusal, usage: Usage | undefined): string {
    this.#begin();
    return this.#take() + failedEvents(this.#events, refusal, this.#telling.told('failed', usage));
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const response = this.#telling.told('in_progress');
    this.#out += this.#events.event('response.created', { response });
    this.#out += this.#events.event('response.in_progress', { response });
  }

  #take(): string {
    const out = this.#out;
    this.#out = '';
    return out;
  }
}
