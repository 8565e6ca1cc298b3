/** Who sent a request that came through proxies, as the proxies of this world write it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, clientAddress } from '../../src/lib/forwarded.js';
import { processorTime } from '../support/processor-time.js';

const ours = (address: string) => address.startsWith('10.') || address === '::1';
const from = (headers: Readonly<Record<string, string>>, peer = '10.0.0.1') => clientAddress(peer, headers, ours);

test('the peer alone is believed where it is none of ours, or tells nothing', () => {
  assert.equal(from({ 'x-forwarded-for': '1.2.3.4', forwarded: 'for=1.2.3.4' }, '203.0.113.7'), '203.0.113.7');
  assert.equal(from({}), '10.0.0.1');
  assert.equal(from({}, '::ffff:203.0.113.7'), '203.0.113.7');
});

const rows: readonly (readonly [name: string, headers: Record<string, string>, expected: string])[] = [
  ['one hop', { 'x-forwarded-for': '203.0.113.7' }, '203.0.113.7'],
  ['Azure: with a port', { 'x-forwarded-for': '203.0.113.7:51234' }, '203.0.113.7'],
  ['an IPv6 address', { 'x-forwarded-for': '2001:db8::7' }, '2001:db8::7'],
  ['an IPv6 address with brackets and a port', { 'x-forwarded-for': '[2001:db8::7]:51234' }, '2001:db8::7'],
  ['mapped', { 'x-forwarded-for': '::ffff:203.0.113.7' }, '203.0.113.7'],
  ['through one of ours', { 'x-forwarded-for': '9.9.9.9, 203.0.113.7:1, 10.0.0.9:443' }, '203.0.113.7'],
  ['of ours alone', { 'x-forwarded-for': '10.1.1.1, 10.2.2.2' }, '10.1.1.1'],
  ['what is no address', { 'x-forwarded-for': 'nonsense' }, '10.0.0.1'],
  ['what is no address before one of ours', { 'x-forwarded-for': '1.2.3.4, x, 10.0.0.9' }, '10.0.0.1'],
  ['RFC 7239', { forwarded: 'for=203.0.113.7;proto=https;by=10.0.0.1' }, '203.0.113.7'],
  ['RFC 7239: quoted, with a port', { forwarded: 'For="203.0.113.7:4711"' }, '203.0.113.7'],
  ['RFC 7239: IPv6', { forwarded: 'proto=https; for="[2001:db8:cafe::17]:4711"' }, '2001:db8:cafe::17'],
  ['RFC 7239: several hops', { forwarded: 'for=9.9.9.9, for=203.0.113.7, for="10.0.0.9:1"' }, '203.0.113.7'],
  ['RFC 7239: a comma in quotes', { forwarded: 'for=203.0.113.7;host="a,for=1.1.1.1", for=10.9.9.9' }, '203.0.113.7'],
  ['RFC 7239: nobody says who', { forwarded: 'for=unknown' }, '10.0.0.1'],
  ['RFC 7239: a name that hides', { forwarded: 'for=_hidden, for=10.0.0.9' }, '10.0.0.1'],
  ['RFC 7239: without for', { forwarded: 'proto=https' }, '10.0.0.1'],
  ['both, agreeing', { 'x-forwarded-for': '203.0.113.7:99', forwarded: 'for=203.0.113.7' }, '203.0.113.7'],
  ['both, of which one is forged', { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=203.0.113.7' }, '10.0.0.1'],
];
for (const [name, headers, expected] of rows)
  test(`through a proxy of ours: ${name}`, () => assert.equal(from(headers), expected));

test('what is no address is none, in bounded time', () => {
  for (const text of [
    '',
    ':',
    '[',
    '[]',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4:5:6',
    'a'.repeat(100_000),
    '"'.repeat(100_000),
  ])
    assert.equal(addressOf(text), undefined, text.slice(0, 20));
  const usedMs = processorTime();
  from({ forwarded: 'for="'.repeat(20_000) });
  from({ 'x-forwarded-for': ','.repeat(100_000) });
  assert.ok(usedMs() < 500);
});
