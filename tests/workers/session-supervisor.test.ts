import { and, asc, eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  activityLogs,
  messageQueue,
  messages,
  waPeople,
  whatsappAccounts,
  workspaces,
} from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import type { CallNews } from '../../src/whatsapp/engine.ts';
import { eventually, openWorld, type Process, untilOpens, untilStatus, type World } from './session-world.ts';

const PHONE = '6281234567890';
const QR = 'https://wa.me/settings/linked_devices#secret-of-the-pairing';

let world: World;
let p: Process;
let userId: number;

beforeEach(async () => {
  world = await openWorld();
  p = world.process();
  userId = await world.user();
});
afterEach(() => world.close());

/** A linked session that is connected. */
async function connected(more: Parameters<World['account']>[1] = {}, phone = PHONE): Promise<string> {
  const id = await world.account(userId, more);
  await p.supervisor.start();
  await untilOpens(p, 1);
  p.engine.connect(id, phone);
  await untilStatus(world, id, 'connected');
  await eventually(() => p.log.sending.has(id));
  return id;
}

/** A new session that shows its QR. */
async function pairing(more: Parameters<World['account']>[1] = {}): Promise<string> {
  const id = await world.account(userId, { status: 'connecting', paired: false, ...more });
  await p.supervisor.start();
  await untilOpens(p, 1);
  p.engine.emit(id, { type: 'qr', qr: QR, expiresAt: world.clock.now() + 60_000 });
  await untilStatus(world, id, 'qr');
  return id;
}

describe('what WhatsApp tells by itself', () => {
  const person = { jid: '1@lid', phone: null, lid: '1' };
  const account = async (id: string) => ({ ...(await world.row(id)), owner: '', fence: 1 });
  const call = { callId: 'A', by: person, video: false, group: false, missed: false };

  /** Facts of a session in their order. */
  async function told(id: string) {
    const rows = await world.db
      .select()
      .from(activityLogs)
      .where(and(eq(activityLogs.accountId, id), eq(activityLogs.action, 'session_event')))
      .orderBy(asc(activityLogs.seq));
    return rows.filter(({ event }) => !event.startsWith('session.'));
  }

  it('is kept in its order, and refused when the process ends, so that it is told again', async () => {
    const id = await connected();
    const of = await account(id);
    const at = world.clock.now();
    const storeSubject = (subject: string) => {
      const news = { kind: 'updated', group: '1203@g.us', by: null, at, changes: { subject } } as const;
      return p.supervisor.storeGroupNotice(of, { id: subject, news: [news] });
    };
    // Of presence nothing is kept while no webhook wants it.
    p.engine.emit(id, { type: 'presence', person, state: 'online', lastSeenAt: null, at });
    await Promise.all([storeSubject('a'), storeSubject('b'), p.supervisor.storeCall(of, { ...call, at })]);
    await p.supervisor.stop();
    await expect(storeSubject('c')).rejects.toThrow('the process ends');
    const facts = await told(id);
    expect(facts.map(({ event }) => event)).toEqual(['group.updated', 'group.updated', 'call.received']);
    expect(facts.slice(0, 2).map(({ data }) => data.changes)).toEqual([{ subject: 'a' }, { subject: 'b' }]);
  });

  it('is confirmed also when it can never be kept, and not while the database is away', async () => {
    const of = await account(await connected());
    await p.supervisor.storeCall(of, { ...call, at: Number.NaN });
    expect(p.log.warnings).toContain('what WhatsApp told cannot be kept and is given up');
    p.plug.pulled = true;
    await expect(p.supervisor.storeCall(of, { ...call, at: 0 })).rejects.toThrow();
    p.plug.pulled = false;
    await p.supervisor.storeCall(of, { ...call, callId: 'B', at: 0 });
    expect((await told(of.id)).map(({ subject }) => subject)).toEqual(['B']);
  });
});

