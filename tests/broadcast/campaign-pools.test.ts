import { and, eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { transact } from '../../src/db/ops.ts';
import {
  campaigns,
  firstContacts,
  messageQueue,
  messages,
  sendAttempts,
  waContacts,
  whatsappAccounts,
  workspaces,
} from '../../src/db/schema.ts';
import { record } from '../../src/events/record.ts';
import { lockContacts } from '../../src/queue/first-contacts.ts';
import { openMessageRoom } from '../../src/queue/usage.ts';
import { stepCampaign } from '../../src/services/campaigns/feed.ts';
import { newMemory } from '../../src/services/campaigns/feed-state.ts';
import { noteElsewhere } from '../../src/services/campaigns/pool-facts.ts';
import { moveCampaign } from '../../src/services/campaigns/row.ts';
import { DAY_MS, HOUR_MS } from '../../src/utils/durations.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { describeOn } from '../helpers/on-database.ts';
import { countStatements, type StatementCounter } from '../helpers/statements.ts';
import { makeMember } from '../helpers/tenant.ts';
import { until } from '../helpers/until.ts';
import { type CampaignWorld, contacts, openCampaigns } from './campaign-fixture.ts';

const SESSIONS = ['main', 'two', 'three'];
const LINKED = { phoneNumber: '628111000002' };
let w: CampaignWorld;

async function open(pacing: Parameters<typeof openCampaigns>[0] = {}): Promise<void> {
  w = await openCampaigns(pacing);
  await w.session('two', LINKED);
  await w.session('three', { phoneNumber: '628111000003' });
}
afterEach(() => w.close());

const phonesOf = (people: ReturnType<typeof contacts>) => people.map(({ phone }) => phone);
const idOf = async (sessionId: string) => {
  const mine = and(eq(whatsappAccounts.userId, w.tenant.id), eq(whatsappAccounts.sessionId, sessionId));
  const [row] = await w.t.deps.db.select().from(whatsappAccounts).where(mine);
  return row?.id ?? '';
};
/** Who got something from which session. */
async function bySession(id: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { sessionId, phone } of await w.history(id)) {
    found.set(sessionId, [...(found.get(sessionId) ?? []), phone ?? '']);
  }
  return found;
}
/** The person has written to that session. */
async function befriend(
  sessionId: string,
  phone: string,
  at = w.clock.now(),
  also: Partial<typeof messages.$inferInsert> = {},
): Promise<void> {
  await w.t.deps.db.insert(messages).values({
    id: newId(at),
    userId: w.tenant.id,
    accountId: await idOf(sessionId),
    sessionId,
    messageId: newMessageId(),
    direction: 'in',
    peer: `${phone}@s.whatsapp.net`,
    phone,
    type: 'text',
    content: { type: 'text', text: 'hi' },
    status: 'received',
    createdAt: at,
    updatedAt: at,
    ...also,
  });
}
/** The number has written to so many strangers just now. */
async function spend(sessionId: string, n: number): Promise<void> {
  const accountId = await idOf(sessionId);
  const at = w.clock.now();
  const people = Array.from({ length: n }, (_, i) => `62899000${i}`);
  await w.t.deps.db.insert(firstContacts).values(people.map((person) => ({ accountId, person, at })));
}
/** Stops a feeder that does not pause; how often it was woken. */
function watch(): { wakes: () => number } {
  let wakes = 0;
  w.t.deps.signals.onWake(() => {
    if (++wakes > 200) void w.feeder.stop();
  });
  return { wakes: () => wakes };
}
/** The campaign's messages of that session have failed. */
async function failAll(id: string, sessionId: string, at = w.clock.now()): Promise<void> {
  await w.t.deps.db
    .update(messages)
    .set({ status: 'failed', failedAt: at, errorCode: 'NO_ACK' })
    .where(and(eq(messages.campaignId, id), eq(messages.sessionId, sessionId)));
}
async function change(sessionId: string, columns: Parameters<typeof w.setSession>[1]): Promise<void> {
  await w.setSession(sessionId, columns);
  w.t.deps.signals.wake(await idOf(sessionId), { rowChanged: true });
}
/** Everybody once, and nobody else. */
function expectOnce(people: ReturnType<typeof contacts>): void {
  expect(w.relayed().sort()).toEqual(phonesOf(people).sort());
}

