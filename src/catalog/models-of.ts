/** From a configuration to what the request path serves: providers, connections, credentials and prices joined, once. */

import type { Config, ModelConfig, TargetConfig } from '../config/config.js';
import { failureRuleOf } from '../formats/failure-rules.js';
import { geminiModel } from '../formats/google-gemini/models.js';
import { Guards } from '../guardrails/guards.js';
import type { Embedder } from '../lib/embedder.js';
import { type ProviderSettings, type SettingName, settingForm } from '../lib/provider-settings.js';
import { withoutTrailing } from '../lib/without-trailing.js';
import { encoded } from '../lib/word-text.js';
import { type Limit, limitsInForce } from '../limits/limit.js';
import { contextWindowOf, standingPrice } from '../pricing/catalogue.js';
import { catalogueProvider } from '../pricing/catalogue-provider.js';
import { type Price, writtenPrice, writtenPrices } from '../pricing/price.js';
import { accountLack, baseUrlOf, type Signers } from '../provider/accounts.js';
import type { LocalUpstream, ProviderType } from '../provider/provider-type.js';
import type { Signer } from '../provider/signers.js';
import { RetryBudget } from '../router/retry-budget.js';
import { Rules } from '../router/rules.js';
import type { TargetStates } from '../router/states.js';
import { cleaner } from '../telemetry/redact.js';
import type { PoolLease } from '../upstream/pool.js';
import { abilitiesOf } from './abilities/abilities.js';
import { converseWithStated, dialectOf, factsWithStated, geminiWithStated, withStated } from './abilities/stated.js';
import { type AccountReach, carriersOf } from './carrier.js';
import type { Model, Models, RequestSigning, Target } from './model.js';
import { viaOf } from './via.js';
import { Wildcards } from './wildcards.js';

export interface ModelsDeps {
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly pools: Pick<PoolLease, 'get'>;
  /** What is known of targets; outlives the configuration. */
  readonly states: TargetStates;
  /** Of accounts that sign their requests; outlives the configuration. */
  readonly signers: Signers;
  readonly userAgent: string;
  /** The embedding model of the gateway, as an upstream. */
  readonly localEmbeddings: LocalUpstream;
  /** What `like` compares with; null: such conditions never hold. */
  readonly embedder: Embedder | null;
  readonly nowMs: number;
}

export function modelsOf(config: Config, deps: ModelsDeps): Models {
  const models = new Map<string, Model>();
  const wildcards = new Wildcards();
  const limits = new Map<string, readonly Limit[]>();
  const ofTargets = targetLimits(config, deps.nowMs);
  for (const [label, written] of Object.entries(config.models)) {
    const own = limitsInForce({ kind: 'model', id: label }, written.limits, deps.nowMs);
    limits.set(label, own);
    const { budget } = written.retry;
    const retryBudget = budget === 'off' ? null : new RetryBudget(budget);
    const makers = written.targets.map((target) =>
      targetOf(config, written, target, deps, ofTargets.get(labelOf(target))!),
    );
    const make = (name: string, star: string) =>
      modelOf(
        name,
        label,
        written,
        makers.map((of) => of(star)),
        own,
        retryBudget,
        deps.embedder,
      );
    if (label.includes('*')) wildcards.add(label, make);
    else models.set(label, make(label, ''));
  }
  const list = [...models.values()];
  return {
    get: (name) => models.get(name) ?? wildcards.get(name),
    list: () => list,
    asked: () => wildcards.made(),
    limitsOf: (name) => limits.get(name) ?? (models.get(name) ?? wildcards.get(name))?.limits,
    written: {
      models: Object.keys(config.models),
      targets: Object.values(config.models).flatMap(({ targets }) => targets.map(labelOf)),
    },
    capture: {
      content: config.capture.content,
      byModel: Object.values(config.models).some(({ capture }) => capture !== null),
    },
    guards: new Guards(Object.values(config.guardrails), config.defaults.guards),
    createdS: Math.floor(deps.nowMs / 1000),
  };
}