describe('the text after a rejected call', () => {
  const caller = { jid: '6281300000001@s.whatsapp.net', phone: '6281300000001', lid: null };
  const call = { callId: 'A', by: caller, video: false, group: false, missed: false };
  const set = { rejectCalls: true, callText: 'Silakan tulis pesan.' };

  /** WhatsApp tells of a call: it is stored, and then it rings. */
  async function ring(id: string, news: Partial<CallNews> = {}) {
    const { sessionId, owner, fence } = await world.row(id);
    const account = { id, userId, sessionId, owner: owner ?? '', fence };
    const whole = { ...call, at: world.clock.now(), ...news };
    await p.supervisor.storeCall(account, whole);
    p.engine.emit(id, { type: 'call', ...whole });
  }
  const queued = async () => (await world.db.select().from(messages)).filter((row) => row.type === 'text');
  const told = async () =>
    (await world.db.select().from(activityLogs)).filter(({ event }) => event === 'call.received').length;

  it('is queued with the call and once, so that a crash before it rings loses none and doubles none', async () => {
    const id = await connected(set);
    const { sessionId, owner, fence } = await world.row(id);
    const account = { id, userId, sessionId, owner: owner ?? '', fence };
    const news = { ...call, at: world.clock.now() };
    // The process ends before the call rings; WhatsApp, to whom nothing was confirmed, tells it again.
    await p.supervisor.storeCall(account, news);
    await p.supervisor.storeCall(account, news);
    expect(await told()).toBe(1);
    expect(await queued()).toMatchObject([
      {
        ...{ peer: caller.jid, phone: caller.phone, status: 'queued', content: { text: set.callText } },
        expiresAt: world.clock.now() + 3_600_000,
      },
    ]);
    expect(await world.db.select().from(messageQueue)).toHaveLength(1);
  });

  it('is not queued, nor is the call rejected, while the workspace is suspended', async () => {
    const asked: string[] = [];
    p.engine.ask = async (_account, name) => {
      asked.push(name);
      throw new Error('not answered here');
    };
    const id = await connected(set);
    const suspend = async (suspendedAt: number | null) => {
      await world.db.update(whatsappAccounts).set({ suspendedAt }).where(eq(whatsappAccounts.id, id));
      await p.commands.run(id, 'follow_settings', {}, 5_000);
    };
    await suspend(world.clock.now());
    await ring(id);
    await world.idle();
    expect([asked, await queued()]).toEqual([[], []]);
    await suspend(null);
    await ring(id, { callId: 'B' });
    await eventually(() => asked.length === 1);
    expect(await queued()).toHaveLength(1);
  });

  it('goes to the same caller once an hour, and to nobody who calls a group or while the session was away', async () => {
    const id = await connected(set);
    await ring(id);
    await ring(id, { callId: 'B' });
    await ring(id, { callId: 'C', group: true });
    await ring(id, { callId: 'D', missed: true, by: { ...caller, jid: '6281300000002@s.whatsapp.net' } });
    expect([await told(), (await queued()).length]).toEqual([4, 1]);
  });

  it('is not queued where the queue of the tenant is full, and the call is rejected', async () => {
    p = world.process({ queueQuota: 0 });
    const rejected: string[] = [];
    p.engine.ask = async (_account, name) => {
      rejected.push(name);
      return Object({});
    };
    const id = await connected(set);
    await ring(id);
    await eventually(() => rejected.length > 0);
    expect(rejected).toEqual(['call.reject']);
    expect([await told(), (await queued()).length]).toEqual([1, 0]);
    expect(p.log.warnings).toEqual(['the text after a call could not be queued']);
  });

  it('does not wait for the database with the rejection: what its session wants is known', async () => {
    const rejected: string[] = [];
    p.engine.ask = async (_account, name) => {
      rejected.push(name);
      return Object({});
    };
    const id = await connected(set);
    p.plug.pulled = true;
    p.engine.emit(id, { type: 'call', ...call, at: world.clock.now() });
    await eventually(() => rejected.length > 0);
    p.plug.pulled = false;
    await world.db.update(whatsappAccounts).set({ rejectCalls: false }).where(eq(whatsappAccounts.id, id));
    await p.commands.run(id, 'follow_settings', {}, 5_000);
    p.engine.emit(id, { type: 'call', ...call, at: world.clock.now() });
    await world.idle();
    expect(rejected).toEqual(['call.reject']);
  });
});

