/** Limits as they are typed: `60 requests/minute`, `50 usd/month`, `5 concurrent`, or the JSON of the admin API, which checks what they mean. */
import { UserError } from './gateway-client.js';

/** `option`: where it was typed. */
export function limitOf(written: string, option: string): unknown {
  if (written.trimStart().startsWith('{')) {
    try {
      return JSON.parse(written);
    } catch {
      throw new UserError(`${option} ${written}: not valid JSON.`);
    }
  }
  const match = /^\s*([\d_.]+)\s+([a-z_]+)\s*(?:\/\s*([a-z]+))?\s*$/.exec(written);
  if (!match)
    throw new UserError(`${option} "${written}": expected such as "60 requests/minute" or "50 usd/month", or JSON.`);
  const [, max, unit, per] = match;
  return { unit, max, per };
}

/** `60 requests/minute of gpt-4o*`. */
export const limitWords = ({ unit, max, per, model }: Readonly<Record<string, unknown>>): string =>
  `${max} ${unit}${per ? `/${per}` : ''}${model ? ` of ${model}` : ''}`;
