/**
 * The items of a request's input as messages of a chat completion.
 *
 * - What one turn of the assistant said, thought and called is one message, in whichever order its items stand.
 * - The results of its calls follow it at once; messages that stand between move behind them.
 * - A call that was never answered (its client was interrupted) is answered with `aborted`: every provider asks for a result.
 * - Thoughts come back only in the gateway's own envelope: signed ones always, others where the model is the one that had them
 *   and the turn calls a tool, since there their providers ask for them. Another provider's blob says nothing here.
 */
import { inputItems, isOutputItem, itemType } from '../../formats/openai-responses/items.js';
import { openReasoning, type ReasoningEnvelope } from '../../formats/openai-responses/reasoning.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { chatContent } from './parts.js';
import { functionName } from './tools.js';

/** The assistant's turn that is being put together. */
interface Turn {
  readonly texts: Json[];
  readonly calls: Json[];
  refusal?: string;
  readonly thoughts: ReasoningEnvelope[];
}

export function chatMessages(request: Json, model: string, findings: Findings): Json[] {
  const reader = new ItemReader(model, findings);
  reader.instructions(request['instructions']);
  const { input } = request;
  const path = (i: number): string => (typeof input === 'string' ? 'input' : `input[${i}]`);
  for (const [i, item] of inputItems(input).entries()) reader.item(item, path(i));
  return reader.end();
}

class ItemReader {
  readonly #model: string;
  readonly #findings: Findings;
  readonly #messages: Json[] = [];
  /** Calls that wait for their result. */
  readonly #waiting = new Set<string>();
  /** What stands between calls and their results. */
  #behind: Json[] = [];
  #turn: Turn | undefined;
  /** Thoughts of the turn to come. */
  #thoughts: ReasoningEnvelope[] = [];

  constructor(model: string, findings: Findings) {
    this.#model = model;
    this.#findings = findings;
  }

  instructions(instructions: unknown): void {
    if (Array.isArray(instructions)) {
      for (const [i, item] of instructions.entries())
        if (isObject(item)) this.item({ role: 'developer', ...item }, `instructions[${i}]`);
    } else if (typeof instructions === 'string' && instructions !== '')
      this.#messages.push({ role: 'system', content: instructions });
  }

