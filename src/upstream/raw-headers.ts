/** The headers of an answer as the bytes they came as: most of them are never asked for, and no string is made of those. */

/** Of those with one name the first. */
export interface AnswerHeaders {
  /** `name` is in lower case. */
  get(name: string): string | undefined;
}

const CAPITALS_END = 0x5a;
const CAPITALS_BEGIN = 0x41;
const TO_LOWER = 0x20;

export class RawHeaders implements AnswerHeaders {
  /** Names and values in turn. */
  readonly #raw: readonly Buffer[];

  constructor(raw: readonly Buffer[]) {
    this.#raw = raw;
  }

  get(name: string): string | undefined {
    const raw = this.#raw;
    for (let i = 0; i < raw.length; i += 2) if (isNamed(raw[i]!, name)) return raw[i + 1]!.toString('latin1');
    return undefined;
  }
}

function isNamed(bytes: Buffer, name: string): boolean {
  if (bytes.length !== name.length) return false;
  for (let i = bytes.length - 1; i >= 0; i--) {
    const byte = bytes[i]!;
    const lower = byte >= CAPITALS_BEGIN && byte <= CAPITALS_END ? byte + TO_LOWER : byte;
    if (lower !== name.charCodeAt(i)) return false;
  }
  return true;
}
