/**
 * What `like` is worth in a language: the similarity of messages that mean what the examples mean, and of messages that do not.
 * `node dist/bench/like.js` prints a table; docs/model-routing.md has it.
 */
import { LOCAL_MODEL, localEmbedder, localVectors, similarityEmbedder } from '../src/cache/semantic/embedder.js';
import { similarityTo } from '../src/router/similarity.js';

const english = ['prove that', 'find the bug in this code'];

interface Sample {
  readonly examples: readonly string[];
  readonly fits: readonly string[];
  readonly other: readonly string[];
}

const samples: Readonly<Record<string, Sample>> = {
  English: {
    examples: english,
    fits: [
      'Prove that the square root of 2 is irrational.',
      'Show rigorously that every finite field has prime power order.',
      'Can you give me a proof of the Pythagorean theorem?',
      'Why does this function crash? for (i = 0; i <= n; i++) a[i] = 0;',
      'There is a mistake somewhere in my program, please find it.',
      'Debug this script for me.',
    ],
    other: [
      'What is the weather like in Paris in May?',
      'Write a birthday poem for my aunt.',
      'Summarise this meeting in three sentences.',
      'Write a function that sorts a list of names.',
      'What is a prime number?',
      'Translate this letter into Spanish.',
    ],
  },
  German: {
    examples: ['beweise, dass', 'finde den Fehler in diesem Code'],
    fits: [
      'Beweise, dass die Wurzel aus 2 irrational ist.',
      'Zeige streng, dass jeder endliche Körper eine Primzahlpotenz als Ordnung hat.',
      'Kannst du mir einen Beweis für den Satz des Pythagoras geben?',
      'Warum stürzt diese Funktion ab? for (i = 0; i <= n; i++) a[i] = 0;',
      'Irgendwo in meinem Programm steckt ein Fehler, bitte finde ihn.',
      'Untersuche dieses Skript auf Fehler.',
    ],
    other: [
      'Wie ist das Wetter in Paris im Mai?',
      'Schreib ein Geburtstagsgedicht für meine Tante.',
      'Fasse diese Besprechung in drei Sätzen zusammen.',
      'Schreib eine Funktion, die eine Liste von Namen sortiert.',
      'Was ist eine Primzahl?',
      'Übersetze diesen Brief ins Spanische.',
    ],
  },
  French: {
    examples: ['prouve que', "trouve l'erreur dans ce code"],
    fits: [
      'Prouve que la racine carrée de 2 est irrationnelle.',
      "Démontre rigoureusement que tout corps fini a pour ordre une puissance d'un nombre premier.",
      'Peux-tu me donner une preuve du théorème de Pythagore ?',
      'Pourquoi cette fonction plante-t-elle ? for (i = 0; i <= n; i++) a[i] = 0;',
      "Il y a une erreur quelque part dans mon programme, trouve-la s'il te plaît.",
      'Débogue ce script.',
    ],
    other: [
      'Quel temps fait-il à Paris en mai ?',
      "Écris un poème d'anniversaire pour ma tante.",
      'Résume cette réunion en trois phrases.',
      'Écris une fonction qui trie une liste de noms.',
      "Qu'est-ce qu'un nombre premier ?",
      'Traduis cette lettre en espagnol.',
    ],
  },
  Chinese: {
    examples: ['证明', '找出这段代码中的错误'],
    fits: [
      '证明根号2是无理数。',
      '请严格证明每个有限域的阶都是素数的幂。',
      '你能给出勾股定理的证明吗？',
      '这个函数为什么会崩溃？for (i = 0; i <= n; i++) a[i] = 0;',
      '我的程序里有个错误，请帮我找出来。',
      '帮我调试这个脚本。',
    ],
    other: [
      '巴黎五月的天气怎么样？',
      '给我姑姑写一首生日诗。',
      '用三句话总结这次会议。',
      '写一个给名字列表排序的函数。',
      '什么是素数？',
      '把这封信翻译成西班牙语。',
    ],
  },
  Japanese: {
    examples: ['証明してください', 'このコードのバグを見つけて'],
    fits: [
      '2の平方根が無理数であることを証明してください。',
      'すべての有限体の位数が素数の冪であることを厳密に示してください。',
      'ピタゴラスの定理の証明を教えてくれますか？',
      'この関数はなぜ落ちるのですか？for (i = 0; i <= n; i++) a[i] = 0;',
      '私のプログラムのどこかに間違いがあります。見つけてください。',
      'このスクリプトをデバッグして。',
    ],
    other: [
      '五月のパリの天気はどうですか？',
      '叔母のために誕生日の詩を書いて。',
      'この会議を三つの文で要約して。',
      '名前のリストを並べ替える関数を書いて。',
      '素数とは何ですか？',
      'この手紙をスペイン語に訳して。',
    ],
  },
};

const worker = localVectors(undefined);
const embedder = similarityEmbedder(localEmbedder(worker, LOCAL_MODEL));

const two = (value: number): string => value.toFixed(2);

async function row(language: string, { fits, other }: Sample, examples: readonly string[]): Promise<string> {
  const nearest = similarityTo(examples, embedder);
  const scores = async (texts: readonly string[]) => {
    const found = await Promise.all(texts.map(async (text) => (await nearest(text)) ?? Number.NaN));
    return found.sort((a, b) => a - b);
  };
  const [fitting, others] = [await scores(fits), await scores(other)];
  const told = (found: readonly number[]) => `${two(found[0]!)} to ${two(found.at(-1)!)}`;
  const right = (least: number) =>
    `${fitting.filter((one) => one >= least).length} of ${fits.length}, ${others.filter((one) => one >= least).length} of ${other.length}`;
  const written = examples === english ? 'English' : 'its own';
  return `| ${language} | ${written} | ${told(fitting)} | ${told(others)} | ${right(0.3)} | ${right(0.6)} |`;
}

console.log('| messages in | examples in | those that fit | others | found at 0.3, wrongly | found at 0.6, wrongly |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const [language, sample] of Object.entries(samples)) {
  console.log(await row(language, sample, sample.examples));
  if (sample.examples !== english) console.log(await row(language, sample, english));
}
await worker.close();
