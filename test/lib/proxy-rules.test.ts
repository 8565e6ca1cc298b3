/** Which proxy leads where, as the environment's variables say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyOf, proxyProblem } from '../../src/lib/proxy-rules.js';

const rules = (except: string) => ({ http: 'http://plain:3128', https: 'http://secure:3128', except });

test('the scheme says which proxy it is, and this machine is reached without one', () => {
  assert.equal(proxyOf('http://api.example.com', rules('')), 'http://plain:3128');
  assert.equal(proxyOf('https://api.example.com', rules('')), 'http://secure:3128');
  assert.equal(proxyOf('https://api.example.com', { http: 'http://plain:3128', https: null, except: '' }), null);
  for (const own of [
    'http://localhost:1',
    'http://x.localhost',
    'http://127.0.0.1:8000',
    'http://127.9.9.9',
    'http://[::1]',
  ])
    assert.equal(proxyOf(own, rules('')), null, own);
});

test('NO_PROXY takes names and what is below them, addresses, blocks, ports and everything', () => {
  const excepted = (origin: string, except: string): boolean => proxyOf(origin, rules(except)) === null;
  for (const [origin, except] of [
    ['https://example.com', 'example.com'],
    ['https://api.example.com', 'example.com'],
    ['https://api.example.com', '.example.com'],
    ['https://api.example.com', '*.example.com'],
    ['https://API.Example.Com.', 'other, EXAMPLE.com'],
    ['https://api.example.com', 'a b example.com'],
    ['https://example.com', 'example.com:443'],
    ['http://example.com:8080', 'example.com:8080'],
    ['http://10.1.2.3:8000', '10.0.0.0/8'],
    ['http://10.1.2.3:8000', '10.0.0.0/8:8000'],
    ['https://10.1.2.3', '10.0.0.0/8:443'],
    ['https://[fd00::1]', '[fd00::/8]:443'],
    ['https://[fd00::1]', '[fd00::/8]'],
    ['http://10.1.2.3:8000', '10.1.2.3'],
    ['http://10.1.2.3:8000', '10.1.2.3:8000'],
    ['http://[fd00::1]:8000', 'fd00::/8'],
    ['http://[fd00::1]:8000', '[fd00::1]:8000'],
    ['http://[fd00::1]:8000', 'fd00::1'],
    ['https://anything.example', '*'],
  ] as const)
    assert.ok(excepted(origin, except), `${origin} by ${except}`);
  for (const [origin, except] of [
    ['https://badexample.com', 'example.com'],
    ['https://example.com', 'example.com:8443'],
    ['https://example.com.evil.test', 'example.com'],
    ['http://11.1.2.3', '10.0.0.0/8'],
    ['http://10.1.2.3:8001', '10.0.0.0/8:8000'],
    ['http://11.1.2.3:8000', '10.0.0.0/8:8000'],
    ['http://[fd00::1]', '[fd00::/8]:443'],
    ['http://example.com', '10.0.0.0/8'],
    ['http://[fd00::1]', '0.0.0.0/0'],
    ['https://example.com', ' , '],
    ['https://example.com', '.'],
  ] as const)
    assert.ok(!excepted(origin, except), `${origin} by ${except}`);
});

test('what is no proxy is told', () => {
  assert.equal(proxyProblem('http://user:pass@proxy.example.com:3128'), null);
  assert.equal(proxyProblem('https://proxy.example.com'), null);
  assert.match(proxyProblem('socks5://proxy:1080')!, /HTTP proxy/);
  assert.match(proxyProblem('proxy:3128')!, /HTTP proxy/);
  assert.match(proxyProblem('http://proxy/path')!, /no path/);
  assert.equal(proxyProblem('http://u:50%25off@proxy:1'), null);
  assert.match(proxyProblem('http://u:50%off@proxy:1')!, /a % of their own is written %25/);
  assert.match(proxyProblem('http://%E0%A4%A@proxy:1')!, /a % of their own is written %25/);
  assert.match(proxyProblem('http://u:%ff@proxy:1')!, /UTF-8/);
});
