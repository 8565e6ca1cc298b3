/** Phrases of English that mean nothing in a prompt, or that mean what others mean. */
import { list } from './english.js';

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
can anyone tell me :
can someone tell me :
could anyone tell me :
could someone tell me :
does anyone know :
does anybody know :
may i know :
may i ask :
what exactly : what
how exactly : how
why exactly : why
where exactly : where
who exactly : who
what is meant by : what
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
the best ways to : #how
some of the best ways to : #how
what are the best ways to : #how
what are some of the best ways to : #how
what are some ways to : #how
what are some good ways to : #how
what are the ways to : #how
what is a good way to : #how
what is the process to : #how
what is the procedure to : #how
what do i do if : what should if
what do i do when : what should when
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
how do i become : #how become
how do i be : #how become
how can i become : #how become
how can i be : #how become
how to become : #how become
how to be : #how become
how does one become : #how become
how does one be : #how become
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
what causes : why
what cause : why
what time : when
in what year : when
in which year : when
^ what year : when
in which place : where
in what place : where
in which places : where
in what places : where
at which places : where
what are the things : what
which things : what
what things : what
who is the author of : who wrote
who was the author of : who wrote
who is the inventor of : who invented
who was the inventor of : who invented
who is the founder of : who founded
who was the founder of : who founded
who is the composer of : who composed
who was the composer of : who composed
more than one : multiple
by card : with card
by credit card : with credit card
by debit card : with debit card
by cheque : with cheque
by check : with check
by paypal : with paypal
by bank transfer : with bank transfer
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
    const there = found.get(words[0]!)?.some((one) => one.startOnly === startOnly && one.words.join() === words.join());
    if (there) throw new Error(`the phrase "${left.trim()}" stands twice`);
    const phrase = { words, startOnly, becomes: right.trim() === '' ? [] : list(right) };
    found.set(words[0]!, [...(found.get(words[0]!) ?? []), phrase]);
  }
  for (const all of found.values())
    all.sort((a, b) => b.words.length - a.words.length || Number(b.startOnly) - Number(a.startOnly));
  return found;
})();
