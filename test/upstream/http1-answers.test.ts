/**
 * Answers as an upstream may send them, over real sockets: whole, byte by byte and cut at every place, what is refused, and
 * what is left of the connection afterwards.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Connections } from '../../src/upstream/http1/connections.js';
import type { HttpRequest } from '../../src/upstream/http1/request-head.js';
import { bytewise, inPieces, type Scripted, send, startScripted, type Told, turn, until } from '../support/http1.js';

let server: Scripted;
let connections: Connections;

before(async () => {
  server = await startScripted();
});
after(() => server.stop());
afterEach(() => connections?.destroy());

const fresh = (): Connections => {
  connections?.destroy();
  connections = new Connections({ origin: server.origin, connectMs: 5_000 });
  return connections;
};

type Ending = 'stays' | 'ends' | 'resets';

/** Sends a request that is answered with these pieces. */
async function answered(
  pieces: readonly string[],
  ending: Ending = 'stays',
  request: Partial<HttpRequest> = {},
  over = connections ?? fresh(),
): Promise<Told> {
  server.script = async (socket) => {
    await inPieces(socket, pieces);
    if (ending === 'ends') socket.end();
    if (ending === 'resets') socket.resetAndDestroy();
  };
  const one = send(over, request);
  await one.over;
  return one;
}

const LENGTH =
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello world';
const CHUNKED =
  'HTTP/1.1 206 Partly\r\nTransfer-Encoding: Chunked\r\nTrailer: x-sum\r\n\r\n' +
  '5;name="v;\tw"\r\nhello\r\n01\r\n \r\n5\r\nworld\r\n0;last\r\nX-Sum:  7 \r\nx-b:\r\n\r\n';
const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\nX-Empty:\r\n\r\nhello world';
const INTERIM =
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\nx: y\r\n\r\n';