describe('a campaign of several sessions', () => {
  beforeEach(() => open());

  it('is shared out among them, counted for each, and stays with the number that a person knows', async () => {
    const people = contacts(60);
    const [friend = '', other = ''] = phonesOf(people).slice(50);
    await befriend('two', friend);
    await befriend('three', other);
    const id = await w.start({ sessions: SESSIONS, listId: await w.list(people), message: 'x' });
    await w.clock.advance(5_000);
    expectOnce(people);
    const sent = await bySession(id);
    expect([...sent.keys()].sort()).toEqual([...SESSIONS].sort());
    for (const phones of sent.values()) expect(phones.length).toBeGreaterThan(12);
    expect(sent.get('two')).toContain(friend);
    expect(sent.get('three')).toContain(other);
    const view = await w.campaign(id);
    expect(view).toMatchObject({ status: 'completed', statistics: { sent: 60, total: 60 } });
    for (const { sessionId, status, sent: n } of view.senders ?? []) {
      expect(n).toBe(sent.get(sessionId)?.length);
      expect(status).toBe('connected');
    }
    expect(view.senders?.map(({ sessionId }) => sessionId)).toEqual(SESSIONS);
    const told = (await w.recipients(id)).map(({ sessionId, number }) => `${sessionId} ${number}`);
    const kept = [...sent].flatMap(([name, phones]) => phones.map((phone) => `${name} ${phone}`));
    expect(told.sort()).toEqual(kept.sort());
    // A reply to any of its numbers is one, and an older message is none.
    for (const [name, [phone = '']] of sent) await befriend(name, phone, w.clock.now() + 1);
    const report = Object((await w.call(`/campaigns/${id}/report`)).body.data);
    expect(report.funnel).toMatchObject({ sent: 60, replied: 3 });
    // Each of its sessions leads to it.
    for (const session of SESSIONS) {
      const path = `/session/${session}/broadcast`;
      const listed = await w.t.call(`${path}/campaigns`, { token: w.tenant.token });
      expect(listed.body.data).toMatchObject([{ id }]);
      expect((await w.t.call(`${path}/campaigns/${id}`, { token: w.tenant.token })).status).toBe(200);
    }
    const own = sent.get('main')?.length;
    expect((await w.call('/stats')).body.data).toMatchObject({ messages: { sent: own, recipients: own } });
  });

  it('keeps one delay, one cap for each session, and stops, pauses and goes on as a whole', async () => {
    const people = contacts(12);
    const id = await w.start({
      sessions: SESSIONS,
      listId: await w.list(people),
      message: 'x',
      delayBetweenMessages: 2_000,
      dailyCap: 2,
    });
    await w.clock.advance(9_000);
    const times = w.engine.relayed.map(({ at }) => at).sort((a, b) => a - b);
    times.slice(1).forEach((at, i) => {
      expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(2_000);
    });
    await w.during(w.post(`/campaigns/${id}/pause`));
    const before = w.relayed().length;
    await w.clock.advance(20_000);
    expect(w.relayed()).toHaveLength(before);
    await w.during(w.post(`/campaigns/${id}/resume`));
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(6);
    for (const phones of (await bySession(id)).values()) expect(phones).toHaveLength(2);
    expect(await w.campaign(id)).toMatchObject({ status: 'running', waitingFor: [{ reason: 'daily_cap' }] });
    await w.during(w.post(`/campaigns/${id}/stop`));
    expect(await w.campaign(id)).toMatchObject({ status: 'stopped', statistics: { sent: 6, skipped: 6 } });
  });

  it('fails over from its own session, ends with the last, and goes on when one is back', async () => {
    const people = contacts(30);
    const id = await w.start({
      sessions: ['main', 'two'],
      listId: await w.list(people),
      message: 'x',
      delayBetweenMessages: 1_000,
    });
    await w.clock.advance(5_000);
    await w.setSession('main', { status: 'logged_out', paired: false });
    await w.clock.advance(8_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'running' });
    const before = w.relayed().length;
    expect(before).toBeGreaterThan(6);
    await w.setSession('two', { status: 'logged_out', paired: false });
    await w.clock.advance(5_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'paused', reason: 'session_logged_out' });
    expect((await w.post(`/campaigns/${id}/resume`)).body).toMatchObject({ code: 'NOT_CONNECTED' });
    await w.setSession('two', { status: 'connected', paired: true });
    await w.clock.advance(60_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 30 } });
    expectOnce(people);
  });

  it('is made only of sessions that are there and the caller’s, one of them linked', async () => {
    const stranger = await w.t.tenant();
    const at = w.clock.now();
    await w.t.deps.db.insert(whatsappAccounts).values({
      id: newId(),
      userId: stranger.id,
      sessionId: 'theirs',
      status: 'connected',
      pairing: 'qr',
      paired: true,
      createdAt: at,
      updatedAt: at,
    });
    const made = await w.t.call('/pool/create', {
      method: 'POST',
      token: w.tenant.token,
      body: { name: 'shops', sessions: SESSIONS },
    });
    const poolId = Object(made.body.data).id;
    const target = { numbers: ['0812345678'], message: 'x' };
    for (const path of ['/send', '/schedule', '/estimate']) {
      const ask = async (body: object) => (await w.post(path, { ...target, ...body })).body;
      expect(await ask({ sessions: ['main', 'nobody'] })).toMatchObject({ code: 'SESSION_NOT_FOUND' });
      expect(await ask({ sessions: ['main', 'theirs'] })).toMatchObject({ code: 'SESSION_NOT_FOUND' });
      expect(await ask({ pool: 'nothing' })).toMatchObject({ code: 'NOT_FOUND' });
      expect(await ask({ sessions: ['two', 'three'] })).toMatchObject({
        code: 'VALIDATION_FAILED',
        details: { sessions: 'must hold the session of the address, main' },
      });
      expect(await ask({ sessions: SESSIONS, pool: 'shops' })).toMatchObject({ code: 'VALIDATION_FAILED' });
      expect(await ask({ sessions: [] })).toMatchObject({ code: 'VALIDATION_FAILED' });
    }
    const theirs = await w.t.call('/session/theirs/broadcast/send', {
      method: 'POST',
      token: stranger.token,
      body: { ...target, pool: poolId },
    });
    expect(theirs.body.code).toBe('NOT_FOUND');
    // One that is not linked may be among them; when none is, there is nothing to send with.
    await w.setSession('main', { status: 'logged_out', paired: false });
    const estimate = Object((await w.post('/estimate', { ...target, pool: 'shops' })).body.data);
    expect(estimate).toMatchObject({ recipients: 1 });
    for (const name of ['two', 'three']) await w.setSession(name, { status: 'logged_out', paired: false });
    expect((await w.post('/send', { ...target, pool: 'shops' })).body).toMatchObject({
      code: 'NOT_CONNECTED',
    });
  });

  it('takes its sessions along when it is cloned and when it comes again', async () => {
    await w.t.call('/pool/create', {
      method: 'POST',
      token: w.tenant.token,
      body: { name: 'shops', sessions: ['two', 'main'] },
    });
    const body = { pool: 'shops', listId: await w.list(contacts(4)), message: 'x', cron: '* * * * *' };
    const id = String(Object((await w.post('/schedule', body)).body.data).id);
    // A pool that is changed later changes no campaign.
    await w.t.call('/pool/shops', { method: 'PUT', token: w.tenant.token, body: { sessions: ['three'] } });
    await w.clock.advance(65_000);
    const names = (campaign: Awaited<ReturnType<typeof w.campaign>>) =>
      campaign.senders?.map(({ sessionId }) => sessionId);
    const [run] = await w.t.deps.db.select().from(campaigns).where(eq(campaigns.originId, id));
    expect(names(await w.campaign(run?.id ?? ''))).toEqual(['main', 'two']);
    expect((await bySession(run?.id ?? '')).size).toBe(2);
    const cloned = Object((await w.post(`/campaigns/${id}/clone`)).body.data);
    expect(names(await w.campaign(cloned.id))).toEqual(['main', 'two']);
    // One that was deleted is not in a copy.
    await w.during(w.t.call('/session/two', { method: 'DELETE', token: w.tenant.token }));
    const alone = Object((await w.post(`/campaigns/${id}/clone`)).body.data);
    expect(names(await w.campaign(alone.id))).toBeUndefined();
  });

  it('is nothing to a key that is bound to one of its sessions', async () => {
    const id = await w.start({ sessions: SESSIONS, numbers: ['0812345678'], message: 'x' });
    const made = await w.t.call('/auth/api-keys', {
      method: 'POST',
      token: w.tenant.token,
      body: { name: 'bound', scopes: ['*'], sessionId: 'main' },
    });
    const apiKey = String(Object(made.body.data).apiKey ?? Object(made.body.data).key);
    const call = (path: string, body?: object) =>
      w.t.call(`/session/main/broadcast${path}`, {
        apiKey,
        method: body === undefined ? 'GET' : 'POST',
        ...(body === undefined ? {} : { body }),
      });
    expect((await call('/campaigns')).body.data).toEqual([]);
    expect((await call(`/campaigns/${id}`)).status).toBe(404);
    expect((await call(`/campaigns/${id}/stop`, {})).status).toBe(404);
    const target = { numbers: ['0812345678'], message: 'x' };
    expect((await call('/send', { ...target, sessions: ['main', 'two'] })).body.code).toBe(
      'SESSION_NOT_FOUND',
    );
    expect((await call('/send', { ...target, sessions: ['main'] })).status).toBe(202);
  });

  it('counts the outcomes that another process has settled', async () => {
    const people = contacts(3);
    const id = await w.start({ sessions: ['main', 'two'], listId: await w.list(people), message: 'x' });
    await w.clock.advance(2_000);
    const ids = (await w.history(id)).map((row) => row.id);
    const memory = { ...newMemory(), open: new Set([...ids, 'handed-back']) };
    await noteElsewhere(w.t.deps, memory, []);
    expect(memory.outcomes).toEqual(['ok', 'ok', 'ok']);
    expect(memory.open.size).toBe(0);
  });
});

