/**
 * A gateway as a real process, started as users start it: `tollgate serve --config FILE` on a port of its own, with a
 * database of its own. Ready means that `/readyz` said so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch as undiciFetch } from 'undici';
import { stringify } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';
import { endWithTest, hasEnded } from './end-with-test.js';
import { freePort } from './free-port.js';
import { freshDatabase } from './postgres.js';

const build = resolve(import.meta.dirname, '../..');
/** The command itself; a build that is not in `dist/` is started by its own entry. */
export const tollgate =
  build === join(packageRoot, 'dist') ? join(packageRoot, 'bin/tollgate.js') : join(build, 'src/main.js');

/** Node's flags of `npm start`. */
const FLAGS = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { scripts: { start: string } }
).scripts.start.match(/--\S+=\S+/g)!;

export interface GatewayOptions {
  /** Sections of the configuration; `server`, `data_dir`, `admin` and `database` have defaults here. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `postgres` (a fresh database), `embedded`, or the URL of a database that the test owns. */
  readonly database?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs, if not beside the test: what its command line begins with, and its address. */
  readonly inside?: { readonly command: readonly string[]; readonly host: string };
  /** It serves HTTPS, with a certificate of this authority (PEM); `client` is shown to it. */
  readonly https?: { readonly ca: string; readonly client?: { readonly cert: string; readonly key: string } };
}

export interface NewKey {
  readonly id: string;
  /** The secret. */
  readonly key: string;
}

export interface EntryLine {
  readonly id: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly key: string;
  readonly model: string;
  readonly served_model: string | null;
  readonly provider_request_id?: string;
  readonly provider: string;
  readonly target: string;
  readonly status: number;
  readonly error: string | null;
  readonly stream: boolean;
  readonly tokens: Readonly<Record<string, number>>;
  readonly usage_source: string;
  readonly cost_nusd: Readonly<Record<string, number>>;
  readonly cost_usd: string;
  readonly first_byte_ms: number | null;
  readonly duration_ms: number;
  readonly estimate?: string;
  readonly flags?: readonly string[];
  readonly corrects?: string;
  readonly correction?: string;
}

