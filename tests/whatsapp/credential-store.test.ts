import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { transact } from '../../src/db/ops.ts';
import { waContacts, waCredentials, waKeys, waQuarantine, whatsappAccounts } from '../../src/db/schema.ts';
import { createSharedCommit } from '../../src/db/shared-commit.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { createSecretBox, type SecretBox } from '../../src/utils/crypto.ts';
import { newId } from '../../src/utils/ids.ts';
import { keyContext } from '../../src/whatsapp/credential-rows.ts';
import { createCredentialStore, OwnershipLost } from '../../src/whatsapp/credential-store.ts';
import { createKeyWriter } from '../../src/whatsapp/credential-writer.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { silentLogger } from '../helpers/engine.ts';
import { heldAtLeast, MAX_HOLD_MS } from '../helpers/held.ts';
import { createSignal } from '../helpers/signal.ts';
import { countStatements } from '../helpers/statements.ts';

const counter = countStatements();
let database: TestDatabase;
const secrets = createSecretBox([randomBytes(32)]);
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(async () => {
  await database.close();
  counter.stop();
});

const storeOn = (db: Db, clock = systemClock) =>
  createCredentialStore({ db, secrets, clock, logger: silentLogger });

async function addAccount(): Promise<AccountRef> {
  const account = { id: newId(), userId: 1, sessionId: newId().slice(20), owner: newId(), fence: 3 };
  await database.db
    .insert(whatsappAccounts)
    .values({ ...account, status: 'connecting', pairing: 'qr', createdAt: 1, updatedAt: 1 });
  return account;
}

const takeOver = (account: AccountRef) =>
  database.db
    .update(whatsappAccounts)
    .set({ owner: newId(), fence: account.fence + 1 })
    .where(eq(whatsappAccounts.id, account.id));

const keysOf = (accountId: string) =>
  database.db.select().from(waKeys).where(eq(waKeys.accountId, accountId));
const key = (name: string, value: string | null, type = 'session') => ({
  type,
  name,
  value: value === null ? null : Buffer.from(value),
});

/** Counts the transactions of a database, and those that failed. */
function counted(db: Db) {
  const count = { all: 0, failed: 0 };
  const wrapped: Db = Object.create(db, {
    transaction: {
      value: (fn: Parameters<Db['transaction']>[0]) => {
        count.all += 1;
        return db.transaction(fn).catch((error: unknown) => {
          count.failed += 1;
          throw error;
        });
      },
    },
  });
  return { db: wrapped, transactions: () => count.all, failed: () => count.failed };
}

