/** What makes releases: workflows that are valid and pinned, and the rules of versions and notes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { validateWorkflow } from '@action-validator/core';
import { parse } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');
const folder = '.github/workflows';
const workflows = readdirSync(join(packageRoot, folder)).map((name) => `${folder}/${name}`);

interface Step {
  readonly uses?: string;
  readonly run?: string;
}
interface Job {
  readonly steps?: readonly Step[];
  readonly uses?: string;
  readonly 'timeout-minutes'?: number;
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

describe('the workflows', () => {
  for (const file of workflows) {
    const { permissions, jobs } = parse(read(file)) as Workflow;
    const steps = Object.values(jobs).flatMap(({ steps: some = [] }) => some);

    test(`${file} is a workflow as GitHub takes it`, () => {
      assert.deepEqual(validateWorkflow(read(file)).errors, []);
      assert.deepEqual(permissions, { contents: 'read' }, 'a job that needs more asks for it itself');
      for (const [name, job] of Object.entries(jobs)) assert.ok(job.uses ?? job['timeout-minutes'], `${name} ends`);
    });

    test(`${file} names each action of others by its commit, with the version beside it`, () => {
      const used = read(file).match(/uses: (?!\.\/).*/g) ?? [];
      assert.equal(used.length, steps.filter(({ uses }) => uses).length);
      for (const line of used) assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

    test(`${file} runs files that are there, and puts nothing that others write into a shell`, () => {
      for (const { run = '' } of steps) {
        assert.ok(!/\$\{\{/.test(run), `an expression in a shell: ${run}`);
        for (const [, script] of run.matchAll(/(?:^|\$\(|node )(\.ci\/\S+)/gm))
          assert.ok(statSync(join(packageRoot, script!)).isFile());
      }
    });
  }
});

describe('a release', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-release-'));
  after(() => rmSync(dir, { recursive: true, force: true }));
  const release = (version: string, changelog: string, ...args: string[]) => {
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ version }));
    writeFileSync(join(dir, 'CHANGELOG.md'), changelog);
    const ran = spawnSync(process.execPath, [join(packageRoot, '.ci/release.js'), ...args], {
      cwd: dir,
      encoding: 'utf8',
    });
    return { code: ran.status, told: ran.stdout + ran.stderr };
  };
  const log = (name: string, text: string, open = '') =>
    `# Changelog\n\n## Unreleased\n${open}\n## ${name}\n\n${text}\n\n## 1.4.0 - 2026-01-02\n\n- Old\n`;

  test('has the notes of its chapter', () => {
    assert.deepEqual(release('1.4.1', log('1.4.1 - 2026-02-03', '- Mended'), 'v1.4.1'), {
      code: 0,
      told: '- Mended\n',
    });
  });

  for (const [what, version, changelog, tag, words] of [
    [
      'whose tag is another version',
      '1.4.1',
      log('1.4.1 - 2026-02-03', '- x'),
      'v1.4.2',
      /has the version 1\.4\.1, and the tag is v1\.4\.2/,
    ],
    ['whose tag is no version', '1.4.1', log('1.4.1 - 2026-02-03', '- x'), 'v1.4', /such as v1\.2\.3/],
    ['without a chapter', '1.4.1', log('1.4.2 - 2026-02-03', '- x'), 'v1.4.1', /no chapter '## 1\.4\.1/],
    ['without a date', '1.4.1', log('1.4.1', '- x'), 'v1.4.1', /YYYY-MM-DD/],
    [
      'with changes that are in no chapter',
      '1.4.1',
      log('1.4.1 - 2026-02-03', '- x', '\n- left\n'),
      'v1.4.1',
      /under Unreleased/,
    ],
    [
      'that breaks something',
      '1.5.0',
      log('1.5.0 - 2026-02-03', '### Breaking\n\n- x'),
      'v1.5.0',
      /cannot follow 1\.4\.0/,
    ],
  ] as const) {
    test(`${what} is none`, () => {
      const { code, told } = release(version, changelog, tag);
      assert.equal(code, 1);
      assert.match(told, words);
    });
  }

  test('that breaks something has a new first number, and one to try out is not the latest', () => {
    const breaking = log('2.0.0-rc.1 - 2026-02-03', '### Breaking\n\n- x');
    assert.equal(release('2.0.0-rc.1', breaking, 'v2.0.0-rc.1').code, 0);
    assert.equal(release('2.0.0', breaking, '--dist-tag', 'v2.0.0-rc.1').told, 'next\n');
    assert.equal(release('2.0.0', breaking, '--dist-tag', 'v2.0.0').told, 'latest\n');
  });
});
