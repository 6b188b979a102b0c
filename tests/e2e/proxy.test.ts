/** A session with a proxy through the whole service: set, tried, followed, and never passed by. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { ENGINE } from '../helpers/on-engine.ts';
import { type DirectWatch, type ProxyServer, startProxy, watchDirect } from '../helpers/proxy-server.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const CREDENTIALS = { user: 'toko', password: 'sangat-rahasia' };
let emulator: Emulator;
let gateway: TestGateway;
let proxy: ProxyServer;
let direct: DirectWatch;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { engine: ENGINE, allowPrivateProxies: true });
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});
beforeEach(async () => {
  proxy = await startProxy({ protocol: 'socks5', credentials: CREDENTIALS });
  direct = watchDirect();
});
afterEach(async () => {
  direct.end();
  await proxy.close();
});

const status = async (session: string) =>
  (await gateway.call('GET', `/session/status?session=${session}`)).body.data;
const reaches = (session: string, wanted: object) =>
  until(async () => {
    const now = await status(session);
    return Object.entries(wanted).every(([name, value]) => now[name] === value);
  }, 20_000);
/** Ports of WhatsApp's that were connected to past the proxy. */
const passed = () => direct.ports.filter((port) => String(port) === new URL(emulator.waUrl).port);

test('a session that gets a proxy connects again by it, waits for it, and never goes without', async () => {
  await linkSession(gateway, emulator, 'main', '628111000040');
  direct.ports.length = 0;
  const changed = await gateway.call('PUT', '/session/main', { label: 'Toko', proxy: proxy.url() });
  expect(changed).toMatchObject({
    status: 200,
    body: {
      data: { label: 'Toko', proxy: { url: `socks5://127.0.0.1:${proxy.port}`, hasCredentials: true } },
    },
  });
  await reaches('main', { status: 'connected' });
  expect(proxy.opened).toBe(1);
  const to = '628222000040';
  await gateway.call('POST', '/message/send-text', { session: 'main', to, text: 'by the proxy' });
  await until(() => emulator.messages({ to }).length === 1);

  await proxy.close();
  await reaches('main', { status: 'disconnected', reason: 'proxy_unreachable' });
  expect((await status('main')).errorMessage).toMatch(/proxy/);
  await proxy.reopen();
  await gateway.call('POST', '/session/restart', { sessionId: 'main' });
  await reaches('main', { status: 'connected' });
  expect(passed()).toEqual([]);

  const [row] = await gateway.deps.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.sessionId, 'main'));
  expect(row?.proxy).not.toContain(CREDENTIALS.password);
  const activity = await gateway.call('GET', '/analytics/logs/activity?sessionId=main&limit=100');
  expect(JSON.stringify([await status('main'), activity.body])).not.toContain(CREDENTIALS.password);

  gateway = await gateway.restart();
  await reaches('main', { status: 'connected' });
  expect(passed()).toEqual([]);
  await gateway.call('PUT', '/session/main', { proxy: null });
  await reaches('main', { status: 'connected', proxy: null });
  await until(() => passed().length > 0);
});

test('an owner that could not be asked follows at its next heartbeat', async () => {
  const { connectedAt } = await status('main');
  const { id } = whatsappAccounts;
  const [row] = await gateway.deps.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.sessionId, 'main'));
  const { sealProxy } = await import('../../src/services/sessions/connection.ts');
  const { parseProxy } = await import('../../src/utils/proxy/address.ts');
  const sealed = sealProxy(gateway.deps.secrets, row?.id ?? '', parseProxy(proxy.url()));
  await gateway.deps.db
    .update(whatsappAccounts)
    .set({ proxy: sealed })
    .where(eq(id, row?.id ?? ''));
  await until(() => proxy.opened === 1, 20_000);
  await reaches('main', { status: 'connected' });
  expect((await status('main')).connectedAt).not.toBe(connectedAt);
});

test('a session is made with a proxy, and its QR comes by it', async () => {
  const made = await gateway.call('POST', '/session/create', { sessionId: 'second', proxy: proxy.url() });
  expect(made.status).toBe(201);
  expect(JSON.stringify(made.body)).not.toContain(CREDENTIALS.password);
  await emulator.scan({ qr: made.body.data.qr, phone: '628111000041' });
  await reaches('second', { status: 'connected' });
  expect(passed()).toEqual([]);
});

test('a proxy is tried before it is saved, and its failures are told apart', async () => {
  const call = (body: object) => gateway.call('POST', '/session/second/proxy/test', body);
  expect((await call({ proxy: proxy.url() })).body.data).toMatchObject({ ok: true, reason: null });
  const wrong = proxy.url({ user: 'toko', password: 'salah-sekali' });
  const refused = await call({ proxy: wrong });
  expect(refused.body.data).toMatchObject({ ok: false, reason: 'proxy_unauthorized' });
  expect(JSON.stringify(refused.body)).not.toContain('salah-sekali');
  proxy.refusal = 5;
  expect((await call({ proxy: proxy.url() })).body.data).toMatchObject({ reason: 'proxy_refused' });
  expect((await call({ proxy: 'no proxy' })).body).toMatchObject({ code: 'VALIDATION_FAILED' });
  expect(passed()).toEqual([]);
});

test('an address inside is refused where the operator has not allowed it', async () => {
  const strict = await startTestGateway(emulator, { engine: ENGINE, allowPrivateProxies: false });
  try {
    await strict.call('POST', '/session/create', { sessionId: 'main' });
    for (const method of ['PUT /session/main', 'POST /session/main/proxy/test', 'POST /session/create']) {
      const [verb = '', path = ''] = method.split(' ');
      const answer = await strict.call(verb, path, { proxy: proxy.url() });
      expect(answer, method).toMatchObject({ body: { code: 'URL_REFUSED' } });
    }
    expect(direct.ports).not.toContain(proxy.port);
  } finally {
    await strict.remove();
  }
});
