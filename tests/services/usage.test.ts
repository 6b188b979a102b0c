/** What a workspace sends is counted exactly, and never passes its limits. On both databases. */
import { and, eq, like, ne, sum } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { dbType } from '../../src/db/kit.ts';
import { transact } from '../../src/db/ops.ts';
import {
  activityLogs,
  campaignRecipients,
  media,
  messages,
  usageCounts,
  workspaces,
} from '../../src/db/schema.ts';
import { createAllowances, type Limits } from '../../src/queue/allowances.ts';
import { createEnqueuer, enqueue } from '../../src/queue/enqueue.ts';
import { countMessages, openMessageRoom, periodOf } from '../../src/queue/usage.ts';
import { deferRecipients } from '../../src/services/campaigns/hand-back.ts';
import { hasRoom, takeRoom } from '../../src/services/quotas.ts';
import { foldUsage, forgetUsage } from '../../src/services/usage-retention.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { enterAs } from '../broadcast/fixture.ts';
import { openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { describeOn, testOn } from '../helpers/on-database.ts';
import { countStatements } from '../helpers/statements.ts';
import { until } from '../helpers/until.ts';

let t: TestApp;
/** The same service in another process: what it remembers is its own. */
let other: TestApp['app'];
let tenant: Tenant;
const counter = countStatements();
beforeAll(async () => {
  t = await openTestApp();
  const allowances = createAllowances(t.deps);
  const deps = { ...t.deps, allowances, usageSlot: t.deps.usageSlot + 1 };
  other = createApp({ ...deps, enqueuer: createEnqueuer(deps) }, allRoutes);
});
afterAll(async () => {
  await other.stop();
  await t.close();
  counter.stop();
});
beforeEach(async () => {
  tenant = await t.tenant();
  await enterAs(t, tenant);
});

async function limit(limits: Limits): Promise<void> {
  await t.deps.db.update(workspaces).set({ limits }).where(eq(workspaces.id, tenant.id));
  t.deps.allowances.forget();
}

const text = (i: number) => ({ session: 'main', to: `+6281234${String(10_000 + i)}`, text: 'hello' });
const send = (i: number, key?: string): Promise<Reply> =>
  t.call('/message/send-text', {
    method: 'POST',
    token: tenant.token,
    body: text(i),
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });

async function sendElsewhere(i: number): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await other.request('/message/send-text', {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(text(i)),
  });
  return { status: answer.status, body: Object(await answer.json()) };
}

const countsOf = (userId = tenant.id) =>
  t.deps.db
    .select()
    .from(usageCounts)
    .where(and(eq(usageCounts.userId, userId), ne(usageCounts.kind, '')));
async function totalsOf(userId = tenant.id): Promise<number[]> {
  const rows = await t.deps.db
    .select({ n: sum(usageCounts.count) })
    .from(usageCounts)
    .where(and(eq(usageCounts.userId, userId), eq(usageCounts.kind, '')))
    .groupBy(usageCounts.period);
  return rows.map(({ n }) => Number(n));
}
async function warnings(): Promise<unknown[]> {
  const rows = await t.deps.db
    .select({ data: activityLogs.data })
    .from(activityLogs)
    .where(and(eq(activityLogs.userId, tenant.id), like(activityLogs.event, 'usage.%')));
  return rows.map(({ data }) => [data.quota, data.percent]).sort();
}
const statuses = (replies: readonly { status: number }[], status: number) =>
  replies.filter((reply) => reply.status === status).length;

