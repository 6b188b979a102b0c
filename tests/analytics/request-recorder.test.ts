import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { activityLogs, apiRequestBodies, apiRequests } from '../../src/db/schema.ts';
import { createRequestRecorder, type SeenRequest } from '../../src/services/analytics/request-recorder.ts';
import { createWriteBehind } from '../../src/services/write-behind.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { addSession, asTenant, dataOf, type LogData } from './fixture.ts';

let t: TestApp;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(() => t.close());

const SECRETS = ['very secret text', '482913', 'new-password-1', 'old-password-1'];

describe('a call of the API', () => {
  it('is logged with who, where from, how long and what, without secrets, codes and contents', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    const headers = { 'user-agent': 'client/1.0', 'x-request-id': 'req-42' };
    const text = { session: 'main', to: '0812-3456-7890', text: SECRETS[0] };
    const call = { method: 'POST', apiKey: user.apiKey, headers };
    const sent = await t.call('/message/send-text', { ...call, body: text });
    await t.call('/otp/verify', { ...call, body: { phoneNumber: '081234567890', otp: SECRETS[1] } });
    const passwords = { currentPassword: SECRETS[3], newPassword: SECRETS[2] };
    await t.call('/auth/change-password', { method: 'POST', token: user.token, body: passwords });
    const { logs }: LogData = dataOf(await asTenant(t, user).get('/analytics/logs/activity'));
    const messageId = Object(sent.body.data).messageId;
    expect(logs.find((log) => log.messageId === messageId && log.event === 'api.request')).toMatchObject({
      action: 'api_call',
      sessionId: 'main',
      messageType: 'text',
      phoneNumber: '6281234567890',
      messageId,
      status: 'pending',
      ipAddress: '127.0.0.1',
      userAgent: 'client/1.0',
      requestId: 'req-42',
      duration: expect.any(Number),
      requestData: { session: 'main', to: '0812-3456-7890', text: '[hidden]' },
      responseData: expect.objectContaining({ messageId, status: 'queued' }),
      details: expect.objectContaining({ method: 'POST', route: '/message/send-text', httpStatus: 202 }),
    });
    expect(logs.map((log) => log.status)).toContain('error');
    for (const secret of SECRETS) expect(JSON.stringify(logs)).not.toContain(secret);
  });

  it('is not logged for probes, pages and callers without a credential', async () => {
    await t.deps.requestRecorder.flush();
    const before = await countRows(t.deps.db);
    for (const path of [
      '/health',
      '/health/live',
      '/docs',
      '/openapi.json',
      '/metrics',
      '/session/list',
      '/nowhere',
    ]) {
      await t.call(path);
    }
    await t.deps.requestRecorder.flush();
    expect(await countRows(t.deps.db)).toBe(before);
  });
});

async function countRows(db: Db): Promise<number> {
  return (await db.select({ id: activityLogs.id }).from(activityLogs)).length;
}

const seen = (userId: number): SeenRequest => ({
  path: '/session/list',
  received: {},
  answered: null,
  method: 'GET',
  route: '/session/list',
  status: 200,
  durationMs: 1,
  requestId: 'r',
  actor: {
    userId,
    personId: userId,
    role: 'user',
    workspaceRole: 'owner',
    via: 'jwt',
    scopes: null,
    sessionIds: null,
    keyId: null,
  },
  ip: null,
  userAgent: null,
  failure: null,
  request: {},
  response: {},
  quiet: false,
});

describe('the recorder', () => {
  it('writes in batches: after half a second, at 200 rows, and when it stops', async () => {
    const clock = createFakeClock();
    const { db, logger } = t.deps;
    const recorder = createRequestRecorder({ db, logger, clock });
    const userId = 900_001;
    const written = async () =>
      (await db.select({ id: activityLogs.id }).from(activityLogs).where(eq(activityLogs.userId, userId)))
        .length;
    recorder.add(seen(userId));
    await clock.advance(499);
    expect(await written()).toBe(0);
    await clock.advance(1);
    await recorder.flush();
    expect(await written()).toBe(1);
    for (let i = 0; i < 200; i++) recorder.add(seen(userId));
    await recorder.flush();
    expect(await written()).toBe(201);
    recorder.add(seen(userId));
    await recorder.stop();
    recorder.add(seen(userId));
    await recorder.stop();
    expect(await written()).toBe(202);
  });

  it('waits for a database that is away, and gives up the oldest when too many wait', async () => {
    const clock = createFakeClock();
    const { logger } = t.deps;
    let isAway = true;
    const db = Object.create(t.deps.db, {
      session: {
        get() {
          if (isAway) throw new Error('the database is away');
          return Reflect.get(t.deps.db, 'session');
        },
      },
    }) as Db;
    const recorder = createRequestRecorder({ db, logger, clock });
    const userId = 900_002;
    for (let i = 0; i < 10_050; i++) recorder.add(seen(userId));
    await recorder.flush();
    expect(recorder.dropped).toBe(50);
    isAway = false;
    await recorder.stop();
    const rows = await t.deps.db
      .select({ id: activityLogs.id })
      .from(activityLogs)
      .where(eq(activityLogs.userId, userId));
    expect(rows).toHaveLength(10_000);
  });
});

