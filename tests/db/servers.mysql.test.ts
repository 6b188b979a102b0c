import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Mariadb, startMariadb } from '../../scripts/mariadb.mjs';
import { type Database, explainStart, type MysqlOptions, openDatabase } from '../../src/db/client.ts';
import { createHosts } from '../../src/db/mysql-hosts.ts';
import { requireRowLocks, settingsFor } from '../../src/db/mysql-session.ts';
import { isRetryable, isUnavailable, rawRows, rawRun, transact } from '../../src/db/ops.ts';
import { StartError } from '../../src/utils/errors.ts';
import { runCare } from '../helpers/cli.ts';

describe('several servers', () => {
  const address = (port: number) => ({ host: '127.0.0.1', port });
  const portsAfter = (hosts: ReturnType<typeof createHosts>, times: number) =>
    Array.from({ length: times }, () => {
      hosts.leave(hosts.current);
      return hosts.current.port;
    });

  it('are tried in their order, those that failed lately last', () => {
    let nowMs = 0;
    const hosts = createHosts([address(1), address(2), address(3)], () => nowMs);
    expect(portsAfter(hosts, 5)).toEqual([2, 3, 1, 2, 3]);
    nowMs = 60_000;
    expect(portsAfter(hosts, 2)).toEqual([1, 2]);
  });

  it('are left once, however many connections have failed', () => {
    const hosts = createHosts([address(1), address(2)], () => 0);
    const { current } = hosts;
    for (let n = 0; n < 10; n++) hosts.leave(current);
    expect(hosts.current.port).toBe(2);
  });

  it('stay the only one there is', () => {
    const hosts = createHosts([address(1)], () => 0);
    expect(portsAfter(hosts, 2)).toEqual([1, 1]);
  });
});

describe('the settings of a connection', () => {
  const settings = (variables: Record<string, string>) =>
    settingsFor(new Map(Object.entries(variables))).join();

  it('bound idle transactions where the server can, idle connections where it cannot', () => {
    expect(settings({ idle_transaction_timeout: '0' })).toContain(' idle_transaction_timeout = 8');
    expect(settings({ idle_transaction_timeout: '0' })).not.toContain(' wait_timeout');
    expect(settings({ read_only: 'OFF' })).toContain(' wait_timeout = 25');
    expect(settings({ read_only: 'OFF' })).not.toContain('idle_transaction_timeout');
  });

  it('let statements commit by themselves, whatever the server does by itself', () => {
    expect(settings({})).toContain('SET SESSION autocommit = 1,');
  });

  it('make reads and writes of a Galera node wait for what others have committed', () => {
    expect(settings({ wsrep_on: 'OFF', wsrep_sync_wait: '0' })).not.toContain('wsrep');
    expect(settings({ wsrep_on: 'ON', wsrep_sync_wait: '0' })).toContain('wsrep_sync_wait = 7');
    expect(settings({ wsrep_on: 'ON', wsrep_sync_wait: '8' })).toContain('wsrep_sync_wait = 15');
  });

  it('are not made on TiDB, which passes over SKIP LOCKED and locks nothing', () => {
    const tidb = new Map([['tidb_current_ts', '0']]);
    expect(() => requireRowLocks(tidb)).toThrow(StartError);
    expect(() => requireRowLocks(new Map([['read_only', 'OFF']]))).not.toThrow();
  });
});