describe('keys', () => {
  it('come back in a fresh store, deleted ones do not', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    expect(keys.credentials).toBeNull();
    await keys.setCredentials(Buffer.from('me'));
    await keys.set([key('a', '1'), key('b', '2'), key('c', '3', 'pre-key')]);
    await keys.set([key('b', null)]);
    const fresh = await storeOn(database.db).load(account);
    expect(fresh.credentials?.toString()).toBe('me');
    expect([...(await fresh.get('session', ['a', 'b', 'x']))]).toEqual([['a', Buffer.from('1')]]);
    expect((await fresh.get('pre-key', ['c'])).get('c')?.toString()).toBe('3');
  });

  it('are seen at once by whoever set them, in the newest value', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const writes = [
      keys.set([key('a', '1')]),
      keys.set([key('a', '2'), key('b', '1')]),
      keys.set([key('b', null)]),
    ];
    expect([...(await keys.get('session', ['a', 'b']))]).toEqual([['a', Buffer.from('2')]]);
    await Promise.all(writes);
    expect((await keysOf(account.id)).map((row) => row.name)).toEqual(['a']);
  });

  it('keep no more memory than their own bytes, set or read', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    await Promise.all([keys.setCredentials(Buffer.from('me')), keys.set([key('a', 'a short value')])]);
    const fresh = await storeOn(database.db).load(account);
    await fresh.get('session', ['a']);
    for (const opening of [keys, fresh]) {
      const value = (await opening.get('session', ['a'])).get('a');
      expect([value?.toString(), value?.buffer.byteLength]).toEqual(['a short value', 13]);
    }
  });

  it('of one tick go in one transaction, credentials included', async () => {
    const account = await addAccount();
    const { db, transactions } = counted(database.db);
    const keys = await storeOn(db).load(account);
    const before = transactions();
    await Promise.all([
      keys.setCredentials(Buffer.from('me')),
      ...Array.from({ length: 50 }, (_, i) => keys.set([key(`n${i}`, 'v')])),
    ]);
    expect(transactions() - before).toBe(1);
    expect(await keysOf(account.id)).toHaveLength(50);
  });

  it('of many sessions are written without a change to their rows, and those of a lost one are not', async () => {
    const accounts = await Promise.all(Array.from({ length: 6 }, addAccount));
    const [lost] = accounts;
    if (!lost) throw new Error('no account');
    const store = storeOn(database.db);
    const opened = await Promise.all(accounts.map((account) => store.load(account)));
    const setAll = (value: string) =>
      Promise.allSettled(opened.map((keys, n) => keys.set([key(`k${n}`, value), key('same', value)])));
    counter.take();
    await setAll('1');
    const texts = [...counter.take().texts.keys()];
    expect(texts.filter((text) => /^update .?whatsapp_accounts/i.test(text))).toEqual([]);
    await takeOver(lost);
    const before = await keysOf(lost.id);
    const written = await setAll('2');
    expect(written.map(({ status }) => status)).toEqual(
      accounts.map((account) => (account === lost ? 'rejected' : 'fulfilled')),
    );
    expect([before.length, await keysOf(lost.id)]).toEqual([2, before]);
    for (const { id } of accounts.slice(1)) {
      const rows = await keysOf(id);
      const values = rows.map(({ type, name, keyId, sealed }) =>
        secrets.open(sealed, keyId, keyContext(id, type, name)).toString(),
      );
      expect(values).toEqual(['2', '2']);
    }
  });

  it('that are written are not told of as left out because the opening ended meanwhile', async () => {
    const [account, lost] = await Promise.all([addAccount(), addAccount()]);
    await takeOver(lost);
    const opening = new AbortController();
    const sealing: SecretBox = {
      ...secrets,
      seal(value, context) {
        opening.abort();
        return secrets.seal(value, context);
      },
    };
    const writer = createKeyWriter({
      db: database.db,
      secrets: sealing,
      clock: systemClock,
      logger: silentLogger,
    });
    const write = ({ signal }: AbortController, to: AccountRef) =>
      writer.add({ account: to, credentials: null, keys: [key('a', '1')], over: signal });
    const written = await Promise.allSettled([write(opening, account), write(new AbortController(), lost)]);
    expect(written.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect([await keysOf(account.id), await keysOf(lost.id)]).toMatchObject([[{ name: 'a' }], []]);
  });

  it('that are set while they are read are found as they were set, many at once too', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    for (const count of [1, 60]) {
      const names = Array.from({ length: count }, (_, n) => `${count}.${n}`);
      const values = async (read: Promise<Map<string, Buffer>>) => [...(await read).values()].map(String);
      const reading = values(keys.get('pre-key', names));
      const written = keys.set(names.map((name) => key(name, 'new', 'pre-key')));
      expect(await reading).toEqual(names.map(() => 'new'));
      await written;
      expect(await values(keys.get('pre-key', names))).toEqual(names.map(() => 'new'));
    }
  });

  it('of one opening are no news to another: it reads what was written', async () => {
    const account = await addAccount();
    const store = storeOn(database.db);
    const old = await store.load(account);
    await Promise.all([old.setCredentials(Buffer.from('me')), old.set([key('a', 'old')])]);
    await takeOver(account);
    const [row] = await database.db
      .select()
      .from(whatsappAccounts)
      .where(eq(whatsappAccounts.id, account.id));
    const next = { ...account, owner: row?.owner ?? '', fence: account.fence + 1 };
    await (await storeOn(database.db).load(next)).set([key('a', 'new')]);
    const again = await store.load(next);
    expect(String((await again.get('session', ['a'])).get('a'))).toBe('new');
  });

  it('are sealed to their place', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    await keys.setCredentials(Buffer.from('me'));
    await keys.set([key('a', 'secret words'), key('b', 'other words')]);
    const [a] = await keysOf(account.id);
    expect(a?.sealed.includes('secret words')).toBe(false);
    await database.db
      .update(waKeys)
      .set({ sealed: a?.sealed ?? Buffer.alloc(0) })
      .where(eq(waKeys.name, 'b'));
    const fresh = await storeOn(database.db).load(account);
    expect((await fresh.get('session', ['a'])).get('a')?.toString()).toBe('secret words');
    // A key that cannot be opened counts as missing: only that contact agrees on a new one.
    expect((await fresh.get('session', ['b'])).has('b')).toBe(false);
  });

  it('of a new device (812) do not hold the event loop', async () => {
    const changes = Array.from({ length: 812 }, (_, i) => key(String(i + 1), 'x'.repeat(150), 'pre-key'));
    const heldMs = await heldAtLeast(async () => {
      const account = await addAccount();
      const keys = await storeOn(database.db).load(account);
      await keys.set(changes);
      expect(await keysOf(account.id)).toHaveLength(812);
    });
    expect(heldMs).toBeLessThan(MAX_HOLD_MS);
  });
});