describe('an answer', () => {
  const kinds: [string, string, Ending, (one: Told) => void][] = [
    [
      'with a length',
      LENGTH,
      'stays',
      (one) => {
        assert.deepEqual(one.events, ['sending', 'head 200', 'data', 'end']);
        assert.deepEqual([one.message, one.body(), one.trailers], ['OK', 'hello world', null]);
        assert.deepEqual(one.headers, ['content-type', 'text/plain', 'content-length', '11', 'x-a', '1', 'x-a', '2']);
      },
    ],
    [
      'in chunks, with extensions and trailers',
      CHUNKED,
      'stays',
      (one) => {
        assert.deepEqual(one.events, ['sending', 'head 206', 'data', 'end']);
        assert.deepEqual([one.message, one.body()], ['Partly', 'hello world']);
        assert.deepEqual(one.trailers, ['x-sum', '7', 'x-b', '']);
      },
    ],
    [
      'that ends with its connection',
      UNTIL_CLOSE,
      'ends',
      (one) => {
        assert.deepEqual(one.events, ['sending', 'head 200', 'data', 'end']);
        assert.deepEqual([one.body(), one.headers], ['hello world', ['x-empty', '']]);
      },
    ],
    [
      'after interim answers that nobody asked for',
      INTERIM + LENGTH,
      'stays',
      (one) => {
        assert.deepEqual(one.events, ['sending', 'info 100', 'info 103', 'info 100', 'head 200', 'data', 'end']);
        assert.deepEqual(one.infos[1], { status: 103, headers: ['link', '</a>'] });
        assert.equal(one.body(), 'hello world');
      },
    ],
    [
      'without a reason, and with bytes outside ASCII',
      'HTTP/1.1 299\r\nx-name: \t M\xfcnchen \t\r\ncontent-length: 0\r\n\r\n',
      'stays',
      (one) => {
        assert.deepEqual(one.events, ['sending', 'head 299', 'end']);
        assert.deepEqual([one.message, one.headers[1]], ['', 'M\xfcnchen']);
      },
    ],
    [
      'of HTTP/1.0',
      'HTTP/1.0 200 Old\r\ncontent-length: 2\r\n\r\nok',
      'stays',
      (one) => assert.deepEqual([one.body(), one.message], ['ok', 'Old']),
    ],
  ];
  for (const [name, bytes, ending, check] of kinds) {
    it(`${name} is the same however it is cut`, async () => {
      fresh();
      check(await answered([bytes], ending));
      check(await answered(bytewise(bytes), ending));
      for (let at = 1; at < bytes.length; at++) check(await answered([bytes.slice(0, at), bytes.slice(at)], ending));
      const reused = ending === 'stays' && !bytes.includes('HTTP/1.0');
      const before = server.opened;
      check(await answered([bytes], ending));
      assert.equal(server.opened - before, reused ? 0 : 1, 'and its connection serves again where it may');
    });
  }

  it('to HEAD, and with 204 and 304, has no body whatever its head says', async () => {
    for (const [method, bytes] of [
      ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n'],
      ['HEAD', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
      ['HEAD', 'HTTP/1.1 200 OK\r\n\r\n'],
      ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
      ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 1234\r\n\r\n'],
    ] as const) {
      const one = await answered([bytes], 'stays', { method }, fresh());
      assert.deepEqual(one.events.slice(2), ['end'], bytes);
    }
  });

  it('is read to its end where many small chunks come at once', async () => {
    const text = Array.from({ length: 5_000 }, (_, i) => `piece ${i};`);
    const bytes = text.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
    const one = await answered(
      [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${bytes}0\r\n\r\n`],
      'stays',
      {},
      fresh(),
    );
    assert.equal(one.body(), text.join(''));
  });

  it('keeps its pieces when the next is read', async () => {
    fresh();
    const many = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (letter) => {
        const one = send(connections, { path: `/${letter}` });
        server.script = (socket, head) => {
          const body = head.charAt(5).repeat(30_000);
          void inPieces(socket, [`HTTP/1.1 200 OK\r\ncontent-length: 30000\r\n\r\n${body.slice(9)}`, body.slice(0, 9)]);
        };
        await one.over;
        return one.body();
      }),
    );
    assert.deepEqual(
      many,
      ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(30_000)),
    );
  });
});

describe('what is not HTTP/1.1 is refused', () => {
  const head = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\nok`;
  const chunks = (text: string) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${text}`;
  const cases: [string, string, string][] = [
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 'BAD_STATUS_LINE'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a version in small letters', 'http/1.1 200 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a line break before it', '\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a status that is no number', 'HTTP/1.1 2x0 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', 'BAD_STATUS_LINE'],
    ['a name with a space', head('x y: 1'), 'BAD_HEADER'],
    ['a space before the colon', head('content-length : 2'), 'BAD_HEADER'],
    ['a header without a name', head(': 1'), 'BAD_HEADER'],
    ['a header without a colon', head('nothing'), 'BAD_HEADER'],
    ['a folded header', head('x: 1\r\n 2'), 'BAD_HEADER'],
    ['a folded first header', head(' x: 1'), 'BAD_HEADER'],
    ['a null byte', head('x: a\0b'), 'BAD_HEADER'],
    ['another control', head('x: a\x1bb'), 'BAD_HEADER'],
    ['a delete', head('x: a\x7fb'), 'BAD_HEADER'],
    ['a bare carriage return', head('x: a\rb: c'), 'BAD_HEADER'],
    ['a bare line feed', head('x: a\nb: c'), 'BAD_HEADER'],
    ['lines that end with a line feed', 'HTTP/1.1 200 OK\nx: a\r\n\r\n', 'BAD_HEADER'],
    ['a control in the reason', 'HTTP/1.1 200 O\x01K\r\n\r\n', 'BAD_HEADER'],
    ['a name outside ASCII', head('n\xe4me: 1'), 'BAD_HEADER'],
    ['two lengths', head('content-length: 2\r\nContent-Length: 2'), 'BAD_LENGTH'],
    ['a list of lengths', head('content-length: 2, 2'), 'BAD_LENGTH'],
    ['a negative length', head('content-length: -2'), 'BAD_LENGTH'],
    ['a length with a sign', head('content-length: +2'), 'BAD_LENGTH'],
    ['a length that is hexadecimal', head('content-length: 0x2'), 'BAD_LENGTH'],
    ['an empty length', head('content-length:'), 'BAD_LENGTH'],
    ['a length that is too long', head('content-length: 1234567890123456'), 'BAD_LENGTH'],
    ['length and coding', head('content-length: 2\r\ntransfer-encoding: chunked'), 'BAD_CODING'],
    ['coding and length', head('transfer-encoding: chunked\r\ncontent-length: 2'), 'BAD_CODING'],
    ['another coding', head('transfer-encoding: gzip'), 'BAD_CODING'],
    ['two codings', head('transfer-encoding: gzip, chunked'), 'BAD_CODING'],
    ['chunked twice', head('transfer-encoding: chunked\r\ntransfer-encoding: chunked'), 'BAD_CODING'],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 'BAD_CODING'],
    ['another protocol that nobody asked for', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n', 'BAD_UPGRADE'],
    ['a head that does not end', `HTTP/1.1 200 OK\r\n${'x: 0123456789\r\n'.repeat(5_000)}`, 'HEADERS_TOO_LARGE'],
    [
      'an interim answer that does not end',
      `HTTP/1.1 100 C\r\n${'x: 0123456789\r\n'.repeat(5_000)}`,
      'HEADERS_TOO_LARGE',
    ],
    ['a large head that ends', `HTTP/1.1 200 OK\r\n${'x: 0123456789\r\n'.repeat(5_000)}\r\n`, 'HEADERS_TOO_LARGE'],
    ['a chunk size that is none', chunks('x\r\n'), 'BAD_CHUNK'],
    ['an empty chunk size', chunks('\r\n'), 'BAD_CHUNK'],
    ['an extension without a size', chunks(';a=b\r\n'), 'BAD_CHUNK'],
    ['a negative chunk size', chunks('-1\r\n'), 'BAD_CHUNK'],
    ['a chunk size with a prefix', chunks('0x1\r\na'), 'BAD_CHUNK'],
    ['a chunk size with a space', chunks('1 \r\na'), 'BAD_CHUNK'],
    ['a chunk size beyond measure', chunks('fffffffffffffff\r\na'), 'BAD_CHUNK'],
    ['a chunk size with too many zeros', chunks('00000000000000001\r\na'), 'BAD_CHUNK'],
    ['a chunk size that ends with a line feed', chunks('1\na'), 'BAD_CHUNK'],
    ['a carriage return within a chunk line', chunks('1\ra'), 'BAD_CHUNK'],
    ['a control in an extension', chunks('1;a=\0\r\na'), 'BAD_CHUNK'],
    ['an extension without end', chunks(`1;${'a'.repeat(20_000)}`), 'BAD_CHUNK'],
    ['extensions that are too large together', chunks(`1;${'a'.repeat(2_000)}\r\nx\r\n`.repeat(9)), 'BAD_CHUNK'],
    ['a chunk that is longer than it says', chunks('1\r\nab\r\n'), 'BAD_CHUNK'],
    ['a chunk without its line break', chunks('1\r\na\n'), 'BAD_CHUNK'],
    ['a last chunk without its line break', chunks('0\r\n\rx'), 'BAD_CHUNK'],
    ['a trailer that is none', chunks('0\r\nx y: 1\r\n\r\n'), 'BAD_HEADER'],
    ['a folded trailer', chunks('0\r\n x: 1\r\n\r\n'), 'BAD_HEADER'],
    ['a trailer with a length', chunks('0\r\ncontent-length: 1\r\n\r\n'), 'BAD_HEADER'],
    ['trailers that do not end', chunks(`0\r\n${'x: 0123456789\r\n'.repeat(5_000)}`), 'HEADERS_TOO_LARGE'],
  ];
  for (const [name, bytes, code] of cases) {
    it(name, async () => {
      for (const pieces of [[bytes], bytes.length < 1_000 ? bytewise(bytes) : bytes.match(/.{1,997}/gs)!]) {
        const one = await answered(pieces, 'stays', {}, fresh());
        assert.equal(one.events.at(-1), `error ${code}`);
        assert.ok(!one.events.includes('end'));
        const heard = one.events.length;
        await until(() => server.open === 0);
        assert.equal(one.events.length, heard, 'nothing is heard after an error');
      }
    });
  }

  it('what came before it was handed on, cut as it may', async () => {
    const bytes = chunks('5\r\nhello\r\nnonsense');
    for (const pieces of [[bytes], bytewise(bytes)]) {
      const one = await answered(pieces, 'stays', {}, fresh());
      assert.deepEqual([one.events.at(-1), one.body()], ['error BAD_CHUNK', 'hello']);
    }
  });
});

describe('an answer that is cut short is never whole', () => {
  for (const ending of ['ends', 'resets'] as const) {
    for (const [kind, bytes] of [
      ['a length', LENGTH],
      ['chunks', CHUNKED],
    ] as const) {
      it(`with ${kind}, when the connection ${ending}`, async () => {
        fresh();
        for (let at = 0; at < bytes.length; at++) {
          const one = await answered(at === 0 ? [] : [bytes.slice(0, at)], ending);
          assert.match(one.events.at(-1)!, /^error (CLOSED|ECONNRESET)$/, `after ${at} bytes`);
          assert.ok(!one.events.includes('end'));
        }
      });
    }
  }

  it('without a length, when the connection is reset', async () => {
    const one = await answered([UNTIL_CLOSE], 'resets', {}, fresh());
    assert.equal(one.events.at(-1), 'error ECONNRESET');
  });
});

describe('a reader that is slow', () => {
  it('holds up the upstream: no more is read than is taken', async () => {
    const size = 30_000_000;
    let written = 0;
    fresh();
    server.script = async (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const piece = Buffer.alloc(100_000, 'a');
      while (written < size) {
        const more = socket.write(piece);
        written += piece.length;
        if (!more) await new Promise((resolve) => socket.once('drain', resolve));
      }
    };
    const one = send(connections);
    let received = 0;
    one.take = (piece) => {
      received += piece.length;
      one.pieces.length = 0;
      return false;
    };
    await until(() => received > 0);
    for (let i = 0; i < 200; i++) await turn();
    assert.ok(received <= 64 * 1024, `${received} bytes were handed on`);
    assert.ok(written < size / 2, `${written} bytes went into the sockets`);
    const before = received;
    one.running.resume();
    await until(() => received > before);
    one.take = (piece) => {
      received += piece.length;
      one.pieces.length = 0;
      return true;
    };
    one.running.resume();
    await one.over;
    assert.deepEqual([received, one.events.at(-1)], [size, 'end']);
  });

  it('that stopped at the last piece leaves a connection that can be used', async () => {
    fresh();
    server.script = (socket) => void socket.write(LENGTH);
    const one = send(connections);
    one.take = () => false;
    await one.over;
    const before = server.opened;
    for (let i = 0; i < 3; i++) assert.equal((await answered([LENGTH])).body(), 'hello world');
    assert.equal(server.opened, before);
  });
});

describe('after abort', () => {
  it('nothing is heard any more, wherever it comes', async () => {
    for (const when of ['sending', 'info 100', 'head 206', 'data']) {
      fresh();
      server.script = (socket) => void socket.write(`HTTP/1.1 100 Continue\r\n\r\n${CHUNKED}`);
      const one = send(connections);
      const { events } = one;
      for (const name of ['onSending', 'onInfo', 'onHead', 'onData'] as const) {
        const original = one[name] as (...args: unknown[]) => unknown;
        (one as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
          const result = original(...args);
          if (events.at(-1) === when) one.running.abort();
          return result;
        };
      }
      await until(() => events.includes(when));
      await until(() => server.open === 0);
      assert.equal(events.at(-1), when);
      one.running.abort();
      one.running.resume();
    }
  });

  it('what a handler throws ends its request and no other', async () => {
    fresh();
    server.script = (socket) => void socket.write(LENGTH);
    const one = send(connections);
    one.onHead = () => {
      throw new Error('broken handler');
    };
    await one.over;
    assert.equal(one.error?.message, 'broken handler');
    assert.equal((await answered([LENGTH])).body(), 'hello world');
  });
});
