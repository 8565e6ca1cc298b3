/**
 * Where the texts of a format are: all that a request or an answer says in words, whoever says it. The rules name what is no
 * text, so that a field that nobody knows yet is looked at.
 */
import { isObject, type Json } from '../lib/json.js';

export interface TextRules {
  /** Fields at the top that say nothing to a model, with all that is in them. */
  readonly apart: ReadonlySet<string>;
  /** Fields whose strings are names, ids and settings, wherever they stand. */
  readonly plain: ReadonlySet<string>;
  /** Fields of JSON that somebody made up: names and numbers in them are texts as well. */
  readonly free: ReadonlySet<string>;
  /** Fields that say the same text once more in pieces, and go where a text is changed. */
  readonly echoes: ReadonlySet<string>;
  /** The field of an event that holds the answer itself. */
  readonly frame?: string;
  /** Fields of events whose texts come whole. */
  readonly whole?: ReadonlySet<string>;
}

/** A piece of a text that comes in pieces. */
export interface TextPiece {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  /** Which text it is a piece of. */
  readonly of: string;
}

export interface FormatTexts {
  readonly request: TextRules;
  readonly answer: TextRules;
  /** The pieces that an event of a stream brings. Its other texts are whole. */
  pieces(event: Json): readonly TextPiece[];
  /** Beginnings of the names of texts of which nothing more comes after the event. */
  ends(event: Json): readonly string[];
  /** The field of a request whose words nobody can read, such as a prompt of tokens; left out: there is none. */
  unreadable?(request: Json): string | undefined;
}

export const noEvents: Pick<FormatTexts, 'pieces' | 'ends'> = { pieces: () => [], ends: () => [] };

const URLS: ReadonlySet<string> = new Set(['url', 'image_url', 'file_url', 'file_uri', 'fileUri', 'data', 'file_data']);
const NAMES_OF_MEDIA = ['mimeType', 'mime_type', 'media_type', 'format'] as const;

/** Bytes of an image, a sound or a file, written as text. */
export function isMedia(key: string, holder: Json, text: string): boolean {
  if (key === 'b64_json' || key === 'file_data') return true;
  if (!URLS.has(key)) return false;
  if (text.startsWith('data:')) return text.slice(0, 200).includes(';base64,');
  if (key !== 'data') return false;
  const { type } = holder;
  if (type === 'text' || holder['media_type'] === 'text/plain') return type === 'base64';
  return (
    type === 'base64' || type === 'redacted_thinking' || NAMES_OF_MEDIA.some((name) => typeof holder[name] === 'string')
  );
}

const DEEPEST = 16;

/** Every string below that is a text, as pieces whose names begin with `of`. Members of lists go by their `index`. */
export function* piecesBelow(value: unknown, of: string, rules: TextRules, depth = 0): Generator<TextPiece, void> {
  if (depth > DEEPEST) return;
  if (Array.isArray(value)) {
    for (const [place, member] of (value as unknown[]).entries()) {
      const index = isObject(member) && typeof member['index'] === 'number' ? member['index'] : place;
      yield* piecesBelow(member, `${of}/${index}`, rules, depth + 1);
    }
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const member = value[key];
      if (typeof member !== 'string') {
        if (!comesWhole(key, rules)) yield* piecesBelow(member, `${of}/${key}`, rules, depth + 1);
      } else if (member !== '' && !rules.plain.has(key) && !isMedia(key, value, member))
        yield { holder: value as Record<string, unknown>, key, of: `${of}/${key}` };
    }
  }
}

const comesWhole = (key: string, { free, echoes, whole }: TextRules): boolean =>
  free.has(key) || echoes.has(key) || (whole?.has(key) ?? false);

/** Lists of numbers, or of such lists: tokens of a model. */
export const isTokens = (value: unknown): boolean =>
  Array.isArray(value) && (value as unknown[]).some((one) => typeof one === 'number' || Array.isArray(one));
