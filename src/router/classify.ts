/** The class of a failure: by the rules of the provider, else by the usual meaning of its HTTP status. Pure. */
import type { FailureClass, UpstreamFailure } from '../formats/failure.js';
import { type FailureRule, MOST_CHARACTERS_READ } from '../formats/failure-rules.js';

export function classify(failure: UpstreamFailure, rules: readonly FailureRule[]): FailureClass {
  if (failure.meaning) return failure.meaning;
  if (failure.kind !== 'status' && failure.kind !== 'in_band') return 'transient';
  const text = wordsOf(failure);
  for (const rule of rules) if (applies(rule, failure, text)) return rule.is;
  // A 404 without an error of the API means that the base URL or path is wrong; with one, that what was asked for does not exist.
  if (failure.status === 404 && failure.type === undefined && failure.code == null) return 'not_found';
  return byStatus(failure.status);
}

function applies(rule: FailureRule, failure: UpstreamFailure, text: string): boolean {
  const { status, code, type } = failure;
  const worded = rule.code ?? rule.type ?? rule.message;
  if (rule.status && !(status === undefined ? worded : rule.status.includes(status))) return false;
  if (rule.code && !(typeof code === 'string' && rule.code.test(cut(code)))) return false;
  if (rule.type && !(type !== undefined && rule.type.test(cut(type)))) return false;
  return !rule.message || rule.message.test(text);
}

/** All that an error says, cut before any pattern sees it. */
const wordsOf = ({ message, more }: UpstreamFailure): string =>
  more === undefined ? cut(message) : `${cut(message)}\n${cut(more)}`;

const cut = (text: string): string => text.slice(0, MOST_CHARACTERS_READ);

function byStatus(status: number | undefined): FailureClass {
  switch (status) {
    case undefined: // an error inside an answer that no rule knows
    case 408:
    case 424:
    case 425:
      return 'transient';
    case 401:
    case 403:
      return 'credential';
    case 402:
      return 'quota';
    case 429:
      return 'rate_limit';
    case 498:
    case 503:
    case 529:
      return 'overload';
    default:
      return status < 400 || status >= 500 ? 'transient' : 'caller';
  }
}

/** Whether the target itself is at fault, so that the failure counts in its breaker. */
export const isFaultOfTarget = (failure: FailureClass): boolean => failure === 'transient' || failure === 'overload';
