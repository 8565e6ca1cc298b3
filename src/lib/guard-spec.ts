/** Guardrails as the configuration has them once it is resolved: named guards, each of one kind. */

export const guardSides = ['input', 'output'] as const;
/** What clients send, or what they are answered. */
export type GuardSide = (typeof guardSides)[number];

export const guardActions = ['block', 'redact', 'log'] as const;
export type GuardAction = (typeof guardActions)[number];

export const piiEntities = ['email', 'phone', 'card', 'iban', 'ssn', 'ip', 'secret'] as const;
export type PiiEntity = (typeof piiEntities)[number];

interface GuardBase {
  readonly name: string;
  readonly on: readonly GuardSide[];
  readonly action: GuardAction;
  /** What a caller is told who is blocked; null: the gateway's own words. */
  readonly message: string | null;
}

/** Those that are asked elsewhere. */
interface AskedGuardBase extends GuardBase {
  /** Milliseconds. */
  readonly timeout: number;
  readonly on_failure: 'allow' | 'block';
}

export interface PatternGuardConfig extends GuardBase {
  readonly kind: 'pattern';
  /** RE2's. */
  readonly patterns: readonly string[];
  /** What placeholders are called. */
  readonly placeholder: string;
  readonly restore: boolean;
}

export interface PiiGuardConfig extends GuardBase {
  readonly kind: 'pii';
  readonly entities: readonly PiiEntity[];
  readonly restore: boolean;
}

export interface SizeGuardConfig extends GuardBase {
  readonly kind: 'size';
  /** Null: no such cap. */
  readonly max_characters: number | null;
  readonly max_messages: number | null;
  readonly max_tokens: number | null;
}

export interface WebhookGuardConfig extends AskedGuardBase {
  readonly kind: 'webhook';
  readonly url: string;
  /** Null: its requests are not signed. */
  readonly secret: string | null;
  readonly allow_private: boolean;
}

export interface ModerationGuardConfig extends AskedGuardBase {
  readonly kind: 'moderation';
  /** A name under `models`. */
  readonly model: string;
  /** What is refused, in words for the model that moderates. */
  readonly policy: string;
}

export type AskedGuardConfig = WebhookGuardConfig | ModerationGuardConfig;
export type GuardConfig = PatternGuardConfig | PiiGuardConfig | SizeGuardConfig | AskedGuardConfig;
