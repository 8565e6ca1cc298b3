/** Which language a text is in, as far as its small words and its script tell, and which words of it mean nothing. */
import { emptyWords, grammar, list } from './english.js';

/** Frequent small words; what is common to several languages tells none of them. */
const small: Readonly<Record<string, string>> = {
  de: `der die das den dem des und ist sind war ich du er sie es wir ihr nicht kein keine wie was wo wann warum wer wen welche
    welcher welches mein meine meinen meiner dein deine sein ein eine einen einem einer zu zum zur mit auf für von vom im am aus
    bei nach über unter kann können könnte muss müssen soll sollte will möchte habe hat haben wird werden bitte gibt mir mich
    sich auch noch oder aber wenn dass als ohne kannst danke hallo schreibe erkläre nenne`,
  fr: `le la les des du de et est sont je tu il elle nous vous ils ne pas que qui quoi où quand comment pourquoi quel quelle
    quels quelles mon ma mes ton ta tes son sa ses un une pour avec dans sur sous par sans plus puis peut peux dois doit ai as
    avez merci bonjour donne explique quelqu au aux ce cette ces ou si mais en y fait faire faut être avoir`,
  es: `el la los las de del y es son yo tú él ella nosotros no que qué quién cómo cuándo dónde por porque cuál cuáles mi mis tu
    tus su sus un una para con en sobre sin más puedo puede debo debe hay tengo tiene gracias hola dame explica al lo se si pero
    está están ser hacer cuánto cuántos cuántas me te`,
  it: `il lo gli le di del della dei delle e è sono io tu lui lei noi non che chi cosa come quando dove perché quale quali mio mia
    miei tuo un una per con su senza più posso può devo c'è ho hai ha grazie ciao al alla nel nella mi si ma`,
  pt: `o os as do da dos das de e é são eu você ele ela nós não que quem como quando onde porque qual quais meu minha um uma para
    com em no na sobre sem mais posso pode devo há tenho tem obrigado olá ao se mas está`,
  nl: `de het een en is zijn ik jij hij zij wij niet geen wat wie waar wanneer waarom hoe welke mijn jouw van voor met op in uit bij
    naar over kan kun moet wil heb heeft worden dank hallo te om maar ook er dat`,
  sv: `och är jag du han hon vi inte en ett den det som vad vem var när hur varför min mitt mina för med på av till kan ska måste har`,
  pl: `jest są nie co kto gdzie kiedy jak dlaczego mój moja moje dla czy może się przez która który jaki jaka jakie`,
  tr: `ve bir bu şu ne nasıl neden niçin nerede kim için ile mi mı mu mü değil var yok ben sen benim senin olarak daha çok`,
};

const common = new Map<string, string[]>();
for (const [language, words] of Object.entries(small))
  for (const word of new Set(list(words))) common.set(word, [...(common.get(word) ?? []), language]);
const frequent = new Set(
  list(
    'want need know think make use used best good people way work time find help new change show write give take tell explain',
  ),
);
const english = (word: string): boolean => emptyWords.has(word) || grammar.has(word) || frequent.has(word);

/** Words of English that stand for something in other languages of this list too. */
const ambiguous = new Set([
  'me',
  'as',
  'on',
  'in',
  'an',
  'no',
  'am',
  'to',
  'do',
  'i',
  'a',
  'so',
  'many',
  'die',
  'was',
  'will',
  'is',
  'over',
  'of',
  'per',
  'via',
  'et',
  'or',
  'us',
  'some',
  'he',
  'at',
  'plus',
]);

/** Null where it cannot be told. */
export function languageOf(words: readonly string[]): string | null {
  const hits = new Map<string, number>();
  const add = (language: string, weight: number): void => void hits.set(language, (hits.get(language) ?? 0) + weight);
  for (const written of new Set(words)) {
    const word = written.replace(/'.*$/, '');
    if (english(word)) add('en', ambiguous.has(word) ? 0.5 : 1);
    if (/n't$/.test(written)) add('en', 1);
    for (const language of common.get(word) ?? []) add(language, ambiguous.has(word) ? 0.5 : 1);
  }
  const [first, second] = [...hits].sort((a, b) => b[1] - a[1]);
  if (!first || first[1] < 1 || (second && second[1] === first[1])) return null;
  return first[0];
}

/** Of the languages that are compared, but for English, whose grammar has them. */
const foreignNegations = new Set(
  list(`nicht kein keine keinen keinem keiner keines nie niemals niemand nichts ne pas jamais rien aucun aucune ni nunca jamás nada
    nadie ningún ninguno ninguna tampoco`),
);

/** A mark of the negation that a word is. */
export function negationOf(word: string): string | undefined {
  const known = grammar.get(word);
  if (known) return known[0] === 'negation' ? known[1] : undefined;
  return foreignNegations.has(word) ? word : undefined;
}

const empty: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  Object.entries({
    // Articles of German tell who does what to whom.
    de: 'bitte mal hallo danke',
    fr: "le la les un une des du de l'  s'il te vous plaît merci bonjour svp",
    es: 'el la los las un una unos unas por favor gracias hola',
  }).map(([language, words]) => [language, new Set(list(words))]),
);
const none: ReadonlySet<string> = new Set();

export const emptyIn = (language: string | null): ReadonlySet<string> => (language && empty[language]) || none;

const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Arabic',
  'Hebrew',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Devanagari',
  'Thai',
] as const;
const scripts = SCRIPTS.map((name) => [name, new RegExp(`\\p{Script=${name}}`, 'gu')] as const);

/** The script of most letters. */
export function scriptOf(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return 'Latin';
  let best = 'Latin';
  let most = 0;
  for (const [name, pattern] of scripts) {
    const count = (text.match(pattern) ?? []).length;
    if (count > most) [best, most] = [name, count];
  }
  return best;
}
