/** `tollgate doctor [config]`: looks at all that a gateway needs; each line says that it is well, or what is wrong and what to do. */

import { examine } from '../app/doctor/doctor.js';
import type { Finding } from '../app/doctor/finding.js';
import { version } from '../app/version.js';
import { loadConfig } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import type { ProviderTypes } from '../config/references.js';
import type { ProviderType } from '../provider/provider-type.js';

export interface DoctorArgs {
  readonly config?: string | undefined;
  readonly json: boolean;
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly providerTypes: ProviderTypes;
}

const signs: Readonly<Record<Finding['status'], string>> = { ok: 'ok     ', note: 'note   ', problem: 'PROBLEM' };

/** The exit code: 0, or 1 where something is wrong. */
export async function doctor({ config: named, json, providers, providerTypes }: DoctorArgs): Promise<number> {
  const loaded = loadConfig({ file: named, env: process.env, cwd: process.cwd(), providerTypes });
  const todo = 'Put it right: tollgate check explains the file.';
  const findings: readonly Finding[] = loaded.ok
    ? [
        { check: 'config', status: 'ok', detail: `${loaded.file} is valid` },
        ...(await examine(loaded.config, providers, version)),
      ]
    : loaded.problems.map((one) => ({ check: 'config', status: 'problem', detail: formatProblem(one), todo }));
  const problems = findings.filter(({ status }) => status === 'problem').length;
  if (json) console.log(JSON.stringify({ ok: problems === 0, problems, findings }, null, 2));
  else for (const line of lines(findings, problems)) console.log(line);
  return problems === 0 ? 0 : 1;
}

function lines(findings: readonly Finding[], problems: number): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const shown = findings.flatMap(({ check, status, detail, todo }) => [
    `${signs[status]}  ${check.padEnd(width)}  ${detail}`,
    ...(todo === undefined ? [] : [`${' '.repeat(11 + width)}-> ${todo}`]),
  ]);
  const sum =
    problems === 0 ? 'Nothing is wrong.' : problems === 1 ? 'One thing is wrong.' : `${problems} things are wrong.`;
  return [...shown, '', sum];
}
