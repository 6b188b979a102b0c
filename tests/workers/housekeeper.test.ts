import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  activityLogs,
  campaignDrafts,
  firstContacts,
  idempotencyKeys,
  messages,
  otps,
  rateLimits,
  sendAttempts,
  settings,
  usageCounts,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { createHousekeeper } from '../../src/workers/housekeeper/index.ts';
import { createLease, LEASE_MS } from '../../src/workers/housekeeper/lease.ts';
import { nightAfter } from '../../src/workers/housekeeper/schedule.ts';
import { createTasks, type Task } from '../../src/workers/housekeeper/tasks.ts';
import { addFacts, addMessage, addOtp, addSession, factRow } from '../analytics/fixture.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 15, 12);

let t: TestApp;
let clock: FakeClock;
let purged: number[];
beforeEach(async () => {
  clock = createFakeClock(START);
  t = await openTestApp({ clock, config: { housekeepingTimeZone: 'Asia/Jakarta' } });
  purged = [];
});
afterEach(() => t.close());

const credentials = {
  purgeQuarantine: async (olderThanMs: number) => {
    purged.push(olderThanMs);
    return 0;
  },
};

function housekeeper(processId = newId(), tasks: Task[] = createTasks({ ...t.deps, credentials })) {
  return createHousekeeper(t.deps, { processId, tasks });
}

async function idsOf(table: typeof activityLogs | typeof otps | typeof messages): Promise<string[]> {
  const rows = await t.deps.db.select({ id: table.id }).from(table);
  return rows.map((row) => row.id).sort();
}

