/** Keys that are cut off, a reader who changes nothing, tenants who see nothing of one another. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import { roleMay } from '../../src/services/roles.ts';
import { addressesOf, type BrowserWorld, openBrowserWorld } from './world.ts';

const looks = addressesOf(
  allPages.filter(({ auth, needs }) => auth === 'user' && (needs === undefined || roleMay('viewer', needs))),
);

/** What a read-only user may do to the own account. */
const ownForms = allPages.filter(({ readOnlyMay }) => readOnlyMay).map(({ path }) => path);

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
}, 120_000);
afterAll(() => world.close());

it('a key is made, copied and used, and revoking it cuts its client off', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page({ as: person });
  await page.goto('/dashboard/developers');
  await page.getByLabel('Name').fill('<img src=x onerror=alert(1)>');
  await page.getByRole('radio', { name: 'Custom' }).check();
  await page.getByLabel('Read everything').check();
  await page.getByRole('button', { name: 'Create' }).click();
  const key = await page.locator('#secret').inputValue();
  const ask = () => world.sandbox.call('GET', '/session/list', undefined, { 'x-api-key': key });
  expect((await ask()).status).toBe(200);

  await page.getByRole('link', { name: 'Back' }).click();
  await page.getByText('<img src=x onerror=alert(1)>').waitFor();
  const asked: string[] = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog.message());
    void dialog.accept();
  });
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('Key revoked').waitFor();
  expect(asked).toHaveLength(1);
  expect((await ask()).status).toBe(401);

  await page.getByRole('button', { name: 'Show key' }).click();
  expect(await page.locator('#secret').inputValue()).toBe(person.apiKey);
  expect(problems).toEqual([]);
});

it('a webhook shows its secret once, and what a test of it brought', async () => {
  const { page, problems } = await world.page({ as: await world.tenant() });
  await page.goto('/dashboard/developers/webhooks');
  await page.getByLabel('URL (https)').fill('not an address');
  await page.getByRole('button', { name: 'Create' }).click();
  expect(await page.locator('input[name=url]:invalid').count()).toBe(1);
  await page.getByLabel('URL (https)').fill('http://127.0.0.1:9/closed');
  await page.getByRole('button', { name: 'Create' }).click();
  expect(await page.locator('#secret').inputValue()).toMatch(/^whsec_/);
  await page.getByRole('link', { name: 'Back' }).click();
  await page.getByRole('button', { name: 'Send test event' }).click();
  await page.getByText('The test failed').waitFor();
  expect(await world.axe(page)).toEqual([]);
  expect(problems).toEqual([]);
});

it('a read-only user looks at everything and finds no form that would be refused', async () => {
  const { page, problems } = await world.page({ as: await world.tenant('readonly') });
  for (const path of looks) {
    const response = await page.goto(path);
    expect(response?.status(), path).toBe(200);
    for (const form of await page.locator('main form[method=post]').all()) {
      expect(ownForms, path).toContain(await form.getAttribute('action'));
    }
  }
  expect(problems).toEqual([]);
});

it('two tenants with a session of the same name see their own', async () => {
  const [first, second] = [await world.tenant(), await world.tenant()];
  await world.link(first, 'main', '628111000111');
  await world.api(first, 'POST', '/message/send-text', {
    session: 'main',
    to: '6281999888777',
    text: 'only for the first',
  });
  const { page } = await world.page({ as: second });
  for (const path of ['/sessions', '/messages', '/developers', '/broadcast', '/phone']) {
    await page.goto(`/dashboard${path}`);
    const text = await page.content();
    for (const secret of ['628111000111', '6281999888777', 'only for the first', first.email]) {
      expect(text, path).not.toContain(secret);
    }
  }
  const missing = await page.goto('/dashboard/sessions/main');
  expect(missing?.status()).toBe(404);
  const mine = await world.page({ as: first });
  await mine.page.goto('/dashboard/sessions');
  await mine.page.getByText('main').first().waitFor();
});
