/** Uploads against the real clamd, which knows one signature: the test's own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activityLogs, media } from '../../src/db/schema.ts';
import { ScannerError, scanStream } from '../../src/utils/clamd.ts';
import { dataOf, openWorld, upload, type World } from '../broadcast/fixture.ts';
import { testConfig } from '../helpers/app.ts';
import { type Clamd, startClamd, TEST_SIGNATURE } from '../helpers/clamd.ts';

const PROGRAM = process.env.CLAMD_PATH;
if (!PROGRAM) throw new Error('CLAMD_PATH must name a clamd');

const CLEAN = Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n');
const INFECTED = Buffer.concat([CLEAN, Buffer.alloc(70_000, 32), Buffer.from(`% ${TEST_SIGNATURE}\n`)]);

let folder: string;
let scanner: Clamd;
const worlds: World[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-scanner-'));
  scanner = await startClamd(PROGRAM);
}, 60_000);
afterAll(async () => {
  for (const world of worlds) await world.close();
  await scanner?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(clamav: { host: string; port: number }): Promise<World> {
  const world = await openWorld({ config: { files: { ...testConfig().files, uploadPath: folder, clamav } } });
  worlds.push(world);
  return world;
}

const send = (w: World, bytes: Buffer) => upload(w, '/upload', bytes, { name: 'invoice.pdf' });
const kept = (w: World) =>
  w.t.deps.db.select({ size: media.size }).from(media).where(eq(media.userId, w.tenant.id));

describe.each(['address', 'tcp'] as const)('a real clamd at its %s', (where) => {
  it('lets a clean file in and keeps one with the signature out, which is logged', async () => {
    const w = await open(scanner[where]);
    expect(dataOf(await send(w, CLEAN))).toMatchObject({ scanned: true, size: CLEAN.length });
    expect(await send(w, INFECTED)).toMatchObject({
      status: 422,
      body: { code: 'FILE_INFECTED', details: { signature: expect.stringContaining('WaHub.Test') } },
    });
    expect(await kept(w)).toEqual([{ size: CLEAN.length }]);
    const { db } = w.t.deps;
    const facts = await db.select().from(activityLogs).where(eq(activityLogs.event, 'upload.infected'));
    expect(facts).toMatchObject([
      { userId: w.tenant.id, status: 'failure', data: { filename: 'invoice.pdf', size: INFECTED.length } },
    ]);
  });
});

describe('a real clamd', () => {
  it('that was asked about more than it scans keeps the file out', async () => {
    const large = (async function* () {
      for (let i = 0; i < 200; i++) yield Buffer.alloc(100_000);
    })();
    await expect(scanStream(scanner.address, large)).rejects.toThrow(ScannerError);
  });

  it('that went away lets nothing in', async () => {
    const own = await startClamd(PROGRAM);
    const w = await open(own.address);
    expect(dataOf(await send(w, CLEAN))).toMatchObject({ scanned: true });
    await own.stop();
    expect(await send(w, CLEAN)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(await kept(w)).toHaveLength(1);
  });
});
