/** The settings of a session: its label, its proxy with its test, and its device on the phone. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { activityLogs, whatsappAccounts } from '../../src/db/schema.ts';
import { sealProxy } from '../../src/services/sessions/connection.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import type { ConnectRules } from '../../src/utils/guarded-http/connector.ts';
import { parseProxy } from '../../src/utils/proxy/address.ts';
import { addSession } from '../analytics/fixture.ts';
import { type ProxyServer, startProxy } from '../helpers/proxy-server.ts';
import { makeMember, type Tenant } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';
import { englishIn, shownIn } from './wording.ts';

const CREDENTIALS = { user: 'toko', password: 'sangat-rahasia' };
const HOSTILE = '"><script>alert(1)</script>';
const SHOP = '/dashboard/sessions/shop';
const SETTINGS = `${SHOP}/settings`;
const HX = { 'hx-request': 'true' };
const INDONESIAN = { 'accept-language': 'id' };

let t: TestDashboard;
let tenant: Tenant;
let rules: ConnectRules;
let proxy: ProxyServer;
/** What stands for WhatsApp: takes a WebSocket, or answers that it does not. */
let whatsapp: { server: Server; takes: boolean };

beforeAll(async () => {
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer();
  whatsapp = { server, takes: true };
  server.on('upgrade', (request, socket, head) => {
    if (whatsapp.takes) sockets.handleUpgrade(request, socket, head, () => undefined);
    else socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rules = {
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    allowPrivate: true,
    allowHosts: new Set(),
    connectTimeoutMs: 2_000,
  };
  const { port } = server.address() as AddressInfo;
  const waServer = { url: `ws://127.0.0.1:${port}/ws/chat`, rootKey: null, caFile: null };
  t = await openDashboard({ config: { waServer }, deps: { proxyRules: rules } });
});
afterAll(async () => {
  await t.close();
  whatsapp.server.closeAllConnections();
  whatsapp.server.close();
});
beforeEach(async () => {
  whatsapp.takes = true;
  rules.allowPrivate = true;
  tenant = await t.tenant();
  await addSession(t, tenant.id, 'shop');
  proxy = await startProxy({ protocol: 'socks5', credentials: CREDENTIALS });
});
afterEach(() => proxy.close());

async function read(path: string, headers: Record<string, string> = {}, as = tenant): Promise<string> {
  const reply = await t.visit(path, { as, headers });
  expect(reply.status, path).toBe(200);
  return reply.text();
}
const post = (path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  t.visit(`${SHOP}${path}`, { as: tenant, form, headers });
const row = async () => {
  const [found] = await t.deps.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.userId, tenant.id));
  return found;
};
async function saveProxy(): Promise<void> {
  const saved = await post('/proxy', { proxy: proxy.url() });
  expect(saved.status).toBe(303);
  expect(saved.headers.get('location')).toBe(SETTINGS);
}

describe('what it does by itself', () => {
  it('is set and shown, in both languages', async () => {
    const form = {
      ...{ autoRead: 'true', rejectCalls: 'true', receiveStatus: 'true' },
      callText: 'Silakan tulis pesan.',
    };
    expect((await post('/habits', form)).status).toBe(303);
    expect(await row()).toMatchObject({
      rejectCalls: true,
      receiveStatus: true,
      callText: form.callText,
      autoReadFrom: expect.any(Number),
    });
    expect(await read(SHOP)).toContain('marks everything as read, rejects calls');
    expect(await read(SHOP, INDONESIAN)).toContain('menandai semua sebagai dibaca, menolak panggilan');
    expect(await read(SETTINGS)).toContain(form.callText);
    expect((await post('/habits')).status).toBe(303);
    expect(await row()).toMatchObject({
      ...{ rejectCalls: false, receiveStatus: false, callText: null, autoReadFrom: null },
    });
  });
});

describe('the proxy', () => {
  it('that no key opens is said so, and stops no other session', async () => {
    await saveProxy();
    const other = createSecretBox([Buffer.alloc(32, 7)]);
    const id = (await row())?.id ?? '';
    const sealed = sealProxy(other, id, parseProxy(`http://${CREDENTIALS.user}:x@proxy.example.com:3128`));
    await t.deps.db.update(whatsappAccounts).set({ proxy: sealed }).where(eq(whatsappAccounts.id, id));
    await addSession(t, tenant.id, 'open');
    const status = async (name: string) => {
      const { body } = await t.call(`/session/status?session=${name}`, { apiKey: tenant.apiKey });
      return body.data;
    };
    const proxyOf = { url: null, hasCredentials: false };
    expect(await status('shop')).toMatchObject({ reason: 'credentials_unreadable', proxy: proxyOf });
    expect(await status('open')).toMatchObject({ reason: null, proxy: null });
    for (const path of [SHOP, SETTINGS]) {
      expect(await read(path)).toContain('Cannot be read with the present encryption key');
    }
    expect(await read(SHOP)).toContain('stored credentials of this session cannot be read');
    expect(await read('/dashboard/sessions/open')).not.toContain('cannot be read');
    const tested = await post('/proxy/test', {}, HX);
    expect(tested.status).toBe(409);
    // Another one can be set in its place.
    await saveProxy();
    expect(await status('shop')).toMatchObject({ reason: null });
  });

  it('is set, shown without user and password, changed and taken away', async () => {
    expect(await read(SETTINGS)).toContain('The session connects from the address of the server');
    await saveProxy();
    for (const path of [SHOP, SETTINGS]) {
      const page = await read(path);
      expect(page).toContain(`socks5://127.0.0.1:${proxy.port}`);
      expect(page).toContain('with username and password');
    }
    expect(await read(SETTINGS)).toMatch(
      /action="[^"]*\/proxy\/remove"[^>]*hx-confirm="Remove the proxy of shop\?/,
    );
    await post('/proxy', { proxy: 'http://127.0.0.1:3128' });
    const changed = await read(SETTINGS);
    expect(changed).toContain('http://127.0.0.1:3128');
    expect(changed).toContain('without username and password');
    expect((await post('/proxy/remove')).status).toBe(303);
    expect(await row()).toMatchObject({ proxy: null });
    expect(await read(SHOP)).not.toContain('127.0.0.1:3128');
  });

  it('leaves its password on no page, in no log and in no fact', async () => {
    await saveProxy();
    const pages = [await read(SHOP), await read(SETTINGS), await (await post('/proxy/test', {}, HX)).text()];
    const refused = await post('/proxy', { proxy: `ftp://${CREDENTIALS.password}@host` }, HX);
    const facts = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.userId, tenant.id));
    const told = JSON.stringify([pages, await refused.text(), facts, t.lines, await row()]);
    expect(told).not.toContain(CREDENTIALS.password);
    expect(facts.map(({ event }) => event)).toContain('session.changed');
  });

  it.each([
    ['', 'is required', 'wajib diisi'],
    ['proxy.example.com:1080', 'must be like socks5://', 'harus seperti socks5://'],
    ['http://', 'must be like socks5://', 'harus seperti socks5://'],
    ['http://host:99999', 'has no host, or a port that is none', 'port-nya salah'],
    ['http://host:0', 'has a port that is none', 'port-nya salah'],
    ['http://host:80/path', 'must end with the port', 'harus berakhir dengan port'],
    ['socks5://user@host:1', 'needs a user and a password, or neither', 'perlu username dan kata sandi'],
    ['socks5://a%3Ab:c@host:1', 'has a user with a colon', 'tidak boleh berisi titik dua'],
    ['socks5://a:%zz@host:1', 'must be written as %25', 'sebagai %25'],
    [`socks5://a:${'b'.repeat(256)}@host:1`, 'of more than 255 bytes', 'lebih dari 255 byte'],
  ])('is refused as %s, with the reason in both languages', async (bad, en, id) => {
    for (const [headers, words] of [[HX, en] as const, [{ ...HX, ...INDONESIAN }, id] as const]) {
      const refused = await post('/proxy', { proxy: bad }, headers);
      expect(refused.status).toBe(400);
      const text = await refused.text();
      expect(text).toContain('data-field="proxy"');
      expect(text).toContain(words);
    }
    expect(await row()).toMatchObject({ proxy: null });
  });

  it('may not be on a private address', async () => {
    rules.allowPrivate = false;
    const refused = await post('/proxy', { proxy: proxy.url() }, HX);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('The address of the proxy is private, or of this service.');
    expect(await (await post('/proxy', { proxy: proxy.url() }, INDONESIAN)).text()).toContain(
      'Alamat proxy bersifat privat',
    );
    expect(await row()).toMatchObject({ proxy: null });
  });

  it('that keeps the session away leads to its settings', async () => {
    const change = { status: 'disconnected', reason: 'proxy_unauthorized' } as const;
    await t.deps.db.update(whatsappAccounts).set(change).where(eq(whatsappAccounts.userId, tenant.id));
    const status = await read(`${SHOP}/status`);
    expect(status).toContain('Enter the address again in the session’s settings.');
    expect(status).toContain(`href="${SETTINGS}"`);
  });
});

