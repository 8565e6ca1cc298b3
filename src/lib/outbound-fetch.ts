/** `fetch` for what the gateway itself asks of others: through the proxies that the environment names, as providers are reached. */
import { Agent, buildConnector, fetch as fetchWith } from 'undici';
import { type ProxyRules, proxyOf } from './proxy-rules.js';
import { type Connector, throughProxy } from './tunnel.js';

const CONNECT_MS = 10_000;

/** Connects to where it is told, through the proxy that leads there. `direct` makes all other connections. */
export const connectingThrough =
  (proxies: ProxyRules, direct: buildConnector.connector): buildConnector.connector =>
  (options, callback) => {
    const url = new URL(`${options.protocol}//${options.host}`);
    const proxy = proxyOf(url.origin, proxies);
    if (proxy === null) return direct(options, callback);
    const connect = throughProxy(url, { proxy, timeoutMs: CONNECT_MS }, direct as unknown as Connector);
    connect(options, (error, socket) => (socket ? callback(null, socket) : callback(error!, null)));
  };

/** The proxies are asked for with each new connection; one that is kept stays as it was made. */
export function outboundFetch(proxies: () => ProxyRules): typeof fetch {
  const direct = buildConnector({ timeout: CONNECT_MS });
  const dispatcher = new Agent({
    connect: (options, callback) => connectingThrough(proxies(), direct)(options, callback),
  });
  return ((url: string, init?: object) => fetchWith(url, { ...init, dispatcher })) as unknown as typeof fetch;
}
