import { asc, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import {
  campaignRecipients,
  campaigns,
  messageQueue,
  messages,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { settleReceipt } from '../../src/queue/engine-events.ts';
import { createSettler } from '../../src/queue/settle.ts';
import { holdCampaigns } from '../../src/services/campaigns/after-restore.ts';
import { stepRecalls } from '../../src/services/campaigns/recall.ts';
import { forgetCampaigns } from '../../src/services/campaigns/retention.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';

const NOW = Date.UTC(2026, 0, 5, 3, 0, 0);
const HOUR_MS = 3_600_000;

type MessageRow = typeof messages.$inferInsert;

const clock = createFakeClock(NOW);
let t: TestApp;
let tenant: Tenant;
let accounts = 0;
beforeAll(async () => {
  t = await openTestApp({ clock });
  tenant = await t.tenant();
});
afterAll(() => t.close());
beforeEach(async () => {
  await t.deps.db.delete(campaigns);
  await t.deps.db.delete(campaignRecipients);
});

type Row = typeof campaigns.$inferInsert;

/** The session `main` of the tenant, another one each time. */
async function account(): Promise<string> {
  const id = newId(NOW + ++accounts);
  await t.deps.db.delete(whatsappAccounts);
  await t.deps.db.delete(messages);
  await t.deps.db.insert(whatsappAccounts).values({
    ...{ id, userId: tenant.id, sessionId: 'main', status: 'connected', pairing: 'qr', paired: true },
    ...{ createdAt: NOW, updatedAt: NOW },
  });
  return id;
}

async function add(columns: Partial<Row>, recipients = 0): Promise<string> {
  const id = newId();
  await t.deps.db.insert(campaigns).values({
    id,
    userId: tenant.id,
    accountId: 'a'.repeat(32),
    sessionId: 'main',
    status: 'completed',
    name: 'Promo',
    type: 'text',
    content: { type: 'text', text: 'hello' },
    delayMs: 1_000,
    options: {},
    seed: id,
    createdAt: NOW,
    updatedAt: NOW,
    ...columns,
  });
  for (let position = 1; position <= recipients; position++) {
    const phone = `62812${position}`;
    const state = 'queued' as const;
    await t.deps.db.insert(campaignRecipients).values({
      campaignId: id,
      position,
      userId: tenant.id,
      phone,
      fields: {},
      state,
      updatedAt: NOW,
    });
  }
  return id;
}

const rowOf = async (id: string) => (await t.deps.db.select().from(campaigns).where(eq(campaigns.id, id)))[0];

describe('after a restore', () => {
  it('nothing goes on by itself that may have reached people since the backup', async () => {
    const running = await add({ status: 'running', startedAt: NOW - HOUR_MS });
    const waiting = await add({ status: 'paused', reason: 'session_logged_out' });
    const overdue = await add({ status: 'scheduled', dueAt: NOW - HOUR_MS, scheduledAt: NOW - HOUR_MS });
    const mine = await add({ status: 'paused', reason: 'user' });
    const future = await add({ status: 'scheduled', dueAt: NOW + HOUR_MS });
    const daily = await add({
      status: 'scheduled',
      cron: '0 2 * * *',
      timeZone: 'UTC',
      dueAt: NOW - HOUR_MS,
    });
    expect(await holdCampaigns(t.deps)).toBe(3);
    for (const id of [running, waiting, overdue]) {
      expect(await rowOf(id)).toMatchObject({ status: 'paused', reason: 'restored', pausedAt: NOW });
    }
    expect(await rowOf(mine)).toMatchObject({ status: 'paused', reason: 'user' });
    expect(await rowOf(future)).toMatchObject({ status: 'scheduled', dueAt: NOW + HOUR_MS });
    expect(await rowOf(daily)).toMatchObject({ status: 'scheduled', dueAt: NOW + 23 * HOUR_MS });
    expect(await holdCampaigns(t.deps)).toBe(0);
  });

  it('what a campaign had in the queue keeps its id for when it goes on', async () => {
    const { db } = t.deps;
    const campaignId = await add({ status: 'running' });
    const id = newId();
    const common = { id, userId: tenant.id, accountId: 'a'.repeat(32), messageId: '3EB0AA', priority: 2 };
    await db.insert(messages).values({
      ...common,
      sessionId: 'main',
      direction: 'out',
      peer: '6281@s.whatsapp.net',
      campaignId,
      type: 'text',
      content: { type: 'text', text: 'hello' },
      status: 'queued',
      createdAt: NOW,
      updatedAt: NOW,
    });
    const queued = { recipient: '6281@s.whatsapp.net', status: 'pending' as const, availableAt: NOW };
    await db.insert(messageQueue).values({ ...common, ...queued });
    await holdCampaigns(t.deps);
    expect(await db.select().from(messageQueue).where(eq(messageQueue.id, id))).toEqual([]);
    expect(await db.select().from(messages).where(eq(messages.id, id))).toMatchObject([
      { status: 'queued', messageId: '3EB0AA' },
    ]);
  });
});

describe('retention', () => {
  const forget = (before: number) =>
    forgetCampaigns(t.deps.db, { before, signal: new AbortController().signal });

  it('takes ended campaigns with their recipients, and nothing that is still to come', async () => {
    const old = NOW - 400 * 24 * HOUR_MS;
    await add({ status: 'completed', finishedAt: old }, 3);
    await add({ status: 'stopped', finishedAt: old }, 2);
    const kept = [
      await add({ status: 'completed', finishedAt: NOW }, 1),
      await add({ status: 'paused', createdAt: old, reason: 'user' }, 1),
      await add({ status: 'scheduled', createdAt: old, dueAt: NOW + HOUR_MS }),
    ];
    expect(await forget(NOW - HOUR_MS)).toBe(2 + 5);
    const rows = await t.deps.db.select({ id: campaigns.id }).from(campaigns).orderBy(asc(campaigns.id));
    expect(rows.map(({ id }) => id)).toEqual(kept.sort());
    expect(await t.deps.db.select().from(campaignRecipients)).toHaveLength(2);
  });

  it('keeps a campaign whose recipients another one is still to take', async () => {
    const old = NOW - 400 * 24 * HOUR_MS;
    const origin = await add({ status: 'completed', finishedAt: old }, 2);
    const copy = await add({ status: 'paused', reason: 'cloned', originId: origin, origin: 'clone' });
    expect(await forget(NOW)).toBe(0);
    await t.deps.db.update(campaigns).set({ frozenAt: NOW }).where(eq(campaigns.id, copy));
    expect(await forget(NOW)).toBe(3);
    expect(await rowOf(origin)).toBeUndefined();
    expect(await rowOf(copy)).toMatchObject({ status: 'paused' });
  });
});

describe('the recall of a campaign', () => {
  const DAY = 24 * HOUR_MS;
  async function sent(campaignId: string, accountId: string, n: number, columns: Partial<MessageRow> = {}) {
    const rows = Array.from({ length: n }, (_, i) => ({
      id: newId(NOW + i),
      userId: tenant.id,
      accountId,
      sessionId: 'main',
      messageId: newMessageId(),
      direction: 'out' as const,
      peer: `62812${i}@s.whatsapp.net`,
      phone: `62812${i}`,
      campaignId,
      type: 'text',
      content: { type: 'text', text: 'hello' },
      status: (['sent', 'delivered', 'read'] as const)[i % 3] ?? 'sent',
      sentAt: NOW - DAY,
      createdAt: NOW,
      updatedAt: NOW,
      ...columns,
    }));
    await insertMany(t.deps.db, messages, rows);
    return rows;
  }
  const recall = (id: string) =>
    t.call(`/session/main/broadcast/campaigns/${id}/recall`, { method: 'POST', token: tenant.token });
  const read = async (id: string) => {
    const reply = await t.call(`/session/main/broadcast/campaigns/${id}`, { token: tenant.token });
    return Object(reply.body.data);
  };
  /** Steps as several processes would, of which each may die at any time. */
  async function goOn(id: string) {
    for (let n = 0; n < 40; n++) {
      await Promise.all([stepRecalls(t.deps), stepRecalls(t.deps)]);
      await clock.advance(1_001);
      if ((await t.deps.db.select().from(campaigns).where(eq(campaigns.id, id)))[0]?.dueAt === null) return;
    }
    throw new Error('the recall does not end');
  }

  it('deletes what can still be deleted, each once, and tells the counts', async () => {
    const accountId = await account();
    const id = await add({ accountId });
    const fresh = await sent(id, accountId, 230);
    await sent(id, accountId, 3, { sentAt: NOW - 3 * DAY });
    await sent(id, accountId, 2, { status: 'failed' });
    expect((await read(id)).recall).toBe(null);
    const reply = await recall(id);
    expect(reply.status).toBe(200);
    await recall(id);
    await goOn(id);
    const deletions = await t.deps.db.select().from(messages).where(eq(messages.type, 'delete'));
    const about = deletions.map(({ content }) => Reflect.get(Object(content), 'messageId'));
    expect(about.toSorted()).toEqual(fresh.map(({ messageId }) => messageId).toSorted());
    expect((await read(id)).recall).toMatchObject({
      isOver: false,
      queued: 230,
      revoked: 0,
      tooLate: 3,
      failed: 0,
    });
    const settler = createSettler(t.deps, { windowMs: 0, receiptMs: 0 });
    for (const { messageId } of deletions.slice(0, 5)) {
      await settleReceipt(settler, accountId, messageId, 'sent', clock.now());
    }
    expect((await read(id)).recall).toMatchObject({ queued: 225, revoked: 5 });
    // Nothing is asked for twice.
    await recall(id);
    await goOn(id);
    const again = await t.deps.db.select().from(messages).where(eq(messages.type, 'delete'));
    expect(again).toHaveLength(230);
  });

  it('stops a campaign that is not over', async () => {
    const accountId = await account();
    const id = await add({ accountId, status: 'paused' });
    expect(Object((await recall(id)).body.data)).toMatchObject({
      status: 'stopped',
      recall: { isOver: false },
    });
    await goOn(id);
    expect((await read(id)).recall).toMatchObject({ isOver: true, revoked: 0 });
  });

  const deletions = () => t.deps.db.select().from(messages).where(eq(messages.type, 'delete'));
  const targets = async () =>
    (await deletions()).map(({ content }) => String(Reflect.get(Object(content), 'messageId')));

  it('deletes what was edited, and tries again what could not be deleted when it is asked again', async () => {
    const accountId = await account();
    const id = await add({ accountId });
    const [edited, deleted, refused] = (await sent(id, accountId, 3)).map((row) => row.messageId);
    const states = [
      { target: edited, type: 'edit', status: 'sent' as const },
      { target: deleted, type: 'delete', status: 'queued' as const },
      { target: refused, type: 'delete', status: 'failed' as const },
    ];
    for (const { target = '', type, status } of states) {
      const common = { campaignId: null, type, status, createdAt: NOW - 1_000 };
      const content = { type, messageId: target };
      const [amendment] = await sent(id, accountId, 1, { ...common, content });
      const amendedBy = amendment?.messageId;
      await t.deps.db.update(messages).set({ amendedBy }).where(eq(messages.messageId, target));
    }
    await recall(id);
    await goOn(id);
    expect((await targets()).toSorted()).toEqual([deleted, edited, refused, refused].toSorted());
    expect((await read(id)).recall).toMatchObject({ queued: 3, pending: 0, failed: 0, isOver: false });
    // This recall has tried: it does not go round and round.
    await t.deps.db.update(messages).set({ status: 'expired' }).where(eq(messages.type, 'delete'));
    await t.deps.db.update(campaigns).set({ dueAt: clock.now(), recallCursor: null });
    await goOn(id);
    expect((await targets()).filter((target) => target === refused)).toHaveLength(2);
    expect((await read(id)).recall).toMatchObject({ failed: 2, queued: 1 });
    await recall(id);
    await goOn(id);
    expect(await targets()).toHaveLength(7);
    expect((await read(id)).recall).toMatchObject({ queued: 3, failed: 0 });
  });

  it.each(['canceled', 'failed'] as const)(
    'deletes what had left although it is %s, when that turns out',
    async (status) => {
      const accountId = await account();
      const id = await add({ accountId, status: 'stopped' });
      const [left] = await sent(id, accountId, 1, { status, sentAt: null, sendingAt: NOW });
      await recall(id);
      await goOn(id);
      expect((await read(id)).recall).toMatchObject({ isOver: true });
      const settler = createSettler(t.deps, { windowMs: 0, receiptMs: 0 });
      await settleReceipt(settler, accountId, left?.messageId ?? '', 'delivered', clock.now());
      expect((await read(id)).recall).toMatchObject({ isOver: false, pending: 1 });
      await goOn(id);
      expect(await targets()).toEqual([left?.messageId]);
    },
  );

  it('is waited for by a retry, and is not begun again for what that sends', async () => {
    const accountId = await account();
    const id = await add({ accountId });
    await sent(id, accountId, 1);
    const [failed] = await sent(id, accountId, 1, { status: 'failed', sentAt: null });
    const retry = () =>
      t.call(`/session/main/broadcast/campaigns/${id}/retry-failed`, { method: 'POST', token: tenant.token });
    await recall(id);
    expect((await retry()).status).toBe(409);
    await goOn(id);
    expect((await retry()).status).toBe(409);
    const [deletion] = await deletions();
    const settler = createSettler(t.deps, { windowMs: 0, receiptMs: 0 });
    await settleReceipt(settler, accountId, deletion?.messageId ?? '', 'sent', clock.now());
    expect((await retry()).status).toBe(200);
    await t.deps.db.update(campaigns).set({ status: 'completed' });
    await settleReceipt(settler, accountId, failed?.messageId ?? '', 'sent', clock.now());
    await stepRecalls(t.deps);
    expect(await targets()).toHaveLength(1);
  });

  it('queues nothing for a session that is gone, and goes on beside one that cannot', async () => {
    const accountId = await account();
    const gone = 'b'.repeat(32);
    const broken = await add({ accountId, recallAt: NOW, dueAt: NOW - 1, senders: {} as never });
    const id = await add({
      accountId: gone,
      senders: [gone, accountId].map((one) => ({ accountId: one, sessionId: 'main' })),
    });
    await sent(id, gone, 2);
    const [there] = await sent(id, accountId, 1);
    await recall(id);
    await goOn(id);
    expect(await targets()).toEqual([there?.messageId]);
    expect((await read(id)).recall).toMatchObject({ failed: 2, queued: 1, pending: 0 });
    const [row] = await t.deps.db.select().from(campaigns).where(eq(campaigns.id, broken));
    expect(row?.dueAt).toBeGreaterThan(NOW);
    await t.deps.db.delete(campaigns).where(eq(campaigns.id, broken));
    const { body } = await t.call('/session/main/broadcast/campaigns', { token: tenant.token });
    expect(Object(body.data)[0]).not.toHaveProperty('recall');
  });

  it('is nobody else’s', async () => {
    const accountId = await account();
    const id = await add({ accountId });
    const stranger = await t.tenant();
    const path = `/session/main/broadcast/campaigns/${id}/recall`;
    expect((await t.call(path, { method: 'POST', token: stranger.token })).status).toBe(404);
  });
});