describe('the test of a proxy', () => {
  const test = async (form: Record<string, string> = {}, headers: Record<string, string> = HX) => {
    const reply = await post('/proxy/test', form, headers);
    expect(reply.status).toBe(200);
    return reply.text();
  };

  it('tries the saved one, or one that is not saved', async () => {
    const tried = await test({ proxy: proxy.url() });
    expect(tried).toContain('WhatsApp answers through this proxy.');
    expect(tried).toContain(`socks5://127.0.0.1:${proxy.port}`);
    expect(proxy.opened).toBe(1);
    expect(await row()).toMatchObject({ proxy: null });
    await saveProxy();
    expect(await test()).toContain('WhatsApp answers through this proxy.');
    expect(await test({}, { ...HX, ...INDONESIAN })).toContain('WhatsApp merespons lewat proxy ini.');
    expect(proxy.opened).toBe(3);
  });

  it.each([
    ['the login is wrong', 'refused the username and password', 'menolak username dan kata sandinya'],
    ['it refuses', 'refused to connect to WhatsApp', 'menolak terhubung ke WhatsApp'],
    ['it is away', 'cannot be reached', 'tidak bisa dihubungi'],
    ['its address may not be used', 'so it cannot be used', 'tidak bisa dipakai'],
    ['WhatsApp does not answer', 'WhatsApp does not answer behind it', 'WhatsApp tidak merespons'],
  ])('says in both languages that %s', async (what, en, id) => {
    await saveProxy();
    if (what === 'the login is wrong') {
      await post('/proxy', { proxy: proxy.url({ ...CREDENTIALS, password: 'wrong' }) });
    }
    if (what === 'it refuses') proxy.refusal = 2;
    if (what === 'it is away') await proxy.close();
    if (what === 'its address may not be used') rules.allowPrivate = false;
    if (what === 'WhatsApp does not answer') whatsapp.takes = false;
    const inEnglish = await test();
    expect(inEnglish).toContain('This proxy does not work.');
    expect(inEnglish).toContain(en);
    const inIndonesian = await test({}, { ...HX, ...INDONESIAN });
    expect(inIndonesian).toContain(id);
    expect(englishIn(shownIn(inIndonesian))).toEqual([]);
  });

  it('is a page of its own without scripts, and says when there is none to test', async () => {
    await saveProxy();
    const page = await test({}, {});
    expect(page).toContain('<!doctype html>');
    expect(page).toContain('WhatsApp answers through this proxy.');
    expect(page).toContain(`formaction="${SHOP}/proxy/test"`);
    await post('/proxy/remove');
    const none = await post('/proxy/test', {}, { ...HX, ...INDONESIAN });
    expect(none.status).toBe(409);
    expect(await none.text()).toContain('Sesi ini tidak punya proxy.');
  });
});