describe('a session of it that cannot send', () => {
  // Ten a minute each: what is queued waits.
  beforeEach(() => open({ perMinute: 10, delayMinMs: 0, delayMaxMs: 0 }));

  /** Each window of a minute is empty again; between them it leaps. */
  async function minutes(n: number): Promise<void> {
    for (let minute = 0; minute < n; minute++) {
      await w.clock.leap(60_000);
      await w.clock.advance(1_500);
    }
  }

  async function startSlow(n: number): Promise<{ id: string; people: ReturnType<typeof contacts> }> {
    const people = contacts(n);
    const id = await w.start({ sessions: SESSIONS, listId: await w.list(people), message: 'x' });
    await w.clock.advance(1_000);
    expect(w.relayed()).toHaveLength(30);
    expect(queuedOf(await w.campaign(id), 'two')).toBeGreaterThan(0);
    return { id, people };
  }
  const queuedOf = ({ senders }: Awaited<ReturnType<typeof w.campaign>>, name: string) =>
    senders?.find(({ sessionId }) => sessionId === name)?.queued;

  it.each([
    { status: 'logged_out', paired: false } as const,
    { status: 'disconnected' } as const,
    { pausedUntil: Date.UTC(2027, 0, 1), pauseReason: 'user' } as const,
  ])('leaves what waits in it to the others: %j', async (columns) => {
    const { id, people } = await startSlow(60);
    await w.setSession('two', columns);
    w.t.deps.signals.wake(await idOf('two'), { rowChanged: true });
    await w.clock.advance(3_000);
    expect(queuedOf(await w.campaign(id), 'two')).toBe(0);
    await minutes(5);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 60 } });
    expectOnce(people);
    expect((await bySession(id)).get('two')).toHaveLength(10);
  });

  it('leaves it to them when it is deleted, its campaign running on without it', async () => {
    const { id, people } = await startSlow(60);
    const deleted = w.t.call('/session/main', { method: 'DELETE', token: w.tenant.token });
    expect((await w.during(deleted)).status).toBe(200);
    await minutes(5);
    const path = `/session/two/broadcast/campaigns/${id}`;
    const view = Object((await w.t.call(path, { token: w.tenant.token })).body.data);
    expect(view).toMatchObject({ status: 'completed', statistics: { sent: 60, skipped: 0, failed: 0 } });
    expect(view.senders[0]).toMatchObject({ sessionId: 'main', status: null, sent: 10 });
    expectOnce(people);
  });

  it('that WhatsApp restricts keeps those who know it, and leaves strangers to the others', async () => {
    const people = contacts(70);
    const friends = phonesOf(people).slice(50);
    for (const phone of friends) await befriend('two', phone);
    const id = await w.start({ sessions: SESSIONS, listId: await w.list(people), message: 'x' });
    await w.clock.advance(1_000);
    const breakerUntil = w.clock.now() + 6 * HOUR_MS;
    await w.setSession('two', { breakerUntil, breakerCode: '463' });
    w.t.deps.signals.wake(await idOf('two'), { rowChanged: true });
    const strangers = (await bySession(id)).get('two')?.filter((phone) => !friends.includes(phone));
    const before = strangers?.filter((phone) => w.relayed().includes(phone));
    await minutes(8);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 70 } });
    expectOnce(people);
    const sent = (await bySession(id)).get('two') ?? [];
    expect(friends.filter((phone) => sent.includes(phone))).toHaveLength(20);
    expect(sent.filter((phone) => !friends.includes(phone)).sort()).toEqual(before?.sort());
  });

  it.each<{ delayBetweenMessages?: number }>([{}, { delayBetweenMessages: 1_000 }])(
    'keeps what it may have sent, beside which the others go on: %j',
    async (pace) => {
      let silent = true;
      w.engine.answer = ({ to }) =>
        silent && to.phone === contacts(1)[0]?.phone
          ? { outcome: 'unknown', reason: 'no acknowledgement in time' }
          : { outcome: 'acknowledged', at: w.clock.now() };
      const people = contacts(20);
      const id = await w.start({ sessions: SESSIONS, listId: await w.list(people), message: 'x', ...pace });
      await w.clock.advance(500);
      const [first] = w.engine.relayed.filter(({ to }) => to.phone === people[0]?.phone);
      const begun = (await w.history(id)).find(({ phone }) => phone === people[0]?.phone);
      expect(first).toBeDefined();
      await w.setSession(begun?.sessionId ?? '', { status: 'logged_out', paired: false });
      await w.dispatcher.remove(begun?.accountId ?? '');
      if (pace.delayBetweenMessages === undefined) await minutes(3);
      else await w.clock.advance(30_000);
      expect(await w.campaign(id)).toMatchObject({
        status: 'running',
        waitingFor: [{ reason: 'session_logged_out' }],
        statistics: { sent: 19, queued: 1 },
      });
      const again = (await w.history(id)).filter(({ phone }) => phone === people[0]?.phone);
      expect(again).toMatchObject([{ sessionId: begun?.sessionId, messageId: begun?.messageId }]);
      silent = false;
      await w.setSession(begun?.sessionId ?? '', { status: 'connected', paired: true });
      const owner = w.t.deps.commands.processId;
      const { accountId = '', sessionId = '' } = begun ?? {};
      await w.dispatcher.add({ id: accountId, userId: w.tenant.id, sessionId, owner, fence: 1 });
      await minutes(2);
      expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 20 } });
    },
  );
});

