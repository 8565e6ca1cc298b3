/**
 * Contents of Google's dialect as messages of a chat completion.
 *
 * - Results of functions become messages of tools. They answer the call with their id, or, since Google's clients need not give
 *   any, the first call of their function that has no result yet.
 * - Thoughts carry the signature of who thought them (`answer.ts` wraps those of other makers). They go back as `thinking_blocks`
 *   where that is the maker's form, in the field that the target told them in, or not at all.
 */
import { isOwnSignature, replayField, type ThinkingField } from '../../formats/anthropic-messages/own-signature.js';
import { field, listIn, objectIn, partsIn } from '../../formats/google-gemini/fields.js';
import { unwrapSignature } from '../../formats/google-gemini/foreign-thoughts.js';
import type { TargetFacts } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import type { Findings } from '../findings.js';
import { extraContent } from '../thought-signatures.js';
import { functionName } from './tools.js';

export function readContents(json: Json, target: TargetFacts, findings: Findings): Json[] {
  const reader = new ContentsReader(target, findings);
  reader.instruct(field(json, 'systemInstruction'));
  for (const [i, content] of listIn(json, 'contents').entries())
    if (isObject(content)) reader.content(content, `contents[${i}]`);
  return reader.end();
}

class ContentsReader {
  readonly #target: TargetFacts;
  readonly #findings: Findings;
  readonly #messages: Json[] = [];
  /** Calls without a result: their names by their ids, in order. */
  readonly #waiting = new Map<string, string>();
  #made = 0;

  constructor(target: TargetFacts, findings: Findings) {
    this.#target = target;
    this.#findings = findings;
  }

  instruct(instruction: unknown): void {
    const content = this.#parts(partsIn(instruction), 'systemInstruction');
    if (content.length > 0) this.#messages.push({ role: 'system', content: contentOf(content) });
  }

  content(content: Json, path: string): void {
    const { role = 'user' } = content;
    const parts = partsIn(content);
    if (role === 'model') return this.#model(parts, path);
    if (role !== 'user' && role !== 'function' && role !== 'tool') {
      this.#findings.invalid(`${path}.role`, "must be 'user' or 'model'");
      return;
    }
    // All results stand before what else is said.
    for (const [i, part] of parts.entries()) this.#result(part, `${path}.parts[${i}]`);
    const said = this.#parts(parts, path);
    if (said.length > 0) this.#messages.push({ role: 'user', content: contentOf(said) });
  }

  end(): Json[] {
    if (this.#messages.every(({ role }) => role === 'system'))
      this.#findings.invalid('contents', 'must hold something that is said');
    return this.#messages;
  }

  #result(part: Json, path: string): void {
    const response = objectIn(part, 'functionResponse');
    if (!response) return;
    const { name } = response;
    const given = response['id'];
    const id = typeof given === 'string' && this.#waiting.has(given) ? given : this.#callOf(name);
    if (id === undefined) {
      this.#findings.invalid(`${path}.functionResponse`, 'answers no call of a function that waits for a result');
      return;
    }
    this.#waiting.delete(id);
    const told = objectIn(response, 'response') ?? {};
    const text = resultText(told);
    const media = this.#parts(listIn(response, 'parts').filter(isObject), `${path}.functionResponse`);
    const content = media.length === 0 ? text : [{ type: 'text', text }, ...media];
    const failed = 'error' in told && Object.keys(told).length === 1;
    this.#messages.push({ role: 'tool', tool_call_id: id, content, ...(failed && { is_error: true }) });
  }

  /** The first call of a function that waits. */
  #callOf(name: unknown): string | undefined {
    for (const [id, called] of this.#waiting) if (called === name) return id;
    return undefined;
  }

