import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { campaigns, whatsappAccounts } from '../../src/db/schema.ts';
import { freezePiece } from '../../src/services/campaigns/freeze.ts';
import { refuseUpdates } from '../helpers/refuse.ts';
import { type CampaignWorld, contacts, openCampaigns } from './campaign-fixture.ts';

let w: CampaignWorld;
beforeEach(async () => {
  w = await openCampaigns();
});
afterEach(() => w.close());

describe('a session that ends', () => {
  it('pauses its campaign, which goes on by itself when the session is back', async () => {
    const id = await w.start({
      listId: await w.list(contacts(6)),
      message: 'x',
      delayBetweenMessages: 5_000,
    });
    await w.clock.advance(12_000);
    const before = w.relayed().length;
    await w.setSession('main', { status: 'logged_out' });
    await w.clock.advance(30_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'paused', reason: 'session_logged_out' });
    expect(w.relayed().length).toBeLessThanOrEqual(before + 1);
    await w.setSession('main', { status: 'connected' });
    await w.clock.advance(60_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', reason: null });
    expect(w.relayed().sort()).toEqual(contacts(6).map(({ phone }) => phone));
  });

  it('pauses its campaigns also where the database refuses the one of another session', async () => {
    await w.session('second', { phoneNumber: '628111000002' });
    const startOn = async (session: string, from: number) => {
      const made = await w.t.call(`/session/${session}/broadcast/send`, {
        method: 'POST',
        token: w.tenant.token,
        body: { listId: await w.list(contacts(6, from)), message: 'x', delayBetweenMessages: 5_000 },
      });
      return String(Object(made.body.data).id);
    };
    const started = [await startOn('main', 0), await startOn('second', 1_000)];
    // Made in the same millisecond, they are in any order; the first is looked at first.
    const [refused = '', other = ''] = started.toSorted();
    const stateOf = async (id: string) => {
      const [row] = await w.t.deps.db.select().from(campaigns).where(eq(campaigns.id, id));
      return [row?.status, row?.reason];
    };
    const paused = ['paused', 'session_logged_out'];
    await w.clock.advance(7_000);
    const allow = await refuseUpdates(w.t.deps.database, 'campaigns', refused);
    for (const session of ['main', 'second']) await w.setSession(session, { status: 'logged_out' });
    await w.clock.advance(30_000);
    expect(await stateOf(other)).toEqual(paused);
    expect(await stateOf(refused)).toEqual(['running', null]);
    await allow();
    await w.clock.advance(30_000);
    expect(await stateOf(refused)).toEqual(paused);
  });

  it('does not resume what a person has paused', async () => {
    const id = await w.start({
      listId: await w.list(contacts(6)),
      message: 'x',
      delayBetweenMessages: 5_000,
    });
    await w.clock.advance(7_000);
    await w.during(w.post(`/campaigns/${id}/pause`));
    await w.setSession('main', { status: 'logged_out' });
    await w.clock.advance(5_000);
    expect((await w.post(`/campaigns/${id}/resume`)).body).toMatchObject({ code: 'NOT_CONNECTED' });
    await w.setSession('main', { status: 'connected' });
    await w.clock.advance(10_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'paused', reason: 'user' });
  });

  it('only holds the campaign while it reconnects', async () => {
    const id = await w.start({
      listId: await w.list(contacts(4)),
      message: 'x',
      delayBetweenMessages: 5_000,
    });
    await w.clock.advance(7_000);
    await w.setSession('main', { status: 'disconnected' });
    await w.clock.advance(10_000);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'session_disconnected' }],
    });
    await w.setSession('main', { status: 'connected' });
    await w.clock.advance(60_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 4 } });
  });

  it('fails the campaign when it is deleted', async () => {
    const failed: string[] = [];
    w.t.deps.stream.subscribe({ userId: w.tenant.id }, ({ event, data }) => {
      if (event === 'campaign.failed') failed.push(String(data.reason));
    });
    await w.start({ listId: await w.list(contacts(6)), message: 'x', delayBetweenMessages: 5_000 });
    await w.post('/schedule', { numbers: ['0812345678'], message: 'x', cron: '* * * * *' });
    await w.clock.advance(7_000);
    await w.t.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.sessionId, 'main'));
    await w.clock.advance(120_000);
    expect(failed).toEqual(['session_deleted', 'session_deleted']);
  });
});

