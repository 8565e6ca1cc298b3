/**
 * Texts rewritten by patterns. The patterns are RE2's: they take time that grows with the text and never more, whatever the
 * text is, so there are no look-arounds and no references back.
 */
import { RE2JS } from 're2js';

export interface RewriteRule {
  readonly match: string;
  /** `$1` stands for the first group. */
  readonly to: string;
}

export class Rewrite {
  readonly #rules: readonly { readonly pattern: RE2JS; readonly to: string }[];

  constructor(rules: readonly RewriteRule[]) {
    this.#rules = rules.map(({ match, to }) => ({ pattern: RE2JS.compile(match), to }));
  }

  /** Every rule in turn, each at every place that it fits. */
  apply(text: string): string {
    let out = text;
    for (const { pattern, to } of this.#rules) out = pattern.matcher(out).replaceAll(to);
    return out;
  }
}

/** What is wrong with a rule; undefined: nothing. */
export function rewriteProblem({ match, to }: RewriteRule): string | undefined {
  let groups: number;
  try {
    groups = RE2JS.compile(match).groupCount();
  } catch (error) {
    return `is no pattern of RE2: ${(error as Error).message.slice(0, 200)}`;
  }
  const beyond = [...to.matchAll(/\$(\d{1,3})/g)].map((found) => Number(found[1])).find((group) => group > groups);
  return beyond === undefined ? undefined : `has ${groups} groups, and \`to\` names $${beyond}`;
}
