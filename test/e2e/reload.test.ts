/** A running gateway takes a changed configuration in: by file, signal and API, without losing a request. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk } from '../support/openai-answers.js';
import {
  changeAndWait,
  configFile,
  editAndWait,
  edited,
  eventually,
  reloadByApi,
  replaceFile,
  statusOf,
  type Written,
} from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { sse, until } from '../support/upstream-steps.js';

const price = { input: 1, output: 1 };
const messages = [{ role: 'user', content: 'Hello' }];

let one: FakeUpstream;
let two: FakeUpstream;
let gateway: Gateway;
let key: string;
let original: string;

const providerAt = (upstream: FakeUpstream, api_key = 'sk-upstream-first') => ({
  type: 'openai-compatible',
  base_url: `${upstream.url}/v1`,
  api_key,
});

before(async () => {
  one = await startUpstream();
  two = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: { one: providerAt(one), two: providerAt(two) },
      models: { m: { targets: [{ provider: 'one', model: 'm' }], price } },
    },
  });
  ({ key } = await gateway.key());
  original = await readFile(configFile(gateway), 'utf8');
});

beforeEach(async () => {
  await replaceFile(configFile(gateway), original);
  assert.equal((await reloadByApi(gateway)).status, 200);
});

after(async () => {
  await gateway?.close();
  await one?.stop();
  await two?.stop();
});

const chat = (body: object = {}, to = gateway, secret = key) => to.chat(secret, { model: 'm', messages, ...body });
const providerOf = async (response: Response): Promise<string | null> => {
  await response.arrayBuffer();
  assert.equal(response.status, 200);
  return response.headers.get('x-tollgate-provider');
};

/** The ids of all requests in the ledger that begin so. */
async function recorded(prefix: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const page = await gateway.admin<Written>('GET', `/usage?limit=200${cursor && `&cursor=${cursor}`}`);
    ids.push(...page.data.map((entry: { request_id: string }) => entry.request_id));
    if (!page.next_cursor) return ids.filter((id) => id.startsWith(prefix));
    cursor = page.next_cursor;
  }
}

