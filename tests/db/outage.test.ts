import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Mariadb, startMariadb } from '../../scripts/mariadb.mjs';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { migrate } from '../../src/db/migrate.ts';
import { isRetryable, isUnavailable, rawRows, rawRun, transact } from '../../src/db/ops.ts';
import { settings } from '../../src/db/schema.ts';
import { onServer } from '../helpers/mariadb.ts';

const row = (name: string) => ({ name, value: 1, updatedAt: 1 });
const errorOf = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  );

if (dbType === 'mysql') {
  describe('a MySQL server', () => {
    let dir: string;
    let server: Mariadb;
    let database: Database;

    beforeEach(async () => {
      dir = mkdtempSync(join(tmpdir(), 'wahub-outage-'));
      server = await startMariadb({ dir, durable: true });
      await server.createDatabase('wahub');
      const { host, port, user, password } = server;
      database = await openDatabase({
        type: 'mysql',
        host,
        port,
        user,
        password,
        database: 'wahub',
        connectionLimit: 3,
        acquireTimeoutMs: 500,
      });
      await migrate(database);
    });

    afterEach(async () => {
      await database.close();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    });

    /** Ends the server as a crash does, in the middle of whatever it is doing. */
    async function crash() {
      process.kill(server.pid, 'SIGKILL');
      await server.stop();
    }

    test('that was killed is reported as unavailable, and everything works again when it is back', async () => {
      const { db } = database;
      await db.insert(settings).values(row('before'));
      let reached = () => {};
      const inside = new Promise<void>((resolve) => {
        reached = resolve;
      });
      let crashed = Promise.resolve();
      const cut = db.transaction(async (tx) => {
        await tx.insert(settings).values(row('cut off'));
        reached();
        await crashed;
        await delay(50);
        await tx.insert(settings).values(row('never'));
      });
      crashed = inside.then(crash);
      const cutError = await errorOf(cut);
      // Its commit was never sent: nothing of it was kept, and it may run again.
      expect([isUnavailable(cutError), isRetryable(cutError)]).toEqual([true, true]);

      // More than the pool has connections: none may be lost by failing.
      for (let i = 0; i < 5; i++) {
        const errors = await Promise.all(
          [
            db.insert(settings).values(row('x')),
            transact(db, async (tx) => void (await tx.insert(settings).values(row('x')))),
            db.select().from(settings),
            database.ping(),
            database.now(),
          ].map(errorOf),
        );
        expect(errors.map(isUnavailable)).toEqual(Array(5).fill(true));
      }

      server = await startMariadb({ dir, port: server.port });
      await transact(db, async (tx) => void (await tx.insert(settings).values(row('after'))));
      await Promise.all(Array.from({ length: 10 }, (_, i) => db.insert(settings).values(row(`many ${i}`))));
      const rows = await db.select({ name: settings.name }).from(settings).orderBy(settings.name);
      const names = rows.map((found) => found.name);
      expect(names.slice(0, 2)).toEqual(['after', 'before']);
      expect(names).toHaveLength(12);
    });

    test('that is read-only is reported as unavailable', async () => {
      await rawRun(database.db, sql.raw('set global read_only = 1'));
      const { host, port } = server;
      // The pool's own user has a right to write to a read-only server.
      await onServer(server, [
        `CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'plain'`,
        `GRANT SELECT, INSERT ON wahub.* TO 'plain'@'127.0.0.1'`,
      ]);
      const plain = await openDatabase({
        type: 'mysql',
        host,
        port,
        user: 'plain',
        password: 'plain',
        database: 'wahub',
      });
      const error = await errorOf(plain.db.insert(settings).values(row('x')));
      expect(isUnavailable(error)).toBe(true);
      await plain.close();
    });

    test('is used with the settings we need, whatever its defaults are', async () => {
      await rawRun(database.db, sql.raw(`set global sql_mode = 'ANSI_QUOTES', global time_zone = '+05:00'`));
      const { host, port, user, password } = server;
      const fresh = await openDatabase({ type: 'mysql', host, port, user, password, database: 'wahub' });
      const [found] = await rawRows<Record<string, unknown>>(
        fresh.db,
        sql.raw(
          `select @@tx_isolation as isolation, @@sql_mode as mode, @@time_zone as zone,
          @@innodb_lock_wait_timeout as wait, @@collation_connection as collation`,
        ),
      );
      expect(found).toMatchObject({
        isolation: 'READ-COMMITTED',
        zone: '+00:00',
        wait: 10,
        collation: 'utf8mb4_bin',
      });
      expect(found?.mode).toContain('STRICT_TRANS_TABLES');
      expect(found?.mode).not.toContain('ANSI_QUOTES');
      expect(Math.abs((await fresh.now()) - Date.now())).toBeLessThan(5_000);
      await fresh.close();
    });

    test('has no free connection for a caller that would wait for ever', async () => {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const holders = Array.from({ length: 3 }, () => database.db.transaction(() => held));
      const error = await errorOf(database.ping());
      expect(isUnavailable(error)).toBe(true);
      expect(String(error instanceof Error ? (error.cause ?? error) : error)).toContain(
        'no database connection was free',
      );
      release();
      await Promise.all(holders);
      await database.ping();
    });
  });
}

test('a database that cannot be reached is reported when it is opened', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-outage-'));
  mkdirSync(join(dir, 'folder'));
  const address = { host: '127.0.0.1', port: 1, user: 'x', password: 'x', database: 'x' };
  const unreachable: DatabaseOptions =
    dbType === 'mysql' ? { type: 'mysql', ...address } : { type: 'sqlite', path: join(dir, 'folder') };
  const error = await errorOf(openDatabase(unreachable));
  expect(error).toBeInstanceOf(Error);
  if (dbType === 'mysql') expect(isUnavailable(error)).toBe(true);
  rmSync(dir, { recursive: true });
});
