/**
 * Whether what a configuration names is there: the types of providers, and the providers of targets. Looks at the value as it
 * was read, valid or not, so that a misspelt name is told together with a misspelt key.
 */
import { suggestion } from './suggest.js';
import type { Finding } from './validate.js';

/** The provider types that there are; `catalogue` is a type's name in the price catalogue, if it has one. */
export type ProviderTypes = Readonly<
  Record<string, { readonly needsBaseUrl: boolean; readonly catalogue?: string | null }>
>;

export function checkReferences(config: unknown, types: ProviderTypes): Finding[] {
  const findings: Finding[] = [];
  const report = (path: Finding['path'], message: string) => void findings.push({ path, part: 'value', message });
  const providers = entriesOf(field(config, 'providers'));

  for (const [name, provider] of providers) {
    const type = field(provider, 'type');
    if (typeof type !== 'string') continue;
    if (!Object.hasOwn(types, type)) {
      report(['providers', name, 'type'], `there is no provider type "${type}"${suggestion(type, Object.keys(types))}`);
    } else if (types[type]!.needsBaseUrl && !field(provider, 'base_url')) {
      report(['providers', name, 'base_url'], `is missing: a provider of type ${type} needs it`);
    }
  }

  const names = providers.map(([name]) => name);
  for (const [model, written] of entriesOf(field(config, 'models'))) {
    for (const [i, target] of entriesOf(field(written, 'targets'))) {
      const provider = field(target, 'provider');
      if (typeof provider !== 'string' || names.includes(provider)) continue;
      report(
        ['models', model, 'targets', Number(i), 'provider'],
        `there is no provider "${provider}"${suggestion(provider, names)}`,
      );
    }
  }
  for (const [model, written] of entriesOf(field(config, 'models'))) {
    findings.push(
      ...checkFallbacks(
        model,
        written,
        entriesOf(field(config, 'models')).map(([name]) => name),
      ),
    );
    findings.push(...checkStars(model, written));
  }
  return findings;
}

function checkFallbacks(model: string, written: unknown, models: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  for (const list of ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks']) {
    for (const [i, name] of entriesOf(field(written, list))) {
      if (typeof name !== 'string') continue;
      const path = ['models', model, list, Number(i)];
      const known = models.some((one) => one === name || matchesPattern(one, name));
      if (name === model) findings.push({ path, part: 'value', message: 'is the model itself' });
      else if (!known || name.includes('*')) {
        findings.push({ path, part: 'value', message: `there is no model "${name}"${suggestion(name, models)}` });
      }
    }
  }
  return findings;
}

function checkStars(model: string, written: unknown): Finding[] {
  return entriesOf(field(written, 'targets')).flatMap(([i, target]): Finding[] => {
    const name = field(target, 'model');
    if (typeof name !== 'string' || !name.includes('*') || model.includes('*')) return [];
    const path = ['models', model, 'targets', Number(i), 'model'];
    return [
      { path, part: 'value', message: "a `*` here stands for what `*` stands for in the model's name, which has none" },
    ];
  });
}

/** Whether `name` is one of those that `pattern` with one `*` stands for. */
function matchesPattern(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1 || name.length < pattern.length) return false;
  return name.startsWith(pattern.slice(0, star)) && name.endsWith(pattern.slice(star + 1));
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
export const entriesOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);
export const field = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
