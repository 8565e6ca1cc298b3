/**
 * The image and the compose file, as far as a machine without a Docker engine can tell: the Dockerfile is carried out in
 * clean folders, instruction by instruction, and what it makes is started and asked for its health.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';
import { freePort } from '../support/free-port.js';
import { freshEnv, repositoryFiles } from '../support/fresh-copy.js';
import { runCommand, startCommand } from '../support/shell.js';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

interface Stage {
  readonly name: string | undefined;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of the Dockerfile, comments left out and continued lines joined. */
function stages(): Stage[] {
  const text = read('Dockerfile')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ');
  const instructions = text.split('\n').flatMap((line): Instruction[] => {
    const match = /^([A-Z]+) (.+)$/.exec(line.trim());
    return match ? [{ name: match[1]!, rest: match[2]! }] : [];
  });
  const found: { name: string | undefined; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.name !== 'FROM') found.at(-1)!.instructions.push(instruction);
    else {
      const [, base, name] = /^(\S+)(?: AS (\S+))?$/.exec(instruction.rest)!;
      found.push({ base: base!, name, instructions: [] });
    }
  }
  return found;
}

const copies = (stage: Stage) =>
  stage.instructions
    .filter(({ name }) => name === 'COPY')
    .map(({ rest }) => {
      const words = rest.split(/\s+/);
      const from = words[0]!.startsWith('--from=') ? words.shift()!.slice('--from='.length) : undefined;
      return { from, sources: words.slice(0, -1), to: words.at(-1)! };
    });

const argv = (stage: Stage, name: string): string[] => {
  const instruction = stage.instructions.findLast((one) => one.name === name)!;
  return JSON.parse(/\[.*\]$/.exec(instruction.rest)![0]) as string[];
};

