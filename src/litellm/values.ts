// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
/** Values of a LiteLLM configuration in the words of ours. A reference to the environment stays one; no other text becomes one. */
const REFERENCE = /^os\.environ\/([A-Za-z_][A-Za-z0-9_]*)$/;

/** The variable that `os.environ/NAME` names. */
export const variableOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? REFERENCE.exec(value.trim())?.[1] : undefined;

/** A text as our configuration writes it: `${` in it is not a placeholder. Dates are what YAML 1.1 makes of `2024-10-21`. */
export function textOf(value: unknown, ifUnset = ''): string | undefined {
  const name = variableOf(value);
  if (name !== undefined) return `\${${name}:-${ifUnset}}`;
  if (value instanceof Date && Number.isFinite(value.getTime())) return value.toISOString().slice(0, 10);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  return literal(value.trim());
}

export const literal = (text: string): string => text.replaceAll('${', () => '$${');

/** Whether a text holds a secret itself, and not where it is. */
export const isLiteral = (value: unknown): boolean => typeof value === 'string' && variableOf(value) === undefined;

export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[-+]?\d{1,18}(\.\d{1,18})?(e[-+]?\d{1,3})?$/i.test(value.trim()))
    return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** A whole number that is at least `least`. */
export function countOf(value: unknown, least = 1): number | undefined {
  const number = numberOf(value);
  return number !== undefined && number >= least && number <= Number.MAX_SAFE_INTEGER ? Math.floor(number) : undefined;
}

export function flagOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'True') return true;
  return value === 'false' || value === 'False' ? false : undefined;
}

const LONGEST_S = 24 * 86_400;

/** Seconds as a duration; those that are longer than any timer waits are the longest. */
export function durationOf(value: unknown): string | undefined {
  const seconds = numberOf(value);
  if (seconds === undefined || seconds <= 0) return undefined;
  const ms = Math.round(Math.min(seconds, LONGEST_S) * 1000);
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** An address, of which the end that LiteLLM's own path is made of is left out. */
export function addressOf(value: unknown): string | undefined {
  const name = variableOf(value);
  // A file that needs a variable is valid before it is set; its requests then fail by a name that says what is missing.
  if (name !== undefined) return `\${${name}:-https://${name.toLowerCase().replaceAll('_', '-')}.is-not-set.invalid}`;
  return typeof value === 'string' && value.trim() !== '' ? literal(value.trim()) : undefined;
}

/** A step of a path in words. */
export const at = (path: string, step: string | number): string => {
  if (typeof step === 'number') return `${path}[${step}]`;
  const plain = /^[\w-]{1,80}$/.test(step) ? step : JSON.stringify(step.slice(0, 80));
  if (!plain.startsWith('"')) return path === '' ? plain : `${path}.${plain}`;
  return `${path}[${plain}]`;
};

/** Whether a text can name a member of an object at all. */
export const canBeKey = (name: string): boolean => name !== '__proto__';