describe('the night', () => {
  it('is at 02:00 of the zone, also where that hour is skipped or comes twice', () => {
    const at = (text: string) => Date.parse(text);
    expect(nightAfter(at('2026-01-15T12:00:00Z'), 'UTC')).toBe(at('2026-01-16T02:00:00Z'));
    expect(nightAfter(at('2026-01-15T12:00:00Z'), 'Asia/Jakarta')).toBe(at('2026-01-15T19:00:00Z'));
    expect(nightAfter(at('2026-01-15T19:00:00Z'), 'Asia/Jakarta')).toBe(at('2026-01-16T19:00:00Z'));
    const spring = nightAfter(at('2026-03-28T12:00:00Z'), 'Europe/Berlin');
    expect(spring).toBeGreaterThan(at('2026-03-29T00:00:00Z'));
    expect(spring).toBeLessThanOrEqual(at('2026-03-29T01:00:00Z'));
    const autumn = nightAfter(at('2026-10-24T12:00:00Z'), 'Europe/Berlin');
    expect([at('2026-10-25T00:00:00Z'), at('2026-10-25T01:00:00Z')]).toContain(autumn);
  });

  it('deletes logs of 30 days, codes of 7, old messages, drafts of a month, and not what is newer or still to do', async () => {
    const user = await t.tenant();
    const ago = (days: number) => START - days * DAY_MS;
    const facts = [ago(31), ago(31), ago(29)].map((at) => factRow(user.id, 'message.sent', at));
    await addFacts(t, facts);
    await addOtp(t, user.id, { createdAt: ago(8) });
    const openOtp = await addOtp(t, user.id, { createdAt: ago(8), status: 'sent', endedAt: null });
    const newOtp = await addOtp(t, user.id, { createdAt: ago(6) });
    const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
    await addMessage(t, session, { createdAt: ago(366) });
    await addMessage(t, session, { createdAt: ago(366), status: 'queued', scheduledAt: START + DAY_MS });
    await addMessage(t, session, { createdAt: ago(364) });
    // Two years and a month before START is in December 2023.
    const periods = ['2023-11', '2023-11-30', '2023-12', '2023-12-01', '2026-01', '2026-01-15'];
    const whole = { sessionId: '', kind: '', engine: '', category: '' };
    await t.deps.db
      .insert(usageCounts)
      .values(periods.flatMap((period) => [1, 2].map((userId) => ({ ...whole, userId, period, count: 1 }))));
    await t.deps.db.insert(campaignDrafts).values(
      [31, 29].map((days) => ({
        id: newId(),
        userId: user.id,
        personId: user.id,
        data: {},
        version: 1,
        savedBy: newId(),
        createdAt: ago(40),
        updatedAt: ago(days),
      })),
    );
    const keeper = housekeeper();
    expect(await keeper.round()).toBe(true);
    expect(await idsOf(activityLogs)).toHaveLength(3);
    // 02:00 in Jakarta is 19:00 UTC.
    await clock.advance(7 * HOUR_MS - 1);
    await keeper.round();
    expect(await idsOf(activityLogs)).toHaveLength(3);
    await clock.advance(1);
    await keeper.round();
    expect(await idsOf(activityLogs)).toEqual([facts[2]?.id]);
    expect(await idsOf(otps)).toEqual([openOtp, newOtp].sort());
    expect(await idsOf(messages)).toHaveLength(2);
    expect(await t.deps.db.select().from(campaignDrafts)).toMatchObject([{ updatedAt: ago(29) }]);
    const counted = await t.deps.db.selectDistinct({ period: usageCounts.period }).from(usageCounts);
    expect(counted.map(({ period }) => period).sort()).toEqual(periods.slice(2));
    await keeper.stop();
  });

  it('that was missed is made up for after a restart, and kept once', async () => {
    let runs = 0;
    const tasks: Task[] = [{ name: 'night', when: 'nightly', run: async () => ++runs }];
    const first = housekeeper(newId(), tasks);
    await first.round();
    await first.stop();
    await clock.advance(3 * DAY_MS);
    const second = housekeeper(newId(), tasks);
    await second.round();
    await second.round();
    expect(runs).toBe(1);
    await second.stop();
  });

  it('is tried again when a task failed, and the other tasks run all the same', async () => {
    const ran: string[] = [];
    let broken = true;
    const tasks: Task[] = [
      {
        name: 'broken',
        when: 'nightly',
        run: async () => {
          if (broken) throw new Error('no room');
          ran.push('broken');
          return 0;
        },
      },
      { name: 'other', when: 'nightly', run: async () => ran.push('other') },
    ];
    const keeper = housekeeper(newId(), tasks);
    await keeper.round();
    await clock.advance(DAY_MS);
    await expect(keeper.round()).rejects.toThrow('no room');
    broken = false;
    await keeper.round();
    await keeper.round();
    expect(ran).toEqual(['other', 'broken', 'other']);
    await keeper.stop();
  });
});

