/** The way to a provider: a proxy, and the certificates that it is spoken to with. */
import type { ProviderReach } from '../config/outbound.js';
import { type ProxyRules, proxyOf } from '../lib/proxy-rules.js';
import type { Via } from '../upstream/http1/connections.js';

/** Undefined: straight, with the usual authorities. */
export function viaOf(origin: string, { proxy, tls }: ProviderReach, proxies: ProxyRules): Via | undefined {
  const through = proxy === null ? proxyOf(origin, proxies) : proxy === 'none' ? null : proxy;
  if (through === null && tls === null) return undefined;
  const { ca, cert, key, server_name } = tls ?? { ca: null, cert: null, key: null, server_name: null };
  const shown = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(server_name === null ? {} : { servername: server_name }),
  };
  return { proxy: through, tls: shown };
}
