/** What reading a configuration needs to know of the types of providers, as plain data: it goes to a thread of its own. */
import type { ProviderTypes } from '../config/references.js';
import type { Endpoint, FormatId } from '../formats/format-id.js';
import { apiFormats } from '../formats/registry.js';
import { credentialRulesOf } from '../provider/accounts.js';
import type { ProviderType } from '../provider/provider-type.js';
import { translatorFor } from '../translate/registry.js';

export const providerTypesOf = (providers: Readonly<Record<string, ProviderType>>): ProviderTypes =>
  Object.fromEntries(
    Object.values(providers).map((type) => {
      const { baseUrl, catalogue, models, free, local, speaks, maySpeak } = type;
      const formats = Object.keys({ ...maySpeak, ...speaks });
      const inProcess = local !== undefined;
      const known = {
        needsBaseUrl: baseUrl === null,
        catalogue,
        models,
        free,
        formats,
        inProcess,
        endpoints: endpointsOf(speaks),
      };
      return [type.type, { ...known, ...credentialRulesOf(type) }];
    }),
  );

/** What can be asked of a provider that speaks these formats, its own or by translation. */
function endpointsOf(speaks: ProviderType['speaks']): Endpoint[] {
  const spoken = new Set(Object.keys(speaks) as FormatId[]);
  return apiFormats.filter(({ id }) => translatorFor(id, spoken)).map(({ endpoint }) => endpoint);
}
