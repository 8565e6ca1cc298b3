/**
 * An upstream whose streams stay: a first word at once, then another one every ten seconds; what is not streamed is answered at
 * once. A process of its own.
 */
import { createServer, type ServerResponse } from 'node:http';

const WORD_MS = 10_000;
const head = { id: 'c', object: 'chat.completion', created: 1, model: 'm' };
const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
const message = { role: 'assistant', content: 'ok' };
const WHOLE = JSON.stringify({ ...head, choices: [{ index: 0, message, finish_reason: 'stop' }], usage });
const delta = { role: 'assistant', content: 'word ' };
const WORD = `data: ${JSON.stringify({
  ...{ ...head, object: 'chat.completion.chunk' },
  choices: [{ index: 0, delta, finish_reason: null }],
})}\n\n`;

const streams = new Set<ServerResponse>();
setInterval(() => {
  for (const stream of streams) stream.write(WORD);
}, WORD_MS);

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (piece: string) => {
    body += piece;
  });
  request.on('end', () => {
    if (!body.includes('"stream":true'))
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(WHOLE);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(WORD);
    streams.add(response);
    response.on('close', () => streams.delete(response));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 4096, () => console.log(`listening ${(server.address() as { port: number }).port}`));
