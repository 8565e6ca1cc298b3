/** How an attempt ends where no connection came about in time, whoever gives up first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UpstreamFailure } from '../../src/formats/failure.js';
import { systemClock } from '../../src/lib/clock.js';
import { attempt, type UpstreamCall } from '../../src/upstream/attempt.js';
import { Deadline, Deadlines } from '../../src/upstream/deadline.js';
import type { AnswerHandler } from '../../src/upstream/http1/http-exchange.js';

const forever = Number.POSITIVE_INFINITY;
const timeouts = {
  connect: 17.345190000000002,
  first_byte: forever,
  idle: forever,
  total: forever,
  keep_alive: forever,
};

/** The failure of an attempt whose connections do what is said. */
const failureWhere = (request: (handler: AnswerHandler) => void): Promise<UpstreamFailure> =>
  new Promise((resolve, reject) => {
    const connections = {
      request: (_what: unknown, handler: AnswerHandler) => {
        queueMicrotask(() => request(handler));
        return { resume: () => {}, abort: () => {} };
      },
    };
    const to = { connections, path: '/' } as unknown as UpstreamCall['to'];
    const events = { onHeaders: reject, onData: reject, onEnd: reject, onFailure: resolve };
    attempt({ to, headers: [], body: Buffer.alloc(0), timeouts }, events, new Deadlines(systemClock));
  });

test('a connect time-out has one status, whether the gateway or the system gave up', async () => {
  const ours = await failureWhere(() => {});
  for (const code of ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT']) {
    const theirs = await failureWhere((handler) => handler.onError(Object.assign(new Error('x'), { code })));
    assert.deepEqual([theirs.kind, theirs.status, theirs.deadline], [ours.kind, ours.status, ours.deadline], code);
    assert.equal(theirs.status, 504);
  }
  assert.equal(ours.message, 'The upstream accepted no connection within 17 ms (timeout.connect).');
});

test('a connection that is refused is no time-out', async () => {
  const failure = await failureWhere((handler) =>
    handler.onError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })),
  );
  assert.deepEqual([failure.kind, failure.status], ['connect', undefined]);
});

test('a connection that goes dead once the request was sent is no connection that was never made: the upstream may be at it', async () => {
  for (const code of ['ETIMEDOUT', 'EHOSTUNREACH']) {
    const failure = await failureWhere((handler) => {
      handler.onSending();
      handler.onError(Object.assign(new Error('x'), { code }));
    });
    assert.deepEqual([failure.kind, failure.status, failure.deadline], ['timeout', 504, 'first_byte'], code);
  }
});

test('a deadline can be brought forward, and never put off', () => {
  const told: string[] = [];
  const watched = { onTimeout: (which: string) => void told.push(which) };
  const deadline = new Deadline({ ...timeouts, connect: forever, total: 100 }, watched);
  deadline.check(0);
  deadline.endWithin(1_000);
  deadline.check(99);
  assert.deepEqual(told, []);
  deadline.check(100);
  assert.deepEqual(told, ['total']);
  const other = new Deadline({ ...timeouts, connect: forever, total: 1_000 }, watched);
  other.check(0);
  other.endWithin(50);
  other.check(10);
  other.check(59);
  assert.deepEqual(told, ['total']);
  other.check(60);
  assert.deepEqual(told, ['total', 'total']);
});
