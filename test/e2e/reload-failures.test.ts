/** A reload that fails after the new configuration was made, while it is prepared: it changes nothing and leaves nothing behind. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import {
  configFile,
  editAndWait,
  edited,
  eventually,
  reloadByApi,
  replaceFile,
  type Written,
} from '../support/reload.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';

const price = { input: 1, output: 1 };
const messages = [{ role: 'user', content: 'Hello' }];

let one: FakeUpstream;
let two: FakeUpstream;
let gateway: Gateway;
let key: string;
let original: string;

before(async () => {
  one = await startUpstream();
  two = await startUpstream();
  const providerAt = ({ url }: FakeUpstream) => ({
    type: 'openai-compatible',
    base_url: `${url}/v1`,
    api_key: 'sk-up',
  });
  gateway = await startGateway({
    config: {
      providers: { one: providerAt(one), two: providerAt(two) },
      models: { m: { targets: [{ provider: 'one', model: 'm' }], price } },
    },
  });
  ({ key } = await gateway.key());
  original = await readFile(configFile(gateway), 'utf8');
});

after(async () => {
  await gateway?.close();
  await one?.stop();
  await two?.stop();
});

async function providerOf(model: string): Promise<string | null> {
  const response = await gateway.chat(key, { model, messages });
  await response.arrayBuffer();
  assert.equal(response.status, 200);
  return response.headers.get('x-tollgate-provider');
}

describe('a reload that fails while it is prepared', () => {
  /** What a file of keys may look like without being one: only who makes a verifier of it finds out. */
  const brokenJwt = { issuer: 'https://idp.example', audience: 'tollgate', jwks_file: 'keys.json' };
  const fails: readonly (readonly [string, (config: Written) => void])[] = [
    ['tokens', (config) => (config.auth = { jwt: brokenJwt })],
    [
      'routes',
      (config) =>
        (config.routes = [
          {
            name: 'guarded',
            match: { path: '/guarded' },
            auth: { jwt: brokenJwt },
            upstream: { targets: [{ url: one.url }] },
          },
        ]),
    ],
  ];
  for (const [what, breakIt] of fails) {
    it(`at its ${what} changes nothing and leaves no connections behind`, async () => {
      await writeFile(join(gateway.dir, 'keys.json'), '{"keys":[[]]}');
      const withTwo = (config: Written) => {
        config.models.other = { targets: [{ provider: 'two', model: 'o' }], price };
      };
      await replaceFile(
        configFile(gateway),
        await edited(gateway, (config) => {
          withTwo(config);
          breakIt(config);
        }),
      );
      const failed = await reloadByApi(gateway);
      assert.equal(failed.status, 422);
      assert.match(JSON.stringify(failed.body), /cannot be taken in/);
      assert.equal(await providerOf('m'), 'one');

      await replaceFile(configFile(gateway), original);
      await editAndWait(gateway, withTwo);
      // The upstream lets an idle connection live for longer than this test waits, so only the end of its pool closes it.
      two.next((received) => [
        ({ response }) => void response.setHeader('keep-alive', 'timeout=600'),
        ...faithful(received),
      ]);
      assert.equal(await providerOf('other'), 'two');
      assert.ok(two.connections > 0);
      await replaceFile(configFile(gateway), original);
      assert.equal((await reloadByApi(gateway)).status, 200);
      await eventually('the connections of the removed provider close', () =>
        two.connections === 0 ? true : undefined,
      );
    });
  }
});