describe('a session that marks what comes in as read by itself', () => {
  const read: string[] = [];

  /** As the store keeps it; `type` is another one until it can be opened. */
  async function keep(id: string, messageId: string, type = 'text') {
    const at = world.clock.now();
    const { sessionId } = await world.row(id);
    await world.db.insert(messages).values({
      ...{ id: newId(at), userId, accountId: id, sessionId, messageId, direction: 'in', type },
      ...{ peer: '628111@s.whatsapp.net', status: 'received', createdAt: at, updatedAt: at },
      content: { type, text: 'halo' },
    });
  }

  async function store(id: string, messageId: string) {
    const { sessionId, owner, fence } = await world.row(id);
    const account = { id, userId, sessionId, owner: owner ?? '', fence };
    const content = { type: 'text', text: 'halo' } as const;
    const chat = {
      chat: '628111@s.whatsapp.net',
      participant: null,
      author: null,
      phone: '628111',
      lid: null,
    };
    const message = { ...chat, messageId, content, pushName: null, media: null, at: world.clock.now() };
    p.supervisor.onStored(account, message);
    await world.clock.advance(1_000);
  }

  beforeEach(() => {
    read.length = 0;
    p.engine.markRead = async (_account, keys) => {
      read.push(...keys.map(({ messageId }) => messageId));
    };
  });

  it('marks one that could be opened later than others came', async () => {
    const id = await connected({ autoReadFrom: world.clock.now() });
    await keep(id, 'LATE', 'undecryptable');
    await world.clock.advance(600_000);
    await keep(id, 'NEW');
    await store(id, 'NEW');
    await eventually(() => read.includes('NEW'));
    const late = eq(messages.messageId, 'LATE');
    await world.db.update(messages).set({ type: 'text' }).where(late);
    await store(id, 'LATE');
    await eventually(async () => (await world.db.select().from(messages).where(late))[0]?.readAt !== null);
    expect(read).toEqual(['NEW', 'LATE']);
  });

  it('marks nothing while its workspace is suspended, and what came meanwhile when that is over', async () => {
    const id = await connected({ autoReadFrom: world.clock.now() });
    const suspend = async (suspendedAt: number | null) => {
      await world.db.update(whatsappAccounts).set({ suspendedAt }).where(eq(whatsappAccounts.id, id));
      await world.clock.advance(60_000);
    };
    await suspend(world.clock.now());
    await keep(id, 'MEANWHILE');
    await store(id, 'MEANWHILE');
    await world.idle();
    expect(read).toEqual([]);
    await suspend(null);
    await eventually(() => read.length === 1);
    expect(read).toEqual(['MEANWHILE']);
  });

  /** A session with a message, A, that cannot be marked until it is healed; the pauses between the tries. */
  async function withUnmarked() {
    const id = await connected({ autoReadFrom: world.clock.now() });
    const { markRead } = p.engine;
    const triedAt: number[] = [];
    p.engine.markRead = async () => {
      triedAt.push(world.clock.now());
      throw new Error('away');
    };
    await keep(id, 'A');
    await store(id, 'A');
    const gaps = () => triedAt.slice(1).map((at, i) => at - (triedAt[i] ?? at));
    const heal = () => {
      p.engine.markRead = markRead;
    };
    return { id, gaps, heal };
  }

  it('marks by itself what could not be marked, later and later', async () => {
    const { gaps, heal } = await withUnmarked();
    for (let n = 0; n < 60; n++) await world.clock.advance(1_000);
    expect(gaps().length).toBeGreaterThanOrEqual(4);
    expect(gaps().length).toBeLessThanOrEqual(6);
    expect(gaps()[0]).toBeLessThanOrEqual(2_000);
    expect(gaps()[3]).toBeGreaterThanOrEqual(8_000);
    heal();
    await world.clock.advance(64_000);
    await eventually(() => read.length === 1);
    expect(read).toEqual(['A']);
  });

  it('marks within 30 s of the end of an outage, however long that was', async () => {
    const { id, gaps, heal } = await withUnmarked();
    for (let n = 0; n < 120; n++) await world.clock.advance(5_000);
    expect(Math.max(...gaps())).toBeLessThanOrEqual(35_000);
    heal();
    await keep(id, 'B');
    await store(id, 'B');
    await world.clock.advance(29_000);
    await eventually(() => read.length === 2);
    expect(read).toEqual(['A', 'B']);
  });

  it('marks at once what could not be marked when the session is connected again', async () => {
    const id = await connected({ autoReadFrom: world.clock.now() });
    const { markRead } = p.engine;
    p.engine.markRead = async () => Promise.reject(new Error('away'));
    await keep(id, 'A');
    await store(id, 'A');
    for (let n = 0; n < 60; n++) await world.clock.advance(1_000);
    p.engine.markRead = markRead;
    p.engine.connect(id, PHONE);
    await world.clock.advance(300);
    await eventually(() => read.length === 1);
    expect(read).toEqual(['A']);
  });

  it('marks what could not be marked with the next one', async () => {
    const id = await connected({ autoReadFrom: world.clock.now() });
    const { markRead } = p.engine;
    p.engine.markRead = async () => Promise.reject(new Error('away'));
    for (const messageId of ['A', 'B']) {
      await keep(id, messageId);
      await store(id, messageId);
    }
    await world.idle();
    p.engine.markRead = markRead;
    await keep(id, 'C');
    await store(id, 'C');
    await world.clock.advance(10_000);
    await eventually(() => read.length === 3);
    expect(read).toEqual(['A', 'B', 'C']);
  });
});

