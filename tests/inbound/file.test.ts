import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMediaFetcher, type MediaFetcher } from '../../src/whatsapp/baileys/inbound-file.ts';
import type { InboundMediaKind, MediaSource } from '../../src/whatsapp/inbound-content.ts';

const MEDIA_KEY = randomBytes(32);
const INFO: Record<InboundMediaKind, string> = {
  image: 'WhatsApp Image Keys',
  sticker: 'WhatsApp Image Keys',
  video: 'WhatsApp Video Keys',
  audio: 'WhatsApp Audio Keys',
  document: 'WhatsApp Document Keys',
};

/** As a phone seals a file before it uploads it. */
function seal(plain: Buffer, kind: InboundMediaKind): Buffer {
  const keys = Buffer.from(hkdfSync('sha256', MEDIA_KEY, Buffer.alloc(0), INFO[kind], 112));
  const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), keys.subarray(0, 16));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(keys.subarray(0, 16)).update(body).digest();
  return Buffer.concat([body, mac.subarray(0, 10)]);
}

const files = new Map<string, Buffer>();
let server: Server;
let base: string;
let fetcher: MediaFetcher;

beforeAll(async () => {
  server = createServer((request, response) => {
    const status = /^\/status\/(\d+)$/.exec(request.url ?? '')?.[1];
    const file = files.get(request.url ?? '');
    response.statusCode = status ? Number(status) : file ? 200 : 404;
    response.end(file);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fetcher = createMediaFetcher({ url: base, rootKey: null, caFile: null }, async () => null);
});
afterAll(async () => {
  await fetcher.close();
  server.closeAllConnections();
  server.close();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

function put(name: string, bytes: Buffer): string {
  files.set(`/${name}`, bytes);
  return `${base}/${name}`;
}

async function read(source: Partial<MediaSource>, maxBytes = 10_000_000, from = fetcher): Promise<Buffer> {
  const whole = {
    kind: 'image',
    url: null,
    directPath: null,
    mediaKey: MEDIA_KEY,
    fileSha256: null,
  } as const;
  const options = { accountId: 'a', maxBytes, timeoutMs: 10_000, signal: new AbortController().signal };
  const pieces: Buffer[] = [];
  for await (const piece of await from.fetch({ ...whole, ...source }, options)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('a file', () => {
  it.each(['image', 'sticker', 'video', 'audio', 'document'] as const)(
    'of the kind %s is opened',
    async (kind) => {
      const plain = randomBytes(100_001);
      const url = put(kind, seal(plain, kind));
      expect((await read({ kind, url, fileSha256: sha256(plain) })).equals(plain)).toBe(true);
    },
  );

  it.each([0, 1, 15, 16, 17, 65_536])('of %i bytes is whole', async (size) => {
    const plain = randomBytes(size);
    const url = put(`size-${size}`, seal(plain, 'image'));
    expect((await read({ url, fileSha256: sha256(plain) })).equals(plain)).toBe(true);
  });
});

describe('a file of a channel, which is not sealed,', () => {
  const plain = randomBytes(50_000);

  it('comes as it is', async () => {
    const url = put('plain', plain);
    const whole = await read({ url, mediaKey: null, fileSha256: sha256(plain) });
    expect(whole.equals(plain)).toBe(true);
  });

  it('is refused when it is another one than the post names, or too large', async () => {
    const url = put('plain', plain);
    const other = { url, mediaKey: null, fileSha256: sha256(Buffer.from('x')) };
    await expect(read(other)).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(read({ url, mediaKey: null }, 49_999)).rejects.toMatchObject({ kind: 'too_large' });
  });
});

describe('a file that is not what was sent', () => {
  const plain = randomBytes(50_000);
  it.each<[string, (sealed: Buffer) => Buffer]>([
    ['changed in the middle', (sealed) => Buffer.from(sealed).fill(1, 1_000, 1_001)],
    ['changed at the end', (sealed) => Buffer.from(sealed).fill(1, sealed.length - 1)],
    ['cut short', (sealed) => sealed.subarray(0, 20_000)],
    ['a few bytes', () => Buffer.from('hi')],
    ['empty', () => Buffer.alloc(0)],
  ])('is refused: %s', async (name, change) => {
    const url = put(encodeURIComponent(name), change(seal(plain, 'image')));
    await expect(read({ url })).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('is refused when it is another one than the message names', async () => {
    const url = put('other', seal(plain, 'image'));
    await expect(read({ url, fileSha256: sha256(Buffer.from('x')) })).rejects.toMatchObject({
      kind: 'corrupt',
    });
  });
});

describe('a file that cannot be had', () => {
  it.each([
    [404, 'gone'],
    [410, 'gone'],
    [403, 'unavailable'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ])('because of HTTP %i is %s', async (status, kind) => {
    await expect(read({ url: `${base}/status/${status}` })).rejects.toMatchObject({ kind });
  });

  it('because it is too large is not read to its end', async () => {
    const url = put('large', seal(randomBytes(5_000), 'image'));
    await expect(read({ url }, 1_000)).rejects.toMatchObject({ kind: 'too_large' });
  });

  it('because nobody listens is tried again', async () => {
    await expect(read({ url: 'http://127.0.0.1:1/x' })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('a message that names another host than WhatsApp', () => {
  it.each([
    'https://169.254.169.254/latest/meta-data',
    'http://mmg.whatsapp.net/file',
    'https://mmg.whatsapp.net.evil.example/file',
    'https://evilwhatsapp.net/file',
    'file:///etc/passwd',
    'no url',
  ])('is not followed: %s', async (url) => {
    const real = createMediaFetcher(null, async () => null);
    await expect(read({ url }, 1_000, real)).rejects.toMatchObject({ kind: 'gone' });
    await real.close();
  });
});
