/** Endpoints and deliveries as the parts of this folder know them. Times are milliseconds since the Unix epoch. */

export interface Endpoint {
  /** `wh_...`; of one in the configuration made from its name or its URL, the same on every replica. */
  readonly id: string;
  readonly source: 'api' | 'config';
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly disabled_at: number | null;
  readonly disabled_reason: string | null;
  /** Failures in a row. */
  readonly failures: number;
  readonly paused_until: number | null;
  /** Until when the secret before the last rotation signs as well; null: it does not. */
  readonly old_secret_ends_at: number | null;
}

/** Secrets as they are stored; null where the configuration has them. */
export interface Sealed {
  readonly secret: Buffer | null;
  readonly old_secret: Buffer | null;
}

/** An endpoint that this process delivers to until its lease ends. */
export interface Claimed extends Sealed {
  readonly id: string;
  readonly source: 'api' | 'config';
  readonly url: string;
  readonly failures: number;
  readonly old_secret_ends_at: number | null;
}

export interface Due {
  /** A whole number in decimal. */
  readonly id: string;
  /** The `webhook-id`. */
  readonly message_id: string;
  readonly body: string;
  readonly attempts: number;
  readonly tries: number;
  readonly expires_at: number;
}

export type DeliveryState = 'pending' | 'delivered' | 'dead';

export interface Delivery {
  readonly id: string;
  readonly endpoint: string;
  readonly message_id: string;
  readonly type: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly created_at: number;
  /** Null where nothing more is tried. */
  readonly next_at: number | null;
  readonly last_at: number | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly ended_at: number | null;
}

export interface Attempt {
  readonly at: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly duration_ms: number;
  /** The beginning of the answer. */
  readonly response: string;
}

/** An endpoint of the configuration. */
export interface ConfiguredEndpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string;
  /** The newest first. */
  readonly secrets: readonly string[];
  readonly allowPrivate: boolean;
}