describe('keys that are set while their message is queued', () => {
  const valuesOf = async ({ id }: AccountRef) =>
    (await keysOf(id)).map(
      ({ type, name, keyId, sealed }) => `${name}=${secrets.open(sealed, keyId, keyContext(id, type, name))}`,
    );

  it('are committed with it, and what is set meanwhile is written after them', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const commit = createSharedCommit();
    counter.take();
    let written: Promise<unknown> = Promise.resolve();
    await transact(database.db, async (tx) => {
      written = Promise.all([
        keys.set([key('a', '1'), key('b', '1')], commit),
        // Not along: one is being written.
        keys.set([key('a', '2')], createSharedCommit()),
      ]);
      await commit.takeAlong(tx);
    });
    expect([counter.take().transactions, await valuesOf(account)]).toEqual([1, ['a=1', 'b=1']]);
    commit.committed();
    await written;
    expect([counter.take().transactions, await valuesOf(account)]).toEqual([1, ['a=2', 'b=1']]);
  });

  it('are written by themselves when it is rolled back, as they are by then', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const commit = createSharedCommit();
    const written: Promise<unknown>[] = [];
    const failing = transact(database.db, async (tx) => {
      written.push(keys.set([key('a', '1'), key('b', '1')], commit));
      await commit.takeAlong(tx);
      written.push(keys.set([key('a', '2')]));
      throw new Error('no more messages today');
    });
    await expect(failing).rejects.toThrow('no more messages');
    expect(await valuesOf(account)).toEqual([]);
    commit.givenUp();
    await Promise.all(written);
    expect(await valuesOf(account)).toEqual(['a=2', 'b=1']);
  });

  it('are written again when its transaction is repeated', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const commit = createSharedCommit();
    const written = keys.set([key('a', '1')], commit);
    const run = (error?: Error) =>
      transact(database.db, async (tx) => {
        await commit.takeAlong(tx);
        if (error) throw error;
      });
    await expect(run(new Error('it lost to another one'))).rejects.toThrow('lost');
    await run();
    expect(await valuesOf(account)).toEqual(['a=1']);
    commit.committed();
    await written;
  });

  it.each([
    ['come too late', [key('a', '1')]],
    ['are of another kind', [key('a', '1'), key('c', '1', 'pre-key')]],
    ['are deleted', [key('a', null)]],
    ['are many', Array.from({ length: 9 }, (_, n) => key(`k${n}`, '1'))],
  ])('are written by themselves where they %s', async (how, changes) => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    await Promise.all([keys.setCredentials(Buffer.from('me')), keys.set([key('a', '0')])]);
    const commit = createSharedCommit();
    let written: Promise<void> | undefined;
    await transact(database.db, async (tx) => {
      if (how !== 'come too late') written = keys.set(changes, commit);
      await commit.takeAlong(tx);
    });
    commit.committed();
    await (written ?? keys.set(changes, commit));
    const fresh = await storeOn(database.db).load(account);
    for (const { type, name, value } of changes) {
      expect((await fresh.get(type, [name])).get(name)).toEqual(value ?? undefined);
    }
  });

  it('are not written any more when the opening is over', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const commit = createSharedCommit();
    const written = keys.set([key('a', '1')], commit);
    const refused = expect(written).rejects.toThrow();
    await keys.close(0);
    await transact(database.db, (tx) => commit.takeAlong(tx));
    commit.committed();
    await refused;
    expect(await keysOf(account.id)).toEqual([]);
  });
});

