/** The reference that counting must equal, and texts to hold against it. */
import { get_encoding, type Tiktoken } from 'tiktoken';
import type { EncodingName } from '../../src/tokens/encoding.js';

const encoders = new Map<string, Tiktoken>();

type PublicEncoding = Exclude<EncodingName, 'quarter_bytes'>;

/** Tokens of `text` by the reference, special tokens taken as ordinary text. */
export function referenceCount(text: string, encoding: PublicEncoding): number {
  let encoder = encoders.get(encoding);
  if (!encoder) {
    encoder = get_encoding(encoding);
    encoders.set(encoding, encoder);
  }
  return encoder.encode_ordinary(text).length;
}

export const encodingNames: readonly PublicEncoding[] = ['o200k_base', 'cl100k_base'];

// Letters and marks of Unicode 17, which are newer than the reference's tables and may be split in another place.
const unicode17 = (
  '88f c5c cdc 1acf-1add 1ae0-1aeb a7ce-a7cf a7d2 a7d4 a7f1 10940-10959 10ec5-10ec7 10efa-10efb 11b60-11b67 11db0-11de9 ' +
  '16ea0-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1e6c0-1e6ff 2b73a-2b73f 2cea2-2cead 323b0-33479'
)
  .split(' ')
  .map((range) => range.split('-').map((point) => Number.parseInt(point, 16)));

/** Whether the reference knew all characters of `text`. */
export const knownToReference = (text: string): boolean =>
  [...text].every((character) => {
    const point = character.codePointAt(0)!;
    return !unicode17.some(([first, last]) => point >= first! && point <= (last ?? first!));
  });

export const ordinaryTexts: Readonly<Record<string, string>> = {
  English:
    "It wasn't the first time they'd closed the harbour; I'm told we'll see HER again, and that's all she'd say. " +
    'Prices rose 12.5% in 2024 (from $1,200,000 to $1,350,000) - nobody knew why…\n\nSee https://example.com/a?b=c#d.',
  code:
    'export async function* read<T>(source: AsyncIterable<T>, size = 64): AsyncGenerator<T[]> {\n' +
    '\tlet batch: T[] = [];\n    for await (const item of source) {\n        if (batch.push(item) >= size) {\n' +
    "            yield batch; // hand on what's there\n            batch = [];\n        }\n    }\n}\n#define MAX_LEN 0xFFu\n",
  JSON: JSON.stringify(
    { id: 'a1b2', items: [1, 2.5, -3e10, null, true], nested: { 'a key': ['x', 'ÿ', '\n\t"'] } },
    null,
    2,
  ),
  German:
    'Die Geschwindigkeitsbegrenzung gilt für sämtliche Straßenverkehrsteilnehmer; Übermüdete müßten öfter pausieren. ' +
    'Ärger gibt’s trotzdem: „Donaudampfschifffahrtsgesellschaft“.',
  Chinese: '他说:“今天天气很好,我们去公园吧。”然后他们就出发了。第3章 计算机科学导论——数据结构与算法。',
  Japanese: '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。カタカナも混ざる。',
  Arabic: 'كان هناك رجل عجوز يعيش في قرية صغيرة، وكان يحب القراءة كثيرًا.',
  Hindi: 'यह एक साधारण वाक्य है, जिसमें मात्राएँ और संयुक्ताक्षर हैं।',
  emoji: 'Great job 🎉🎉 team! 👩‍👩‍👧‍👦 are 🇩🇪🇫🇷 here ❤️ 👍🏽... see you 🛫',
  whitespace: ' a  b   c\t\td \n\n\n e\r\n\r\n  f\n   \n\t \n    g   \u00a0 h \u3000i ',
  'letters of all cases': 'HTTPServerError XMLHttpRequest iPhone ÀÉÎ ÀÉÎõü DžDžǅ ᾈ ʰʰA ˈa 中AA中A中aB AAAA中',
  contractions: "I'M I'm DON'T don't we'Ve x'Re 'tis 'LL d'd 's'S 'ſ x'ſ O'Neil's 'x ''s",
  numbers: '1 12 123 1234 12345678901234567890 ٣٤٥ Ⅷ ½ x²³ 0x1F 3.14159e-10',
  symbols: '!!! --- === ///\n//\r\n*** @@ #hash $$ %%^^&&() [[]] {{}} <<>> \\\\ || ~~ `` "" \'\' ?!?!',
  'special tokens': '<|endoftext|> and <|im_start|>user<|im_end|> <|fim_prefix|><|endofprompt|>',
  'odd white space': '\u0085x\u0085\u0085y \ufeffz \ufeff\ufeff \u180e a\u2028b\u2029c \u200b d\u001fe',
  'control characters': 'a\0b\0\0\0c\u0001\u0002 \u007f\u0080 \b\v\f\f \v',
  'lone surrogates': 'a\ud800b \udc00\udc00 \ud83d x\ud83d\ud83d\ude00 \udfff',
};

/** Text of `length` characters from a fixed sequence of pseudo-random numbers. */
export function pseudoRandom(length: number, character: (unit: number) => string): string {
  let seed = 7;
  const characters: string[] = [];
  for (let at = 0; at < length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    characters.push(character(seed / 2 ** 32));
  }
  return characters.join('');
}

/** Inputs that make ordinary tokenisers quadratic, about `bytes` bytes of UTF-8 each. */
export const pathological: Readonly<Record<string, (bytes: number) => string>> = {
  'one letter': (bytes) => 'a'.repeat(bytes),
  'one capital': (bytes) => 'A'.repeat(bytes),
  spaces: (bytes) => ' '.repeat(bytes),
  newlines: (bytes) => '\n'.repeat(bytes),
  'spaces and newlines': (bytes) => '   \n'.repeat(bytes / 4),
  'random CJK': (bytes) => pseudoRandom(bytes / 3, (unit) => String.fromCharCode(0x4e00 + Math.floor(unit * 20_000))),
  'random emoji': (bytes) => pseudoRandom(bytes / 4, (unit) => String.fromCodePoint(0x1f300 + Math.floor(unit * 768))),
  'random punctuation': (bytes) => pseudoRandom(bytes, (unit) => '!"#$%&()*+,-./:;<=>?@[]^_{|}~'.charAt(unit * 29)),
  'random letters': (bytes) => pseudoRandom(bytes, (unit) => String.fromCharCode(97 + Math.floor(unit * 26))),
  'CJK among capitals': (bytes) => pseudoRandom(bytes / 2, (unit) => '中AAA'.charAt(unit * 4)),
  'NUL bytes': (bytes) => '\0'.repeat(bytes),
  'lone surrogates': (bytes) =>
    pseudoRandom(bytes / 3, (unit) => String.fromCharCode(0xd800 + Math.floor(unit * 2048))),
};
