/** What the guards know of English. Each list is data: a word that is missing is a guard that does not speak. */

const list = (text: string): string[] => text.trim().split(/\s+/);

/** Words that carry little of a prompt's meaning. */
export const stopWords: ReadonlySet<string> = new Set(
  list(`a an the this that these those is are am was were be been being do does did doing have has had having i me my mine
    we us our ours you your yours he him his she her hers it its they them their theirs of in on at to for from by with
    about as into through and or but if then so than too very can could would should may might will shall must just
    please tell know want need like get got go going how what when where which who whom whose why there here some any
    also im ive id ill whats hows theres dont cant`),
);

/** Words that turn a statement round. Contractions with n't are found by their ending. */
export const negators: ReadonlySet<string> = new Set(
  list(
    'not no never without except unless none neither nor cannot cant dont doesnt didnt isnt wont nothing nobody excluding',
  ),
);

/** Two prompts of which one has a word of a row and the other has another of it ask for different things. */
export const opposites: readonly (readonly (readonly string[])[])[] = `
on|off
enable enabled enabling activate activated activating|disable disabled disabling deactivate deactivated deactivating
increase increases increased raise raised|decrease decreases decreased reduce reduced lower lowered
add added adding|remove removed removing delete deleted deleting
open opened opening|close closed closing
start started begin|stop stopped end ended finish
buy buying bought purchase|sell selling sold
before|after
above|below
up|down
left|right
minimum min least lowest smallest fewest|maximum max most highest largest biggest
more|less fewer
best|worst
cheapest cheap|expensive priciest
lock locked|unlock unlocked
freeze frozen|unfreeze
block blocked|unblock unblocked
accept accepted approve approved|reject rejected decline declined deny denied
send sending sent|receive receiving received
deposit deposits|withdraw withdrawal withdrawals withdrawing
credit|debit
incoming inbound|outgoing outbound
import importing|export exporting
upload uploading|download downloading
install installing|uninstall uninstalling
encrypt encryption|decrypt decryption
login signin|logout signout
subscribe subscribed|unsubscribe unsubscribed
mute|unmute
show|hide
allow allowed permit permitted|forbid forbidden ban banned prohibit prohibited
true|false
valid|invalid
legal|illegal
safe|dangerous unsafe
possible|impossible
hot|cold
win winning won|lose losing lost
gain|lose
arrive arrival arrivals arriving|depart departure departures departing leave leaving
first|last
old older oldest|new newer newest young younger youngest
male man men boy boys|female woman women girl girls
mother mom|father dad
husband|wife
brother|sister
son|daughter
he him his|she her hers
morning|afternoon|evening|night
today|tomorrow|yesterday
past previous|future next
last|next
advantage advantages pros benefits|disadvantage disadvantages cons drawbacks
strength strengths|weakness weaknesses
cancel cancelled canceled|confirm confirmed|renew renewed|pause paused|resume resumed
borrow borrowing|lend lending
north northern|south southern|east eastern|west western
inside indoor indoors|outside outdoor outdoors
include including|exclude excluding
public|private
single|married
positive|negative
client|server
push|pull
ascending|descending
pass passed|fail failed
synchronous sync|asynchronous async
horizontal|vertical
upgrade upgrading|downgrade downgrading
physical|virtual
personal|business
temporary temporarily|permanent permanently
domestic|international
full|empty
front|back
early earlier|late later
hire hiring|fire firing
encourage|discourage
love|hate
rise rising|fall falling
lose|find
compress|decompress extract
merge|split
read|write
won|lost
wet|dry
strong|weak
fast faster|slow slower
summer|winter
breakfast|lunch|dinner
input|output
daily|weekly|monthly|yearly annual annually
weekday weekdays|weekend weekends
will|did
celsius|fahrenheit|kelvin
km kilometers kilometres kilometer kilometre|mile miles|m meter meters metre metres|ft foot feet|inch inches
kg kilogram kilograms kilo kilos|lb lbs pound pounds|g gram grams|oz ounce ounces
mb megabyte megabytes|gb gigabyte gigabytes|kb kilobyte kilobytes|tb terabyte terabytes
second seconds|minute minutes|hour hours|day days|week weeks|month months|year years
usd dollar dollars|eur euro euros|gbp sterling|jpy yen|chf franc francs|inr rupee rupees|aud|cad|cny yuan
adult adults|child children kid kids
dog dogs puppy|cat cats kitten
january jan|february feb|march|april apr|may|june jun|july jul|august aug|september sep sept|october oct|november nov|december dec
monday mondays mon|tuesday tuesdays tue|wednesday wednesdays wed|thursday thursdays thu|friday fridays fri|saturday saturdays sat|sunday sundays sun
python|javascript|typescript|java|rust|golang|ruby|php|kotlin|swift|perl|haskell
linux ubuntu debian|windows|macos mac osx
iphone ios|android
english|german|french|spanish|italian|portuguese|dutch|russian|chinese|japanese|korean|hindi|arabic
mastercard|visa|amex
apple|google|microsoft|amazon
`
  .trim()
  .split('\n')
  .map((row) => row.split('|').map(list));

