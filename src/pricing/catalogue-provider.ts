/**
 * Which provider of the price catalogue an upstream is: the one that the configuration names, else the one that its type always
 * is, else the one whose host its address has. Where models have names of the operator's own (Azure's deployments, Bedrock's
 * profiles) a host tells nothing about prices.
 */
import { findProvider } from '@pydantic/genai-prices';

const hasOwnNames: Readonly<Record<string, true>> = { azure: true, aws: true };
/** Addresses of vendors that the catalogue has under another one. */
const otherHosts: Readonly<Record<string, string>> = {
  'api.together.ai': 'api.together.xyz',
  'api.moonshot.cn': 'api.moonshot.ai',
};

export function catalogueProvider(stated: string | null, ofType: string | null, baseUrl: string | null): string | null {
  if (stated !== null) return stated;
  if (ofType !== null || baseUrl === null) return ofType;
  const { protocol, hostname, pathname } = new URL(baseUrl);
  if (protocol !== 'https:') return null;
  const address = `https://${otherHosts[hostname] ?? hostname}${pathname}`;
  const found = findProvider({ providerApiUrl: address });
  return found && !Object.hasOwn(hasOwnNames, found.id) && coversHost(found.api_pattern, address) ? found.id : null;
}

/** The catalogue's patterns have no end: one that stops within the host would take `api.groq.com.example.org` for Groq. */
function coversHost(pattern: string, address: string): boolean {
  const match = new RegExp(pattern).exec(address);
  if (!match || match.index > 0) return false;
  const rest = address.slice(match[0].length);
  return rest === '' || rest.startsWith('/') || (match[0].endsWith('.') && /^[a-z]{2,6}(\/|$)/.test(rest));
}

/** Whether the catalogue has a provider of exactly that name. */
export const isCatalogueProvider = (name: string): boolean => findProvider({ providerId: name })?.id === name;
