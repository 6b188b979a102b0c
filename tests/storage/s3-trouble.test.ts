/** A bucket that says no, breaks off or is away: what is told, what is tried again, and that nothing is made up. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/utils/clock.ts';
import { checkStorage, createStorage } from '../../src/utils/storage/open-storage.ts';
import type { FileStorage, WholeFile } from '../../src/utils/storage/storage.ts';
import { testConfig } from '../helpers/app.ts';
import { sha256 } from '../helpers/files.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';

let folder: string;
let server: S3Server;
let storage: FileStorage;
let lines: string[];
const opened: FileStorage[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-s3-trouble-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  server = await startS3Server();
  lines = [];
  storage = storageWith({});
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await server.close();
});

function storageWith(changes: Partial<S3Server['options']>): FileStorage {
  const write = (message: string, meta: object = {}) => void lines.push(JSON.stringify({ message, ...meta }));
  const logger = { error: write, warn: write, info: write, debug: write, child: () => logger };
  const config = testConfig({ storage: { type: 's3', ...server.options, ...changes } });
  const made = createStorage({ config, clock: systemClock, logger });
  opened.push(made);
  return made;
}

async function fileOf(bytes: Buffer): Promise<WholeFile> {
  const path = join(folder, randomBytes(8).toString('hex'));
  await writeFile(path, bytes);
  return { path, sha256: sha256(bytes), size: bytes.length };
}

async function put(key: string, bytes: Buffer): Promise<void> {
  await storage.put(key, await fileOf(bytes));
}

describe('a setting that is wrong', () => {
  test.each([
    [{ secretAccessKey: 'another secret' }, 'S3_SECRET_ACCESS_KEY is not the one of S3_ACCESS_KEY_ID'],
    [{ accessKeyId: 'AKIANOBODY' }, 'S3_ACCESS_KEY_ID is not known there'],
    [{ bucket: 'not-there' }, 'S3_BUCKET: there is no bucket not-there'],
    [{ region: 'eu-west-1' }, 'S3_REGION is not the region of wahub-test'],
  ])('%j stops the start with one line, and holds no secret', async (changes, line) => {
    const wrong = storageWith(changes);
    const failure = await checkStorage(wrong).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: 'StartError', message: line });
    await expect(wrong.put('a', await fileOf(Buffer.from('x')))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      trouble: 'refused',
      reason: line,
    });
    await expect(wrong.open('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(wrong.remove('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(server.objects.size).toBe(0);
    const told = `${lines.join('\n')}${String(failure)}${failure instanceof Error ? failure.stack : ''}`;
    for (const secret of [server.options.secretAccessKey, 'another secret', 'Signature=']) {
      expect(told).not.toContain(secret);
    }
    expect(lines.join()).toContain(line);
  });

  test('a key that may read and not write is found at the start', async () => {
    server.trouble = (request, response) => {
      if (request.method !== 'PUT') return false;
      request.resume();
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return true;
    };
    await expect(checkStorage(storage)).rejects.toThrow(/may not do this in wahub-test/);
  });
});

describe('a server that is away', () => {
  test('does not stop the start; files are UNAVAILABLE until it is back', async () => {
    await put('a', Buffer.from('kept'));
    await server.goDown();
    await checkStorage(storage);
    for (const work of [
      () => put('b', Buffer.from('new')),
      () => storage.open('a'),
      () => storage.has('a'),
      () => storage.remove('a'),
    ]) {
      await expect(work()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        trouble: 'away',
        retryAfterSeconds: 15,
      });
    }
    await server.comeBack();
    await put('b', Buffer.from('new'));
    expect([...server.objects.keys()].sort()).toEqual(['media/a', 'media/b']);
    // Once when it began, once when it was over: not for every request.
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      'the storage of files cannot be used',
      'the storage of files works again',
    ]);
  });

  test('is tried again by itself when it is back within a moment', async () => {
    await server.goDown();
    const work = put('a', Buffer.from('patient'));
    await server.comeBack();
    await work;
    expect(String(server.objects.get('media/a'))).toBe('patient');
    expect(lines).toEqual([]);
  });

  test('keeps nothing of a file that broke off in the middle, and all of it when it is sent again', async () => {
    const bytes = randomBytes(5_000_000);
    let cuts = 1;
    server.trouble = (request) => {
      if (request.method !== 'PUT' || cuts-- <= 0) return false;
      let seen = 0;
      request.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (seen > 1_000_000) request.socket.destroy();
      });
      return true;
    };
    await put('a', bytes);
    expect(server.log.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
    expect(server.objects.get('media/a')?.equals(bytes)).toBe(true);
  });

  test.each([500, 503, 429])('answers %i now and then: nobody notices', async (status) => {
    let busy = 2;
    server.trouble = (request, response) => {
      if (busy-- <= 0) return false;
      request.resume();
      response.writeHead(status).end('<Error><Code>SlowDown</Code></Error>');
      return true;
    };
    await put('a', Buffer.from('x'));
    expect(server.objects.has('media/a')).toBe(true);
  });
});

describe('what is changed on the way', () => {
  test('is refused: a file that is not what was hashed', async () => {
    const file = await fileOf(Buffer.from('what was scanned'));
    await writeFile(file.path, 'what came since.');
    await expect(storage.put('a', file)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(server.objects.size).toBe(0);
  });
});

describe('reading', () => {
  const bytes = randomBytes(3_000_000);
  const read = async () => {
    const stream = await storage.open('a');
    return stream && buffer(stream);
  };
  /** Every answer to a GET ends after so many bytes. */
  function cutAfter(n: number, times: number): void {
    let left = times;
    server.trouble = (request, response) => {
      if (request.method !== 'GET' || left-- <= 0) return false;
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const headers = { 'content-length': bytes.length - from, etag: '"the same"' };
      response.writeHead(from === 0 ? 200 : 206, headers);
      response.write(bytes.subarray(from, from + n), () => request.socket.destroy());
      return true;
    };
  }

  beforeEach(() => put('a', bytes));

  test('goes on where a connection broke off, as often as it comes further', async () => {
    cutAfter(600_000, Number.POSITIVE_INFINITY);
    const done = await read();
    expect(done?.equals(bytes)).toBe(true);
    expect(server.log.filter((line) => line.startsWith('GET')).length).toBe(5);
  });

  test('ends with an error, never early, when it comes no further', async () => {
    cutAfter(100_000, 1);
    const stream = await storage.open('a');
    await server.goDown();
    await expect(stream && buffer(stream)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('never joins two files: one that was replaced meanwhile is an error', async () => {
    cutAfter(100_000, 1);
    const stream = await storage.open('a');
    server.objects.set('media/a', randomBytes(bytes.length));
    await expect(stream && buffer(stream)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
