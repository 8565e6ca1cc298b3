/** Two gateways behind nginx, one restarted after the other under load: no request fails. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { startNginx, withoutNginx } from '../support/nginx.js';
import { freshDatabase } from '../support/postgres.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json } from '../support/upstream-steps.js';

/** Each takes 12 s: nginx's default passes over a gateway that refused it for 10. */
const RESTARTS = Number(process.env['RESTARTS'] ?? 2);
const CLIENTS = 6;

let upstream: FakeUpstream;
let database: Awaited<ReturnType<typeof freshDatabase>>;

before(async () => {
  upstream = await startUpstream();
  database = await freshDatabase();
});
after(async () => {
  await upstream?.stop();
  await database?.drop();
});

/** The second one has two processes. */
const start = (port: number, at: number): Promise<Gateway> =>
  startGateway({
    database: database.url,
    config: {
      server: { port, drain: '300ms', workers: 1 + at },
      providers: { up: { type: 'openai-compatible', base_url: upstream.url, api_key: 'k' } },
      models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 10 } } },
      routes: [{ name: 'orders', match: { path: '/orders' }, upstream: { targets: [{ url: upstream.url }] } }],
    },
  });

interface Answered {
  readonly status: number;
  /** The gateways that nginx asked, in turn. */
  readonly asked: string;
}

function post(url: string, agent: Agent, key: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.on('error', reject).on('end', () => {
        resolve({ status: response.statusCode!, asked: String(response.headers['x-asked']) });
      });
      response.resume();
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] }));
  });
}

test('no request fails while gateways behind nginx are restarted', { skip: withoutNginx }, async () => {
  const ports = [await freePort(), await freePort()];
  const gateways = await Promise.all(ports.map(start));
  const { key } = await gateways[0]!.key();
  const front = [await freePort(), await freePort()];
  const servers = ports.map((port) => `server 127.0.0.1:${port};`).join(' ');
  const nginx = await startNginx(
    `add_header x-asked $upstream_addr always;
     upstream plain { ${servers} }
     upstream kept { ${servers} keepalive 8; }
     server { listen 127.0.0.1:${front[0]}; location / { proxy_pass http://plain; } }
     server { listen 127.0.0.1:${front[1]};
       location / { proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
    front[0]!,
  );
  upstream.always(() => [...json(200, answer)]);
  const failed: string[] = [];
  const seen = new Map<string, number>();
  let answered = 0;
  let over = false;
  const client = async (at: number): Promise<void> => {
    const agent = new Agent({ keepAlive: at % 2 === 0 });
    const port = front[(at >> 1) % 2]!;
    const path = at % 3 === 0 ? '/orders' : '/v1/chat/completions';
    while (!over) {
      const told = await post(`http://127.0.0.1:${port}${path}`, agent, key).catch((error: Error) => error);
      if (told instanceof Error || told.status !== 200) {
        failed.push(
          told instanceof Error ? `${port}${path} ${told.message}` : `${port}${path} ${JSON.stringify(told)}`,
        );
      } else {
        answered += 1;
        for (const asked of [`${port} ${told.asked}`]) seen.set(asked, (seen.get(asked) ?? 0) + 1);
      }
    }
    agent.destroy();
  };
  /** Both ways through nginx lead to the gateway again. */
  const inUse = async (port: number): Promise<void> => {
    seen.clear();
    const wanted = front.map((through) => `${through} 127.0.0.1:${port}`);
    while (!wanted.every((one) => seen.has(one))) await sleep(20);
  };
  const clients = Array.from({ length: CLIENTS }, (_, at) => client(at));
  try {
    for (const port of ports) await inUse(port);
    // Each is restarted as soon as the other is ready.
    for (let i = 0; i < RESTARTS; i++) {
      const at = i % 2;
      assert.equal(await gateways[at]!.stop(), 0);
      assert.match(gateways[at]!.output, /every connection has ended/);
      await gateways[at]!.close();
      gateways[at] = await start(ports[at]!, at);
      assert.deepEqual(failed, [], `restart ${i + 1}`);
    }
  } finally {
    over = true;
    await Promise.all(clients);
    await nginx.stop();
    for (const gateway of gateways) await gateway.close();
  }
  assert.deepEqual(failed, []);
  assert.ok(answered > RESTARTS * 50, `${answered} answered`);
});

const answer = {
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'done' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
};
