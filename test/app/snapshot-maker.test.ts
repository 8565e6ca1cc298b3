/** What outlives a configuration goes by the one that is in force, not by one that was made and refused afterwards. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { snapshotMaker } from '../../src/app/snapshot-maker.js';
import { systemClock } from '../../src/lib/clock.js';
import type { ProviderType } from '../../src/provider/provider-type.js';
import { headerOrNone, type SignerPorts } from '../../src/provider/signers.js';
import { TargetStates } from '../../src/router/states.js';
import { Pools } from '../../src/upstream/pool.js';
import { good } from '../config/support.js';
import { startConnectProxy } from '../support/connect-proxy.js';

const written = `
providers: { cloud: { type: cloud, region: here, access_key_id: a, secret_access_key: b } }
models: { m: { targets: [{ provider: cloud, model: m }], price: { input: 1, output: 1 } } }
`;

test('signers go through the proxies of the configuration in force', async (t) => {
  let ports: SignerPorts | undefined;
  const cloud: ProviderType = {
    type: 'cloud',
    baseUrl: 'https://cloud.example.org',
    speaks: { 'openai-chat': '/chat' },
    auth: headerOrNone('api-key'),
    needsCredential: true,
    insteadOfKey: [['access_key_id', 'secret_access_key']],
    sign: (_account, given) => {
      ports = given;
      return { headers: async () => ({}) };
    },
    catalogue: null,
    failures: [],
    limitHeaders: [],
    counting: () => ({ encoding: 'quarter_bytes', factor: 1, exact: false }),
  };
  const tokens = createServer((_request, response) => void response.end('a token'));
  await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
  const proxies = [await startConnectProxy(), await startConnectProxy()] as const;
  const pools = new Pools();
  t.after(() => {
    pools.close();
    tokens.closeAllConnections();
    tokens.close();
    return Promise.all(proxies.map((proxy) => proxy.stop()));
  });
  const through = ({ port }: { readonly port: number }) => good(t, written, { HTTP_PROXY: `http://127.0.0.1:${port}` });
  let inForce = through(proxies[0]);
  const made = snapshotMaker({
    ...{
      providers: { cloud },
      pools,
      states: new TargetStates(Math.random, () => {}),
      version: '0',
      clock: systemClock,
    },
    embedding: { similarity: null, upstream: () => assert.fail() } as unknown as Parameters<
      typeof snapshotMaker
    >[0]['embedding'],
    inForce: () => ({ config: inForce }),
  });
  made(inForce);
  const next = through(proxies[1]);
  made(next);
  const ask = async (name: string): Promise<string> =>
    (await ports!.fetch(`http://${name}.test:${(tokens.address() as AddressInfo).port}/`)).text();
  assert.equal(await ask('first'), 'a token');
  assert.deepEqual([proxies[0].asked.length, proxies[1].asked.length], [1, 0], 'the other one may be refused yet');
  inForce = next;
  assert.equal(await ask('second'), 'a token');
  assert.deepEqual([proxies[0].asked.length, proxies[1].asked.length], [1, 1]);
});
