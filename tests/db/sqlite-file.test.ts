import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DatabaseOptions, openDatabase } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { migrate } from '../../src/db/migrate.ts';
import { rawRows } from '../../src/db/ops.ts';
import { settings } from '../../src/db/schema.ts';
import { start } from './processes/spawn.ts';

const onSqlite = dbType === 'sqlite';
let dir: string;
let options: DatabaseOptions & { type: 'sqlite' };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-test-'));
  options = { type: 'sqlite', path: join(dir, 'new', 'folder', 'wahub.db') };
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

if (onSqlite) {
  describe('a SQLite file', () => {
    test('serves one process: a second is refused with one line that names the first', async () => {
      const database = await openDatabase(options);
      await migrate(database);
      await expect(openDatabase(options)).rejects.toThrow(
        `is in use by another process (pid ${process.pid})`,
      );
      const { code, output } = await start('migrate', options).ended;
      expect(code).not.toBe(0);
      expect(output).toContain(`is in use by another process (pid ${process.pid})`);
      await database.close();
      expect((await start('migrate', options).ended).code).toBe(0);
    });

    test('is free again at once when its process was killed, and what was committed is there', async () => {
      const first = await openDatabase(options);
      await migrate(first);
      await first.close();
      const holder = start('hold', options);
      await holder.opened;
      await expect(openDatabase(options)).rejects.toThrow(`(pid ${holder.child.pid})`);
      holder.child.kill('SIGKILL');
      await holder.ended;
      const second = await openDatabase(options);
      expect(await second.db.select({ value: settings.value }).from(settings)).toEqual([
        { value: holder.child.pid },
      ]);
      await second.close();
    });

    test('can be read by its owner only: it holds credentials', async () => {
      const database = await openDatabase(options);
      await migrate(database);
      for (const suffix of ['', '-wal', '-shm']) {
        expect(statSync(options.path + suffix).mode & 0o077).toBe(0);
      }
      await database.close();
    });

    test.each(['NORMAL', 'FULL'] as const)(
      'has the settings it was opened with: synchronous %s',
      async (synchronous) => {
        const database = await openDatabase({ ...options, synchronous });
        const values = await database.db.transaction(async (tx) => ({
          ...(await rawRows<object>(tx, sql`pragma synchronous`))[0],
          ...(await rawRows<object>(tx, sql`pragma secure_delete`))[0],
          ...(await rawRows<object>(tx, sql`pragma foreign_keys`))[0],
          ...(await rawRows<object>(tx, sql`pragma journal_mode`))[0],
        }));
        expect(values).toEqual({
          synchronous: synchronous === 'FULL' ? 2 : 1,
          secure_delete: 1,
          foreign_keys: 1,
          journal_mode: 'wal',
        });
        await database.close();
      },
    );

    test('many reads in a row let the event loop turn', async () => {
      const database = await openDatabase(options);
      await migrate(database);
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      // Without our yielding no timer would ever run, and the readers would get to their bound.
      const bound = 50_000;
      let reads = 0;
      const reader = async () => {
        while (turns < 3 && reads++ < bound) await database.db.select().from(settings);
      };
      await Promise.all(Array.from({ length: 10 }, reader));
      clearInterval(timer);
      expect(reads).toBeLessThan(bound);
      await database.close();
    });
  });
}

test('the tables of one dialect are never used on the other', async () => {
  const other: DatabaseOptions = onSqlite
    ? { type: 'mysql', host: '127.0.0.1', port: 1, user: '', password: '', database: '' }
    : options;
  await expect(openDatabase(other)).rejects.toThrow('set DB_TYPE=');
});