describe('linking a phone', () => {
  it('shows the QR on the row only, links, restarts at once and connects', async () => {
    const id = await pairing();
    expect(await world.row(id)).toMatchObject({ qr: QR, qrExpiresAt: world.clock.now() + 60_000 });
    const logs = await world.db.select().from(activityLogs).where(eq(activityLogs.accountId, id));
    expect(logs.map((row) => row.event)).toContain('session.qr');
    expect(JSON.stringify(logs)).not.toContain('secret-of-the-pairing');

    const identity = { phone: PHONE, lid: '123', name: 'Shop', platform: 'android' };
    p.engine.emit(id, { type: 'paired', ...identity });
    p.engine.end(id, 'restart_required');
    await untilOpens(p, 2);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
    expect(await world.row(id)).toMatchObject({
      paired: true,
      phoneNumber: PHONE,
      activePhone: PHONE,
      name: 'Shop',
      deviceInfo: { platform: 'android' },
      connectedAt: world.clock.now(),
      qr: null,
      qrExpiresAt: null,
      // Its settings are followed from their beginning.
      appStateVersions: {},
    });
    expect(await world.history(id)).toEqual(['qr', 'connecting', 'connected']);
    await eventually(() => p.log.sending.has(id));
  });

  it('asks for a code when the session is to be linked by one', async () => {
    const id = await world.account(userId, {
      status: 'connecting',
      paired: false,
      pairing: 'code',
      expectedPhone: PHONE,
    });
    await p.supervisor.start();
    await untilOpens(p, 1);
    expect(p.engine.opens[0]?.pairing).toEqual({ mode: 'code', phone: PHONE });
    p.engine.emit(id, { type: 'pairing_code', code: 'ABCD1234', expiresAt: world.clock.now() + 60_000 });
    await untilStatus(world, id, 'qr');
    expect((await world.row(id)).pairingCode).toBe('ABCD1234');
  });

  it('stops when nobody scans, and begins again when asked', async () => {
    const id = await pairing();
    p.engine.end(id, 'pairing_expired');
    await untilStatus(world, id, 'disconnected', 'pairing_expired');
    expect((await world.row(id)).qr).toBeNull();
    await world.clock.advance(400_000);
    expect(p.engine.opens).toHaveLength(1);
    await p.commands.run(id, 'open', {}, 5_000);
    expect(p.engine.opens).toHaveLength(2);
    expect((await world.row(id)).status).toBe('connecting');
    expect(p.log.erased).toEqual([]);
  });

  it('ends a pairing whose next QR never comes', async () => {
    const id = await pairing();
    await world.clock.advance(60_000 + 20_001);
    await untilStatus(world, id, 'disconnected', 'pairing_expired');
    expect(p.engine.sockets.size).toBe(0);
  });

  it('gives up after a few failed sockets', async () => {
    const id = await world.account(userId, { status: 'connecting', paired: false });
    p.engine.onOpen = (accountId) => setImmediate(() => p.engine.end(accountId, 'connection_lost'));
    await p.supervisor.start();
    await eventually(async () => {
      await world.clock.advance(1_000);
      return p.engine.opens.length === 6;
    });
    await world.idle();
    await world.clock.advance(700_000);
    expect(p.engine.opens).toHaveLength(6);
    expect((await world.row(id)).status).toBe('disconnected');
  });

  it.each([
    ['another number', '6281199990000', PHONE, true],
    ['the same number in another spelling', '554789211984', '5547989211984', false],
    ['the same number in its spelling of today', '22997123456', '2290197123456', false],
  ])(
    'of %s than before in the same session makes its people strangers: %s',
    async (_what, former, phone, isOther) => {
      const limits = { accountSince: 1_000, perHour: 9 };
      const id = await pairing({ phoneNumber: former, limits });
      const person = { accountId: id, jid: '62811@s.whatsapp.net', name: 'Ayu', hasChat: true };
      await world.db.insert(waPeople).values({ ...person, updatedAt: world.clock.now() - 1 });
      p.engine.emit(id, { type: 'paired', phone, lid: null, name: null, platform: null });
      p.engine.end(id, 'restart_required');
      await untilOpens(p, 2);
      const linkedAt = world.clock.now();
      await world.clock.advance(1_000);
      p.engine.connect(id, phone);
      await untilStatus(world, id, 'connected');
      expect(await world.row(id)).toMatchObject({
        phoneNumber: phone,
        knownFrom: isOther ? linkedAt : null,
        limits: isOther ? { perHour: 9 } : limits,
      });
      const people = await world.db.select().from(waPeople).where(eq(waPeople.accountId, id));
      expect(people).toHaveLength(isOther ? 0 : 1);
      if (isOther) expect((await world.row(id)).limits).not.toHaveProperty('accountSince');
    },
  );

  it('refuses another phone than the expected one, logs it out and says why', async () => {
    const id = await pairing({ expectedPhone: '6289999999999' });
    p.engine.emit(id, { type: 'paired', phone: PHONE, lid: null, name: null, platform: null });
    p.engine.end(id, 'restart_required');
    await untilOpens(p, 2);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'failed', 'phone_mismatch');
    expect(p.engine.logouts).toEqual([id]);
    await eventually(() => p.log.erased.includes(id));
    expect(await world.row(id)).toMatchObject({ paired: false, activePhone: null });
    expect(await world.history(id)).not.toContain('connected');
    expect(p.log.sending.size).toBe(0);
    expect(p.engine.sockets.size).toBe(0);
  });

  it('takes the expected phone under the spelling that WhatsApp has of it', async () => {
    const id = await pairing({ expectedPhone: '2290197123456' });
    p.engine.emit(id, { type: 'paired', phone: '22997123456', lid: null, name: null, platform: null });
    p.engine.end(id, 'restart_required');
    await untilOpens(p, 2);
    p.engine.connect(id, '22997123456');
    await untilStatus(world, id, 'connected');
    expect(p.log.erased).toEqual([]);
    expect(await world.row(id)).toMatchObject({ phoneNumber: '22997123456', activePhone: '2290197123456' });
  });

  it('refuses a phone that another session of the tenant has under an older spelling', async () => {
    const first = await connected({}, '2250707123456');
    const second = await world.account(userId, { status: 'connecting', paired: false });
    await p.ownership.tick();
    await untilOpens(p, 2);
    p.engine.connect(second, '22507123456');
    await untilStatus(world, second, 'failed', 'duplicate_phone');
    expect(p.engine.logouts).toEqual([second]);
    expect(await world.row(first)).toMatchObject({ status: 'connected', phoneNumber: '2250707123456' });
  });

  it('refuses a phone that another session of the tenant has; that one and other tenants are not touched', async () => {
    const first = await connected();
    const second = await world.account(userId, { status: 'connecting', paired: false });
    const foreign = await world.account(await world.user(), { status: 'connecting', paired: false });
    await p.ownership.tick();
    await untilOpens(p, 3);
    p.engine.connect(second, PHONE);
    p.engine.connect(foreign, PHONE);
    await untilStatus(world, second, 'failed', 'duplicate_phone');
    await untilStatus(world, foreign, 'connected');
    expect(p.engine.logouts).toEqual([second]);
    await eventually(() => p.log.erased.length > 0);
    expect(p.log.erased).toEqual([second]);
    expect(await world.row(first)).toMatchObject({ status: 'connected', activePhone: PHONE });
    expect(p.log.sending.has(second)).toBe(false);
  });
});

