import { eq, like, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  campaignRecipients,
  firstContacts,
  messages,
  numberChecks,
  optOuts,
  usageCounts,
  whatsappAccounts,
  workspaces,
} from '../../src/db/schema.ts';
import { mustPause, WARM_UP, warmUpCap } from '../../src/services/campaigns/safety.ts';
import { campaignContacts } from '../../src/services/campaigns/strangers.ts';
import { quietUntil, zonesOf } from '../../src/services/campaigns/time-zones.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { type CampaignWorld, contacts, openCampaigns } from './campaign-fixture.ts';

const DAY_MS = 86_400_000;

describe('rules', () => {
  it('raises the cap with the age of the session and drops it after a month', () => {
    const caps = WARM_UP.map(({ fromDay }) => warmUpCap(fromDay * DAY_MS) ?? 0);
    expect(caps).toEqual([...caps].sort((a, b) => a - b));
    // Public reports: restricted after 15 to 20 a day.
    expect(Math.max(...caps)).toBeLessThan(20);
    expect(warmUpCap(0)).toBe(5);
    expect(warmUpCap(2 * DAY_MS - 1)).toBe(5);
    expect(warmUpCap(30 * DAY_MS)).toBeNull();
  });

  it('warms up within the limit of first contacts, against the real WhatsApp unless asked to', () => {
    const service = { newContactsPerDay: 20 };
    const young = { limits: null, linkedAt: 0, newChatCap: null, createdAt: 0 };
    const real = { now: 0, isReal: true };
    const perDay = (...args: Parameters<typeof campaignContacts>) => campaignContacts(...args).perDay;
    expect(perDay(service, {}, young, real)).toBe(5);
    expect(perDay({ newContactsPerDay: 3 }, {}, young, real)).toBe(3);
    expect(perDay(service, { warmUp: false }, young, real)).toBe(20);
    expect(perDay(service, {}, young, { ...real, isReal: false })).toBe(20);
    expect(perDay(service, { warmUp: true }, young, { ...real, isReal: false })).toBe(5);
    const own = { ...young, limits: { newContactsPerDay: 60 } };
    expect(perDay(service, {}, own, real)).toBe(60);
    expect(perDay(service, { warmUp: true }, own, real)).toBe(5);
    expect(perDay(service, {}, young, { ...real, now: 30 * DAY_MS })).toBeNull();
    expect(perDay({ newContactsPerDay: 0 }, { warmUp: true }, young, real)).toBeNull();
  });

  it('judges by the newest outcomes, refusals sooner than failures, and never by a few', () => {
    const of = (ok: number, failed: number, refused: number) => [
      ...Array.from({ length: ok }, () => 'ok' as const),
      ...Array.from({ length: failed }, () => 'failed' as const),
      ...Array.from({ length: refused }, () => 'refused' as const),
    ];
    expect(mustPause(of(0, 19, 0), 30)).toBeNull();
    expect(mustPause(of(71, 29, 0), 30)).toBeNull();
    expect(mustPause(of(70, 30, 0), 30)?.reason).toBe('failure_rate');
    expect(mustPause(of(91, 0, 9), 30)).toBeNull();
    expect(mustPause(of(90, 0, 10), 30)?.reason).toBe('refusal_rate');
  });

  it.each([
    // 22:00 in Jakarta, 00:00 in Jayapura: both are quiet until 08:00 in Jakarta.
    ['6281234567890', Date.UTC(2026, 0, 5, 15), Date.UTC(2026, 0, 6, 1)],
    // 12:00 in Jakarta.
    ['6281234567890', Date.UTC(2026, 0, 5, 5), null],
    // 23:00 in Singapore.
    ['6591234567', Date.UTC(2026, 0, 5, 15), Date.UTC(2026, 0, 6, 0)],
    // 16:00 in London.
    ['447911123456', Date.UTC(2026, 0, 5, 16), null],
    // Summer time: 21:30 in London.
    ['447911123456', Date.UTC(2026, 6, 5, 20, 30), Date.UTC(2026, 6, 6, 7)],
  ])('knows when it is quiet for %s', (phone, at, until) => {
    expect(quietUntil(phone, { from: 21 * 60, to: 8 * 60 }, at)).toBe(until);
  });

  it('knows the zones of countries, and of numbers of none', () => {
    expect(zonesOf('6281234567890')).toContain('Asia/Jakarta');
    expect(zonesOf('870773111632')).toEqual(['UTC']);
  });
});

