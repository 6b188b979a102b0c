/** Broadcasts with a real browser: a file of contacts goes in, a campaign is paused and stopped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrowserWorld, openBrowserWorld, type Person } from './world.ts';

let world: BrowserWorld;
let person: Person;
beforeAll(async () => {
  world = await openBrowserWorld();
  person = await world.tenant();
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
    const { page, problems } = await world.page({ as: person });
    await page.goto('/dashboard/broadcast/lists');
    await page.getByRole('link', { name: 'New list' }).first().click();
    await page.getByLabel('Name of the list').fill('Ten thousand');
    await page.getByRole('button', { name: 'New list' }).click();
    await page.getByRole('heading', { name: 'Ten thousand' }).waitFor();
    await page.getByRole('link', { name: 'Import a file' }).first().click();
    const buffer = Buffer.from(csvOf(ROWS));
    await page.getByLabel('CSV file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer });
    // What the bars showed, also while nobody could look.
    await page.addInitScript(WATCH_BARS);
    await page.evaluate(WATCH_BARS);
    await page.getByRole('button', { name: 'Start the import' }).click();
    await page.getByText(`${ROWS.toLocaleString('en')} of ${ROWS.toLocaleString('en')} rows`).waitFor();
    await page.getByText('finished', { exact: true }).waitFor();
    const bars = await page.evaluate<string>('sessionStorage.getItem("bars") ?? ""');
    expect(bars).toContain('How much of the file has been sent: 100');
    expect(bars).toMatch(/How far the import is: \d+/);
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
