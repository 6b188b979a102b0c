import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from 'wa-emulator';
import { WebSocketServer } from 'ws';
import { waCredentials, waKeys, whatsappAccounts } from '../../src/db/schema.ts';
import { newMessageId } from '../../src/utils/ids.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

let test: TestEngine;
let next = 1;
const freshPhone = () => `62833${String(next++).padStart(7, '0')}`;

beforeAll(async () => {
  test = await startTestEngine({ connectTimeoutMs: 1_500 });
});
afterAll(() => test.stop());
afterEach(() => test.emulator.reset());

/** Everything that is stored for a session, to see that nothing touched it. */
async function storedRows(account: AccountRef) {
  const { db } = test.database;
  const creds = await db.select().from(waCredentials).where(eq(waCredentials.accountId, account.id));
  const [keys] = await db
    .select({ count: sql<number>`count(*)` })
    .from(waKeys)
    .where(eq(waKeys.accountId, account.id));
  return { sealed: creds[0]?.sealed.toString('hex'), keys: Number(keys?.count) };
}

const closedOf = (account: AccountRef) => test.callbacks.next(account.id, 'closed');

describe('a socket ends', () => {
  it.each<[string, Fault & { phone?: string | undefined }, string, number | null]>([
    ['dropped', { kind: 'drop' }, 'connection_lost', 428],
    ['closed by the server', { kind: 'close' }, 'connection_lost', 428],
    ['replaced by another one', { kind: 'replaced' }, 'replaced', 440],
    ['with a restart', { kind: 'stream_error', code: 515 }, 'restart_required', 515],
    ['while WhatsApp is unavailable', { kind: 'stream_error', code: 503 }, 'unavailable', 503],
    ['with an error that nobody knows', { kind: 'stream_error', code: 500 }, 'unavailable', 500],
    ['unlinked on the phone', { kind: 'logout' }, 'logged_out', 401],
  ])('%s', async (_name, fault, reason, code) => {
    const phone = freshPhone();
    const account = await test.connect(phone);
    const before = await storedRows(account);
    await test.emulator.fault({ ...fault, phone } as Fault);
    expect(await closedOf(account)).toMatchObject({ reason, code });
    expect(test.engine.isConnected(account.id)).toBe(false);
    // Whatever the reason: erasing is not the engine's to do.
    expect((await storedRows(account)).keys).toBeGreaterThanOrEqual(before.keys);
    expect(await test.store.hasCredentials(account.id)).toBe(true);
    expect(test.callbacks.events(account.id).at(-1)?.type).toBe('closed');
  });

  it.each([
    [401, 'logged_out'],
    [402, 'forbidden'],
    [403, 'forbidden'],
    [405, 'client_outdated'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ])('when the login is refused with %i', async (code, reason) => {
    const phone = freshPhone();
    const account = await test.connect(phone);
    await test.engine.close(account.id);
    expect((await closedOf(account)).reason).toBe('closed_by_us');
    await test.emulator.fault({ kind: 'login_failure', code, phone });
    await test.engine.open(account, { mode: 'qr' });
    expect(await closedOf(account)).toMatchObject({ reason, code });
  });

  it.each([
    ['reset', 'connection_lost'],
    ['closed', 'connection_lost'],
    ['silent', 'timed_out'],
    ['http503', 'unavailable'],
  ] as const)('when the server refuses (%s), and the credentials stay as they are', async (mode, reason) => {
    const phone = freshPhone();
    const account = await test.connect(phone);
    await test.engine.close(account.id);
    await closedOf(account);
    const before = await storedRows(account);
    await test.emulator.fault({ kind: 'refuse', seconds: 60, mode, keepOpen: true });
    for (let attempt = 0; attempt < 3; attempt++) {
      await test.engine.open(account, { mode: 'qr' });
      expect((await closedOf(account)).reason).toBe(reason);
    }
    expect(await storedRows(account)).toEqual(before);
    await test.emulator.fault({ kind: 'clear' });
    await test.engine.open(account, { mode: 'qr' });
    expect((await test.callbacks.next(account.id, 'connected')).phone).toBe(phone);
  });

  it('once for each open, also when it is opened and closed many times at once', async () => {
    const account = await test.connect(freshPhone());
    const seen = test.callbacks.events(account.id).length;
    const calls = [];
    for (let i = 0; i < 4; i++) {
      calls.push(test.engine.open(account, { mode: 'qr' }));
      if (i % 2) calls.push(test.engine.close(account.id));
    }
    await Promise.all(calls);
    const events = test.callbacks.events(account.id).slice(seen);
    // The one that was open before, and the four that were opened since.
    expect(events.filter((event) => event.type === 'closed')).toHaveLength(5);
    expect(test.engine.isConnected(account.id)).toBe(false);
  });
});

describe('logging out', () => {
  it('unlinks the device and says so', async () => {
    const phone = freshPhone();
    const account = await test.connect(phone);
    expect(await test.engine.logout(account.id, 5_000)).toBe(true);
    expect((await closedOf(account)).reason).toBe('logged_out');
    expect(test.emulator.sessions().some((session) => session.phone === phone)).toBe(false);
    expect(await test.store.hasCredentials(account.id)).toBe(true);
  });

  it('is bounded when the server does not answer', async () => {
    const phone = freshPhone();
    const account = await test.connect(phone);
    await test.emulator.fault({ kind: 'slow_iq', ms: 5_000, phone });
    const startedAt = performance.now();
    expect(await test.engine.logout(account.id, 200)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect((await closedOf(account)).reason).toBe('closed_by_us');
  });

  it('does nothing without a connection', async () => {
    expect(await test.engine.logout('nobody', 100)).toBe(false);
  });
});

describe('ownership', () => {
  const takeOver = (account: AccountRef) =>
    test.database.db
      .update(whatsappAccounts)
      .set({ owner: 'b'.repeat(32), fence: account.fence + 1 })
      .where(eq(whatsappAccounts.id, account.id));

  it('that was lost closes the socket at the next write, and nothing is written', async () => {
    const account = await test.connect(freshPhone());
    await test.send(account, freshPhone(), 'warm up');
    await takeOver(account);
    const before = await storedRows(account);
    await test.send(account, freshPhone(), 'hello', { ackTimeoutMs: 1_000 });
    expect((await closedOf(account)).reason).toBe('ownership_lost');
    expect(await storedRows(account)).toEqual(before);
  });

  it('that was lost before an open keeps the socket closed', async () => {
    const account = await test.connect(freshPhone());
    await test.engine.close(account.id);
    await closedOf(account);
    await takeOver(account);
    await test.engine.open(account, { mode: 'qr' });
    expect((await closedOf(account)).reason).toBe('ownership_lost');
  });
});

describe('a bound is not a cancel', () => {
  it('a message that is not encrypted in time never leaves, and the socket stays', async () => {
    const phone = freshPhone();
    const account = await test.connect(phone);
    const other = freshPhone();
    await test.send(account, other, 'warm up');
    // An inbound message holds the session's keys until it is stored: the next message waits behind it.
    let store = () => {};
    const holding = new Promise<void>((resolve) => {
      test.callbacks.beforeStore = () => {
        resolve();
        return new Promise((done) => {
          store = done;
        });
      };
    });
    await test.emulator.deliver({ to: phone, from: other, text: 'inbound' });
    await holding;
    const messageId = newMessageId();
    const result = await test.send(account, other, 'late', { messageId, ackTimeoutMs: 300 });
    expect(result).toEqual({ outcome: 'not_sent', reason: 'it could not be encrypted in time' });
    store();
    test.callbacks.beforeStore = async () => undefined;
    // It was in front of this one.
    expect(await test.send(account, other, 'next')).toMatchObject({ outcome: 'acknowledged' });
    expect(test.emulator.stanzas({ from: phone }).map((stanza) => stanza.id)).not.toContain(messageId);
    expect(test.engine.isConnected(account.id)).toBe(true);
  });
});

describe('opening', () => {
  it('stored credentials that cannot be read says so, and leaves them alone', async () => {
    const account = await test.connect(freshPhone());
    await test.engine.close(account.id);
    await closedOf(account);
    const { db } = test.database;
    await db.update(waCredentials).set({ keyId: 'unknown' }).where(eq(waCredentials.accountId, account.id));
    const before = await storedRows(account);
    await test.engine.open(account, { mode: 'qr' });
    expect((await closedOf(account)).reason).toBe('credentials_unreadable');
    expect(await storedRows(account)).toEqual(before);
  });

  it('a second time closes the first socket', async () => {
    const account = await test.connect(freshPhone());
    await test.engine.open(account, { mode: 'qr' });
    expect((await closedOf(account)).reason).toBe('closed_by_us');
    await test.callbacks.next(account.id, 'connected');
    await until(() => test.engine.isConnected(account.id));
  });
});

describe('a server that sends garbage', () => {
  it('costs its own socket and nothing else', async () => {
    const rejections: unknown[] = [];
    const note = (error: unknown) => rejections.push(error);
    process.on('unhandledRejection', note);
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket) => {
      socket.on('message', () => socket.send(randomBytes(400)));
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `ws://127.0.0.1:${port}/ws/chat`;
    const { engine, callbacks } = test.another({ waServer: { url, rootKey: null, caFile: null } });
    const account = await test.addAccount();
    for (let i = 0; i < 5; i++) {
      await engine.open(account, { mode: 'qr' });
      await callbacks.next(account.id, 'closed');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.close();
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
    expect(callbacks.events(account.id).every((event) => event.type === 'closed')).toBe(true);
  });
});
