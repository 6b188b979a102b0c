/** Looking into files: what is reported of good ones, and that bad ones cost nobody anything. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { watchLoop } from '../../bench/measure/loop.ts';
import { detectType } from '../../src/services/media/detect.ts';
import { createMediaTools, type MediaTools } from '../../src/services/media/tools.ts';
import { createHelperPool, HelperFailure } from '../../src/utils/helper-process.ts';
import type { Logger } from '../../src/utils/logger.ts';
import { testConfig } from '../helpers/app.ts';
import { mp4File, opusFile, pngFile, sha256 } from '../helpers/files.ts';
import { craftedFiles, pngOf } from './crafted-files.ts';
import { filmOf, toneFile } from './sounds.ts';

/** Computed by this thread between two turns; what starts a process takes some of it. */
const MAX_HOLD_MS = 150;
const silent: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};

let folder: string;
let mediaTools: MediaTools;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-inspect-'));
  const config = testConfig();
  // Without ffmpeg, so that nothing depends on what this machine has.
  mediaTools = createMediaTools({
    config: { ...config, files: { ...config.files, ffmpeg: '/nowhere/ffmpeg' } },
    logger: silent,
    limits: { typeMs: 1_000, detailsMs: 1_000 },
  });
});
afterAll(async () => {
  mediaTools.close();
  await rm(folder, { recursive: true, force: true });
});

async function fileOf(bytes: Uint8Array) {
  const path = join(folder, String(files++));
  await writeFile(path, bytes);
  return { path, size: bytes.length, sha256: sha256(bytes) };
}

async function look(bytes: Uint8Array, userId = 1) {
  const file = await fileOf(bytes);
  const mimetype = await detectType({ mediaTools }, file, null, { userId });
  return { mimetype, details: await mediaTools.detailsOf(file.path, mimetype, { userId }) };
}

