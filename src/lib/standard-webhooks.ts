/** Signatures as the Standard Webhooks specification has them: HMAC-SHA256 over the id, the time of sending and the body. */
import { createHmac, randomBytes } from 'node:crypto';

export const newSigningSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** The three headers; without a secret, the two that do not sign. Each secret signs for itself, so that a receiver may know either while secrets are exchanged. */
export function signedHeaders(
  secrets: readonly string[],
  { id, atMs, body }: { readonly id: string; readonly atMs: number; readonly body: string | Buffer },
): Record<string, string> {
  const seconds = String(Math.floor(atMs / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}
