/** What becomes of the top-level fields of a request on its way to another dialect. */
import type { Json } from '../lib/json.js';
import { type Findings, isAbsent } from './findings.js';

/**
 * `carried`: it has an equivalent. `harmless`: it tunes, labels or hints, and an answer without it is still an answer to the
 * question, so it is left out and named. `silent`: leaving it out changes nothing. `refused`: an answer without it would be an
 * answer to another question.
 */
export type Fate = 'carried' | 'harmless' | 'silent' | 'refused';

type ByName<T> = { readonly [name in string]?: T };

interface ParameterRules {
  readonly fates: ByName<Fate>;
  /** Values that ask for what happens anyway: accepted without a word. */
  readonly noOps?: ByName<(value: unknown) => boolean>;
  /** Why a field is refused, where there is more to say than that there is no such field. */
  readonly why?: ByName<string>;
  /** What is said of a field that nobody knows. */
  readonly unknown?: string;
  /** The name that the rules have for a field. */
  readonly nameOf?: (written: string) => string;
}

const own = <T>(rules: ByName<T> | undefined, name: string): T | undefined =>
  rules !== undefined && Object.hasOwn(rules, name) ? rules[name] : undefined;

export function judgeParameters(body: Json, rules: ParameterRules, findings: Findings): void {
  const { fates, noOps, why, unknown = 'is not a parameter that can be translated for this model' } = rules;
  for (const [written, value] of Object.entries(body)) {
    if (isAbsent(value)) continue;
    const name = rules.nameOf?.(written) ?? written;
    const fate = own(fates, name);
    if (fate === 'carried' || fate === 'silent' || own(noOps, name)?.(value)) continue;
    if (fate === 'harmless') findings.drop(written);
    else if (fate === undefined) findings.unsupported(written, unknown);
    else findings.unsupported(written, own(why, name) ?? "has no equivalent at this model's provider");
  }
}