describe('messages of a day', () => {
  test('fifty at once in two processes never pass the limit; what is refused counts nothing', async () => {
    await limit({ messagesPerDay: 20, messagesPerMonth: 1000 });
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? send(i) : sendElsewhere(i))),
    );
    expect(statuses(replies, 202)).toBe(20);
    expect(statuses(replies, 429)).toBe(30);
    const refused = await send(99);
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'QUOTA_EXCEEDED', details: { quota: 'messagesPerDay', limit: 20, used: 20 } },
    });
    const { until } = Object(refused.body.details);
    expect(Date.parse(until)).toBe(periodOf('messagesPerDay', t.deps.clock.now()).until);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const rows = await t.deps.db.select().from(messages).where(eq(messages.userId, tenant.id));
    expect(rows).toHaveLength(20);
    expect(await totalsOf()).toEqual([20, 20]);
    expect((await countsOf()).reduce((sum, { count }) => sum + count, 0)).toBe(20);
    expect(await warnings()).toEqual([
      ['messagesPerDay', 100],
      ['messagesPerDay', 80],
    ]);
    const usage = await t.call('/usage', { token: tenant.token });
    expect(usage.body.data).toContainEqual({ quota: 'messagesPerDay', used: 20, limit: 20, until });
  });

  test('a request that is repeated with its key counts once, and is answered as before when nothing is left', async () => {
    await limit({ messagesPerMonth: 1 });
    const replies = await Promise.all([1, 2, 3].map(() => send(1, 'the same')));
    expect(statuses(replies, 202)).toBeGreaterThan(0);
    const again = await send(1, 'the same');
    expect(again.status).toBe(202);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await totalsOf()).toEqual([1, 1]);
    expect((await send(2)).body).toMatchObject({ details: { quota: 'messagesPerMonth', limit: 1 } });
  });

  test('a limit that is set later knows what was sent before', async () => {
    for (const i of [1, 2, 3]) expect((await send(i)).status).toBe(202);
    await limit({ messagesPerDay: 3 });
    expect((await send(4)).status).toBe(429);
    await limit({ messagesPerDay: 4 });
    expect((await send(4)).status).toBe(202);
    expect(await totalsOf()).toEqual([4, 4]);
  });

  test('that is used up refuses a message with a file before the file is kept', async () => {
    await limit({ messagesPerDay: 1 });
    const sendFile = (name: string) =>
      t.call('/message/send-document', {
        method: 'POST',
        token: tenant.token,
        headers: { 'idempotency-key': `of ${name}` },
        body: {
          session: 'main',
          to: '+6281234567890',
          document: `data:text/plain;base64,${Buffer.from(name).toString('base64')}`,
          filename: `${name}.txt`,
        },
      });
    expect((await sendFile('first')).status).toBe(202);
    expect((await sendFile('second')).body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'messagesPerDay', limit: 1, used: 1 },
    });
    expect((await sendFile('first')).status).toBe(202);
    const kept = await t.deps.db.select().from(media).where(eq(media.userId, tenant.id));
    expect(kept).toHaveLength(1);
  });

  test('of one workspace are none of another one, and none without a limit', async () => {
    await limit({ messagesPerDay: 0 });
    expect((await send(1)).status).toBe(429);
    tenant = await t.tenant();
    await enterAs(t, tenant);
    const replies = await Promise.all(Array.from({ length: 12 }, (_, i) => send(i)));
    expect(statuses(replies, 202)).toBe(12);
    expect(await warnings()).toEqual([]);
  });
});

// SQLite serves one process.
describeOn('mysql', 'a process that stands still in a transaction', () => {
  const messageOf = (userId: number) => ({ userId, sessionId: 'main', type: 'text' });
  /** It has counted a message of these workspaces, and goes on when `work` is done. */
  async function heldBy(userIds: readonly number[], work: () => Promise<void>): Promise<void> {
    let [counted, goOn] = [() => {}, () => {}];
    const there = new Promise<void>((resolve) => (counted = resolve));
    const over = new Promise<void>((resolve) => (goOn = resolve));
    const held = transact(t.deps.database, async (tx) => {
      const all = userIds.map(messageOf);
      const room = await openMessageRoom(tx, t.deps, all, t.deps.clock.now());
      for (const one of all) room.take(one);
      await countMessages(tx, t.deps, all, room);
      counted();
      await over;
    });
    await there;
    await work().finally(goOn);
    await held;
  }

  test('keeps no other one from queueing for the same workspace', async () => {
    await heldBy([tenant.id], async () => {
      for (const i of [1, 2]) expect((await sendElsewhere(i)).status).toBe(202);
    });
    expect(await totalsOf()).toEqual([3, 3]);
    // What each has counted is told as one.
    const day = new Date(t.deps.clock.now()).toISOString().slice(0, 10);
    const month = await t.call(`/usage?month=${day.slice(0, 7)}`, { token: tenant.token });
    expect(month.body.usage).toMatchObject({ total: 3, byDay: [{ day, count: 3 }] });
    const csv = await t.call(`/usage?month=${day.slice(0, 7)}&format=csv`, { token: tenant.token });
    expect(csv.text.split('\r\n').slice(1)).toEqual([
      `${day},main,text,${t.deps.config.engine},message,3`,
      '',
    ]);
    await limit({ messagesPerDay: 3 });
    expect((await send(3)).body).toMatchObject({ details: { quota: 'messagesPerDay', limit: 3, used: 3 } });
  });

  test('keeps only its own workspace waiting where there are limits, which stay exact', async () => {
    const stuck = tenant;
    await limit({ messagesPerDay: 2 });
    const others: Tenant[] = [];
    for (const limits of [{ messagesPerDay: 5 }, {}]) {
      tenant = await t.tenant();
      await enterAs(t, tenant);
      await limit(limits);
      others.push(tenant);
    }
    let late: Promise<Reply[]> = Promise.resolve([]);
    await heldBy([stuck.id], async () => {
      tenant = stuck;
      late = Promise.all([1, 2].map((i) => send(i)));
      for (tenant of others) {
        const replies = await Promise.all([1, 2, 3].map((i) => send(i)));
        expect(statuses(replies, 202)).toBe(3);
      }
    });
    expect((await late).map(({ status }) => status).sort()).toEqual([202, 429]);
    expect(await totalsOf(stuck.id)).toEqual([2, 2]);
  });

  test('with the rows of five workspaces with limits stops no sixth one', async () => {
    const stuck: Tenant[] = [];
    for (let n = 0; n < 6; n++) {
      if (n > 0) stuck.push(tenant);
      tenant = await t.tenant();
      await enterAs(t, tenant);
      await limit({ messagesPerDay: 5 });
    }
    const sixth = tenant;
    let late: Promise<Reply[]> = Promise.resolve([]);
    await heldBy(
      stuck.map(({ id }) => id),
      async () => {
        late = Promise.all(
          stuck.map((one) => {
            tenant = one;
            return send(1);
          }),
        );
        // It has one connection, and each of those that wait for it.
        await until(() => t.deps.database.load().used > 4, 2_000, 'that four wait');
        tenant = sixth;
        expect((await send(1)).status).toBe(202);
      },
    );
    expect(statuses(await late, 202)).toBe(5);
  });
});

