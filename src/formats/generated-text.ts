/**
 * What a stream generated, for whoever counts it. So much of it is kept as nearly no answer is longer than; of what comes after
 * that only its length, so that a stream without an end holds no memory.
 */
const MOST_CHARS = 128 * 1024;

export class GeneratedText {
  #kept = '';
  /** Characters that came after what is kept. */
  beyond = 0;

  get kept(): string {
    return this.#kept;
  }

  add(text: string): void {
    const room = MOST_CHARS - this.#kept.length;
    if (text.length <= room) this.#kept += text;
    else {
      this.#kept += text.slice(0, room);
      this.beyond += text.length - room;
    }
  }
}

/** Tokens of all that was generated, where `tokens` are those of what was kept: the rest is like it. */
export const ofAll = (tokens: number, { kept, beyond }: Pick<GeneratedText, 'kept' | 'beyond'>): number =>
  beyond === 0 ? tokens : Math.ceil(tokens * (1 + beyond / kept.length));