describe('what no row can hold', () => {
  const LONG = 'n'.repeat(191);

  it('is left out alone, and what is set with it and after it is kept', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const large = { ...key('large', null), value: Buffer.alloc(8 * 1024 ** 2) };
    await keys.set([key(LONG, '1'), key('a', '1'), key('b', '1', 't'.repeat(41)), large]);
    await keys.set([key('c', '1')]);
    expect((await keysOf(account.id)).map(({ name }) => name).sort()).toEqual(['a', 'c']);
    // As if it had not been set.
    expect((await keys.get('session', [LONG, 'large', 'a'])).size).toBe(1);
    await keys.set([key(LONG, null)]);
  });

  it('is far from a key of its size: a few large ones are kept, more than fit into a statement', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const names = ['a', 'b', 'c', 'd'];
    await keys.set(names.map((name) => ({ ...key(name, null), value: randomBytes(6 * 1024 ** 2) })));
    expect(await keysOf(account.id)).toHaveLength(4);
  });

  it('of who is who is left out, and the keys are kept', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    const pair = (phone: string, lid: string) => key(phone, JSON.stringify(lid), 'lid-mapping');
    await keys.set([
      pair('628111', '77'),
      pair('6'.repeat(21), '78'),
      pair('628113', '7'.repeat(33)),
      pair('628114', 'x'),
    ]);
    expect(await keysOf(account.id)).toHaveLength(4);
    const { accountId, lid, phone } = waContacts;
    const known = await database.db.select({ lid, phone }).from(waContacts).where(eq(accountId, account.id));
    expect(known).toEqual([{ lid: '77', phone: '628111' }]);
  });
});

describe('the fence', () => {
  it('refuses to load for a process that is not the owner', async () => {
    const account = await addAccount();
    await expect(storeOn(database.db).load({ ...account, fence: 2 })).rejects.toThrow(OwnershipLost);
    await expect(storeOn(database.db).load({ ...account, owner: newId() })).rejects.toThrow(OwnershipLost);
  });

  it('refuses every write after it was raised, tells once, and nothing of the batch is there', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    await keys.set([key('a', '1')]);
    let told = 0;
    keys.onLost(() => {
      told += 1;
    });
    await takeOver(account);
    const results = await Promise.allSettled([
      keys.set([key('a', '2')]),
      keys.setCredentials(Buffer.from('me')),
    ]);
    for (const result of results) expect(result).toMatchObject({ reason: expect.any(OwnershipLost) });
    await expect(keys.set([key('c', '2')])).rejects.toThrow(OwnershipLost);
    await expect(keys.get('session', ['a'])).rejects.toThrow(OwnershipLost);
    expect(told).toBe(1);
    const [row] = await keysOf(account.id);
    expect(
      secrets
        .open(row?.sealed ?? Buffer.alloc(0), secrets.keyId, `wa_keys:${account.id}:session:a`)
        .toString(),
    ).toBe('1');
    expect(await storeOn(database.db).hasCredentials(account.id)).toBe(false);
  });
});

