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

/**
 * Sequences of words that are read as others. `^`: only at the beginning of a sentence. What begins with # is a mark of
 * grammar, and an empty right side means nothing.
 */
const phraseText = `
^ can you :
^ could you :
^ would you :
^ will you :
^ would you mind :
tell me :
tell me about :
let me know :
show me :
^ give me :
i would like to know :
i want to know :
i would like to ask :
i was wondering :
i am wondering :
do you know :
do you happen to know :
i have a question :
^ quick question :
thank you :
thank you in advance :
thanks in advance :
explain to me : explain
^ explain :
^ explain what : what
how do i : #how
how can i : #how
how could i : #how
how would i : #how
how do we : #how
how can we : #how
how do you : #how
how can you : #how
how does one : #how
how can one : #how
how to : #how
how should i : #how should
the best way to : #how
the right way to : #how
the correct way to : #how
the proper way to : #how
the way to : #how
what is the best way to : #how
what is the right way to : #how
what is the correct way to : #how
what is the proper way to : #how
what is the way to : #how
what are the steps to : #how
what steps do i take to : #how
what do i do to : #how
what do i need to do to : #how
what do i have to do to : #how
what can i do to : #how
what must i do to : #how
what are the steps i need to take to : #how
what are the steps that i need to take to : #how
what steps do i need to take to : #how
what steps do i have to take to : #how
what steps should i take to : #how
how do i go about : #how
how can i go about : #how
how would i go about : #how
i want to : want
i would like to : want
i wish to : want
i would like : want
is there a way to : #how
is there any way to : #how
is there a way i can : #how
is there any way i can : #how
is there a way for me to : #how
^ i need to : #how
^ i want to : #how
^ i would like to : #how
^ i need help : #how
^ i need help with : #how
^ help me : #how
^ help me to : #how
^ i am trying to : #how
^ i wish to : #how
is it possible to : #yesno #may
is it possible for me to : #yesno #may
am i able to : #yesno #may
am i allowed to : #yesno #may
^ can i : #yesno #may
^ could i : #yesno #may
^ may i : #yesno #may
^ can we : #yesno #may
^ do i have to : #yesno #must
^ do i need to : #yesno #must
do i have to : #must
do i need to : #must
am i required to : #yesno #must
have to : #must
has to : #must
need to : #must
needs to : #must
had to : #must #past
required to : #must
ought to : should
supposed to : should
able to : can
unable to : can not
not able to : can not
allowed to : #may
going to : #will
used to : usedto #past
how come : why
what is the reason : why
what are the reasons : why
what is the reason for : why
is there a reason : why
is there any reason : why
mean when : mean if
for what reason : why
what time : when
at what time : when
how many : howmany
how much : howmuch
how much time : howlong
how long : howlong
how soon : howlong
how far : howfar
how often : howoften
how old : howold
what kind of : kindof
what type of : kindof
what sort of : kindof
what kinds of : kindof
what types of : kindof
get rid of : remove
top up : topup
tops up : topup
topping up : topup
topped up : topup
show up : show
shows up : show
showing up : show
figure out : find
find out : find
one of :
new one : new
old one : old
get one : get
which one : which
this one : this
that one : that
the one :
a lot of : many
lots of : many
log in : login
log into : login
sign in : login
sign into : login
log out : logout
log off : logout
sign out : logout
sign up : signup
set up : setup
in order to :
at least : atleast
at most : atmost
no more than : atmost
no less than : atleast
more than : morethan
less than : lessthan
fewer than : lessthan
greater than : morethan
up to : upto
instead of : insteadof
rather than : insteadof
such as : like
as well as :
united states : usa
united states of america : usa
united kingdom : uk
`;

export interface Phrase {
  readonly words: readonly string[];
  readonly startOnly: boolean;
  readonly becomes: readonly string[];
}

/** First word -> its phrases, longest first. */
export const phrases: ReadonlyMap<string, readonly Phrase[]> = (() => {
  const found = new Map<string, Phrase[]>();
  for (const line of phraseText.trim().split('\n')) {
    const [left = '', right = ''] = line.split(':');
    const words = list(left);
    const startOnly = words[0] === '^';
    if (startOnly) words.shift();
    const phrase = { words, startOnly, becomes: right.trim() === '' ? [] : list(right) };
    found.set(words[0]!, [...(found.get(words[0]!) ?? []), phrase]);
  }
  for (const all of found.values())
    all.sort((a, b) => b.words.length - a.words.length || Number(b.startOnly) - Number(a.startOnly));
  return found;
})();

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
