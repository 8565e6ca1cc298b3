/** The admin API on a real server on a free port, over memory unless a store is handed in. */
import assert from 'node:assert/strict';
import Fastify, { type FastifyInstance } from 'fastify';
import { type AdminDeps, adminApi } from '../../../src/api/admin/admin-api.js';
import { requestIdOf } from '../../../src/api/call-headers.js';
import { memoryAnswerStore, memoryPurgeStore } from '../../../src/cache/answers-memory.js';
import { openCache } from '../../../src/cache/cache-service.js';
import { LOCAL_MODEL, localEmbedder, localVectors } from '../../../src/cache/semantic/embedder.js';
import { localPrompts } from '../../../src/cache/semantic/prompt-embedder.js';
import { memoryPromptStore } from '../../../src/cache/semantic/prompt-store.js';
import { Scopes } from '../../../src/cache/semantic/scopes.js';
import { type Changes, localChanges } from '../../../src/identity/changes.js';
import type { KeyStore } from '../../../src/identity/key-store.js';
import { createKeys } from '../../../src/identity/keys.js';
import { memoryKeyStore } from '../../../src/identity/keys-memory.js';
import { Passwords } from '../../../src/identity/passwords.js';
import { createLedger, type Ledger } from '../../../src/ledger/ledger.js';
import { memoryLedgerStore } from '../../../src/ledger/ledger-memory.js';
import { ok, refuse, refused } from '../../../src/lib/errors.js';
import { ManualClock } from '../../support/clock.js';

export const ADMIN_KEY = 'the-admin-key-of-these-tests';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an answer it states by reading it
  readonly body: any;
}

export interface AdminServer {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly store: KeyStore;
  readonly ledger: Ledger;
  readonly clock: ManualClock;
  readonly changes: Changes;
  readonly logged: string[];
  /** `body`: an object is sent as JSON, a string or bytes as they are. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export const aModel = {
  ...{ id: 'gpt-4o', balance: 'weighted', healthy: false, targets: [], retry_budget: null },
  ...{ fallbacks: [], context_window_fallbacks: [], content_policy_fallbacks: [] },
};
export const aProvider = {
  ...{ id: 'sandbox', type: 'sandbox', base_url: null, healthy: null, probe: null, credentials: [], targets: [] },
};

export const aRouteTarget = {
  ...{ id: '', weight: 1, healthy: true, breaker: null, attempts: null, failures: null, ready_at: null },
  ...{ in_flight: 0, latency_ms: 0 },
};
export const aTarget = {
  ...{ id: '', provider: 'p', model: 'm', weight: 1, priority: 1, breaker: 'closed', healthy: true, reason: null },
  ...{ ready_at: null, attempts: 0, failures: 0, in_flight: 0, latency_ms: 0 },
};

const unused = async (): Promise<never> => {
  throw new Error('not part of these tests');
};
const inVain = (): never => {
  throw new Error('there are no webhooks here');
};
const noTail: AdminDeps['tail'] = { follow: unused, leave: () => {}, full: false };
const noWebhooks: AdminDeps['webhooks'] = {
  ...{ test: inVain, redeliver: inVain },
  endpoints: { create: inVain, patch: inVain, remove: inVain, rotate: inVain },
  ...{ urlProblem: inVain, wake: () => {} },
  read: { endpoint: inVain, endpoints: inVain, deliveries: inVain, delivery: inVain },
};

export async function adminServer(given: Partial<AdminDeps> & { store?: KeyStore } = {}): Promise<AdminServer> {
  const store = given.store ?? memoryKeyStore();
  const clock = new ManualClock();
  const changes = localChanges();
  const logged: string[] = [];
  const ledger = createLedger({
    store: memoryLedgerStore(),
    clock,
    log: { info: () => {}, error: () => {} },
    batchMs: 1_000_000,
    after: () => () => {},
  });
  const answers = memoryAnswerStore();
  const worker = localVectors(undefined);
  const prompts = memoryPromptStore(answers);
  const cache = await openCache({
    store: answers,
    prompts,
    index: new Scopes({ store: prompts, worker, clock }, () => {}),
    comparer: { objections: async () => [] },
    embedder: localEmbedder(worker, LOCAL_MODEL),
    promptEmbedder: () => localPrompts(localEmbedder(worker, LOCAL_MODEL)),
    random: Math.random,
    purgeStore: memoryPurgeStore(),
    secret: Buffer.from('of the tests'),
    clock,
    memoryBytes: 1_000_000,
    shared: false,
    wanted: () => true,
    onResult: () => {},
    onRejection: () => {},
    onSkip: () => {},
    onVerdict: () => {},
    onError: () => {},
  });
  const app = Fastify({
    logger: { level: 'debug', stream: { write: (line) => void logged.push(line) } },
    routerOptions: { maxParamLength: 1_200 },
    genReqId: ({ headers }) => requestIdOf(headers),
    childLoggerFactory: (logger, { reqId }) => logger.child({ request_id: reqId }),
  });
  await app.register(
    adminApi({
      keys: createKeys({ store, clock, changes }),
      clock,
      ledger,
      cache,
      knowsModel: (name) => name === 'm',
      ...{
        guardrails: () => [],
        workers: async () => [],
        refusals: unused,
        performance: unused,
        keyNames: async () => new Map(),
        keysNamed: async () => [],
        judgeConfig: unused,
        tail: noTail,
      },
      knowsGuard: (name) => name === 'g',
      contents: { find: unused, all: () => assert.fail('not in these tests'), remove: unused },
      flushContent: unused,
      describeConfig: () => ({ server: { port: 4000 } }),
      configState: () => ({ file: 'config.yaml', hash: 'abc', since: clock.now(), restart: [], last: null }),
      readConfig: () => assert.fail('not in these tests'),
      explain: () => assert.fail('not in these tests'),
      authenticator: { authenticate: () => assert.fail('not in these tests') },
      models: () => [aModel],
      providers: () => [aProvider],
      reports: { run: unused },
      prices: () => ({
        currency: 'USD',
        unit: 'million tokens',
        ...{ catalogue: '', catalogue_date: '2026-09-23', catalogue_sha256: null },
        data: [],
        overrides: [],
        defaults: [],
      }),
      catalogue: { update: unused, reset: unused },
      enterOpenings: unused,
      verify: unused,
      reprice: unused,
      limitLevels: async () => ok([]),
      limitNotice: () => undefined,
      added: { change: unused, exclusively: unused, isAdded: () => false, leftOut: () => [] },
      testProvider: unused,
      standing: { ofKeys: async () => new Map(), ofTeams: async () => new Map() },
      setBreaker: () => undefined,
      routes: () => [],
      setRouteBreaker: () => refused(refuse('not_found', 'There are no routes here.')),
      webhooks: noWebhooks,
      adminKey: () => ADMIN_KEY,
      query: async () => [],
      sessionTimes: () => ({ idle: 1_000, longest: 10_000 }),
      oidc: () => null,
      passwords: new Passwords(),
      version: '0.1.0',
      ...given,
    }),
  );
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    app,
    store,
    ledger,
    clock,
    changes,
    logged,
    async call(method, path, body, headers = {}) {
      const raw = typeof body === 'string' || body instanceof Uint8Array;
      const answer = await fetch(`${url}/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${ADMIN_KEY}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
    },
    close: () => app.close(),
  };
}
