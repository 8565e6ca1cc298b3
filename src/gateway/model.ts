/** The models of one configuration snapshot, with everything about a target that can be known before a request comes. */
import type { CachePolicy } from '../cache/cache.js';
import type { Price } from '../pricing/price.js';
import type { Adaptor } from '../protocol/adaptor.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { Timeouts } from '../upstream/deadline.js';

export interface Target {
  /** `provider/model`, as entries and headers name it. */
  readonly id: string;
  readonly provider: string;
  /** The model's name at the provider. */
  readonly model: string;
  readonly adaptor: Adaptor;
  /** How the model's tokens are counted. */
  readonly counting: ReturnType<Adaptor['counting']>;
  readonly to: UpstreamCall['to'];
  /** Names and values in turn: the credential, the API version, what the configuration adds. */
  readonly headers: readonly string[];
  /** What it costs at a time; undefined: the target is not served, since that is not known. */
  readonly priceAt: (nowMs: number) => Price | undefined;
  /** Takes credentials and internal hosts out of an upstream's words. */
  readonly clean: (text: string) => string;
}

export interface Model {
  /** The public name. */
  readonly name: string;
  readonly targets: readonly Target[];
  readonly timeouts: Timeouts;
  /** What a target's dialect cannot express is left out instead of refused. */
  readonly dropParams: boolean;
  /** Null: its answers are not cached. */
  readonly cache: CachePolicy | null;
}

export interface Models {
  get(name: string): Model | undefined;
  list(): readonly Model[];
  /** When this snapshot was made, seconds since the Unix epoch. */
  readonly createdS: number;
}
