/** A number is linked by somebody whose browser signs: with our extension, and in the console. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../helpers/until.ts';
import { type ExtensionWorld, openExtensionWorld, WHATSAPP } from './extension-world.ts';
import { type BrowserWorld, openBrowserWorld, type Person, signInCookie, watch } from './world.ts';

let world: BrowserWorld;
let browser: ExtensionWorld;
let person: Person;
beforeAll(async () => {
  world = await openBrowserWorld();
  browser = await openExtensionWorld(world.emulator);
  person = await world.tenant();
  await browser.context.addCookies([signInCookie(person, world.url)]);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

let made = 0;
/** A session whose phone has asked for the passkey, and its linking page. */
async function asked(how: 'qr' | 'code' = 'qr'): Promise<{ session: string; phone: string; page: Page }> {
  made += 1;
  const [session, phone] = [`keyed-${made}`, `62811000${7000 + made}`];
  world.emulator.setPasskey({ number: phone, passkey: true });
  const body = { sessionId: session, ...(how === 'code' ? { pairing: 'code', phoneNumber: phone } : {}) };
  const { data } = (await world.api(person, 'POST', '/session/create', body)).body;
  const page = await browser.context.newPage();
  await page.goto(`${world.url}/dashboard/sessions/${session}/link`);
  if (how === 'code') await world.emulator.pair({ code: data.pairingCode, phone });
  else await world.emulator.scan({ qr: data.qr, phone });
  await page.getByRole('heading', { name: 'WhatsApp asks for a passkey' }).waitFor();
  return { session, phone, page };
}

async function expectLinked(session: string, phone: string, page: Page): Promise<void> {
  await page.getByText('✓ Connected').waitFor();
  await world.emulator.deliver({ to: phone, from: '6281999000222', text: `to ${session}` });
  await until(async () => {
    const { body } = await world.api(person, 'GET', `/message/list?session=${session}&direction=in`);
    return body.data.some((row: { content: { text?: string } }) => row.content.text === `to ${session}`);
  });
  expect(world.emulator.passkey({ phone })).toMatchObject({ stage: 'linked', refusal: null });
  await page.close();
}

const signButton = (page: Page) => page.getByRole('button', { name: 'Sign on WhatsApp Web' });
const open = ({ phone, page }: { phone: string; page: Page }) =>
  browser.whatsapp(phone, () => signButton(page).click());

describe('without leave', () => {
  it('the extension keeps silent, and the page leads to its installation', async () => {
    const { page } = await asked();
    await page.getByRole('link', { name: 'Install the extension' }).click();
    await page.getByRole('heading', { name: 'The browser extension for passkeys' }).waitFor();
    const zip = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download the extension' }).click();
    expect((await zip).suggestedFilename()).toBe('wahub-passkey.zip');

    // Leave is given while the page is open: it notices.
    await browser.grant('http://localhost/*');
    await browser.allow(world.url);
    await page.getByText('this page is allowed').waitFor();
    await page.close();
  });
});

describe('with the extension', () => {
  it.each(['qr', 'code'] as const)('an account that asks is linked, by %s', async (how) => {
    const linking = await asked(how);
    const problems = watch(linking.page);
    const tab = await open(linking);
    await until(async () => (await tab.says()).includes(`${world.url} asks you to sign`));
    await world.shot(tab.page, 'passkey-extension');
    await tab.click('Sign');
    await expectLinked(linking.session, linking.phone, linking.page);
    expect(tab.page.isClosed()).toBe(true);
    expect(problems).toEqual([]);
  });

  it('says that nothing was signed, and a second try works', async () => {
    const linking = await asked();
    const canceled = await open(linking);
    await canceled.click('Cancel');
    await linking.page.getByText('Not signed').waitFor();
    const closed = await open(linking);
    await closed.page.close();
    await expect.poll(() => signButton(linking.page).isEnabled()).toBe(true);
    const tab = await open(linking);
    // A fingerprint that is not known: the person can try again in the same window.
    await tab.setUserVerified(false);
    await tab.click('Sign');
    await until(async () => (await tab.says()).includes('You can try again'));
    await tab.setUserVerified(true);
    await tab.click('Sign');
    await expectLinked(linking.session, linking.phone, linking.page);
  });
});

describe('the extension answers', () => {
  it('no page that is not allowed, be it on the same host, and opens no tab for it', async () => {
    const server = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Other</h1>'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${Object(server.address()).port}/`);
    const tabs = browser.context.pages().length;
    const heard = await page.evaluate(`new Promise((done) => {
      const heard = [];
      addEventListener('message', ({ data }) => data.from && heard.push(data));
      const options = { challenge: 'AAAA', rpId: 'whatsapp.com' };
      for (const what of ['hello', 'sign']) postMessage({ to: 'wahub-passkey', what, id: '1', options }, location.origin);
      setTimeout(() => done(heard), 500);
    })`);
    expect(heard).toEqual([]);
    expect(browser.context.pages()).toHaveLength(tabs);
    await page.close();
    server.close();
  });

  it('no request for another site', async () => {
    const page = await browser.context.newPage();
    await page.goto(`${world.url}/dashboard`);
    const said = await page.evaluate(`new Promise((done) => {
      addEventListener('message', ({ data }) => data.what === 'failed' && done(data));
      const options = { challenge: 'AAAA', rpId: 'example.com' };
      postMessage({ to: 'wahub-passkey', what: 'sign', id: 'mine', options }, location.origin);
    })`);
    expect(said).toEqual({ from: 'wahub-passkey', what: 'failed', id: 'mine', error: 'malformed' });
    await page.close();
  });
});

describe('in the console', () => {
  it('the lines of the page put the signature on the clipboard', async () => {
    const { session, phone, page } = await asked();
    const lines = await page.locator('#passkey-lines').textContent();
    const tab = await browser.whatsapp(phone, async () => {
      const other = await browser.context.newPage();
      await other.goto(WHATSAPP);
    });
    const copied = new Promise<string>((resolve) => {
      tab.cdp.on('Runtime.inspectRequested', ({ object, hints }) => {
        if ('copyToClipboard' in hints) resolve(String(object.value));
      });
    });
    await tab.cdp.send('Runtime.enable');
    const done = await tab.cdp.send('Runtime.evaluate', {
      expression: lines ?? '',
      includeCommandLineAPI: true,
      replMode: true,
      awaitPromise: true,
      userGesture: true,
    });
    expect(done.exceptionDetails).toBeUndefined();
    await page.bringToFront();
    const details = page.locator('[data-without-extension]');
    if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
    await page.getByLabel('Signature', { exact: true }).fill(await copied);
    await page.getByRole('button', { name: 'Submit signature' }).click();
    await expectLinked(session, phone, page);
  });
});
