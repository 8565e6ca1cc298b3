/**
 * The end user of a request of the messages dialect. Coding agents write more into `metadata.user_id` than whose request it is:
 * Claude Code a JSON object with its device, account and session, or, in older versions, the three in one word. A session is
 * no user: limits and reports of end users go by the account, else by the device.
 */
import { isObject } from '../../lib/json.js';

const LONGEST = 4_096;

export function endUserOf(id: unknown): string | null {
  if (typeof id !== 'string' || id === '') return null;
  const told = partsOf(id);
  if (told) return firstText(told['account_uuid'], told['device_id']) ?? id;
  const session = id.startsWith('user_') ? id.lastIndexOf('_session_') : -1;
  return session === -1 ? id : id.slice(0, session);
}

/** The session that a coding agent names; null: none does. */
export function sessionOf(id: unknown): string | null {
  if (typeof id !== 'string') return null;
  const told = partsOf(id);
  if (told) return firstText(told['session_id']) ?? null;
  const session = id.startsWith('user_') ? id.lastIndexOf('_session_') : -1;
  return session === -1 ? null : id.slice(session + '_session_'.length) || null;
}

function partsOf(id: string): Readonly<Record<string, unknown>> | undefined {
  if (id[0] !== '{' || id.length > LONGEST) return undefined;
  try {
    const told: unknown = JSON.parse(id);
    return isObject(told) ? told : undefined;
  } catch {
    return undefined;
  }
}

const firstText = (...values: readonly unknown[]): string | undefined =>
  values.find((value): value is string => typeof value === 'string' && value !== '');