function modelOf(
  name: string,
  label: string,
  written: ModelConfig,
  targets: readonly Target[],
  limits: readonly Limit[],
  retryBudget: RetryBudget | null,
  embedder: Embedder | null,
): Model {
  const { fallbacks, context_window_fallbacks, content_policy_fallbacks } = written;
  const { keep_alive, first_keep_alive, ...timeouts } = written.timeout;
  return {
    name,
    label,
    route: written.route && new Rules(label, written.route, embedder),
    targets,
    balance: written.balance,
    affinity: written.affinity,
    retry: written.retry,
    retryBudget,
    fallbacks,
    contextWindowFallbacks: context_window_fallbacks,
    contentPolicyFallbacks: content_policy_fallbacks,
    hedgeAfterMs: written.hedge?.after ?? null,
    probe: written.probe,
    refuseEmpty: written.empty_answer === 'fail',
    lone:
      targets.length === 1 &&
      fallbacks.length + context_window_fallbacks.length + content_policy_fallbacks.length === 0,
    turns: { next: 0 },
    timeouts,
    wholeTimeouts: { ...timeouts, first_byte: Number.POSITIVE_INFINITY, idle: Number.POSITIVE_INFINITY },
    keepAlive: { firstMs: orNever(first_keep_alive), silenceMs: orNever(keep_alive) },
    maxOutput: written.max_output,
    limits,
    dropParams: written.drop_params,
    forcedToolChoice: written.forced_tool_choice,
    cache: written.cache,
    capture: written.capture,
    guards: written.guards,
  };
}

/** 0 means never. */
const orNever = (ms: number): number => (ms === 0 ? Number.POSITIVE_INFINITY : ms);

const labelOf = ({ provider, model }: TargetConfig): string => `${provider}/${model}`;

/** The limits of each target, whichever of the models that name it states them. */
function targetLimits(config: Config, nowMs: number): ReadonlyMap<string, readonly Limit[]> {
  const written = new Map<string, TargetConfig['limits'][number][]>();
  for (const { targets } of Object.values(config.models)) {
    for (const target of targets) {
      const label = labelOf(target);
      const known = written.get(label);
      if (known) known.push(...target.limits);
      else written.set(label, [...target.limits]);
    }
  }
  const limits = new Map<string, readonly Limit[]>();
  for (const [label, specs] of written) limits.set(label, limitsInForce({ kind: 'target', id: label }, specs, nowMs));
  return limits;
}