describe('calls that come too often', () => {
  it('are logged sixty times a minute for each user, and others are logged all the same', async () => {
    const clock = createFakeClock();
    const recorder = createRequestRecorder({ ...t.deps, clock });
    const [noisy, other] = [await t.tenant(), await t.tenant()];
    const tooOften = (userId: number): SeenRequest => ({
      ...seen(userId),
      status: 429,
      failure: { code: 'RATE_LIMITED', message: 'Too many requests: wait a little.' },
    });
    const rowsOf = async (userId: number) => {
      await recorder.flush();
      return t.deps.db.select().from(activityLogs).where(eq(activityLogs.userId, userId));
    };
    const before = (await rowsOf(noisy.id)).length;
    for (let n = 0; n < 1_000; n++) recorder.add(tooOften(noisy.id));
    recorder.add(seen(noisy.id));
    recorder.add(tooOften(other.id));
    const ofOther = (await rowsOf(other.id)).filter(({ status }) => status === 'failure');
    expect(await rowsOf(noisy.id)).toHaveLength(before + 61);
    expect(ofOther).toHaveLength(1);
    await clock.advance(60_000);
    recorder.add(tooOften(noisy.id));
    expect(await rowsOf(noisy.id)).toHaveLength(before + 62);
    await recorder.stop();
  });

  it('writes each row once though the answers of its first tries were lost', async () => {
    const { logger } = t.deps;
    const userId = 900_003;
    const recorder = createRequestRecorder({ db: losing(t.deps.db, 3), logger, clock: createFakeClock() });
    recorder.add({ ...seen(userId), received: { query: { page: '1' } } });
    for (let i = 0; i < 4; i++) await recorder.flush();
    for (const table of [activityLogs, apiRequests, apiRequestBodies]) {
      expect(
        await t.deps.db.select({ id: table.id }).from(table).where(eq(table.userId, userId)),
      ).toHaveLength(1);
    }
    await recorder.stop();
  });
});

/** Its first inserts are done, and nobody hears of it. */
function losing(db: Db, answers: number): Db {
  let left = answers;
  const session: object = Reflect.get(db, 'session');
  const client = new Proxy(Reflect.get(session, 'client') as object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'execute' && name !== 'query') return value.bind(target);
      return async (...args: unknown[]) => {
        const result: unknown = await value.apply(target, args);
        if (/^insert/i.test(Object(args[0]).sql) && left-- > 0) throw new Error('the answer was lost');
        return result;
      };
    },
  });
  return Object.create(db, { session: { value: Object.create(session, { client: { value: client } }) } });
}

describe('rows on their way', () => {
  const options = { sorry: 'rows wait', flushMs: 1_000, batchSize: 2, maxWaiting: 100 };
  /** Lets pass what was begun. */
  const pass = () => new Promise((resolve) => setImmediate(resolve));

  it('are written up to those that wait when a reader asks, though more come all the time', async () => {
    const written: number[] = [];
    const rows = createWriteBehind<number>(
      { logger: t.deps.logger, clock: createFakeClock() },
      {
        ...options,
        async write(batch) {
          written.push(...batch);
          if (written.length < 100) for (const row of batch) rows.add(row + 10);
        },
      },
    );
    rows.add(1);
    await rows.flush();
    expect(written).toEqual([1]);
    await rows.stop();
    expect(written).toEqual([1, 11]);
  });

  it('pile up no flushes while the database is away, and go when the timer finds it back', async () => {
    const clock = createFakeClock();
    let tries = 0;
    let isAway = true;
    const written: number[] = [];
    const rows = createWriteBehind<number>(
      { logger: t.deps.logger, clock },
      {
        ...options,
        async write(batch) {
          tries++;
          await pass();
          if (isAway) throw new Error('away');
          written.push(...batch);
        },
      },
    );
    for (let i = 0; i < 10; i++) rows.add(i);
    await Promise.all(Array.from({ length: 20 }, () => rows.flush()));
    expect(tries).toBe(1);
    for (let i = 10; i < 20; i++) rows.add(i);
    await pass();
    expect(tries).toBe(1);
    isAway = false;
    await clock.advance(1_000);
    await rows.flush();
    expect(written).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await rows.stop();
  });
});
