/**
 * The Helm chart: what Helm renders of it, kept in `test/fixtures/helm`, is held to the types of Kubernetes and to what the gateway
 * needs. Where Helm is installed it renders anew; where it is not, the kept files must be of the chart as it is.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';
import { installedFolder } from '../support/installed-folder.js';
import { onPath } from '../support/packages.js';

const chart = join(packageRoot, 'deploy/helm/tollgate');
const kept = (name: string): string => join(packageRoot, 'test/fixtures/helm', `${name}.yaml`);
const CASES = ['default', 'all', 'least'];

// biome-ignore lint/suspicious/noExplicitAny: what is read of an object of Kubernetes is stated by reading it
type KubernetesObject = any;

const objectsOf = (name: string): KubernetesObject[] =>
  parseAllDocuments(readFileSync(kept(name), 'utf8')).map((document) => document.toJS());
const only = (name: string, kind: string): KubernetesObject => objectsOf(name).find((one) => one.kind === kind);

/** Of all that a rendering is made from. */
const digest = (): string => {
  const hash = createHash('sha256');
  for (const file of readdirSync(chart, { recursive: true, encoding: 'utf8' }).sort()) {
    if (/\.(?:ya?ml|tpl|json)$/.test(file)) hash.update(file).update(readFileSync(join(chart, file)));
  }
  return hash.digest('hex');
};

const render = (name: string): string => {
  const values = join(chart, 'ci', `${name}-values.yaml`);
  const args = [
    'template',
    'tollgate',
    chart,
    '--kube-version',
    '1.31.0',
    '--namespace',
    'gateways',
    '--values',
    values,
  ];
  const { status, stdout, stderr } = spawnSync('helm', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return `# Rendered by Helm from the chart ${digest()}\n${stdout}`;
};

describe('the chart', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-chart-'));
  let kubernetes: (module: string) => Record<string, new (object: object) => { validate(): void }>;
  before(async () => {
    if (process.env['UPDATE_CHART']) for (const name of CASES) writeFileSync(kept(name), render(name));
    kubernetes = createRequire(join(await installedFolder('kubernetes'), 'package.json'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const name of CASES) {
    test(`${name}: what is kept is what Helm makes of it now`, () => {
      const first = readFileSync(kept(name), 'utf8').split('\n', 1)[0];
      assert.equal(
        first,
        `# Rendered by Helm from the chart ${digest()}`,
        'run UPDATE_CHART=1 npm test -- house/chart, with Helm 3',
      );
      if (onPath('helm')) assert.equal(render(name), readFileSync(kept(name), 'utf8'));
    });

    test(`${name}: every object is one that Kubernetes takes`, () => {
      for (const object of objectsOf(name)) {
        if (object.kind === 'ServiceMonitor') continue; // of the Prometheus operator
        const Model = kubernetes(`kubernetes-models/${object.apiVersion}`)[object.kind]!;
        assert.doesNotThrow(() => new Model(object).validate(), `${object.kind} ${object.metadata.name}`);
      }
    });
  }

  test('runs as nobody, with a root that is read-only, a volume for what waits, and time to end', () => {
    for (const name of CASES) {
      const { spec } = only(name, 'StatefulSet');
      const pod = spec.template.spec;
      const [container] = pod.containers;
      assert.deepEqual([pod.securityContext.runAsNonRoot, pod.automountServiceAccountToken], [true, false]);
      assert.equal(pod.securityContext.fsGroup, pod.securityContext.runAsUser);
      const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container.securityContext;
      assert.deepEqual([allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities.drop], [false, true, ['ALL']]);
      assert.ok(
        container.volumeMounts.some((one: KubernetesObject) => one.name === 'data' && one.mountPath === '/app/data'),
      );
      assert.deepEqual(spec.volumeClaimTemplates[0].metadata.name, 'data');
      assert.ok(pod.terminationGracePeriodSeconds >= 52);
      assert.equal(container.readinessProbe.httpGet.path, '/readyz');
      assert.equal(container.livenessProbe.httpGet.path, '/healthz');
      for (const { metadata, spec: service } of objectsOf(name).filter(({ kind }) => kind === 'Service'))
        for (const [label, value] of Object.entries(service.selector))
          assert.equal(spec.template.metadata.labels[label], value, metadata.name);
    }
  });

  test('comes with a configuration that is valid, listens for others and writes to the volume', () => {
    writeFileSync(join(dir, 'config.yaml'), only('default', 'ConfigMap').data['config.yaml']);
    const env = {
      ...{ PATH: process.env['PATH'], DATABASE_URL: 'postgres://me@db/t', REDIS_URL: 'redis://cache' },
      ...{ TOLLGATE_ADMIN_KEY: 'a'.repeat(40), TOLLGATE_SECRETS_KEY: 'b'.repeat(40) },
    };
    const bin = join(packageRoot, 'bin/tollgate.js');
    const { status, stdout } = spawnSync(process.execPath, [bin, 'check', 'config.yaml'], {
      cwd: dir,
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
    assert.match(readFileSync(join(chart, 'Chart.yaml'), 'utf8'), new RegExp(`^appVersion: "?${version}"?$`, 'm'));
    const text: string = only('default', 'ConfigMap').data['config.yaml'];
    assert.match(text, /^server: \{ host: 0\.0\.0\.0, port: 4000 \}$/m);
    assert.match(text, /^data_dir: \/app\/data$/m);
    assert.ok(
      objectsOf('all').some(({ kind }) => kind === 'ServiceMonitor') &&
        !objectsOf('least').some(({ kind }) => kind === 'Ingress'),
    );
  });
});
