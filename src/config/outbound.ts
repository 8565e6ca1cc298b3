/** How the gateway reaches what is outside: proxies of the environment, and of a provider its own, with its certificates. */
import { NO_PROXIES, type ProxyRules, proxyProblem } from '../lib/proxy-rules.js';
import type { Path } from './problem.js';
import type { WrittenSecret } from './scalars.js';
import { type ProviderTls, providerTlsOf, type TlsFiles } from './tls.js';
import type { WrittenProviderTls } from './tls-schema.js';

export interface ProviderReach {
  /** The URL of a proxy, which may hold a password; `none`: it is reached without one. Null: as the environment says. */
  readonly proxy: string | null;
  readonly tls: ProviderTls | null;
  /** Its address was given by the admin API: names that lead to where clouds keep credentials are refused. */
  readonly guarded: boolean;
}

interface WrittenReach {
  readonly proxy?: WrittenSecret | undefined;
  readonly tls?: WrittenProviderTls | undefined;
}

interface ReachDeps extends TlsFiles {
  readonly secret: (path: Path, value: WrittenSecret) => string;
  readonly guarded: boolean;
}

export function reachOf(at: Path, { proxy, tls }: WrittenReach, deps: ReachDeps): ProviderReach {
  const via = proxy === undefined ? '' : deps.secret([...at, 'proxy'], proxy);
  const problem = via === '' || via === 'none' ? null : proxyProblem(via);
  if (problem !== null) deps.report([...at, 'proxy'], problem);
  return { proxy: via || null, tls: providerTlsOf([...at, 'tls'], tls, deps), guarded: deps.guarded };
}

/** Names in lower case win, as in curl. */
export function proxiesOf(
  env: Readonly<Record<string, string | undefined>>,
  report: (path: Path, message: string) => void,
): ProxyRules {
  const value = (name: string): string => (env[name] || env[name.toUpperCase()] || '').trim();
  const proxy = (name: string): string | null => {
    const from = value(name) === '' ? 'all_proxy' : name;
    const written = value(from);
    if (written === '') return null;
    const url = written.includes('://') ? written : `http://${written}`;
    const problem = proxyProblem(url);
    if (problem === null) return url;
    report([], `the environment's ${from.toUpperCase()}: ${problem}`);
    return null;
  };
  const [http, https] = [proxy('http_proxy'), proxy('https_proxy')];
  return http === null && https === null ? NO_PROXIES : { http, https, except: value('no_proxy') };
}