describe('the Dockerfile', () => {
  const all = stages();
  const image = all.at(-1)!;
  const folders = new Map<Stage, string>();
  after(() => {
    for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('starts from a Node of a line in long-term support, and does not run as root', () => {
    for (const stage of all) assert.equal(stage.base, 'node:24-slim');
    assert.ok(image.instructions.some(({ name, rest }) => name === 'USER' && rest === 'node'));
  });

  it('copies only what is in the repository and not ignored', () => {
    const files = repositoryFiles();
    const ignored = read('.dockerignore').split('\n').filter(Boolean);
    for (const { from, sources } of all.flatMap(copies)) {
      if (from) continue;
      for (const source of sources) {
        const path = source.replace(/^\.\//, '');
        assert.ok(
          files.some((file) => file === path || file.startsWith(`${path}/`)),
          `${source} is not in the repository`,
        );
        assert.ok(!ignored.includes(path), `${source} is ignored`);
      }
    }
    assert.ok(ignored.includes('.env') && ignored.includes('data') && ignored.includes('node_modules'));
  });

  it('builds in a clean folder, and what it makes serves and is healthy', async () => {
    for (const stage of all) {
      const folder = mkdtempSync(join(tmpdir(), 'tollgate-image-'));
      folders.set(stage, folder);
      await build(stage, folder);
    }
    const folder = folders.get(image)!;
    assert.ok(!existsSync(join(folder, 'node_modules/typescript')), 'development dependencies are in the image');
    assert.ok(!existsSync(join(folder, 'dist/test')), 'tests are in the image');
    const env = freshEnv({ ...envOf(image), TOLLGATE_HOST: '127.0.0.1', PORT: String(await freePort()) });
    const running = startCommand(readOnlyRoot(argv(image, 'CMD'), folder), { cwd: folder, env });
    try {
      await running.until(/ready: http/, 60_000);
      assert.equal((await runCommand(argv(image, 'HEALTHCHECK'), { cwd: folder, env })).code, 0);
    } finally {
      await running.end();
    }
    assert.notEqual((await runCommand(argv(image, 'HEALTHCHECK'), { cwd: folder, env })).code, 0, 'dead, and healthy');
  });

  async function build(stage: Stage, folder: string): Promise<void> {
    const copying = copies(stage);
    for (const { name, rest } of stage.instructions) {
      if (name === 'COPY') copy(copying.shift()!, folder);
      if (name !== 'RUN') continue;
      const command = rest.replace(/ && chown node:node \S+/, ''); // the user is the image's own
      const { code, output } = await runCommand(command, { cwd: folder, env: freshEnv() });
      assert.equal(code, 0, `${command}\n${output}`);
    }
  }

  function copy({ from, sources, to }: ReturnType<typeof copies>[number], folder: string): void {
    const origin = from ? folders.get(all.find(({ name }) => name === from)!)! : packageRoot;
    for (const source of sources) {
      const path = from ? source.replace(/^\/app\//, '') : source;
      const target = join(folder, to.endsWith('/') ? join(to, basename(path)) : to);
      if (from) cpSync(join(origin, path), target, { recursive: true });
      else copyTracked(path, target);
    }
  }

  /** What git knows of a file or a folder, as a build from a clean checkout would find it. */
  function copyTracked(path: string, target: string): void {
    for (const file of repositoryFiles()) {
      if (file !== path && !file.startsWith(`${path}/`)) continue;
      const to = join(target, file.slice(path.length));
      mkdirSync(join(to, '..'), { recursive: true });
      cpSync(join(packageRoot, file), to);
    }
  }
});

/** The command with nothing of its own to write to but its volume, as compose and the chart have it; as it is where that needs rights. */
function readOnlyRoot(command: readonly string[], folder: string): readonly string[] {
  const may = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
  if (!may) return command;
  const mounts = [
    'mkdir -p "$0/data"',
    'mount --bind "$0" "$0"',
    'mount --bind "$0/data" "$0/data"',
    'mount -o remount,bind,ro "$0"',
    'cd "$0"',
    'exec "$@"',
  ];
  return ['unshare', '--mount', 'sh', '-c', mounts.join(' && '), folder, ...command];
}

function envOf(stage: Stage): Record<string, string> {
  const pairs = stage.instructions.filter(({ name }) => name === 'ENV').flatMap(({ rest }) => rest.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

describe('docker-compose.yml', () => {
  interface Service {
    readonly image?: string;
    readonly build?: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly depends_on?: readonly string[] | Readonly<Record<string, { condition: string }>>;
    readonly healthcheck?: { readonly test: readonly string[] };
    readonly ports?: readonly string[];
    readonly volumes?: readonly string[];
    readonly read_only?: boolean;
    readonly cap_drop?: readonly string[];
    readonly security_opt?: readonly string[];
  }
  const { services, volumes } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
  };

  it('has two gateways on one Postgres and one Redis, which they wait for', () => {
    const gateways = Object.values(services).filter(({ build }) => build === '.');
    assert.equal(gateways.length, 2);
    for (const { environment, depends_on: needs } of gateways) {
      assert.match(environment!['DATABASE_URL']!, /^postgres:\/\/.*@postgres:5432\//);
      assert.equal(environment!['REDIS_URL'], 'redis://redis:6379');
      assert.deepEqual(needs, { postgres: { condition: 'service_healthy' }, redis: { condition: 'service_healthy' } });
    }
  });

  it('checks the health of everything, pins images, and opens ports to this machine alone', () => {
    for (const [name, { image, build, healthcheck, ports }] of Object.entries(services)) {
      if (!build) assert.ok(healthcheck!.test.length > 1, `${name} has no health check`);
      if (image) assert.match(image, /:[^:]*\d/, `${name} has no version`);
      for (const port of ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
    }
  });

  it('gives gateways a root that is read-only, no rights of root, and a volume for what waits', () => {
    for (const [name, service] of Object.entries(services).filter(([, { build }]) => build === '.')) {
      assert.equal(service.read_only, true);
      assert.deepEqual(service.cap_drop, ['ALL']);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
      assert.deepEqual(service.volumes, [`${name}:/app/data`]);
    }
  });

  it('mounts only what is there', () => {
    for (const { volumes: mounted } of Object.values(services)) {
      for (const mount of mounted ?? []) {
        const source = mount.split(':')[0]!;
        assert.ok(source.startsWith('./') ? existsSync(join(packageRoot, source)) : source in volumes, mount);
      }
    }
  });

  it('gives Prometheus every gateway, and Grafana its data source and dashboard', () => {
    const { scrape_configs: jobs } = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const gateways = Object.keys(services).filter((name) => services[name]!.build === '.');
    assert.deepEqual(
      jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets)),
      gateways.map((name) => `${name}:4000`),
    );
    for (const file of readdirSync(join(packageRoot, 'deploy/grafana/provisioning'), {
      recursive: true,
      encoding: 'utf8',
    })) {
      if (file.endsWith('.yml'))
        assert.equal((parse(read(`deploy/grafana/provisioning/${file}`)) as { apiVersion: number }).apiVersion, 1);
    }
  });
});
