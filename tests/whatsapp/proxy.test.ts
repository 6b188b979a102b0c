/** Sessions with a proxy, and names under which they are listed: held against every engine. */
import { DEFAULT_CONNECTION_CONFIG, DEFAULT_ORIGIN } from '@whiskeysockets/baileys';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadIdentity } from '../../packages/wa-emulator/src/identity.ts';
import { PROXY_PROTOCOLS, parseProxy } from '../../src/utils/proxy/address.ts';
import { createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import { createEgressSource } from '../../src/whatsapp/baileys/egress.ts';
import { createMediaFetcher } from '../../src/whatsapp/baileys/inbound-file.ts';
import type { EngineName } from '../../src/whatsapp/capabilities.ts';
import type { AccountRef, ConnectionSettings } from '../../src/whatsapp/engine.ts';
import { createMultiSessionEngine } from '../../src/whatsapp/multi-session/adapter.ts';
import { WHATSAPP_ORIGIN, WHATSAPP_SOCKET_URL } from '../../src/whatsapp/probe.ts';
import { recipientOf, sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { TEST_PROXY_RULES } from '../helpers/proxy-rules.ts';
import { type DirectWatch, type ProxyServer, startProxy, watchDirect } from '../helpers/proxy-server.ts';
import { BYTES, FILE } from './fixtures/contents.ts';

const ENGINES = {
  baileys: createBaileysEngine,
  'wa-multi-session': createMultiSessionEngine,
} satisfies Record<EngineName, unknown>;
const NAMES = ['baileys', 'wa-multi-session'] as const;
const CREDENTIALS = { user: 'toko', password: 'p@ss:word' };

it('the address that is knocked at is the one that the engine connects to', () => {
  expect(WHATSAPP_SOCKET_URL).toBe(String(DEFAULT_CONNECTION_CONFIG.waWebSocketUrl));
  expect(WHATSAPP_ORIGIN).toBe(DEFAULT_ORIGIN);
});

describe.each(NAMES)('the engine %s', (name) => {
  let test: TestEngine;
  let identity: Awaited<ReturnType<typeof loadIdentity>>;
  let direct: DirectWatch | null = null;
  const proxies: ProxyServer[] = [];
  let next = 1;
  const fresh = () => `62${name === 'baileys' ? 857 : 858}${String(next++).padStart(7, '0')}`;

  beforeAll(async () => {
    identity = await loadIdentity(undefined);
    const proxyRules = { ...TEST_PROXY_RULES, ca: identity.tls.cert };
    test = await startTestEngine({ connectTimeoutMs: 5_000, proxyRules }, ENGINES[name]);
    test.callbacks.files.set(FILE.id, BYTES);
  });
  afterAll(async () => {
    await test.stop();
    await identity.dispose();
  });
  afterEach(async () => {
    direct?.end();
    direct = null;
    for (const proxy of proxies.splice(0)) await proxy.close();
    await test.emulator.reset();
  });

  async function proxyOf(protocol: (typeof PROXY_PROTOCOLS)[number]): Promise<ProxyServer> {
    const proxy = await startProxy({ protocol, credentials: CREDENTIALS, tls: identity.tls });
    proxies.push(proxy);
    return proxy;
  }

  async function accountBy(settings: Partial<ConnectionSettings>): Promise<AccountRef> {
    const account = await test.addAccount();
    test.callbacks.connections.set(account.id, { proxy: null, browser: null, ...settings });
    return account;
  }

  const ports = () => new Set(direct?.ports);

  it.each(PROXY_PROTOCOLS)(
    'links, sends and moves files by a proxy of %s, and never past it',
    async (protocol) => {
      const proxy = await proxyOf(protocol);
      const account = await accountBy({ proxy: parseProxy(proxy.url()) });
      direct = watchDirect();
      const phone = fresh();
      await test.pair(account, phone);
      const to = fresh();
      const image = { type: 'image' as const, media: FILE, caption: 'by the proxy' };
      const sent = await test.engine.send(account.id, recipientOf(to), image, sendOptions());
      expect(sent.outcome).toBe('acknowledged');
      await until(() => test.emulator.messages({ to }).length === 1);
      // Up: the recipient could open the file. The socket and the upload are tunnels of their own.
      expect(test.emulator.messages({ to })[0]).toMatchObject({ type: 'image', fileSha256: FILE.sha256 });
      const before = proxy.opened;
      await test.emulator.deliver({ to: phone, from: to, kind: 'image', data: BYTES.toString('base64') });
      await until(() =>
        test.callbacks.inbound.some(({ chat, media }) => chat.startsWith(to) && media !== null),
      );
      const source = test.callbacks.inbound.find(({ chat }) => chat.startsWith(to))?.media;
      if (!source) throw new Error('no file');
      // Down, as the worker for files of inbound messages fetches them.
      const { waUrl: url, rootKey, caFile } = test.emulator;
      const waServer = { url, rootKey, caFile };
      const rules = { ...TEST_PROXY_RULES, ca: identity.tls.cert };
      const files = createMediaFetcher(waServer, createEgressSource(test.callbacks, rules, waServer));
      const options = {
        accountId: account.id,
        maxBytes: 1e7,
        timeoutMs: 5_000,
        signal: new AbortController().signal,
      };
      const pieces: Buffer[] = [];
      for await (const piece of await files.fetch(source, options)) pieces.push(piece);
      await files.close();
      expect(Buffer.concat(pieces).equals(BYTES)).toBe(true);
      expect(proxy.opened).toBe(before + 1);
      const media = proxy.asked.filter((target) => !target.endsWith(`:${new URL(url).port}`));
      expect(media.length).toBeGreaterThanOrEqual(2);
      expect(ports()).toEqual(new Set([proxy.port]));
    },
  );

  it.each(PROXY_PROTOCOLS)(
    'stays away while its proxy of %s is gone or refuses, and says which',
    async (protocol) => {
      const proxy = await proxyOf(protocol);
      const account = await accountBy({ proxy: parseProxy(proxy.url()) });
      await test.pair(account, fresh());
      direct = watchDirect();
      const closed = async () => {
        const { reason, message } = await test.callbacks.next(account.id, 'closed');
        expect(message).not.toMatch(/p@ss|127\.0\.0\.1/);
        return reason;
      };
      const reopen = () => test.engine.open(account, { mode: 'qr' });
      await proxy.close();
      expect(await closed()).toBe('connection_lost');
      await reopen();
      expect(await closed()).toBe('proxy_unreachable');
      await proxy.reopen();
      proxy.refusal = protocol === 'socks5' ? 2 : 403;
      await reopen();
      expect(await closed()).toBe('proxy_refused');
      proxy.refusal = null;
      test.callbacks.connections.set(account.id, {
        proxy: parseProxy(proxy.url({ user: 'toko', password: 'p@ss:wrong' })),
        browser: null,
      });
      await reopen();
      expect(await closed()).toBe('proxy_unauthorized');
      test.callbacks.connections.set(account.id, { proxy: parseProxy(proxy.url()), browser: null });
      await reopen();
      await test.callbacks.next(account.id, 'connected');
      expect(ports()).toEqual(new Set([proxy.port]));
    },
  );

  it('opens no socket while it cannot tell how the session goes out', async () => {
    const account = await test.addAccount();
    direct = watchDirect();
    const { connectionOf } = test.callbacks;
    test.callbacks.connectionOf = () => Promise.reject(new Error('the database is away'));
    await test.engine.open(account, { mode: 'qr' });
    test.callbacks.connectionOf = connectionOf;
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('connection_lost');
    expect(ports()).toEqual(new Set());
  });

  it('is listed on the phone under the name and as the program that were chosen', async () => {
    const account = await accountBy({ browser: { name: 'Toko Kita', platform: 'firefox' } });
    const phone = fresh();
    await test.pair(account, phone);
    expect(test.emulator.sessions().find((session) => session.phone === phone)).toMatchObject({
      platform: 'Toko Kita',
      platformType: 'FIREFOX',
    });
  });

  it.each([
    [{ name: 'Toko Kita', platform: 'chrome' as const }, 'Mac OS', 'CHROME'],
    [{ name: 'Windows', platform: 'edge' as const }, 'Windows', 'EDGE'],
    [null, name === 'baileys' ? 'Mac OS' : 'Ubuntu', 'CHROME'],
  ])(
    'asks for a pairing code under a name that WhatsApp takes: %o',
    async (browser, platform, platformType) => {
      const account = await accountBy({ browser });
      const phone = fresh();
      await test.engine.open(account, { mode: 'code', phone });
      const { code } = await test.callbacks.next(account.id, 'pairing_code');
      await test.emulator.pair({ code, phone });
      await test.callbacks.next(account.id, 'paired');
      expect(test.emulator.sessions().find((session) => session.phone === phone)).toMatchObject({
        platform,
        platformType,
      });
    },
  );
});