export const numberWords: ReadonlyMap<string, string> = new Map(
  Object.entries({
    zero: '0',
    two: '2',
    three: '3',
    four: '4',
    five: '5',
    six: '6',
    seven: '7',
    eight: '8',
    nine: '9',
    ten: '10',
    eleven: '11',
    twelve: '12',
    thirteen: '13',
    fourteen: '14',
    fifteen: '15',
    sixteen: '16',
    seventeen: '17',
    eighteen: '18',
    nineteen: '19',
    twenty: '20',
    thirty: '30',
    forty: '40',
    fifty: '50',
    sixty: '60',
    seventy: '70',
    eighty: '80',
    ninety: '90',
    hundred: '100',
    thousand: '1000',
    million: '1000000',
    billion: '1000000000',
    third: '3rd',
    fourth: '4th',
    fifth: '5th',
    sixth: '6th',
    seventh: '7th',
    eighth: '8th',
    ninth: '9th',
    tenth: '10th',
    twice: '2x',
    double: '2x',
    triple: '3x',
    half: '1/2',
    quarter: '1/4',
    dozen: '12',
    couple: '2',
    both: '2',
  }),
);

/** What kind of answer a question wants, by how it asks. The first that matches counts. */
export const questionKinds: readonly (readonly [string, RegExp])[] = [
  ['how many', /\bhow many\b/],
  ['how much', /\bhow much\b/],
  ['how long', /\bhow (?:long|soon|fast|quickly)\b/],
  ['how far', /\bhow far\b/],
  ['how often', /\bhow often\b/],
  ['how old', /\bhow old\b/],
  ['when', /\b(?:when(?: is| are| was| were| will| did| does| do| can)|what (?:time|date|day|year))\b/],
  ['where', /\b(?:where|what (?:place|location|country|city))\b/],
  ['who', /\b(?:who|whose|whom)\b/],
  ['why', /\b(?:why|how come|what (?:is|are|was) the (?:reason|cause)s?)\b/],
];

/** Frequent small words by language; two of one language and none of another tell it. */
export const languages: readonly (readonly [string, ReadonlySet<string>])[] = [
  ['en', 'the is are of and what how my do you for to can with this'],
  ['de', 'der die das und ist ich nicht wie was mein meine ein eine zu mit auf für den wo kann'],
  ['fr', 'le la les des et est je ne pas que comment mon ma une un pour avec dans sur où quel quelle'],
  ['es', 'el los las y es no que cómo como mi una un para con por dónde cuál qué puedo'],
  ['it', 'il gli e è non che come mio mia una un per con dove quale posso di'],
  ['pt', 'o os as e é não que como meu minha uma um para com por onde qual posso do da'],
  ['nl', 'de het een en is niet hoe wat mijn voor met op waar kan ik van'],
].map(([name, words]) => [name!, new Set(list(words!))]);

/** The answer changes with the day on which it is given. */
export const volatile =
  /\b(?:today|tonight|tomorrow|yesterday|right now|at the moment|currently|as of now|latest|breaking news|this (?:morning|afternoon|evening|week|weekend|month|year)|(?:next|last) (?:week|weekend|month|year)|current (?:time|date|weather|price|news|exchange|rate|president|temperature)|what time is it|weather|forecast|stock price)\b/i;
