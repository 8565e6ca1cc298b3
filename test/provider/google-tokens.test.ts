/** Access tokens of Google Cloud, made by a token server on this machine. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { NoCredential } from '../../src/lib/no-credential.js';
import { accessTokens } from '../../src/provider/google/access-tokens.js';
import type { RequestSigner } from '../../src/provider/signers.js';

const HOUR = 3_600_000;
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
let server: Server;
let url: string;
let dir: string;
let asked: URLSearchParams[] = [];
let answer: { status: number; body: object } | undefined;
/** Answers wait for it. */
let gate: Promise<void> | undefined;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-google-'));
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      asked.push(new URLSearchParams(body));
      const token = { access_token: `ya29.token-${asked.length}`, expires_in: 3600, token_type: 'Bearer' };
      const { status, body: told } = answer ?? { status: 200, body: token };
      void (gate ?? Promise.resolve()).then(() => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(told));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
});

after(async () => {
  server.close();
  await rm(dir, { recursive: true, force: true });
});

beforeEach(() => {
  asked = [];
  answer = undefined;
  gate = undefined;
});

/** What is meant for Google's token server goes to the one here. */
const redirected: typeof fetch = (input, init) => {
  const asks = input instanceof URL ? input.href : typeof input === 'string' ? input : input.url;
  assert.equal(asks, 'https://oauth2.googleapis.com/token');
  return fetch(url, init);
};

async function signer(file = 'account.json', content?: object): Promise<RequestSigner> {
  const path = join(dir, file);
  const account = {
    type: 'service_account',
    project_id: 'p',
    private_key_id: 'key-1',
    private_key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: 'gateway@p.iam.gserviceaccount.com',
    client_id: '1',
  };
  await writeFile(path, JSON.stringify(content ?? account));
  const made = accessTokens(
    { settings: { credentials_file: path }, hasKey: false, baseUrl: 'https://aiplatform.googleapis.com' },
    { fetch: redirected, nowMs: Date.now },
  );
  assert.ok(made);
  return made;
}

const at = (nowMs: number) => ({ credential: '', host: 'h', path: '/', headers: [], body: Buffer.alloc(0), nowMs });
const bearer = async (one: RequestSigner, nowMs: number) => (await one.headers(at(nowMs)))['authorization'];

describe('an access token of a service account', () => {
  test('is asked for with a signed word, and kept', async () => {
    const one = await signer();
    assert.equal(await bearer(one, 0), 'Bearer ya29.token-1');
    assert.equal(await bearer(one, HOUR / 2), 'Bearer ya29.token-1');
    assert.equal(asked.length, 1);
    assert.equal(asked[0]!.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [head, claims, signature] = asked[0]!.get('assertion')!.split('.') as [string, string, string];
    const told = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    assert.equal(told['iss'], 'gateway@p.iam.gserviceaccount.com');
    assert.equal(told['scope'], 'https://www.googleapis.com/auth/cloud-platform');
    assert.ok(
      verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), keys.publicKey, Buffer.from(signature, 'base64url')),
    );
  });

  test('is made once for all that ask at the same time', async () => {
    const one = await signer();
    const all = await Promise.all(Array.from({ length: 50 }, () => bearer(one, 0)));
    assert.deepEqual([...new Set(all)], ['Bearer ya29.token-1']);
    assert.equal(asked.length, 1);
  });

  test('is made anew before its end, and nobody waits for it while the old one lives', async () => {
    const one = await signer();
    await bearer(one, 0);
    let open: () => void = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    assert.equal(await bearer(one, HOUR * 0.85), 'Bearer ya29.token-1');
    assert.equal(await bearer(one, HOUR * 0.86), 'Bearer ya29.token-1');
    open();
    // The end of the old one: whoever comes now waits for the one that is on its way.
    assert.equal(await bearer(one, HOUR), 'Bearer ya29.token-2');
    assert.equal(asked.length, 2);
  });

  test('that was refused is thrown away, and one that was never had is not', async () => {
    const one = await signer();
    assert.equal(one.refused?.(), false);
    await bearer(one, 0);
    assert.equal(one.refused?.(), true);
    assert.equal(await bearer(one, 1), 'Bearer ya29.token-2');
  });

  test('that is not given is told without what the server said beside its word, and not asked for at once again', async () => {
    answer = { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT of secret-project.' } };
    const one = await signer();
    const refused = (error: unknown) => {
      assert.ok(error instanceof NoCredential);
      assert.equal(error.message, 'Google Cloud gave no access token: invalid_grant.');
      return true;
    };
    await assert.rejects(bearer(one, 0), refused);
    const before = asked.length;
    await assert.rejects(bearer(one, 1_000), refused);
    assert.equal(asked.length, before);
    answer = undefined;
    assert.match((await bearer(one, 3_000))!, /^Bearer ya29\.token/);
  });

  test('needs a file that has credentials', async () => {
    await assert.rejects(bearer(await signer('broken.json', { type: 'service_account' }), 0), NoCredential);
    const missing = accessTokens(
      { settings: { credentials_file: join(dir, 'none.json') }, hasKey: false, baseUrl: 'x' },
      { fetch: redirected, nowMs: Date.now },
    )!;
    await assert.rejects(bearer(missing, 0), { message: 'Google Cloud gave no access token: ENOENT.' });
  });
});

test('an account with a key needs no token', () => {
  const ports = { fetch: redirected, nowMs: Date.now };
  assert.equal(accessTokens({ settings: {}, hasKey: true, baseUrl: 'x' }, ports), null);
});