test('messages of one moment share their writes: of all workspaces on SQLite, of each one with limits elsewhere', async () => {
  const all = [];
  for (let n = 0; n < 4; n++) {
    tenant = await t.tenant();
    await limit({ messagesPerDay: 5 });
    all.push({
      ...{ userId: tenant.id, accountId: newId(), sessionId: 'main', messageId: newMessageId() },
      ...{ peer: '6281234567890@s.whatsapp.net', phone: '6281234567890', lid: null, priority: 1 as const },
      ...{ type: 'text', content: { type: 'text', text: 'x' }, scheduledAt: null, expiresAt: null },
    });
  }
  for (const { userId } of all) await t.deps.allowances.of(userId);
  counter.take();
  await Promise.all(all.map((message) => enqueue(t.deps, message)));
  const inserts = [...counter.take().texts].filter(([text]) => /into .messages\b/.test(text));
  expect(inserts.reduce((sum, [, n]) => sum + n, 0)).toBe(dbType === 'sqlite' ? 1 : 4);
});

describe('codes', () => {
  const code = (i: number) =>
    t.call('/otp/send', {
      method: 'POST',
      token: tenant.token,
      body: { session: 'main', to: `+6281234${String(20_000 + i)}` },
    });

  test('of an hour never pass the limit of a plan, and count as messages, too', async () => {
    await limit({ otpsPerHour: 5 });
    const replies = await Promise.all(Array.from({ length: 12 }, (_, i) => code(i)));
    expect(statuses(replies, 202)).toBe(5);
    const refused = replies.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'otpsPerHour', limit: 5, used: 5 },
    });
    expect(await totalsOf()).toEqual([5, 5]);
    expect(await countsOf()).toMatchObject([
      { sessionId: 'main', kind: 'otp', category: 'otp', engine: t.deps.config.engine, count: 5 },
    ]);
    expect(await warnings()).toEqual([
      ['otpsPerHour', 100],
      ['otpsPerHour', 80],
    ]);
  });

  test('are refused clearly when the messages are used up, and spend nothing then', async () => {
    await limit({ messagesPerDay: 1 });
    expect((await send(1)).status).toBe(202);
    expect((await code(1)).body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'messagesPerDay' },
    });
    await limit({});
    // Its number did not begin to cool down either.
    expect((await code(1)).status).toBe(202);
  });
});

