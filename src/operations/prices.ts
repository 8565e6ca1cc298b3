/** The prices in force, as the admin API shows them: US dollars per million tokens, and where each comes from. */

import type { Models } from '../catalog/model.js';
import type { Config } from '../config/config.js';
import { catalogueInForce } from '../pricing/catalogue-in-force.js';
import type { Price, PriceTier } from '../pricing/price.js';
import { writtenPrices } from '../pricing/price.js';

const iso = (ms: number | undefined): string | null =>
  ms === undefined || !Number.isFinite(ms) ? null : new Date(ms).toISOString();

const rates = ({ aboveInputTokens, pico }: PriceTier) => ({
  above_input_tokens: aboveInputTokens,
  ...Object.fromEntries(Object.entries(pico).map(([kind, rate]) => [kind, rate / 1e6])),
});

function shown(price: Price) {
  return {
    version: price.version,
    source: price.source,
    from: iso(price.fromMs),
    until: iso(price.untilMs),
    rates: price.tiers.map(rates),
    service_tiers: Object.fromEntries(
      Object.entries(price.services ?? {}).map(([name, tiers]) => [name, tiers.map(rates)]),
    ),
    request_usd: (price.requestNano ?? 0) / 1e9,
    tools_usd: Object.fromEntries(Object.entries(price.toolNano ?? {}).map(([tool, nano]) => [tool, nano / 1e9])),
  };
}

/** Targets that are not served for want of a price, each with its model. */
export const unpricedTargets = (models: Models, nowMs: number): string[] =>
  models
    .list()
    .flatMap(({ name, targets }) =>
      targets.filter((target) => !target.priceAt(nowMs)).map(({ id }) => `${name} (${id})`),
    );

export function describePrices(config: Config, models: Models, nowMs: number) {
  const overrides = Object.entries(config.models).flatMap(([model, { price, targets }]) => [
    ...writtenPrices(price).map((row) => ({ model, target: null, ...written(row) })),
    ...targets.flatMap((target) =>
      writtenPrices(target.price).map((row) => ({
        model,
        target: `${target.provider}/${target.model}`,
        ...written(row),
      })),
    ),
  ]);
  const { version, date, sha256 } = catalogueInForce();
  return {
    currency: 'USD',
    unit: 'million tokens',
    catalogue: version,
    catalogue_date: date,
    catalogue_sha256: sha256,
    data: models.list().flatMap(({ name, targets }) =>
      targets.map((target) => {
        const price = target.priceAt(nowMs);
        return { model: name, target: target.id, price: price ? shown(price) : null };
      }),
    ),
    overrides,
    defaults: writtenPrices(config.defaults.price).map(written),
  };
}

const written = ({ from, ...row }: { readonly from?: number | undefined }) => ({ from: iso(from), price: { ...row } });

export type Prices = ReturnType<typeof describePrices>;
