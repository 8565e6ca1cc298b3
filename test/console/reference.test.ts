/** The reference of the API at /docs, in a real browser: offline, under its policy, readable. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { browserPath, openBrowser } from '../support/browser.js';
import { type Gateway, startGateway } from '../support/gateway.js';

const skip = browserPath === undefined && 'Chromium is not installed';

describe('the reference', { skip }, () => {
  let gateway: Gateway;
  let browser: Browser;
  before(async () => {
    gateway = await startGateway({
      config: { providers: { sandbox: { type: 'sandbox' } }, models: {} },
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await gateway?.close();
  });

  test('has the console beside it, to which the root leads, under a policy without unsafe-*', async () => {
    const root = await fetch(`${gateway.url}/`, { redirect: 'manual' });
    assert.equal(root.status, 302);
    assert.equal(root.headers.get('location'), '/ui');
    const response = await fetch(`${gateway.url}/ui/`);
    assert.equal(response.status, 200);
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.ok(!policy.includes('unsafe'), policy);
    const missing = await fetch(`${gateway.url}/ui/assets/no-such.js`);
    assert.equal(missing.status, 404);
    const outside = await fetch(`${gateway.url}/ui/..%2f..%2fpackage.json`);
    assert.equal(outside.status, 404);
  });

  test('has a policy without unsafe-*, with a nonce of each answer', async () => {
    const answers = await Promise.all([1, 2].map(() => fetch(`${gateway.url}/docs`)));
    const policies = answers.map(({ headers }) => headers.get('content-security-policy')!);
    for (const policy of policies) {
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w+/=]{24}';/);
      assert.doesNotMatch(policy, /unsafe/);
    }
    assert.notEqual(policies[0], policies[1]);
    assert.equal((await fetch(`${gateway.url}/docs/none.js`)).status, 404);
    assert.equal((await fetch(`${gateway.url}/docs/`)).status, 200);
  });

  test('is drawn from what the gateway serves alone, without a complaint', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(gateway.url) && !url.startsWith('data:')) complaints.push(url);
    });
    await page.goto(`${gateway.url}/docs`);
    await page.getByRole('heading', { name: /Create a key/ }).waitFor({ timeout: 60_000 });
    const text = await page.locator('body').textContent();
    for (const words of ['Answer a conversation, whole or as a stream.', 'Entries of the spend ledger, newest first.'])
      assert.ok(text?.includes(words), words);
    assert.deepEqual(complaints, []);
    await page.close();
  });
});