describe('a running campaign', () => {
  let w: CampaignWorld;
  beforeEach(async () => {
    w = await openCampaigns();
  });
  afterEach(() => w.close());

  /** What was written to is a day older, and who waits is looked at now. */
  async function aDayLater(): Promise<void> {
    const { db } = w.t.deps;
    await db.update(firstContacts).set({ at: sql`${firstContacts.at} - ${DAY_MS}` });
    const now = w.clock.now();
    await db.update(campaignRecipients).set({ dueAt: now }).where(eq(campaignRecipients.state, 'deferred'));
    await w.clock.advance(120_000);
  }

  it('writes to 20 strangers a day, to those who know the session at once, and looks up nobody who waits', async () => {
    await w.setSession('main', { limits: { newContactsPerDay: 20 } });
    const people = contacts(60);
    const friends = people.slice(50);
    const at = w.clock.now();
    const [{ id: accountId = '' } = {}] = await w.t.deps.db.select().from(whatsappAccounts);
    await w.t.deps.db.insert(messages).values(
      friends.map(({ phone }) => ({
        id: newId(at),
        userId: w.tenant.id,
        accountId,
        sessionId: 'main',
        messageId: newMessageId(),
        direction: 'in' as const,
        peer: `${phone}@s.whatsapp.net`,
        type: 'text',
        content: { type: 'text', text: 'hi' },
        status: 'received' as const,
        createdAt: at,
        updatedAt: at,
      })),
    );
    const listId = await w.list(people);
    const id = await w.start({ listId, message: 'x', delayBetweenMessages: 1_000 });
    await w.clock.advance(600_000);
    expect(w.relayed()).toHaveLength(30);
    for (const { phone } of friends) expect(w.relayed()).toContain(phone);
    expect(w.lookedUp).toHaveLength(30);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'new_contacts' }],
    });
    expect((await w.recipients(id)).filter(({ reason }) => reason === 'new_contacts')).toHaveLength(30);
    await aDayLater();
    expect(w.relayed()).toHaveLength(50);
    await aDayLater();
    expect(w.relayed()).toHaveLength(60);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed' });
  });

  it('leaves out who has opted out, also while it runs, and who is not on WhatsApp', async () => {
    const people = contacts(30);
    const out = (phone: string) =>
      w.t.deps.db.insert(optOuts).values({
        userId: w.tenant.id,
        phone,
        source: 'manual',
        createdAt: w.clock.now(),
      });
    await out(people[3]?.phone ?? '');
    w.unknown.add(people[5]?.phone ?? '');
    const listId = await w.list(people);
    const id = await w.start({ listId, message: 'x', delayBetweenMessages: 10_000 });
    await w.clock.advance(60_000);
    await out(people[29]?.phone ?? '');
    await w.clock.advance(600_000);
    expect(w.relayed()).toHaveLength(27);
    const reasons = (await w.recipients(id)).filter(({ state }) => state === 'skipped');
    expect(reasons.map(({ number, reason }) => [number, reason])).toEqual([
      [people[3]?.phone, 'opted_out'],
      [people[5]?.phone, 'not_on_whatsapp'],
      [people[29]?.phone, 'opted_out'],
    ]);
    expect((await w.campaign(id)).statistics).toMatchObject({ total: 30, sent: 27, skipped: 3 });
    // Asked for once each, and never for who has opted out before.
    expect(new Set(w.lookedUp).size).toBe(w.lookedUp.length);
    expect(w.lookedUp).not.toContain(people[3]?.phone);
  });

  it('keeps the delay between two messages, with jitter, never less', async () => {
    await w.start({ listId: await w.list(contacts(6)), message: 'x', delayBetweenMessages: 3_000 });
    await w.clock.advance(60_000);
    const times = w.engine.relayed.map(({ at }) => at);
    expect(times).toHaveLength(6);
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(3_000);
      expect(gap).toBeLessThan(4_500);
    }
  });

  it('keeps it for those whose night is over and for what is sent again, who stand further up', async () => {
    // 03:00 in London; who is awake there, in Jakarta, is behind.
    const sleeping = Array.from({ length: 4 }, (_, i) => ({ phone: `44791112345${i}` }));
    w.engine.answer = ({ to }) =>
      to.phone?.startsWith('44')
        ? { outcome: 'refused', code: '475', message: 'no' }
        : { outcome: 'acknowledged', at: w.clock.now() };
    const id = await w.start({
      listId: await w.list([...sleeping, ...contacts(2)]),
      message: 'x',
      delayBetweenMessages: 10_000,
      quietHours: { from: '21:00', to: '08:00' },
    });
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(2);
    w.clock.setNow(Date.UTC(2026, 0, 5, 8, 1));
    await w.clock.advance(120_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 2, failed: 4 } });
    await w.post(`/campaigns/${id}/retry-failed`);
    await w.clock.advance(120_000);
    const times = w.engine.relayed.map(({ at }) => at);
    expect(times).toHaveLength(10);
    // Between the two nights nobody keeps a pace; within each everybody does.
    for (const [i, at] of times.slice(1).entries())
      expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(10_000);
  });

  it("keeps the session's own pace where that is slower", async () => {
    await w.close();
    w = await openCampaigns({ delayMinMs: 5_000, delayMaxMs: 5_000 });
    await w.start({ listId: await w.list(contacts(4)), message: 'x', delayBetweenMessages: 1_000 });
    await w.clock.advance(60_000);
    const times = w.engine.relayed.map(({ at }) => at);
    expect(times).toHaveLength(4);
    for (const [i, at] of times.slice(1).entries())
      expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(5_000);
  });

  it('stops at the daily cap, says so, and goes on the next day', async () => {
    const id = await w.start({ listId: await w.list(contacts(50)), message: 'x', dailyCap: 20 });
    await w.clock.advance(120_000);
    expect(w.relayed()).toHaveLength(20);
    const view = await w.campaign(id);
    // Midnight in Jakarta, where the sender lives.
    expect(view).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'daily_cap' }],
      waitingUntil: '2026-01-05T17:00:00.000Z',
    });
    w.clock.setNow(Date.UTC(2026, 0, 5, 17, 1));
    await w.clock.advance(90_000);
    expect(w.relayed()).toHaveLength(40);
  });

  it('is completed when its last messages are the last of the day, or those of the plan', async () => {
    const { deps } = w.t;
    const capped = await w.start({ listId: await w.list(contacts(3)), message: 'x', dailyCap: 3 });
    await w.clock.advance(60_000);
    expect(await w.campaign(capped)).toMatchObject({ status: 'completed', statistics: { sent: 3 } });
    const limits = { messagesPerDay: 5 };
    await deps.db.update(workspaces).set({ limits }).where(eq(workspaces.id, w.tenant.id));
    deps.allowances.forget();
    const people = contacts(4, 100);
    const optOut = ({ phone } = { phone: '' }) =>
      deps.db
        .insert(optOuts)
        .values({ userId: w.tenant.id, phone, source: 'manual', createdAt: w.clock.now() });
    await optOut(people[2]);
    const id = await w.start({ listId: await w.list(people), message: 'x' });
    await w.clock.advance(60_000);
    // One is left who needs a message, and nobody is asked for meanwhile.
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'quota_day' }],
      statistics: { sent: 2, skipped: 1, pending: 1 },
    });
    const asked = w.lookedUp.length;
    await w.clock.advance(120_000);
    expect(w.lookedUp).toHaveLength(asked);
    await optOut(people[3]);
    await w.clock.advance(120_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 2, skipped: 2 } });
    expect(w.relayed()).toHaveLength(5);
  });

  it('queues nothing and asks for nobody while its workspace is suspended', async () => {
    const { db, signals } = w.t.deps;
    await w.setSession('main', { suspendedAt: w.clock.now() });
    const id = await w.start({ listId: await w.list(contacts(6)), message: 'x' });
    await w.clock.advance(120_000);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'workspace_suspended' }],
    });
    expect(await w.history(id)).toEqual([]);
    expect(w.lookedUp).toEqual([]);
    await w.setSession('main', { suspendedAt: null });
    for (const row of await db.select({ id: whatsappAccounts.id }).from(whatsappAccounts)) {
      signals.wake(row.id, { rowChanged: true });
    }
    await w.clock.advance(120_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 6 } });
  });

  it('says when the limits of the session hold it, and not any more when they do not', async () => {
    await w.close();
    w = await openCampaigns({ perMinute: 30 });
    const id = await w.start({ listId: await w.list(contacts(60)), message: 'x' });
    await w.clock.advance(10_000);
    // No code was ever sent here, so nothing is kept back for one.
    expect(w.relayed()).toHaveLength(30);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'minute_limit' }],
    });
    await w.clock.advance(61_000);
    expect(w.relayed()).toHaveLength(60);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', waitingFor: [] });
  });

  it('waits for the morning of each recipient, and meanwhile writes to those who are awake', async () => {
    // 10:00 in Jakarta, 03:00 in London.
    const people = [{ phone: '447911123456' }, { phone: '447911123457' }, ...contacts(3)];
    const id = await w.start({
      listId: await w.list(people),
      message: 'x',
      quietHours: { from: '21:00', to: '08:00' },
    });
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(3);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'recipient_night' }],
      waitingUntil: '2026-01-05T08:00:00.000Z',
      statistics: { pending: 2 },
    });
    expect((await w.recipients(id))[0]).toMatchObject({ state: 'pending', reason: 'quiet' });
    w.clock.setNow(Date.UTC(2026, 0, 5, 8, 1));
    await w.clock.advance(90_000);
    expect(w.relayed()).toHaveLength(5);
    expect((await w.campaign(id)).status).toBe('completed');
  });

  const nightly = { message: 'x', delayBetweenMessages: 60_000, quietHours: { from: '21:00', to: '08:00' } };
  /** 20:57 in Jayapura, the first of Indonesia's zones: the second message waits when the night begins. */
  const startInTheEvening = async () => {
    w.clock.setNow(Date.UTC(2026, 0, 5, 11, 57));
    const id = await w.start({ listId: await w.list(contacts(5)), ...nightly });
    for (let i = 0; w.relayed().length === 0 && i < 60; i++) await w.clock.advance(1_000);
    await w.clock.advance(5_000);
    expect(w.relayed()).toHaveLength(1);
    expect(await w.campaign(id)).toMatchObject({ statistics: { queued: 1 } });
    return id;
  };
  /** Nobody gets anything before 08:00 in Jakarta, the last of the zones, and everybody once after it. */
  const expectMorning = async (id: string) => {
    await w.clock.advance(90_000);
    expect(w.relayed()).toHaveLength(1);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'recipient_night' }],
    });
    w.clock.setNow(Date.UTC(2026, 0, 6, 1, 1));
    await w.clock.advance(600_000);
    expect(w.relayed().sort()).toEqual(contacts(5).map(({ phone }) => phone));
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 5 } });
    // What was put off counts when it was queued again.
    const { period, count, kind } = usageCounts;
    const totals = await w.t.deps.db.select({ period, count }).from(usageCounts).where(eq(kind, ''));
    expect(Object.fromEntries(totals.map((row) => [row.period, row.count]))).toEqual({
      '2026-01': 5,
      '2026-01-05': 1,
      '2026-01-06': 4,
    });
  };

  it('lets nobody be woken by a message whose delay ends in the night', async () => {
    w.clock.setNow(Date.UTC(2026, 0, 5, 11, 57));
    const people = await w.list(contacts(3));
    await w.start({ listId: people, ...nightly, delayBetweenMessages: 1_800_000 });
    const twoHours = async () => {
      for (let delays = 0; delays < 4; delays++) {
        await w.clock.advance(120_000);
        await w.clock.pass(1_680_000);
      }
    };
    await twoHours();
    expect(w.relayed()).toHaveLength(1);
    w.clock.setNow(Date.UTC(2026, 0, 6, 1, 1));
    await twoHours();
    expect(w.relayed()).toHaveLength(3);
  });

  it('nor by what a pause had taken off the queue', async () => {
    const id = await startInTheEvening();
    await w.during(w.post(`/campaigns/${id}/pause`));
    w.clock.setNow(Date.UTC(2026, 0, 5, 15, 0));
    await w.post(`/campaigns/${id}/resume`);
    await expectMorning(id);
  });

  it('nor by what was on the queue when the session went away', async () => {
    const id = await startInTheEvening();
    w.engine.setConnected(false);
    await w.setSession('main', { status: 'disconnected' });
    await w.clock.advance(80_000);
    expect(await w.campaign(id)).toMatchObject({ waitingFor: [{ reason: 'session_disconnected' }] });
    w.clock.setNow(Date.UTC(2026, 0, 5, 16, 0));
    w.engine.setConnected(true);
    await w.setSession('main', { status: 'connected' });
    await expectMorning(id);
  });

  it('nor by what a long pause of the session held', async () => {
    const id = await startInTheEvening();
    const pausedUntil = Date.UTC(2026, 0, 5, 15, 30);
    await w.setSession('main', { pausedUntil, pauseReason: 'paused' });
    await w.clock.advance(65_000);
    expect(await w.campaign(id)).toMatchObject({
      waitingFor: [{ reason: 'paused' }],
      waitingUntil: new Date(pausedUntil).toISOString(),
    });
    w.clock.setNow(pausedUntil);
    await w.setSession('main', { pausedUntil: null, pauseReason: null });
    await expectMorning(id);
  });

  it('pauses itself when too many are refused, says why, and forgives that on resume', async () => {
    const events: string[] = [];
    w.t.deps.stream.subscribe({ userId: w.tenant.id }, ({ event, data }) => {
      if (event.startsWith('campaign.')) events.push(`${event} ${data.reason}`);
    });
    w.engine.answer = () => ({ outcome: 'refused', code: '475', message: 'no' });
    const id = await w.start({ listId: await w.list(contacts(80)), message: 'x' });
    await w.clock.advance(60_000);
    const view = await w.campaign(id);
    expect(view).toMatchObject({ status: 'paused', reason: 'refusal_rate' });
    expect(view.reasonMessage).toMatch(/^WhatsApp refused \d+ of the last \d+ messages/);
    expect(w.relayed().length).toBeLessThan(60);
    w.engine.answer = () => ({ outcome: 'acknowledged', at: w.clock.now() });
    await w.post(`/campaigns/${id}/resume`);
    await w.clock.advance(60_000);
    expect((await w.campaign(id)).status).toBe('completed');
    expect(events).toEqual([
      'campaign.started undefined',
      'campaign.paused refusal_rate',
      'campaign.resumed null',
      'campaign.completed null',
    ]);
  });

  it('sends what failed once more under the same ids', async () => {
    const failing = new Set(contacts(3).map(({ phone }) => phone));
    w.engine.answer = ({ to }) =>
      failing.has(to.phone ?? '')
        ? { outcome: 'refused', code: '475', message: 'no' }
        : { outcome: 'acknowledged', at: w.clock.now() };
    const id = await w.start({ listId: await w.list(contacts(10)), message: 'x' });
    await w.clock.advance(30_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 7, failed: 3 } });
    failing.delete(contacts(1)[0]?.phone ?? '');
    expect((await w.post(`/campaigns/${id}/retry-failed`)).status).toBe(200);
    await w.clock.advance(30_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 8, failed: 2 } });
    const idsOf = (phone: string) =>
      new Set(w.engine.relayed.filter(({ to }) => to.phone === phone).map(({ messageId }) => messageId));
    for (const { phone } of contacts(10)) expect(idsOf(phone).size).toBe(1);
    expect(w.relayed()).toHaveLength(13);
  });

  it('is completed when what is sent once more is the last of the day', async () => {
    const failing = new Set(contacts(2).map(({ phone }) => phone));
    w.engine.answer = ({ to }) =>
      failing.has(to.phone ?? '')
        ? { outcome: 'refused', code: '475', message: 'no' }
        : { outcome: 'acknowledged', at: w.clock.now() };
    const id = await w.start({ listId: await w.list(contacts(3)), message: 'x', dailyCap: 4 });
    await w.clock.advance(30_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 1, failed: 2 } });
    failing.clear();
    expect((await w.post(`/campaigns/${id}/retry-failed`)).status).toBe(200);
    await w.clock.advance(60_000);
    // One of them has no room today.
    expect(await w.campaign(id)).toMatchObject({ status: 'running', waitingFor: [{ reason: 'daily_cap' }] });
    w.clock.setNow(Date.UTC(2026, 0, 5, 17, 1));
    await w.clock.advance(60_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 3, failed: 0 } });
    const last = await w.start({ listId: await w.list(contacts(3)), message: 'y', dailyCap: 5 });
    failing.add(contacts(1)[0]?.phone ?? '');
    await w.clock.advance(30_000);
    failing.clear();
    expect((await w.post(`/campaigns/${last}/retry-failed`)).status).toBe(200);
    await w.clock.advance(60_000);
    expect(await w.campaign(last)).toMatchObject({ status: 'completed', statistics: { sent: 3, failed: 0 } });
  });

  it('waits while nobody can say whether the numbers are there', async () => {
    w.setDeaf(true);
    const listId = await w.list(contacts(5));
    const id = await w.start({ listId, message: 'x' });
    await w.clock.advance(20_000);
    expect(w.relayed()).toEqual([]);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'number_check' }],
    });
    w.setDeaf(false);
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(5);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', waitingFor: [] });
  });

  it('waits for the answer about one number, while the others get the message', async () => {
    const [first, second] = contacts(5).map(({ phone }) => phone);
    w.silent.add(first ?? '').add(second ?? '');
    const id = await w.start({ listId: await w.list(contacts(5)), message: 'x' });
    await w.clock.advance(30_000);
    expect(w.relayed()).toHaveLength(3);
    const waits = { status: 'running', waitingFor: [{ reason: 'number_silent' }] };
    const view = await w.campaign(id);
    expect(view).toMatchObject({ ...waits, statistics: { pending: 2, skipped: 0 } });
    const untilMs = Date.parse(view.waitingUntil ?? '') - w.clock.now();
    expect(untilMs).toBeGreaterThan(0);
    expect(untilMs).toBeLessThanOrEqual(75_000);
    const rowOf = async (phone = '') =>
      (await w.recipients(id)).find((row) => String(row.number).includes(phone));
    expect(await rowOf(first)).toMatchObject({ state: 'pending', reason: 'number_check' });
    w.silent.delete(first ?? '');
    // The other one has been silent for an hour: what is known of it is kept for a week from then on.
    const long = { expiresAt: w.clock.now() + 7 * DAY_MS - 3_600_000 };
    const { key } = numberChecks;
    await w.t.deps.db
      .update(numberChecks)
      .set(long)
      .where(like(key, `%:${second}`));
    await w.clock.advance(80_000);
    expect(w.relayed()).toHaveLength(4);
    expect(await rowOf(first)).toMatchObject({ state: 'sent' });
    expect(await rowOf(second)).toMatchObject({ state: 'skipped', reason: 'no_answer' });
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 4, skipped: 1 } });
  });

  it('asks again about silent numbers when the others have the message, and about 20 of them at a time', async () => {
    const people = contacts(48);
    for (const { phone } of people.slice(0, 45)) w.silent.add(phone);
    const listId = await w.list(people);
    const id = await w.start({ listId, message: 'x', delayBetweenMessages: 60_000 });
    await w.clock.advance(100_000);
    // Their minute is over, and one of the others waits for its turn.
    expect(w.relayed()).toHaveLength(2);
    expect(w.lookedUp.filter((phone) => w.silent.has(phone))).toHaveLength(3 * 45);
    const questions: number[] = [];
    let before = w.lookedUp.length;
    for (let second = 0; second < 90; second++) {
      await w.clock.advance(1_000);
      if (w.lookedUp.length > before) questions.push(w.lookedUp.length - before);
      before = w.lookedUp.length;
    }
    expect(w.relayed()).toHaveLength(3);
    expect(questions.slice(0, 3)).toEqual([20, 20, 5]);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      statistics: { pending: 45, skipped: 0 },
    });
  });
});
