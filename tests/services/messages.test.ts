import { eq, inArray } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inBatches } from '../../src/db/batches.ts';
import { insertMany } from '../../src/db/ops.ts';
import { messageQueue, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { readItems } from '../../src/queue/albums.ts';
import type { Actor, Ctx } from '../../src/services/context.ts';
import { sendAlbum } from '../../src/services/messages/album.ts';
import {
  cancelMessage,
  clearQueue,
  forwardMessage,
  getMessage,
  pauseQueue,
  queueStatus,
  restoreMessage,
  resumeQueue,
  retryMessage,
  sendMessage,
} from '../../src/services/messages.ts';
import { waitForOutcome } from '../../src/services/outcomes.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type TestApp, testConfig } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { pngFile } from '../helpers/files.ts';
import { heldAtLeast, MAX_HOLD_MS } from '../helpers/held.ts';
import { until } from '../helpers/until.ts';

let t: TestApp;
let clock: FakeClock;
let userId: number;
beforeAll(async () => {
  clock = createFakeClock();
  const { pacing } = testConfig();
  const slow = { delayMinMs: 3_000, delayMaxMs: 7_000, perMinute: 20, perHour: 500, otpReservePercent: 20 };
  t = await openTestApp({ clock, routes: [], config: { pacing: { ...pacing, ...slow } } });
});
afterAll(() => t.close());
beforeEach(async () => {
  userId = (await t.tenant()).id;
  await addSession('main');
  await addSession('second');
});

async function addSession(sessionId: string): Promise<void> {
  const now = clock.now();
  const row = { id: newId(), userId, sessionId, status: 'connected', pairing: 'qr', paired: true } as const;
  await t.deps.db.insert(whatsappAccounts).values({ ...row, createdAt: now, updatedAt: now });
}

function as(actor: Partial<Actor> = {}): Ctx {
  return {
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
      ...actor,
    },
    requestId: 'test',
    ip: null,
    userAgent: null,
  };
}

const input = { session: 'main', to: '+6281234567890', content: { type: 'text', text: 'hi' } } as const;

