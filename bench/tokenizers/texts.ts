/** Texts of many scripts and kinds, the prose written for this measurement. */

const prose: Readonly<Record<string, string>> = {
  English:
    'The harbour was quiet that morning, and the ferry left ten minutes late because nobody could find the captain. When he came at last he said that the gate had been closed and that he had paid the toll twice.',
  German:
    'Die Fähre legte zehn Minuten zu spät ab, weil niemand den Kapitän finden konnte. Die Geschwindigkeitsbegrenzung der Hafenbehörde störte ihn überhaupt nicht, und die Straßenmaut hatte er schon bezahlt.',
  French:
    'Le bac est parti avec dix minutes de retard, car personne ne trouvait le capitaine. À son arrivée, il a expliqué que la barrière était fermée et qu’il avait déjà payé deux fois le péage.',
  Vietnamese:
    'Chuyến phà rời bến muộn mười phút vì không ai tìm thấy thuyền trưởng. Khi đến nơi, ông nói rằng cổng đã đóng và ông đã trả phí hai lần.',
  Polish:
    'Prom odpłynął dziesięć minut za późno, ponieważ nikt nie mógł znaleźć kapitana. Gdy wreszcie przyszedł, powiedział, że brama była zamknięta, a opłatę uiścił już dwukrotnie.',
  Turkish:
    'Kaptanı kimse bulamadığı için feribot on dakika geç kalktı. Sonunda geldiğinde kapının kapalı olduğunu ve geçiş ücretini iki kez ödediğini söyledi.',
  Russian:
    'Паром отошёл на десять минут позже, потому что никто не мог найти капитана. Когда он наконец пришёл, он сказал, что ворота были закрыты и что он уже дважды заплатил за проезд.',
  Greek:
    'Το πλοίο έφυγε με δέκα λεπτά καθυστέρηση, γιατί κανείς δεν έβρισκε τον καπετάνιο. Όταν ήρθε επιτέλους, είπε ότι η πύλη ήταν κλειστή και ότι είχε πληρώσει δύο φορές τα διόδια.',
  Georgian:
    'ბორანი ათი წუთით დაგვიანებით გავიდა, რადგან კაპიტანს ვერავინ პოულობდა. როცა ბოლოს მოვიდა, თქვა, რომ ჭიშკარი დაკეტილი იყო და გადასახადი ორჯერ გადაიხადა.',
  Armenian:
    'Լաստանավը տասը րոպե ուշ մեկնեց, որովհետև ոչ ոք չէր կարողանում գտնել նավապետին։ Երբ նա վերջապես եկավ, ասաց, որ դարպասը փակ էր։',
  Hebrew:
    'המעבורת יצאה באיחור של עשר דקות כי איש לא מצא את רב החובל. כשהגיע סוף סוף אמר שהשער היה סגור ושהוא שילם את האגרה פעמיים.',
  Arabic:
    'غادرت العبّارة متأخرة عشر دقائق لأن أحدًا لم يجد القبطان. وعندما وصل أخيرًا قال إن البوابة كانت مغلقة وإنه دفع الرسوم مرتين.',
  Hindi:
    'नाव दस मिनट देर से निकली क्योंकि कप्तान किसी को नहीं मिल रहा था। जब वह आख़िरकार आया तो उसने कहा कि फाटक बंद था और वह शुल्क दो बार दे चुका है।',
  Bengali: 'ফেরিটি দশ মিনিট দেরিতে ছাড়ল, কারণ কেউ কাপ্তানকে খুঁজে পাচ্ছিল না। শেষে এসে তিনি বললেন যে ফটক বন্ধ ছিল।',
  Tamil: 'கப்பல் தலைவனை யாரும் காணாததால் படகு பத்து நிமிடம் தாமதமாகப் புறப்பட்டது. கடைசியில் வந்தபோது வாயில் மூடியிருந்தது என்று அவர் சொன்னார்.',
  Telugu: 'కెప్టెన్ ఎవరికీ కనిపించకపోవడంతో పడవ పది నిమిషాలు ఆలస్యంగా బయలుదేరింది. చివరికి వచ్చినప్పుడు గేటు మూసి ఉందని చెప్పాడు.',
  Sinhala: 'කපිතාන් සොයා ගැනීමට නොහැකි වූ නිසා පාරුව විනාඩි දහයක් ප්‍රමාද වී පිටත් විය. ගේට්ටුව වසා තිබුණු බව ඔහු කීවේය.',
  Thai: 'เรือข้ามฟากออกช้าไปสิบนาทีเพราะไม่มีใครหากัปตันพบ เมื่อเขามาถึงในที่สุด เขาบอกว่าประตูปิดอยู่และเขาจ่ายค่าผ่านทางไปแล้วสองครั้ง',
  Lao: 'ເຮືອຂ້າມຟາກອອກຊ້າໄປສິບນາທີ ເພາະບໍ່ມີໃຜຫາກັບຕັນເຫັນ ເມື່ອລາວມາຮອດ ລາວບອກວ່າປະຕູປິດຢູ່',
  Khmer: 'សាឡាងចេញយឺតដប់នាទី ព្រោះគ្មាននរណារកឃើញនាយនាវា។ ពេលគាត់មកដល់ គាត់និយាយថាទ្វារត្រូវបានបិទ។',
  Burmese: 'ကပ္ပတိန်ကို ဘယ်သူမှ ရှာမတွေ့သောကြောင့် ကူးတို့သင်္ဘောသည် ဆယ်မိနစ် နောက်ကျပြီး ထွက်ခဲ့သည်။ တံခါး ပိတ်ထားသည်ဟု သူပြောသည်။',
  Amharic: 'ካፒቴኑን ማንም ሊያገኘው ስላልቻለ ጀልባው አሥር ደቂቃ ዘግይቶ ተነሳ። በመጨረሻ ሲመጣ በሩ ተዘግቶ እንደነበር ተናገረ።',
  Tibetan: 'གྲུ་གཟིངས་དཔོན་སུས་ཀྱང་རྙེད་མ་ཐུབ་པས་གྲུ་དེ་སྐར་མ་བཅུ་འཕྱིས་ནས་ཐོན་པ་རེད། སྒོ་བརྒྱབ་ཡོད་ཅེས་ཁོས་བཤད།',
  Chinese: '渡船晚了十分钟才开，因为谁也找不到船长。他终于来的时候说，大门关着，而且他已经付了两次过路费。',
  Japanese:
    '船長が見つからなかったため、渡し船は十分遅れて出発した。ようやく来た彼は、門が閉まっていて、通行料を二度払ったと言った。',
  Korean:
    '아무도 선장을 찾지 못해서 나룻배가 십 분 늦게 떠났다. 마침내 온 그는 문이 닫혀 있었고 통행료를 두 번 냈다고 말했다.',
  Cherokee: 'ᎣᏏᏲ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏥᏳ ᎤᎵᏍᏆᎸᏗ ᎠᏥᎸ',
  Emoji: '🚢⛴️🌊👩‍✈️🕙🚪🔒💸💸😀👍🏽🏳️‍🌈👨‍👩‍👧‍👦🇬🇪❤️‍🔥🧑🏿‍🚀',
};