describe('what is told of', () => {
  it('a picture: its size as it is shown, and a small JPEG', async () => {
    const turned = await sharp({ create: { width: 300, height: 200, channels: 3, background: 'red' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { details } = await look(turned);
    expect(details).toMatchObject({ width: 200, height: 300, animated: false });
    const preview = await sharp(Buffer.from(String(details.thumbnail), 'base64')).metadata();
    expect(preview).toMatchObject({ format: 'jpeg', width: 48, height: 72 });
  });

  it('a sticker that moves', async () => {
    const frames = await Promise.all(
      ['red', 'blue'].map((background) =>
        sharp({ create: { width: 64, height: 32, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const moving = await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer();
    expect(await look(moving)).toMatchObject({
      mimetype: 'image/webp',
      details: { width: 64, height: 32, animated: true },
    });
  });

  it('a picture of many pixels: its size, without decoding it', async () => {
    const { details } = await look(pngOf(9_000, 9_000));
    expect(details).toEqual({ width: 9_000, height: 9_000, animated: false });
  });

  it('a voice note: its seconds and the bars of its sound', async () => {
    const { mimetype, details } = await look(toneFile());
    expect(mimetype).toBe('audio/ogg; codecs=opus');
    expect(details.seconds).toBe(2);
    const bars = [...Buffer.from(String(details.waveform), 'base64')];
    expect(bars).toHaveLength(64);
    expect(Math.max(...bars)).toBe(100);
    // Silent in its first half, a tone in its second.
    expect(Math.max(...bars.slice(2, 28))).toBeLessThan(10);
    expect(Math.min(...bars.slice(36, 60))).toBeGreaterThan(20);
  });

  it('a sound whose packets are noise: its seconds', async () => {
    expect((await look(opusFile(5))).details).toMatchObject({ seconds: 5 });
  });

  it('a film: its seconds and its size, also when it was filmed upright', async () => {
    const film = filmOf({ seconds: 7, width: 640, height: 360, turned: false });
    expect(await look(film)).toMatchObject({
      mimetype: 'video/mp4',
      details: { seconds: 7, width: 640, height: 360 },
    });
    const upright = filmOf({ seconds: 7, width: 640, height: 360, turned: true });
    expect((await look(upright)).details).toMatchObject({ width: 360, height: 640 });
    expect((await look(mp4File())).details).toEqual({});
  });

  it('a PDF: its pages, also where its objects are compressed, and not its bookmarks', async () => {
    const tree =
      '2 0 obj\n<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 12 >>\nendobj\n3 0 obj\n<</Type/Pages/Count 5/Parent 2 0 R>>\nendobj\n9 0 obj\n<< /Type /Outlines /Count 99 >>\nendobj\n';
    expect((await look(Buffer.from(`%PDF-1.4\n${tree}`))).details).toEqual({ pages: 12 });
    const packed = deflateSync(
      Buffer.from('2 0 3 80 <</Type/Pages/Count 31/Kids[<</X 1>>]>><</Type/Outlines/Count 77>>'),
    );
    const modern = Buffer.concat([
      Buffer.from('%PDF-1.7\n1 0 obj\n<</Type/ObjStm/N 2/First 9/Filter/FlateDecode>>\nstream\r\n'),
      packed,
      Buffer.from('\r\nendstream\nendobj\n'),
    ]);
    expect((await look(modern)).details).toEqual({ pages: 31 });
    expect((await look(Buffer.from('%PDF-1.7\nnothing'))).details).toEqual({});
  });
});

describe('a file that is made to cost', () => {
  const size = 6 * 1024 * 1024;
  it.each(Object.entries(craftedFiles(size)))(
    '%s holds nothing up, and is given up in time',
    async (_what, bytes) => {
      const loop = watchLoop();
      const startedAt = performance.now();
      const { mimetype } = await look(bytes);
      const { ranMs } = loop.stop();
      expect(mimetype).toMatch(/^[a-z]+\/[\w.+-]+/);
      // Two limits of a second, and the start of two processes.
      expect(performance.now() - startedAt).toBeLessThan(60_000);
      expect(Number.isNaN(ranMs) ? 0 : ranMs).toBeLessThan(MAX_HOLD_MS);
    },
    90_000,
  );

  it('keeps nobody else waiting', async () => {
    const bad = craftedFiles(size)['a FLAC of many blocks'] ?? Buffer.alloc(0);
    const slow = Array.from({ length: 4 }, () => look(bad, 1));
    const png = await look(pngFile(), 2);
    expect(png.details).toMatchObject({ width: 1, height: 1 });
    let open = slow.length;
    for (const one of slow) void one.then(() => open--);
    await Promise.resolve();
    expect(open).toBeGreaterThan(0);
    await Promise.all(slow);
  }, 90_000);

  it('is let go of when whoever sent it has gone', async () => {
    const { path } = await fileOf(craftedFiles(size)['a FLAC of many comments'] ?? Buffer.alloc(0));
    const gone = new AbortController();
    const looking = mediaTools.detailsOf(path, 'audio/flac', { userId: 3, signal: gone.signal });
    gone.abort();
    expect(await looking).toEqual({});
  });
});

describe('a helper process', () => {
  const entry = new URL('./helper-entry.ts', import.meta.url);
  const pool = createHelperPool({ entry, concurrency: 1, heapMiB: 64, idleMs: 60_000 });
  afterAll(() => pool.close());
  const run = (job: string, timeoutMs = 20_000) => pool.run(job, { owner: 'a', timeoutMs });

  it('answers, fails, crashes, is killed for time and memory, and the next job finds another one', async () => {
    expect(await run('echo')).toBe('echo');
    await expect(run('throw')).rejects.toMatchObject({ kind: 'failed', message: 'as asked' });
    await expect(run('exit')).rejects.toMatchObject({ kind: 'crashed' });
    await expect(run('loop', 200)).rejects.toMatchObject({ kind: 'timeout' });
    await expect(run('memory')).rejects.toBeInstanceOf(HelperFailure);
    expect(await run('echo')).toBe('echo');
  }, 60_000);

  it('goes on with the next job after one that it could not do', async () => {
    const first = await run('pid');
    for (let n = 0; n < 3; n++) await expect(run('throw')).rejects.toMatchObject({ kind: 'failed' });
    expect(await run('pid')).toBe(first);
  });

  it('lets go of a job whose caller has gone before its turn, while another one is under way', async () => {
    const busy = run('loop', 500).catch((error: HelperFailure) => error.kind);
    const gone = new AbortController();
    const job = { owner: 'a', timeoutMs: 20_000, signal: gone.signal };
    const waiting = pool.run('echo', job).catch((error: HelperFailure) => error.kind);
    gone.abort();
    expect(await Promise.race([busy, waiting])).toBe('aborted');
    expect(await busy).toBe('timeout');
  });

  it('knows nothing of the settings of the service', async () => {
    process.env.JWT_SECRET = 'not for helpers';
    expect(await run('environment')).not.toContain('JWT_SECRET');
    delete process.env.JWT_SECRET;
  });
});