  item(item: Json, path: string): void {
    const type = itemType(item);
    if (type === 'message') this.#message(item, path);
    else if (type === 'function_call' || type === 'custom_tool_call') this.#call(item, path);
    else if (isOutputItem(type)) this.#output(item, type, path);
    else if (type === 'reasoning') this.#reasoning(item);
    else if (type === 'item_reference')
      this.#findings.invalid(path, 'refers to an item that the gateway does not keep: send the item itself');
    // What else there is says nothing to a model, or its tools were declared before.
    else if (type !== 'additional_tools' && type !== 'configuration_update')
      this.#findings.unsupported(
        `${path}.type`,
        `is '${type.slice(0, 60)}', an item that this model's provider does not know`,
      );
  }

  end(): Json[] {
    this.#endTurn();
    this.#settle();
    if (this.#messages.length === 0) this.#findings.invalid('input', 'must hold at least one message');
    return this.#messages;
  }

  #message(item: Json, path: string): void {
    const { role, content } = item;
    if (role === 'assistant') return this.#said(content, `${path}.content`);
    this.#endTurn();
    this.#thoughts = [];
    if (role !== 'user' && role !== 'system' && role !== 'developer') {
      this.#findings.invalid(`${path}.role`, "must be 'user', 'assistant', 'system' or 'developer'");
      return;
    }
    // Few servers know developers; OpenAI takes the one for the other.
    const told = role === 'developer' ? 'system' : role;
    const message = { role: told, content: chatContent(content, `${path}.content`, this.#findings) };
    if (this.#waiting.size > 0) this.#behind.push(message);
    else this.#messages.push(message);
  }

  #said(content: unknown, path: string): void {
    const turn = this.#open();
    const parts = Array.isArray(content) ? content : [{ type: 'output_text', text: content ?? '' }];
    for (const [i, part] of parts.entries()) {
      if (isObject(part) && part['type'] === 'refusal')
        turn.refusal = (turn.refusal ?? '') + String(part['refusal'] ?? '');
      else {
        const text = chatContent([part], `${path}[${i}]`, this.#findings);
        if (typeof text !== 'string') turn.texts.push(...text);
        else if (text !== '') turn.texts.push({ type: 'text', text });
      }
    }
  }

  #call(item: Json, path: string): void {
    const { call_id: id, name, arguments: written, input, namespace } = item;
    if (typeof id !== 'string' || id === '')
      return void this.#findings.invalid(`${path}.call_id`, 'must be a non-empty string');
    if (typeof name !== 'string' || name === '')
      return void this.#findings.invalid(`${path}.name`, 'must be a non-empty string');
    if (this.#waiting.has(id)) return void this.#findings.invalid(`${path}.call_id`, 'is given twice');
    // A new turn calls: what the one before was left without is not to come any more.
    if (!this.#turn && this.#waiting.size > 0) this.#settle();
    const custom = itemType(item) === 'custom_tool_call';
    const given = custom ? JSON.stringify({ input: typeof input === 'string' ? input : '' }) : written;
    const args = typeof given === 'string' && given !== '' ? given : '{}';
    this.#open().calls.push({
      id,
      type: 'function',
      function: { name: functionName(name, namespace), arguments: args },
    });
    this.#waiting.add(id);
  }

  #output(item: Json, type: string, path: string): void {
    const { call_id: id, output } = item;
    if (type !== 'function_call_output' && type !== 'custom_tool_call_output')
      return this.#findings.unsupported(
        `${path}.type`,
        `is '${type.slice(0, 60)}', a result that this model's provider does not know`,
      );
    this.#endTurn();
    if (typeof id !== 'string' || !this.#waiting.delete(id))
      return void this.#findings.invalid(`${path}.call_id`, 'answers no call that waits for a result');
    this.#messages.push({
      role: 'tool',
      tool_call_id: id,
      content: chatContent(output, `${path}.output`, this.#findings),
    });
    if (this.#waiting.size === 0) this.#settle();
  }

  #reasoning({ encrypted_content: blob }: Json): void {
    const opened = openReasoning(blob);
    if (opened) (this.#turn?.thoughts ?? this.#thoughts).push(opened);
    else if (!isAbsent(blob)) this.#findings.drop('input[].encrypted_content');
  }

  /** The turn that goes on, or a new one: text that follows calls which wait is of the same turn. */
  #open(): Turn {
    if (!this.#turn) {
      this.#turn = { texts: [], calls: [], thoughts: this.#thoughts };
      this.#thoughts = [];
    }
    return this.#turn;
  }

  #endTurn(): void {
    const turn = this.#turn;
    if (!turn) return;
    this.#turn = undefined;
    const { texts, calls, refusal } = turn;
    if (texts.length === 0 && calls.length === 0 && refusal === undefined) return;
    const [only] = texts;
    const plain = texts.length === 1 && Object.keys(only!).length === 2 ? only!['text'] : texts;
    const message = {
      role: 'assistant',
      content: texts.length === 0 ? null : plain,
      ...(refusal === undefined ? {} : { refusal }),
      ...this.#thought(turn),
      ...(calls.length === 0 ? {} : { tool_calls: withCallFields(turn) }),
    };
    // A turn between calls and their results said something meanwhile.
    if (this.#waiting.size > calls.length) this.#behind.push(message);
    else this.#messages.push(message);
  }

  #thought({ thoughts, calls }: Turn): Json {
    const blocks = thoughts.flatMap((one) => one.blocks ?? []);
    const text = thoughts
      .filter(({ model }) => model === this.#model && calls.length > 0)
      .map((one) => one.text ?? '')
      .join('');
    return {
      ...(blocks.length === 0 ? {} : { thinking_blocks: blocks }),
      ...(text === '' || blocks.length > 0 ? {} : { reasoning_content: text }),
    };
  }

  /** Answers what was never answered, and says what stood between. */
  #settle(): void {
    for (const id of this.#waiting) this.#messages.push({ role: 'tool', tool_call_id: id, content: 'aborted' });
    this.#waiting.clear();
    this.#messages.push(...this.#behind);
    this.#behind = [];
  }
}

/** What a provider wants back with its calls. */
function withCallFields({ calls, thoughts }: Turn): readonly Json[] {
  const fields = Object.assign({}, ...thoughts.map((one) => one.calls ?? {})) as Record<string, Json>;
  return calls.map((call) => ({ ...fields[String(call['id'])], ...call }));
}
