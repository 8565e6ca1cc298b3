/**
 * How long the console waits in a real browser (Chromium) for the gateway: each view is opened twice, with what its fields
 * ask beside, and its slowest answer of the admin API is told, as the browser measures it from sending to the last byte. Part of
 * `npm run bench company`, over its database.
 */
import type { Page, Request } from 'playwright-core';
import { pages } from '../test/console/filled.js';
import { openBrowser } from '../test/support/browser.js';
import type { Gateway } from '../test/support/gateway.js';

const TIMES = 2;
const GOAL_MS = 500;
const SETTLED_MS = 700;

/** What is done in a view beside opening it: the name of it, and how. */
type Step = readonly [name: string, act: (page: Page) => Promise<unknown>];

const choose =
  (label: string, option: string): Step[1] =>
  (page) =>
    page.getByLabel(label, { exact: true }).selectOption(option);
const type =
  (label: string, text: string): Step[1] =>
  (page) =>
    page.getByLabel(label, { exact: true }).fill(text);
const press =
  (name: string): Step[1] =>
  (page) =>
    page.getByRole('button', { name, exact: true }).first().click();
const rowsOf =
  (...wanted: readonly string[]): Step[1] =>
  async (page) => {
    for (const box of await page.getByRole('checkbox').all()) await box.uncheck();
    for (const name of wanted) await page.getByLabel(name, { exact: true }).check();
  };

const groups = ['team', 'key', 'provider', 'user', 'tag'];
const each = (label: string, options: readonly string[]): readonly Step[] =>
  options.map((option) => [`${label}: ${option}`, choose(label, option)] as const);

const steps: Readonly<Record<string, readonly Step[]>> = {
  Spend: [
    ...each('By', groups),
    ...each('Period', ['7', 'last']),
    ['Days from the middle of a month', (page) => middle(page)],
    ...each('By', ['key', 'user']),
    ...each('Time zone', ['Europe/Berlin']),
    ...each('By', ['tag', 'team']),
  ],
  Requests: [
    ['more', press('Show more')],
    ['team', type('team', 'team-7')],
    ['status, of the team', type('status', '418')],
    ['status', type('team', '')],
    ['status and tag', type('tag', 'project-7')],
    ['tag and status', type('status', '502')],
  ],
  Keys: [
    ['a search', type('Search', 'service-777')],
    ['a search that finds nothing', type('Search', 'nothing-like-it')],
    ['of a team', (page) => type('Search', '')(page).then(() => type('Of team', 'team-7')(page))],
    ['more', (page) => type('Of team', '')(page).then(() => press('Show more')(page))],
  ],
  Refused: each('Period', ['168', '720']),
  Reports: [
    ['by target', rowsOf('target')],
    ['by key', rowsOf('key')],
    ['by key and model', rowsOf('key', 'model')],
    ['by end user', rowsOf('end user')],
    ['by day and tag', rowsOf('day', 'tag')],
    ['by endpoint, cache and status', rowsOf('endpoint', 'cache', 'status')],
    ['by team and status', rowsOf('team', 'status')],
    ...each('Time zone', ['Europe/Berlin']),
    ['by day and target, in another time zone', rowsOf('day', 'target')],
    ['by day and tag, in another time zone', rowsOf('day', 'tag')],
  ],
};

async function middle(page: Page): Promise<void> {
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel('From', { exact: true }).fill(day(22));
  await page.getByLabel('To', { exact: true }).fill(day(8));
}

interface Slowest {
  ms: number;
  path: string;
}

/** Prints a table of the views. */
export async function timeViews(gateway: Gateway): Promise<void> {
  const browser = await openBrowser();
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
  const asked: Promise<Slowest>[] = [];
  const running = new Set<Request>();
  page.on('request', (request) => request.url().includes('/admin/v1/') && running.add(request));
  page.on('requestfailed', (request) => running.delete(request));
  page.on('requestfinished', (request) => {
    if (running.delete(request)) asked.push(timingOf(request));
  });
  /** The slowest answer to what is asked for it. */
  const timed = async (act: () => Promise<unknown>): Promise<Slowest> => {
    asked.length = 0;
    await act();
    // What is typed is asked for when typing rests, and one answer may lead to another question.
    do await page.waitForTimeout(SETTLED_MS);
    while (running.size > 0);
    return (await Promise.all(asked)).reduce((a, b) => (b.ms > a.ms ? b : a), { ms: 0, path: '-' });
  };
  await page.goto(`${gateway.url}/ui/`);
  await page.getByLabel('Admin key').fill(gateway.adminKey);
  await page.getByLabel('Admin key').press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Spend' }).waitFor();
  const best = new Map<string, Slowest[]>();
  const note = (name: string, found: Slowest) => best.set(name, [...(best.get(name) ?? []), found]);
  for (let i = 0; i < TIMES; i++) {
    for (const [path, title] of pages) {
      const open = async () => {
        await page.goto(`${gateway.url}/ui/${path}`);
        await page.getByRole('heading', { level: 1, name: title }).waitFor();
      };
      note(title, await timed(open));
      for (const [name, act] of steps[title] ?? []) note(`${title}, ${name}`, await timed(() => act(page)));
    }
  }
  for (const [name, found] of best) {
    const sorted = found.sort((a, b) => a.ms - b.ms);
    const [least, most] = [sorted[0]!, sorted.at(-1)!];
    const mark = least.ms > GOAL_MS ? '  TOO SLOW' : '';
    console.log(
      `${name.padEnd(60)} ${least.ms.toFixed(0).padStart(6)} to ${most.ms.toFixed(0).padStart(6)} ms  ${least.path}${mark}`,
    );
  }
  await browser.close();
}

async function timingOf(request: Request): Promise<Slowest> {
  await request.response();
  const { requestStart, responseEnd } = request.timing();
  return { ms: responseEnd - requestStart, path: request.url().replace(/^.*\/admin\/v1/, '') };
}
