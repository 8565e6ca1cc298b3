/**
 * The one way to Redis: one connection on which scripts run in the order in which they were sent. Nothing waits: a command
 * fails at once while there is no connection, and after its time where there is one that does not answer; who asked decides
 * what that means. Behind, the connection is made again for as long as it takes. A command that failed may still have been
 * carried out; scripts are written so that this does no harm.
 */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';

/** What scripts answer: text, whole numbers, lists of them. */
export type RedisReply = string | number | null | readonly RedisReply[];

export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

export const redisScript = (source: string): RedisScript => ({
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

/** Redis did not answer, or not in time. */
export class RedisAway extends Error {}

export interface RedisOptions {
  /** Time to make a connection; 1 second unless told. */
  readonly connectTimeoutMs?: number;
  /** Pause before a connection is made again; 100 ms unless told. */
  readonly retryMs?: number;
  /** Shown by `CLIENT LIST`; `tollgate` unless told. */
  readonly name?: string;
  /** Scripts that Redis is to know before anything is asked. */
  readonly scripts?: readonly RedisScript[];
}

export interface RedisLink {
  /** Connected, and Redis said that it is ready. */
  readonly ready: boolean;
  /** Identity of the server process, new after each of its starts; empty where it does not tell. */
  readonly runId: string;
  /** Runs a script. Rejects with `RedisAway` after `timeoutMs`, or at once without a connection; else with Redis's own error. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
    timeoutMs: number,
  ): Promise<RedisReply>;
  /** Called at each connection once it is ready, and at each loss of one. */
  onChange(listener: (ready: boolean) => void): void;
  /** Drops a connection that does not answer; another one is made. */
  reconnect(): void;
  /** Ends the connection for good. */
  close(): Promise<void>;
}

export function openRedis(url: string, options: RedisOptions = {}): RedisLink {
  const retryMs = options.retryMs ?? 100;
  const redis = new Redis(url, {
    protocol: 2,
    connectionName: options.name ?? 'tollgate',
    connectTimeout: options.connectTimeoutMs ?? 1000,
    retryStrategy: () => retryMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  });
  const listeners: ((ready: boolean) => void)[] = [];
  let ready = false;
  let runId = '';
  const change = (to: boolean) => {
    if (ready === to) return;
    ready = to;
    for (const listener of listeners) listener(to);
  };
  redis.on('error', () => {}); // each loss is told by `close`; an error without a listener would end the process
  redis.on('close', () => change(false));
  let connections = 0;
  redis.on('ready', async () => {
    connections += 1;
    const mine = connections;
    const id = await askRunId(redis);
    for (const { source } of options.scripts ?? []) await redis.script('LOAD', source).catch(() => {});
    if (mine !== connections || redis.status !== 'ready') return;
    runId = id;
    change(true);
  });

  const call = (command: string, args: readonly (string | number)[]) =>
    redis.call(command, ...(args as [string, ...string[]])) as Promise<RedisReply>;

  return {
    get ready() {
      return ready;
    },
    get runId() {
      return runId;
    },
    run(script, keys, args, timeoutMs) {
      if (!ready) return Promise.reject(new RedisAway('no connection to Redis'));
      const rest = [keys.length, ...keys, ...args];
      const answer = call('EVALSHA', [script.sha, ...rest]).catch((error: Error) => {
        if (isReply(error) && error.message.startsWith('NOSCRIPT')) return call('EVAL', [script.source, ...rest]);
        throw error;
      });
      return inTime(answer, timeoutMs);
    },
    onChange(listener) {
      listeners.push(listener);
      if (ready) listener(true);
    },
    reconnect() {
      change(false);
      redis.disconnect(true);
    },
    async close() {
      listeners.length = 0;
      const connected = redis.status !== 'end' && redis.status !== 'reconnecting' && redis.status !== 'close';
      const ended = new Promise<void>((resolve) => redis.once('end', () => resolve()));
      redis.disconnect();
      if (connected) await ended;
    },
  };
}

/** Redis answered, with an error. */
const isReply = (error: Error): boolean => error.name === 'ReplyError';

async function askRunId(redis: Redis): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? '';
  } catch {
    return '';
  }
}

/**
 * A busy process may run the timer before it reads an answer that is there: it is given one more look. Where the process
 * itself stood still, that was not Redis's time: it is given as much again, at most once over.
 */
function inTime(answer: Promise<RedisReply>, timeoutMs: number): Promise<RedisReply> {
  return new Promise((resolve, reject) => {
    const beganMs = performance.now();
    const late = () => reject(new RedisAway(`Redis did not answer within ${timeoutMs} ms`));
    const look = () => setImmediate(late);
    let timer = setTimeout(() => {
      const stoodStillMs = Math.min(timeoutMs, performance.now() - beganMs - timeoutMs);
      if (stoodStillMs < 2) look();
      else timer = setTimeout(look, stoodStillMs);
    }, timeoutMs);
    answer.then(
      (reply) => {
        clearTimeout(timer);
        resolve(reply);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(isReply(error) ? error : new RedisAway(error.message, { cause: error }));
      },
    );
  });
}