describe('a changed file', () => {
  it('is taken in by itself, and what changed is told by name', async () => {
    assert.equal(await providerOf(await chat()), 'one');
    const status = await editAndWait(gateway, (config) => {
      config.models.m.targets[0].provider = 'two';
      config.models.extra = { targets: [{ provider: 'one', model: 'x' }], price };
    });
    assert.deepEqual(status.last_reload, { status: 'reloaded', trigger: 'file', at: status.since });
    assert.equal(await providerOf(await chat()), 'two');
    assert.equal(await providerOf(await chat({ model: 'extra' })), 'one');
    await eventually('a line in the log', () => (gateway.output.includes('"models.extra"') ? true : undefined));
  });

  it('is taken in where it is written in place, in pieces', async () => {
    const text = await edited(gateway, (config) => {
      config.models.m.targets[0].provider = 'two';
    });
    await changeAndWait(gateway, async () => {
      await writeFile(configFile(gateway), '');
      await writeFile(configFile(gateway), text.slice(0, text.indexOf('models:')));
      await writeFile(configFile(gateway), text);
    });
    assert.equal(await providerOf(await chat()), 'two');
  });

  it('loses no request under load, and none sees half of each configuration', async () => {
    const provider = (name: string) => (config: Written) => {
      config.models.m.targets[0] = { provider: name, model: `m-of-${name}` };
    };
    await editAndWait(gateway, provider('one'));
    let running = true;
    const seen = new Map<string, number>();
    const ids: string[] = [];
    const worker = async (number: number): Promise<void> => {
      for (let i = 0; running; i++) {
        const id = `load-${number}-${i}`;
        const response = await gateway.chat(
          key,
          { model: 'm', messages, stream: i % 2 === 1 },
          { headers: { 'x-request-id': id } },
        );
        const text = await response.text();
        assert.equal(response.status, 200, text);
        if (i % 2 === 1) assert.match(text, /\[DONE\]\n\n$/);
        const target = response.headers.get('x-tollgate-target')!;
        seen.set(target, (seen.get(target) ?? 0) + 1);
        ids.push(id);
      }
    };
    const load = Array.from({ length: 40 }, (_, number) => worker(number));
    for (let round = 0; round < 12; round++) {
      const name = round % 2 === 0 ? 'two' : 'one';
      const text = await edited(gateway, provider(name));
      if (round % 3 === 0) await editAndWait(gateway, provider(name));
      else if (round % 3 === 1) {
        await changeAndWait(gateway, async () => {
          await writeFile(configFile(gateway), text);
          process.kill(gateway.pid, 'SIGHUP');
        });
      } else {
        await replaceFile(configFile(gateway), text);
        const { status } = await reloadByApi(gateway);
        assert.equal(status, 200);
      }
    }
    running = false;
    await Promise.all(load);
    assert.ok(ids.length >= 300, `only ${ids.length} requests`);
    assert.deepEqual([...seen.keys()].sort(), ['one/m-of-one', 'two/m-of-two']);
    const wrong = [one, two].flatMap((upstream, i) =>
      upstream.requests.filter((request) => request.json()['model'] === (i === 0 ? 'm-of-two' : 'm-of-one')),
    );
    assert.deepEqual(wrong, []);
    assert.deepEqual((await recorded('load-')).sort(), ids.sort());
  });

  it('that is bad changes nothing and is told with its place; the mended one is taken in', async () => {
    const before = await statusOf(gateway);
    const bad = original.replace('price:', 'prise:');
    const line = bad.split('\n').findIndex((text) => text.includes('prise:')) + 1;
    await replaceFile(configFile(gateway), bad);
    const status = await eventually('a rejection', async () => {
      const now = await statusOf(gateway);
      return now.last_reload?.status === 'rejected' ? now : undefined;
    });
    assert.deepEqual([status.hash, status.since], [before.hash, before.since]);
    assert.equal(status.last_reload!.problems![0]!.line, line);
    await eventually('a line in the log', () =>
      gateway.output.includes(`config.yaml:${line}:`) && gateway.output.includes('did you mean \\"price\\"')
        ? true
        : undefined,
    );
    assert.equal(await providerOf(await chat()), 'one');
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /^tollgate_config_last_reload_successful 0$/m);
    const told = await reloadByApi(gateway);
    assert.equal(told.status, 422);
    assert.equal(told.body.code, 'config_rejected');
    assert.deepEqual(
      [told.body.errors[0].field, told.body.errors[0].line, told.body.errors[0].column],
      ['models.m.prise', line, 5],
    );
    assert.match(told.body.detail, new RegExp(`config.yaml:${line}:5: models.m.prise: unknown key`));
    await replaceFile(configFile(gateway), original);
    await eventually('the mended file', async () =>
      (await statusOf(gateway)).last_reload?.status === 'rejected' ? undefined : true,
    );
    assert.equal(await providerOf(await chat()), 'one');
  });

  it('that is emptied or gone changes nothing', async () => {
    for (const spoil of [
      () => writeFile(configFile(gateway), ''),
      () => writeFile(configFile(gateway), '\n \n'),
      () => rename(configFile(gateway), `${configFile(gateway)}.away`),
    ]) {
      await spoil();
      const { status, body } = await reloadByApi(gateway);
      assert.equal(status, 422, JSON.stringify(body));
      assert.equal(await providerOf(await chat()), 'one');
    }
  });
});