test('what was counted is taken back as it was counted, at once, and nothing of what never was', async () => {
  const { db, database } = t.deps;
  const campaignId = newId();
  const days = ['2026-01-31', '2026-01-31', '2026-02-01', '2026-01-31'];
  const whole = { userId: tenant.id, sessionId: '', kind: '', engine: '', category: '' };
  const before = { ...whole, sessionId: 'main', kind: 'text', engine: 'old', category: 'campaign' };
  await db
    .insert(usageCounts)
    .values(
      ['2026-01', '2026-01-31', '2026-02', '2026-02-01'].map((period) => ({ ...whole, period, count: 5 })),
    );
  await db
    .insert(usageCounts)
    .values(['2026-01-31', '2026-02-01'].map((period) => ({ ...before, period, count: 5 })));
  const rows = days.map((day, i) => ({
    id: newId(),
    at: Date.parse(`${day}T12:00:00Z`),
    phone: `62812${i}`,
  }));
  for (const [i, { id, at, phone }] of rows.entries()) {
    await db.insert(messages).values({
      ...{ id, userId: tenant.id, accountId: newId(), sessionId: 'main', messageId: id, phone, campaignId },
      ...{
        direction: 'out',
        peer: `${phone}@s.whatsapp.net`,
        status: 'queued',
        createdAt: at,
        updatedAt: at,
      },
      // The text was made a picture meanwhile.
      ...{ type: 'image', content: { type: 'image' } },
    });
    await db.insert(campaignRecipients).values({
      ...{ campaignId, position: i + 1, userId: tenant.id, phone, fields: {}, state: 'queued' },
      // The last one was queued by a release that counted nothing.
      ...{ messageRowId: id, countedAs: i === 3 ? null : 'text old', updatedAt: at },
    });
  }
  counter.take();
  const putOff = { reason: 'quiet', dueAt: 1, now: 1 };
  await transact(database, (tx) => deferRecipients(tx, t.deps, campaignId, rows, putOff));
  const writes = [...counter.take().texts].filter(([text]) => /into .usage_counts/.test(text));
  expect(writes.reduce((sum, [, n]) => sum + n, 0)).toBeLessThanOrEqual(3);
  const { period, kind, engine, count } = usageCounts;
  const left = await db
    .select({ period, kind, engine, n: sum(count) })
    .from(usageCounts)
    .where(eq(usageCounts.userId, tenant.id))
    .groupBy(period, kind, engine);
  const told = left.map((row) => [row.period, row.kind, row.engine, Number(row.n)]).sort();
  expect(told).toEqual([
    ['2026-01', '', '', 3],
    ['2026-01-31', '', '', 3],
    ['2026-01-31', 'text', 'old', 3],
    ['2026-02', '', '', 4],
    ['2026-02-01', '', '', 4],
    ['2026-02-01', 'text', 'old', 4],
  ]);
});

describe('what several processes have counted', () => {
  const signal = new AbortController().signal;
  const FEBRUARY = Date.UTC(2026, 1, 1, 3);
  const fold = () => foldUsage(t.deps.database, { now: FEBRUARY, signal });
  const whole = () => ({ userId: tenant.id, sessionId: '', kind: '', engine: '', category: '' });
  const sessionOf = (i: number) => ({ ...whole(), sessionId: `s${i}`, kind: 'text', engine: 'baileys' });

  async function countIn(slots: readonly number[]): Promise<void> {
    const periods = ['2026-01', '2026-01-31', '2026-02', '2026-02-01'];
    const wholes = periods.flatMap((period) =>
      slots.map((slot) => ({ ...whole(), period, slot, count: 65 })),
    );
    const sessions = Array.from({ length: 65 }, (_, i) => sessionOf(i)).flatMap((one) =>
      slots.map((slot) => ({ ...one, category: 'message', period: '2026-01-31', slot, count: 1 })),
    );
    await t.deps.db.insert(usageCounts).values([...wholes, ...sessions]);
  }

  async function readAll(): Promise<Record<string, { rows: number; sum: number; slots: number[] }>> {
    const rows = await t.deps.db.select().from(usageCounts).where(eq(usageCounts.userId, tenant.id));
    const found: Awaited<ReturnType<typeof readAll>> = {};
    for (const { period, kind, slot, count } of rows) {
      const name = `${period} ${kind}`.trim();
      found[name] ??= { rows: 0, sum: 0, slots: [] };
      found[name].rows++;
      found[name].sum += count;
      if (!found[name].slots.includes(slot)) found[name].slots.push(slot);
      found[name].slots.sort((a, b) => a - b);
    }
    return found;
  }

  const OPEN = { rows: 2, sum: 130, slots: [7, 9] };

  test('comes together when it is over, whole and once, and is forgotten by months', async () => {
    // What other tests have left.
    await fold();
    await t.deps.db
      .insert(usageCounts)
      .values({ ...whole(), period: '2026-01', slot: 0, count: 1, warnedPercent: 80, warnedLimit: 50 });
    await countIn([7, 9]);
    // Two of each session, of the day, of the month.
    expect(await fold()).toBe(134);
    const folded = {
      '2026-01': { rows: 1, sum: 131, slots: [0] },
      '2026-01-31': { rows: 1, sum: 130, slots: [0] },
      '2026-01-31 text': { rows: 65, sum: 130, slots: [0] },
      '2026-02': OPEN,
      '2026-02-01': OPEN,
    };
    expect(await readAll()).toEqual(folded);
    expect(await fold()).toBe(0);
    expect(await readAll()).toEqual(folded);
    const isWarned = and(eq(usageCounts.userId, tenant.id), eq(usageCounts.warnedPercent, 80));
    expect(await t.deps.db.select().from(usageCounts).where(isWarned)).toMatchObject([{ count: 131 }]);
    await forgetUsage(t.deps.db, { before: FEBRUARY, signal });
    expect(await readAll()).toEqual({ '2026-02': OPEN, '2026-02-01': OPEN });
  });

  testOn('mysql', 'waits for nobody who takes some of it back', async () => {
    await countIn([7]);
    let begin = () => {};
    const folded = new Promise<void>((resolve) => (begin = resolve)).then(fold);
    await transact(t.deps.database, async (tx) => {
      const month = and(eq(usageCounts.userId, tenant.id), eq(usageCounts.period, '2026-01'));
      await tx.update(usageCounts).set({ count: 64 }).where(month);
      begin();
      expect(await folded).toBe(66);
    });
    expect(await fold()).toBe(1);
    expect(await readAll()).toMatchObject({
      '2026-01': { rows: 1, sum: 64, slots: [0] },
      '2026-01-31': { rows: 1, sum: 65, slots: [0] },
    });
  });
});

