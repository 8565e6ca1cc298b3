import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReachable, urlProblem } from '../../src/lib/public-address.js';

const publicOnes = [
  '8.8.8.8',
  '93.184.216.34',
  '2606:4700::1111',
  '[2606:4700::1111]',
  '64:ff9b::808:808',
  '::ffff:8.8.8.8',
];
const own = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '127.0.0.1',
  '127.9.9.9',
  '100.64.0.1',
  '::1',
].concat([
  'fd12::1',
  'fc00::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.1.2.3',
  '64:ff9b::7f00:1',
  '64:ff9b::10.0.0.1',
]);
const never = [
  '169.254.169.254',
  '169.254.0.1',
  '0.0.0.0',
  '0.1.2.3',
  '255.255.255.255',
  '224.0.0.1',
  '240.0.0.1',
  '192.0.0.192',
]
  .concat(['198.18.0.1', '192.0.2.1', '203.0.113.9', '100.100.100.200', '168.63.129.16', '::', '::7f00:1'])
  .concat([
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '2001:db8::1',
    'fd00:ec2::254',
  ])
  .concat([
    '::ffff:169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::1',
    '100::1',
    '',
    'localhost',
    '127.0.0.1.example.com',
  ]);

test('public addresses are reached, those of own networks only where that is allowed, and some never', () => {
  for (const address of publicOnes) {
    assert.ok(isReachable(address, 'public'), address);
    assert.ok(isReachable(address, 'private'), address);
  }
  for (const address of own) {
    assert.ok(!isReachable(address, 'public'), address);
    assert.ok(isReachable(address, 'private'), address);
  }
  for (const address of never) {
    assert.ok(!isReachable(address, 'public'), address);
    assert.ok(!isReachable(address, 'private'), address);
  }
});

test('a URL is https to a place that is not plainly private', () => {
  assert.equal(urlProblem('https://hooks.example.com/a?b=c', 'public'), null);
  for (const url of [
    'http://hooks.example.com/',
    'https://localhost/',
    'https://LOCALHOST:8443/',
    'https://api.localhost/',
    'https://metadata.google.internal/computeMetadata/v1/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://①②⑦.0.0.1/',
    'https://user:secret@hooks.example.com/',
    'https://hooks.example.com/#here',
    'ftp://hooks.example.com/',
    'file:///etc/passwd',
    '//hooks.example.com',
    'hooks.example.com',
    'https://',
    '',
  ]) {
    assert.ok(urlProblem(url, 'public'), url);
  }
});

test('in a private network http will do, but what belongs to the machine is still refused', () => {
  for (const url of [
    'http://127.0.0.1:9000/hook',
    'http://localhost/',
    'http://receiver.internal/',
    'https://10.0.0.1/',
  ]) {
    assert.equal(urlProblem(url, 'private'), null, url);
  }
  for (const url of ['http://169.254.169.254/', 'http://0.0.0.0/', 'http://[fe80::1]/', 'http://u:p@10.0.0.1/']) {
    assert.ok(urlProblem(url, 'private'), url);
  }
});
