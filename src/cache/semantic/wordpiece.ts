/**
 * BERT's uncased tokenizer: clean, lower-case, strip accents, split at spaces, punctuation and Chinese characters, then the
 * longest pieces of the vocabulary first. Written out here because it is a page long and the library that has it brings
 * 130 MB of others; a test compares it with that library's output.
 */
const CLS = 101;
const SEP = 102;
const UNKNOWN = 100;
const LONGEST_WORD = 100;

export class WordPiece {
  readonly #ids: ReadonlyMap<string, number>;

  constructor(vocabulary: Readonly<Record<string, number>>) {
    this.#ids = new Map(Object.entries(vocabulary));
  }

  /** Ids of the pieces between the marks of beginning and end; undefined where there are more than `most` in all. */
  encode(text: string, most: number): number[] | undefined {
    const ids = [CLS];
    for (const word of words(text)) {
      this.#pieces(word, ids);
      if (ids.length >= most) return undefined;
    }
    ids.push(SEP);
    return ids;
  }

  #pieces(word: string, into: number[]): void {
    const characters = [...word];
    if (characters.length > LONGEST_WORD) return void into.push(UNKNOWN);
    const begun = into.length;
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        const piece = characters.slice(start, end).join('');
        id = this.#ids.get(start === 0 ? piece : `##${piece}`);
        if (id !== undefined) break;
      }
      if (id === undefined) {
        into.length = begun;
        return void into.push(UNKNOWN);
      }
      into.push(id);
      start = end;
    }
  }
}

const ALONE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]|[\p{P}!-/:-@[-`{-~]/gu;

function words(text: string): string[] {
  const clean = text
    .replace(/[\t\n\r]/g, ' ')
    .replace(/[\0\ufffd\p{C}]/gu, '')
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(ALONE, ' $& ');
  return clean.split(/\s+/u).filter((word) => word !== '');
}
