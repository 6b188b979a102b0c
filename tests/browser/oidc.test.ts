/** Signing in at another service with a real browser: cookies come back from there, and no page is blocked. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OidcServer, openOidcServer } from '../helpers/oidc-server.ts';
import { findFreePort } from '../helpers/sandbox-process.ts';
import { type BrowserWorld, openBrowserWorld } from './world.ts';

let server: OidcServer;
let world: BrowserWorld;
beforeAll(async () => {
  server = await openOidcServer();
  const { issuer, clientId, clientSecret } = server.provider;
  // The provider sends people back to PUBLIC_URL: it has to be where the browser has its cookies.
  const port = String(await findFreePort());
  world = await openBrowserWorld({
    PORT: port,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    OIDC_PROVIDERS: 'test',
    OIDC_TEST_ISSUER: issuer,
    OIDC_TEST_CLIENT_ID: clientId,
    OIDC_TEST_CLIENT_SECRET: clientSecret,
  });
  server.serve(world.url);
}, 120_000);
afterAll(async () => {
  await world.close();
  await server.close();
});

it('a person links an account, signs in with it, and unlinks it; a new one gets an account', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page({ as: person, width: 390 });
  server.account = { sub: '1', email: 'me@people.example', email_verified: true, name: 'Me' };
  await page.goto('/dashboard/account');
  await page.getByLabel('Your password').fill(person.password);
  await page.getByRole('button', { name: 'Link Test' }).click();
  await page.getByText('me@people.example').waitFor();
  expect(await world.axe(page)).toEqual([]);
  await page.getByRole('button', { name: 'Link it' }).click();
  await page.getByText('Account linked').waitFor();
  await page.getByText('me@people.example').waitFor();
  expect(await world.axe(page)).toEqual([]);
  const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
  expect(isWide).toBe(false);

  await page.context().clearCookies();
  await page.goto('/dashboard/account');
  expect(await world.axe(page)).toEqual([]);
  await page.getByRole('link', { name: 'Sign in with Test' }).click();
  await page.getByRole('heading', { name: 'Account', exact: true }).waitFor();
  await page.getByText(person.email).waitFor();
  expect(new URL(page.url()).pathname).toBe('/dashboard/account');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Unlink' }).click();
  await page.getByText('Account unlinked').waitFor();

  await page.context().clearCookies();
  server.account = { sub: '2', email: 'new@people.example', email_verified: true, name: 'New' };
  await page.goto('/dashboard/sign-in');
  await page.getByRole('link', { name: 'Sign in with Test' }).click();
  await page.waitForURL('**/dashboard');
  await page.goto('/dashboard/team');
  await page.getByLabel('Domain').fill('people.example');
  await page.getByRole('button', { name: 'Add domain' }).click();
  await page.getByText('_wahub.people.example').waitFor();
  expect(await world.axe(page)).toEqual([]);
  expect(problems).toEqual([]);
});
