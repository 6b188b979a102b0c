/** What every storage does alike: a folder, and a bucket behind a server that checks every signature. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/utils/clock.ts';
import { createLocalStorage } from '../../src/utils/storage/local.ts';
import { createS3Storage } from '../../src/utils/storage/s3.ts';
import type { FileStorage, WholeFile } from '../../src/utils/storage/storage.ts';
import { sha256 } from '../helpers/files.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';

const MIB = 1024 * 1024;
let folder: string;
let server: S3Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-conformance-'));
  server = await startS3Server();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

let files = 0;
async function fileOf(bytes: Buffer): Promise<WholeFile> {
  const path = join(folder, `staged-${++files}`);
  await writeFile(path, bytes);
  return { path, sha256: sha256(bytes), size: bytes.length };
}

const KINDS = [
  { kind: 'local', make: () => createLocalStorage(join(folder, 'kept')) },
  { kind: 's3', make: () => createS3Storage(server.options, systemClock) },
  {
    kind: 's3 below a prefix',
    make: () => createS3Storage({ ...server.options, prefix: 'my/own/' }, systemClock),
  },
];

describe.each(KINDS)('a storage of the kind: $kind', ({ make }) => {
  let storage: FileStorage;
  let prefix: string;
  beforeEach(() => {
    storage = make();
    prefix = randomBytes(4).toString('hex');
    return () => storage.close();
  });

  const read = async (key: string) => {
    const stream = await storage.open(key);
    return stream && buffer(stream);
  };
  const listed = async (of: string) => {
    const found = [];
    for await (const file of storage.list(of)) found.push(file);
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  };

  test('gives back what was put, byte for byte, whatever its size', async () => {
    for (const size of [1, 65_536, 3 * MIB + 7]) {
      const bytes = randomBytes(size);
      const key = `${prefix}/${size}`;
      await storage.put(key, await fileOf(bytes));
      expect(await storage.has(key)).toBe(true);
      expect((await read(key))?.equals(bytes)).toBe(true);
    }
  });

  test('puts a file in the place of another', async () => {
    await storage.put(`${prefix}/a`, await fileOf(Buffer.from('first')));
    await storage.put(`${prefix}/a`, await fileOf(Buffer.from('second, and longer')));
    expect(String(await read(`${prefix}/a`))).toBe('second, and longer');
  });

  test('has nothing under a key that was never put, or was removed; removing it again is fine', async () => {
    expect(await storage.has(`${prefix}/none`)).toBe(false);
    expect(await storage.open(`${prefix}/none`)).toBeNull();
    await storage.put(`${prefix}/none`, await fileOf(Buffer.from('x')));
    await storage.remove(`${prefix}/none`);
    await storage.remove(`${prefix}/none`);
    expect(await storage.open(`${prefix}/none`)).toBeNull();
    expect(await storage.has(`${prefix}/none`)).toBe(false);
  });

  test('lists what begins with a prefix, over many pages, with sizes', async () => {
    const keys = Array.from({ length: 8 }, (_, i) => `${prefix}/${'ab'[i % 2]}${i}`);
    for (const [i, key] of keys.entries()) await storage.put(key, await fileOf(Buffer.alloc(i + 1)));
    expect(await listed(`${prefix}/`)).toEqual(
      keys.map((key, i) => ({ key, size: i + 1 })).sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
    expect((await listed(`${prefix}/b`)).map(({ key }) => key)).toEqual(
      keys.filter((key) => key.startsWith(`${prefix}/b`)).sort(),
    );
    expect(await listed('no-such-thing')).toEqual([]);
    expect((await listed('')).length).toBeGreaterThanOrEqual(keys.length);
  });

  test('serves many at once', async () => {
    const bodies = Array.from({ length: 40 }, () => randomBytes(100_000));
    await Promise.all(bodies.map(async (body, i) => storage.put(`${prefix}/${i}`, await fileOf(body))));
    const back = await Promise.all(bodies.map((_, i) => read(`${prefix}/${i}`)));
    expect(back.map((body) => body && sha256(body))).toEqual(bodies.map(sha256));
  });

  test('lets go of a file that is opened and not read', async () => {
    await storage.put(`${prefix}/a`, await fileOf(randomBytes(2 * MIB)));
    for (let i = 0; i < 100; i++) {
      const stream = await storage.open(`${prefix}/a`);
      stream?.destroy();
    }
    expect(await storage.has(`${prefix}/a`)).toBe(true);
  });

  test('can be used, and leaves nothing of that among the files', async () => {
    const before = await listed('');
    await storage.check();
    await storage.check();
    expect(await listed('')).toEqual(before);
  });

  test('says whose fault it is that a file is gone before it was put', async () => {
    const file = await fileOf(Buffer.from('x'));
    await rm(file.path);
    await expect(storage.put(`${prefix}/a`, file)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await storage.has(`${prefix}/a`)).toBe(false);
  });
});
