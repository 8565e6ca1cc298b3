/** Prices as the gateway would know them: whether every target has one, and how old the catalogue is. */
import type { Config } from '../../config/config.js';
import { lookup, priceFor } from '../../pricing/catalogue.js';
import { catalogueInForce } from '../../pricing/catalogue-in-force.js';
import { catalogueProvider } from '../../pricing/catalogue-provider.js';
import { writtenPrices } from '../../pricing/price.js';
import type { ProviderType } from '../../provider/provider-type.js';
import { type Finding, fine, note, problem } from './finding.js';

const DAY_MS = 86_400_000;
const OLD_DAYS = 120;

export function lookAtPrices(config: Config, types: Readonly<Record<string, ProviderType>>, nowMs: number): Finding[] {
  const unpriced: string[] = [];
  let targets = 0;
  let listed = false;
  for (const [name, model] of Object.entries(config.models)) {
    for (const target of model.targets) {
      const provider = config.providers[target.provider];
      const type = provider && types[provider.type];
      if (!provider || !type || type.free || target.model.includes('*')) continue;
      targets += 1;
      const catalogueName = catalogueProvider(provider.catalogue, type.catalogue, provider.base_url);
      const override = writtenPrices(target.price ?? model.price);
      const price = priceFor({
        ...{ override, catalogueName, model: target.model, nowMs },
        fallback: writtenPrices(config.defaults.price),
      });
      if (!price) unpriced.push(`${name} (${target.provider}/${target.model})`);
      listed ||= override.length === 0 && lookup(catalogueName, target.model, nowMs) !== undefined;
    }
  }
  const found: Finding[] = [];
  if (unpriced.length === 0) found.push(fine('prices', `all ${targets} targets have one`));
  else
    found.push(
      problem(
        'prices',
        `no price, and therefore refused: ${unpriced.slice(0, 20).join(', ')}${unpriced.length > 20 ? ', ...' : ''}`,
        'Set price of the model or defaults.price, name the provider in catalogue, or bring a newer catalogue (tollgate prices update).',
      ),
    );
  return [...found, catalogueAge(nowMs, listed)];
}

/** The one of this version; what a gateway took in since, `tollgate prices show` tells. */
function catalogueAge(nowMs: number, used: boolean): Finding {
  const { version, date } = catalogueInForce();
  const days = Math.floor((nowMs - Date.parse(date)) / DAY_MS);
  const detail = `${version}, ${days} days old`;
  if (days <= OLD_DAYS || !used) return fine('catalogue', detail);
  return note('catalogue', detail, 'Bring a newer one with tollgate prices update, or upgrade.');
}