describe('label and device', () => {
  it('are saved, shown as text, and taken away with an empty field', async () => {
    await post('/label', { label: HOSTILE });
    await post('/device', { name: HOSTILE, platform: 'safari' });
    expect(await row()).toMatchObject({ label: HOSTILE, browser: { name: HOSTILE, platform: 'safari' } });
    for (const path of ['/dashboard/sessions', SHOP, SETTINGS]) {
      const page = await read(path);
      expect(page).toContain('&lt;script&gt;alert(1)');
      expect(page).not.toContain('<script>alert');
    }
    expect(await read(SHOP)).toContain('(Safari)');
    expect(await read(SETTINGS)).toMatch(/<option value="safari" selected/);
    await post('/label', { label: '' });
    await post('/device', { name: '', platform: 'safari' });
    expect(await row()).toMatchObject({ label: null, browser: null });
  });

  it('change nothing else', async () => {
    await saveProxy();
    const { proxy: sealed } = (await row()) ?? {};
    await post('/label', { label: 'Toko' });
    await post('/device', { name: 'Toko Kita', platform: 'desktop' });
    expect(await row()).toMatchObject({ label: 'Toko', proxy: sealed });
    await post('/label', { label: 'Toko 2' });
    expect(await row()).toMatchObject({ browser: { name: 'Toko Kita', platform: 'desktop' } });
  });

  it('refuse what the phone could not show', async () => {
    for (const form of [
      { name: 'a\u0007b', platform: 'chrome' },
      { name: 'x'.repeat(51), platform: 'chrome' },
    ]) {
      const refused = await post('/device', form, HX);
      expect(refused.status).toBe(400);
      expect(await refused.text()).toContain('data-field="name"');
    }
    const refused = await post('/device', { name: 'Toko', platform: 'netscape' }, HX);
    expect(await refused.text()).toContain('data-field="platform"');
    expect((await post('/label', { label: 'x'.repeat(121) }, HX)).status).toBe(400);
    expect(await row()).toMatchObject({ label: null, browser: null });
  });

  it('say when the phone shows them', async () => {
    expect(await read(SETTINGS)).toContain('A change shows at the next linking.');
    const page = await read(SETTINGS, INDONESIAN);
    expect(page).toContain('Perubahan terlihat saat ditautkan berikutnya.');
    expect(englishIn(shownIn(page))).toEqual([]);
    expect(englishIn(shownIn(await read(SHOP, INDONESIAN)))).toEqual([]);
  });
});

it('a viewer sees the settings and no way to change them', async () => {
  await saveProxy();
  const viewer = await makeMember(t.deps, tenant.id, 'viewer');
  const page = await read(SHOP, {}, viewer);
  expect(page).toContain(`socks5://127.0.0.1:${proxy.port}`);
  expect(page).not.toContain(SETTINGS);
  expect((await t.visit(SETTINGS, { as: viewer })).headers.get('location')).toBe(SHOP);
  for (const path of ['/label', '/device', '/proxy', '/proxy/remove', '/proxy/test']) {
    const form = { proxy: 'http://127.0.0.1:3128', label: 'x', name: 'x', platform: 'chrome' };
    expect((await t.visit(`${SHOP}${path}`, { as: viewer, form })).status, path).toBe(403);
  }
});
