import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { readJournal } from '../../src/db/journal.ts';
import { dbType } from '../../src/db/kit.ts';
import { loadRows } from '../../src/db/load.ts';
import { migrate } from '../../src/db/migrate.ts';
import { transact, upsert } from '../../src/db/ops.ts';
import { readTableNames } from '../../src/db/reset.ts';
import { contactImports, counters, media, processes, settings } from '../../src/db/schema.ts';
import { FORMAT, MANIFEST, readPiece } from '../../src/services/backup/format.ts';
import { restoreBackup } from '../../src/services/backup/restore.ts';
import { storageKeyOf } from '../../src/services/media/staging.ts';
import { StartError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import type { TestDatabase } from '../helpers/database.ts';
import {
  backUp,
  fill,
  makePlace,
  newest,
  type Place,
  placesIn,
  readEverything,
  verified,
  writeUpload,
} from './backup-fixture.ts';

const place: Place = makePlace();
const uploads = place.path('uploads');
const [kept, gone, list] = [newId(), newId(), newId()];
/** A database with rows in every table, as a folder and as an archive. */
let original: TestDatabase;
const folder = place.path('folder');
const archive = place.path('archive.tar');

beforeAll(async () => {
  original = await place.migrated();
  await fill(original, newest());
  const { db } = original;
  await db.delete(media);
  await db.insert(media).values([kept, gone].map(mediaRow));
  writeUpload(uploads, `media/${storageKeyOf(kept)}`, 'a picture 😀');
  writeUpload(uploads, 'staging/half', 'what was being uploaded');
  const [row] = await db.select().from(contactImports).limit(1);
  await db.delete(contactImports);
  if (row) await db.insert(contactImports).values({ ...row, id: list, status: 'running' });
  writeUpload(uploads, `imports/${list}.csv`, 'phone\n0812\n');
  const { missingFiles, changedFiles } = await backUp(original.options, uploads, folder);
  expect({ missingFiles, changedFiles }).toEqual({ missingFiles: 1, changedFiles: 1 });
  const { manifest } = await backUp(original.options, uploads, archive);
  expect(manifest).toMatchObject({ program: 'wahub', format: FORMAT, version: '1.2.3', dialect: dbType });
  expect(manifest).toMatchObject({ migration: newest().tag, live: true });
});
afterAll(() => place.remove());

const mediaRow = (id: string) => ({
  id,
  userId: 1,
  kind: 'upload' as const,
  sha256: '0'.repeat(64),
  mimetype: 'image/png',
  size: 14,
  storageKey: storageKeyOf(id),
  createdAt: 1,
  expiresAt: 2,
});

interface Options {
  uploadPath?: string;
  force?: boolean;
  prepare?: () => Promise<void>;
}

async function restore(path: string, database: Database, options: Options = {}): Promise<void> {
  const { uploadPath = place.path('restored'), force = false, prepare = async () => undefined } = options;
  await restoreBackup(
    { ...(await verified(path)), ...placesIn(uploadPath), database, force, moved: true },
    prepare,
  );
}

/** The sentence of a refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  return 'it was not refused';
}

function filesIn(path: string): string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(join(path, name)).isFile()).sort();
}

describe('a backup', () => {
  it('can be read by its owner only, leaves nothing beside it and replaces none', async () => {
    for (const path of [folder, join(folder, MANIFEST), archive]) expect(statSync(path).mode & 0o77).toBe(0);
    expect(readdirSync(place.dir).filter((name) => name.includes('partial'))).toEqual([]);
    for (const path of [folder, archive]) {
      expect(await refusal(backUp(original.options, uploads, path))).toContain('is there already');
    }
  });

  it('is of one moment, while transactions go on changing one table after the other', async () => {
    const database = await place.migrated();
    const rows = Array.from({ length: 3_000 }, (_, i) => [`filler ${i}`, 1]);
    await loadRows(database, { name: 'counters', columns: ['name', 'value'] }, rows);
    let writing = true;
    let n = 0;
    const changePair = () =>
      transact(database, async (tx) => {
        const pair = { name: 'pair', value: n, updatedAt: n };
        await upsert(tx, counters, { name: 'pair', value: n }, [counters.name], { value: n });
        await upsert(tx, settings, pair, [settings.name], { value: n, updatedAt: n });
      });
    await changePair();
    const writer = (async () => {
      for (; writing; n++) await changePair();
    })();
    try {
      for (let i = 0; i < 3; i++) {
        const path = place.path(`moment ${i}`);
        const { manifest } = await backUp(database.options, uploads, path);
        const read = async (name: string) => {
          const table = manifest.tables.find((known) => known.name === name);
          const pieces = (table?.pieces ?? []).map((piece) =>
            readPiece(readFileSync(join(path, piece.name))),
          );
          return (await Promise.all(pieces)).flat();
        };
        const all = await read('counters');
        expect(all).toHaveLength(3_001);
        const [, value] = all.find(([name]) => name === 'pair') ?? [];
        expect((await read('settings')).find(([name]) => name === 'pair')).toEqual([
          'pair',
          String(value),
          value,
        ]);
      }
    } finally {
      writing = false;
      await writer;
    }
    expect(n).toBeGreaterThan(3);
  });

  it('fits the other dialect as well: both have the same migrations', () => {
    const tags = (dialect: 'sqlite' | 'mysql') => readJournal(dialect).map(({ tag }) => tag);
    expect(tags('sqlite')).toEqual(tags('mysql'));
  });
});

describe('a restore', () => {
  it('replaces what is in a database only by force, with every row and file of a folder', async () => {
    const target = await place.migrated();
    const uploadPath = place.path('restored from a folder');
    await target.db.insert(counters).values({ name: 'mine', value: 7 });
    expect(await refusal(restore(folder, target))).toContain('not empty (there are rows in counters)');
    expect(await target.db.select().from(counters)).toHaveLength(1);
    await restore(folder, target, { force: true, uploadPath });
    expect(await readEverything(target.options)).toEqual(await readEverything(original.options));
    expect(filesIn(uploadPath)).toEqual([`imports/${list}.csv`, `media/${storageKeyOf(kept)}`]);
    expect(readFileSync(join(uploadPath, 'media', storageKeyOf(kept)), 'utf8')).toBe('a picture 😀');
    await migrate(target);
  });

  it('that was cut off says so, and is begun again without force, from an archive', async () => {
    const { database: target, options } = await place.empty();
    const cutOff = new Error('the power went');
    const prepare = () => Promise.reject(cutOff);
    await expect(restore(archive, target, { prepare })).rejects.toBe(cutOff);
    expect(await refusal(migrate(target))).toContain(`a restore of ${archive} did not end`);
    expect(await refusal(backUp(options, uploads, place.path('half')))).toContain('did not end');
    const uploadPath = place.path('restored from an archive');
    await restore(archive, target, { uploadPath });
    expect(await readEverything(options)).toEqual(await readEverything(original.options));
    expect(filesIn(uploadPath)).toHaveLength(2);
    await migrate(target);
  });

  it('of an earlier release is migrated forward', async () => {
    const [first] = readJournal(dbType);
    if (!first) throw new Error('there are no migrations');
    const { options, database } = await place.empty();
    await fill(database, first);
    await database.db.delete(processes);
    const before = await readEverything(options);
    const path = place.path('earlier.tar');
    const { manifest } = await backUp(options, uploads, path);
    expect(manifest.migration).toBe(first.tag);
    await restore(path, database, { force: true });
    await migrate(database);
    const after = await readEverything(options);
    for (const [table, rows] of Object.entries(before)) {
      expect(after[table]).toEqual(rows.map((row) => expect.objectContaining(row)));
    }
    expect(Object.keys(after).length).toBeGreaterThan(manifest.tables.length);
  });
});

describe('refused before anything is touched is', () => {
  let target: TestDatabase;
  let copies = 0;
  beforeAll(async () => {
    target = await place.migrated();
    await target.db.insert(counters).values({ name: 'mine', value: 7 });
  });

  async function copy(): Promise<string> {
    const path = place.path(`copy ${++copies}`);
    await backUp(original.options, uploads, path);
    return path;
  }
  async function refused(path: string): Promise<string> {
    const sentence = await refusal(restore(path, target, { force: true }));
    expect(await target.db.select().from(counters)).toEqual([{ name: 'mine', value: 7 }]);
    await migrate(target);
    return sentence;
  }

  it('a piece of a table with one other byte, and one that is missing', async () => {
    const path = await copy();
    const piece = join(path, 'tables', 'messages.0001.ndjson.gz');
    const bytes = readFileSync(piece);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(piece, bytes);
    expect(await refused(path)).toContain('is damaged: tables/messages.0001.ndjson.gz was changed');
    rmSync(piece);
    expect(await refused(path)).toContain('messages.0001.ndjson.gz is missing');
  });

  it('an archive that was cut off, a folder without a manifest, and what is no backup', async () => {
    const short = place.path('short.tar');
    await backUp(original.options, uploads, short);
    truncateSync(short, Math.floor(statSync(short).size / 2));
    expect(await refused(short)).toMatch(/damaged|not a whole one/);
    const headless = await copy();
    rmSync(join(headless, MANIFEST));
    expect(await refused(headless)).toContain('not a whole one');
    expect(await refused(place.path('nowhere'))).toContain('there is no backup');
    writeFileSync(place.path('text.tar'), 'not an archive '.repeat(100));
    expect(await refused(place.path('text.tar'))).toContain('damaged, or no archive of WaHub');
  });

  it('one of a later release, and one whose manifest leads out of the folder', async () => {
    const path = await copy();
    const file = join(path, MANIFEST);
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    const change = (changes: object) => writeFileSync(file, JSON.stringify({ ...manifest, ...changes }));
    change({ migration: '9999_future' });
    expect(await refused(path)).toContain(
      'the backup was made by a later release (1.2.3, migration 9999_future)',
    );
    change({ format: FORMAT + 1 });
    expect(await refused(path)).toContain('a later release of WaHub');
    change({ files: [{ ...manifest.files[0], name: 'media/../../passwd' }] });
    expect(await refused(path)).toContain('its manifest cannot be read');
  });

  it('a database with tables of another program', async () => {
    const { database } = await place.empty();
    await database.applySchema(['create table somebody_elses (id int primary key)']);
    expect(await refusal(restore(folder, database, { force: true }))).toContain('not ours (somebody_elses)');
    expect(await readTableNames(database)).toEqual(['somebody_elses']);
  });
});

it('a damaged file is told apart from damaged tables', async () => {
  const path = place.path('with a damaged file');
  await backUp(original.options, uploads, path);
  writeFileSync(join(path, 'files', 'media', storageKeyOf(kept)), 'another picture');
  rmSync(join(path, 'files', 'imports', `${list}.csv`));
  const { damagedFiles } = await verified(path);
  expect([...damagedFiles].sort()).toEqual([`imports/${list}.csv`, `media/${storageKeyOf(kept)}`]);
});
