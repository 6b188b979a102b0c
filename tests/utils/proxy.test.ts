import { once } from 'node:events';
import { createServer, request as plainRequest } from 'node:http';
import { createServer as createSecureServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { request as undiciRequest } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadIdentity } from '../../packages/wa-emulator/src/identity.ts';
import type { ConnectRules } from '../../src/utils/guarded-http/connector.ts';
import { describeProxy, formatProxy, PROXY_PROTOCOLS, parseProxy } from '../../src/utils/proxy/address.ts';
import { dialThrough } from '../../src/utils/proxy/dial.ts';
import { createEgress, type Egress } from '../../src/utils/proxy/egress.ts';
import { type DirectWatch, type ProxyServer, startProxy, watchDirect } from '../helpers/proxy-server.ts';

const CREDENTIALS = { user: 'toko', password: 'rahasia:@/ké' };
/** A name that only the proxies know. */
const FAR = 'far.invalid';

let identity: Awaited<ReturnType<typeof loadIdentity>>;
let far: { plain: number; secure: number; close(): Promise<void> };
let rules: ConnectRules;
const closers: (() => unknown)[] = [];
let direct: DirectWatch;

beforeAll(async () => {
  identity = await loadIdentity(undefined, FAR);
  rules = {
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    allowPrivate: true,
    allowHosts: new Set(),
    connectTimeoutMs: 2_000,
    ca: identity.tls.cert,
  };
  const servers = [createServer(), createSecureServer(identity.tls)];
  for (const server of servers) {
    server.on('request', async (asked, answer) => answer.end(`got ${(await buffer(asked)).length}`));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const [plain = 0, secure = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  far = {
    plain,
    secure,
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
});
afterAll(async () => {
  await far.close();
  await identity.dispose();
});
beforeEach(() => {
  direct = watchDirect();
});
afterEach(async () => {
  direct.end();
  for (const close of closers.splice(0)) await close();
});

async function proxyOf(
  protocol: (typeof PROXY_PROTOCOLS)[number],
  credentials: typeof CREDENTIALS | null = CREDENTIALS,
): Promise<ProxyServer> {
  const proxy = await startProxy({
    protocol,
    credentials,
    tls: identity.tls,
    hosts: { [FAR]: '127.0.0.1' },
  });
  closers.push(() => proxy.close());
  return proxy;
}

function egressOf(url: string, more: Partial<ConnectRules> = {}): Egress {
  const egress = createEgress(parseProxy(url), { rules: { ...rules, ...more }, ca: identity.tls.cert });
  closers.push(() => egress.close());
  return egress;
}

/** By Node's own client: what WebSockets and uploads use. */
async function getSecurely(egress: Egress): Promise<string> {
  const asked = request(`https://${FAR}:${far.secure}/`, { agent: egress.agent, method: 'POST' });
  asked.end(Buffer.alloc(70_000));
  const [answer] = await once(asked, 'response');
  return text(answer);
}

async function getPlainly(egress: Egress): Promise<string> {
  const asked = plainRequest(`http://${FAR}:${far.plain}/`, { agent: egress.plainAgent });
  asked.end();
  const [answer] = await once(asked, 'response');
  return text(answer);
}

const dial = (url: string, more: Partial<ConnectRules> = {}, signal = new AbortController().signal) =>
  dialThrough(parseProxy(url), { host: FAR, port: far.plain }, { ...rules, ...more }, signal);

describe.each(PROXY_PROTOCOLS)('a proxy of %s', (protocol) => {
  it('carries whatever a session opens, and nothing goes past it', async () => {
    const proxy = await proxyOf(protocol);
    const egress = egressOf(proxy.url());
    expect(await getPlainly(egress)).toBe('got 0');
    expect(await getSecurely(egress)).toBe('got 70000');
    const answer = await undiciRequest(`https://${FAR}:${far.secure}/`, { dispatcher: egress.dispatcher });
    expect(await answer.body.text()).toBe('got 0');
    const plain = await undiciRequest(`http://${FAR}:${far.plain}/`, { dispatcher: egress.dispatcher });
    expect(await plain.body.text()).toBe('got 0');
    // Node's own fetch has an undici of its own.
    const fetched = await fetch(`https://${FAR}:${far.secure}/`, Object({ dispatcher: egress.dispatcher }));
    expect(await fetched.text()).toBe('got 0');
    expect(proxy.opened).toBeGreaterThanOrEqual(4);
    expect(new Set(proxy.asked)).toEqual(new Set([`${FAR}:${far.plain}`, `${FAR}:${far.secure}`]));
    expect(new Set(proxy.logins)).toEqual(new Set([`${CREDENTIALS.user}:${CREDENTIALS.password}`]));
    expect(new Set(direct.ports)).toEqual(new Set([proxy.port]));
  });

  it('needs no login where it asks for none', async () => {
    const proxy = await proxyOf(protocol, null);
    expect(await getSecurely(egressOf(proxy.url()))).toBe('got 70000');
  });

  it('that does not take the login, refuses, or is gone, is told apart, and nobody goes direct', async () => {
    const proxy = await proxyOf(protocol);
    await expect(dial(proxy.url({ user: 'toko', password: 'wrong' }))).rejects.toMatchObject({
      kind: 'unauthorized',
    });
    await expect(dial(proxy.url(null))).rejects.toMatchObject({ kind: 'unauthorized' });
    proxy.refusal = protocol === 'socks5' ? 2 : 403;
    await expect(dial(proxy.url())).rejects.toMatchObject({ kind: 'refused' });
    await proxy.close();
    await expect(dial(proxy.url())).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(getSecurely(egressOf(proxy.url()))).rejects.toMatchObject({ kind: 'unreachable' });
    expect(new Set(direct.ports)).toEqual(new Set([proxy.port]));
  });

  it('that says nothing is given up', async () => {
    const proxy = await proxyOf(protocol);
    proxy.silent = true;
    const given = new AbortController();
    const dialing = dial(proxy.url(), {}, given.signal);
    setTimeout(() => given.abort(), 100);
    await expect(dialing).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('tells nothing of its login when it fails', async () => {
    const proxy = await proxyOf(protocol);
    const failure: unknown = await dial(proxy.url({ user: 'someone', password: 'else0000' })).catch(
      (error) => error,
    );
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toMatch(/else0000|127\.0\.0\.1/);
  });
});

function refusalOf(written: string): unknown {
  try {
    return parseProxy(written);
  } catch (error) {
    return error;
  }
}

describe('the address of a proxy', () => {
  it.each<[string, string]>([
    ['socks5://a:b@proxy.example:1080', 'socks5://a:b@proxy.example:1080'],
    ['SOCKS5H://proxy.example', 'socks5://proxy.example:1080'],
    ['http://proxy.example', 'http://proxy.example:80'],
    ['http://proxy.example:21/', 'http://proxy.example:21'],
    ['https://us%40er:p%3A%2F@[2001:db8::1]:8443/', 'https://us%40er:p%3A%2F@[2001:db8::1]:8443'],
    [' http://PROXY.example:3128 ', 'http://proxy.example:3128'],
  ])('%s is read', (written, whole) => {
    expect(formatProxy(parseProxy(written))).toBe(whole);
    expect(describeProxy(parseProxy(written))).not.toMatch(/@/);
  });

  it.each([
    'proxy.example:1080',
    'socks4://proxy.example',
    'ftp://proxy.example',
    'socks5://',
    'socks5://proxy.example:99999',
    'socks5://proxy.example:0',
    'http://proxy.example/path',
    'http://proxy.example?x=1',
    'http://only-user@proxy.example',
    'http://a%zz:b@proxy.example',
  ])('%s is refused, and not repeated', (written) => {
    expect(refusalOf(written)).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(JSON.stringify(Object(refusalOf(written)).details)).not.toContain('proxy.example');
  });

  it('is bounded, and so are its user and password', () => {
    for (const written of [
      `http://${'a'.repeat(300)}:b@proxy.example`,
      `http://a:${'b'.repeat(2_000)}@x.example`,
    ]) {
      expect(refusalOf(written)).toMatchObject({ code: 'VALIDATION_FAILED' });
    }
  });

  const guarded = { allowPrivate: false, allowHosts: new Set<string>() };

  it.each(['http://127.0.0.1:3128', 'socks5://[::1]:1080', 'http://169.254.169.254', 'https://10.0.0.1'])(
    '%s is not connected to',
    async (url) => {
      await expect(dial(url, guarded)).rejects.toMatchObject({ kind: 'not_allowed' });
      expect(direct.ports).toEqual([]);
    },
  );

  it('is not connected to when its name leads inside, to the service itself, or first outside and then inside', async () => {
    const proxy = await proxyOf('http');
    const url = `http://proxy.example:${proxy.port}`;
    await expect(dial(url, guarded)).rejects.toMatchObject({ kind: 'not_allowed' });
    const own = { resolve: async () => [{ address: '203.0.114.7', family: 4 }] };
    const ownAddresses = async () => new Set(['203.0.114.7']);
    await expect(dial(url, { ...guarded, ...own, ownAddresses })).rejects.toMatchObject({
      kind: 'not_allowed',
    });
    expect(direct.ports).toEqual([]);
    // Asked again when the socket opens, it would lead here: the address that was checked is the one that is used.
    let asked = 0;
    const rebinding = async () => [{ address: asked++ === 0 ? '192.88.98.1' : '127.0.0.1', family: 4 }];
    const given = new AbortController();
    const dialing = dial(url, { ...guarded, resolve: rebinding }, given.signal);
    setTimeout(() => given.abort(), 200);
    await expect(dialing).rejects.toMatchObject({ kind: 'unreachable' });
    expect([asked, proxy.asked]).toEqual([1, []]);
  });
});
