/** Broadcasts with a real browser: a file of contacts goes in, a campaign is paused and stopped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrowserWorld, openBrowserWorld } from './world.ts';

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
}, 120_000);
afterAll(() => world.close());

const ROWS = 10_000;

function csvOf(rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const number = i === 4_000 ? 'no number' : i === 5_000 ? '081230000000' : `0812${30_000_000 + i}`;
    return `Person ${i},${number},${i % 2 === 0 ? 'Bandung' : 'Solo'}`;
  });
  return `name,number,city\n${lines.join('\n')}\n`;
}

describe('importing', () => {
  it(`${ROWS} contacts shows how much is sent and how much is in, and tells the lines that are wrong`, async () => {
    const person = await world.tenant();
    const { page, problems } = await world.page({ as: person });
    await page.goto('/dashboard/broadcast/lists');
    await page.getByRole('link', { name: 'New list' }).first().click();
    await page.getByLabel('List name').fill('Ten thousand');
    await page.getByRole('button', { name: 'New list' }).click();
    await page.getByRole('heading', { name: 'Ten thousand' }).waitFor();
    await page.getByRole('link', { name: 'Import a file' }).first().click();
    const buffer = Buffer.from(csvOf(ROWS));
    await page.getByLabel('CSV file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer });
    // What the bars showed, also while nobody could look.
    await page.addInitScript(WATCH_BARS);
    await page.evaluate(WATCH_BARS);
    await page.getByRole('button', { name: 'Start import' }).click();
    await page.getByText(`${ROWS.toLocaleString('en')} of ${ROWS.toLocaleString('en')} rows`).waitFor();
    await page.getByText('completed', { exact: true }).waitFor();
    const bars = await page.evaluate<string>('sessionStorage.getItem("bars") ?? ""');
    expect(bars).toContain('Upload progress: 100');
    expect(bars).toMatch(/Import progress: \d+/);
    await page.getByRole('row', { name: /4,002.*no number.*not a phone number/ }).waitFor();
    await page.getByRole('row', { name: /5,002.*081230000000.*earlier line/ }).waitFor();
    expect(await world.axe(page)).toEqual([]);
    await page.getByRole('link', { name: 'Back to the list' }).click();
    await page.getByText('9,998 contacts').waitFor();
    await world.shot(page, 'broadcast-list');
    expect(await world.axe(page)).toEqual([]);
    expect(problems).toEqual([]);
  }, 120_000);
});

describe('a campaign', () => {
  it('is made step by step, goes ahead before the eyes, pauses at once and is stopped for good', async () => {
    // Of its own: a test that is tried again finds nothing of the first try.
    const person = await world.tenant();
    await world.link(person, 'main', '628111222333');
    const made = await world.api(person, 'POST', '/session/main/broadcast/lists', { name: 'Forty' });
    const listId = made.body.data.id;
    const contacts = Array.from({ length: 40 }, (_, i) => ({
      number: `0813${20_000_000 + i}`,
      name: `P${i}`,
    }));
    await world.api(person, 'POST', `/session/main/broadcast/lists/${listId}/contacts`, { contacts });
    const { page, problems } = await world.page({ as: person });
    await page.goto(`/dashboard/broadcast/new?listId=${listId}`);
    expect(await world.axe(page)).toEqual([]);
    const next = page.getByRole('button', { name: 'Next' });
    await next.click();
    await page.getByRole('heading', { name: 'Message', exact: true }).waitFor();
    // What is missing holds the step back.
    await next.click();
    await page.getByLabel('Text', { exact: true }).fill('{{Halo|Hai}} *{name|Kak}*!');
    await page
      .getByText(/^(Halo|Hai) P0!$/)
      .first()
      .waitFor();
    await page.getByText('Draft saved.').waitFor();
    await page.reload();
    expect(await page.getByLabel('Text', { exact: true }).inputValue()).toContain('Halo|Hai');
    await page.locator('.handset strong', { hasText: 'P0' }).waitFor();
    await world.shot(page, 'broadcast-wizard');
    expect(await world.axe(page)).toEqual([]);
    await next.click();
    await page.waitForURL('**/when');
    await page.goBack();
    await page.waitForURL('**/what');
    expect(await page.getByLabel('Text', { exact: true }).inputValue()).toContain('Halo|Hai');
    await page.goForward();
    // Enter goes on, it does not start anything.
    await page.getByLabel('now', { exact: true }).press('Enter');
    await page.waitForURL('**/pace');
    await page.getByLabel('Delay between messages (seconds)').fill('1');
    // It may be night now.
    await page.getByLabel('Send only by day').uncheck();
    await next.click();
    await page.getByText('Duration', { exact: true }).waitFor();
    await page.getByLabel('Your number').fill('+62 813-2999-9999');
    await page.getByRole('button', { name: 'Send test' }).click();
    await page.getByText('The test to', { exact: false }).waitFor();
    await page.getByLabel('Campaign name').fill('<b>Promo</b>');
    expect(await world.axe(page)).toEqual([]);
    await page.getByRole('button', { name: 'Start campaign' }).click();
    await page.getByRole('heading', { name: '<b>Promo</b>' }).waitFor();
    await page
      .getByText(/^[1-9]\d* of 40/)
      .first()
      .waitFor();
    await world.shot(page, 'broadcast-campaign');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('No one gets a message twice').waitFor();
    const sent = async (): Promise<number> => {
      const [id] = new URL(page.url()).pathname.split('/').slice(-1);
      const { body } = await world.api(person, 'GET', `/session/main/broadcast/campaigns/${id}`);
      return body.data.statistics.sent;
    };
    const before = await sent();
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(40);
    expect(await world.axe(page)).toEqual([]);
    await page.waitForTimeout(2_500);
    expect(await sent()).toBe(before);
    page.on('dialog', (dialog) => dialog.accept());
    await page.getByRole('button', { name: 'Stop permanently' }).click();
    await page.getByText('Ended for good.').waitFor();
    await page.getByText(`${before} of 40 sent`).first().waitFor();
    expect(await page.getByRole('button', { name: 'Resume' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Recipients', exact: true }).click();
    await page.getByRole('link', { name: 'Skipped' }).click();
    await page.getByText('the campaign was stopped first').first().waitFor();
    expect(await world.axe(page)).toEqual([]);
    expect(problems).toEqual([]);
  }, 120_000);
});