export interface Gateway {
  readonly url: string;
  readonly adminKey: string;
  readonly databaseUrl: string | undefined;
  readonly dir: string;
  readonly pid: number;
  /** Everything printed so far, both outputs. */
  readonly output: string;
  /** A call of the admin API; throws unless it answers 2xx. `path` is below `/admin/v1`. */
  admin<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Makes a key; fields over `{name}` as in `POST /admin/v1/keys`. */
  key(fields?: Readonly<Record<string, unknown>>): Promise<NewKey>;
  /** The ledger's entries of a request, once there are at least `atLeast`. */
  entries(requestId: string, atLeast?: number): Promise<EntryLine[]>;
  /** A request of the data plane with a key. */
  chat(
    key: string,
    body: unknown,
    init?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  /** SIGTERM, and waits for the end; answers the exit code. The folder and the database stay until `close`. */
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
  /** Stops, and removes what the gateway left. */
  close(): Promise<void>;
}

const adminKey = 'sk-tg-admin-of-the-tests-0123456789abcdefghijklmnop';

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const dir = await mkdtemp(join(tmpdir(), 'tollgate-e2e-'));
  const kind = options.database ?? 'postgres';
  const fresh = kind === 'postgres' ? await freshDatabase() : undefined;
  const databaseUrl = fresh?.url ?? (kind === 'embedded' ? undefined : kind);
  const file = join(dir, 'config.yaml');
  const { server, ...sections } = options.config;
  const port = (server as { port?: number } | undefined)?.port ?? (await freePort());
  const host = options.inside?.host ?? '127.0.0.1';
  const config = {
    server: { host, port, drain: '0s', ...(server as object | undefined) },
    data_dir: join(dir, 'data'),
    admin: { key: adminKey },
    ...(databaseUrl && { database: { url: databaseUrl } }),
    ...sections,
  };
  await writeFile(file, stringify(config));
  const [command, ...words] = [...(options.inside?.command ?? []), process.execPath, ...FLAGS, tollgate];
  const started = spawn(command!, [...words, 'serve', '--config', file], {
    cwd: dir,
    env: { ...cleanEnv(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = collect(started);
  const end = endingOf(started);
  const url = `${options.https ? 'https' : 'http'}://${host}:${port}`;
  const fetch = fetchWith(options.https);
  const removeAll = async () => {
    await end('SIGKILL');
    await fresh?.drop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await ready(fetch, url, started, printed);
  } catch (error) {
    await removeAll();
    throw error;
  }
  const admin = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  return {
    url,
    adminKey,
    databaseUrl,
    dir,
    pid: started.pid!,
    get output() {
      return printed();
    },
    admin,
    key: (fields = {}) => admin('POST', '/keys', { name: 'test', ...fields }),
    entries: (requestId, atLeast = 1) => entriesOf(admin, requestId, atLeast),
    chat: (key, body, init = {}) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(init.signal && { signal: init.signal }),
      }),
    stop: () => end('SIGTERM'),
    kill9: async () => void (await end('SIGKILL')),
    close: async () => {
      await end('SIGTERM');
      await removeAll();
    },
  };
}

/** The environment without what would reach into a gateway's configuration. */
function cleanEnv(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (
      /^(TOLLGATE_|[A-Za-z]+_PROXY$|[a-z]+_proxy$|DATABASE_URL|REDIS_URL|PORT$|NODE_TEST_CONTEXT|OPENAI_|ANTHROPIC_|OTEL_)/.test(
        name,
      )
    )
      delete env[name];
  }
  return env;
}

function collect(started: ChildProcess): () => string {
  let text = '';
  for (const stream of [started.stdout!, started.stderr!]) {
    stream.setEncoding('utf8');
    stream.on('data', (piece: string) => {
      text += piece;
    });
  }
  return () => text;
}

/** Ends the process with a signal, by force where it takes longer than a graceful stop may; answers the exit code. */
function endingOf(started: ChildProcess): (signal: NodeJS.Signals) => Promise<number | null> {
  const exit = once(started, 'exit');
  const spare = endWithTest(() => started.kill('SIGKILL'));
  return async (signal) => {
    if (!hasEnded(started)) {
      started.kill(signal);
      const late = setTimeout(() => started.kill('SIGKILL'), 20_000);
      await exit;
      clearTimeout(late);
    }
    spare();
    return started.exitCode;
  };
}

type Fetch = typeof globalThis.fetch;

/** The usual one, or one that trusts an authority of the tests. */
function fetchWith(https: GatewayOptions['https']): Fetch {
  if (!https) return globalThis.fetch;
  const dispatcher = new Agent({ connect: { ca: https.ca, ...https.client } });
  return ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as unknown as Fetch;
}

async function ready(fetch: Fetch, url: string, started: ChildProcess, printed: () => string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline && !hasEnded(started)) {
    const answered = await fetch(`${url}/readyz`).catch(() => undefined);
    await answered?.arrayBuffer();
    if (answered?.ok) return;
    await sleep(50);
  }
  throw new Error(`The gateway did not become ready (exit code ${started.exitCode}). It printed:\n${printed()}`);
}

async function entriesOf(
  admin: <T>(method: string, path: string) => Promise<T>,
  requestId: string,
  atLeast: number,
): Promise<EntryLine[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { data } = await admin<{ data: EntryLine[] }>('GET', `/usage?request_id=${encodeURIComponent(requestId)}`);
    if (data.length >= atLeast) return data;
    if (Date.now() > deadline)
      throw new Error(`The ledger has ${data.length} entries of ${requestId}, not ${atLeast}.`);
    await sleep(50);
  }
}

/** The text of an answer as far as it comes: one that is broken off is read to where it breaks. */
export async function textAsFarAsItComes(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const piece of response.body!) text += decoder.decode(piece as Uint8Array, { stream: true });
  } catch {
    // Broken off.
  }
  return text;
}