/** Makes the target; `star` stands for the `*` in the name of its model. */
function targetOf(
  config: Config,
  model: ModelConfig,
  written: TargetConfig,
  deps: ModelsDeps,
  limits: readonly Limit[],
): (star: string) => Target {
  const provider = config.providers[written.provider]!;
  const providerType = deps.providers[provider.type]!;
  const base = new URL(baseUrlOf(provider, providerType));
  const free = config.defaults.unpriced === 'free' ? freePrice : undefined;
  const { settings } = provider;
  const stated = provider.api_keys.filter((key) => key !== '');
  const keys = stated.length > 0 ? stated : [''];
  const failures = [...provider.failures.map(failureRuleOf), ...providerType.failures];
  const headersWith = (more: Signer | undefined) =>
    keys.map((key) =>
      Object.entries({
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'accept-encoding': 'identity',
        'user-agent': deps.userAgent,
        ...providerType.auth(key),
        ...more?.(key),
        ...provider.headers,
      }).flat(),
    );
  const headers = headersWith(undefined);
  const local = providerType.local === 'embedding-model' ? deps.localEmbeddings : providerType.local;
  const by = local
    ? { local }
    : {
        connections: deps.pools.get(
          base.origin,
          model.timeout.connect,
          viaOf(base.origin, provider.reach, config.proxies),
        ),
      };
  const reach: AccountReach = {
    to: (path) => ({ ...by, path: pathBelow(base, path) }),
    headers: (more) => (more ? headersWith(more) : headers),
  };
  const signer = deps.signers.of(providerType, provider, base.href);
  const sign: RequestSigning | null =
    signer &&
    ((slot, path, sent, body, nowMs) =>
      signer.headers({ credential: keys[slot]!, host: base.host, path, headers: sent, body, nowMs }));
  const signRefused = () => signer?.refused?.() ?? false;
  const clean = cleaner([
    ...provider.api_keys,
    ...[base.host, base.hostname],
    ...Object.values(provider.headers),
    ...secretsOf(settings),
  ]);
  const label = labelOf(written);
  const place = [base.href, ...Object.entries(provider.headers).flat()].join('\n');
  return (star) => {
    const name = written.model.replace('*', star);
    const id = `${written.provider}/${name}`;
    const catalogueName = catalogueProvider(provider.catalogue, providerType.catalogue, provider.base_url);
    // What is known of the model hangs on its real name.
    const known = written.base_model?.replace('*', star) ?? name;
    const abilities = withStated(abilitiesOf(known), model.abilities);
    const price = standingPrice({
      override: writtenPrices(written.price ?? model.price),
      catalogueName,
      model: known,
      fallback: providerType.free ? [{ input: 0, output: 0 }] : writtenPrices(config.defaults.price),
      nowMs: deps.nowMs,
    });
    return {
      id,
      label,
      word: encoded(id),
      provider: written.provider,
      place,
      host: base.hostname,
      model: name,
      priority: written.priority,
      weight: written.weight,
      state: deps.states.of({
        id,
        label,
        provider: written.provider,
        address: base.href,
        account: signer ? JSON.stringify(settings) : undefined,
        credentials: keys,
        hasCredential: accountLack(provider, providerType) === undefined,
        breaker: model.breaker,
        limits: model.balance === 'usage' ? written.limits : null,
      }),
      providerType,
      failures,
      maxOutput: providerType.maxOutput?.(known) ?? null,
      contextWindow: contextWindowOf(catalogueName, known),
      abilities,
      limits,
      counting: providerType.counting(known),
      carriers: carriersOf(
        providerType,
        { ...provider, baseModel: known },
        reach,
        {
          model: name,
          id,
          dropParams: model.drop_params,
          forcedToolChoice: model.forced_tool_choice,
          abilities,
          stated: model.abilities,
          modelFacts: factsWithStated(providerType.modelFacts?.(known) ?? null, model.abilities),
          converseFacts: converseWithStated(providerType.converseFacts?.(known) ?? null, model.abilities),
          geminiModel: geminiWithStated(geminiModel(known), model.abilities),
          chatDialect: dialectOf(providerType.chatDialect?.(known), abilities, model.abilities, model.drop_params),
          embeddingsDialect: providerType.embeddings ?? null,
          outputField: providerType.outputField?.(known) ?? 'max_tokens',
          maxOutput: providerType.maxOutput?.(known) ?? null,
          asksUsage: provider.usage === null ? providerType.asksUsage !== false : provider.usage === 'ask',
          atVertex: providerType.atVertex ?? false,
          mostInputs: mostInputsOf(providerType, known),
        },
        provider.pass_headers,
      ),
      sign,
      signRefused,
      priceAt: free ? (nowMs) => withoutGaps(price(nowMs)) ?? free : price,
      clean,
    };
  };
}

const secretsOf = (settings: ProviderSettings): string[] =>
  Object.entries(settings).flatMap(([name, value]) => (settingForm(name as SettingName).secret ? [value] : []));

const mostInputsOf = ({ mostInputs = Number.POSITIVE_INFINITY }: ProviderType, model: string): number =>
  typeof mostInputs === 'function' ? mostInputs(model) : mostInputs;

const freePrice: Price = { ...writtenPrice({ input: 0, output: 0 }, 'default'), version: 'unpriced' };

/** Where what has no price is free, so is sound. */
const withoutGaps = (price: Price | undefined): Price | undefined =>
  price?.unpriced ? { ...price, unpriced: [] } : price;

/** A base URL may end in what a path begins with, such as `/v1` or `/compatible-mode/v1`: it is not said twice. */
function pathBelow(base: URL, path: string): string {
  const root = withoutTrailing(base.pathname, '/');
  for (let at = 0; at !== -1; at = root.indexOf('/', at + 1)) {
    if (path.startsWith(`${root.slice(at)}/`)) return root.slice(0, at) + path;
  }
  return root + path;
}
