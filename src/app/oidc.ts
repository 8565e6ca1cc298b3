/** The part of the composition that asks an issuer of OpenID Connect: by the connections that requests take, through proxies. */
import { viaOf } from '../catalog/via.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { ProxyRules } from '../lib/proxy-rules.js';
import { OidcClient, OidcFault, type OidcFetch } from '../oidc/oidc-client.js';
import { attempt } from '../upstream/attempt.js';
import { Deadlines } from '../upstream/deadline.js';
import { Pools } from '../upstream/pool.js';

const STEP_MS = 5_000;
const ANSWER_MS = 10_000;
const MOST_BYTES = 1024 * 1024;
const NO_REACH = { proxy: null, tls: null, guarded: false };

/** The issuer of the configuration in force; null: nobody signs in by OIDC. */
export function startOidc(inForce: () => { readonly config: Config }, clock: Clock) {
  const pools = new Pools();
  const lease = pools.lease();
  const deadlines = new Deadlines(clock);
  const proxies = () => inForce().config.proxies;
  const fetch = fetchBy(lease, deadlines, proxies);
  let known: { readonly key: string; readonly client: OidcClient } | undefined;
  return {
    current: () => {
      const { oidc } = inForce().config.admin;
      if (!oidc) return null;
      const { issuer, client_id, client_secret, scopes, claims, roles, teams, name, url } = oidc;
      const paths = [claims.role, claims.teams ?? claims.role].map((path) => path.split('.')[0]!);
      const wanted = [...paths, ...(scopes.includes('email') ? ['email'] : [])];
      const settings = { issuer, client_id, client_secret, scopes, wanted };
      const key = JSON.stringify(settings);
      if (known?.key !== key)
        known = { key, client: new OidcClient(settings, { fetch, monotonicMs: () => clock.monotonic() }) };
      const { client } = known;
      return {
        ...{ name, issuer, url, rules: { claims, roles, teams } },
        authorizationUrl: client.authorizationUrl.bind(client),
        claims: client.claims.bind(client),
        endSessionUrl: client.endSessionUrl.bind(client),
      };
    },
    close: () => pools.close(),
  };
}

/** `fetch` for a library that asks an issuer: bounded, without redirects, and told apart where the issuer is away. */
const fetchBy =
  (lease: ReturnType<Pools['lease']>, deadlines: Deadlines, proxies: () => ProxyRules): OidcFetch =>
  (address, { method, headers, body }) => {
    const { origin, pathname, search } = new URL(address);
    const sent = Buffer.from(body === undefined || body === null ? '' : String(body));
    const given = { ...headers, 'accept-encoding': 'identity' };
    return new Promise((resolve, reject) => {
      let head: { readonly status: number; readonly type: string | undefined } | undefined;
      let sizeBytes = 0;
      const pieces: Buffer[] = [];
      const flow = attempt(
        {
          method: method === 'GET' ? 'GET' : 'POST',
          to: { connections: lease.get(origin, STEP_MS, viaOf(origin, NO_REACH, proxies())), path: pathname + search },
          headers: Object.entries(given).flat(),
          body: sent,
          timeouts: { connect: STEP_MS, first_byte: ANSWER_MS, idle: STEP_MS, total: ANSWER_MS },
        },
        {
          onHeaders: (status, its) => {
            head = { status, type: its.get('content-type') };
          },
          onData: (piece) => {
            sizeBytes += piece.length;
            if (sizeBytes <= MOST_BYTES) return void pieces.push(piece);
            flow.abort();
            reject(new OidcFault('invalid', `an answer of the issuer is longer than ${MOST_BYTES} bytes`));
          },
          onEnd: () => {
            const { status, type } = head!;
            const empty = status === 204 || status === 304;
            const answered = type === undefined ? {} : { headers: { 'content-type': type } };
            resolve(new Response(empty ? null : Buffer.concat(pieces), { status, ...answered }));
          },
          onFailure: ({ message }) => reject(new OidcFault('away', message)),
        },
        deadlines,
      );
    });
  };
