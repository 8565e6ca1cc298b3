/**
 * Access tokens of Google Cloud, for accounts that have no key: from a file of credentials (of a service account, of a user, of
 * workload identity), or from what Google's own order of default credentials finds. A token is kept, and made anew by one request
 * for all that wait once four fifths of its life are over; while the old one lives nobody waits. Google's library knows the kinds
 * of credentials and is loaded when the first token is needed; its words may hold secrets and are told to nobody.
 */
import { NoCredential } from '../../lib/no-credential.js';
import type { RequestSigner, SignedRequest, SignerOf, SignerPorts } from '../signers.js';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const TIMEOUT_MS = 10_000;
/** Where a token does not say when it ends. */
const USUAL_LIFE_MS = 300_000;
/** A token that ends so soon is not sent any more. */
const LEAST_LEFT_MS = 30_000;
/** After a failure nobody is asked again for so long. */
const PAUSE_MS = 2_000;

interface Token {
  readonly value: string;
  readonly endsAtMs: number;
  /** From then on it is made anew. */
  readonly staleAtMs: number;
}

class AccessTokens implements RequestSigner {
  readonly #file: string | undefined;
  readonly #ports: SignerPorts;
  #token: Token | undefined;
  #running: Promise<Token> | undefined;
  #pauseUntilMs = 0;
  #lack: NoCredential | undefined;

  constructor(file: string | undefined, ports: SignerPorts) {
    this.#file = file;
    this.#ports = ports;
  }

  async headers({ nowMs }: Pick<SignedRequest, 'nowMs'>): Promise<Readonly<Record<string, string>>> {
    const kept = this.#token;
    const lives = kept !== undefined && nowMs < kept.endsAtMs - LEAST_LEFT_MS;
    if (lives && nowMs < kept.staleAtMs) return bearing(kept);
    if (lives) {
      // The old one serves meanwhile, whatever becomes of the new one.
      this.#renew(nowMs).catch(() => {});
      return bearing(kept);
    }
    return bearing(await this.#renew(nowMs));
  }

  /** A token may have been taken back before its end. */
  refused(): boolean {
    const had = this.#token !== undefined;
    this.#token = undefined;
    return had;
  }

  #renew(nowMs: number): Promise<Token> {
    if (this.#running) return this.#running;
    if (this.#lack && nowMs < this.#pauseUntilMs) return Promise.reject(this.#lack);
    this.#running = this.#made(nowMs).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #made(nowMs: number): Promise<Token> {
    try {
      const { value, lifeMs } = await this.#asked();
      this.#lack = undefined;
      this.#token = { value, endsAtMs: nowMs + lifeMs, staleAtMs: nowMs + lifeMs * 0.8 };
      return this.#token;
    } catch (error) {
      this.#lack = new NoCredential(`Google Cloud gave no access token${reasonOf(error)}.`);
      this.#pauseUntilMs = nowMs + PAUSE_MS;
      throw this.#lack;
    }
  }

  async #asked(): Promise<{ readonly value: string; readonly lifeMs: number }> {
    const { GoogleAuth } = await import('google-auth-library');
    const auth = new GoogleAuth({
      scopes: [SCOPE],
      ...(this.#file !== undefined && { keyFilename: this.#file }),
      clientOptions: { transporterOptions: { fetchImplementation: this.#ports.fetch, timeout: TIMEOUT_MS } },
    });
    const client = await auth.getClient();
    const { token } = await client.getAccessToken();
    if (typeof token !== 'string' || token === '') throw new Error('no token');
    const { expiry_date: endsAt } = client.credentials;
    // The library tells the end by its own clock.
    const lifeMs = typeof endsAt === 'number' ? endsAt - Date.now() : USUAL_LIFE_MS;
    return { value: token, lifeMs: Math.max(LEAST_LEFT_MS, Math.min(lifeMs, 86_400_000)) };
  }
}

const bearing = ({ value }: Token) => ({ authorization: `Bearer ${value}` });

/** The word with which OAuth refuses, or the system fails; nothing else of what went wrong. */
function reasonOf(error: unknown): string {
  const { response, code } = error as { response?: { data?: { error?: unknown } }; code?: unknown };
  const word = response?.data?.error ?? code;
  return typeof word === 'string' && /^[\w-]{1,40}$/.test(word) ? `: ${word}` : '';
}

/** An account with a key needs no token. */
export const accessTokens: SignerOf = ({ settings, hasKey }, ports) =>
  hasKey ? null : new AccessTokens(settings.credentials_file, ports);
