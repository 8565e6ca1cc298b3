/** What is asked of the providers whose configuration says `health`. */
import type { Config } from '../config/config.js';
import { withoutTrailing } from '../lib/without-trailing.js';
import type { ProviderType } from '../provider/provider-type.js';
import type { ProbeRule, ProbeState } from '../router/probe-state.js';
import type { TargetStates } from '../router/states.js';
import type { Connections } from '../upstream/http1/connections.js';
import type { PoolLease } from '../upstream/pool.js';
import { viaOf } from './via.js';

export interface HealthProbe extends ProbeRule {
  /** The provider's name. */
  readonly provider: string;
  readonly state: ProbeState;
  readonly connections: Connections;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

interface ProbesDeps {
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly pools: Pick<PoolLease, 'get'>;
  readonly states: Pick<TargetStates, 'probe'>;
  readonly userAgent: string;
}

/** The first of a provider's credentials is sent along: most lists of models are for those who have one. */
export function probesOf({ providers, proxies }: Config, { providers: types, pools, states, userAgent }: ProbesDeps) {
  return Object.entries(providers).flatMap(
    ([provider, { type, health, base_url, settings, api_keys, headers, reach }]): HealthProbe[] => {
      const { baseUrl, auth, local } = types[type]!;
      const written = base_url ?? (typeof baseUrl === 'function' ? baseUrl(settings) : baseUrl);
      if (!health || written === null || local) return [];
      const base = new URL(written);
      const { path, interval, timeout, unhealthy_after, healthy_after } = health;
      const sent = { accept: 'application/json', 'user-agent': userAgent, ...auth(api_keys[0] ?? ''), ...headers };
      return [
        {
          provider,
          state: states.probe(provider, base.href),
          connections: pools.get(base.origin, timeout, viaOf(base.origin, reach, proxies)),
          path: pathOf(base, path),
          headers: Object.entries(sent).flat(),
          intervalMs: interval,
          timeoutMs: timeout,
          ...{ unhealthy_after, healthy_after },
        },
      ];
    },
  );
}

/** A base URL may end in `/v1`, and what tells of health often lies beside that. */
const pathOf = ({ pathname }: URL, path: string): string => withoutTrailing(pathname, '/').replace(/\/v1$/, '') + path;
