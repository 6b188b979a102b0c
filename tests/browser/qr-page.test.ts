/** The QR page in a real browser: it shows the code, renews it and turns to "connected". */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Tenant } from '../helpers/tenant.ts';
import { CODE, openSessionApp, type SessionApp } from '../http/session-app.ts';
import { browserPath } from './world.ts';

interface Page {
  /** The value of an expression in the page. */
  read(expression: string): Promise<unknown>;
  /** Errors of the page's scripts and what its policy has blocked. */
  problems: string[];
  close(): void;
}

let browser: ChildProcess;
let endpoint = '';
const profile = mkdtempSync(join(tmpdir(), 'wahub-chromium-'));
let t: SessionApp;
let server: ReturnType<typeof createAdaptorServer>;
let origin = '';
let tenant: Tenant;

beforeAll(async () => {
  t = await openSessionApp();
  server = createAdaptorServer({ fetch: t.app.fetch });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${addressOf(server).port}`;
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'];
  browser = spawn(browserPath(), [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endpoint = await readEndpoint(browser);
});
afterAll(async () => {
  const exited = once(browser, 'exit');
  browser.kill('SIGKILL');
  await exited;
  server.close();
  await t.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
beforeEach(async () => {
  tenant = await t.tenant();
  t.engine.onOpen = t.showSecret;
});

/** Safe because the server listens on a TCP port. */
function addressOf(listening: typeof server): AddressInfo {
  return listening.address() as AddressInfo;
}

async function readEndpoint(child: ChildProcess): Promise<string> {
  if (!child.stderr) throw new Error('the browser has no stderr');
  for await (const line of createInterface({ input: child.stderr })) {
    const found = /DevTools listening on ws:\/\/([^/]+)\//.exec(line)?.[1];
    if (found) return found;
  }
  throw new Error('the browser did not start');
}

async function openPage(url: string): Promise<Page> {
  const target = await fetch(`http://${endpoint}/json/new?about:blank`, { method: 'PUT' });
  const { webSocketDebuggerUrl } = Object(await target.json());
  const socket = new WebSocket(String(webSocketDebuggerUrl));
  await once(socket, 'open');
  const problems: string[] = [];
  const waiting = new Map<number, (result: unknown) => void>();
  let sent = 0;
  const send = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve) => {
      waiting.set(++sent, resolve);
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
  socket.on('message', (text) => {
    const message = Object(JSON.parse(String(text)));
    waiting.get(message.id)?.(message.result);
    if (message.method === 'Runtime.exceptionThrown') problems.push(JSON.stringify(message.params));
    const entry = message.params?.entry;
    if (message.method === 'Log.entryAdded' && entry.source === 'security') problems.push(entry.text);
  });
  for (const domain of ['Runtime', 'Log', 'Page']) await send(`${domain}.enable`);
  await send('Page.navigate', { url });
  return {
    problems,
    async read(expression) {
      return Object(Object(await send('Runtime.evaluate', { expression })).result).value;
    },
    close: () => socket.close(),
  };
}

async function until(page: Page, expression: string): Promise<void> {
  const endsAt = performance.now() + 10_000;
  while ((await page.read(expression)) !== true) {
    if (performance.now() > endsAt) {
      const text = await page.read('document.body.innerText');
      throw new Error(`never: ${expression}\n${text}\n${page.problems.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const visible = (id: string) => `document.getElementById('${id}')?.offsetParent !== null`;

async function create(body: object): Promise<{ id: string; url: string }> {
  const reply = await t.as(tenant).post('/session/create', body);
  const url = String(Object(reply.body.data).qrPageUrl).replace('http://hub.test', origin);
  return { id: t.newest(), url };
}

describe('the QR page', () => {
  it('shows the code with a countdown, takes the next one and turns to connected', async () => {
    const { id, url } = await create({ sessionId: 'shop' });
    const page = await openPage(url);
    await until(page, `document.getElementById('image')?.naturalWidth > 200 && ${visible('image')}`);
    await until(page, `/Valid for \\d+ s/.test(document.getElementById('countdown').textContent)`);
    expect(await page.read('getComputedStyle(document.body).display')).toBe('grid');
    await page.read(`window.before = document.getElementById('image').src`);
    t.engine.emit(id, { type: 'qr', qr: 'another-code', expiresAt: Date.now() + 30_000 });
    await until(page, `document.getElementById('image').src !== window.before`);
    t.engine.connect(id, '6281255500001');
    await until(page, `${visible('done')} && !(${visible('image')})`);
    expect(page.problems).toEqual([]);
    page.close();
  });

  it('shows a pairing code under /api, too, and offers a new one when it has expired', async () => {
    const { id, url } = await create({ sessionId: 'coded', phoneNumber: '6281255500002', pairing: 'code' });
    const page = await openPage(url.replace('/session/', '/api/session/'));
    const shown = `document.getElementById('code')?.textContent === '${CODE.slice(0, 4)}-${CODE.slice(4)}'`;
    await until(page, shown);
    t.engine.end(id, 'pairing_expired');
    await until(page, visible('renew'));
    await page.read(`document.getElementById('code').textContent = ''`);
    await page.read(`document.getElementById('renew').click()`);
    await until(page, `${shown} && ${visible('code')}`);
    expect(page.problems).toEqual([]);
    page.close();
  });

  it('says that WhatsApp asks for a passkey, and leads to the dashboard', async () => {
    const { id, url } = await create({ sessionId: 'keyed' });
    const page = await openPage(url);
    await until(page, visible('image'));
    const options = { challenge: 'Y2hhbGxlbmdl' };
    const expiresAt = Date.now() + 600_000;
    t.engine.emit(id, { type: 'passkey', stage: 'asked', options, expiresAt, failed: null });
    await until(page, `${visible('passkey')} && !(${visible('image')})`);
    expect(await page.read(`document.getElementById('note').textContent`)).toContain('asks for the passkey');
    expect(await page.read(`document.querySelector('#passkey a').pathname`)).toBe(
      '/dashboard/sessions/keyed/link',
    );
    t.engine.emit(id, { type: 'passkey', stage: 'confirm', code: '7QK2-M4XD', expiresAt });
    await until(page, `document.getElementById('note').textContent === 'Your phone shows a code.'`);
    t.engine.end(id, 'passkey_phone_away');
    await until(page, `${visible('renew')} && !(${visible('passkey')})`);
    expect(page.problems).toEqual([]);
    page.close();
  });

  it('asks for the code itself where events do not come through', async () => {
    const { id, url } = await create({ sessionId: 'polled' });
    // A changed address makes the event stream answer 401, which closes an EventSource for good.
    const html = await (await fetch(url)).text();
    const broken = html.replace(/data-events="[^"]*"/, 'data-events="../events?session=polled"');
    const page = await openPage(url);
    await page.read(`document.open(); document.write(${JSON.stringify(broken)}); document.close()`);
    await until(page, `document.getElementById('image')?.naturalWidth > 200`);
    t.engine.connect(id, '6281255500003');
    await until(page, visible('done'));
    page.close();
  });
});
