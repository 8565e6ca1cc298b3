/** What of this machine a gateway needs: node, the volume of the spool, its port, and the gateway that may run there already. */
import { existsSync } from 'node:fs';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.js';
import { smallVolume, volumeOf } from '../../ledger/spool-volume.js';
import { messageOf } from '../../lib/thrown.js';
import { ask } from './ask.js';
import { type Finding, fine, note, problem } from './finding.js';

const supported = [20, 22, 24];

export function lookAtVersions(version: string): Finding {
  const detail = `Tollgate ${version}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 18)) return problem('versions', detail, 'Use Node 20.18 or later.');
  if (!supported.includes(major)) return note('versions', `${detail}; tested are ${supported.join(', ')}`);
  return fine('versions', detail);
}

/** Less than this and the spool is full within a moment of an outage. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024;

export async function lookAtDisk({ data_dir: dir, ledger: { max_size: most } }: Config): Promise<Finding> {
  const wrong = (why: string) =>
    problem(
      'disk',
      `data_dir (${dir}) ${why}`,
      'Name a folder in data_dir that this user may write: nothing is served without it.',
    );
  const folder = nearest(dir);
  if (existsSync(dir) && !(await stat(dir)).isDirectory()) return wrong('is no folder');
  const probe = join(folder, `.tollgate-doctor-${process.pid}`);
  try {
    await writeFile(probe, 'x', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    return wrong(`cannot be written: ${messageOf(error)}`);
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
  const volume = await volumeOf(folder);
  const small = smallVolume(most, volume);
  if (small)
    return problem('disk', small.split(': ')[0]!, 'Put data_dir on a larger volume, or lower ledger.max_size.');
  const waiting = await spoolBytes(dir);
  const words = `data_dir ${dir}, ${volume ? `${megabytes(volume.freeBytes)} free, ` : ''}${megabytes(waiting)} in the spool`;
  if (volume && volume.freeBytes < LEAST_FREE_BYTES)
    return problem('disk', words, 'Make room: entries wait there while the database is away.');
  if (volume && volume.freeBytes + waiting < most)
    return note('disk', `${words}; ledger.max_size is ${megabytes(most)}`, 'Make room, or lower ledger.max_size.');
  return fine('disk', words);
}

/** The folder itself, or the nearest above it that there is. */
const nearest = (dir: string): string => (existsSync(dir) || dirname(dir) === dir ? dir : nearest(dirname(dir)));

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MB`;

async function spoolBytes(dir: string): Promise<number> {
  const root = join(dir, 'spool');
  let bytes = 0;
  for (const name of await readdir(root, { recursive: true }).catch(() => []))
    if (name.endsWith('.spool')) bytes += (await stat(join(root, name)).catch(() => ({ size: 0 }))).size;
  return bytes;
}

/** `adminKey`: where it is known here; a gateway tells its details to nobody else. */
export async function lookAtPort(
  { server: { host, port, tls } }: Config,
  version: string,
  adminKey: string | undefined,
): Promise<Finding[]> {
  const shown = `${host}:${port}`;
  const error = await listening(host, port);
  if (error === undefined) return [fine('port', `${shown} is free: no gateway runs there`)];
  if (error === 'EACCES')
    return [problem('port', `${shown} is not allowed to this user`, 'Use a port above 1023 in server.port.')];
  if (error !== 'EADDRINUSE')
    return [problem('port', `${shown} cannot be listened on (${error})`, 'Check server.host and server.port.')];
  const to = ['0.0.0.0', '::', '[::]'].includes(host) ? '127.0.0.1' : host;
  const base = `${tls ? 'https' : 'http'}://${to.includes(':') && !to.startsWith('[') ? `[${to}]` : to}:${port}`;
  const health = await asked(`${base}/readyz`, adminKey);
  if (health === 'wants a certificate')
    return [
      tls?.client_ca
        ? note('port', `a gateway answers at ${shown}, and tells its state to clients with a certificate only`)
        : problem(
            'port',
            `${shown} is in use by something that wants a certificate of its clients`,
            'Stop it, or set another server.port.',
          ),
    ];
  if (health === undefined || typeof health.body['status'] !== 'string')
    return [
      problem('port', `${shown} is in use by something that is no gateway`, 'Stop it, or set another server.port.'),
    ];
  return [fine('port', `a gateway answers at ${shown}`), ...(await ofGateway(base, health, version, adminKey))];
}

function listening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

interface Asked {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Certificates of the gateway of this machine are for the names by which others know it: they are not verified. */
async function asked(url: string, adminKey: string | undefined): Promise<Asked | 'wants a certificate' | undefined> {
  const headers: Record<string, string> = adminKey ? { authorization: `Bearer ${adminKey}` } : {};
  const answer = await ask(new URL(url), headers, { tls: { rejectUnauthorized: false } });
  if ('failed' in answer) return /\(ERR_SSL_\w*ALERT/.test(answer.failed) ? 'wants a certificate' : undefined;
  try {
    return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
  } catch {
    return undefined;
  }
}

async function ofGateway(
  base: string,
  { status, body }: Asked,
  version: string,
  adminKey: string | undefined,
): Promise<Finding[]> {
  const parts = Object.entries((body['parts'] ?? {}) as Record<string, { ok: boolean; detail?: string }>);
  const found: Finding[] = parts.flatMap(([name, { ok, detail = '' }]) =>
    ok ? [] : [problem(`gateway: ${name}`, detail || 'not well', 'Its log says more.')],
  );
  if (status !== 200 && found.length === 0)
    found.push(
      problem(
        'gateway',
        `it says that it is ${String(body['status'])}`,
        'Ask again with its admin key, or see its log.',
      ),
    );
  if (status === 200 && parts.length > 0 && found.length === 0)
    found.push(fine('gateway', parts.map(([name, { detail }]) => (detail ? `${name}: ${detail}` : name)).join('; ')));
  const document = adminKey ? await asked(`${base}/admin/v1/openapi.json`, adminKey) : undefined;
  const info = (typeof document === 'object' ? document.body['info'] : undefined) as { version?: string } | undefined;
  if (info?.version !== undefined && info.version !== version)
    found.push(
      note(
        'gateway',
        `it is version ${info.version}, and this command is ${version}`,
        'Restart it to run this version.',
      ),
    );
  return found;
}
