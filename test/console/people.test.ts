/** Who signs in to the console, and what each role is shown there, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { serious } from '../support/axe.js';
import { browserPath, openBrowser } from '../support/browser.js';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { CLIENT_SECRET, type IdentityProvider, startIdentityProvider } from '../support/identity-provider.js';
import { consoleConfig, fill, pages } from './filled.js';

const skip = browserPath === undefined && 'Chromium is not installed';
const PASSWORD = 'correct horse battery';
const ofViewer = pages.map(([, title]) => title);
const ofTeamAdmin = [
  ...[
    'Spend',
    'Requests',
    'Keys',
    'Teams',
    'Playground',
    'Refused',
    'Explain',
    'Limits',
    'Reports',
    'Audit',
    'Account',
  ],
];
/** Buttons that change nothing. Every other one is for those who may change something. */
const READS = new Set([
  ...['Show more', 'Try again', 'Close', 'Download', 'Explain', 'Send', 'Show prompt and answer'],
]);
/** The buttons of an admin that are for nobody else, but for those of what has no page of its own. */
const ofAdmin: Readonly<Record<string, readonly string[]>> = {
  Spend: [],
  Requests: [],
  Keys: ['New key'],
  Teams: ['New team', 'Limits', 'Block'],
  Models: ['Send nothing', 'Add a provider', 'Test'],
  Playground: [],
  Refused: [],
  Explain: [],
  Cache: ['Purge'],
  Guardrails: [],
  Limits: [],
  Reports: [],
  Webhooks: ['New endpoint', 'Send a test', 'Send again'],
  Routes: ['Send nothing'],
  Configuration: ['Read the file again', 'Validate'],
  Audit: [],
  Users: ['New user'],
};

