/** A virtual key and a team, as the store keeps them. Contract section 5. */
import type { CacheSharing } from '../lib/cache-sharing.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import type { Priority } from '../lib/priority.js';

export interface Key {
  readonly id: string;
  readonly name: string;
  /** The first characters of the secret, for lists: `sk-tg-ab12`. */
  readonly prefix: string;
  readonly team: string | null;
  /** Patterns of model names that the key may use (`gpt-4o*`); null: all. */
  readonly models: readonly string[] | null;
  /** Endpoints that the key may use (`chat`, `embeddings`, ...); null: all. */
  readonly endpoints: readonly string[] | null;
  /** CIDR blocks and addresses that the key may come from; null: anywhere. */
  readonly allowed_ips: readonly string[] | null;
  readonly limits: readonly LimitSpec[];
  /** Limits that hold for each end user of the key. */
  readonly user_limits: readonly LimitSpec[];
  /** Null: as the model says. */
  readonly cache: CacheSharing | null;
  /** Who is still served when the gateway is overloaded. */
  readonly priority: Priority;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Names that its clients may send as `model`, and the models that they stand for. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Whether its prompts and answers are kept; null: it says nothing. */
  readonly capture: CaptureMode | null;
  /** Names of guards that read its requests and their answers, beside all others that are in force. */
  readonly guards: readonly string[];
  /** Milliseconds since the Unix epoch, like all times here. */
  readonly expires_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly blocked_at: number | null;
  readonly revoked_at: number | null;
}

/** A key that stands in no store: the gateway's own, or that of a token. It may do everything that `fields` do not forbid. */
export const unstoredKey = (id: string, fields: Partial<Key>): Key => ({
  id,
  name: id,
  prefix: '',
  team: null,
  models: null,
  endpoints: null,
  allowed_ips: null,
  limits: [],
  user_limits: [],
  cache: null,
  priority: 'normal',
  tags: [],
  metadata: {},
  aliases: {},
  capture: null,
  guards: [],
  expires_at: null,
  created_at: 0,
  updated_at: 0,
  blocked_at: null,
  revoked_at: null,
  ...fields,
});

export interface Team {
  /** The team's name is its id. */
  readonly id: string;
  readonly limits: readonly LimitSpec[];
  /** Limits that hold for each end user of the team, over all its keys. */
  readonly user_limits: readonly LimitSpec[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What the team is billed for a cost, in parts per million of it; null: as it is. */
  readonly markup_ppm: number | null;
  /** For all its keys; a key's own win. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Of all its keys; null: it says nothing. */
  readonly capture: CaptureMode | null;
  /** Of all its keys. */
  readonly guards: readonly string[];
  readonly created_at: number;
  readonly updated_at: number;
  readonly blocked_at: number | null;
}

/** Who is calling: an authenticated key with its team's state. The key of a token's subject is in no store. */
export interface Caller {
  readonly key: Key;
  readonly team: Team | null;
  /** The end user, where a token says so: then a request cannot. */
  readonly user?: string;
}