describe('what a running request has', () => {
  it('a stream whose provider is removed goes on to its end; then the connections go', async () => {
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    two.next(sse(contentChunk('one '), until(finished), contentChunk('two'), 'data: [DONE]\n\n'));
    await editAndWait(gateway, (config) => {
      config.models.other = { targets: [{ provider: 'two', model: 'o' }], price };
    });
    const response = await chat({ model: 'other', stream: true });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? '';
    await editAndWait(gateway, (config) => {
      delete config.providers.two;
      delete config.models.other;
    });
    const refused = await chat({ model: 'other' });
    assert.equal(refused.status, 404);
    await refused.arrayBuffer();
    assert.ok(two.connections > 0);
    finish();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    assert.match(text, /one .*two.*\[DONE\]\n\n$/s);
    await eventually('the connections of the removed provider close', () => (two.connections === 0 ? true : undefined));
    assert.equal((await gateway.entries(response.headers.get('x-request-id')!))[0]!.status, 200);
  });

  it('connections to a provider that stays are kept over a reload', async () => {
    await providerOf(await chat());
    const ports = new Set<number | undefined>();
    one.always([({ socket }) => void ports.add(socket.remotePort), ...sse(contentChunk('x'), 'data: [DONE]\n\n')]);
    for (let i = 0; i < 3; i++) {
      await (await chat({ stream: true })).text();
      await editAndWait(gateway, (config) => {
        config.models[`new-${i}`] = { targets: [{ provider: 'one', model: 'x' }], price };
      });
    }
    one.always();
    assert.equal(ports.size, 1);
  });
});

describe('secrets and the environment', () => {
  it('a changed .env and a changed secret file are read again', async () => {
    const secret = join(gateway.dir, 'upstream.key');
    const dotenv = join(gateway.dir, '.env');
    await writeFile(secret, 'sk-from-file-1\n');
    await writeFile(dotenv, 'OTHER_KEY=sk-from-env-1\n');
    await editAndWait(gateway, (config) => {
      config.providers.one.api_key = { file: 'upstream.key' };
      config.providers.two.api_key = '${OTHER_KEY}';
      config.models.n = { targets: [{ provider: 'two', model: 'n' }], price };
    });
    const sent = async (upstream: FakeUpstream, model: string) => {
      const arrival = upstream.arrival();
      await providerOf(await chat({ model }));
      return (await arrival).headers.authorization;
    };
    assert.equal(await sent(one, 'm'), 'Bearer sk-from-file-1');
    assert.equal(await sent(two, 'n'), 'Bearer sk-from-env-1');
    await changeAndWait(gateway, () => replaceFile(secret, 'sk-from-file-2\n'));
    await changeAndWait(gateway, () => writeFile(dotenv, 'OTHER_KEY=sk-from-env-2\n'));
    assert.equal(await sent(one, 'm'), 'Bearer sk-from-file-2');
    assert.equal(await sent(two, 'n'), 'Bearer sk-from-env-2');
    const shown = JSON.stringify(await gateway.admin('GET', '/config'));
    assert.doesNotMatch(shown + gateway.output, /sk-from-(file|env)/);
  });
});

