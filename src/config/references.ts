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
  return findings;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
export const entriesOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);
export const field = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
