import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import {
  firstContacts,
  messageQueue,
  messages,
  sendAttempts,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { createSettler, type Settler } from '../../src/queue/settle.ts';
import type { Ctx } from '../../src/services/context.ts';
import { createHealthProbes } from '../../src/services/health.ts';
import { sendAlbum } from '../../src/services/messages/album.ts';
import { KINDS } from '../../src/services/messages/kinds/index.ts';
import { getMessage, queueStatus, searchWithReasons, sendMessage } from '../../src/services/messages.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { StorageError } from '../../src/utils/storage/storage.ts';
import { createDispatcher, type Dispatcher } from '../../src/workers/dispatcher.ts';
import { openTestApp, type TestApp, testConfig } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { createFakeEngine } from '../helpers/fake-engine.ts';
import { pngFile } from '../helpers/files.ts';
import { countStatements } from '../helpers/statements.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const ANNA = '+6281234567890';
const text = { content: { type: 'text', text: 'hi' } } as const;

const counter = countStatements();
let t: TestApp;
let clock: FakeClock;
let ctx: Ctx;
let accountId: string;
let settler: Settler;
let dispatcher: Dispatcher;
beforeAll(async () => {
  clock = createFakeClock();
  const { pacing } = testConfig();
  const own = { delayMinMs: 0, delayMaxMs: 0, perMinute: 20, perHour: 500, perRecipientPerHour: 10 };
  t = await openTestApp({ clock, routes: [], config: { pacing: { ...pacing, ...own } } });
  settler = createSettler(t.deps, { windowMs: 0, receiptMs: 0 });
  dispatcher = createDispatcher({ ...t.deps, engine: createFakeEngine(clock), settler });
  dispatcher.start();
  clock.idleWith(() => dispatcher.idle());
});
afterAll(async () => {
  await Promise.all([dispatcher.stop(), clock.advance(MINUTE)]);
  await Promise.all([settler.stop(1_000), clock.advance(1_000)]);
  await t.close();
  counter.stop();
});
beforeEach(async () => {
  const userId = (await t.tenant()).id;
  const now = clock.now();
  accountId = newId();
  const row = { id: accountId, userId, sessionId: 'main', status: 'connected', pairing: 'qr', paired: true };
  await t.deps.db.insert(whatsappAccounts).values({
    ...row,
    status: 'connected',
    pairing: 'qr',
    owner: OWNER,
    fence: 1,
    createdAt: now,
    updatedAt: now,
  });
  ctx = {
    ...t.deps,
    actor: {
      userId,
      personId: userId,
      role: 'user',
      workspaceRole: 'owner',
      via: 'api_key',
      scopes: null,
      sessionIds: null,
      keyId: null,
    },
    requestId: 'test',
    ip: null,
    userAgent: null,
  };
});

const OWNER = 'me'.padEnd(32, '0');
const send = async (over = {}) =>
  (await sendMessage(ctx, { session: 'main', to: ANNA, ...text, ...over })).answer;
const iso = (at: number) => new Date(at).toISOString();
const set = (row: Partial<typeof whatsappAccounts.$inferInsert>) =>
  t.deps.db.update(whatsappAccounts).set(row).where(eq(whatsappAccounts.id, accountId));
const begin = () =>
  dispatcher.add({ id: accountId, userId: ctx.actor.userId, sessionId: 'main', owner: OWNER, fence: 1 });

describe('a message to one recipient', () => {
  it('waits for its limit: said at once, of the message, and of the queue, with when it will go', async () => {
    await begin();
    const start = clock.now();
    for (let i = 0; i < 10; i++) await send();
    await clock.advance(1_000);
    const eleventh = await send();
    const until = iso(start + HOUR);
    const hold = { reason: 'recipient_limit', until, text: expect.any(String), fix: expect.any(String) };
    expect(eleventh).toMatchObject({ waitingFor: [hold], estimatedSendAt: until });
    await clock.advance(1_000);
    expect(await getMessage(ctx, eleventh)).toMatchObject({
      status: 'queued',
      waitingFor: [hold],
      estimatedSendAt: until,
    });
    expect(await queueStatus(ctx, { session: 'main' })).toMatchObject({
      pending: 1,
      isProcessing: false,
      waitingFor: [hold],
    });
    const other = await send({ to: '+6281234567891' });
    expect(other.waitingFor).toEqual([]);
    await clock.advance(HOUR);
    expect(await getMessage(ctx, eleventh)).toMatchObject({
      status: 'sent',
      sentAt: until,
      waitingFor: [],
      estimatedSendAt: null,
    });
  });

  it('counts those that wait before it, each at its turn, and codes by their own cap', async () => {
    await set({ lastHighAt: clock.now() });
    const start = clock.now();
    const answers = [];
    for (let i = 0; i < 18; i++) answers.push(await send());
    // Of ten, two are kept back for codes.
    expect(answers.slice(0, 8).map((answer) => answer.waitingFor)).toEqual(Array(8).fill([]));
    expect(answers[8]?.waitingFor[0]).toMatchObject({ reason: 'recipient_limit', until: iso(start + HOUR) });
    expect(answers[15]?.waitingFor[0]).toMatchObject({ until: iso(start + HOUR) });
    expect(answers[16]?.waitingFor[0]).toMatchObject({ until: iso(start + 2 * HOUR) });
    expect((await send({ priority: 'high' })).waitingFor).toEqual([]);
  });

  it('looks through a few hundred messages of its chat, however many others write in it', async () => {
    const now = clock.now();
    const write = (n: number) =>
      insertMany(
        t.deps.db,
        messages,
        Array.from({ length: n }, () => ({
          id: newId(now + 1),
          userId: ctx.actor.userId,
          accountId,
          sessionId: 'main',
          messageId: newMessageId(),
          direction: 'in' as const,
          peer: '6281234567890@s.whatsapp.net',
          type: 'text',
          content: {},
          status: 'received' as const,
          createdAt: now + 1,
          updatedAt: now + 1,
        })),
      );
    for (let i = 0; i < 10; i++) await send();
    await write(100);
    expect((await send()).waitingFor).toMatchObject([{ reason: 'recipient_limit' }]);
    await write(300);
    expect((await send()).waitingFor).toEqual([]);
  });

  it('holds an album until there is room for all of it, and tells each item for itself', async () => {
    const image = `data:image/png;base64,${pngFile(50).toString('base64')}`;
    const items = (n: number) => Array.from({ length: n }, () => ({ type: 'image' as const, source: image }));
    const album = async (n: number) =>
      (await sendAlbum(ctx, { session: 'main', to: ANNA, items: items(n) })).answer;
    const reasons = ({ waitingFor }: { waitingFor: { reason: string }[] }) =>
      waitingFor.map(({ reason }) => reason);
    for (let i = 0; i < 3; i++) await send();
    const small = await album(7);
    expect([small.album, ...small.items].flatMap(reasons)).toEqual([]);
    const large = await album(10);
    const all = [large.album, ...large.items];
    expect(all.map(reasons)).toEqual(all.map(() => ['recipient_limit']));
    for (const { estimatedSendAt } of all) {
      expect(Date.parse(String(estimatedSendAt))).toBeGreaterThanOrEqual(clock.now() + HOUR);
    }
  });

  it('holds an album for two hours from its time until all of it fits, and then for one place', async () => {
    const source = `data:image/png;base64,${pngFile(50).toString('base64')}`;
    const items = Array.from({ length: 10 }, () => ({ type: 'image' as const, source }));
    await send();
    const scheduledAt = clock.now() + 5 * HOUR;
    const { answer } = await sendAlbum(ctx, { session: 'main', to: ANNA, items, scheduledAt });
    const { messageId } = answer.album;
    const held = async () => (await getMessage(ctx, { messageId })).waitingFor.map(({ reason }) => reason);
    const spend = async () => {
      const [at, recipient] = [clock.now(), '6281234567890@s.whatsapp.net'];
      await t.deps.db.insert(sendAttempts).values({ id: newId(at), accountId, recipient, priority: 1, at });
      const sent = { status: 'sent', sendingAt: at } as const;
      await t.deps.db
        .update(messages)
        .set(sent)
        .where(and(eq(messages.accountId, accountId), eq(messages.type, 'text')));
    };
    await clock.leap(6 * HOUR);
    await spend();
    expect(await held()).toEqual(['recipient_limit']);
    await clock.leap(HOUR + MINUTE);
    await spend();
    expect(await held()).toEqual([]);
  });

  it('is not held by what was sent to it longer than an hour ago, or by another session', async () => {
    const now = clock.now();
    for (let i = 0; i < 10; i++) await send();
    const attempt = (at: number) => ({
      id: newId(),
      accountId,
      recipient: '6281234567890@s.whatsapp.net',
      priority: 1,
      at,
    });
    await t.deps.db.insert(sendAttempts).values([attempt(now - HOUR), attempt(now - HOUR - 1)]);
    await t.deps.db
      .update(messages)
      .set({ status: 'sent', sendingAt: now - HOUR })
      .where(eq(messages.accountId, accountId));
    expect((await send()).waitingFor).toEqual([]);
  });
});

describe('the session', () => {
  it('names everything that holds a message, what lasts longest first', async () => {
    const now = clock.now();
    await set({
      pausedUntil: now + MINUTE,
      pauseReason: 'minute_limit',
      breakerUntil: now + 10 * MINUTE,
      breakerCode: '463',
    });
    const later = await send({ scheduledAt: now + 5 * MINUTE });
    expect(later.waitingFor.map(({ reason, until }) => [reason, until])).toEqual([
      ['breaker_463', iso(now + 10 * MINUTE)],
      ['scheduled', iso(now + 5 * MINUTE)],
      ['minute_limit', iso(now + MINUTE)],
    ]);
    expect(Date.parse(String(later.estimatedSendAt))).toBeGreaterThanOrEqual(now + 10 * MINUTE);
    // A code passes the limit of the others; who knows the session passes the breaker.
    const known = { userId: ctx.actor.userId, accountId, sessionId: 'main', messageId: 'IN1', type: 'text' };
    await t.deps.db.insert(messages).values({
      ...known,
      id: newId(),
      direction: 'in',
      peer: '6281234567890@s.whatsapp.net',
      content: {},
      status: 'received',
      createdAt: now,
      updatedAt: now,
    });
    expect((await send({ priority: 'high' })).waitingFor).toEqual([]);
    expect((await send()).waitingFor.map(({ reason }) => reason)).toEqual(['minute_limit']);
  });

  it('that is away, or paused without an end, gives no time', async () => {
    await set({ status: 'disconnected' });
    expect(await send()).toMatchObject({
      estimatedSendAt: null,
      waitingFor: [{ reason: 'disconnected', until: null }],
    });
    await set({ status: 'connected', pausedUntil: 253_402_300_799_000, pauseReason: 'paused' });
    const paused = await send();
    expect(paused).toMatchObject({
      estimatedSendAt: null,
      waitingFor: [{ reason: 'paused', until: null, fix: expect.stringContaining('/message/resume-queue') }],
    });
    expect(await queueStatus(ctx, { session: 'main' })).toMatchObject({
      isPaused: true,
      isProcessing: false,
      waitingFor: [{ reason: 'paused', until: null }],
    });
  });

  it('processes nothing while everything is scheduled, and says for when', async () => {
    const at = clock.now() + HOUR;
    await send({ scheduledAt: at });
    await send({ scheduledAt: at + HOUR });
    expect(await queueStatus(ctx, { session: 'main' })).toMatchObject({
      pending: 2,
      isProcessing: false,
      waitingFor: [{ reason: 'scheduled', until: iso(at) }],
    });
    await send();
    expect(await queueStatus(ctx, { session: 'main' })).toMatchObject({ isProcessing: true, waitingFor: [] });
  });
});

describe('a list', () => {
  it('says of each stranger why it waits, with as few statements for many as for two', async () => {
    const now = clock.now();
    await set({ limits: { newContactsPerDay: 1 } });
    await t.deps.db.insert(firstContacts).values({ accountId, person: '628999000000', at: now });
    const asked: number[] = [];
    for (const n of [2, 12]) {
      for (let i = 0; i < n; i++) await send({ to: `+6281234${n}000${String(i).padStart(2, '0')}` });
      counter.take();
      const { data, reasons } = await searchWithReasons(ctx, { session: 'main', limit: 50 });
      asked.push(counter.take().statements);
      const hold = { reason: 'new_contacts', until: iso(now + 24 * HOUR) };
      expect(reasons).toEqual(data.map(() => expect.objectContaining(hold)));
    }
    const [two, many] = asked;
    expect(many).toBe(two);
  });
});

describe('a message with a file, while the storage of files is away', () => {
  const away = { reason: 'storage_away', until: null, fix: expect.stringContaining('administrator') };

  it('says so, by itself, in the list and of its queue, also between two tries', async () => {
    const image = `data:image/png;base64,${pngFile(50).toString('base64')}`;
    const { messageId } = await send({ content: KINDS.image.draft({ image }) });
    expect((await getMessage(ctx, { messageId })).waitingFor).toEqual([]);

    const check = () => Promise.reject(new StorageError('away', 'connect ECONNREFUSED'));
    const without = { ...ctx, storage: { ...ctx.storage, check }, probes: createHealthProbes() };
    const place = eq(messageQueue.accountId, accountId);
    for (const inMs of [0, 10_000]) {
      await t.deps.db
        .update(messageQueue)
        .set({ availableAt: clock.now() + inMs })
        .where(place);
      expect(await getMessage(without, { messageId })).toMatchObject({
        waitingFor: [away],
        estimatedSendAt: null,
      });
      expect((await searchWithReasons(without, { session: 'main', limit: 10 })).reasons).toMatchObject([
        away,
      ]);
      expect(await queueStatus(without, { session: 'main' })).toMatchObject({
        isProcessing: false,
        waitingFor: [away],
      });
    }
    const other = await send({ to: '+6281234567891' });
    expect((await getMessage(without, other)).waitingFor).toEqual([]);
  });
});

describe('a time without a zone', () => {
  it('is one of the zone of the service, and the answer says which', async () => {
    const { housekeepingTimeZone } = t.deps.config;
    t.deps.config.housekeepingTimeZone = 'Asia/Jakarta';
    try {
      const local = iso(clock.now() + 8 * HOUR).slice(0, 16);
      expect(await send({ scheduledAt: local })).toMatchObject({
        scheduledAt: iso(Math.floor((clock.now() + HOUR) / MINUTE) * MINUTE),
        timezone: 'Asia/Jakarta',
      });
      expect(await send({ scheduledAt: clock.now() + HOUR })).not.toHaveProperty('timezone');
    } finally {
      t.deps.config.housekeepingTimeZone = housekeepingTimeZone;
    }
  });
});
