import { hostname } from 'node:os';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { readHost } from '../../src/cluster/host.ts';
import { beat, LEASE_MS, leave } from '../../src/cluster/processes.ts';
import { processes, settings } from '../../src/db/schema.ts';
import {
  announceKeys,
  readKeyHolders,
  requireSharedKeys,
  withdrawKeys,
} from '../../src/services/encryption/announcements.ts';
import { StartError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { boxOf, newKey } from './sealed-fixture.ts';

const [first, second] = [newKey(), newKey()];
const host = readHost();
let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.delete(processes);
  await database.db.delete(settings);
});

/** A process that runs with these keys. */
async function run(...keys: [Buffer, ...Buffer[]]): Promise<string> {
  const id = newId();
  await announceKeys({ database, secrets: boxOf(...keys) }, id);
  await beat(database, id, host);
  return id;
}

const mayStart = (...keys: [Buffer, ...Buffer[]]) =>
  requireSharedKeys({ database, secrets: boxOf(...keys) }, host, { waitMs: 0 }).then(
    () => true,
    (error) => {
      expect(error).toBeInstanceOf(StartError);
      return false;
    },
  );

it('a process starts beside others when each can open what the other seals', async () => {
  expect(await mayStart(first)).toBe(true);
  const old = await run(first);
  expect(await mayStart(first)).toBe(true);
  expect(await mayStart(second)).toBe(false);
  // It could read what the others write, but they not what it writes.
  expect(await mayStart(second, first)).toBe(false);
  await leave(database, old);
  await withdrawKeys({ database, secrets: boxOf(first) }, old);
  await run(first, second);
  expect(await mayStart(second, first)).toBe(true);
  expect(await mayStart(first)).toBe(true);
});

it('a process that was killed keeps nobody from starting with another key', async () => {
  const id = await run(first);
  const dead = { ...host.identity, pidStartedAt: '1' };
  await database.db.update(processes).set(dead);
  expect(await readKeyHolders(database, host)).toEqual([]);
  expect(await mayStart(second)).toBe(true);
  await leave(database, id);
});

it('who has which key is told by pid and host, of those that are starting as well', async () => {
  const id = await run(second, first);
  const starting = newId();
  await announceKeys({ database, secrets: boxOf(first) }, starting);
  const [a, b] = [boxOf(first).keyId, boxOf(second).keyId];
  expect(await readKeyHolders(database, host)).toEqual([
    {
      processId: id,
      name: `pid ${process.pid} on ${hostname()}`,
      starting: false,
      alive: true,
      heartbeatAt: expect.any(Number),
      keys: { seals: b, opens: [b, a] },
    },
    {
      processId: starting,
      name: 'one that is starting',
      starting: true,
      alive: false,
      heartbeatAt: 0,
      keys: { seals: a, opens: [a] },
    },
  ]);
});

it('a release that says nothing of its keys is known to run', async () => {
  const id = newId();
  await beat(database, id, host);
  expect(await readKeyHolders(database, host)).toMatchObject([{ processId: id, keys: null }]);
  expect(await mayStart(second)).toBe(true);
});

it('one of another machine whose heartbeat goes on runs: nobody waits for the end of its lease', async () => {
  const id = await run(first);
  const elsewhere = { identity: { ...host.identity, host: 'other/1' }, check: () => 'unknown' as const };
  const beats = setInterval(() => void beat(database, id, host).catch(() => undefined), 200);
  const startedMs = performance.now();
  const refused = requireSharedKeys({ database, secrets: boxOf(second) }, elsewhere);
  await expect(refused).rejects.toThrow('runs with another ENCRYPTION_KEY');
  clearInterval(beats);
  // Half of the lease at most: a dead one is waited for until its end.
  expect(performance.now() - startedMs).toBeLessThan(LEASE_MS / 2);
});