  #model(parts: readonly Json[], path: string): void {
    const said = this.#parts(
      parts.filter(({ thought }) => thought !== true),
      path,
    );
    const calls = parts.flatMap((part) => this.#call(part));
    const thoughts = this.#thoughts(parts.filter(({ thought }) => thought === true));
    if (said.length === 0 && calls.length === 0) return;
    const signature = parts.map(textSignature).findLast((one) => one !== undefined);
    this.#messages.push({
      role: 'assistant',
      content: said.length === 0 ? null : contentOf(said),
      ...thoughts,
      ...(signature === undefined ? {} : { extra_content: extraContent(signature) }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    });
  }

  #call(part: Json): Json[] {
    const call = objectIn(part, 'functionCall');
    if (!call) return [];
    const name = typeof call['name'] === 'string' ? call['name'] : '';
    const given = call['id'];
    const id = typeof given === 'string' && given !== '' ? given : `call_${++this.#made}`;
    this.#waiting.set(id, name);
    const signature = ownSignatureOf(part);
    return [
      {
        id,
        type: 'function',
        function: { name: functionName(name), arguments: JSON.stringify(call['args'] ?? {}) },
        ...(signature === undefined ? {} : { extra_content: extraContent(signature) }),
      },
    ];
  }

  /** Thinking that somebody signed, each in the form of who did. */
  #thoughts(parts: readonly Json[]): Json {
    const blocks: Json[] = [];
    const replayed: Partial<Record<ThinkingField, string>> = {};
    let thinking = '';
    for (const part of parts) {
      // A stream tells thoughts in pieces, and signs the last one.
      if (typeof part['text'] === 'string') thinking += part['text'];
      const signature = unwrapSignature(field(part, 'thoughtSignature'));
      if (signature === undefined) continue;
      if (signature.startsWith(REDACTED))
        blocks.push({ type: 'redacted_thinking', data: signature.slice(REDACTED.length) });
      else if (signature.startsWith(WHOLE)) blocks.push(wholeBlock(signature.slice(WHOLE.length)));
      else if (!isOwnSignature(signature)) blocks.push({ type: 'thinking', thinking, signature });
      else {
        const place = replayField(signature, this.#target.id, thinking);
        if (place) replayed[place] = (replayed[place] ?? '') + thinking;
      }
      thinking = '';
    }
    return { ...(blocks.length > 0 && { thinking_blocks: blocks }), ...replayed };
  }

  /** What is said or shown, without calls and results. */
  #parts(parts: readonly Json[], path: string): Json[] {
    return parts.flatMap((part, i) => {
      const { text } = part;
      if (typeof text === 'string') return text === '' ? [] : [{ type: 'text', text }];
      if (objectIn(part, 'functionCall') ?? objectIn(part, 'functionResponse')) return [];
      return this.#media(part, `${path}.parts[${i}]`);
    });
  }

  #media(part: Json, path: string): Json[] {
    const inline = objectIn(part, 'inlineData');
    if (inline) return this.#inline(inline, `${path}.inlineData`);
    const stored = objectIn(part, 'fileData');
    if (stored) return this.#stored(stored, `${path}.fileData`);
    const code = objectIn(part, 'executableCode') ?? objectIn(part, 'codeExecutionResult');
    if (code) return [{ type: 'text', text: `\`\`\`\n${String(code['code'] ?? code['output'] ?? '')}\n\`\`\`` }];
    const name = Object.keys(part).find((one) => one !== 'thoughtSignature' && one !== 'thought_signature');
    if (name !== undefined)
      this.#findings.unsupported(`${path}.${name}`, 'is a kind of part that cannot be translated for this model');
    return [];
  }

  #inline(media: Json, path: string): Json[] {
    const type = String(field(media, 'mimeType') ?? '').toLowerCase();
    const { data } = media;
    if (typeof data !== 'string') return this.#findings.invalid(`${path}.data`, 'must be base64') ?? [];
    const base64 = data.replaceAll('-', '+').replaceAll('_', '/');
    const url = `data:${type};base64,${base64}`;
    if (type.startsWith('image/')) return [{ type: 'image_url', image_url: { url } }];
    const sound = sounds.get(type.split(';', 1)[0]!);
    if (sound) return [{ type: 'input_audio', input_audio: { data: base64, format: sound } }];
    if (type.startsWith('text/')) return [{ type: 'text', text: Buffer.from(base64, 'base64').toString('utf8') }];
    if (type === 'application/pdf') return [{ type: 'file', file: { filename: 'document.pdf', file_data: url } }];
    return this.#findings.unsupported(`${path}.mimeType`, 'is of a kind that this model cannot be sent') ?? [];
  }

  #stored(media: Json, path: string): Json[] {
    const type = String(field(media, 'mimeType') ?? '').toLowerCase();
    const uri = field(media, 'fileUri');
    if (typeof uri === 'string' && /^https?:\/\//i.test(uri) && !isGoogles(uri)) {
      if (type.startsWith('image/')) return [{ type: 'image_url', image_url: { url: uri } }];
      if (type === 'application/pdf') return [{ type: 'file', file: { file_url: uri } }];
    }
    const why = "is a file that Google has, which this model's provider cannot read: send it as inlineData";
    return this.#findings.unsupported(`${path}.fileUri`, why) ?? [];
  }
}

/** Stands before what a maker hides of its thoughts. */
export const REDACTED = 'redacted:';

/** Stands before a block of thinking that is told within its signature. */
export const WHOLE = 'whole:';

/** A caller may have changed it: what is not read is left to its maker to refuse. */
function wholeBlock(written: string): Json {
  try {
    const block: unknown = JSON.parse(written);
    if (isObject(block)) return { type: 'thinking', thinking: block['thinking'], signature: block['signature'] };
  } catch {
    // no block
  }
  return { type: 'thinking', thinking: '', signature: '' };
}

const isGoogles = (uri: string): boolean =>
  /^https:\/\/(?:generativelanguage\.googleapis\.com|(?:www\.)?youtube\.com|youtu\.be)\//i.test(uri);

const sounds: ReadonlyMap<string, string> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/mp3', 'mp3'],
  ['audio/mpeg', 'mp3'],
  ...['aiff', 'aac', 'ogg', 'flac', 'opus', 'm4a', 'webm'].map((name): [string, string] => [`audio/${name}`, name]),
]);

/** One text stands for itself. */
const contentOf = (parts: readonly Json[]): unknown =>
  parts.length === 1 && parts[0]!['type'] === 'text' ? parts[0]!['text'] : parts;

/** The documented keys hold the result; anything else is the result. */
function resultText(response: Json): string {
  const names = Object.keys(response);
  const [name] = names;
  const value = names.length === 1 && ['output', 'result', 'error'].includes(name!) ? response[name!] : response;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Google's own signature of a part. */
function ownSignatureOf(part: Json): string | undefined {
  const signature = field(part, 'thoughtSignature');
  return typeof signature === 'string' && unwrapSignature(signature) === undefined ? signature : undefined;
}

const textSignature = (part: Json): string | undefined =>
  objectIn(part, 'functionCall') ? undefined : ownSignatureOf(part);
