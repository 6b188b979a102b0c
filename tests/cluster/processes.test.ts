/** Rows of processes that are long silent go, but not that of one which has just said that it lives. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beat, readLive, removeDead } from '../../src/cluster/processes.ts';
import type { Database, Db } from '../../src/db/client.ts';
import { processes, webhookLanes, whatsappAccounts } from '../../src/db/schema.ts';
import { freeLanes, newLaneClaim } from '../../src/events/lane-claims.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { fakeHost } from '../workers/session-world.ts';

const HOUR_MS = 3_600_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const idsOf = async () =>
  (await database.db.select({ id: processes.id }).from(processes)).map(({ id }) => id);

async function addSilent(id: string, { identity } = fakeHost('elsewhere', 1)): Promise<void> {
  const at = (await database.now()) - HOUR_MS;
  await database.db.insert(processes).values({ id, ...identity, heartbeatAt: at, startedAt: at });
}

/** Between the reading of the rows and their removal `work` happens, once. */
function inBetween(work: () => Promise<void>): Database {
  let done = false;
  const db: Db = new Proxy(database.db, {
    get(target, name) {
      if (name !== 'update') {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return (table: Parameters<Db['update']>[0]) => {
        const builder = target.update(table);
        if (table !== whatsappAccounts || done) return builder;
        done = true;
        return { set: () => ({ where: work }) };
      };
    },
  });
  return { ...database, db };
}

it('forgets a process that was silent for an hour', async () => {
  await addSilent('gone');
  expect(await readLive(database)).not.toContain('gone');
  expect(await idsOf()).not.toContain('gone');
});

it('keeps the row of a process that comes back at that very moment', async () => {
  await addSilent('back');
  await addSilent('gone');
  await readLive(inBetween(() => beat(database, 'back', fakeHost('elsewhere', 1))));
  expect(await idsOf()).toEqual(['back']);
  expect(await readLive(database)).toEqual(['back']);
});

it('names those that it has removed, and not one that has said meanwhile that it lives', async () => {
  const [dead, back] = [newId(), newId()];
  const host = fakeHost('here', 1, new Set([2, 3]));
  await addSilent(back, fakeHost('here', 2));
  await addSilent(dead, fakeHost('here', 3));
  const comesBack = inBetween(() => beat(database, back, fakeHost('here', 2)));
  expect(await removeDead(comesBack, newId(), host, false)).toEqual([dead]);
  expect(await idsOf()).toContain(back);
});

it('frees the webhook lanes of processes that are gone, and nobody else’s', async () => {
  const [dead, alive] = [newId(), newId()];
  const dueAt = Date.now() + HOUR_MS;
  const lanes = [
    { lane: 'of the dead', webhookId: 'a', claim: newLaneClaim(dead), dueAt },
    { lane: 'of the living', webhookId: 'a', claim: newLaneClaim(alive), dueAt },
    { lane: 'of an earlier release', webhookId: 'a', claim: newId(), dueAt },
    { lane: 'waits for a retry', webhookId: 'a', claim: null, dueAt },
  ];
  await database.db.insert(webhookLanes).values(lanes);
  await freeLanes(database.db, [newId(), dead]);
  const rows = await database.db.select().from(webhookLanes);
  const freed = { ...lanes[0], claim: null, dueAt: 1 };
  expect(new Set(rows)).toEqual(new Set([freed, ...lanes.slice(1)]));
});