describe('first contacts', () => {
  const LIMIT = 20;
  /** The most people that a number wrote to as strangers in any 24 hours; whoever has got a message is none any more. */
  function mostInADay(accountId: string): { most: number; people: number } {
    const known = new Set<string>();
    const firsts = w.engine.relayed.flatMap(({ to, at, ...send }) => {
      if (send.accountId !== accountId || known.has(to.jid)) return [];
      known.add(to.jid);
      return [at];
    });
    const within = firsts.map((at) => firsts.filter((one) => one > at - DAY_MS && one <= at).length);
    return { most: Math.max(...within), people: firsts.length };
  }

  it('are those of each number, exactly, over campaigns, plain sends, restarts and days, and the others wait', async () => {
    await open({ newContactsPerDay: LIMIT });
    const people = contacts(70);
    const id = await w.start({ sessions: ['main', 'two'], listId: await w.list(people), message: 'x' });
    await w.clock.advance(5_000);
    expect(w.relayed()).toHaveLength(2 * LIMIT);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'new_contacts' }],
    });
    expect((await w.recipients(id)).filter(({ reason }) => reason === 'new_contacts')).toHaveLength(30);
    for (let day = 0; day < 2; day++) {
      for (let n = 0; n < 8; n++) {
        const body = { sessions: ['main', 'two'], to: `62819${day}00000${n}`, text: 'x' };
        const call = { method: 'POST', token: w.tenant.token, body };
        expect((await w.t.call('/message/send-text', call)).status).toBe(202);
      }
      await w.restartFeeder();
      await w.clock.leap(DAY_MS + HOUR_MS / 4);
      await w.clock.advance(30_000);
      await w.restartFeeder();
      await w.clock.leap(HOUR_MS / 4);
      await w.clock.advance(30_000);
    }
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 70 } });
    for (const name of ['main', 'two']) {
      const { most, people: all } = mostInADay(await idOf(name));
      expect(most).toBe(LIMIT);
      expect(all).toBeGreaterThan(2 * LIMIT - 1);
    }
    expect(w.relayed()).toHaveLength(86);
    expect(new Set(w.relayed()).size).toBe(86);
  });
});

