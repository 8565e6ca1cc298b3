/** The way to a provider: a proxy, and the certificates that it is spoken to with. */
import type { ProviderReach } from '../config/outbound.js';
import { type ProxyRules, proxyOf } from '../lib/proxy-rules.js';
import type { Via } from '../upstream/http1/connections.js';

/** Of what the gateway itself asks of others: by the proxies of the environment, with the usual authorities. */
export const STRAIGHT: ProviderReach = { proxy: null, tls: null, guarded: false };

/** Undefined: straight, with the usual authorities. */
export function viaOf(origin: string, { proxy, tls, guarded }: ProviderReach, proxies: ProxyRules): Via | undefined {
  const through = proxy === null ? proxyOf(origin, proxies) : proxy === 'none' ? null : proxy;
  // Through a proxy of the environment it is the proxy that looks names up.
  const guard = guarded && (through === null || through === proxy) ? { guarded } : {};
  if (through === null && tls === null && !guarded) return undefined;
  const { ca, cert, key, server_name } = tls ?? { ca: null, cert: null, key: null, server_name: null };
  const shown = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(server_name === null ? {} : { servername: server_name }),
  };
  return { proxy: through, tls: shown, ...guard };
}
