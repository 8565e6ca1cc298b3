/**
 * The part of the composition that lets tokens stand in for virtual keys. A reload that changes what claims stand for keeps
 * the issuer's keys and the tokens that were verified; one that changes what a token must be begins anew.
 */
import { STRAIGHT, viaOf } from '../catalog/via.js';
import type { TokensConfig } from '../config/auth.js';
import type { Config } from '../config/config.js';
import type { Authenticator } from '../identity/authenticate.js';
import type { Changes } from '../identity/changes.js';
import type { KeyStore } from '../identity/key-store.js';
import type { Teams } from '../identity/roles.js';
import { createTeamMemory } from '../identity/team-memory.js';
import { callersBy, TokenCallers } from '../identity/token-callers.js';
import { JwtVerifier } from '../jwt/verifier.js';
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Questions } from '../upstream/question.js';

interface TokensDeps {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly keyStore: Pick<KeyStore, 'key' | 'team' | 'withUserLimits'>;
  /** Creates a team; refused where it is there. */
  readonly addTeam: (id: string, subject: string) => Promise<unknown>;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

interface InForce {
  /** What a token must be. */
  readonly rules: string;
  readonly verifier: JwtVerifier;
  readonly callers: TokenCallers;
}

const cause = (error: unknown): { error: string } => ({ error: messageOf(error) });

export function startTokens({ config, authenticator, keyStore, addTeam, changes, clock, log, metrics }: TokensDeps) {
  const onFault = (error: unknown): void => log.error(cause(error), 'team look-up');
  const teams = createTeamMemory({ store: keyStore, changes, clock, onLookupError: onFault });
  const questions = new Questions(clock, (origin) => viaOf(origin, STRAIGHT, config.proxies));
  const creating = new Map<string, Promise<unknown>>();
  /** Once for all who wait; refused where another replica just did. */
  const createTeam = (id: string, subject: string): Promise<unknown> => {
    let making = creating.get(id);
    if (!making) {
      making = addTeam(id, subject).finally(() => creating.delete(id));
      creating.set(id, making);
    }
    return making;
  };
  let inForce: InForce | null = null;

  /** Throws where a key set is none; changes nothing. */
  function prepare(tokens: TokensConfig | null): InForce | null {
    if (!tokens) return null;
    const { issuer, audience, jwks_url, jwks, secret, algorithms, clock_skew } = tokens;
    const must = { issuer, audience, jwks_url, jwks, secret, algorithms, clock_skew };
    const rules = JSON.stringify(must);
    const verifier =
      inForce?.rules === rules
        ? inForce.verifier
        : new JwtVerifier(must, {
            ask: questions.callout,
            clock,
            onFault: (error) => log.warn({ issuer, ...cause(error) }, 'keys of the issuer of tokens'),
          });
    const callers = new TokenCallers({
      ...{ config: tokens, verifier, teams, createTeam, clock },
      onRefused: (reason) => metrics.authFailure(reason),
      onFault,
    });
    return { rules, verifier, callers };
  }

  inForce = prepare(config.auth.jwt);
  return {
    prepare: (next: Config) => prepare(next.auth.jwt),
    take: (prepared: InForce | null): void => {
      inForce = prepared;
    },
    /** Callers of the AI endpoints. */
    callers: callersBy(authenticator, () => inForce?.callers ?? null),
    /** The store, in which the subjects of tokens are keys. */
    withSubjects: {
      key: async (id: string) => inForce?.callers.keyOf(id) ?? keyStore.key(id),
      team: (id: string) => keyStore.team(id),
      withUserLimits: (only: Teams = null) => keyStore.withUserLimits(only),
    },
    close: () => {
      teams.close();
      questions.close();
    },
  };
}