describe('people in the console', { skip }, () => {
  let gateway: Gateway;
  let issuer: IdentityProvider;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  before(async () => {
    const port = await freePort();
    gateway = await startGateway({
      database: 'postgres',
      config: {
        ...consoleConfig,
        admin: {
          key: 'sk-tg-admin-of-the-tests-0123456789abcdefghijklmnop',
          oidc: {
            ...{ issuer: `http://127.0.0.1:${port}`, client_id: 'tollgate', client_secret: CLIENT_SECRET },
            ...{ name: 'Company', roles: { finance: 'viewer' } },
          },
        },
      },
    });
    issuer = await startIdentityProvider(port, [gateway.url]);
    await fill(gateway);
    await gateway.key({ name: 'of-search', team: 'search' });
    await gateway.key({ name: 'of-ads', team: 'ads' });
    for (const [name, fields] of [
      ['viewer', { role: 'viewer' }],
      ['lead', { role: 'team_admin', teams: ['search'] }],
    ] as const)
      await gateway.admin('POST', '/users', { email: `${name}@example.com`, name, password: PASSWORD, ...fields });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await issuer?.stop();
    await gateway?.close();
  });

  const fresh = async (): Promise<void> => {
    await context?.close();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
  };
  const go = async (title: string): Promise<void> => {
    await page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await isDrawn();
  };
  /** Nothing on the page waits for an answer. */
  const isDrawn = () => page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const byPassword = async (name: string): Promise<void> => {
    await fresh();
    await page.goto(`${gateway.url}/ui/`);
    await button('Sign in with a password').click();
    await page.getByLabel('E-mail address').fill(`${name}@example.com`);
    await page.getByLabel('Password').fill(PASSWORD);
    await button('Sign in').click();
    await page.getByTestId('me').getByText(name).waitFor();
  };
  const links = () => page.getByRole('navigation').getByRole('link').allTextContents();
  /** What the page and its dialogs offer to change, each once. What opens a dialog of a row is a link in the eyes of the page. */
  const writes = async (): Promise<string[]> => {
    const all = await page.locator('main').locator('button:not(.link, [role=switch], [role=tab])').allTextContents();
    return [...new Set(all.filter((name) => !READS.has(name) && !/^(no|\d+) members?$/.test(name)))];
  };

  test('a wrong password is told in words, and the page has nothing serious for axe', async () => {
    await fresh();
    await page.goto(`${gateway.url}/ui/`);
    await button('Sign in with a password').click();
    await page.getByLabel('E-mail address').fill('viewer@example.com');
    await page.getByLabel('Password').fill('wrong wrong wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The address or the password is wrong').waitFor();
    assert.deepEqual(await serious(page), []);
    complaints.length = 0; // the browser reports the 401 that was asked for
  });

  test('a viewer sees every page and nothing that changes anything', async () => {
    await byPassword('viewer');
    assert.deepEqual(await links(), ofViewer);
    for (const title of ofViewer.filter((one) => one !== 'Account')) {
      await go(title);
      assert.deepEqual(await writes(), [], title);
      assert.equal(await page.getByRole('alert').count(), 0, title);
    }
    await go('Models');
    await page.getByText('$1.00 in, $1.00 out').first().waitFor();
    await go('Keys');
    await button('of-ads').click();
    await page.getByRole('dialog').waitFor();
    await isDrawn();
    assert.deepEqual(await writes(), []);
    await page.keyboard.press('Escape');
    await go('Users');
    await button('lead').click();
    await page.getByRole('dialog').getByText('team admin').first().waitFor();
    await isDrawn();
    assert.deepEqual(await writes(), []);
    assert.deepEqual(await serious(page), []);
    await page.keyboard.press('Escape');
    assert.deepEqual(complaints, []);
  });

  test('makes a token of its own, is shown it once, and revokes it', async () => {
    await go('Account');
    await button('New token').click();
    await page.getByLabel('What it is for').fill('nightly');
    await button('Create').click();
    const secret = (await page.getByTestId('secret').textContent())!;
    const read = () =>
      fetch(`${gateway.url}/admin/v1/keys`, { headers: { authorization: `Bearer ${secret}` } }).then(
        ({ status }) => status,
      );
    assert.equal(await read(), 200);
    await button('Done').click();
    await page.getByRole('cell', { name: 'nightly', exact: true }).waitFor();
    assert.ok(!(await page.content()).includes(secret));
    assert.deepEqual(await serious(page), []);
    await button('Revoke nightly').click();
    await page.getByText('There is no token.').waitFor();
    assert.equal(await read(), 401);
  });

  test('a team admin sees the keys of the team alone, and makes one of it', async () => {
    await byPassword('lead');
    assert.deepEqual(await links(), ofTeamAdmin);
    for (const title of ofTeamAdmin.filter((one) => one !== 'Account')) {
      await go(title);
      assert.deepEqual(await writes(), title === 'Keys' ? ['New key'] : [], title);
      assert.equal(await page.getByRole('alert').count(), 0, title);
    }
    await go('Keys');
    await button('of-search').waitFor();
    assert.equal(await button('of-ads').count(), 0);
    await button('New key').click();
    await page.getByLabel('Name').fill('made-by-lead');
    await button('Create').click();
    await page.getByTestId('secret').waitFor();
    await button('Done').click();
    const { data } = await gateway.admin<{ data: { name: string; team: string }[] }>('GET', '/keys?q=made-by-lead');
    assert.deepEqual(
      data.map(({ team }) => team),
      ['search'],
    );
    await go('Teams');
    await button('1 member').click();
    await page.getByRole('dialog').getByText('lead@example.com').waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`${gateway.url}/ui/users`);
    await page.getByText('There is no such page, or it is not for your role.').waitFor();
    assert.deepEqual(complaints, []);
  });

  test('an admin makes a user, gives another role, blocks and deletes', async () => {
    await fresh();
    await page.goto(`${gateway.url}/ui/`);
    await page.getByLabel('Admin key').fill(gateway.adminKey);
    await button('Sign in').click();
    for (const [title, offered] of Object.entries(ofAdmin)) {
      await go(title);
      assert.deepEqual(await writes(), offered, title);
    }
    await go('Keys');
    await button('of-ads').click();
    await isDrawn();
    assert.deepEqual(await writes(), ['New key', 'Rotate', 'Limits', 'Block', 'Revoke']);
    await page.keyboard.press('Escape');
    await go('Teams');
    await button('Limits').first().click();
    await page.getByLabel('Limit', { exact: true }).fill('12.5');
    await button('Add').click();
    await page.getByRole('dialog').getByText('$12.50 a month').first().waitFor();
    assert.deepEqual(await serious(page), []);
    const limitsOfAds = async () => (await gateway.admin<{ limits: object[] }>('GET', '/teams/ads')).limits;
    assert.deepEqual(
      (await limitsOfAds()).map((limit) => ({ ...limit, unit: 'usd', max: 12.5, per: 'month' })),
      await limitsOfAds(),
    );
    await button('Remove $12.50 a month').click();
    await page.getByRole('dialog').getByText('There is none.').waitFor();
    assert.deepEqual(await limitsOfAds(), []);
    await button('Done').click();
    await go('Users');
    assert.deepEqual(await serious(page), []);
    await button('New user').click();
    await page.getByLabel('E-mail address').fill('grace@example.com');
    await page.getByLabel('Role').selectOption('member');
    await page.getByLabel('Teams').fill('nothing-of-the-kind');
    await button('Create').click();
    await page.getByRole('alert').getByText('there is no team named nothing-of-the-kind').waitFor();
    complaints.length = 0;
    await page.getByLabel('Teams').fill('search, ads');
    await button('Create').click();
    await button('grace@example.com').click();
    await page.getByRole('dialog').getByLabel('Role').selectOption('viewer');
    await button('Save').click();
    await page.getByRole('dialog').getByText('Done.').waitFor();
    await button('Block').click();
    await button('Unblock').waitFor();
    const [user] = (await gateway.admin<{ data: object[] }>('GET', '/users?q=grace')).data;
    assert.deepEqual({ role: 'viewer', blocked: true, ...user }, user);
    await button('Delete').click();
    await button('Delete for good').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal((await gateway.admin<{ data: object[] }>('GET', '/users?q=grace')).data.length, 0);
    assert.deepEqual(complaints, []);
  });

  test('whoever is blocked while the page is open is at the sign-in with the next click', async () => {
    await byPassword('viewer');
    // This page asks once: what it asks is answered before the block, else the sign-in is there before the click.
    await go('Audit');
    await page.waitForLoadState('networkidle');
    const [user] = (await gateway.admin<{ data: { id: string }[] }>('GET', '/users?q=viewer@')).data;
    await gateway.admin('POST', `/users/${user!.id}/block`);
    await page.getByRole('navigation').getByRole('link', { name: 'Teams' }).click();
    await page.getByRole('heading', { name: 'Sign in to Tollgate' }).waitFor();
    await gateway.admin('POST', `/users/${user!.id}/unblock`);
    complaints.length = 0;
  });

  test('the company signs in by OIDC, back to the page that was asked for; a refusal is told in words', async () => {
    await fresh();
    await page.goto(`${gateway.url}/ui/audit`);
    await page.getByRole('link', { name: 'Sign in with Company' }).click();
    await page.getByRole('alert').getByText('The sign-in service refused').waitFor();
    assert.deepEqual(await serious(page), []);
    issuer.people.set('ada', { groups: ['finance'], name: 'Ada' });
    issuer.person = 'ada';
    await page.goto(`${gateway.url}/ui/audit`);
    await page.getByRole('link', { name: 'Sign in with Company' }).click();
    await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
    assert.equal(await page.getByTestId('me').textContent(), 'Ada, viewer');
    assert.deepEqual(complaints, []);
  });
});
