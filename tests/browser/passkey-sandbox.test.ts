/** A newcomer tries passkey linking in the sandbox, with the mouse, on a desk and on a phone. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BrowserWorld, openBrowserWorld } from './world.ts';

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
}, 120_000);
afterAll(() => world.close());

it.each([
  { width: 1280, sessionId: 'desk' },
  { width: 390, sessionId: 'pocket' },
])('an account that asks for a passkey is linked by one click ($width px)', async ({ width, sessionId }) => {
  const person = await world.tenant();
  const { page, problems } = await world.page({ as: person, width });
  await world.api(person, 'POST', '/session/create', { sessionId });
  await page.goto('/dashboard/phone');
  await page.getByLabel('WhatsApp account').selectOption('Asks for a passkey');
  await world.shot(page, `phones-passkey-${width}`);
  expect(await world.axe(page)).toEqual([]);
  await page.getByRole('button', { name: 'Scan the QR code' }).click();

  await page.getByRole('heading', { name: 'WhatsApp asks for a passkey' }).waitFor();
  const sign = page.getByRole('button', { name: 'Sign as the owner' });
  await sign.waitFor();
  await world.shot(page, `linking-passkey-${width}`);
  expect(await world.axe(page)).toEqual([]);
  const wider = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect(wider).toBe(0);

  await page.goto('/dashboard/phone');
  await page.getByText('WhatsApp asks the owner of this account for their passkey.').waitFor();
  await sign.click();
  await page.getByText('✓ Connected').waitFor();
  expect(problems).toEqual([]);
});