it('counts days as those of the calendar, in the zone of the workspace where it has one', async () => {
  const person = await world.tenant();
  await world.link(person, 'main', '628111222555');
  const scheduledAt = new Date(Math.ceil(Date.now() / 86_400_000 + 3) * 86_400_000 + 3_600_000);
  const body = { numbers: ['081234567890'], message: 'x', scheduledAt: scheduledAt.toISOString() };
  await world.api(person, 'POST', '/session/main/broadcast/schedule', body);
  const { page } = await world.page({ as: person });
  // 00:30 of the day before in Jakarta, and two days before in UTC.
  await page.clock.setFixedTime(new Date(scheduledAt.getTime() - 31.5 * 3_600_000));
  await page.goto('/dashboard/broadcast?status=scheduled');
  await page.getByText('starts tomorrow').waitFor();
  await world.api(person, 'PUT', '/auth/me', { timezone: 'UTC' });
  await page.reload();
  await page.getByText('starts in 2 days').waitFor();
}, 60_000);

it('a draft is written on a phone in Indonesian, and a second tab does not overwrite it', async () => {
  const author = await world.tenant();
  await world.link(author, 'toko', '628111222444');
  const { page, problems } = await world.page({ as: author, width: 390, lang: 'id', colorScheme: 'dark' });
  const narrow = async () => {
    expect(await world.axe(page)).toEqual([]);
    const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(wide), page.url()).toBe(0);
    expect((await page.content()).length).toBeLessThan(100_000);
  };
  await page.goto('/dashboard/broadcast/new');
  await page.getByLabel('Nomor', { exact: true }).fill('0812-3456-7890\n0812-3456-7891');
  await page.getByText('Draf tersimpan.').waitFor();
  await page.waitForURL('**/drafts/*/who');
  await narrow();
  const next = page.getByRole('button', { name: 'Lanjut', exact: true });
  await next.click();
  await page.getByLabel('Teks', { exact: true }).fill('Halo _{kota}_');
  await page.getByText('Draf tersimpan.').waitFor();
  await narrow();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByLabel('Teks', { exact: true }).fill('Dari tab lain');
  await other.getByText('Draf tersimpan.').waitFor();
  await page.getByLabel('Teks', { exact: true }).fill('Halo semua _{kota}_');
  await page.getByText('diubah di tab lain').waitFor();
  await narrow();
  await page.getByRole('button', { name: 'Pakai versi ini' }).click();
  await page.getByText('Perubahan disimpan otomatis.').waitFor();
  expect(await page.getByLabel('Teks', { exact: true }).inputValue()).toBe('Halo semua _{kota}_');
  await next.click();
  await page.waitForURL('**/when');
  await narrow();
  await next.click();
  await page.waitForURL('**/pace');
  expect(await page.getByLabel('Kirim hanya siang hari').isChecked()).toBe(true);
  await narrow();
  await next.click();
  await page.getByText('{kota} kosong untuk 2 dari 2').waitFor();
  await page.getByText('hanya dari 08:00 hingga 20:00').waitFor();
  await narrow();
  page.on('dialog', (dialog) => dialog.accept());
  await page.getByRole('button', { name: 'Hapus draf' }).click();
  await page.getByText('Draf dihapus.').waitFor();
  expect(problems).toEqual([]);
}, 60_000);

/** Runs in the page: notes every value that a progress bar takes. */
const WATCH_BARS = `(() => {
  const note = () => {
    for (const bar of document.querySelectorAll('progress')) {
      if (bar.closest('[hidden]')) continue;
      const line = bar.getAttribute('aria-label') + ': ' + bar.value;
      const seen = sessionStorage.getItem('bars') || '';
      if (!seen.includes(line + ';')) sessionStorage.setItem('bars', seen + line + ';');
    }
  };
  new MutationObserver(note).observe(document, { subtree: true, childList: true, attributes: true });
  document.addEventListener('htmx:xhr:progress', note);
  document.addEventListener('DOMContentLoaded', note);
})()`;