describe('losing the connection', () => {
  it('reconnects without touching credentials however long the network is away', async () => {
    const id = await connected();
    const lostAt = world.clock.now();
    p.engine.onOpen = (accountId) => {
      if (world.clock.now() - lostAt < 60_000) p.engine.end(accountId, 'connection_lost');
      else p.engine.connect(accountId, PHONE);
    };
    p.engine.end(id, 'connection_lost');
    await untilStatus(world, id, 'disconnected', 'connection_lost');
    expect(p.log.sending.has(id)).toBe(false);
    expect((await world.row(id)).disconnectedAt).toBe(lostAt);
    await eventually(async () => {
      await world.clock.advance(1_000);
      return (await world.row(id)).status === 'connected';
    });
    expect(p.log.erased).toEqual([]);
    expect(await world.history(id)).toEqual([
      'connecting',
      'connected',
      'disconnected:connection_lost',
      'connected',
    ]);
    expect((await world.row(id)).activePhone).toBe(PHONE);
  });

  it('waits longer each time and forgets failures after a minute of health', async () => {
    const id = await connected();
    const delays: number[] = [];
    for (let i = 1; i <= 3; i++) {
      const before = p.engine.opens.length;
      const at = world.clock.now();
      p.engine.end(id, 'connection_lost');
      await eventually(async () => {
        await world.clock.advance(250);
        return p.engine.opens.length > before;
      });
      delays.push(world.clock.now() - at);
    }
    expect(delays[0]).toBeLessThanOrEqual(2_000);
    expect(delays[1]).toBeGreaterThan(delays[0] ?? 0);
    expect(delays[2]).toBeGreaterThan(delays[1] ?? 0);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
    await world.clock.advance(60_001);
    const at = world.clock.now();
    const before = p.engine.opens.length;
    p.engine.end(id, 'timed_out');
    await eventually(async () => {
      await world.clock.advance(250);
      return p.engine.opens.length > before;
    });
    expect(world.clock.now() - at).toBeLessThanOrEqual(2_000);
  });

  it('closes a socket that stays silent while connecting, and tries another', async () => {
    const id = await world.account(userId);
    await p.supervisor.start();
    await untilOpens(p, 1);
    await world.clock.advance(45_001);
    await untilStatus(world, id, 'disconnected', 'stalled');
    await world.clock.advance(2_000);
    await untilOpens(p, 2);
  });

  it('goes on when the engine cannot close a socket, and does not listen to that one any more', async () => {
    const id = await world.account(userId);
    await p.supervisor.start();
    await untilOpens(p, 1);
    const old = p.engine.opens[0];
    p.engine.hangs = true;
    await world.clock.advance(45_001);
    await world.clock.advance(10_001);
    await untilStatus(world, id, 'disconnected', 'stalled');
    p.engine.hangs = false;
    await world.clock.advance(3_000);
    await untilOpens(p, 2);
    if (old)
      p.supervisor.onEvent(old.account, { type: 'closed', reason: 'replaced', code: 440, message: null });
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
    expect(await world.history(id)).not.toContain('replaced:replaced');
  });

  it('tries again when a silent socket connects at the moment it is closed', async () => {
    const id = await world.account(userId);
    await p.supervisor.start();
    await untilOpens(p, 1);
    p.engine.hangs = true;
    await world.clock.advance(45_001);
    p.engine.connect(id, PHONE);
    await world.clock.advance(10_001);
    await untilStatus(world, id, 'disconnected', 'stalled');
    p.engine.hangs = false;
    await world.clock.advance(3_000);
    await untilOpens(p, 2);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
  });

  it('reconnects when somebody else closed the socket', async () => {
    const id = await connected();
    await p.engine.close(id);
    await untilStatus(world, id, 'disconnected', 'connection_lost');
    await world.clock.advance(2_000);
    await untilOpens(p, 2);
  });

  it('refreshes the version of an old client, says failed when that does not help, and still tries', async () => {
    const id = await connected();
    p.engine.onOpen = (accountId) => setImmediate(() => p.engine.end(accountId, 'client_outdated'));
    p.engine.end(id, 'client_outdated');
    await untilStatus(world, id, 'disconnected', 'client_outdated');
    await eventually(async () => {
      await world.clock.advance(500);
      return (await world.row(id)).status === 'failed';
    });
    expect(p.log.refreshes).toBe(4);
    expect(await world.row(id)).toMatchObject({ reason: 'client_outdated', activePhone: PHONE });
    const opens = p.engine.opens.length;
    p.engine.onOpen = (accountId) => p.engine.connect(accountId, PHONE);
    await world.clock.advance(299_000);
    expect(p.engine.opens).toHaveLength(opens);
    await world.clock.advance(601_000);
    await untilStatus(world, id, 'connected');
    expect(p.log.erased).toEqual([]);
  });
});

