/**
 * Lines of JSON as bytes: each text is looked at once, as it is written, and no line is put together from pieces of string. What is
 * not plain ASCII is left to `JSON.stringify`.
 */
const FIRST_BYTES = 64 * 1024;
/** Bytes of UTF-8 for one unit of UTF-16, and the most that JSON makes of one. */
const MOST_UTF8 = 3;
const MOST_JSON = 6;
const QUOTE = 0x22;

/** 1 for characters that JSON takes as they are. */
const asItIs = Uint8Array.from({ length: 128 }, (_, code) =>
  code >= 0x20 && code < 0x7f && code !== QUOTE && code !== 0x5c ? 1 : 0,
);

export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #ascii = true;
  used = 0;

  /** Any text, as it is. */
  text(text: string): void {
    this.#ascii = false;
    this.#makeRoom(text.length * MOST_UTF8);
    this.used += this.#bytes.write(text, this.used);
  }

  /** ASCII of our own, as it is. */
  ascii(text: string): void {
    this.#makeRoom(text.length);
    const bytes = this.#bytes;
    let at = this.used;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.used = at;
  }

  /** A text as JSON has it. */
  quoted(text: string): void {
    this.#makeRoom(2 + text.length * MOST_JSON);
    const bytes = this.#bytes;
    let at = this.used;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f || asItIs[code] === 0) return this.text(JSON.stringify(text));
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.used = at;
  }

  /** What was written since the last time. */
  take(): string {
    const taken = this.#bytes.toString(this.#ascii ? 'latin1' : 'utf8', 0, this.used);
    this.#ascii = true;
    this.used = 0;
    return taken;
  }

  #makeRoom(more: number): void {
    const needed = this.used + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.#bytes.copy(larger, 0, 0, this.used);
    this.#bytes = larger;
  }
}
