/**
 * What was made is read as a configuration before it is printed. A part that would be refused is taken out and told, by the
 * path of what was imported: a name, an address or a number that LiteLLM takes and we do not. So what is printed always loads.
 */
import { stringify } from 'yaml';
import { readDocument } from '../config/document.js';
import { formatPath, type Path } from '../config/problem.js';
import { checkReferences, type ProviderTypes } from '../config/references.js';
import { resolve } from '../config/resolve.js';
import { checkRoutes } from '../config/routes.js';
import { type Finding, validate } from '../config/validate.js';
import type { Written } from './accounts.js';
import type { Findings } from './findings.js';
import type { Origins } from './origins.js';

export type Yaml = { readonly ok: true; readonly yaml: string } | { readonly ok: false; readonly message: string };

/** Each round takes a layer away: a value, then the target that lacks it, then the model that lacks its target, and so on. */
const MOST_ROUNDS = 20;

export function loadable(config: Written, types: ProviderTypes, findings: Findings, origins: Origins): Yaml {
  // What follows from a part that was taken out is no news: the target without its model, the model without its target.
  const told = new Set<string>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const yaml = stringify(config, { lineWidth: 0, aliasDuplicateObjects: false });
    const wrong = wrongIn(yaml, types);
    if (wrong.length === 0) return { ok: true, yaml };
    const holes = new Set<unknown[]>();
    let taken = 0;
    for (const { path, message } of wrong) {
      const { path: origin, inside } = origins.of(config, path);
      if (!takeOut(config, path, holes)) continue;
      taken++;
      const key = `${origin}\n${formatPath(inside)}`;
      const follows = told.has(key) || (inside.at(-1) === 'targets' && told.has(`${origin}\n`));
      if (!follows) findings.lacks([origin, formatPath(inside)].filter((one) => one !== '').join(' -> '), message);
      for (let length = 0; length <= inside.length; length++)
        told.add(`${origin}\n${formatPath(inside.slice(0, length))}`);
    }
    if (taken === 0) break;
    for (const list of holes) compact(list);
  }
  return { ok: false, message: 'no configuration that loads could be made of it' };
}

function wrongIn(yaml: string, types: ProviderTypes): readonly Finding[] {
  const { value, faults } = readDocument(yaml, {});
  if (faults.length > 0) return faults.map(({ path, message }) => ({ path, message, part: 'value' as const }));
  const references = [...checkReferences(value, types, () => ({})), ...checkRoutes(value)];
  const validated = validate(value);
  if (!validated.ok) return [...validated.findings, ...references];
  if (references.length > 0) return references;
  const read = (): Buffer => {
    throw Object.assign(new Error('not read'), { code: 'ENOENT' });
  };
  const account = { env: {}, envOf: () => ({}), isAdded: () => false };
  const resolved = resolve(validated.written, { baseDir: '/', read, types, ...account });
  return resolved.ok ? [] : resolved.findings;
}

/**
 * Removes what stands at a path; where its last step is missing, what lacks it goes. What went with something else in this
 * round is left alone.
 */
function takeOut(config: Written, path: Path, holes: Set<unknown[]>): boolean {
  // An account without its address would send its key to another one.
  const whole = path[0] === 'providers' && path[2] === 'base_url' ? path.slice(0, 2) : path;
  const parent = whole.slice(0, -1).reduce<unknown>(member, config);
  const step = whole.at(-1);
  if (typeof parent !== 'object' || parent === null || step === undefined) return false;
  if (!Object.hasOwn(parent, step)) return takeOut(config, whole.slice(0, -1), holes);
  if (!Array.isArray(parent)) return delete (parent as Written)[step];
  if (parent[Number(step)] === undefined) return false;
  parent[Number(step)] = undefined;
  holes.add(parent);
  return true;
}

const member = (value: unknown, step: string | number): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? (value as Written)[step] : undefined;

function compact(list: unknown[]): void {
  const kept = list.filter((one) => one !== undefined);
  list.splice(0, list.length, ...kept);
}