it('credentials that cannot be read end nothing: the session is back by itself when they can be', async () => {
  const id = await connected();
  p.engine.onOpen = (accountId) => p.engine.end(accountId, 'credentials_unreadable');
  p.engine.end(id, 'connection_lost');
  await world.clock.advance(2_000);
  await untilStatus(world, id, 'disconnected', 'credentials_unreadable');
  for (let n = 0; n < 12; n++) await world.clock.advance(300_000);
  expect(p.engine.opens.length).toBeGreaterThan(8);
  expect(await world.row(id)).toMatchObject({ paired: true, reason: 'credentials_unreadable' });
  p.engine.onOpen = (accountId) => p.engine.connect(accountId, PHONE);
  await world.clock.advance(300_000);
  await untilStatus(world, id, 'connected');
  expect(p.log.erased).toEqual([]);
});

describe('ends', () => {
  it.each([
    ['replaced', 'replaced', 'replaced'],
    ['forbidden', 'failed', 'forbidden'],
    ['bad_session', 'failed', 'bad_session'],
  ] as const)('%s stops and keeps the credentials', async (close, status, reason) => {
    const id = await connected();
    p.engine.end(id, close);
    await untilStatus(world, id, status, reason);
    await world.clock.advance(400_000);
    expect(p.engine.opens).toHaveLength(1);
    expect(p.log.erased).toEqual([]);
    expect(await world.row(id)).toMatchObject({ paired: true, activePhone: null });
    expect(p.log.sending.size).toBe(0);
  });

  it('logged out at the phone: erases the credentials and stops', async () => {
    const id = await connected();
    p.engine.end(id, 'logged_out');
    await untilStatus(world, id, 'logged_out', 'device_removed');
    await eventually(() => p.log.erased.length === 1);
    expect(await world.row(id)).toMatchObject({ paired: false, activePhone: null });
    await world.clock.advance(400_000);
    expect(p.engine.opens).toHaveLength(1);
  });

  it('sends again only after what it was sending is put back, however soon it is linked again', async () => {
    const id = await connected();
    const { fence } = await world.row(id);
    const row = { id: 'q'.padEnd(32, '0'), userId, accountId: id, messageId: 'M1', recipient: 'r' };
    const claimed = { status: 'sending', claimedFence: fence, priority: 1, availableAt: 0 } as const;
    await world.db.insert(messageQueue).values({ ...row, ...claimed });
    let land = () => {};
    p.log.inFlight = new Promise<void>((resolve) => {
      land = resolve;
    });
    p.engine.end(id, 'replaced');
    await untilStatus(world, id, 'replaced');
    await p.commands.run(id, 'restart', {}, 5_000);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
    await world.idle();
    expect(p.log.sending.has(id)).toBe(false);
    land();
    await eventually(() => p.log.sending.has(id));
    const [left] = await world.db.select().from(messageQueue).where(eq(messageQueue.id, row.id));
    expect(left).toMatchObject({ status: 'pending', claimedFence: null });
  });

  it('stays ended over a restart of the process', async () => {
    for (const status of ['logged_out', 'replaced', 'failed'] as const)
      await world.account(userId, { status });
    await world.account(userId, { status: 'disconnected', paired: false });
    await p.supervisor.start();
    await world.clock.advance(600_000);
    expect(p.engine.opens).toEqual([]);
  });

  it('takes the secret of a pairing from the row when credentials turn out to be gone', async () => {
    const id = await connected();
    p.engine.end(id, 'connection_lost');
    await world.clock.advance(2_000);
    await untilOpens(p, 2);
    p.engine.emit(id, { type: 'qr', qr: QR, expiresAt: world.clock.now() + 20_000 });
    await untilStatus(world, id, 'qr');
    expect(await world.row(id)).toMatchObject({ paired: false, activePhone: null });
  });
});

describe('when a connection was lost', () => {
  it('is written once, also of a process that was killed, and not renewed by what fails afterwards', async () => {
    const before = { connectedAt: world.clock.now() - 90_000, disconnectedAt: world.clock.now() - 500_000 };
    const id = await world.account(userId, before);
    const startedAt = world.clock.now();
    p.engine.onOpen = (accountId) => p.engine.end(accountId, 'connection_lost');
    await p.supervisor.start();
    await untilStatus(world, id, 'disconnected', 'connection_lost');
    expect((await world.row(id)).disconnectedAt).toBe(startedAt);
    await world.clock.advance(3_600_000);
    expect((await world.row(id)).updatedAt).toBeGreaterThan(startedAt);
    expect((await world.row(id)).disconnectedAt).toBe(startedAt);
  });

  it('is written when the session is restarted, and by the next process after one that stopped', async () => {
    const id = await connected();
    await world.clock.advance(5_000);
    const restartedAt = world.clock.now();
    await p.commands.run(id, 'restart', {}, 5_000);
    expect(await world.row(id)).toMatchObject({ status: 'connecting', disconnectedAt: restartedAt });
    await world.clock.advance(5_000);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
    expect((await world.row(id)).connectedAt).toBe(restartedAt + 5_000);
    await p.supervisor.stop();
    await world.clock.advance(5_000);
    const next = world.process();
    await next.supervisor.start();
    await untilStatus(world, id, 'connecting');
    expect((await world.row(id)).disconnectedAt).toBe(restartedAt + 10_000);
  });

  it('is nothing that is missed while a number is linked again that was logged out on purpose', async () => {
    const id = await connected();
    await p.commands.run(id, 'logout', {}, 5_000);
    expect((await world.row(id)).disconnectedAt).toBe(world.clock.now());
    await p.commands.run(id, 'open', {}, 5_000);
    expect(await world.row(id)).toMatchObject({ status: 'connecting', disconnectedAt: null });
  });
});

