/** What can be checked of a number: its length, its ranges and its check digits. */

/** The check digit of ISO/IEC 7812. */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let n = 0; n < digits.length; n++) {
    const digit = digits.charCodeAt(digits.length - 1 - n) - 48;
    const twice = digit * 2;
    sum += n % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice;
  }
  return sum % 10 === 0;
}

/** Numbers with which the cards of a network begin, and how many digits they have. */
const networks: readonly (readonly [from: number, to: number, lengths: readonly number[]])[] = [
  [4, 4, [13, 16, 19]],
  [51, 55, [16]],
  [2221, 2720, [16]],
  [34, 34, [15]],
  [37, 37, [15]],
  [6011, 6011, [16, 19]],
  [644, 649, [16, 19]],
  [65, 65, [16, 19]],
  [300, 305, [14, 16]],
  [36, 36, [14]],
  [38, 39, [14, 16]],
  [3528, 3589, [16]],
  [62, 62, [16, 17, 18, 19]],
  [5018, 5038, [13, 14, 15, 16, 19]],
];

export function isCard(digits: string): boolean {
  for (const [from, to, lengths] of networks) {
    if (!lengths.includes(digits.length)) continue;
    const begins = Number(digits.slice(0, from < 10 ? 1 : from < 100 ? 2 : from < 1_000 ? 3 : 4));
    if (begins >= from && begins <= to) return !/^(\d)\1{1,30}$/.test(digits) && passesLuhn(digits);
  }
  return false;
}

/** Characters that an IBAN of each country has (registry of ISO 13616). */
const ibanLengths: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 ' +
    'FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 ' +
    'LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 ' +
    'SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((one) => [one.slice(0, 2), Number(one.slice(2))]),
);

/** `written`: without spaces. */
export function isIban(written: string): boolean {
  const iban = written.toUpperCase();
  if (ibanLengths[iban.slice(0, 2)] !== iban.length) return false;
  let remainder = 0;
  for (const char of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/** `written`: with two separators. Numbers that are never given out are none. */
export function isSsn(written: string): boolean {
  const area = written.slice(0, 3);
  return (
    area !== '000' && area !== '666' && area[0] !== '9' && written.slice(4, 6) !== '00' && written.slice(7) !== '0000'
  );
}