describe('on real servers', () => {
  let one: Mariadb;
  let other: Mariadb;
  let options: MysqlOptions;

  beforeAll(async () => {
    [one, other] = await Promise.all([startMariadb(), startMariadb()]);
  });
  afterAll(() => Promise.all([one.stop(), other.stop()]));
  beforeEach(async () => {
    for (const server of [one, other]) {
      await server.createDatabase('wahub');
    }
    const { host, port, user, password } = one;
    options = { type: 'mysql', host, port, user, password, database: 'wahub', connectionLimit: 3 };
  });

  const portOf = async (database: Database) => {
    const [row] = await rawRows<{ port: number }>(database.db, sql.raw('select @@port as port'));
    return row?.port;
  };
  const errorOf = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('a transaction that says nothing is ended, so that others get its rows, and it runs again', async () => {
    const database = await openDatabase({ ...options, idleTransactionSeconds: 1 });
    const { db } = database;
    await rawRun(db, sql.raw('create or replace table lamp (id int primary key, v int)'));
    await rawRun(db, sql.raw('insert into lamp values (1, 0)'));
    const add = (n: number) => sql.raw(`update lamp set v = v + ${n} where id = 1`);
    let attempts = 0;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let holds = () => {};
    const held = new Promise<void>((resolve) => {
      holds = resolve;
    });
    const stalled = transact(db, async (tx) => {
      attempts += 1;
      await rawRun(tx, add(1));
      holds();
      if (attempts === 1) await released;
      await rawRun(tx, add(10));
    });
    await held;
    // Got while the other one still says nothing.
    await rawRun(db, add(100));
    release();
    await stalled;
    expect(attempts).toBe(2);
    expect(await rawRows(db, sql.raw('select v from lamp'))).toEqual([{ v: 111 }]);
    await database.close();
  });

  it('one on this machine is reached by its socket, and named by it when it is not there', async () => {
    const database = await openDatabase({ ...options, port: 1, socketPath: one.socket });
    expect(await portOf(database)).toBe(one.port);
    await database.close();
    const nowhere = { ...options, socketPath: `${one.socket}.gone` };
    const error = await errorOf(openDatabase(nowhere));
    const line = explainStart(error, nowhere);
    expect(line).toBeInstanceOf(StartError);
    expect(String(line)).toContain(`${one.socket}.gone cannot be used (ENOENT)`);
    expect(String(line)).toContain('check DB_SOCKET');
  });

  it('the doctor reaches one by its socket', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'wahub-doctor-'));
    const { output } = await runCare(['doctor'], {
      ...{ PATH: process.env.PATH, NODE_ENV: 'development', DATA_DIR: dir },
      ...{ DB_TYPE: 'mysql', DB_SOCKET: one.socket, DB_NAME: 'wahub' },
      ...{ DB_USER: one.user, DB_PASSWORD: one.password },
      ...{ JWT_SECRET: 'doctor'.repeat(12), ENCRYPTION_KEY: '0123456789abcdef'.repeat(4) },
    });
    rmSync(dir, { recursive: true, force: true });
    expect(output).toMatch(/^ok +database.*: it answers/m);
  });

  it('one that cannot be reached or only be read is passed over', async () => {
    const dead = await openDatabase({ ...options, port: 1, others: [other] });
    expect(await portOf(dead)).toBe(other.port);
    await dead.close();

    const readOnly = (value: 0 | 1) => async () => {
      const admin = await openDatabase(options);
      await rawRun(admin.db, sql.raw(`set global read_only = ${value}`));
      await admin.close();
    };
    await readOnly(1)();
    const database = await openDatabase({ ...options, others: [other] });
    expect(await portOf(database)).toBe(other.port);
    await database.close();
    await readOnly(0)();
  });

  it('the next one is used when the first is gone, and its lost transactions run again', async () => {
    const database = await openDatabase({ ...options, others: [other] });
    expect(await portOf(database)).toBe(one.port);
    for (const server of [one, other]) {
      const setup = await openDatabase({ ...options, port: server.port });
      await rawRun(setup.db, sql.raw('create or replace table lamp (id int primary key, v int)'));
      await setup.close();
    }
    const ports: (number | undefined)[] = [];
    const work = transact(database, async (tx) => {
      await rawRun(tx, sql.raw('insert into lamp values (1, 1)'));
      const [row] = await rawRows<{ port: number }>(tx, sql.raw('select @@port as port'));
      ports.push(row?.port);
      if (ports.length === 1) await one.stop();
      await rawRun(tx, sql.raw('insert into lamp values (2, 1)'));
    });
    await work;
    expect(ports).toEqual([one.port, other.port]);
    expect(await portOf(database)).toBe(other.port);
    await other.stop();
    const error = await errorOf(database.ping());
    expect([isUnavailable(error), isRetryable(error)]).toEqual([true, false]);
    await database.close();
  });
});
