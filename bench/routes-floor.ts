/** The limit of the language for a proxy: bare `node:http` over undici's dispatch, streaming. A process of its own. */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(process.argv[2]!, { connections: null, pipelining: 1 });
const ENDS_HERE = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host', 'te', 'expect']);

const server = createServer((request, response) => {
  const headers: string[] = [];
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) if (!ENDS_HERE.has(raw[i]!.toLowerCase())) headers.push(raw[i]!, raw[i + 1]!);
  pool.dispatch(
    { method: request.method as 'GET', path: request.url!, headers, body: request.method === 'GET' ? null : request },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, answered) {
        const out: string[] = [];
        for (const name in answered) {
          const value = answered[name];
          if (ENDS_HERE.has(name) || value === undefined) continue;
          for (const one of Array.isArray(value) ? value : [value]) out.push(name, one);
        }
        response.writeHead(status, out);
      },
      onResponseData(controller, chunk) {
        if (response.write(chunk)) return;
        controller.pause();
        response.once('drain', () => controller.resume());
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${(server.address() as { port: number }).port}`));
