/**
 * Thoughts and calls of models of other makers in a conversation that goes to one of Google's. What was thought elsewhere carries
 * its maker's signature, wrapped in one that says so, and is taken out; a call that nobody signed gets the word with which Google
 * lets it pass, where its model asks for signatures. Every other byte stays as the caller wrote it.
 */
import { isObject, type Json } from '../../lib/json.js';
import { jsonElements } from '../json-elements.js';
import { jsonFields } from '../json-fields.js';
import { field, listIn, partsIn } from './fields.js';

const MARK = 'tg1:';
/** How every text that begins with the mark begins in base64. */
const WRITTEN_MARK = 'dGcxO';

/** Lets a call pass whose signature is not known. */
export const UNSIGNED = 'skip_thought_signature_validator';

/** Another maker's signature as one of Google's, which are base64. */
export const wrapSignature = (signature: string): string => Buffer.from(MARK + signature).toString('base64');

/** The signature that was wrapped; undefined: it is one of Google's own. */
export function unwrapSignature(written: unknown): string | undefined {
  if (typeof written !== 'string' || !written.startsWith(WRITTEN_MARK)) return undefined;
  return Buffer.from(written, 'base64').toString('utf8').slice(MARK.length);
}

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

const isForeign = (part: Json): boolean => unwrapSignature(field(part, 'thoughtSignature')) !== undefined;
const isUnsigned = (part: Json): boolean => field(part, 'thoughtSignature') === undefined;
const isCall = (part: Json): boolean => isObject(field(part, 'functionCall'));

/** `signedCalls`: the model refuses calls without a signature. `start` and `end`: where the contents stand in `body`. */
export function withGooglesThoughts(
  json: Json,
  body: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
  signedCalls: boolean,
): Edit[] {
  const contents = listIn(json, 'contents');
  const wrong = contents.flatMap((content, i) => {
    const parts = partsIn(content);
    const first = signedCalls && isObject(content) && content['role'] === 'model' ? parts.find(isCall) : undefined;
    return parts.some(isForeign) || (first && isUnsigned(first)) ? [i] : [];
  });
  if (wrong.length === 0) return [];
  const elements = jsonElements(body.subarray(start, end));
  return wrong.flatMap((i) => editOf(body, elements[i]!, signedCalls));
}

function editOf(body: Buffer, content: Buffer, signedCalls: boolean): Edit[] {
  const open = content.indexOf('{');
  const found = jsonFields(content.subarray(open))?.fields.findLast(({ name }) => name === 'parts');
  if (!found) return [];
  const from = content.byteOffset - body.byteOffset + open;
  const [start, end] = [from + found.valueStart, from + found.valueEnd];
  let signs = signedCalls;
  const parts = jsonElements(body.subarray(start, end)).map((written) => ({
    written,
    part: JSON.parse(written.toString('utf8')) as Json,
  }));
  // A stream tells thoughts in pieces and signs the last one: the others are of the same maker.
  const thoughtElsewhere = parts.some(({ part }) => isForeign(part));
  const kept = parts.flatMap(({ written, part }) => {
    if (part['thought'] === true && (isForeign(part) || (thoughtElsewhere && isUnsigned(part)))) return [];
    const text = isForeign(part) ? JSON.stringify(withoutSignature(part)) : written.toString('utf8').trim();
    if (!isCall(part) || !signs) return [text];
    signs = false;
    const unsigned = isForeign(part) || isUnsigned(part);
    return [unsigned ? `${text.slice(0, -1)},"thoughtSignature":"${UNSIGNED}"}` : text];
  });
  // A turn that said nothing else must say something.
  return [{ start, end, with: `[${(kept.length > 0 ? kept : ['{"text":"(thinking)"}']).join(',')}]` }];
}

const withoutSignature = ({ thoughtSignature: _camel, thought_signature: _snake, ...rest }: Json): Json => rest;
