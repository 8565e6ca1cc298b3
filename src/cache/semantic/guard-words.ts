/** Opposites, units and numbers of English, and what makes an answer go stale. */
import { list } from './english.js';

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
    one: '1',
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

/** A word of a unit -> the unit. Two units are never counterparts. */
export const units: ReadonlyMap<string, string> = new Map(
  `km kilometer kilometers kilometre kilometres kilometer|mile miles|m meter meters metre metres|cm centimeter centimeters
centimetre centimetres|mm millimeter millimeters millimetre millimetres|ft foot feet|inch inches|yard yards|kg kilogram kilograms kilo kilos|lb lbs
pound pounds|gram grams|mg milligram milligrams|mcg microgram micrograms|oz ounce ounces|ton tons tonne tonnes|liter liters litre litres|ml
milliliter milliliters millilitre millilitres|gallon gallons|cup cups|tablespoon tablespoons tbsp|teaspoon teaspoons tsp|mb megabyte megabytes|gb
gigabyte gigabytes|kb kilobyte kilobytes|tb terabyte terabytes|bit bits|byte bytes|sec second seconds|min minute minutes|hour hours hr hrs|day days|week weeks|month
months|year years|decade decades|century centuries|usd dollar dollars|eur euro euros|gbp sterling|jpy yen|chf franc francs|inr rupee
rupees|cent cents|percent percentage|celsius|fahrenheit|kelvin|watt watts|volt volts|amp amps ampere amperes|joule joules|calorie calories|hertz hz|daily|weekly|monthly|yearly annual annually|hourly`
    .split('|')
    .flatMap((row) => {
      const words = list(row);
      return words.map((word) => [word, `=${words[0]}`] as const);
    }),
);

/** The answer changes with the day on which it is given. */
export const volatile =
  /\b(?:today|tonight|tomorrow|yesterday|right now|at the moment|currently|as of now|latest|breaking news|this (?:morning|afternoon|evening|week|weekend|month|year)|(?:next|last) (?:week|weekend|month|year)|current (?:time|date|weather|price|news|exchange|rate|president|temperature)|what time is it|weather|forecast|stock price)\b/i;
