import { existsSync, watch } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { loadRows } from '../../src/db/load.ts';
import { migrate } from '../../src/db/migrate.ts';
import { withSnapshot } from '../../src/db/snapshot.ts';
import { makePlace, readEverything } from '../cli/backup-fixture.ts';
import { runCare, startCare } from '../helpers/cli.ts';
import { preparePacked } from '../helpers/packed.ts';
import { databaseSettings } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const ROWS = 60_000;
const place = makePlace();
afterAll(() => place.remove());

const environment = (options: DatabaseOptions) => ({
  ...process.env,
  ...databaseSettings(options),
  UPLOAD_PATH: place.path('uploads'),
});

/** Whether a restore has begun on the database, as anybody can see. */
async function isMarked(options: DatabaseOptions): Promise<boolean> {
  if (options.type === 'sqlite' && !existsSync(options.path)) return false;
  return withSnapshot(options, async (snapshot) => {
    const lease = snapshot.tables.find(({ name }) => name === 'migration_lease');
    if (!lease) return false;
    const rows = await snapshot.page(lease, null, 10);
    return rows.some((row) => row[lease.columns.indexOf('owner')] === 'restore');
  }).catch(() => false);
}

test('kill -9 in the middle of a backup and of a restore: the next run of each is whole', async () => {
  await preparePacked();
  const original = await place.migrated();
  const rows = Array.from({ length: ROWS }, (_, i) => [`counter ${i} 😀`, i]);
  await loadRows(original, { name: 'counters', columns: ['name', 'value'] }, rows);

  const path = place.path('killed.tar');
  const cut = startCare(['backup', path], environment(original.options));
  const watcher = watch(place.dir, (_event, name) => name?.endsWith('.partial') && cut.kill());
  await cut.ended;
  watcher.close();
  expect(existsSync(`${path}.partial`)).toBe(true);
  expect(existsSync(path)).toBe(false);
  const made = await runCare(['backup', path], environment(original.options));
  expect(made.output).toContain(`Wrote ${path}`);
  expect(existsSync(`${path}.partial`)).toBe(false);

  const { options, database } = await place.empty();
  await database.close();
  const killed = startCare(['restore', path, '--moved'], environment(options));
  await until(() => isMarked(options), 60_000, 'the beginning of a restore');
  killed.kill();
  await killed.ended;
  const again = await place.open(options);
  await expect(migrate(again)).rejects.toThrow(`a restore of ${path} did not end`);
  await again.close();

  const done = await runCare(['restore', path, '--moved'], environment(options));
  expect(done.output).toContain('Restored');
  expect(done.code).toBe(0);
  expect(await readEverything(options)).toEqual(await readEverything(original.options));
}, 180_000);
