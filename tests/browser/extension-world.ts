/** A Chromium with our extension in it and a virtual authenticator, and a page that stands for web.whatsapp.com. */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import type { Emulator } from 'wa-emulator';
import { PATIENCE_MS, until } from '../helpers/until.ts';
import { FLAGS } from './world.ts';

const EXTENSION = join(import.meta.dirname, '../../extension');
export const WHATSAPP = 'https://web.whatsapp.com';
/** As strict as WhatsApp's own: nothing may be inline or sent elsewhere. */
const POLICY = "default-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

export interface ExtensionWorld {
  context: BrowserContext;
  /** a page of the extension */
  addressOf(file: string): string;
  /** What the browser's own question would do: the person agrees that the extension runs on this host. */
  grant(pattern: string): Promise<void>;
  /** Allows a page as its reader does, on the page behind the toolbar button. */
  allow(origin: string): Promise<void>;
  /** The tab of WhatsApp Web that `open` opens, with an authenticator that has the passkey of that phone. */
  whatsapp(phone: string, open: () => Promise<unknown>): Promise<WhatsappTab>;
  close(): Promise<void>;
}

export interface WhatsappTab {
  page: Page;
  cdp: CDPSession;
  /** Whether the person proves to the authenticator who they are; they do, at first. */
  setUserVerified(isUserVerified: boolean): Promise<void>;
  /** what the extension's window says there; empty when there is none */
  says(): Promise<string>;
  /** clicks a button in it, with the mouse */
  click(name: string): Promise<void>;
}

interface AxNode {
  role?: { value?: unknown };
  name?: { value?: unknown };
  backendDOMNodeId?: number;
}

export async function openExtensionWorld(emulator: Emulator, lang = 'en-GB'): Promise<ExtensionWorld> {
  const executablePath = process.env.CHROMIUM_PATH;
  if (!executablePath) throw new Error('CHROMIUM_PATH must name a Chromium');
  const { tlsKey: key, tlsCert: cert } = JSON.parse(
    readFileSync(join(dirname(emulator.caFile), 'identity.json'), 'utf8'),
  );
  const server = createServer({ key, cert }, (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html', 'content-security-policy': POLICY })
      .end('<!doctype html><title>WhatsApp</title><h1>WhatsApp Web</h1>'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const profile = mkdtempSync(join(tmpdir(), 'wahub-extension-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    locale: lang,
    ignoreDefaultArgs: ['--disable-extensions'],
    args: [
      ...FLAGS,
      `--lang=${lang}`,
      `--load-extension=${EXTENSION}`,
      `--disable-extensions-except=${EXTENSION}`,
      `--host-resolver-rules=MAP web.whatsapp.com:443 127.0.0.1:${portOf(server.address())}`,
      `--ignore-certificate-errors-spki-list=${spkiOf(cert)}`,
    ],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const [worker = await context.waitForEvent('serviceworker')] = context.serviceWorkers();
  const id = new URL(worker.url()).host;
  const addressOf = (file: string) => `chrome-extension://${id}/${file}`;

  async function grant(pattern: string): Promise<void> {
    const settings = await context.newPage();
    await settings.goto('chrome://extensions');
    await settings.evaluate(
      `new Promise((done) => chrome.developerPrivate.addHostPermission('${id}', '${pattern}', done))`,
    );
    await settings.close();
  }

  return {
    context,
    addressOf,
    grant,
    async allow(origin) {
      const page = await context.newPage();
      await page.goto(addressOf(`allow.html?page=${encodeURIComponent(`${origin}/dashboard`)}`));
      await page.locator('#form button').click();
      await page.locator('#allowed').getByText(origin).waitFor();
      await page.close();
    },
    async whatsapp(phone, open) {
      const opened = context.waitForEvent('page');
      await open();
      const page = await opened;
      const cdp = await context.newCDPSession(page);
      const authenticatorId = await holdPasskey(cdp, emulator, phone);
      await page.waitForURL(`${WHATSAPP}/`);
      return tabOf(page, cdp, authenticatorId);
    },
    async close() {
      await context.close();
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** A platform's authenticator whose owner agrees at once. */
async function holdPasskey(cdp: CDPSession, emulator: Emulator, phone: string): Promise<string> {
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const credential = { ...emulator.passkeyKey({ phone }), isResidentCredential: true, signCount: 1 };
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential });
  return authenticatorId;
}

/** The window is in a closed shadow root, which scripts of the page do not see; the accessibility tree has it. */
function tabOf(page: Page, cdp: CDPSession, authenticatorId: string): WhatsappTab {
  async function nodes(): Promise<AxNode[]> {
    const { nodes } = await cdp.send('Accessibility.getFullAXTree');
    return nodes;
  }
  return {
    page,
    cdp,
    async setUserVerified(isUserVerified) {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    async says() {
      const all = await nodes();
      if (!all.some(({ role, name }) => role?.value === 'dialog' && name?.value === 'WaHub passkey'))
        return '';
      const texts = all.filter(({ role }) => role?.value === 'StaticText' || role?.value === 'button');
      return texts.map(({ name }) => String(name?.value)).join(' | ');
    },
    async click(wanted) {
      let backendNodeId: number | undefined;
      await until(async () => {
        const found = (await nodes()).find(
          ({ role, name }) => role?.value === 'button' && name?.value === wanted,
        );
        backendNodeId = found?.backendDOMNodeId;
        return backendNodeId !== undefined;
      });
      const { model } = await cdp.send('DOM.getBoxModel', { backendNodeId: backendNodeId ?? 0 });
      const [left = 0, top = 0] = model.border;
      await page.mouse.click(left + model.width / 2, top + model.height / 2);
    },
  };
}

/** Chromium's name of a certificate's key: SHA-256 of its SubjectPublicKeyInfo, base64. */
function spkiOf(cert: string): string {
  const spki = new X509Certificate(cert).publicKey.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('base64');
}

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== 'object' || !address) throw new Error('the server has no port');
  return address.port;
}
