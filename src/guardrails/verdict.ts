/** What is asked of a guard that answers elsewhere, and what it may answer. */
import type { AskedGuardConfig, GuardSide } from '../lib/guard-spec.js';
import { isObject } from '../lib/json.js';

export interface GuardQuestion {
  readonly side: GuardSide;
  readonly requestId: string;
  readonly endpoint: string;
  readonly model: string;
  readonly key: string;
  readonly team: string | null;
  readonly user: string | null;
  readonly texts: readonly string[];
}

export type GuardVerdict =
  | { readonly kind: 'allow' }
  | { readonly kind: 'block'; readonly message: string | null }
  /** As many as were asked about. */
  | { readonly kind: 'replace'; readonly texts: readonly string[] }
  /** It did not answer, or not as it should; why, for the log. */
  | { readonly kind: 'failed'; readonly why: string };

/** `signal`: nobody waits for the verdict any more. */
export type AskGuard = (guard: AskedGuardConfig, question: GuardQuestion, signal: AbortSignal) => Promise<GuardVerdict>;

const LONGEST_MESSAGE = 500;

/** The answer of a webhook: `{"action": "allow" | "block" | "replace", "message"?, "texts"?}`. */
export function readVerdict(body: string, texts: readonly string[], longest: number): GuardVerdict {
  const failed = (why: string): GuardVerdict => ({ kind: 'failed', why });
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return failed('it answered something that is not JSON');
  }
  if (!isObject(answer)) return failed('it answered JSON that is not an object');
  const { action, message } = answer;
  if (action === 'allow') return { kind: 'allow' };
  if (action === 'block') {
    if (message != null && typeof message !== 'string') return failed('its `message` is no text');
    return { kind: 'block', message: message == null ? null : message.slice(0, LONGEST_MESSAGE) };
  }
  if (action !== 'replace') return failed('its `action` is none of allow, block, replace');
  const others = answer['texts'];
  if (!Array.isArray(others) || others.length !== texts.length || !others.every((one) => typeof one === 'string'))
    return failed('its `texts` are not as many texts as it was asked about');
  const length = (others as string[]).reduce((sum, one) => sum + one.length, 0);
  return length > longest ? failed('its `texts` are too long') : { kind: 'replace', texts: others as string[] };
}
