/**
 * Who calls a route, and what the upstream is told of them. Everything that is kept by caller (limits, cached answers, the
 * target of a hash) goes by `identity`: a digest of all that the upstream learns, so that two callers that an upstream tells
 * apart are never one here.
 */
import { hash } from 'node:crypto';
import type { Key } from '../identity/key.js';
import type { LimitSpec } from '../lib/limit-spec.js';

export interface Consumer {
  readonly kind: 'key' | 'jwt' | 'introspection' | 'basic' | 'forward' | 'anonymous' | 'none';
  /** How it is named; two callers may have the same name. Empty where nobody was asked. */
  readonly id: string;
  /** Differs wherever anything differs that the upstream learns of the caller. */
  readonly identity: string;
  readonly name: string;
  readonly team: string | null;
  readonly claims: Readonly<Record<string, unknown>>;
  /** A virtual key's own limits, and its team's, count as well. */
  readonly key: Key | null;
  readonly teamLimits: readonly LimitSpec[];
  /** Headers for the upstream, names and values in turn. */
  readonly headers: readonly string[];
}

/** Set by the gateway on every request that it knows the consumer of, and never taken from a client. */
export const CONSUMER_HEADERS = [
  'x-tollgate-consumer',
  'x-tollgate-consumer-name',
  'x-tollgate-auth',
  'x-tollgate-team',
];

const printable = (text: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : encodeURIComponent(text);

interface Told {
  readonly kind: Consumer['kind'];
  readonly id: string;
  readonly name?: string;
  readonly team?: string | null;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: Key;
  readonly teamLimits?: readonly LimitSpec[];
  /** Names and values that go upstream besides. */
  readonly headers?: readonly string[];
  /** What else the upstream learns: of claims that templates send, or of a token that is sent on. */
  readonly learnt?: readonly unknown[];
}

export function consumerOf(told: Told): Consumer {
  const { kind, id, name = id, team = null, claims = {} } = told;
  const headers = [
    ...['x-tollgate-consumer', printable(id)],
    ...(name !== id ? ['x-tollgate-consumer-name', printable(name)] : []),
    ...['x-tollgate-auth', kind],
    ...(team === null ? [] : ['x-tollgate-team', printable(team)]),
    ...(told.headers ?? []).map((text, i) => (i % 2 === 0 ? text : printable(text))),
  ];
  const identity = `${kind}:${hash('sha256', JSON.stringify([id, headers, told.learnt ?? []]), 'base64url')}`;
  return { kind, id, identity, name, team, claims, key: told.key ?? null, teamLimits: told.teamLimits ?? [], headers };
}

export const NOBODY: Consumer = {
  ...{
    kind: 'none',
    id: '',
    identity: 'none',
    name: '',
    team: null,
    claims: {},
    key: null,
    teamLimits: [],
    headers: [],
  },
};
