import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BackupFolders,
  importName,
  mediaName,
  putFile,
  withFile,
} from '../../src/services/backup/files.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { createS3Storage } from '../../src/utils/storage/s3.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';
import { placesIn } from './backup-fixture.ts';

const dir = mkdtempSync(join(tmpdir(), 'wahub-care-files-'));
let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const TEXT = 'a picture 😀';
const sha256 = createHash('sha256').update(TEXT).digest('hex');
async function* bytes() {
  yield Buffer.from(TEXT.slice(0, 4));
  yield Buffer.from(TEXT.slice(4));
}
const read = (places: BackupFolders, name: string) =>
  withFile(places, name, async (file) => ({ ...file, text: readFileSync(file.path, 'utf8') }));

describe.each(['folder', 'bucket'])('files of a backup, in a %s', (kind) => {
  let places: BackupFolders;
  beforeAll(() => {
    const uploadPath = join(dir, kind);
    const storage = () => createS3Storage(server.options, systemClock);
    places = kind === 'folder' ? placesIn(uploadPath) : { uploadPath, storage: storage() };
  });
  afterAll(() => places.storage.close());

  it('come back as they were kept, and leave nothing on the way', async () => {
    for (const name of [mediaName('ab/0123'), importName('4567')]) {
      expect(await read(places, name)).toBeNull();
      expect(await putFile(places, name, bytes(), sha256)).toBe(true);
      expect(await read(places, name)).toMatchObject({ text: TEXT, sha256, size: Buffer.byteLength(TEXT) });
    }
    expect(await places.storage.has('ab/0123')).toBe(true);
    expect(readdirSync(join(places.uploadPath, 'staging'))).toEqual([]);
  });

  it('are not kept when they are not what they were', async () => {
    const name = mediaName('cd/0123');
    expect(await putFile(places, name, bytes(), '0'.repeat(64))).toBe(false);
    expect(await read(places, name)).toBeNull();
    expect(readdirSync(join(places.uploadPath, 'staging'))).toEqual([]);
  });
});