describe('first contacts of two campaigns', () => {
  /** Steps of both, which look numbers up in the same moment: each has judged its people before the other one queues any. */
  async function stepTogether(ids: readonly string[]): Promise<void> {
    await w.feeder.stop();
    const { deps } = w.t;
    const { commands } = deps;
    let [there, open] = [0, () => {}];
    const all = new Promise<void>((resolve) => (open = resolve));
    const run: typeof commands.run = async (...asked) => {
      if (++there === ids.length) open();
      await all;
      return commands.run(...asked);
    };
    const line = async (id: string) => {
      const options = { processId: commands.processId, memory: newMemory(), random: () => 0.5 };
      for (let n = 0; n < 8; n++)
        await stepCampaign({ ...deps, commands: { ...commands, run } }, id, options);
    };
    await Promise.all(ids.map(line));
    expect(there).toBeGreaterThanOrEqual(ids.length);
  }

  it.each([[['main']], [['main', 'two']]])(
    'that step in the same moment are no more than there are, in %j',
    async (sessions) => {
      const limit = 3;
      await open({ newContactsPerDay: limit });
      const room = limit * sessions.length;
      const ids = [];
      for (const from of [0, 100]) {
        const listId = await w.list(contacts(room, from));
        ids.push(await w.start({ sessions, listId, message: 'x' }));
      }
      await stepTogether(ids);
      const queued = (await Promise.all(ids.map((id) => w.history(id)))).flat();
      expect(queued).toHaveLength(room);
      for (const sessionId of sessions) {
        expect(queued.filter((row) => row.sessionId === sessionId)).toHaveLength(limit);
      }
      const people = (await Promise.all(ids.map((id) => w.recipients(id)))).flat();
      expect(people.filter(({ reason }) => reason === 'new_contacts')).toHaveLength(room);
      await w.restartFeeder();
      await w.clock.advance(5_000);
      expect(w.relayed()).toHaveLength(room);
    },
  );
});

