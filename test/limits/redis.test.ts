import { limitsContract } from '../contract/limits.js';
import { ManualClock } from '../support/clock.js';
import { type Gateway, openGateway } from '../support/limits-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';

let redis: Promise<TestRedis> | undefined;
const gateways: Gateway[] = [];
let rigs = 0;

limitsContract(
  'Redis with two gateways',
  async (options) => {
    redis ??= startRedis();
    const { url } = await redis;
    const clock = new ManualClock();
    // No failure is wanted here: a slow machine must not look like a Redis that is away.
    const each = { ...options, url, clock, prefix: `{contract-${++rigs}}`, timeoutMs: 5000 };
    const [one, two] = [await openGateway(each), await openGateway(each)];
    gateways.push(one, two);
    return { limits: one.limits, clock, other: two.limits };
  },
  async () => {
    await Promise.all(gateways.map(({ limits }) => limits.close()));
    await (await redis)?.close();
  },
);
