/**
 * Tokens of Entra ID for Azure: by the secret of a client, or by a token that a file has (workload identity). Both are one form
 * that is posted; the vendor's library for it is 50 MB.
 */
import { readFile } from 'node:fs/promises';
import { isObject } from '../lib/json.js';
import { NoCredential } from '../lib/no-credential.js';
import type { ProviderSettings } from '../lib/provider-settings.js';
import { type Renewed, Renewing } from '../lib/renewing.js';
import type { SignerOf, SignerPorts } from './signers.js';

const AUTHORITY = 'https://login.microsoftonline.com';
const LONGEST_LIFE_S = 86_400;
const LONGEST_WAIT_MS = 10_000;

/** `authorization: Bearer` with a token for `scope`; accounts that have a key sign nothing. */
export const entraSigner =
  (scope: string): SignerOf =>
  ({ settings, hasKey }, ports) => {
    if (hasKey) return null;
    const token = new Renewing(() => tokenFor(scope, settings, ports), ports.nowMs);
    return {
      headers: async () => ({ authorization: `Bearer ${await token.get()}` }),
      refused: () => token.drop(),
    };
  };

async function tokenFor(scope: string, settings: ProviderSettings, ports: SignerPorts): Promise<Renewed<string>> {
  const { tenant, client_id, client_secret, token_file } = settings;
  const proof: Record<string, string> = client_secret
    ? { client_secret }
    : {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: (await readFile(token_file!, 'utf8')).trim(),
      };
  const form = { grant_type: 'client_credentials', client_id: client_id!, scope, ...proof };
  const answer = await ports.fetch(`${AUTHORITY}/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(LONGEST_WAIT_MS),
  });
  const told: unknown = await answer.json().catch(() => undefined);
  if (!isObject(told) || typeof told['access_token'] !== 'string') throw new NoCredential(whyNot(answer.status, told));
  const lifeS = Number(told['expires_in']);
  const boundedS = lifeS > 0 ? Math.min(lifeS, LONGEST_LIFE_S) : 0;
  return { value: told['access_token'], expiresAtMs: ports.nowMs() + boundedS * 1000 };
}

/** The error's code alone (`invalid_client`, `AADSTS7000215`): its description names ids. */
function whyNot(status: number, told: unknown): string {
  const error = isObject(told) && typeof told['error'] === 'string' ? told['error'].slice(0, 100) : `status ${status}`;
  const words = isObject(told) ? String(told['error_description'] ?? '').slice(0, 200) : '';
  const code = /AADSTS\d{1,9}/.exec(words)?.[0];
  return `Entra ID gave no token: ${[error, code].filter(Boolean).join(', ')}.`;
}
