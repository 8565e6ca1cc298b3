/**
 * Whether what a configuration names is there: the types of providers, and the providers of targets. Looks at the value as it
 * was read, valid or not, so that a misspelt name is told together with a misspelt key.
 */
import { type CredentialRules, type SettingName, settingNames } from '../lib/provider-settings.js';
import { checkGuards } from './guard-references.js';
import { entriesOf, field } from './json-members.js';
import { type Env, type EnvOf, NO_ENV } from './provider-account.js';
import { suggestion } from './suggest.js';
import type { Finding } from './validate.js';

/** What a configuration needs to know of a provider type. */
interface ProviderType extends CredentialRules {
  readonly needsBaseUrl: boolean;
  /** The wire formats that it can be told to speak. */
  readonly formats?: readonly string[];
  /** Its name in the price catalogue, if it has one. */
  readonly catalogue?: string | null;
  /** The only models that it has. */
  readonly models?: readonly string[] | undefined;
  /** It costs nothing unless the configuration says otherwise. */
  readonly free?: boolean | undefined;
  readonly endpoints?: readonly string[];
  /** It answers in the gateway itself. */
  readonly inProcess?: boolean;
}

export type ProviderTypes = Readonly<Record<string, ProviderType>>;

export function checkReferences(config: unknown, types: ProviderTypes, envOf: EnvOf): Finding[] {
  const findings: Finding[] = [];
  const report = (path: Finding['path'], message: string) => void findings.push({ path, part: 'value', message });
  const providers = entriesOf(field(config, 'providers'));

  for (const [name, provider] of providers) {
    const type = field(provider, 'type');
    if (typeof type !== 'string') continue;
    if (!Object.hasOwn(types, type)) {
      report(['providers', name, 'type'], `there is no provider type "${type}"${suggestion(type, Object.keys(types))}`);
      continue;
    }
    if (types[type]!.needsBaseUrl && !field(provider, 'base_url'))
      report(['providers', name, 'base_url'], `is missing: a provider of type ${type} needs it`);
    if (types[type]!.inProcess && field(provider, 'health')) {
      report(
        ['providers', name, 'health'],
        `a provider of type ${type} answers in the gateway itself: there is nothing to probe`,
      );
    }
    findings.push(...checkSettings(name, provider, type, types[type]!, envOf(name)));
    findings.push(...checkSpeaks(name, provider, type, types[type]!));
  }

  const names = providers.map(([name]) => name);
  for (const [model, written] of entriesOf(field(config, 'models'))) {
    for (const [i, target] of entriesOf(field(written, 'targets'))) {
      const provider = field(target, 'provider');
      if (typeof provider !== 'string') continue;
      const at = ['models', model, 'targets', Number(i)];
      if (!names.includes(provider))
        report([...at, 'provider'], `there is no provider "${provider}"${suggestion(provider, names)}`);
      const wrong = unknownModel(typeOf(config, provider, types), field(target, 'model'));
      if (wrong) report([...at, 'model'], wrong);
    }
  }
  const models = entriesOf(field(config, 'models'));
  const modelNames = new Set(models.map(([name]) => name));
  const patterns = [...modelNames].filter((name) => name.includes('*'));
  for (const [model, written] of models) {
    findings.push(...checkFallbacks(model, written, modelNames, patterns));
    findings.push(...checkStars(model, written));
  }
  findings.push(...checkEmbedding(config, types));
  const knowsModel = (name: string) => modelNames.has(name) || patterns.some((one) => matchesPattern(one, name));
  findings.push(...checkGuards(config, knowsModel));
  return findings;
}

/** Settings that the type does not know, that it needs, and credentials of which a part is missing. */
function checkSettings(name: string, provider: unknown, type: string, rules: ProviderType, env: Env): Finding[] {
  const known = rules.settings ?? {};
  const has = (setting: SettingName): boolean => {
    const value = field(provider, setting);
    if (value !== undefined && value !== null && value !== '') return true;
    return known[setting]?.env?.some((variable) => env[variable]) ?? false;
  };
  const at = (setting: string, part: Finding['part'], message: string): Finding => ({
    ...{ path: ['providers', name, setting], part, message },
  });
  const findings = settingNames
    .filter((setting) => field(provider, setting) !== undefined && !known[setting])
    .map((setting) =>
      at(setting, 'key', `a provider of type ${type} has no such setting${knownWords(Object.keys(known))}`),
    );
  for (const setting of settingNames) {
    if (!known[setting]?.required || has(setting)) continue;
    const or = known[setting].env && env !== NO_ENV ? `, here or as ${known[setting].env.join(' or ')}` : '';
    findings.push(at(setting, 'value', `is missing: a provider of type ${type} needs it${or}`));
  }
  const sets = (rules.insteadOfKey ?? []).filter((names) => names.length > 0);
  const stated = (names: readonly SettingName[]) => names.filter((one) => field(provider, one) !== undefined);
  const begun = sets.filter((names) => stated(names).length > 0);
  if (begun.length === 0 || begun.some((names) => names.every(has))) return findings;
  const closest = begun.reduce((a, b) => (stated(b).length > stated(a).length ? b : a));
  const lacking = closest.filter((one) => !has(one));
  return [
    ...findings,
    ...lacking.map((one) => at(one, 'value', `is missing: \`${stated(closest).join('`, `')}\` need it`)),
  ];
}

