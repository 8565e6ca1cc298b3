/**
 * What is known of English. Words fall into three kinds: those that mean nothing in a prompt, those that are grammar (they
 * have to agree exactly between two prompts), and all others, each of which needs a counterpart. A word that is in none of
 * these lists is of the third kind: what is missing here costs a hit and never makes one.
 */
export const list = (text: string): string[] => text.trim().split(/\s+/);

/** Words that may stand in one prompt and not in the other. */
export const emptyWords: ReadonlySet<string> = new Set(
  list(`a an the is are am be being been do does doing has have having get getting got i me my mine myself we us our ours
    it its this that these those there here of in on at to for and as into onto please kindly just very really actually
    some any so what which still already yet ever even obtain obtaining receive received receiving hi hello hey thanks then also`),
);

/** Words that have to agree: `class` and then `label: words`. A word alone is its own label. */
export type GrammarClass = 'negation' | 'quantity' | 'modality' | 'tense' | 'person' | 'question' | 'relation';

const grammarText: Record<GrammarClass, string> = {
  negation: `not no=no,none,nothing,nobody,nowhere never without neither nor unless except=except,excluding,besides
    insteadof hardly=hardly,barely,scarcely non minus lack=lack,lacks,lacking,lacked`,
  quantity: `all=all,every,each,everything,everyone,everybody,entire,whole always most mostly many=many,much few=few,fewer
    several both half more less least enough too only=only,solely,merely even almost=almost,nearly
    about_number=approximately,roughly exactly=exactly,precisely,exact atleast atmost morethan lessthan upto another other=other,others
    else same different again once twice double triple pair couple dozen often sometimes usually rarely=rarely,seldom anymore either`,
  modality: `must=must,#must should=should,ought can=can,could,#may may=may,might maybe=maybe,perhaps`,
  tense: `past=was,were,did,had,been,#past will=will,shall,would,#will`,
  person: `you=you,your,yours,yourself he=he,him,his,himself she=she,her,hers,herself
    they=they,them,their,theirs,themselves someone=someone,somebody anyone=anyone,anybody`,
  question: `who=who,whom whose when where why how #yesno howmany howmuch howlong howfar howoften howold`,
  relation: `or but if=if,whether because=because,since than while=while,whilst until=until,till before after during between
    among within under over above below=below,beneath against through across behind inside outside near=near,nearby off out up
    down back away beyond per via versus=versus,vs from by with about like unlike despite toward=toward,towards around along
    upon together ago later`,
};

/** Word -> its class and label. */
export const grammar: ReadonlyMap<string, readonly [GrammarClass, string]> = new Map(
  Object.entries(grammarText).flatMap(([kind, text]) =>
    list(text).flatMap((entry) => {
      const [label = '', words] = entry.split('=');
      return (words ?? label).split(',').map((word) => [word, [kind as GrammarClass, label]] as const);
    }),
  ),
);

/** A verb that a yes-no question begins with. */
export const auxiliaries: ReadonlySet<string> = new Set(
  list('is are am was were do does did has have had will would shall should can could may might must'),
);

/** Words before a participle, which is then no past of its own. */
export const participleMarks: ReadonlySet<string> = new Set(
  list('is are am be been being was were has have had having get gets getting got #past'),
);

export const contractions: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    cannot: 'can not',
    cant: 'can not',
    dont: 'do not',
    doesnt: 'does not',
    didnt: 'did not',
    isnt: 'is not',
    arent: 'are not',
    wasnt: 'was not',
    werent: 'were not',
    wont: 'will not',
    wouldnt: 'would not',
    couldnt: 'could not',
    shouldnt: 'should not',
    hasnt: 'has not',
    havent: 'have not',
    "can't": 'can not',
    "won't": 'will not',
    "shan't": 'shall not',
    "ain't": 'is not',
    im: 'i am',
    ive: 'i have',
    whats: 'what is',
    wheres: 'where is',
    hows: 'how is',
    whos: 'who is',
    gonna: 'going to',
    wanna: 'want to',
    gotta: 'have to',
    "let's": 'let us',
    tonite: 'tonight',
    u: 'you',
    ur: 'your',
    pls: 'please',
    plz: 'please',
  }).map(([word, reading]) => [word, list(reading)] as const),
);

export const endings: ReadonlyMap<string, readonly string[]> = new Map([
  ["'m", ['am']],
  ["'re", ['are']],
  ["'ve", ['have']],
  ["'ll", ['will']],
  ["'d", ['would']],
]);

/** Of these 's is a verb and not a genitive. */
export const takesIs: ReadonlySet<string> = new Set(
  list('what where who how when why it that there here he she this let everything'),
);

/** Irregular forms and their base; those of the first kind are a past by themselves. */
const pastText = `lost lose,forgot forget,went go,paid pay,sold sell,bought buy,made make,won win,came come,took take,saw see,gave give,
found find,told tell,said say,wrote write,became become,began begin,ran run,left leave,sent send,spent spend,built build,kept keep,
thought think,brought bring,caught catch,taught teach,felt feel,held hold,met meet,knew know,grew grow,drew draw,flew fly,ate eat,
drank drink,drove drive,rode ride,rose rise,spoke speak,broke break,chose choose,froze freeze,stole steal,wore wear,fell fall,stood stand,
understood understand,slept sleep,heard hear,led lead,meant mean,died die,lied lie,tied tie,swam swim,sang sing,threw throw,wound wind`;
const participleText = `gone go,forgotten forget,taken take,seen see,given give,written write,begun begin,known know,grown grow,drawn draw,
flown fly,eaten eat,drunk drink,driven drive,ridden ride,risen rise,spoken speak,broken break,chosen choose,frozen freeze,stolen steal,
worn wear,fallen fall,shown show,done do,sung sing,swum swim,thrown throw`;
const formText = `children child,men man,women woman,people person,feet foot,teeth tooth,mice mouse,lives life,
wives wife,leaves leaf,dying die,lying lie,tying tie,colour color,favourite favorite,centre center,metre meter,theatre theater,
grey gray,cheque check,programme program,tyre tire,behaviour behavior,neighbour neighbor,honour honor,labour labor,flavour flavor,
organise organize,realise realize,recognise recognize,summarise summarize,analyse analyze,email email,mails mail,info information,
app application,apps application,photo photograph,photos photograph,phone telephone,ad advertisement,ads advertisement`;
const pairs = (text: string): [string, string][] => text.split(',').map((entry) => list(entry) as [string, string]);

export const pastForms: ReadonlyMap<string, string> = new Map(pairs(pastText));
export const irregular: ReadonlyMap<string, string> = new Map([
  ...pairs(pastText),
  ...pairs(participleText),
  ...pairs(formText),
]);
export const participles: ReadonlySet<string> = new Set(pairs(participleText).map(([form]) => form));

/** Not a past, though they end like one. */
export const notPast: ReadonlySet<string> = new Set(
  list(
    'need feed speed seed hundred indeed exceed proceed succeed bed red shed weed breed embed united limited used advanced',
  ),
);
