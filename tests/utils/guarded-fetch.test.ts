import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ownAddresses, refuseOwnAddress } from '../../src/services/webhooks/own-address.ts';
import { AppError } from '../../src/utils/errors.ts';
import {
  createGuardedHttp,
  type GuardedHttp,
  type GuardedHttpOptions,
  HttpFailure,
} from '../../src/utils/guarded-fetch.ts';
import { isPublicAddress } from '../../src/utils/guarded-http/addresses.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function client(options: GuardedHttpOptions = {}): GuardedHttp {
  const http = createGuardedHttp(options);
  closers.push(() => http.close());
  return http;
}

async function serve(listener: RequestListener): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, server };
}

const names = (table: Record<string, string[]>) => async (hostname: string) =>
  (table[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

const refused = { code: 'URL_REFUSED' };
const post = { headers: {}, body: '{}', timeoutMs: 2000 };
const get = { maxBytes: 1000, timeoutMs: 2000 };

describe('addresses', () => {
  const forbidden = [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    '64:ff9b:1::a00:1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'not an address',
  ];
  it.each(forbidden)('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450::1'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
});

describe('what is refused', () => {
  const urls = [
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://127.1/',
    'http://①②⑦.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.1.2.3:8080/',
    'http://inside.test/',
    'http://mixed.test/',
    'http://inside.test./',
    'ftp://public.test/',
    'file:///etc/passwd',
    'gopher://public.test/',
    'http://user:password@public.test/',
    'no url',
  ];
  const resolve = names({
    'inside.test': ['10.0.0.7'],
    'inside.test.': ['10.0.0.7'],
    'mixed.test': ['8.8.8.8', '127.0.0.1'],
  });

  it.each(urls)('%s: on check, GET and POST alike', async (url) => {
    const http = client({ resolve });
    await expect(http.check(url)).rejects.toMatchObject(refused);
    await expect(http.download(url, get)).rejects.toMatchObject(refused);
    await expect(http.post(url, post)).rejects.toMatchObject(refused);
  });

  it('http, where only https is allowed', async () => {
    const http = client({ httpsOnly: true, resolve: names({ 'public.test': ['8.8.8.8'] }) });
    await expect(http.check('http://public.test/')).rejects.toMatchObject(refused);
    await expect(http.check('https://public.test/')).resolves.toBeUndefined();
  });

  it('a redirect to a private address, by number and by name', async () => {
    const { port } = await serve((req, res) => {
      res
        .writeHead(302, { location: req.url === '/name' ? 'http://inside.test/' : 'http://10.0.0.1/' })
        .end();
    });
    const http = client({
      allowHosts: ['Entry.test'],
      resolve: names({ 'entry.test': ['127.0.0.1'], 'inside.test': ['192.168.0.9'] }),
    });
    for (const path of ['name', 'number']) {
      await expect(http.download(`http://entry.test:${port}/${path}`, get)).rejects.toMatchObject(refused);
    }
  });

  it('a name that was public when it was checked and is private when it is connected to', async () => {
    const { port } = await serve((_req, res) => res.end('secret'));
    let asked = 0;
    const http = client({
      resolve: async () => [{ address: asked++ === 0 ? '8.8.8.8' : '127.0.0.1', family: 4 }],
    });
    const url = `http://rebind.test:${port}/`;
    await http.check(url);
    await expect(http.download(url, get)).rejects.toMatchObject(refused);
    await expect(http.post(url, post)).rejects.toMatchObject(refused);
  });

  it('connects to the very addresses that were checked, without asking for the name again', async () => {
    const { port } = await serve((_req, res) => res.end('ok'));
    let asked = 0;
    const http = client({
      allowPrivate: true,
      resolve: async () => [{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }],
    });
    expect((await http.post(`http://once.test:${port}/`, post)).bodyExcerpt).toBe('ok');
    expect(asked).toBe(1);
  });
});

describe('bounds', () => {
  it('follows three redirects and not a fourth', async () => {
    const { url } = await serve((req, res) => {
      const left = Number(req.url?.slice(1));
      if (left === 0) res.setHeader('content-type', 'image/png').end('image');
      else res.writeHead(307, { location: `/${left - 1}` }).end();
    });
    const http = client({ allowPrivate: true });
    const { stream, contentType } = await http.download(`${url}/3`, get);
    expect((await buffer(stream)).toString()).toBe('image');
    expect(contentType).toBe('image/png');
    await expect(http.download(`${url}/4`, get)).rejects.toMatchObject({ kind: 'too_many_redirects' });
  });

  it('refuses a body that is announced as too large, and one that turns out so', async () => {
    const { url } = await serve((req, res) => {
      if (req.url === '/announced') res.writeHead(200, { 'content-length': 5000 }).write('x');
      else {
        const endless = () => {
          while (!res.destroyed && res.write('x'.repeat(500)));
        };
        res.on('drain', endless);
        endless();
      }
    });
    const http = client({ allowPrivate: true });
    await expect(http.download(`${url}/announced`, get)).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
    const { stream } = await http.download(`${url}/endless`, get);
    await expect(buffer(stream)).rejects.toBeInstanceOf(AppError);
  });

  it('gives up on a host that never answers, one that stops in the middle, and one that trickles', async () => {
    const { url } = await serve((req, res) => {
      if (req.url === '/silent') return;
      res.write('x');
      if (req.url === '/stops') return;
      const timer = setInterval(() => res.write('x'), 10);
      res.on('close', () => clearInterval(timer));
    });
    const http = client({ allowPrivate: true, graceMs: 50, minBytesPerSecond: 100_000 });
    const quick = { maxBytes: 1000, timeoutMs: 200 };
    await expect(http.download(`${url}/silent`, quick)).rejects.toMatchObject({ kind: 'timeout' });
    await expect(http.post(`${url}/silent`, { ...post, timeoutMs: 200 })).rejects.toMatchObject({
      kind: 'timeout',
    });
    const stops = await http.download(`${url}/stops`, quick);
    await expect(buffer(stops.stream)).rejects.toMatchObject({ kind: 'timeout' });
    const trickles = await http.download(`${url}/trickles`, get);
    await expect(buffer(trickles.stream)).rejects.toMatchObject({ kind: 'slow' });
  });

  it('a deadline that passes before anybody reads reaches the reader and nobody else', async () => {
    const { url } = await serve((_req, res) => void res.write('x'));
    const { stream } = await client({ allowPrivate: true }).download(url, { maxBytes: 10, timeoutMs: 400 });
    await delay(500);
    await expect(buffer(stream)).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('closes the connection when the reader stops', async () => {
    let closed: Promise<unknown> | undefined;
    const { url } = await serve((_req, res) => {
      closed = once(res, 'close');
      res.write('x');
    });
    const { stream } = await client({ allowPrivate: true }).download(url, {
      maxBytes: 10,
      timeoutMs: 20_000,
    });
    stream.destroy();
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  it('ends when the caller gives up', async () => {
    const { url } = await serve(() => undefined);
    const stop = new AbortController();
    const asked = client({ allowPrivate: true }).download(url, { ...get, signal: stop.signal });
    stop.abort();
    await expect(asked).rejects.toBeInstanceOf(HttpFailure);
  });

  it('a POST follows no redirect, reads 16,384 bytes of the answer and tells Retry-After', async () => {
    const { url } = await serve((req, res) => {
      if (req.url === '/moved') res.writeHead(302, { location: '/' }).end();
      else res.writeHead(429, { 'retry-after': '7' }).end('y'.repeat(50_000));
    });
    const http = client({ allowPrivate: true });
    expect((await http.post(`${url}/moved`, post)).status).toBe(302);
    expect(await http.post(url, post)).toEqual({
      status: 429,
      bodyExcerpt: 'y'.repeat(16_384),
      retryAfter: '7',
    });
  });

  it('tells unknown names, closed ports and slow resolvers apart', async () => {
    const { port, server } = await serve(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const http = client({
      allowPrivate: true,
      connectTimeoutMs: 50,
      resolve: (name) =>
        name === 'slow.test' ? new Promise(() => undefined) : names({ 'up.test': ['127.0.0.1'] })(name),
    });
    const kind = (url: string) =>
      http.post(url, post).then(
        () => null,
        (error: HttpFailure) => error.kind,
      );
    expect(await kind('http://unknown.test/')).toBe('dns');
    expect(await kind('http://slow.test/')).toBe('timeout');
    expect(await kind(`http://up.test:${port}/`)).toBe('connect');
  });
});

describe('the own addresses', () => {
  it('are refused when the socket opens, also for a name that led elsewhere before', async () => {
    const led: Record<string, string[]> = { 'hook.example.com': ['93.184.216.34'] };
    const ours = ownAddresses(
      { publicUrl: 'https://hub.example.com' },
      names({ 'hub.example.com': ['1.1.1.1'] }),
    );
    const http = client({ resolve: async (name) => names(led)(name), ownAddresses: ours });
    await http.check('https://hook.example.com/');
    led['hook.example.com'] = ['1.1.1.1'];
    await expect(http.post('https://hook.example.com/', post)).rejects.toMatchObject(refused);
    // A host that cannot be resolved refuses nobody else.
    const unknown = ownAddresses({ publicUrl: 'https://gone.example.com' }, async () =>
      Promise.reject(new Error('away')),
    );
    expect((await unknown()).has('127.0.0.1')).toBe(true);
    expect((await unknown()).has('1.1.1.1')).toBe(false);
  });

  it('are refused for a new webhook however its host is written, and a resolver that is silent holds nobody', async () => {
    const config = { publicUrl: 'https://hub.example.com', allowPrivateUrls: false };
    const elsewhere = names({ 'hook.example.com': ['93.184.216.34'] });
    for (const url of [
      'https://hub.example.com./',
      'https://HUB.example.com.:443/x',
      'https://127.0.0.1./',
    ]) {
      await expect(refuseOwnAddress(config, url, elsewhere)).rejects.toMatchObject({ code: 'URL_REFUSED' });
    }
    await refuseOwnAddress(config, 'https://hook.example.com./', elsewhere);
    const beside = { publicUrl: 'http://hub.example.com:3000', allowPrivateUrls: true };
    await expect(refuseOwnAddress(beside, 'http://hub.example.com.:3000/')).rejects.toMatchObject({
      code: 'URL_REFUSED',
    });
    await refuseOwnAddress(beside, 'http://hub.example.com:4000/');
    const startedMs = performance.now();
    await refuseOwnAddress(config, 'https://silent.example.com/', () => new Promise(() => undefined));
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
