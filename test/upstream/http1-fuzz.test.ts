/** Answers that are made up, cut at random and sometimes spoilt: the same every run. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, it } from 'node:test';
import { Connections } from '../../src/upstream/http1/connections.js';
import { ask, inPieces, type Scripted, send, startScripted, until } from '../support/http1.js';

let seed = 20_261_129;
const below = (limit: number): number => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % limit;
};
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;
const letters = (count: number, of = 'abcdefghijklmnopqrstuvwxyz'): string =>
  Array.from({ length: count }, () => of[below(of.length)]).join('');
/** Whatever may stand in a body, line breaks and what looks like HTTP above all. */
const payload = (count: number): string =>
  Array.from({ length: count }, () =>
    pick(['\r\n', '0\r\n\r\n', 'HTTP/1.1 200 OK\r\n', 'a', '\0', '\xff', '5;x', letters(9)]),
  ).join('');

const mixed = (name: string): string =>
  [...name].map((letter) => (below(2) === 0 ? letter.toUpperCase() : letter)).join('');

interface Made {
  readonly bytes: string;
  readonly ends: boolean;
  readonly status: number;
  readonly headers: string[];
  readonly infos: number[];
  readonly body: string;
  readonly trailers: string[] | null;
}

const blanks = (): string => letters(below(3), ' \t');
const fields = (count: number): string[] =>
  Array.from({ length: count }, () => [`x-${letters(1 + below(20))}`, letters(below(12), 'ab;,="\xe9')]).flat();
const written = (pairs: readonly string[]): string =>
  pairs.map((text, i) => (i % 2 === 0 ? `${mixed(text)}:` : `${blanks()}${text}${blanks()}\r\n`)).join('');

function make(): Made {
  const infos = Array.from({ length: pick([0, 0, 0, 1, 3]) }, () => pick([100, 102, 103, 199]));
  const interim = infos.map((status) => `HTTP/1.1 ${status} Wait\r\n${written(fields(below(2)))}\r\n`).join('');
  const status = pick([200, 201, 206, 299, 400, 404, 500, 599]);
  const headers = fields(below(6));
  const body = payload(pick([0, 1, 5, 40]));
  const start = `${interim}HTTP/1.1 ${status} ${letters(below(9))}\r\n`;
  const made = { ends: false, status, infos, body, trailers: null };
  const kind = below(3);
  if (kind === 0) {
    headers.push('content-length', String(body.length));
    return { ...made, headers, bytes: `${start}${written(headers)}\r\n${body}` };
  }
  if (kind === 1) return { ...made, headers, ends: true, bytes: `${start}${written(headers)}\r\n${body}` };
  headers.splice(0, 0, 'transfer-encoding', pick(['chunked', 'Chunked', 'CHUNKED']));
  let chunks = '';
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, 1 + below(60));
    const hex = size.toString(16);
    chunks += `${pick(['', '0', '000'])}${below(2) === 0 ? hex.toUpperCase() : hex}${pick(['', '', ';a', ';a="b\t"'])}\r\n`;
    chunks += `${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  const trailers = below(2) === 0 ? null : fields(1 + below(3));
  const end = `0${pick(['', ';last'])}\r\n${trailers ? written(trailers) : ''}\r\n`;
  return { ...made, headers, trailers, bytes: `${start}${written(headers)}\r\n${chunks}${end}` };
}

function cut(bytes: string): string[] {
  const most = pick([1, 3, 20, 200, 100_000]);
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + below(most);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

let server: Scripted;
let connections: Connections;
before(async () => {
  server = await startScripted();
  connections = new Connections({ origin: server.origin, connectMs: 5_000 });
});
after(async () => {
  connections.destroy();
  await server.stop();
});

it('a good answer arrives as it was made, one after the other on the same connections', async () => {
  let ended = 0;
  for (let i = 0; i < 400; i++) {
    const made = make();
    if (made.ends) ended++;
    server.script = async (socket: Socket) => {
      await inPieces(socket, cut(made.bytes));
      if (made.ends) socket.end();
    };
    const one = await ask(connections);
    const what = JSON.stringify(made);
    assert.equal(one.error, null, what);
    assert.deepEqual([one.status, one.body(), one.trailers], [made.status, made.body, made.trailers], what);
    assert.deepEqual(one.headers, made.headers, what);
    assert.deepEqual(
      one.infos.map(({ status }) => status),
      made.infos,
      what,
    );
  }
  assert.ok(ended > 50);
  assert.ok(server.opened <= ended + 1, 'and no connection was lost on the way');
});

it('one that is spoilt at any place ends once, and the next request has its own answer', async () => {
  let failed = 0;
  for (let i = 0; i < 400; i++) {
    const made = make();
    const at = below(made.bytes.length);
    const junk = pick(['', '\r', '\n', '\0', ' ', ':', '9', 'f', '\r\n', '\r\n\r\n', 'Content-Length: 3\r\n']);
    const spoilt = made.bytes.slice(0, at) + junk + made.bytes.slice(at + below(3));
    server.script = async (socket: Socket) => {
      await inPieces(socket, cut(spoilt));
      socket.end();
    };
    const one = send(connections);
    await one.over;
    await until(() => server.open === 0);
    if (one.error) failed++;
    assert.equal(one.events.filter((event) => /^(end|error|upgrade)/.test(event)).length, 1);
    server.script = (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext');
    assert.equal((await ask(connections)).body(), 'next', JSON.stringify(spoilt));
    assert.match(one.events.at(-1)!, /^(end|error)/, 'nothing came after its end');
  }
  assert.ok(failed > 50, `${failed} of them were refused`);
});
