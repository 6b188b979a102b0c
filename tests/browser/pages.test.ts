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

describe.each([
  ['en', { find: 'Search', none: 'Nothing found', lists: 'contact li', filters: 'Filters' }],
  ['id', { find: 'Cari', none: 'Tidak ditemukan', lists: 'daftar kon', filters: 'Filter' }],
] as const)('the frame in %s', (lang, words) => {
  it('finds by the keyboard alone', async () => {
    const { page, problems } = await world.page({ as: 'admin', lang });
    await page.goto('/dashboard');
    await page.keyboard.press('Control+k');
    const field = page.getByRole('searchbox', { name: words.find });
    await field.fill('6281234567802');
    const results = page.locator('#find-results a');
    await results.first().waitFor();
    await world.shot(page, `search-${lang}`);
    expect(await world.axe(page)).toEqual([]);
    await field.fill(words.lists);
    await page
      .locator('#find-results [data-found]')
      .and(page.locator(`[data-found="${words.lists}"]`))
      .waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/dashboard/broadcast/lists');
    await page.keyboard.press('/');
    await page.getByRole('searchbox', { name: words.find }).fill('nothing-of-that-kind');
    await page.getByText(words.none).waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('searchbox', { name: words.find }).isVisible()).toBe(false);
    expect(problems).toEqual([]);
  });

  it('shows on a phone cards with their state, filters in a sheet, and every page behind its tabs', async () => {
    const { page, problems } = await world.page({ as: 'admin', lang, width: 390 });
    await page.goto('/dashboard/messages');
    await world.shot(page, `phone-messages-${lang}`);
    const row = page.locator('#messages tbody tr').first();
    const box = await row.boundingBox();
    expect(box?.height).toBeLessThan(90);
    const badge = await row.locator('.badge').boundingBox();
    expect((badge?.x ?? 0) + (badge?.width ?? 1_000)).toBeLessThanOrEqual(390);
    const number = page.locator('[name="number"]');
    expect(await number.isVisible()).toBe(false);
    await page.getByRole('button', { name: words.filters }).click();
    expect(await number.isVisible()).toBe(true);
    expect(await world.axe(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await number.isVisible()).toBe(false);
    const tabs = page.locator('nav.main');
    expect((await tabs.boundingBox())?.y).toBeGreaterThan(800);
    expect(await tabs.getByRole('link').count()).toBe(4);
    await tabs.locator('summary').click();
    expect(await tabs.getByRole('link').count()).toBeGreaterThan(6);
    expect(await world.axe(page)).toEqual([]);
    expect(problems).toEqual([]);
  });
});

it('shows fifty messages in about two screens', async () => {
  const { page } = await world.page({ as: 'admin' });
  await page.goto('/dashboard/messages');
  const height = await page
    .locator('#messages tbody tr')
    .first()
    .evaluate((row) => row.getBoundingClientRect().height);
  expect(50 * height).toBeLessThan(2 * 900);
  // Every column can be seen.
  const table = await page.locator('#messages .table').evaluate((box) => box.scrollWidth - box.clientWidth);
  expect(table).toBe(0);
});
