/**
 * Admin writes that are made once however often they are sent. A write with an `Idempotency-Key` claims it in the
 * transaction that does the work; the same write again, also at the same moment and on another replica, waits for that
 * transaction and is answered what it was answered, with `idempotent-replayed: true`. A write that was refused is not
 * remembered. Answers are remembered for a day, without the secret of a new key: a replay has `"key": null`, and whoever
 * lost the first answer rotates the key.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Keys, KeyWrites } from '../../identity/keys.js';
import { hashOf } from '../../identity/secret.js';
import type { Clock } from '../../lib/clock.js';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import { sendRefusal } from './errors.js';

const REMEMBERED_MS = 86_400_000;

export interface Answer {
  readonly status: number;
  readonly body: object;
}

interface Given extends Answer {
  readonly replayed: boolean;
}

export interface Writing {
  readonly keys: Keys;
  readonly clock: Clock;
}

/** Does `work` and sends its answer, or its refusal. */
export async function write(
  { keys, clock }: Writing,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (writes: KeyWrites) => Promise<Result<Answer>>,
): Promise<void> {
  const idempotencyKey = request.headers['idempotency-key'];
  if (idempotencyKey !== undefined && !isSane(idempotencyKey)) return await sendRefusal(reply, notSane);
  const result = await keys.write<Given>(
    request.adminActor,
    (writes) =>
      idempotencyKey === undefined
        ? first(work, writes)
        : once(writes, { key: idempotencyKey, route: routeOf(request), request_hash: bodyHash(request) }, clock, work),
    request.principal.teams,
  );
  if (!result.ok) return await sendRefusal(reply, result.refusal);
  const { status, body, replayed } = result.value;
  if (replayed) reply.header('idempotent-replayed', 'true');
  await reply.code(status).send(body); // a reply is awaited until it is sent
}

async function first(work: (writes: KeyWrites) => Promise<Result<Answer>>, writes: KeyWrites): Promise<Result<Given>> {
  const answer = await work(writes);
  return answer.ok ? ok({ ...answer.value, replayed: false }) : answer;
}

async function once(
  writes: KeyWrites,
  write: { key: string; route: string; request_hash: string },
  clock: Clock,
  work: (writes: KeyWrites) => Promise<Result<Answer>>,
): Promise<Result<Given>> {
  const now = clock.now();
  const prior = await writes.tx.claim(write, now, now - REMEMBERED_MS);
  if (prior) {
    if (prior.request_hash !== write.request_hash) return refused(usedBefore);
    return ok({ status: prior.status, body: prior.body as object, replayed: true });
  }
  const answer = await first(work, writes);
  if (answer.ok) await writes.tx.remember(write, answer.value.status, withoutSecret(answer.value.body));
  return answer;
}

const withoutSecret = (body: object): object => ({
  ...body,
  ...('data' in body && Array.isArray(body.data) && { data: body.data.map(withoutSecret) }),
  ...('key' in body && { key: null }),
  ...('secret' in body && { secret: null }),
  ...('token' in body && { token: null }),
});

const isSane = (key: string | string[]): key is string => typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key);
const notSane = refuse('invalid_value', 'An Idempotency-Key is 1 to 255 printable ASCII characters.', {
  param: 'header.idempotency-key',
});
const usedBefore = refuse(
  'conflict',
  'This Idempotency-Key came with another body before. Take a new one for another write.',
  { param: 'header.idempotency-key' },
);

/** What one user was answered is no answer for another. */
const routeOf = ({ method, url, principal: { user, token, actor } }: FastifyRequest): string =>
  `${user === null && token === null ? '' : `${actor} `}${method} ${url.split('?', 1)[0]}`;
const bodyHash = (request: FastifyRequest): string => hashOf(JSON.stringify(request.body ?? null));
