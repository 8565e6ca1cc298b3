/** A connection to an upstream of a route that the system gave up: before the request was sent, and after it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.js';
import { type Failure, Forward } from '../../src/routes/forward.js';
import { Deadlines } from '../../src/upstream/deadline.js';
import type { Connections } from '../../src/upstream/http1/connections.js';

const ms = 60_000;
const timeouts = { connect: ms, first_byte: ms, idle: ms, total: ms };

const failureOf = (code: string, sent: boolean): Promise<Failure> =>
  new Promise((resolve) => {
    const wrong = (): never => assert.fail('it was answered');
    const running = { resume: () => {}, abort: () => {} };
    const connections = { request: () => running } as unknown as Connections;
    const request = { method: 'POST', path: '/', headers: [], body: null };
    const receiver = { head: wrong, info: wrong, data: wrong, end: wrong, fail: resolve };
    const forward = new Forward(connections, request, receiver, timeouts, new Deadlines(systemClock));
    if (sent) forward.onSending();
    forward.onError(Object.assign(new Error('x'), { code }));
  });

test('what was sent may not be sent again as if it had never left', async () => {
  for (const code of ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']) {
    assert.equal((await failureOf(code, false)).kind, 'connect', code);
    assert.equal((await failureOf(code, true)).kind, 'timeout', code);
  }
});
