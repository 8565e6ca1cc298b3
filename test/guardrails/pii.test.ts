/** What is personal data and what only looks like it, also where it is written with characters that look alike or are not seen. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fold } from '../../src/guardrails/fold.js';
import { PiiFinder } from '../../src/guardrails/pii.js';
import { foundIn, scanned } from '../../src/guardrails/scan.js';
import { type PiiEntity, piiEntities } from '../../src/lib/guard-spec.js';

function foundBy(text: string, entities: readonly PiiEntity[] = piiEntities): string[] {
  const guard = {
    name: 'g',
    on: [],
    action: 'log',
    message: null,
    restore: false,
    finder: new PiiFinder(entities),
  } as const;
  return foundIn(fold(text), guard, 0).map(({ type, start, end }) => `${type}: ${text.slice(start, end)}`);
}

const cases: readonly (readonly [text: string, ...found: string[]])[] = [
  ['Write to jo.doe+x@mail.example.com.', 'EMAIL: jo.doe+x@mail.example.com'],
  ['<j@x.io>, b@y.org', 'EMAIL: j@x.io', 'EMAIL: b@y.org'],
  ['müller@bücher.de', 'EMAIL: müller@bücher.de'],
  ['a@b and @name and x@1.2'],
  ['Card 4111 1111 1111 1111 please', 'CARD: 4111 1111 1111 1111'],
  ['378282246310005', 'CARD: 378282246310005'],
  ['4111 1111 1111 1112 is none, nor is 1234567812345670'],
  ['order 41111111111111110000000'],
  ['IBAN DE89 3704 0044 0532 0130 00 and so on', 'IBAN: DE89 3704 0044 0532 0130 00'],
  ['gb82west12345698765432', 'IBAN: gb82west12345698765432'],
  ['DE89 3704 0044 0532 0130 01'],
  ['SSN 123-45-6789, not 000-45-6789, 666-45-6789, 923-45-6789, 123-00-6789', 'SSN: 123-45-6789'],
  ['call +49 30 1234567 or (415) 555-2671', 'PHONE: +49 30 1234567', 'PHONE: (415) 555-2671'],
  ['1.5+20000000, 2024-01-01, 12:30'],
  ['from 192.168.0.12 and 2001:db8::1', 'IP: 192.168.0.12', 'IP: 2001:db8::1'],
  ['std::vector, 999.1.1.1, v1.2.3.4.5, 12:30:45'],
  ['AKIAIOSFODNN7EXAMPLE', 'SECRET: AKIAIOSFODNN7EXAMPLE'],
  ['ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'SECRET: ghp_abcdefghijklmnopqrstuvwxyz0123456789'],
  ['key sk-proj-abcdefghijklmnop0123456789', 'SECRET: sk-proj-abcdefghijklmnop0123456789'],
  ['ask-me-anything and task-list'],
];

describe('personal data', () => {
  for (const [text, ...found] of cases) test(text, () => assert.deepEqual(foundBy(text), found));

  test('a private key is found to its end', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(40)}-----END PRIVATE KEY-----`;
    assert.deepEqual(foundBy(`x ${key} y`, ['secret']).length, 1);
    assert.match(foundBy(`x ${key}`, ['secret'])[0]!, /END/);
  });

  test('full-width, mathematical, Arabic and unseen characters hide nothing', () => {
    assert.deepEqual(foundBy('ｊｏ＠ｘ．ｃｏｍ'), ['EMAIL: ｊｏ＠ｘ．ｃｏｍ']);
    assert.deepEqual(foundBy('j\u200bo@x\u00ad.c\u2060om'), ['EMAIL: j\u200bo@x\u00ad.c\u2060om']);
    assert.deepEqual(foundBy('١٢٣-٤٥-٦٧٨٩'), ['SSN: ١٢٣-٤٥-٦٧٨٩']);
    assert.deepEqual(foundBy('𝟏𝟐𝟑–𝟒𝟓–𝟔𝟕𝟖𝟗'), ['SSN: 𝟏𝟐𝟑–𝟒𝟓–𝟔𝟕𝟖𝟗']);
    const tags = [...'jo@x.com'].map((char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join('');
    assert.deepEqual(foundBy(tags), [`EMAIL: ${tags}`]);
  });

  test('the worst texts are read in a time that grows with them', () => {
    const guard = {
      name: 'g',
      on: [],
      action: 'log',
      message: null,
      restore: false,
      finder: new PiiFinder(piiEntities),
    } as const;
    const cpuMs = (text: string): number => {
      const begin = process.cpuUsage();
      const walk = scanned(text, [guard], null);
      while (!walk.next().done);
      const { user, system } = process.cpuUsage(begin);
      return (user + system) / 1_000;
    };
    const worst = [
      '1-',
      '4111 ',
      '1234 5678 9012 3456 ',
      'a@',
      '中，',
      '+1',
      'eyJ',
      'sk-a-',
      'AB12',
      '1.',
      ':a',
      '-----BEGIN PRIVATE KEY-----',
    ];
    for (const part of worst) {
      cpuMs(part.repeat(5_000));
      const short = Math.max(2, cpuMs(part.repeat(10_000)));
      assert.ok(cpuMs(part.repeat(40_000)) < short * 10, part);
    }
  });

  test('a Cyrillic letter that looks Latin is another letter', () => {
    assert.deepEqual(foundBy('АKIAIOSFODNN7EXAMPLE'), []);
  });
});