describe('what has to wait for a restart', () => {
  it('is reported, keeps its value, and does not hold the rest back', async () => {
    await replaceFile(
      configFile(gateway),
      await edited(gateway, (config) => {
        config.server.port = 1;
        config.data_dir = './elsewhere';
        config.redis = { on_failure: 'open' };
        config.database.url = 'postgres://elsewhere/x';
        config.server.body_limit = '1kb';
      }),
    );
    const { status, body } = await reloadByApi(gateway);
    assert.equal(status, 200);
    assert.ok(['reloaded', 'unchanged'].includes(body.status));
    assert.deepEqual([...body.restart].sort(), ['data_dir', 'database.url', 'redis.on_failure', 'server.port']);
    const running = await gateway.admin<Written>('GET', '/config');
    assert.equal(running.server.body_limit, 1024);
    assert.equal(`http://127.0.0.1:${running.server.port}`, gateway.url);
    assert.ok(running.data_dir.endsWith('/data'));
    assert.deepEqual((await statusOf(gateway)).restart, body.restart);
    const large = await chat({ messages: [{ role: 'user', content: 'x'.repeat(2000) }] });
    assert.equal(large.status, 413);
    await large.arrayBuffer();
  });

  it('metrics, the log level, the admin key and trusted proxies need none', async () => {
    const admin = (secret: string) =>
      fetch(`${gateway.url}/admin/v1/config`, { headers: { authorization: `Bearer ${secret}` } });
    const status = async (answer: Promise<Response>) => {
      const response = await answer;
      await response.arrayBuffer();
      return response.status;
    };
    const forwarded = async () => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${narrow}`, 'x-forwarded-for': '203.0.113.7' },
        body: JSON.stringify({ model: 'm', messages }),
      });
      await response.arrayBuffer();
      return response.status;
    };
    const { key: narrow } = await gateway.key({ allowed_ips: ['203.0.113.0/24'] });
    assert.equal(await forwarded(), 403);
    await replaceFile(
      configFile(gateway),
      await edited(gateway, (config) => {
        config.telemetry = { metrics: false, log: { level: 'warn' } };
        config.admin.key = 'another-admin-key-that-is-of-32-characters';
        config.server.trust_proxy = ['127.0.0.0/8'];
      }),
    );
    assert.equal((await reloadByApi(gateway)).status, 200);
    assert.equal(await forwarded(), 200);
    assert.equal(await status(fetch(`${gateway.url}/metrics`)), 404);
    assert.equal(await status(admin(gateway.adminKey)), 401);
    assert.equal(await status(admin('another-admin-key-that-is-of-32-characters')), 200);
    await replaceFile(configFile(gateway), original);
    await eventually('the old admin key', async () =>
      (await status(admin(gateway.adminKey))) === 200 ? true : undefined,
    );
    assert.equal(await status(fetch(`${gateway.url}/metrics`)), 200);
    assert.equal(await forwarded(), 403);
  });
});

describe('the order to reload', () => {
  it('SIGHUP takes the file in', async () => {
    await changeAndWait(gateway, async () => {
      await replaceFile(
        configFile(gateway),
        await edited(gateway, (config) => {
          config.models.m.targets[0].provider = 'two';
        }),
      );
      process.kill(gateway.pid, 'SIGHUP');
    });
    assert.equal(await providerOf(await chat()), 'two');
    await eventually('a line of the signal', () => (gateway.output.includes('"trigger":"signal"') ? true : undefined));
  });

  it('the API answers what changed, once per Idempotency-Key, and the audit log has it', async () => {
    await replaceFile(
      configFile(gateway),
      await edited(gateway, (config) => {
        config.models.m.targets[0].provider = 'two';
      }),
    );
    const first = await reloadByApi(gateway, { 'idempotency-key': 'reload-1' });
    assert.equal(first.status, 200);
    assert.deepEqual(first.body.restart, []);
    const again = await reloadByApi(gateway, { 'idempotency-key': 'reload-1' });
    assert.deepEqual(again.body, first.body);
    assert.equal((await reloadByApi(gateway)).body.status, 'unchanged');
    const { data } = await gateway.admin<Written>('GET', '/audit?action=config.reload&limit=2');
    assert.deepEqual(data[1].detail, first.body);
    const stranger = await fetch(`${gateway.url}/admin/v1/config/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    });
    assert.equal(stranger.status, 401);
    await stranger.arrayBuffer();
  });
});

describe('a mounted configuration', () => {
  it('a symbolic link that is made to lead elsewhere is a change', async () => {
    const { dir } = gateway;
    const second = await edited(gateway, (config) => {
      config.models = { fresh: config.models.m };
    });
    for (const [version, text] of [
      ['..v1', original],
      ['..v2', second],
    ] as const) {
      await mkdir(join(dir, version));
      await writeFile(join(dir, version, 'config.yaml'), text);
    }
    await symlink('..v1', join(dir, '..data'));
    await symlink('..data/config.yaml', join(dir, 'link'));
    await rename(join(dir, 'link'), configFile(gateway));
    await changeAndWait(gateway, async () => {
      await symlink('..v2', join(dir, '..data_tmp'));
      await rename(join(dir, '..data_tmp'), join(dir, '..data'));
    });
    const { data } = await gateway.admin<Written>('GET', '/models');
    assert.equal(data[0].id, 'fresh');
  });
});