describe('several campaigns', () => {
  it('on two sessions do not slow each other, and a code overtakes both', async () => {
    await w.session('second', { phoneNumber: '628111000002' });
    w.engine.answer = () => w.engine.later(200);
    const first = await w.start({ listId: await w.list(contacts(80)), message: 'one' });
    const made = await w.t.call('/session/second/broadcast/send', {
      method: 'POST',
      token: w.tenant.token,
      body: { listId: await w.list(contacts(80, 1_000)), message: 'two' },
    });
    expect(made.status).toBe(202);
    await w.clock.advance(1_000);
    await w.t.call('/otp/send', {
      method: 'POST',
      token: w.tenant.token,
      body: { session: 'main', to: '+6281377777777' },
    });
    const asked = w.relayed().length;
    await w.clock.advance(30_000);
    const order = w.relayed();
    const code = order.indexOf('6281377777777');
    // Behind nothing but what was being sent when it came.
    expect(code - asked).toBeLessThanOrEqual(16);
    expect(code).toBeLessThan(160);
    const ends = [contacts(80), contacts(80, 1_000)].map((people) => {
      const own = new Set(people.map(({ phone }) => phone));
      return Math.max(...w.engine.relayed.filter(({ to }) => own.has(to.phone ?? '')).map(({ at }) => at));
    });
    expect(Math.abs((ends[0] ?? 0) - (ends[1] ?? 0))).toBeLessThan(2_000);
    expect((await w.campaign(first)).statistics.sent).toBe(80);
  });
});

describe('a restart', () => {
  it('of the feeder in the middle doubles and loses nobody', async () => {
    w.engine.answer = () => w.engine.later(300);
    const id = await w.start({ listId: await w.list(contacts(60)), message: 'x' });
    for (let i = 0; i < 5; i++) {
      await w.clock.advance(400);
      await w.restartFeeder();
    }
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(60);
    expect(new Set(w.relayed()).size).toBe(60);
    expect((await w.campaign(id)).status).toBe('completed');
  });

  it('of the freezing continues where it was, and two at a time double nobody', async () => {
    const people = contacts(4_700);
    const listId = await w.list(people);
    await w.feeder.stop();
    const id = await w.start({ listId, message: 'x' });
    expect(await freezePiece(w.t.deps, id)).toBe(false);
    // One that is much larger would keep others waiting.
    const [begun] = await w.t.deps.db.select().from(campaigns).where(eq(campaigns.id, id));
    expect(begun?.total).toBeLessThanOrEqual(500);
    for (let done = false; !done; ) {
      const results = await Promise.all([freezePiece(w.t.deps, id), freezePiece(w.t.deps, id)]);
      done = results.includes(true);
    }
    expect(await freezePiece(w.t.deps, id)).toBe(true);
    const { statistics, totalContacts } = await w.campaign(id);
    expect([totalContacts, statistics.total, statistics.pending]).toEqual([4_700, 4_700, 4_700]);
    const seen: string[] = [];
    for (let cursor: string | null = '0'; cursor !== null; ) {
      const { body } = await w.call(`/campaigns/${id}/recipients?limit=200&cursor=${cursor}`);
      seen.push(...Object(body.data).map(({ number }: { number: string }) => number));
      cursor = typeof body.nextCursor === 'string' ? body.nextCursor : null;
    }
    expect(seen).toEqual(people.map(({ phone }) => phone));
  });

  it('of the freezing of a list that was deleted meanwhile fails the campaign before anybody is written to', async () => {
    const listId = await w.list(contacts(2_500));
    await w.feeder.stop();
    const id = await w.start({ listId, message: 'x' });
    await freezePiece(w.t.deps, id);
    await w.call(`/lists/${listId}`, { method: 'DELETE' });
    await freezePiece(w.t.deps, id);
    expect(await w.campaign(id)).toMatchObject({ status: 'failed', reason: 'list_deleted' });
    expect(w.relayed()).toEqual([]);
  });
});
