/** `thinking` of a chat completion, in the words of the target; other servers use the same field with fewer of them. */
import { isObject } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

/** Tokens. */
export const LEAST_BUDGET = 1024;

/** What is shown of the thinking; empty where nothing is said of it. */
export interface Display {
  readonly display?: 'summarized' | 'omitted';
}

export type AskedThinking =
  | { readonly type: 'enabled'; readonly budget: number; readonly display: Display }
  | { readonly type: 'adaptive'; readonly display: Display }
  | { readonly type: 'disabled' }
  | { readonly type: 'between_tools' };

const fields: ReadonlySet<string> = new Set(['type', 'budget_tokens', 'display']);

/** Undefined where nothing is asked. */
export function readThinking(thinking: unknown, findings: Findings): AskedThinking | undefined {
  if (isAbsent(thinking)) return undefined;
  if (!isObject(thinking)) return findings.invalid('thinking', 'must be an object');
  for (const [name, value] of Object.entries(thinking)) {
    if (fields.has(name) || isAbsent(value)) continue;
    findings.unsupported(`thinking.${name}`, 'is not a field that this model knows');
  }
  const display = readDisplay(thinking['display'], findings);
  const { type, budget_tokens: budget } = thinking;
  switch (type) {
    case 'disabled':
    case 'between_tools':
      return { type };
    case 'adaptive':
    case 'auto':
      return { type: 'adaptive', display };
    case 'enabled':
      // Without a budget it is what other servers mean by the word: that the model is to think.
      if (isAbsent(budget)) return { type: 'adaptive', display };
      if (Number.isSafeInteger(budget) && (budget as number) >= LEAST_BUDGET)
        return { type, budget: budget as number, display };
      return findings.invalid('thinking.budget_tokens', `must be an integer of at least ${LEAST_BUDGET}`);
    default:
      return findings.invalid('thinking.type', "must be 'enabled', 'adaptive', 'disabled' or 'between_tools'");
  }
}

function readDisplay(display: unknown, findings: Findings): Display {
  if (isAbsent(display)) return {};
  if (display === 'summarized' || display === 'omitted') return { display };
  findings.invalid('thinking.display', "must be 'summarized' or 'omitted'");
  return {};
}
