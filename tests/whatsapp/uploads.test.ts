/** Uploads of many sessions share few places: none waits for another tenant's proxy, and none lasts for ever. */
import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, Agent as HttpAgent } from 'node:http';
import type { Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { getMediaKeys, uploadWithNodeHttp } from '@whiskeysockets/baileys';
import { afterAll, expect, it } from 'vitest';
import { writePlain, writeSealed } from '../../src/whatsapp/baileys/upload-file.ts';
import { stoppable, untilStopped } from '../../src/whatsapp/baileys/upload-scope.ts';
import { createUploads, type UploadSocket } from '../../src/whatsapp/baileys/uploads.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/until.ts';

const HOUR_MS = 3_600_000;
const UPLOADED = { mediaUrl: 'https://media.test/file', directPath: '/file' };

const accountOf = (userId: number, n: number): AccountRef => ({
  id: `${userId}-${n}`.padEnd(32, '0'),
  userId,
  sessionId: `s${n}`,
  owner: 'o'.repeat(32),
  fence: 1,
});

const folder = await mkdtemp(join(tmpdir(), 'wahub-uploads-'));
afterAll(() => rm(folder, { recursive: true }));

function setUp(staging = join(folder, 'staging')) {
  const clock = createFakeClock();
  const host = { openMedia: async () => Readable.from([Buffer.from('bytes of a file')]) };
  const uploads = createUploads(host, clock, staging);
  let begun = 0;
  const refreshMediaConn = () => Promise.reject(new Error('nothing is asked for'));
  const stuck = (proxied: boolean): UploadSocket => ({
    ...{ proxied, uploadAgent: undefined },
    sock: {
      refreshMediaConn,
      waUploadToServer: () => {
        begun += 1;
        return new Promise(() => undefined);
      },
    },
  });
  const quick: UploadSocket = {
    ...{ proxied: false, uploadAgent: undefined },
    sock: { refreshMediaConn, waUploadToServer: async () => UPLOADED },
  };
  let next = 0;
  const send = (account: AccountRef, by: UploadSocket, plain = false) => {
    const media = { id: String(next++).padStart(32, '0'), mimetype: 'image/png', size: 15, sha256: '' };
    return uploads.get(account, by, { kind: 'image', media, plain });
  };
  return { clock, send, stuck, quick, begun: () => begun };
}

it.each([true, false])('other sessions go on while those of one hang (by a proxy: %s)', async (proxied) => {
  const { clock, send, stuck, quick, begun } = setUp();
  const waiting = Array.from({ length: 12 }, (_none, n) => {
    const made = send(accountOf(1, proxied ? n : 0), stuck(proxied));
    made.catch(() => undefined);
    return made;
  });
  await until(() => begun() === 2);
  expect(await send(accountOf(2, 0), quick)).toMatchObject({ url: UPLOADED.mediaUrl });
  const quickByProxy = { ...quick, proxied: true };
  expect(await send(accountOf(3, 0), quickByProxy)).toMatchObject({ url: UPLOADED.mediaUrl });
  expect(begun()).toBe(2);
  let ended = 0;
  for (const one of waiting) one.catch(() => (ended += 1));
  await until(async () => {
    await clock.advance(HOUR_MS);
    return ended === waiting.length;
  });
});

it('an upload ends in time, counted from its turn, and leaves its place to the next', async () => {
  const { clock, send, stuck, quick, begun } = setUp();
  const account = accountOf(1, 0);
  const first = [send(account, stuck(true)), send(account, stuck(true))];
  const ended = Promise.allSettled(first);
  await until(() => begun() === 2);
  const later = send(account, { ...quick, proxied: true });
  await clock.advance(5 * 60_000 + 1);
  for (const { status } of await ended) expect(status).toBe('rejected');
  await expect(first[0]).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await later).toMatchObject({ url: UPLOADED.mediaUrl });
});

it.each([true, false])(
  'a folder that cannot be written refuses the file and ends nothing (plain: %s)',
  async (plain) => {
    const path = join(folder, `in-the-way-${plain}`);
    await writeFile(path, '');
    const { send, quick } = setUp(join(path, 'staging'));
    await expect(send(accountOf(1, 0), quick, plain)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await rm(path);
    const later = send(accountOf(1, 0), quick, plain);
    if (plain) await expect(later).rejects.toThrow('nothing is asked for');
    else expect(await later).toMatchObject({ url: UPLOADED.mediaUrl });
  },
);

it('a file that fails before it is read, or in the middle, leaves nothing behind', async () => {
  const broken = join(folder, 'broken');
  const early = Readable.from([Buffer.from('never read')]);
  const work = writeSealed(broken, early, 'image');
  early.destroy(new Error('the storage broke off'));
  await expect(work).rejects.toThrow('the storage broke off');
  async function* cut() {
    yield Buffer.alloc(100_000);
    throw new Error('in the middle');
  }
  await expect(writePlain(broken, Readable.from(cut()))).rejects.toThrow('in the middle');
  expect(await readdir(broken)).toEqual([]);
});

it.each([0, 1, 16, 200_001])(
  'seals %s bytes as phones open them, for nobody else to read',
  async (length) => {
    const bytes = Buffer.alloc(length, 7);
    const source = Readable.from(
      [bytes.subarray(0, 5), bytes.subarray(5)].filter((piece) => piece.length > 0),
    );
    const file = await writeSealed(join(folder, 'sealed'), source, 'video');
    const whole = await readFile(file.path);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect(file.fileLength).toBe(length);
    expect(Buffer.from(file.fileSha256)).toEqual(createHash('sha256').update(bytes).digest());
    expect(Buffer.from(file.fileEncSha256)).toEqual(createHash('sha256').update(whole).digest());
    const { iv, cipherKey, macKey = Buffer.alloc(0) } = await getMediaKeys(file.mediaKey, 'video');
    const [sealed, mac] = [whole.subarray(0, -10), whole.subarray(-10)];
    expect(mac).toEqual(createHmac('sha256', macKey).update(iv).update(sealed).digest().subarray(0, 10));
    const cipher = createDecipheriv('aes-256-cbc', cipherKey, iv);
    expect(Buffer.concat([cipher.update(sealed), cipher.final()])).toEqual(bytes);
  },
);

it.each([false, true])(
  'the request of an upload that is given up is destroyed, and no other is made (redirected: %s)',
  async (redirected) => {
    const filePath = join(folder, 'file');
    await writeFile(filePath, Buffer.alloc(8_000_000));
    let asked = 0;
    // Takes the head of a request, and neither reads on nor answers; in between it may send the upload elsewhere.
    const server = createServer((request, response) => {
      if (redirected && request.url === '/file') {
        request.resume().on('end', () => response.writeHead(302, { location: '/other' }).end());
        return;
      }
      asked += 1;
      request.pause();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
    const ending = new AbortController();
    // The server here speaks plain HTTP, which Baileys' type does not know.
    const plain = new HttpAgent() as Agent;
    let tries = 0;
    const upload = async () => {
      for (; tries < 2; tries++) {
        await uploadWithNodeHttp({ url, filePath, headers: {}, agent: stoppable(plain) }).catch(
          () => undefined,
        );
      }
    };
    const work = untilStopped(ending.signal, upload);
    const refused = expect(work).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await until(() => asked === 1);
    ending.abort();
    await refused;
    await until(() => Object.keys(plain.sockets).length === 0 && tries === 2);
    expect(asked).toBe(1);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
);
