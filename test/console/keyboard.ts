/** The console by the keyboard alone. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** The label of what has the focus, or its text. */
export const nameOfFocus = (page: Page): Promise<string> =>
  page.evaluate('(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()');

/** Tab, as far as what has this name. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if ((await nameOfFocus(page)) === name) return;
  }
  assert.fail(`no Tab leads to ${name}`);
}
