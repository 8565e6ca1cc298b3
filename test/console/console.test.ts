/** The console in a real browser: a newcomer's way, every page with and without data, errors, and what axe finds. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { serious } from '../support/axe.js';
import { browserPath, openBrowser } from '../support/browser.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { consoleConfig, fill, pages } from './filled.js';
import { nameOfFocus, tabTo } from './keyboard.js';
import { inScheme, screen } from './screens.js';

const skip = browserPath === undefined && 'Chromium is not installed';

/** The pages that the documentation shows. */
const inDocs: ReadonlySet<string> = new Set(['Spend', 'Requests', 'Keys', 'Teams', 'Models', 'Refused', 'Reports']);
describe('the console', { skip }, () => {
  let gateway: Gateway;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  before(async () => {
    gateway = await startGateway({
      database: 'postgres',
      config: consoleConfig,
    });
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
  });
  after(async () => {
    await browser?.close();
    await gateway?.close();
  });

  const go = async (path: string, title: string): Promise<void> => {
    await page.goto(`${gateway.url}/ui/${path}`);
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await page.waitForLoadState('networkidle');
  };

  test('refuses a wrong key in words, and asks again', async () => {
    await page.goto(`${gateway.url}/ui/`);
    await page.getByLabel('Admin key').fill('wrong-wrong-wrong-wrong-wrong-wrong-wrong');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('alert').waitFor();
    assert.deepEqual(await serious(page), []);
    complaints.length = 0; // the browser reports the 401 that was asked for
  });

  test('lets the admin key in and shows a newcomer the way to the first request and its cost, by the keyboard alone', async () => {
    await page.reload();
    await page.getByLabel('Admin key').waitFor();
    await tabTo(page, 'Admin key');
    await page.keyboard.type(gateway.adminKey);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Make a key' }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await nameOfFocus(page), 'To the content');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Make a key');
    await page.keyboard.press('Enter');
    const curl = page.locator('pre');
    await curl.waitFor();
    const secret = /sk-tg-\w+/.exec((await curl.textContent()) ?? '')?.[0];
    assert.ok(secret);
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sandbox', messages: [{ role: 'user', content: 'From a terminal' }] }),
    });
    assert.equal(answer.status, 200);
    await tabTo(page, 'Send it');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('It cost $0.0000').waitFor();
    await tabTo(page, 'Show the spend');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Spend a day' }).waitFor();
    await page.getByRole('cell', { name: 'sandbox', exact: true }).waitFor();
    const kept = (await page.evaluate(
      'JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])',
    )) as string;
    assert.ok(!kept.includes(gateway.adminKey) && !kept.includes('tollgate_session'), kept);
  });

  /** Through the links of the console, as people go. */
  const visit = async (title: string): Promise<void> => {
    await page.getByRole('link', { name: title, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await isDrawn();
  };
  /** Nothing on the page waits for an answer. */
  const isDrawn = () => page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });

  test('has every page without data, which says the next step, without an error', async () => {
    for (const [, title] of pages) {
      await visit(title);
      assert.deepEqual(complaints, [], title);
      assert.equal(await page.getByRole('alert').count(), 0, title);
    }
    for (const [title, words] of [
      ['Teams', 'There is no team yet'],
      ['Refused', 'Nobody was refused'],
      ['Cache', 'Nothing came from the cache yet'],
      ['Limits', 'No team has a limit'],
    ] as const) {
      await visit(title);
      await page.getByText(words).first().waitFor();
    }
  });

  test('has every page with data, without an error and with nothing serious for axe', async () => {
    await fill(gateway);
    await go('', 'Spend');
    for (const [, title] of pages) {
      await visit(title);
      if (inDocs.has(title)) await screen(page, title.toLowerCase());
      assert.deepEqual(await serious(page), [], title);
      // What differs in the dark are colours.
      await inScheme(page, 'dark');
      assert.deepEqual(await serious(page, ['color-contrast']), [], `${title}, dark`);
      await inScheme(page, 'light');
      assert.deepEqual(complaints, [], title);
      assert.equal(await page.getByRole('alert').count(), 0, title);
    }
    for (const [title, words] of [
      ['Spend', 'Saved by the cache'],
      ['Keys', 'search-prod'],
      ['Teams', '$50.00 a month'],
      ['Models', 'away'],
      ['Refused', 'budget_exceeded'],
      ['Cache', 'Saved by model'],
      ['Reports', 'daily-spend'],
      ['Webhooks', 'Deliveries'],
      ['Routes', 'orders'],
      ['Audit', 'key.create'],
    ] as const) {
      await visit(title);
      await page.getByText(words).first().waitFor();
    }
  });

  test('has every page say in words that the gateway is away', async () => {
    await visit('Explain');
    await page.route('**/admin/v1/**', (route) => route.abort());
    for (const [path, title] of pages) {
      if (title === 'Explain' || title === 'Playground') continue;
      await page.goto(`${gateway.url}/ui/${path}`);
      await page.getByText('The gateway cannot be reached').first().waitFor();
    }
    await page.unroute('**/admin/v1/**');
    complaints.length = 0;
  });

  test('follows the ledger live, from what came before it was switched on', async () => {
    await go('requests', 'Requests');
    const { key } = await gateway.key({ name: 'live-key', team: 'search' });
    const send = async (model: string) =>
      (await gateway.chat(key, { model, messages: [{ role: 'user', content: 'Hello' }] })).text();
    const newest = page.locator('tbody tr').first();
    await send('sandbox');
    assert.equal(await page.getByText('live-key').count(), 0);
    await page.getByRole('switch').click();
    await newest.getByText('live-key').waitFor();
    await send('flaky');
    await newest.getByText('flaky').waitFor();
    await page.getByRole('switch').click();
  });

  test('says why it does not follow the ledger; what is refused is asked once, what is away again', async () => {
    let asked = 0;
    let status = 503;
    await page.route('**/usage/stream*', (route) => {
      asked++;
      const body = JSON.stringify({ detail: `no stream: ${status}` });
      return route.fulfill({ status, body, headers: { 'retry-after': '0' } });
    });
    await page.getByRole('switch').click();
    await page.getByRole('alert').getByText('no stream: 503').waitFor();
    status = 403;
    await page.getByRole('alert').getByText('no stream: 403').waitFor();
    const until = asked;
    assert.ok(until >= 2);
    await page.unroute('**/usage/stream*');
    await visit('Audit');
    await visit('Requests');
    assert.equal(asked, until, 'a refusal is not asked again');
    const followed = page.waitForResponse((response) => response.url().includes('/usage/stream'));
    await page.getByRole('switch').click();
    assert.equal((await followed).status(), 200);
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.getByRole('switch').click();
    complaints.length = 0;
  });

  test('tells in its place of a page that cannot be drawn, and goes on with the others', async () => {
    await page.route('**/admin/v1/teams?*', (route) => route.fulfill({ json: { data: [{}], next_cursor: null } }));
    await page.getByRole('link', { name: 'Teams', exact: true }).click();
    await page.getByRole('alert').waitFor();
    await page.unroute('**/admin/v1/teams?*');
    await visit('Audit');
    assert.equal(await page.getByRole('alert').count(), 0);
    complaints.length = 0;
  });

  test('takes the last day of a period with it, on every page', async () => {
    const [yesterday, today] = [1, 0].map((days) =>
      new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10),
    );
    for (const [title, caption] of [
      ['Spend', 'Spend by model'],
      ['Reports', 'Spend'],
    ] as const) {
      await visit(title);
      await page.getByLabel('Time zone').selectOption('UTC');
      await page.getByRole('textbox', { name: 'From' }).fill(yesterday!);
      await page.getByRole('textbox', { name: 'To' }).fill(today!);
      await page.getByRole('table', { name: caption, exact: true }).getByText('sandbox').first().waitFor();
      assert.equal(await page.getByRole('textbox', { name: 'To' }).inputValue(), today);
      if (title === 'Spend') {
        await page.getByRole('textbox', { name: 'From' }).fill('2020-01-01');
        await page.getByRole('textbox', { name: 'To' }).fill('2020-01-02');
        await page.getByText('Nothing was asked in this period').waitFor();
      }
      // A date that is no date, or one that is half written, breaks nothing.
      await page.getByRole('textbox', { name: 'From' }).fill('');
      await page.getByRole('textbox', { name: 'To' }).fill('0002-01-01');
      await page.getByRole('textbox', { name: 'To' }).fill('');
      await visit('Audit');
    }
    complaints.length = 0; // the browser reports the 400 that was asked for
  });

  test('reports by what is ticked, in the order of the column that is pressed', async () => {
    await visit('Reports');
    await page.getByLabel('Period').selectOption('last 30 days');
    const heads = () =>
      page.getByRole('table', { name: 'Spend', exact: true }).getByRole('columnheader').allTextContents();
    await page.getByRole('checkbox', { name: 'key', exact: true }).check();
    await page.getByRole('checkbox', { name: 'team', exact: true }).uncheck();
    await page.getByRole('columnheader', { name: 'key' }).waitFor();
    assert.match((await heads()).join(), /^key ↕,model ↕,Requests ↕,Spend \(/);
    const firsts = async () => (await page.locator('tbody tr td:first-child').allTextContents()).join();
    const requests = page.getByRole('columnheader', { name: 'Requests' });
    await requests.getByRole('button').click();
    assert.equal(await requests.getAttribute('aria-sort'), 'descending');
    const down = await firsts();
    assert.match(down, /^search-prod,/);
    await page.keyboard.press('Enter');
    assert.equal(await requests.getAttribute('aria-sort'), 'ascending');
    assert.notEqual(await firsts(), down);
    await visit('Audit');
  });

  test('judges a draft of the configuration and names what it would change', async () => {
    await go('config', 'Configuration');
    await page.getByLabel('The text of config.yaml').fill('models:\n  m: { targts: [] }\n');
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByTestId('problems').getByText('targets').waitFor();
    await page.getByLabel('The text of config.yaml').fill('providers: { sandbox: { type: sandbox } }');
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByText('It is valid. Write it into the file').waitFor();
    assert.deepEqual(complaints, []);
  });

  test('adds a provider with a model, and tests it', async () => {
    await go('models', 'Models');
    await page.getByRole('button', { name: 'Add a provider' }).click();
    await page.getByLabel('Name', { exact: true }).fill('second');
    await page.getByLabel('Type').selectOption('sandbox');
    await page.getByLabel('A model of it').fill('sandbox');
    await page.getByRole('button', { name: 'Add and test' }).click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
    complaints.length = 0; // the model has the name of another one; the provider is there
    await page.getByLabel('A model of it').fill('second-model');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('heading', { name: 'second-model' }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test('makes a key with a budget, shows its secret once, and what is left of it', async () => {
    await go('keys', 'Keys');
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name', { exact: true }).fill('search-batch');
    await page.getByLabel('Limit').fill('50');
    await page.getByRole('button', { name: 'Create' }).click();
    const secret = await page.getByTestId('secret').textContent();
    assert.match(secret ?? '', /^sk-tg-[0-9A-Za-z]{49}$/);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'search-batch' }).click();
    await page.getByText('$0 spent, $0 held, $50.00 left').waitFor();
    assert.ok(!(await page.content()).includes(secret!));
    await page.keyboard.press('Escape');
  });

  test('streams in the playground and shows what it cost', async () => {
    const { key } = await gateway.key();
    await go('playground', 'Playground');
    await page.getByLabel('Virtual key').fill(key);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('cost_usd').waitFor();
    await page.getByText('sandbox/sandbox').waitFor();
    await screen(page, 'playground');
  });

  test('shows one request with its attempts', async () => {
    await go('requests', 'Requests');
    await page.getByLabel('key name').fill('of no key');
    await page.getByText('There is no such request').waitFor();
    await page.getByLabel('key name').fill('SEARCH-pr');
    await page.getByLabel('request id').fill('first-failed');
    await page.getByLabel('cost to ($)').fill('1');
    await isDrawn();
    await page.getByText('sandbox/sandbox').first().waitFor();
    await page.getByRole('button', { name: /\d{4}/ }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Went to').waitFor();
    await dialog.getByText('It was the next choice of the model after transient').waitFor();
    const limits = dialog.getByRole('region', { name: 'Limits taken' });
    assert.equal(await limits.count(), 2, 'of each attempt');
    const rows = await limits.first().getByRole('row').allInnerTexts();
    assert.match(rows.join(' | '), /key search-prod\s+600 requests a minute\s+1\s+1\s+\d+/);
    assert.match(rows.join(' | '), /team search\s+\$50\.00 a month/);
    await page.getByRole('button', { name: 'Show prompt and answer' }).click();
    await page.getByText('"messages"').waitFor();
    await page.getByText('"choices"').waitFor();
    await screen(page, 'request');
    assert.deepEqual(await serious(page), []);
    await page.keyboard.press('Escape');
  });

  test('goes on when a gateway that was away is back', async () => {
    await go('audit', 'Audit');
    await page.route('**/admin/v1/**', (route) => route.abort());
    await page.getByRole('link', { name: 'Teams' }).click();
    await page.getByText('The gateway cannot be reached').first().waitFor();
    await page.unroute('**/admin/v1/**');
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByRole('heading', { name: 'search', exact: true }).waitFor();
    complaints.length = 0;
  });

  test('ends the session when it is signed out of, and keeps no key', async () => {
    await page.route('**/admin/v1/session', (route) => route.abort());
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('alert').getByText('The gateway cannot be reached').waitFor();
    await page.unroute('**/admin/v1/session');
    complaints.length = 0;
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin key').waitFor();
    const cookies = await context.cookies();
    assert.deepEqual([cookies, await page.evaluate('sessionStorage.length')], [[], 0]);
    await page.goto(`${gateway.url}/ui/keys`);
    await page.getByLabel('Admin key').waitFor();
  });
});
