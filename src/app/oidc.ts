/** The part of the composition that asks an issuer of OpenID Connect: by the connections that requests take, through proxies. */
import { STRAIGHT, viaOf } from '../catalog/via.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { OidcClient, OidcFault, type OidcFetch } from '../oidc/oidc-client.js';
import { Questions } from '../upstream/question.js';

const STEP_MS = 5_000;
const ANSWER_MS = 10_000;
const MOST_BYTES = 1024 * 1024;

/** The issuer of the configuration in force; null: nobody signs in by OIDC. */
export function startOidc(inForce: () => { readonly config: Config }, clock: Clock) {
  const questions = new Questions(clock, (origin) => viaOf(origin, STRAIGHT, inForce().config.proxies));
  const fetch = fetchBy(questions);
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
    close: () => questions.close(),
  };
}

/** `fetch` for a library that asks an issuer: bounded, without redirects, and told apart where the issuer is away. */
const fetchBy =
  (questions: Questions): OidcFetch =>
  async (address, { method, headers, body }) => {
    const answer = await questions.ask(new URL(address), {
      method: method === 'GET' ? 'GET' : 'POST',
      headers: Object.fromEntries(Object.entries({ ...headers })),
      body: body === undefined || body === null ? '' : String(body),
      timeouts: { connect: STEP_MS, idle: STEP_MS, total: ANSWER_MS },
      mostBytes: MOST_BYTES,
    });
    if (answer.kind === 'too_long')
      throw new OidcFault('invalid', `an answer of the issuer is longer than ${MOST_BYTES} bytes`);
    if (answer.kind === 'failed') throw new OidcFault('away', answer.failure.message);
    const { status } = answer;
    const type = answer.headers.get('content-type');
    const empty = status === 204 || status === 304;
    return new Response(empty ? null : answer.body, {
      status,
      ...(type !== null && { headers: { 'content-type': type } }),
    });
  };
