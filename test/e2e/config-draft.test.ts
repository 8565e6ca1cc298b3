/** A draft of the configuration is judged as a start would judge it, changes nothing, and tells no secret. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, madeUser } from '../support/people.js';

interface Judgement {
  readonly valid: boolean;
  readonly problems: readonly { line: number; column: number; path: string; message: string }[];
  readonly changed: readonly string[];
  readonly restart: readonly string[];
}

const SECRET = 'sk-very-secret-92hf7w';

describe('a draft of the configuration', () => {
  let gateway: Gateway;
  let written: string;
  before(async () => {
    gateway = await startGateway({
      config: {
        providers: { sandbox: { type: 'sandbox' }, openai: { type: 'openai', api_key: '${OPENAI_SECRET}' } },
        models: { m: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
      },
      env: { OPENAI_SECRET: SECRET },
    });
    written = readFileSync(join(gateway.dir, 'config.yaml'), 'utf8');
  });
  after(() => gateway?.close());

  const judge = (config: string) => gateway.admin<Judgement>('POST', '/config/validate', { config });

  it('that says what runs changes nothing', async () => {
    assert.deepEqual(await judge(written), { valid: true, problems: [], changed: [], restart: [] });
  });

  it('is told what it would change, by name, and what would wait for a restart', async () => {
    const draft = written.replace('input: 1', 'input: 2').replace(/port: \d+/, 'port: 1');
    const { valid, changed, restart } = await judge(draft);
    assert.equal(valid, true);
    assert.deepEqual(restart, ['server.port']);
    assert.ok(changed.length > 0 && changed.every((name) => name.startsWith('models.m.price')), changed.join());
    const [model] = (await gateway.admin<{ data: { id: string }[] }>('GET', '/models')).data;
    assert.equal(model?.id, 'm');
    assert.equal(readFileSync(join(gateway.dir, 'config.yaml'), 'utf8'), written);
  });

  it('is told all that is wrong, with its place, as a start would tell it', async () => {
    const { valid, problems } = await judge('models:\n  m:\n    targts: []\nserver: { port: many }\n');
    assert.equal(valid, false);
    assert.deepEqual(problems.map(({ line }) => line).sort(), [2, 3, 4]);
    assert.ok(problems.some(({ message }) => message.includes('targets')));
    for (const text of ['', '- a list', 'a: &a [*a]', '{', 'x'.repeat(200)])
      assert.equal((await judge(text)).valid, false, text);
  });

  it('has nothing of what variables and other files hold in its answer', async () => {
    const folder = mkdtempSync(join(gateway.dir, 'other-'));
    writeFileSync(join(folder, 'other'), 'another secret');
    const drafts = [
      written.replace('model: sandbox', 'model: ${OPENAI_SECRET}'),
      `${written}\ndefaults: { fallbacks: ["\${OPENAI_SECRET}"] }`,
      written.replace('provider: sandbox', 'provider: ${OPENAI_SECRET}'),
      written.replace('input: 1', 'input: ${OPENAI_SECRET}'),
      written.replace('type: sandbox', 'type: ${OPENAI_SECRET}'),
      written.replace('${OPENAI_SECRET}', `{ file: ${join(folder, 'other')} }`).replaceAll('"', ''),
      written.replace(
        'type: sandbox',
        `type: vertex\n    project: p\n    region: eu\n    credentials_file: ${join(folder, 'other')}`,
      ),
    ];
    for (const [at, draft] of drafts.entries()) {
      const answer = await ask(gateway, gateway.adminKey, 'POST', '/config/validate', { config: draft });
      assert.equal(answer.status, 200);
      assert.ok(!/very-secret|92hf7w|another/.test(answer.text), `${at}: ${answer.text}`);
      if (at > 1) assert.equal(answer.body.valid, false, `${at}: ${answer.text}`);
    }
  });

  it('is for admins alone', async () => {
    const viewer = await madeUser(gateway, { role: 'viewer' });
    assert.equal((await ask(gateway, viewer.token, 'POST', '/config/validate', { config: written })).status, 403);
    assert.equal((await ask(gateway, gateway.adminKey, 'POST', '/config/validate', {})).status, 400);
  });
});
