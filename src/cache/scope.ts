/**
 * Who may see an answer, and which request it answers. Everything that can change either is hashed with a secret: the
 * tenant, the resolved model, the whole request, the purge that was newest. A caller can choose none of it freely, and what
 * is hashed is JSON with every part in its own place, so no value can pose as another part.
 */
import { createHmac } from 'node:crypto';
import type { Prompt, Replay } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import { type Share, shares } from './cache.js';
import { canonical, isVast, readsWhole } from './canonical.js';

export interface Asker {
  readonly key: string;
  readonly team: string | null;
  /** When the team was made: a team that is deleted and one that has its name later are two. */
  readonly teamSince: number | null;
  /** The end user of the request; null: none was named. */
  readonly user: string | null;
}

/** What of a request is hashed. `model` stands for the configured name with all it resolves to. */
export interface Asked {
  readonly request: ModelRequest;
  /** How its format tells what of it decides on the answer. */
  readonly replay: Replay<ModelRequest>;
  readonly model: string;
  readonly resolved: readonly string[];
  readonly generation: number;
}

/** Beyond this a request is not cached: hashing it would hold up others. */
const LARGEST_REQUEST_BYTES = 512 * 1024;
const MOST_VALUES = 5_000;

/** With whom answers are shared, as it is hashed. */
export type Tenant = readonly (string | number | null)[];

/** The narrower of two; the key's own setting can narrow what the model's allows and never widen it. */
export function narrower(one: Share, other: Share | null): Share {
  return other !== null && shares.indexOf(other) < shares.indexOf(one) ? other : one;
}

/**
 * With whom answers are shared, as a list for the hash. Null: with nobody, since the one that should be alone with its
 * answers is not named.
 */
export function tenantOf(share: Share, asker: Asker): Tenant | null {
  const team = [asker.team, asker.teamSince];
  if (share === 'team' && asker.team !== null) return ['team', ...team];
  if (share !== 'user') return ['key', asker.key, ...team];
  return asker.user === null ? null : ['user', asker.key, ...team, asker.user];
}

/** Why a request can never be answered from the cache; null: it can. */
export function unfit({ request, replay }: Pick<Asked, 'request' | 'replay'>): string | null {
  if (request.body.length > LARGEST_REQUEST_BYTES || isVast(request.json, MOST_VALUES)) return 'size';
  return replay.unfit(request) ?? (readsWhole(request.body, request.json) ? null : 'ambiguous');
}

export interface Scope {
  /** The identity of the request within its tenant. */
  exactKey(tenant: Tenant, asked: Asked): string;
  /** The partition within which prompts are compared by meaning: all but the prompt. */
  partition(tenant: Tenant, asked: Asked, prompt: Pick<Prompt, 'rest'>, embedding: string): string;
}

export function createScope(secret: Buffer): Scope {
  const hash = (parts: readonly unknown[]): string =>
    createHmac('sha256', secret).update(canonical(parts)).digest('base64url');
  return {
    exactKey: (tenant, asked) =>
      hash([
        'exact/1',
        tenant,
        asked.request.format,
        asked.model,
        asked.resolved,
        asked.generation,
        asked.replay.identity(asked.request),
      ]),
    partition: (tenant, asked, prompt, embedding) =>
      hash([
        'semantic/1',
        tenant,
        asked.request.format,
        asked.model,
        asked.resolved,
        asked.generation,
        embedding,
        prompt.rest,
      ]),
  };
}