// On SQLite nobody has a row that another one needs: it has one writer.
describeOn('mysql', 'a campaign that is fed beside others', () => {
  let counter: StatementCounter;
  beforeEach(async () => {
    await open({ newContactsPerDay: 5 });
    counter = countStatements();
  });
  afterEach(() => counter.stop());

  /** Something that happens when `begin` is called, outside of the transaction that calls it. */
  function later<R>(work: () => Promise<R>): { begin: () => void; done: Promise<R> } {
    let begin = () => {};
    const done = new Promise<void>((resolve) => (begin = resolve)).then(work);
    return { begin: () => begin(), done };
  }

  /** A campaign whose next step queues people, who are strangers to a session that counts these. */
  async function aboutToBeFed() {
    await w.feeder.stop();
    const id = await w.start({ listId: await w.list(contacts(10)), message: 'x' });
    const { deps } = w.t;
    const options = { processId: deps.commands.processId, memory: newMemory(), random: () => 0.5 };
    const isReady = async () => {
      const [row] = await deps.db.select().from(campaigns).where(eq(campaigns.id, id));
      return row?.frozenAt !== null && options.memory.restoredFor === row?.resumedAt;
    };
    for (let n = 0; n < 10 && !(await isReady()); n++) await stepCampaign(deps, id, options);
    expect(await isReady()).toBe(true);
    expect(await w.history(id)).toHaveLength(0);
    counter.take();
    return { id, ...later(() => stepCampaign(deps, id, options)) };
  }

  /** Resolves when so many statements like this one were begun; what was rolled back until then. */
  async function begun(text: RegExp, most: number): Promise<void> {
    let seen = 0;
    const look = () => {
      const { texts } = counter.take();
      for (const [one, n] of texts) {
        expect(one).not.toMatch(/^rollback$/i);
        if (text.test(one)) seen += n;
      }
      return seen >= most;
    };
    await until(look, 5_000, `${most} statements like ${text}`);
  }

  const noteOf = (tx: Tx, accountId: string) =>
    record(tx, w.t.deps, [
      { userId: w.tenant.id, event: 'message.queued', session: { id: accountId, sessionId: 'main' } },
    ]);

  it('has no row of the session while it waits for a code of a workspace with limits', async () => {
    const { deps } = w.t;
    const accountId = await idOf('main');
    const mine = eq(workspaces.id, w.tenant.id);
    await deps.db
      .update(workspaces)
      .set({ limits: { messagesPerDay: 100 } })
      .where(mine);
    deps.allowances.forget();
    const { id, begin, done } = await aboutToBeFed();
    await transact(deps.database, async (tx) => {
      // As a code: what is used first, the event of the session last.
      const code = { userId: w.tenant.id, sessionId: 'main', type: 'otp' };
      await openMessageRoom(tx, deps, [code], w.clock.now());
      begin();
      await begun(/into .usage_counts/, 2);
      await noteOf(tx, accountId);
    });
    await done;
    expect(await w.history(id)).toHaveLength(5);
    expect([...counter.take().texts.keys()]).not.toContain('rollback');
  });

  it('has no row of the session while it waits for a pause, and is paused then', async () => {
    const { deps } = w.t;
    const { id, begin, done } = await aboutToBeFed();
    await moveCampaign(deps, id, {
      from: ['running'],
      changes: { status: 'paused', pausedAt: w.clock.now() },
      event: 'campaign.paused',
      also: async () => {
        begin();
        await begun(/^update .campaigns/, 2);
      },
    });
    await done;
    expect(await w.history(id)).toHaveLength(0);
    expect(await w.campaign(id)).toMatchObject({ status: 'paused' });
    expect([...counter.take().texts.keys()]).not.toContain('rollback');
  });

  it('keeps neither codes nor events of its session waiting while it counts first contacts', async () => {
    const { deps } = w.t;
    const accountId = await idOf('main');
    const body = { session: 'main', to: '+6281299990001' };
    const code = later(() => w.t.call('/otp/send', { method: 'POST', token: w.tenant.token, body }));
    const event = later(() => transact(deps.database, (tx) => noteOf(tx, accountId)));
    await transact(deps.database, async (tx) => {
      await lockContacts(tx, accountId);
      for (const { begin } of [code, event]) begin();
      expect((await code.done).status).toBe(202);
      await event.done;
    });
  }, 8_000);
});