describe('who may', () => {
  it('a key needs the scope of each verb', async () => {
    const { answer } = await sendMessage(as({ scopes: ['messages:write'] }), input);
    const { messageId } = answer;
    const reader = as({ scopes: ['read'] });
    const writer = as({ scopes: ['messages:write'] });
    await expect(sendMessage(reader, input)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(clearQueue(reader, input)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(cancelMessage(reader, { messageId })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(getMessage(writer, { messageId })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(queueStatus(writer, input)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    // Who forwards to themselves has read it.
    const forward = { messageId, to: input.to };
    await expect(forwardMessage(writer, forward)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await forwardMessage(as({ scopes: ['messages:write', 'read'] }), forward);
  });

  it('a key that may not read is told what it has changed, and not what messages say', async () => {
    const writer = as({ scopes: ['messages:write'] });
    const { answer } = await sendMessage(writer, input);
    const hidden = { content: null, original: null, type: 'text', messageId: answer.messageId };
    expect((await cancelMessage(writer, answer)).message).toMatchObject({ ...hidden, status: 'canceled' });
    const kept: unknown[] = [];
    const again = await retryMessage(writer, answer, (message) => {
      kept.push(message);
      return { status: 202, body: {} };
    });
    expect(again).toMatchObject({ ...hidden, status: 'queued' });
    expect(kept.every((message) => JSON.stringify(message).includes('"content":null'))).toBe(true);
    const reader = as({ scopes: ['messages:write', 'read'] });
    expect((await cancelMessage(reader, answer)).message).toMatchObject({ content: input.content });
    // It has paused the queue, and is told so.
    expect(await pauseQueue(writer, input)).toMatchObject({ session: 'main' });
    expect(await resumeQueue(writer, input)).toMatchObject({ session: 'main' });
  });

  it('a key that is bound to one session knows no other', async () => {
    const bound = as({ sessionIds: ['second'] });
    const { answer } = await sendMessage(as(), input);
    await expect(sendMessage(bound, input)).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    await expect(getMessage(bound, answer)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(cancelMessage(bound, answer)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await sendMessage(bound, { ...input, session: 'second' });
  });
});

describe('an album', () => {
  it('is canceled by its head with all that has not left, and restored with what went with it', async () => {
    const source = `data:image/png;base64,${pngFile(50).toString('base64')}`;
    const items = Array.from({ length: 3 }, () => ({ type: 'image' as const, source }));
    const album = async () => {
      const { answer } = await sendAlbum(as(), { session: 'main', to: input.to, items });
      return [answer.album, ...answer.items].map(({ messageId }) => messageId);
    };
    const [ids, other] = [await album(), await album()];
    const [head = '', first = '', second = '', third = ''] = ids;
    const cancel = async (messageId: string) => (await cancelMessage(as(), { messageId })).canceled;
    const statuses = async () =>
      Promise.all(
        [...ids, ...other].map(async (messageId) => (await getMessage(as(), { messageId })).status),
      );
    const rest = Array(4).fill('queued');
    expect(await cancel(first)).toEqual([first]);
    await clock.advance(1);
    expect((await cancel(head)).toSorted()).toEqual([head, second, third].toSorted());
    expect(await statuses()).toEqual([...Array(4).fill('canceled'), ...rest]);
    expect(await cancel(head)).toEqual([]);
    await restoreMessage(as(), { messageId: head });
    expect(await statuses()).toEqual(['queued', 'canceled', 'queued', 'queued', ...rest]);
    // The head and one item have left.
    await t.deps.db
      .update(messages)
      .set({ status: 'sent' })
      .where(inArray(messages.messageId, [head, second]));
    await t.deps.db.delete(messageQueue).where(inArray(messageQueue.messageId, [head, second]));
    expect(await cancel(head)).toEqual([third]);
    expect(await statuses()).toEqual(['sent', 'canceled', 'sent', 'canceled', ...rest]);
    await expect(cancel(head)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('is found among long texts of the same moment without holding the event loop', async () => {
    const at = clock.now();
    const [session] = await t.deps.db
      .select()
      .from(whatsappAccounts)
      .where(eq(whatsappAccounts.userId, userId));
    const accountId = session?.id ?? '';
    const row = (n: number, type: string, content: object) => ({
      ...{ id: `${String(n).padStart(32, '0')}`, userId, accountId, sessionId: 'main', messageId: newId() },
      ...({ direction: 'out', peer: '628123@s.whatsapp.net', type, content, status: 'queued' } as const),
      ...{ createdAt: at, updatedAt: at },
    });
    const texts = Array.from({ length: 300 }, (_, n) =>
      row(n, 'text', { type: 'text', text: 'x'.repeat(65_536) }),
    );
    const item = row(300, 'image', { type: 'image', album: 'head' });
    const stranger = row(301, 'image', { type: 'image', album: 'another' });
    for await (const some of inBatches([...texts, item, stranger], 50))
      await insertMany(t.deps.db, messages, some);
    const head = { id: '', accountId, createdAt: at, messageId: 'head' };
    const heldMs = await heldAtLeast(async () => {
      expect((await readItems(t.deps.db, head)).map(({ id }) => id)).toEqual([item.id]);
    });
    expect(heldMs).toBeLessThan(MAX_HOLD_MS);
  });
});

describe('estimatedSendAt', () => {
  const estimate = async (over = {}) => {
    const { answer } = await sendMessage(as(), { ...input, ...over });
    return Date.parse(String(answer.estimatedSendAt)) - clock.now();
  };

  it('follows the pace, then the limits, and does not hold up high priority', async () => {
    const seconds: number[] = [];
    for (let i = 0; i < 40; i++) seconds.push((await estimate({ to: `+62812340000${10 + i}` })) / 1_000);
    expect(seconds.slice(0, 4)).toEqual([0, 5, 10, 15]);
    expect(seconds[39]).toBe(195);
    expect(await estimate({ priority: 'high' })).toBe(0);
  });

  it('is not before the time it is scheduled for', async () => {
    expect(await estimate({ scheduledAt: clock.now() + 3_600_000 })).toBe(3_600_000);
  });
});

describe('waiting for outcomes', () => {
  it('is one query for all who wait, and none when nobody does', async () => {
    const queued = await Promise.all(Array.from({ length: 30 }, () => sendMessage(as(), input)));
    let reads = 0;
    const { db } = t.deps;
    const counting = {
      ...t.deps,
      db: {
        ...db,
        select: ((...args: Parameters<typeof db.select>) => {
          reads++;
          return db.select(...args);
        }) as typeof db.select,
      },
    };
    const waits = queued.map(({ id }) => waitForOutcome(counting, id, { timeoutMs: 2_000 }));
    for (let poll = 1; poll <= 3; poll++) {
      await clock.advance(300);
      await until(() => reads >= poll, 5_000);
      // The next poll is set when this one's answer, which takes real time, is there.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(reads).toBeLessThanOrEqual(4);
    await t.deps.db.update(messages).set({ status: 'delivered' });
    await clock.advance(300);
    const outcomes = await Promise.all(waits);
    expect(outcomes.map((outcome) => outcome?.status)).toEqual(Array(30).fill('delivered'));
    const after = reads;
    await clock.advance(10_000);
    expect(reads).toBe(after);
  });

  it('ends with null when the time runs out, and at once for what this process settles', async () => {
    const { id } = await sendMessage(as(), input);
    const late = waitForOutcome(t.deps, id, { timeoutMs: 100 });
    await clock.advance(100);
    expect(await late).toBeNull();
    const soon = waitForOutcome(t.deps, id, { timeoutMs: 100 });
    t.deps.signals.settled({ id, status: 'failed', errorCode: '463', errorMessage: 'no' });
    expect(await soon).toMatchObject({ status: 'failed', errorCode: '463' });
  });
});
