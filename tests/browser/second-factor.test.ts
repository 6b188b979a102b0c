/** A passkey and an authenticator app in a real browser, with a virtual authenticator. */
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BrowserWorld, openBrowserWorld } from './world.ts';

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
}, 120_000);
afterAll(() => world.close());

it('a person sets up an app and signs in with its code, on a phone', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page({ as: person, width: 390 });
  await page.goto('/dashboard/account/security');
  await page.locator('#f-password-totp').fill(person.password);
  await page.getByRole('button', { name: 'Add an authenticator app' }).click();
  const secret = (await page.locator('#security-step pre').textContent()) ?? '';
  const codeAt = (ms: number) => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: ms });
  await page.locator('#f-first-code').fill(codeAt(Date.now()));
  await page.getByRole('button', { name: 'Confirm' }).click();
  const codes = (await page.locator('#recovery-codes').textContent()) ?? '';
  expect(codes.trim().split('\n')).toHaveLength(10);
  await page.getByRole('link', { name: 'Done' }).click();
  await page.getByText('10 codes are left.').waitFor();
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  expect(await world.axe(page)).toEqual([]);
  const other = await world.page({ lang: 'id' });
  await other.page.goto('/dashboard/sign-in');
  await other.page.getByLabel('Email').fill(person.email);
  await other.page.getByLabel('Kata sandi').fill(person.password);
  await other.page.getByRole('button', { name: 'Masuk', exact: true }).click();
  // The code of the step after: this one is used up.
  await other.page.locator('#f-code').fill(codeAt(Date.now() + 30_000));
  await other.page.getByRole('button', { name: 'Lanjut' }).click();
  await other.page.waitForURL('**/dashboard');
  expect([...problems, ...other.problems]).toEqual([]);
});

it('a person makes a passkey and signs in with it', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasUserVerification: true,
    isUserVerified: true,
  } as const;
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { ...options, automaticPresenceSimulation: true },
  });
  const here = new URL(world.url);
  here.hostname = 'localhost';
  const signIn = async () => {
    await page.goto(`${here.origin}/dashboard/sign-in`);
    await page.getByLabel('Email').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  await signIn();
  await page.waitForURL('**/dashboard');
  await page.goto(`${here.origin}/dashboard/account/security`);
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('button', { name: 'Create the passkey now' }).click();
  await page.locator('#recovery-codes').waitFor();
  await page.context().clearCookies();
  await signIn();
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await page.waitForURL('**/dashboard');
  expect(problems).toEqual([]);
});
