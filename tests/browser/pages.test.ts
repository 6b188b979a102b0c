/** What every page owes its reader: no serious barrier, no error in the console, nothing wider than a phone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import { addressesOf, type BrowserWorld, openBrowserWorld } from './world.ts';

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
  await world.link(world.admin, 'main', '628111111111');
  for (const to of ['6281234567801', '6281234567802', '6281234567803']) {
    await world.api(world.admin, 'POST', '/message/send-text', { session: 'main', to, text: 'Hello' });
  }
}, 120_000);
afterAll(() => world.close());

/** What has an id in its path is looked at by the tests of its feature. */
const paths = [...addressesOf(allPages), '/docs', '/docs/errors'];

describe.each([
  ['on a desk', { width: 1280, colorScheme: 'light' as const }],
  [
    'on a phone, in the dark, in Indonesian',
    { width: 380, colorScheme: 'dark' as const, lang: 'id' as const },
  ],
])('%s', (_name, options) => {
  it('every page is accessible, quiet and narrow enough', { timeout: 240_000 }, async () => {
    const { page, problems } = await world.page({ as: 'admin', ...options });
    const found: string[] = [];
    for (const path of paths) {
      const response = await page.goto(path);
      if (!response?.headers()['content-type']?.startsWith('text/html')) continue;
      // A fragment is a part of a page that is looked at as a whole.
      if (!(await response.text()).startsWith('<!doctype html>')) continue;
      found.push(...(await world.axe(page)).map((line) => `${path}: ${line}`));
      const tooWide = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      if (Number(tooWide) > 0) found.push(`${path}: ${tooWide} px too wide`);
    }
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
  });
});
