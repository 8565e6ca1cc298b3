/** What only a file may say of a provider is refused where the admin API is given it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbidden } from '../../src/config/added.js';
import { formatPath } from '../../src/config/problem.js';

const refusedAt = (written: Record<string, unknown>): string | undefined => {
  const found = forbidden({ kind: 'provider', name: 'x', written: { type: 'openai', ...written } });
  return found && `${formatPath(found.path)}: ${found.message}`;
};

test('no setting of a provider leads to the files of the machine', () => {
  for (const [written, path] of [
    [{ api_key: { file: '/etc/passwd' } }, 'api_key.file'],
    [{ credentials_file: '/etc/passwd' }, 'credentials_file'],
    [{ token_file: '/etc/passwd' }, 'token_file'],
    [{ tls: { ca: '/etc/passwd' } }, 'tls.ca'],
    [{ tls: { cert: '/etc/passwd', key: '/etc/shadow' } }, 'tls.cert'],
    [{ tls: { server_name: 'a', key: '/etc/shadow' } }, 'tls.key'],
    [{ proxy: { file: '/etc/passwd' } }, 'proxy.file'],
  ] as const)
    assert.equal(refusedAt(written), `${path}: files can be named in the configuration file alone`);
  for (const written of [{ tls: { server_name: 'api.test' } }, { headers: { key: 'v', ca: 'v' } }, { api_key: 'k' }])
    assert.equal(refusedAt(written), undefined, JSON.stringify(written));
});

test('neither a provider nor its proxy is where clouds keep credentials', () => {
  for (const address of ['169.254.169.254', '[fe80::1]', '2852039166', '100.100.100.200', '[fd00:ec2::254]']) {
    assert.match(refusedAt({ base_url: `http://${address}/v1` })!, /^base_url: the address .* is not allowed/, address);
    for (const proxy of [`http://${address}:3128`, `https://user:pass@${address}`])
      assert.match(refusedAt({ proxy })!, /^proxy: the address .* is not allowed/, proxy);
  }
  for (const proxy of ['none', 'http://user:pass@proxy.example.com:3128', 'http://10.0.0.7:3128', 'no URL'])
    assert.equal(refusedAt({ proxy }), undefined, proxy);
});
