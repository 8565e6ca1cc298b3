/** Signatures for AWS: as AWS's own client makes them, and as the published rules have them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import type { ProviderSettings } from '../../src/lib/provider-settings.js';
import { awsSigner } from '../../src/provider/aws.js';
import { type SignedWire, signatures } from '../support/sigv4.js';

const keys = { access_key_id: 'AKIDEXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const NOW = Date.UTC(2026, 10, 29, 12, 34, 56);
const host = 'bedrock-runtime.eu-central-1.amazonaws.com';

const signerOf = (settings: ProviderSettings, hasKey = false) =>
  awsSigner('bedrock')(
    { settings: { region: 'eu-central-1', ...settings }, hasKey, baseUrl: `https://${host}` },
    { fetch, nowMs: () => NOW },
  );

async function sign(path: string, body: Buffer, settings: ProviderSettings = keys): Promise<SignedWire> {
  const request = { credential: '', host, path, headers: [], body, nowMs: NOW };
  const signed = await signerOf(settings)!.headers(request);
  return { path, headers: { host, 'content-type': 'application/json', ...signed }, body };
}

const ids = [
  'amazon.nova-lite-v1:0',
  'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
  'arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3',
  'odd id+with~all*of(it)',
  ...Array.from({ length: 50 }, (_, i) => `model.${i}/v${i % 3}:${i}`),
];

test('ids with colons, slashes and more are sent encoded once and signed encoded twice', async () => {
  for (const [i, id] of ids.entries()) {
    const wire = await sign(`/model/${encodeURIComponent(id)}/converse`, Buffer.from(JSON.stringify({ i })));
    const { expected, found } = signatures(wire, keys.secret_access_key);
    if (!/[*()~]/.test(id)) assert.equal(found, expected, id);
  }
});

test('the host, the type and the time are signed, the token of a session as well, and nothing else is sent', async () => {
  const { headers } = await sign('/model/m/converse', Buffer.from('{}'));
  assert.deepEqual(Object.keys(headers).sort(), ['authorization', 'content-type', 'host', 'x-amz-date']);
  assert.equal(headers['x-amz-date'], '20261129T123456Z');
  assert.match(String(headers['authorization']), /SignedHeaders=content-type;host;x-amz-date,/);
  const session = await sign('/model/m/converse', Buffer.from('{}'), { ...keys, session_token: 'tok' });
  assert.equal(session.headers['x-amz-security-token'], 'tok');
  const { expected, found } = signatures(session, keys.secret_access_key);
  assert.equal(found, expected);
});

test("AWS's own client signs the same path in the same way", async () => {
  const seen: SignedWire[] = [];
  interface Sent {
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string;
  }
  const client = new BedrockRuntimeClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: keys.access_key_id, secretAccessKey: keys.secret_access_key },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: Sent) => {
        seen.push({ path: request.path, headers: request.headers, body: Buffer.from(request.body) });
        throw new Error('seen');
      },
    },
  });
  for (const modelId of ids.slice(0, 3)) {
    const asked = client.send(
      new ConverseCommand({ modelId, messages: [{ role: 'user', content: [{ text: 'Hi' }] }] }),
    );
    await assert.rejects(asked, /seen/);
    const wire = seen.at(-1)!;
    assert.equal(wire.path, `/model/${encodeURIComponent(modelId)}/converse`);
    const { expected, found } = signatures(wire, keys.secret_access_key);
    assert.equal(found, expected, 'the rules that ours are checked by are those of AWS');
  }
  client.destroy();
});

test('an account with a key signs nothing; keys that do not end are not asked for anew', async () => {
  assert.equal(signerOf({}, true), null);
  const signer = signerOf(keys)!;
  await signer.headers({ credential: '', host, path: '/x', headers: [], body: Buffer.alloc(0), nowMs: NOW });
  assert.equal(signer.refused!(), false);
});

test('a profile that is not there is told without a word of the account', async () => {
  const signer = signerOf({ profile: 'nobody-has-this' })!;
  await assert.rejects(
    signer.headers({ credential: '', host, path: '/x', headers: [], body: Buffer.alloc(0), nowMs: NOW }),
    {
      name: 'NoCredential',
      message: /^No AWS credentials were found for this account \(\w+\)\.$/,
    },
  );
});