describe('first contacts that are spent', () => {
  beforeEach(() => open({ newContactsPerDay: 2 }));
  const start = (people: ReturnType<typeof contacts>, also: object = {}) =>
    w.list(people).then((listId) => w.start({ sessions: ['main', 'two'], listId, message: 'x', ...also }));

  it('stay spent for somebody for whom another message waits there, without a step after step', async () => {
    const people = contacts(1);
    await spend('main', 2);
    await befriend('main', people[0]?.phone ?? '', w.clock.now(), { direction: 'out', status: 'queued' });
    await w.setSession('two', { status: 'disconnected' });
    const { wakes } = watch();
    const id = await start(people);
    await w.clock.advance(5_000);
    expect(wakes()).toBeLessThan(20);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'new_contacts' }],
    });
  });

  it('are none for whoever knows a number under a LID that only this one has seen', async () => {
    const people = contacts(1);
    const phone = people[0]?.phone ?? '';
    await spend('main', 2);
    await spend('two', 2);
    const at = w.clock.now();
    await w.t.deps.db
      .insert(waContacts)
      .values({ accountId: await idOf('two'), lid: '9900', phone, updatedAt: at });
    await befriend('two', phone, at, { peer: '9900@lid', phone: null, lid: '9900' });
    const { wakes } = watch();
    const id = await start(people, { checkNumbers: false });
    await w.clock.advance(5_000);
    expect(wakes()).toBeLessThan(20);
    expect((await bySession(id)).get('two')).toEqual([phone]);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 1 } });
  });

  it('are waited for until there are some, or until a number that was away is back', async () => {
    await w.setSession('two', { status: 'disconnected' });
    const id = await start(contacts(10));
    await w.clock.advance(5_000);
    expect(w.relayed()).toHaveLength(2);
    const waiting = await w.recipients(id);
    expect(waiting.filter(({ reason }) => reason === 'new_contacts')).toHaveLength(8);
    // First it is not known whether those who are on their way take the whole room.
    await w.clock.leap(11 * 60_000);
    await w.clock.advance(2_000);
    const until = Date.parse((await w.campaign(id)).waitingUntil ?? '');
    expect(until - w.clock.now()).toBeGreaterThan(20 * HOUR_MS);
    await change('two', { status: 'connected' });
    await w.clock.advance(61_000);
    expect((await bySession(id)).get('two')).toHaveLength(2);
    expect(w.relayed()).toHaveLength(4);
  });
});

describe('what is tried again', () => {
  beforeEach(() => open());
  const waitingIn = async (sessionId: string) =>
    (
      await w.t.deps.db
        .select()
        .from(messageQueue)
        .where(eq(messageQueue.accountId, await idOf(sessionId)))
    ).length;

  it('waits for its number while that is away, beside which the others go on', async () => {
    const people = contacts(60);
    const id = await w.start({ sessions: ['main', 'two'], listId: await w.list(people), message: 'x' });
    await w.clock.advance(3_000);
    for (const name of ['main', 'two']) await failAll(id, name);
    const failed = await bySession(id);
    await change('two', { status: 'disconnected' });
    await w.during(w.post(`/campaigns/${id}/retry-failed`));
    await w.clock.advance(5_000);
    expect(await waitingIn('two')).toBe(0);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'session_disconnected' }],
      statistics: { sent: failed.get('main')?.length, failed: failed.get('two')?.length },
    });
    await change('two', { status: 'connected' });
    await w.clock.advance(5_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 60 } });
    expect(w.relayed()).toHaveLength(120);
  });

  it('keeps the cap of each number', async () => {
    const body = { sessions: ['main', 'two'], listId: await w.list(contacts(12)), message: 'x', dailyCap: 7 };
    const id = await w.start(body);
    await w.clock.advance(3_000);
    await failAll(id, 'main');
    // One more spends the day of that number.
    const accountId = await idOf('main');
    const spent = { id: newId(), accountId, recipient: 'x', priority: 2, at: w.clock.now() };
    await w.t.deps.db.insert(sendAttempts).values(spent);
    await w.restartFeeder();
    await w.during(w.post(`/campaigns/${id}/retry-failed`));
    await w.clock.advance(5_000);
    expect(w.relayed()).toHaveLength(12);
    expect(await w.campaign(id)).toMatchObject({ status: 'running', waitingFor: [{ reason: 'daily_cap' }] });
  });

  it('comes back whole after a pause, however much that was', async () => {
    const people = contacts(230);
    const id = await w.start({ sessions: ['main', 'two'], listId: await w.list(people), message: 'x' });
    await w.clock.advance(5_000);
    const mine = eq(messages.campaignId, id);
    await w.t.deps.db.update(messages).set({ status: 'queued' }).where(mine);
    const paused = { status: 'paused', reason: 'user', finishedAt: null } as const;
    await w.t.deps.db.update(campaigns).set(paused).where(eq(campaigns.id, id));
    await w.during(w.post(`/campaigns/${id}/resume`));
    await w.clock.advance(5_000);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 230, queued: 0 } });
    expect(w.relayed()).toHaveLength(460);
  });
});