const knownWords = (names: readonly string[]): string =>
  names.length === 0 ? '' : `; it has ${names.map((name) => `\`${name}\``).join(', ')}`;

function checkSpeaks(name: string, provider: unknown, type: string, { formats = [] }: ProviderType): Finding[] {
  return entriesOf(field(provider, 'speaks')).flatMap(([i, format]): Finding[] => {
    if (typeof format !== 'string' || formats.includes(format)) return [];
    const message = `a provider of type ${type} can speak ${formats.join(', ')}${suggestion(format, formats)}`;
    return [{ path: ['providers', name, 'speaks', Number(i)], part: 'value', message }];
  });
}

function typeOf(config: unknown, provider: string, types: ProviderTypes): ProviderType | undefined {
  const type = field(field(field(config, 'providers'), provider), 'type');
  return typeof type === 'string' && Object.hasOwn(types, type) ? types[type] : undefined;
}

function unknownModel(type: ProviderType | undefined, model: unknown): string | undefined {
  if (!type?.models || typeof model !== 'string' || model.includes('*') || type.models.includes(model))
    return undefined;
  return `this provider has no model "${model}"${suggestion(model, type.models)}`;
}

function checkFallbacks(
  model: string,
  written: unknown,
  models: ReadonlySet<string>,
  patterns: readonly string[],
): Finding[] {
  const findings: Finding[] = [];
  for (const list of ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks']) {
    for (const [i, name] of entriesOf(field(written, list))) {
      if (typeof name !== 'string') continue;
      const path = ['models', model, list, Number(i)];
      const known = models.has(name) || patterns.some((one) => matchesPattern(one, name));
      if (name === model) findings.push({ path, part: 'value', message: 'is the model itself' });
      else if (!known || name.includes('*')) {
        findings.push({ path, part: 'value', message: `there is no model "${name}"${suggestion(name, [...models])}` });
      }
    }
  }
  return findings;
}

/** What embeds prompts for the cache: a model of a provider that has embeddings, or a name under `models`. */
function checkEmbedding(config: unknown, types: ProviderTypes): Finding[] {
  const embedding = field(field(config, 'cache'), 'embedding');
  const [provider, model] = [field(embedding, 'provider'), field(embedding, 'model')];
  if (field(embedding, 'type') !== 'provider' || typeof model !== 'string') return [];
  const at = (key: string, message: string): Finding[] => [
    { path: ['cache', 'embedding', key], part: 'value', message },
  ];
  const embeds = (name: unknown): boolean =>
    typeof name !== 'string' || (typeOf(config, name, types)?.endpoints ?? ['embeddings']).includes('embeddings');
  if (typeof provider === 'string') {
    const names = entriesOf(field(config, 'providers')).map(([name]) => name);
    if (!names.includes(provider))
      return at('provider', `there is no provider "${provider}"${suggestion(provider, names)}`);
    const wrong = unknownModel(typeOf(config, provider, types), model);
    if (wrong) return at('model', wrong);
    return embeds(provider) ? [] : at('provider', 'a provider of this type has no embeddings');
  }
  const models = entriesOf(field(config, 'models'));
  const names = models.map(([name]) => name);
  const known = models.find(([name]) => name === model) ?? models.find(([name]) => matchesPattern(name, model));
  if (!known)
    return at(
      'model',
      `there is no model "${model}"${suggestion(model, names)}; with \`provider\`, name one of its own`,
    );
  if (field(known[1], 'route'))
    return at('model', 'has a `route`: prompts are compared by one model, so name one that has targets');
  const targets = entriesOf(field(known[1], 'targets')).map(([, target]) => field(target, 'provider'));
  return targets.some(embeds) ? [] : at('model', 'none of its targets has embeddings');
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