/** The same for every run: a small generator of pseudo-random numbers. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function drawn(length: number, from: string | readonly string[], seed = 1): string {
  const next = numbers(seed);
  const all = typeof from === 'string' ? [...from] : from;
  return Array.from({ length }, () => all[Math.floor(next() * all.length)]!).join('');
}

const letters = 'abcdefghijklmnopqrstuvwxyz';
const capitals = letters.toUpperCase();
const digits = '0123456789';
const signs = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const from = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i));

const made: Readonly<Record<string, string>> = {
  Code: 'export const sum = (items: readonly number[]): number => {\n\tlet total = 0;\n\tfor (const item of items) {\n\t\tif (item !== null && item >= 0x1F) total += item * 2;\n\t}\n\treturn total; // done\n};\n',
  Python:
    'def greet(name: str = "x") -> None:\n    """Say it."""\n    for i in range(10):\n        print(f"{i:>4}: {name!r}", end="\\n\\n")\n\n\nif __name__ == "__main__":\n    greet()\n',
  JSON: '{"id":"ent_01hzx","tokens":{"input":10,"cache_read":0,"output":9},"cost_usd":"0.000006900","tags":["prod","eu-1"],"ok":true,"at":"2026-11-24T08:00:00.123Z"}',
  Base64: drawn(400, `${letters}${capitals}${digits}+/`),
  Hexadecimal: drawn(400, '0123456789abcdef'),
  Digits: drawn(400, digits),
  Signs: drawn(400, signs),
  'Random letters': drawn(400, letters),
  'Random capitals': drawn(400, letters + capitals),
  'Words of one letter': drawn(
    200,
    [...letters, ...capitals].map((letter) => `${letter} `),
  ),
  'Spaces in runs': Array.from({ length: 20 }, (_, i) => `${' '.repeat(i * 3)}x`).join(''),
  'Line breaks': '\n'.repeat(300),
  'Breaks and tabs': drawn(400, ['\n', '\t', '\r\n', ' ']),
  'One letter': 'a'.repeat(400),
  'One sign': '='.repeat(400),
  'Control characters': drawn(300, from(1, 31)),
  'Latin with marks': drawn(300, from(0xc0, 0x24f)),
  'Combining marks': drawn(200, ['e\u0301', 'a\u0308', 'o\u0302\u0323', 'n\u0303', 'x\u0336']),
  'Compatibility forms': drawn(150, ['\ufdfa', '\ufb01', '\u2460', '\uff21', '\u3300', '\u00bd', '\u2126', '\u212b']),
  'Composition exclusions': drawn(150, ['\u0958', '\u09dc', '\ufb2e', '\u0f43', '\u{1d15e}']),
  'Rare ideographs': drawn(150, from(0x3400, 0x4d00)),
  'Private use': drawn(150, from(0xe000, 0xe400)),
  'Any plane': drawn(150, from(0x10000, 0x1f9ff)),
  Mixed: Object.values(prose)
    .map((text) => [...text].slice(0, 12).join(''))
    .join(' 42, ok\n'),
};

export const texts: Readonly<Record<string, string>> = { ...prose, ...made };