describe('a database that is away', () => {
  it('delays the writes, which are all made when it is back', async () => {
    const account = await addAccount();
    let away = true;
    const db: Db = Object.create(database.db, {
      transaction: {
        value: (fn: Parameters<Db['transaction']>[0]) =>
          away ? Promise.reject(new Error('away')) : database.db.transaction(fn),
      },
    });
    const keys = await storeOn(db).load(account);
    const first = keys.set([key('a', '1')]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = keys.set([key('b', '1')]);
    expect((await keys.get('session', ['a', 'b'])).size).toBe(2);
    expect(await keysOf(account.id)).toHaveLength(0);
    away = false;
    await Promise.all([first, second]);
    expect(await keysOf(account.id)).toHaveLength(2);
  });

  it('does not keep a session from closing', async () => {
    const account = await addAccount();
    const db: Db = Object.create(database.db, {
      transaction: { value: () => Promise.reject(new Error('away')) },
    });
    const keys = await storeOn(db).load(account);
    const write = keys.set([key('a', '1')]);
    const startedAt = performance.now();
    await keys.close(200);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await expect(write).rejects.toThrow('away');
    await expect(keys.set([key('a', '1')])).rejects.toThrow();
  });
});

describe('closing', () => {
  it('waits for what is still to be written', async () => {
    const account = await addAccount();
    const keys = await storeOn(database.db).load(account);
    void keys.set([key('a', '1')]);
    const closed = keys.close(5_000);
    await expect(keys.set([key('b', '1')])).rejects.toThrow('closed');
    await closed;
    expect((await keysOf(account.id)).map((row) => row.name)).toEqual(['a']);
  });
});

/** A database whose transactions wait for `gate`, before they begin or with all their statements done. */
function gated(db: Db, at: 'begin' | 'commit') {
  const passing = createSignal();
  const reached = createSignal();
  let count = 0;
  const wrapped: Db = Object.create(db, {
    transaction: {
      async value(fn: Parameters<Db['transaction']>[0]) {
        // Only the first.
        if (count++ > 0) return db.transaction(fn);
        if (at === 'commit') {
          return db.transaction(async (tx) => {
            const result = await fn(tx);
            reached.give();
            await passing.given;
            return result;
          });
        }
        reached.give();
        await passing.given;
        return db.transaction(fn);
      },
    },
  });
  return { db: wrapped, reached: reached.given, open: passing.give };
}

describe('a write that closing gave up', () => {
  it.each(['begin', 'commit'] as const)(
    '(stopped at its %s) never lands after the next opening',
    async (at) => {
      const account = await addAccount();
      await (await storeOn(database.db).load(account)).setCredentials(Buffer.from('me'));
      const gate = gated(database.db, at);
      const store = storeOn(gate.db);
      const old = await store.load(account);
      const written = old.set([key('a', 'old')]).then(
        () => 'written',
        () => 'refused',
      );
      await gate.reached;
      await old.close(10);
      const loading = store.load(account);
      if (at === 'commit') setTimeout(gate.open, 50);
      const next = await loading;
      const seen = await next.get('session', ['a']);
      if (at === 'begin') await next.set([key('a', 'new')]);
      gate.open();
      const outcome = await written;
      expect([outcome, seen.has('a')]).toEqual(at === 'begin' ? ['refused', false] : ['written', true]);
      const fresh = await storeOn(database.db).load(account);
      expect(String((await fresh.get('session', ['a'])).get('a'))).toBe(at === 'begin' ? 'new' : 'old');
    },
  );
});

/** Seals as the others do, but what it gives for the keys of this name no column takes. */
const sealingBadly = (name: string): typeof secrets => ({
  ...secrets,
  seal: (value, context) =>
    context.endsWith(`:${name}`) ? (null as unknown as Buffer) : secrets.seal(value, context),
});

describe('a value that the database refuses', () => {
  it('is left out alone, and is not tried for ever before what comes after it', async () => {
    const account = await addAccount();
    const { db, failed } = counted(database.db);
    const lines: object[] = [];
    const logger = {
      ...silentLogger,
      error: (_text: string, fields?: object) => void lines.push(fields ?? {}),
    };
    const store = createCredentialStore({ db, secrets: sealingBadly('bad'), clock: systemClock, logger });
    const keys = await store.load(account);
    await Promise.all([keys.setCredentials(Buffer.from('me')), keys.set([key('a', '1'), key('bad', '1')])]);
    await keys.set([key('b', '1')]);
    expect((await keysOf(account.id)).map(({ name }) => name).sort()).toEqual(['a', 'b']);
    expect(await store.hasCredentials(account.id)).toBe(true);
    expect((await keys.get('session', ['bad'])).size).toBe(0);
    expect(lines).toEqual([{ accountId: account.id, count: 1 }]);
    expect(failed()).toBe(1);
  });

  it('makes those of other sessions no slower', async () => {
    const [bad, ...good] = await Promise.all(Array.from({ length: 9 }, addAccount));
    if (!bad) throw new Error('no account');
    const { db, failed } = counted(database.db);
    const store = createCredentialStore({
      db,
      secrets: sealingBadly('bad'),
      clock: systemClock,
      logger: silentLogger,
    });
    const refused = await store.load(bad);
    const others = await Promise.all(good.map((account) => store.load(account)));
    let isDone = false;
    const written = refused.set([key('bad', '1')]).finally(() => {
      isDone = true;
    });
    // There is always a batch that it could spoil.
    while (!isDone) await Promise.all(others.map((keys) => keys.set([key('a', '1')])));
    await written;
    // It was found once, by halves.
    expect(failed()).toBeLessThanOrEqual(5);
    expect(await keysOf(bad.id)).toEqual([]);
  });
});

it('a database that refuses everything for no known cause ends the session, which tells of it', async () => {
  const account = await addAccount();
  const db: Db = Object.create(database.db, {
    transaction: { value: () => Promise.reject(new Error('no such table')) },
  });
  const clock = { ...systemClock, setTimer: (fn: () => void) => systemClock.setTimer(fn, 0) };
  const keys = await storeOn(db, clock).load(account);
  let told = 0;
  keys.onAway(() => {
    told += 1;
  });
  await expect(keys.set([key('a', '1')])).rejects.toThrow('no such table');
  await expect(keys.set([key('b', '1')])).rejects.toThrow('no such table');
  expect(told).toBe(1);
});

/** Holds the lock of these sessions' rows until it is told to let go. */
async function lockRows(ids: readonly string[]) {
  const held = createSignal();
  const free = createSignal();
  const ended = database.db.transaction(async (tx) => {
    for (const id of ids)
      await tx.update(whatsappAccounts).set({ updatedAt: 2 }).where(eq(whatsappAccounts.id, id));
    held.give();
    await free.given;
  });
  await held.given;
  return async () => {
    free.give();
    await ended;
  };
}

// SQLite has no locks of rows.
if (dbType === 'mysql') {
  it('sessions whose rows somebody has locked keep no other one from writing, and write when they are free', async () => {
    const accounts = await Promise.all(Array.from({ length: 6 }, addAccount));
    const store = storeOn(database.db);
    const opened = await Promise.all(accounts.map((account) => store.load(account)));
    const letGo = await lockRows(accounts.slice(0, 2).map(({ id }) => id));
    const done: number[] = [];
    const writes = opened.map((keys, n) => keys.set([key('a', '1')]).then(() => done.push(n)));
    // As many batches as there are writers may hold a locked session each.
    await Promise.all(writes.slice(2)).then(() => opened[5]?.set([key('b', '1')]));
    expect(done.sort()).toEqual([2, 3, 4, 5]);
    await letGo();
    await Promise.all(writes);
    expect(done.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
}

describe('erasing', () => {
  async function fill(account: AccountRef, count = 3) {
    const store = storeOn(database.db);
    const keys = await store.load(account);
    await keys.setCredentials(Buffer.from('me'));
    await keys.set(Array.from({ length: count }, (_, i) => key(`n${i}`, 'v')));
    return store;
  }

  it('moves everything out of the way, and purging deletes it only after its time', async () => {
    const account = await addAccount();
    let now = 1_000_000;
    const clock = { ...systemClock, now: () => now };
    await fill(account, 1_203);
    const store = storeOn(database.db, clock);
    await store.erase(account);
    expect(await store.hasCredentials(account.id)).toBe(false);
    expect(await keysOf(account.id)).toEqual([]);
    const { db } = database;
    const [quarantine] = await db.select().from(waQuarantine).where(eq(waQuarantine.accountId, account.id));
    expect(await keysOf(quarantine?.id ?? '')).toHaveLength(1_203);
    now += 1_000;
    expect(await store.purgeQuarantine(2_000)).toBe(0);
    now += 2_000;
    expect(await store.purgeQuarantine(2_000)).toBe(1);
    expect(await keysOf(quarantine?.id ?? '')).toEqual([]);
    expect(
      await db
        .select()
        .from(waCredentials)
        .where(eq(waCredentials.accountId, quarantine?.id ?? '')),
    ).toEqual([]);
  });

  it('is refused to a process that is not the owner any more, unless nobody is', async () => {
    const account = await addAccount();
    const store = await fill(account);
    await takeOver(account);
    await expect(store.erase(account)).rejects.toThrow(OwnershipLost);
    expect(await store.hasCredentials(account.id)).toBe(true);
    await store.eraseUnfenced(account.id);
    expect(await store.hasCredentials(account.id)).toBe(false);
    expect(await keysOf(account.id)).toEqual([]);
  });

  it('leaves no key of the old identity to the next one', async () => {
    const account = await addAccount();
    const store = await fill(account);
    await database.db.delete(waCredentials).where(eq(waCredentials.accountId, account.id));
    await store.load(account);
    expect(await keysOf(account.id)).toEqual([]);
  });
});
