/**
 * A thread that asks a gateway for something small, again and again, and answers it as the upstream too: so that the one who
 * sends and takes large bodies does not keep it waiting. Told `begin`, then `end`: it tells the longest wait.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';

export interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const port = parentPort!;
const ANSWER = JSON.stringify({
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
});
const upstream = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER));
});
upstream.keepAliveTimeout = 60_000;
upstream.listen(0, '127.0.0.1', () => {
  port.postMessage(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`);
});

let running = false;

async function ask({ url, headers, body }: Asked): Promise<void> {
  let worstMs = 0;
  do {
    const from = performance.now();
    await (await fetch(url, { method: 'POST', headers, body })).arrayBuffer();
    worstMs = Math.max(worstMs, performance.now() - from);
    await sleep(5);
  } while (running);
  port.postMessage(worstMs);
}

port.on('message', (message: Asked | 'end') => {
  running = message !== 'end';
  if (message !== 'end') void ask(message);
});