test('a limit that is raised is warned of again', async () => {
  await limit({ messagesPerDay: 2 });
  for (const i of [1, 2]) expect((await send(i)).status).toBe(202);
  const both = [
    ['messagesPerDay', 100],
    ['messagesPerDay', 80],
  ];
  expect(await warnings()).toEqual(both);
  await limit({ messagesPerDay: 4 });
  for (const i of [3, 4]) expect((await send(i)).status).toBe(202);
  expect(await warnings()).toEqual([...both, ...both].sort());
  expect((await send(5)).status).toBe(429);
  expect(await warnings()).toHaveLength(4);
  const take = () => transact(t.deps.database, (tx) => takeRoom(tx, t.deps, tenant.id, 'webhooks'));
  for (const webhooks of [1, 1]) {
    await limit({ webhooks });
    await take();
  }
  expect(await warnings()).toHaveLength(6);
});

test('what was used stays when the messages are deleted', async () => {
  for (const i of [1, 2]) await send(i);
  await t.deps.db.delete(messages).where(eq(messages.userId, tenant.id));
  expect(await countsOf()).toMatchObject([{ kind: 'text', category: 'message', count: 2 }]);
});

test('things that are counted warn as they are nearly used, once', async () => {
  await limit({ webhooks: 5 });
  const hook = (i: number) =>
    t.call('/webhook', {
      method: 'POST',
      token: tenant.token,
      body: { url: `https://93.184.215.14/${i}`, events: ['usage.warning'] },
    });
  for (let i = 0; i < 5; i++) expect((await hook(i)).status).toBe(201);
  expect((await hook(5)).body).toMatchObject({ details: { quota: 'webhooks', limit: 5 } });
  expect(await warnings()).toEqual([
    ['webhooks', 100],
    ['webhooks', 80],
  ]);
});

test('asking whether there is room warns nobody; taking it does', async () => {
  await limit({ members: 2 });
  const ask = () => transact(t.deps.database, (tx) => hasRoom(tx, t.deps, tenant.id, 'members'));
  expect(await ask()).toBe(true);
  expect(await warnings()).toEqual([]);
  await transact(t.deps.database, (tx) => takeRoom(tx, t.deps, tenant.id, 'members'));
  expect(await warnings()).toEqual([
    ['members', 100],
    ['members', 80],
  ]);
  await limit({ members: 1 });
  expect(await ask()).toBe(false);
});

test('people of a workspace have a limit, too', async () => {
  const admin = await t.tenant('admin');
  await limit({ members: 2 });
  const add = (i: number) =>
    t.call('/user/create', {
      method: 'POST',
      token: admin.token,
      body: {
        email: `m${i}-${tenant.id}@example.com`,
        password: 'password123',
        name: 'M',
        workspace: tenant.id,
      },
    });
  expect((await add(1)).status).toBe(201);
  expect((await add(2)).body).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    details: { quota: 'members', limit: 2 },
  });
});

test('days and months are those of UTC', () => {
  const at = Date.parse('2026-12-31T23:59:59.999Z');
  expect(periodOf('messagesPerDay', at)).toEqual({ name: '2026-12-31', until: at + 1 });
  expect(periodOf('messagesPerMonth', at)).toEqual({ name: '2026-12', until: at + 1 });
  expect(periodOf('messagesPerDay', at + 1).name).toBe('2027-01-01');
});