describe('during the day', () => {
  it('clears QR codes that have expired, idempotency keys, counters, attempts and quarantined credentials', async () => {
    const { db } = t.deps;
    const user = await t.tenant();
    const old = { qr: 'old', pairingCode: 'OLD', qrExpiresAt: START - 120_000 };
    const gone = await addSession(t, user.id, 'gone', { status: 'qr', ...old });
    const here = await addSession(t, user.id, 'here', {
      status: 'qr',
      qr: 'new',
      qrExpiresAt: START + 20_000,
    });
    const key = { userId: user.id, hash: 'h', status: 'done' as const, createdAt: START };
    await db.insert(idempotencyKeys).values([
      { ...key, key: 'old', expiresAt: START - 1 },
      { ...key, key: 'new', expiresAt: START + 1_000 },
    ]);
    await db.insert(rateLimits).values([
      { key: 'old', windowStart: 0, count: 1, expiresAt: START - 1 },
      { key: 'new', windowStart: 0, count: 1, expiresAt: START + 1_000 },
    ]);
    const attempt = (at: number) => ({ id: newId(at), accountId: gone, recipient: 'x', priority: 1, at });
    await db.insert(sendAttempts).values([attempt(START - 26 * HOUR_MS), attempt(START - 24 * HOUR_MS)]);
    const stranger = { accountId: gone, attemptId: null };
    await db.insert(firstContacts).values([
      { ...stranger, person: 'old', at: START - 41 * DAY_MS },
      { ...stranger, person: 'new', at: START - 39 * DAY_MS },
    ]);
    const keeper = housekeeper();
    await keeper.round();
    const accounts = await db.select().from(whatsappAccounts);
    expect(accounts.find((row) => row.id === gone)).toMatchObject({
      qr: null,
      pairingCode: null,
      qrExpiresAt: null,
    });
    expect(accounts.find((row) => row.id === here)).toMatchObject({ qr: 'new' });
    expect((await db.select().from(idempotencyKeys)).map((row) => row.key)).toEqual(['new']);
    expect((await db.select().from(rateLimits)).map((row) => row.key)).toEqual(['new']);
    expect((await db.select().from(sendAttempts)).map((row) => row.at)).toEqual([START - 24 * HOUR_MS]);
    expect((await db.select().from(firstContacts)).map((row) => row.person)).toEqual(['new']);
    expect(purged).toEqual([DAY_MS]);
    // Every five minutes, not at every look.
    await db.update(whatsappAccounts).set(old).where(eq(whatsappAccounts.id, gone));
    await clock.advance(290_000);
    await keeper.round();
    expect((await db.select().from(whatsappAccounts)).filter((row) => row.qr === 'old')).toHaveLength(1);
    await clock.advance(10_000);
    await keeper.round();
    expect((await db.select().from(whatsappAccounts)).filter((row) => row.qr === 'old')).toHaveLength(0);
    await keeper.stop();
  });

  it('deletes many rows in small statements, with turns of the event loop in between', async () => {
    const user = await t.tenant();
    const rows = Array.from({ length: 3_000 }, (_, i) =>
      factRow(user.id, 'message.sent', START - 40 * DAY_MS + i),
    );
    await addFacts(t, rows);
    await clock.advance(0);
    const keeper = housekeeper();
    await keeper.round();
    await clock.advance(DAY_MS);
    let turns = 0;
    let counting = true;
    const count = () => {
      turns++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    await keeper.round();
    counting = false;
    expect(await idsOf(activityLogs)).toEqual([]);
    expect(turns).toBeGreaterThan(15);
    await keeper.stop();
  });
});

describe('several processes', () => {
  it('keep house one at a time; the next takes over when the first stops or dies', async () => {
    const ran: string[] = [];
    const keeper = (name: string) =>
      housekeeper(newId(), [{ name, when: 1, run: async () => ran.push(name) }]);
    const [a, b] = [keeper('a'), keeper('b')];
    expect([await a.round(), await b.round()]).toEqual([true, false]);
    await a.stop();
    expect(await b.round()).toBe(true);
    expect(ran).toEqual(['a', 'b']);
    // Dead: its row is old by the database's clock.
    await t.deps.db
      .update(settings)
      .set({ updatedAt: (await t.deps.database.now()) - LEASE_MS })
      .where(eq(settings.name, 'housekeeper'));
    const c = keeper('c');
    expect(await c.round()).toBe(true);
    expect(await b.round()).toBe(false);
    await Promise.all([b.stop(), c.stop()]);
  });

  it('race for the lease with one winner', async () => {
    const leases = Array.from({ length: 8 }, () => createLease(t.deps.database, newId()));
    const won = await Promise.all(leases.map((lease) => lease.take()));
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  it('end their work when the lease is lost', async () => {
    let started: (signal: AbortSignal) => void = () => undefined;
    const working = new Promise<AbortSignal>((resolve) => {
      started = resolve;
    });
    const task: Task = {
      name: 'long',
      when: 'nightly',
      run: (signal) => {
        started(signal);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(0)));
      },
    };
    const keeper = housekeeper(newId(), [task]);
    await keeper.round();
    await clock.advance(DAY_MS);
    const round = keeper.round();
    const signal = await working;
    await t.deps.db
      .update(settings)
      .set({ value: { owner: 'another' }, updatedAt: await t.deps.database.now() })
      .where(eq(settings.name, 'housekeeper'));
    await clock.advance(LEASE_MS / 3);
    await round;
    expect(signal.aborted).toBe(true);
  });
});
