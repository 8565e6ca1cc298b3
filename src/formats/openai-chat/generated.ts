/**
 * What a message or a delta of a stream holds of what its model generated, to be counted where usage is missing. Any text
 * counts unless it is known not to be generated: servers invent fields, and what is not known must not be free. Some tell one
 * text in several fields (`reasoning` and `reasoning_content`); it counts once.
 */

/** Fields whose text is not generated: names of things, and what stands for bytes of another kind. */
const NOT_GENERATED: ReadonlySet<string> = new Set([
  ...['id', 'call_id', 'tool_call_id', 'item_id', 'response_id', 'index', 'role', 'type', 'object', 'model', 'status'],
  ...['finish_reason', 'format', 'detail', 'mime_type', 'media_type', 'created', 'expires_at'],
  ...['signature', 'thought_signature', 'encrypted_content', 'obfuscation'],
  // Sound and images in base64, and where they are to be had.
  ...['data', 'b64_json', 'url', 'image_url', 'images'],
  // What was found, not written.
  ...['annotations', 'citations', 'search_results', 'logprobs', 'usage', 'error'],
]);

/** What a call is given: generated to the last brace where it comes as JSON and not as a text. */
const CALL_INPUTS: ReadonlySet<string> = new Set(['arguments', 'input']);

const DEEPEST = 32;

/** All text of a message or a delta that was generated: content, reasoning, refusal, transcripts, calls of tools, ... */
export function generatedText(message: unknown): string {
  if (typeof message !== 'object' || message === null) return '';
  const wire = message as Record<string, unknown>;
  let all = '';
  let parts: string[] | undefined;
  for (const name in wire) {
    const value = wire[name];
    // Most fields of most chunks are empty, or the role.
    if (value === null || value === undefined || value === '' || NOT_GENERATED.has(name)) continue;
    const text = typeof value === 'string' ? value : textWithin(value, 1);
    if (text === '') continue;
    if (all === '') all = text;
    else if ((parts ??= [all]).includes(text)) continue;
    else all += text;
    parts?.push(text);
  }
  return all;
}

function textWithin(value: unknown, depth: number): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return '';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += textWithin(item, depth + 1);
    return text;
  }
  for (const name in value) {
    if (NOT_GENERATED.has(name)) continue;
    const within = (value as Record<string, unknown>)[name];
    text += CALL_INPUTS.has(name) && typeof within === 'object' ? printed(within) : textWithin(within, depth + 1);
  }
  return text;
}

function printed(value: unknown): string {
  try {
    return value === null ? '' : JSON.stringify(value);
  } catch {
    return ''; // nests too deep
  }
}

/** Whether a message or a delta holds more than its role, names and empty fields. */
export function generatesAnything(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false;
  for (const name in message) {
    const value = (message as Record<string, unknown>)[name];
    if (FRAME.has(name) || isEmpty(value)) continue;
    return true;
  }
  return false;
}

/** Whether a message or a delta holds content or a call, and not reasoning alone. */
export function answersAnything(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false;
  for (const name in message) {
    if (FRAME.has(name) || REASONING.has(name) || isEmpty((message as Record<string, unknown>)[name])) continue;
    return true;
  }
  return false;
}

const FRAME: ReadonlySet<string> = new Set(['role', 'id', 'type', 'annotations', 'citations', 'obfuscation']);
const REASONING: ReadonlySet<string> = new Set([
  ...['reasoning', 'reasoning_content', 'reasoning_details', 'reasoning_text', 'thinking', 'thinking_blocks'],
  'provider_specific_fields',
]);

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
