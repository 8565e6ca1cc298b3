/** Certificate files of the configuration: what cannot be used is told by its setting, before anything is made of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeConfig } from '../../src/config/describe.js';
import { withoutRestart } from '../../src/config/restart.js';
import { packageRoot } from '../../src/lib/root.js';
import { bad, good } from './support.js';

const pem = (name: string): string => readFileSync(join(packageRoot, 'test/fixtures/tls', name), 'latin1');
const files = {
  'cert.pem': pem('valid.pem'),
  'key.pem': pem('valid.key'),
  'other.pem': pem('renewed.key'),
  'locked.pem': pem('locked.key'),
  'ca.pem': pem('ca.pem'),
  'junk.pem': 'junk',
};
const server = (tls: string): string => `server:\n  tls: { ${tls} }`;
const refused = (t: TestContext, tls: string): string[] => bad(t, server(tls), {}, files);

test('a pair is read, relative to the configuration, and its key is never shown', (t) => {
  const config = good(t, server('cert: cert.pem, key: key.pem, client_ca: ca.pem'), {}, files);
  assert.equal(config.server.tls!.min_version, 'TLSv1.2');
  assert.equal(config.server.tls!.key, files['key.pem']);
  const shown = JSON.stringify(describeConfig(config));
  assert.ok(!shown.includes('PRIVATE KEY'), shown);
  assert.match(shown, /"subject":"CN=127\.0\.0\.1".*"until":"2099-12-31T00:00:00\.000Z"/);
});

test('what cannot be used is named by its setting, in words', (t) => {
  assert.match(refused(t, 'cert: none.pem, key: key.pem')[0]!, /^2:\d+ server\.tls\.cert: cannot read \S+: ENOENT$/);
  assert.match(refused(t, 'cert: junk.pem, key: key.pem')[0]!, /server\.tls\.cert: is not a certificate in PEM/);
  assert.match(refused(t, 'cert: cert.pem, key: junk.pem')[0]!, /server\.tls\.key: is not a private key in PEM/);
  assert.match(refused(t, 'cert: cert.pem, key: locked.pem')[0]!, /server\.tls\.key: is locked with a passphrase/);
  assert.match(refused(t, 'cert: cert.pem, key: other.pem')[0]!, /server\.tls\.key: is not the key of the certificate/);
  assert.match(refused(t, 'cert: cert.pem, key: key.pem, client_ca: junk.pem')[0]!, /server\.tls\.client_ca: is not a/);
  assert.match(refused(t, 'cert: cert.pem')[0]!, /server\.tls\.key: is missing/);
  assert.match(refused(t, 'cert: cert.pem, key: key.pem, min_version: TLSv1')[0]!, /did you mean TLSv1\.\d/);
});

test('other certificates are taken while it runs; from HTTP to HTTPS and back needs a restart', (t) => {
  const plain = good(t, 'data_dir: /d');
  const tls = good(t, `data_dir: /d\n${server('cert: cert.pem, key: key.pem')}`, {}, files);
  const asking = good(t, `data_dir: /d\n${server('cert: cert.pem, key: key.pem, client_ca: ca.pem')}`, {}, files);
  assert.deepEqual(withoutRestart(tls, asking).restart, []);
  assert.equal(withoutRestart(tls, asking).config.server.tls!.client_ca, files['ca.pem']);
  assert.deepEqual(withoutRestart(plain, tls).restart, ['server.tls']);
  assert.equal(withoutRestart(plain, tls).config.server.tls, null);
  assert.deepEqual(withoutRestart(tls, plain).restart, ['server.tls']);
});
