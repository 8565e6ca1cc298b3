/** Pictures of the console for its documentation, light and dark: `TEST_SCREENS=docs/screens npm test -- console/console`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { packageRoot } from '../../src/lib/root.js';

/** Where they go; undefined: none are taken. */
const folder = process.env['TEST_SCREENS'];

const schemes = ['light', 'dark'] as const;
type Scheme = (typeof schemes)[number];

/** The page as it is for those who like it so. */
export async function inScheme(page: Page, colorScheme: Scheme): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.locator(`.radix-themes.${colorScheme}`).first().waitFor();
}

/** What the page shows now, as `NAME-light.webp` and `NAME-dark.webp`: small files, since they are kept with the source. */
export async function screen(page: Page, name: string): Promise<void> {
  if (folder === undefined) return;
  const session = await page.context().newCDPSession(page);
  for (const scheme of schemes) {
    await inScheme(page, scheme);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
    writeFileSync(join(packageRoot, folder, `${name}-${scheme}.webp`), Buffer.from(data, 'base64'));
  }
  await inScheme(page, 'light');
  await session.detach();
}