describe('several sessions', () => {
  beforeEach(() => open());

  it('of which one is away wait for the day after when the cap of the others is spent', async () => {
    await w.setSession('two', { status: 'disconnected' });
    const listId = await w.list(contacts(10));
    const id = await w.start({ sessions: ['main', 'two'], listId, message: 'x', dailyCap: 2 });
    await w.clock.advance(5_000);
    expect(w.relayed()).toHaveLength(2);
    expect(await w.campaign(id)).toMatchObject({ status: 'running', waitingFor: [{ reason: 'daily_cap' }] });
    expect((await w.recipients(id)).filter(({ reason }) => reason !== null)).toEqual([]);
  });

  it('are looked up by another one when one does not answer', async () => {
    const asked: string[] = [];
    const { commands } = w.t.deps;
    const main = await idOf('main');
    const run = commands.run.bind(commands);
    commands.run = ((accountId: string, ...rest: never[]) => {
      asked.push(accountId);
      if (accountId === main) return Promise.reject(new AppError('UNAVAILABLE', 'no answer'));
      return Reflect.apply(run, commands, [accountId, ...rest]);
    }) as typeof commands.run;
    const id = await w.start({ sessions: ['main', 'two'], listId: await w.list(contacts(4)), message: 'x' });
    await w.clock.advance(20_000);
    expect(asked[0]).toBe(main);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 4 } });
  });

  it('are shown to a member of all of them, who stops the campaign, and to no member of a part', async () => {
    const body = { listId: await w.list(contacts(4)), message: 'x', delayBetweenMessages: 60_000 };
    const id = await w.start({ ...body, sessions: ['main', 'two'] });
    const member = (sessions: string[]) => makeMember(w.t.deps, w.tenant.id, 'admin', { sessions });
    const both = await member(['main', 'two']);
    const part = await member(['main', 'three']);
    const get = (path: string, token: string) => w.t.call(`/session/main/broadcast${path}`, { token });
    expect((await get('/campaigns', both.token)).body.data).toMatchObject([{ id }]);
    expect((await get('/campaigns', part.token)).body.data).toEqual([]);
    expect((await get(`/campaigns/${id}`, part.token)).status).toBe(404);
    expect((await get(`/campaigns/${id}`, both.token)).status).toBe(200);
    const stop = (token: string) =>
      w.during(w.t.call(`/session/two/broadcast/campaigns/${id}/stop`, { method: 'POST', token, body: {} }));
    expect((await stop(part.token)).status).toBe(404);
    expect((await stop(both.token)).body.data).toMatchObject({ status: 'stopped' });
  });

  it('write to one list once at a time, in whichever campaigns they are', async () => {
    const body = { listId: await w.list(contacts(4)), message: 'x', delayBetweenMessages: 60_000 };
    const send = (session: string, sessions?: string[]) =>
      w.t.call(`/session/${session}/broadcast/send`, {
        method: 'POST',
        token: w.tenant.token,
        body: { ...body, ...(sessions ? { sessions } : {}) },
      });
    const both = [send('main', ['main', 'two']), send('two', ['two', 'main'])];
    const answers = await w.during(Promise.all(both));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    const id = Object(answers.find(({ status }) => status === 202)?.body.data).id;
    const refused = await w.during(send('two'));
    expect(refused.body).toMatchObject({ code: 'BROADCAST_IN_PROGRESS', details: { campaignId: id } });
    expect((await w.during(send('three'))).status).toBe(202);
    expect((await w.during(send('main', ['main', 'three']))).body.code).toBe('BROADCAST_IN_PROGRESS');
  });

  it('take what never left from one that is over, and in the end give up what may have', async () => {
    const people = contacts(4);
    const [first, second] = phonesOf(people);
    let isCut = true;
    w.engine.answer = ({ to }) => {
      if (isCut && to.phone === first) return { outcome: 'postponed', reason: 'nothing has left' };
      return to.phone === second
        ? { outcome: 'unknown', reason: 'no acknowledgement in time' }
        : { outcome: 'acknowledged', at: w.clock.now() };
    };
    await w.setSession('two', { status: 'disconnected' });
    const id = await w.start({ sessions: ['main', 'two'], listId: await w.list(people), message: 'x' });
    await w.clock.advance(500);
    await w.dispatcher.remove(await idOf('main'));
    isCut = false;
    await change('main', { status: 'logged_out', paired: false });
    await change('two', { status: 'connected' });
    await w.clock.advance(3_000);
    expect((await bySession(id)).get('two')).toContain(first);
    expect(await w.campaign(id)).toMatchObject({
      status: 'running',
      waitingFor: [{ reason: 'session_logged_out' }],
    });
    await w.clock.leap(6 * HOUR_MS);
    await w.clock.advance(2_000);
    const view = await w.campaign(id);
    expect(view).toMatchObject({ status: 'completed', statistics: { sent: 3, failed: 1, queued: 0 } });
  });
});
