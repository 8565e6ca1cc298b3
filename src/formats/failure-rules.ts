/** What a provider states about its failures and its limits, as data. */
import type { FailureClass, WrittenFailureRule } from '../lib/failure-spec.js';
import { anyOf } from '../lib/patterns.js';

/** Reads one text, in time that grows with its length and no faster: a pattern, or one that a configuration states. */
export interface TextMatcher {
  test(text: string): boolean;
}

/** A rule applies where all that it states does. The first that applies counts. */
export interface FailureRule {
  readonly is: FailureClass;
  /** An error inside an answer may have none, and is then known by the rest of the rule. */
  readonly status?: readonly number[];
  /** Matches the error's code. */
  readonly code?: TextMatcher;
  /** Matches the error's type. */
  readonly type?: TextMatcher;
  /** Matches the error's words. They may quote the request, so a rule that reads them states a status or a type as well. */
  readonly message?: TextMatcher;
}

export function failureRuleOf({ is, status, code, type, message }: WrittenFailureRule): FailureRule {
  return {
    is,
    ...(status && { status }),
    ...(code !== null && { code: matching(code) }),
    ...(type !== null && { type: matching(type) }),
    ...(message !== null && { message: matching(`*${message}*`) }),
  };
}

function matching(written: string): TextMatcher {
  const matches = anyOf([written.toLowerCase()]);
  return { test: (text) => matches(text.toLowerCase()) };
}

/** Characters of a text that rules see. */
export const MOST_CHARACTERS_READ = 4_000;

/** Headers in which a provider tells what is left of a limit, and when it is full again. */
export interface LimitHeader {
  readonly remaining: string;
  readonly reset: string;
}
