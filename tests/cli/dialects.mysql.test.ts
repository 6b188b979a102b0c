import { afterAll, expect, it } from 'vitest';
import { processes } from '../../src/db/schema.ts';
import { restoreBackup } from '../../src/services/backup/restore.ts';
import { runCare } from '../helpers/cli.ts';
import { databaseSettings } from '../helpers/sandbox-process.ts';
import { backUp, fill, makePlace, newest, placesIn, readEverything, verified } from './backup-fixture.ts';

const place = makePlace();
afterAll(() => place.remove());

/** Without what the end of a restore changes. */
async function rowsOf(options: Parameters<typeof readEverything>[0]) {
  const { whatsapp_accounts: _accounts, settings: _settings, ...rest } = await readEverything(options);
  return rest;
}

it('a backup moves from MySQL to SQLite and back, every table with every row', async () => {
  const original = await place.migrated();
  await fill(original, newest());
  await original.db.delete(processes);
  const uploads = place.path('uploads');
  const first = place.path('from mysql.tar');
  await backUp(original.options, uploads, first);

  const sqlite = { type: 'sqlite' as const, path: place.path('wahub.db') };
  const environment = { ...process.env, ...databaseSettings(sqlite), UPLOAD_PATH: uploads };
  const run = await runCare(['restore', first, '--moved'], environment);
  expect(run.output).toContain(`Restored ${sqlite.path}`);
  expect(run.code).toBe(0);
  expect(await rowsOf(sqlite)).toEqual(await rowsOf(original.options));

  const second = place.path('from sqlite');
  const { manifest } = await backUp(sqlite, uploads, second);
  expect(manifest.dialect).toBe('sqlite');
  const { options, database } = await place.empty();
  await restoreBackup(
    { ...(await verified(second)), ...placesIn(uploads), database, force: false, moved: true },
    async () => undefined,
  );
  expect(await rowsOf(options)).toEqual(await rowsOf(original.options));
});
