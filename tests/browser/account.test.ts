/** Signing in with a real browser, and what every page owes its reader. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BrowserWorld, openBrowserWorld } from './world.ts';

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
}, 120_000);
afterAll(() => world.close());

it('a person signs in after a mistake, and is where they wanted to be', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page();
  await page.goto('/dashboard/account');
  await page.getByLabel('Email').fill(person.email);
  await page.getByLabel('Password').fill('wrong-password');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('The e-mail or the password is not right.').waitFor();
  expect(await page.getByLabel('Email').inputValue()).toBe(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Account' }).waitFor();
  expect(new URL(page.url()).pathname).toBe('/dashboard/account');
  await page.locator('summary', { hasText: 'Person' }).click();
  await page.getByRole('button', { name: 'Bahasa Indonesia' }).click();
  await page.getByRole('heading', { name: 'Akun' }).waitFor();
  await page.locator('summary', { hasText: 'Person' }).click();
  await page.getByRole('button', { name: 'Keluar', exact: true }).click();
  await page.getByRole('heading', { name: 'Masuk' }).waitFor();
  expect(problems).toEqual([]);
});
