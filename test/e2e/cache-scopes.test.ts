/** What makes an answer another's: a team that is made anew, a provider that moved. Over Postgres and the embedded database. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const model = { targets: [{ provider: 'fake', model: 'm' }], price: { input: 0.1, output: 0.1 } };

for (const database of ['postgres', 'embedded']) {
  describe(`over ${database}`, () => {
    let upstream: FakeUpstream;
    let gateway: Gateway;
    before(async () => {
      upstream = await startUpstream();
      gateway = await startGateway({
        database,
        config: {
          providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
          models: { cached: { ...model, cache: { share: 'team', semantic: true } } },
        },
      });
    });
    after(async () => {
      await gateway?.close();
      await upstream?.stop();
    });

    const ask = async (key: string, content: string): Promise<string | null> => {
      const response = await gateway.chat(key, { model: 'cached', messages: [{ role: 'user', content }] });
      await response.arrayBuffer();
      return response.headers.get('x-tollgate-cache');
    };

    it('a new team gets nothing of a deleted one that had its name', async () => {
      const prompt = 'What is the secret plan of the team?';
      const { key, id } = await gateway.key({ team: 'phoenix' });
      assert.equal(await ask(key, prompt), 'miss');
      assert.equal(await ask(key, prompt), 'hit');
      await gateway.admin('DELETE', `/keys/${id}`);
      await gateway.admin('DELETE', '/teams/phoenix');
      const heir = await gateway.key({ team: 'phoenix' });
      assert.equal(await ask(heir.key, prompt), 'miss', 'at once');
      assert.equal(await ask(heir.key, prompt), 'hit', 'and what it asks itself is kept');
    });

    it('what is written in the database by others is in force in memory, too', async () => {
      const { key, id } = await gateway.key({ team: 'written' });
      await ask(key, 'Something that is kept in memory');
      const before = await gateway.admin<{ purges: number }>('GET', '/cache');
      await gateway.admin('DELETE', `/keys/${id}`);
      await gateway.admin('DELETE', '/teams/written');
      const begun = Date.now();
      let { purges } = before;
      while (purges <= before.purges && Date.now() - begun < 2_000)
        ({ purges } = await gateway.admin<{ purges: number }>('GET', '/cache'));
      assert.ok(purges > before.purges);
    });

    it("a provider's new address is a new scope, and the old one is there again with the old address", async () => {
      const other = await startUpstream();
      const { key } = await gateway.key();
      const prompt = 'Who answers this question?';
      const file = join(gateway.dir, 'config.yaml');
      const written = await readFile(file, 'utf8');
      type Written = { providers: { fake: { base_url: string; headers?: object } } };
      const moved = parse(written) as Written;
      moved.providers.fake.base_url = `${other.url}/v1`;
      const headed = parse(written) as Written;
      headed.providers.fake.headers = { 'x-variant': 'b' };
      try {
        await ask(key, prompt);
        assert.equal(await ask(key, prompt), 'hit');
        await writeFile(file, stringify(moved));
        await gateway.admin('POST', '/config/reload');
        assert.equal(await ask(key, prompt), 'miss');
        assert.equal(other.requests.length, 1);
        await writeFile(file, stringify(headed));
        await gateway.admin('POST', '/config/reload');
        assert.equal(await ask(key, prompt), 'miss', 'other headers are sent');
        await writeFile(file, written);
        await gateway.admin('POST', '/config/reload');
        assert.equal(await ask(key, prompt), 'hit');
      } finally {
        await writeFile(file, written);
        await gateway.admin('POST', '/config/reload');
        await other.stop();
      }
    });
  });
}
