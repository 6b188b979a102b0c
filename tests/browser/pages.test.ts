/**
 * What every page owes its reader: no serious barrier, no error in the console, nothing wider than a phone, the alarms first,
 * and times that name their zone.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import { until } from '../helpers/until.ts';
import { addressesOf, type BrowserWorld, openBrowserWorld } from './world.ts';

/** The number that its phone has thrown out. */
const LOST = '628111111112';
/** It does not fit into a line. */
const LONG = 'Hello! Your order 1042 is packed and leaves our shop today, the courier calls you before noon.';
/** Times whose zone is not named. */
const UNNAMED = `[...document.querySelectorAll('time[datetime]')]
  .filter(({ title }) => !/ (?:WIB|UTC)$/.test(title)).map(({ outerHTML }) => outerHTML)`;

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
  await world.link(world.admin, 'main', '628111111111');
  for (const to of ['6281234567801', '6281234567802', '6281234567803']) {
    await world.api(world.admin, 'POST', '/message/send-text', { session: 'main', to, text: LONG });
  }
  await furnish();
  await world.link(world.admin, 'otp-1', LOST);
  await world.emulator.fault({ kind: 'logout', phone: LOST });
  await until(async () => {
    const { body } = await world.api(world.admin, 'GET', '/alarms');
    return body.data.length === 1;
  });
}, 120_000);
afterAll(() => world.close());

/** Something to look at where addresses have ids. */
async function furnish(): Promise<void> {
  const make = async (path: string, body: object) => {
    const { status, body: answer } = await world.api(world.admin, 'POST', path, body);
    expect(status, `${path}: ${JSON.stringify(answer)}`).toBeLessThan(300);
    return answer.data;
  };
  const url = 'https://hooks.example.com/wahub';
  await make('/webhook', { url, events: ['message.failed'] });
  await make('/alerts/channels', { name: 'On call', type: 'webhook', target: url, kinds: ['*'] });
  await make('/otp/templates', { name: 'Login', body: 'Code {otp}' });
  const broadcast = '/session/main/broadcast';
  await make(`${broadcast}/templates`, { name: 'Promo', body: 'Hello {name}' });
  const list = await make(`${broadcast}/lists`, { name: 'Customers' });
  await make(`${broadcast}/lists/${list.id}/contacts`, { number: '6281234567801', name: 'Budi' });
  const scheduledAt = new Date(Date.now() + 86_400_000).toISOString();
  await make(`${broadcast}/schedule`, { listId: list.id, message: 'Hi {name}', scheduledAt });
}

const paths = [...addressesOf(allPages), '/docs', '/docs/errors'];
const DOWNLOADS = /export$|errors$|assets|extension|oidc/;
const withoutId = new Set(allPages.map(({ path }) => path));
/** Pages with an id in their address, which is found on the pages before. */
const withId = allPages
  .filter(({ method, path }) => method === 'get' && path.includes(':') && !DOWNLOADS.test(path))
  .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, '[^/?]+')}(?:\\?|$)`));
const LINK = /href="(\/dashboard[^"#]*)"/g;
const MAX_BYTES = 100_000;

describe.each([
  ['on a desk', { width: 1280, colorScheme: 'light' as const }],
  [
    'on a phone, in the dark, in Indonesian',
    { width: 380, colorScheme: 'dark' as const, lang: 'id' as const },
  ],
])('%s', (_name, options) => {
  it('every page is accessible, quiet and narrow enough', { timeout: 480_000 }, async () => {
    const { page, problems } = await world.page({ as: 'admin', withAxe: true, ...options });
    const found: string[] = [];
    const left = new Set(withId);
    const waiting = [...paths];
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const response = await page.goto(path);
      if (!response?.headers()['content-type']?.startsWith('text/html')) continue;
      const html = await response.text();
      // A fragment is a part of a page that is looked at as a whole.
      if (!html.startsWith('<!doctype html>')) continue;
      for (const [, link = ''] of html.matchAll(LINK)) {
        const pattern = [...left].find((one) => one.test(link));
        if (pattern === undefined || withoutId.has(link.split('?', 1)[0] ?? '')) continue;
        left.delete(pattern);
        waiting.push(link.replaceAll('&amp;', '&'));
      }
      if (!path.startsWith('/docs') && Buffer.byteLength(html) > MAX_BYTES)
        found.push(`${path}: is too large`);
      found.push(...(await world.axe(page)).map((line) => `${path}: ${line}`));
      const tooWide = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      const unnamed = await page.evaluate(UNNAMED);
      found.push(...(unnamed as string[]).map((line) => `${path}: ${line}`));
      if (!path.startsWith('/docs') && !path.includes('/sign-in')) {
        const isFirst = await page.evaluate(
          "document.querySelector('main').firstElementChild.id === 'alarms'",
        );
        if (!isFirst) found.push(`${path}: the alarms are not first`);
        if (!(await page.title()).startsWith('(1) ')) found.push(`${path}: ${await page.title()}`);
      }
      if (Number(tooWide) > 0) found.push(`${path}: ${tooWide} px too wide`);
    }
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
    expect(withId.length - left.size, [...left].join(' ')).toBeGreaterThan(12);
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

it.each([
  ['en', 1280, 'otp-1 was logged out at', 'Link again'],
  ['id', 380, 'otp-1 terputus dari ponsel pukul', 'Tautkan lagi'],
] as const)(
  'an alarm leads to the QR of its number, and goes when that is linked (%s)',
  async (lang, width, said, again) => {
    const { page, problems } = await world.page({ as: 'admin', width, lang });
    await page.goto('/dashboard/messages');
    const strip = page.locator('#alarms');
    await strip.getByText(said).waitFor();
    expect(await page.locator('link[rel=icon]').getAttribute('href')).toContain('mark-alarm');
    await strip.getByRole('button', { name: again }).click();
    await page.locator('.qr img').waitFor();
    if (lang === 'en') {
      await page.goto('/dashboard');
      await strip.getByText('waits to be linked again').waitFor();
      await world.api(world.admin, 'POST', '/session/logout', { sessionId: 'otp-1' });
      // Somebody wanted it: nothing is left to be told, and the page hears of it by itself.
      await until(async () => !(await page.title()).startsWith('('));
      expect(await page.locator('link[rel=icon]').getAttribute('href')).not.toContain('mark-alarm');
      await world.link(world.admin, 'otp-1', LOST);
      await world.emulator.fault({ kind: 'logout', phone: LOST });
      await until(async () => (await page.title()).startsWith('(1) '));
    }
    expect(problems).toEqual([]);
  },
);
