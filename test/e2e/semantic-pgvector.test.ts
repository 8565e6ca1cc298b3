/** The semantic tier with `cache.index: pgvector`, through the public surface: a real gateway, a Postgres with the extension. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { type Gateway, startGateway } from '../support/gateway.js';
import { freshDatabase } from '../support/postgres.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json } from '../support/upstream-steps.js';
import { startVectorPostgres, type VectorPostgres } from '../support/vector-postgres.js';

const target = { price: { input: 0.15, output: 0.6 }, targets: [{ provider: 'fake', model: 'gpt-4o-mini' }] };
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'As it is written.' }, logprobs: null },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 },
};
const asked = 'How do I reset my password?';
const alike = 'How can I reset my password?';

describe('the semantic tier in the database', () => {
  let upstream: FakeUpstream;
  let postgres: VectorPostgres;
  let gateway: Gateway;
  const config = (index: string) => ({
    cache: { index },
    providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
    models: { near: { ...target, cache: { semantic: true, share: 'team' } } },
  });
  const ask = async (key: string, content: string, on = gateway) => {
    const response = await on.chat(key, { model: 'near', messages: [{ role: 'user', content }] });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return response.headers.get('x-tollgate-cache');
  };
  type Stats = { semantic: { learning: number; vectors: number; vector_bytes: number } };
  const teach = async (key: string, content: string, on = gateway) => {
    const state = await ask(key, content, on);
    while ((await on.admin<Stats>('GET', '/cache')).semantic.learning > 0);
    return state;
  };
  /** Of a team; and those whose prompt is not there any more. */
  const vectorsOf = async (team: string) => {
    const client = new pg.Client(postgres.url);
    await client.connect();
    try {
      const { rows } = await client.query<{ many: number; orphans: number }>(
        `select count(*) filter (where a.team = $1)::int as many, count(*) filter (where a.key is null)::int as orphans
         from cache_vectors v left join cache_answers a using (key)`,
        [team],
      );
      return rows[0]!;
    } finally {
      await client.end();
    }
  };

  before(async () => {
    [upstream, postgres] = await Promise.all([startUpstream(), startVectorPostgres()]);
    upstream.always(() => json(200, completion));
    gateway = await startGateway({ database: postgres.url, config: config('memory') });
  });
  after(async () => {
    await gateway?.close();
    await postgres?.close();
    await upstream?.stop();
  });

  it('finds what was kept while it searched in memory', async () => {
    const { key } = await gateway.key({ team: 'mover' });
    assert.equal(await teach(key, asked), 'miss');
    await gateway.close();
    gateway = await startGateway({ database: postgres.url, config: config('pgvector') });
    assert.equal(await ask(key, alike), 'semantic');
  });

  it('answers a paraphrase, not another question, and not another team', async () => {
    const { key } = await gateway.key({ team: 'one' });
    const other = await gateway.key({ team: 'two' });
    assert.equal(await teach(key, asked), 'miss');
    assert.equal(await ask(key, alike), 'semantic');
    assert.equal(await ask(key, 'How do I not reset my password?'), 'miss');
    assert.equal(await ask(other.key, alike), 'miss');
    const { semantic } = await gateway.admin<Stats>('GET', '/cache');
    assert.ok(semantic.vectors >= 2 && semantic.vector_bytes > 0);
  });

  it('forgets what is purged, and the vectors of a team that is deleted', async () => {
    const { key, id } = await gateway.key({ team: 'leaver' });
    await teach(key, asked);
    assert.deepEqual(await vectorsOf('leaver'), { many: 1, orphans: 0 });
    assert.equal(await ask(key, alike), 'semantic');
    await gateway.admin('POST', '/cache/purge', { team: 'leaver' });
    assert.equal(await teach(key, alike), 'miss');
    await gateway.admin('DELETE', `/keys/${id}`);
    await gateway.admin('DELETE', '/teams/leaver');
    assert.deepEqual(await vectorsOf('leaver'), { many: 0, orphans: 0 });
  });

  it('answers from upstream where the search fails', async () => {
    const { key } = await gateway.key({ team: 'broken' });
    await teach(key, asked);
    const client = new pg.Client(postgres.url);
    await client.connect();
    await client.query('alter table cache_vectors rename to cache_vectors_away');
    try {
      assert.equal(await ask(key, alike), 'miss');
    } finally {
      await client.query('alter table cache_vectors_away rename to cache_vectors');
      await client.end();
    }
    assert.equal(await ask(key, 'How could I reset my password?'), 'semantic');
  });
});

describe('cache.index: pgvector where there is none', () => {
  it('keeps the gateway from starting, and says what to do', async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    const client = new pg.Client(database.url);
    await client.connect();
    const { rowCount } = await client.query(`select from pg_available_extensions where name = 'vector'`);
    await client.end();
    if (rowCount) return t.skip('this server has pgvector');
    await assert.rejects(
      startGateway({ database: database.url, config: { cache: { index: 'pgvector' } } }),
      /exit code 1[\s\S]*Tollgate did not start: cache\.index is pgvector, but this Postgres does not have the extension/,
    );
  });
});
