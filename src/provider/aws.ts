/**
 * Requests to AWS: signed with the account's credentials, by the packages of AWS. A key of Bedrock's own goes as a bearer token and
 * needs none of this. Credentials are those that the configuration states, else those that AWS's own chain finds.
 */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { NoCredential } from '../lib/no-credential.js';
import type { ProviderSettings } from '../lib/provider-settings.js';
import { type Renewed, Renewing } from '../lib/renewing.js';
import type { SignedRequest, SignerOf } from './signers.js';

interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

export const awsSigner =
  (service: string): SignerOf =>
  ({ settings, hasKey }, { nowMs }) => {
    if (hasKey) return null;
    const identity = new Renewing(() => identityOf(settings), nowMs);
    const signer = new SignatureV4({
      ...{ service, region: settings.region!, sha256: Sha256, applyChecksum: false },
      credentials: () => identity.get(),
    });
    return {
      headers: (request) => signed(signer, request),
      refused: () => identity.drop(),
    };
  };

/**
 * Only headers of our own that nobody on the way changes are signed. The path goes as it is sent: the package encodes it once more
 * for what is signed, which an id with a colon shows.
 */
async function signed(signer: SignatureV4, { host, path, body, nowMs }: SignedRequest) {
  const [pathname, search = ''] = path.split('?', 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const headers = { host, 'content-type': 'application/json' };
  const request = { method: 'POST', protocol: 'https:', hostname: host, path: pathname!, query, headers, body };
  const { headers: all } = await signer.sign(request, { signingDate: new Date(nowMs) });
  const { host: _host, 'content-type': _type, ...own } = all;
  return own;
}

async function identityOf(settings: ProviderSettings): Promise<Renewed<Identity>> {
  const {
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    session_token: sessionToken,
    role,
  } = settings;
  const stated = accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey, sessionToken } : undefined;
  if (stated && !role) return { value: stated, expiresAtMs: Number.POSITIVE_INFINITY };
  try {
    const found = await (await providerOf(settings, stated))();
    return { value: found, expiresAtMs: found.expiration?.getTime() ?? Number.POSITIVE_INFINITY };
  } catch (error) {
    // Names of errors (`AccessDenied`, `CredentialsProviderError`) say what is wrong, and hold nothing of the account.
    throw new NoCredential(
      `No AWS credentials were found for this account (${error instanceof Error ? error.name : 'Error'}).`,
    );
  }
}

/** The package is loaded when it is first needed: most gateways never do. */
async function providerOf(settings: ProviderSettings, stated: Identity | undefined): Promise<() => Promise<Identity>> {
  const { region, profile, role, external_id, token_file } = settings;
  const aws = await import('@aws-sdk/credential-providers');
  const clientConfig = { region: region! };
  const named = profile === undefined ? {} : { profile };
  if (role && token_file)
    return aws.fromTokenFile({
      roleArn: role,
      webIdentityTokenFile: token_file,
      roleSessionName: SESSION,
      clientConfig,
    });
  const own = stated ? async () => stated : aws.fromNodeProviderChain({ ...named, clientConfig });
  if (!role) return own;
  const params = { RoleArn: role, RoleSessionName: SESSION, ...(external_id && { ExternalId: external_id }) };
  return aws.fromTemporaryCredentials({ masterCredentials: own, params, clientConfig });
}

const SESSION = 'tollgate';

/** The hash that the signature is made with, by Node's own. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a hash is made anew for each text');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}