describe('commands', () => {
  it('logout unlinks, erases and frees the phone', async () => {
    const id = await connected();
    expect(await p.commands.run(id, 'logout', {}, 5_000)).toEqual({ confirmed: true });
    expect(p.engine.logouts).toEqual([id]);
    expect(p.log.erased).toEqual([id]);
    expect(await world.row(id)).toMatchObject({
      status: 'logged_out',
      reason: 'logout',
      paired: false,
      activePhone: null,
    });
    expect(p.log.sending.size).toBe(0);
    expect(await world.history(id)).toEqual(['connecting', 'connected', 'logged_out:logout']);
  });

  it('restart closes and connects again with the same credentials', async () => {
    const id = await connected();
    await p.commands.run(id, 'restart', {}, 5_000);
    expect(p.engine.opens).toHaveLength(2);
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
    expect(p.log.erased).toEqual([]);
  });

  it('open in the middle of a wait connects now and only once', async () => {
    const id = await connected();
    p.engine.end(id, 'connection_lost');
    await Promise.all([p.commands.run(id, 'open', {}, 5_000), p.commands.run(id, 'open', {}, 5_000)]);
    await world.clock.advance(20_000);
    await world.idle();
    expect(p.engine.opens).toHaveLength(2);
  });

  it('checks numbers through the socket and refuses without one', async () => {
    const id = await connected();
    expect(await p.commands.run(id, 'check_numbers', { phones: [PHONE] }, 5_000)).toMatchObject([
      { phone: PHONE, exists: true },
    ]);
    p.engine.end(id, 'connection_lost');
    await expect(p.commands.run(id, 'check_numbers', { phones: [PHONE] }, 5_000)).rejects.toMatchObject({
      code: 'NOT_CONNECTED',
    });
  });

  it('says UNAVAILABLE when another process holds the session, and takes one that nobody holds', async () => {
    const other = world.process();
    await other.supervisor.start();
    const theirs = await world.account(userId, { owner: other.processId, fence: 1 });
    await p.supervisor.start();
    await expect(p.commands.run(theirs, 'open', {}, 5_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const free = await world.account(userId, { status: 'logged_out', paired: false });
    await p.commands.run(free, 'open', {}, 5_000);
    expect(await world.row(free)).toMatchObject({ owner: p.processId, status: 'connecting' });
    // What an earlier end may have left is erased before a new pairing begins.
    expect(p.log.erased).toEqual([free]);
  });

  it('answers UNAVAILABLE when it takes too long', async () => {
    const id = await connected();
    p.engine.hangs = true;
    const late = p.commands.run(id, 'restart', {}, 3_000);
    const failed = expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await world.idle();
    await world.clock.advance(3_001);
    await failed;
  });
});

describe('the user', () => {
  it('is disabled: the socket closes at once and comes back when the user does', async () => {
    const id = await connected();
    await world.db.update(workspaces).set({ status: 'disabled' }).where(eq(workspaces.id, userId));
    const fact = { id: 'x', userId, accountId: null, sessionId: null, seq: null, subject: null, data: {} };
    world.stream.publish({ ...fact, event: 'user.disabled', at: 0 });
    await untilStatus(world, id, 'disconnected', 'user_disabled');
    expect(p.engine.sockets.size).toBe(0);
    await expect(p.commands.run(id, 'open', {}, 5_000)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await world.clock.advance(600_000);
    expect(p.engine.opens).toHaveLength(1);
    await world.db.update(workspaces).set({ status: 'active' }).where(eq(workspaces.id, userId));
    await p.ownership.tick();
    await untilOpens(p, 2);
  });

  it('that another process disabled is found by the next round', async () => {
    const id = await connected();
    await world.db.update(workspaces).set({ status: 'disabled' }).where(eq(workspaces.id, userId));
    await p.ownership.tick();
    await untilStatus(world, id, 'disconnected', 'user_disabled');
    expect(p.engine.sockets.size).toBe(0);
  });

  it('disabled before the start: no socket is opened', async () => {
    await world.account(await world.user('disabled'));
    await p.supervisor.start();
    await world.clock.advance(60_000);
    expect(p.engine.opens).toEqual([]);
  });
});

describe('the database away', () => {
  it('keeps the socket, and writes the latest status when it is back', async () => {
    const id = await connected();
    p.plug.pulled = true;
    p.engine.end(id, 'connection_lost');
    await world.clock.advance(5_000);
    await world.idle();
    // Ownership cannot be read, so nothing is opened.
    expect(p.engine.opens).toHaveLength(1);
    expect((await world.row(id)).status).toBe('connected');
    p.plug.pulled = false;
    await world.clock.advance(10_000);
    await untilStatus(world, id, 'disconnected', 'connection_lost');
    await eventually(async () => {
      await world.clock.advance(500);
      return p.engine.opens.length === 2;
    });
    p.engine.connect(id, PHONE);
    await untilStatus(world, id, 'connected');
  });

  it('an end that happened meanwhile is written, and credentials are erased only after that', async () => {
    const id = await connected();
    p.plug.pulled = true;
    p.engine.end(id, 'logged_out');
    await world.clock.advance(4_000);
    await world.idle();
    expect(p.log.erased).toEqual([]);
    p.plug.pulled = false;
    await world.clock.advance(11_000);
    await untilStatus(world, id, 'logged_out', 'device_removed');
    await eventually(() => p.log.erased.length === 1);
  });

  it('a connection that came meanwhile is announced once its row is written', async () => {
    const id = await world.account(userId);
    await p.supervisor.start();
    await untilOpens(p, 1);
    p.plug.pulled = true;
    p.engine.connect(id, PHONE);
    await world.clock.advance(2_000);
    expect(p.log.sending.size).toBe(0);
    p.plug.pulled = false;
    await world.clock.advance(11_000);
    await eventually(() => p.log.sending.has(id));
    expect((await world.row(id)).status).toBe('connected');
  });
});

describe('an owner that has been replaced', () => {
  it('writes nothing, erases nothing and closes its socket', async () => {
    const id = await connected();
    await world.db
      .update(whatsappAccounts)
      .set({ owner: 'f'.repeat(32), fence: 77 })
      .where(eq(whatsappAccounts.id, id));
    p.engine.end(id, 'replaced');
    await eventually(() => p.supervisor.countByStatus().connected === undefined);
    expect(await world.row(id)).toMatchObject({ status: 'connected', fence: 77, activePhone: PHONE });
    expect(await world.history(id)).toEqual(['connecting', 'connected']);
  });

  it('does not reconnect after a pause in which another took over, whatever the close code', async () => {
    const id = await connected();
    p.engine.end(id, 'timed_out');
    await untilStatus(world, id, 'disconnected');
    await world.db
      .update(whatsappAccounts)
      .set({ owner: 'f'.repeat(32), fence: 77, status: 'connected' })
      .where(eq(whatsappAccounts.id, id));
    await world.clock.advance(4_000);
    await eventually(() => Object.keys(p.supervisor.countByStatus()).length === 0);
    expect(p.engine.opens).toHaveLength(1);
    expect((await world.row(id)).status).toBe('connected');
  });

  it('still passes receipts on', async () => {
    const id = await connected();
    const { account } = p.engine.opens[0] ?? {};
    await p.supervisor.stop();
    const receipt = { type: 'receipt', messageId: 'M', chat: 'c', status: 'read', at: 1 } as const;
    if (account) p.supervisor.onEvent(account, receipt);
    expect(p.log.receipts).toEqual([receipt]);
    expect((await world.row(id)).owner).toBeNull();
  });
});

describe('the start', () => {
  it('connects 300 sessions, never more than the bound at a time, deepest queue first', async () => {
    await p.supervisor.stop();
    p = world.process({ concurrency: 7 });
    const ids: string[] = [];
    const at = world.clock.now();
    for (let i = 0; i < 300; i++) ids.push(await world.account(userId, { phoneNumber: `62810000${i}` }));
    const deep = ids[299] ?? '';
    const queued = { userId, recipient: 'r', status: 'pending', priority: 1, availableAt: at } as const;
    for (let i = 0; i < 5; i++) {
      const id = `${i}`.padStart(32, '0');
      await world.db.insert(messageQueue).values({ ...queued, id, accountId: deep, messageId: `M${i}` });
    }
    p.engine.onOpen = (accountId) =>
      setImmediate(() => p.engine.connect(accountId, `62810000${ids.indexOf(accountId)}`));
    await p.supervisor.start();
    await eventually(() => p.log.sending.size === 300, 25_000);
    expect(p.engine.opens).toHaveLength(300);
    expect(p.engine.opens[0]?.accountId).toBe(deep);
    expect(p.engine.maxConnecting).toBeLessThanOrEqual(7);
    const open = await world.db
      .select()
      .from(whatsappAccounts)
      .where(and(eq(whatsappAccounts.status, 'connected'), eq(whatsappAccounts.owner, p.processId)));
    expect(open).toHaveLength(300);
  });

  it('says that no session is connected before its socket is', async () => {
    const id = await world.account(userId, { status: 'connected' });
    await p.supervisor.start();
    await untilStatus(world, id, 'connecting');
  });

  it('lets a session that somebody asks for pass those that wait', async () => {
    p = world.process({ concurrency: 1 });
    const both = [await world.account(userId), await world.account(userId)];
    await p.supervisor.start();
    await untilOpens(p, 1);
    await world.idle();
    expect(p.engine.opens).toHaveLength(1);
    const waiting = both.find((id) => id !== p.engine.opens[0]?.accountId) ?? '';
    await p.commands.run(waiting, 'open', {}, 5_000);
    expect(p.engine.opens.map((open) => open.accountId)).toContain(waiting);
  });

  it('stops without leaving a socket, a timer or an owner', async () => {
    const id = await connected();
    p.engine.end(id, 'connection_lost');
    await untilStatus(world, id, 'disconnected');
    await p.supervisor.stop();
    await p.supervisor.stop();
    expect(p.engine.sockets.size).toBe(0);
    expect(world.timers()).toBe(0);
    expect((await world.row(id)).owner).toBeNull();
  });
});
