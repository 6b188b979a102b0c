import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIVITY_ACTIONS } from '../../src/db/schema.ts';
import type { ActivityInput } from '../../src/services/analytics/filter.ts';
import { listActivity } from '../../src/services/analytics/logs.ts';
import { ANONYMOUS } from '../../src/services/context.ts';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import {
  type ActivityInsert,
  addFacts,
  addMessage,
  addOtp,
  addSession,
  asTenant,
  dataOf,
  factRow,
  type LogData,
} from './fixture.ts';

const START = Date.UTC(2026, 0, 10);
const MINUTE_MS = 60_000;
const EVENTS = [
  'session.created',
  'session.qr',
  'message.queued',
  'message.sent',
  'message.failed',
  'message.received',
  'otp.sent',
  'message.read',
  'webhook.created',
];

let t: TestApp;
let owner: Tenant;
let stranger: Tenant;
let rows: ActivityInsert[];
beforeAll(async () => {
  t = await openTestApp();
  owner = await t.tenant();
  stranger = await t.tenant();
  rows = Array.from({ length: 240 }, (_, i) => {
    const event = EVENTS[i % EVENTS.length] ?? '';
    const failed = event === 'message.failed' ? { status: 'failure' as const } : {};
    // Several of the same millisecond, as a burst leaves them.
    const at = START + Math.floor(i / 4) * MINUTE_MS;
    return factRow(owner.id, event, at, { sessionId: `session-${i % 3}`, ...failed });
  });
  await addFacts(t, rows);
  await addFacts(t, [factRow(stranger.id, 'message.sent', START, { sessionId: 'session-0' })]);
});
afterAll(() => t.close());

/** What the filter must give, by looking at every row. */
function expected(filter: Record<string, string>): string[] {
  return rows
    .filter(
      (row) =>
        (filter.sessionId === undefined || row.sessionId === filter.sessionId) &&
        (filter.action === undefined || row.action === filter.action) &&
        (filter.status === undefined ||
          (row.status === 'failure' ? 'error' : row.status) === filter.status) &&
        (filter.from === undefined || row.at >= Date.parse(filter.from)) &&
        (filter.to === undefined || row.at < Date.parse(filter.to)),
    )
    .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    .map((row) => row.id);
}

async function readAll(filter: Record<string, string>, tenant: Tenant = owner): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ to: '2026-02-01', ...filter, limit: '7' });
    if (cursor !== null) query.set('cursor', cursor);
    const data: LogData = dataOf(await asTenant(t, tenant).get(`/analytics/logs/activity?${query}`));
    ids.push(...data.logs.map((log) => String(log.id)));
    cursor = data.nextCursor;
  } while (cursor !== null);
  return ids;
}

const BETWEEN = { from: '2026-01-10T00:10:00.000Z', to: '2026-01-10T00:40:00.000Z' };

describe('the activity log', () => {
  it.each([
    [{}],
    [{ sessionId: 'session-1' }],
    [{ action: 'message_send' }],
    [{ status: 'error' }],
    [{ status: 'pending' }],
    [{ action: 'message_send', status: 'success' }],
    [{ sessionId: 'session-2', action: 'otp_status' }],
    [{ sessionId: 'session-1', status: 'error' }],
    [{ sessionId: 'session-0', action: 'message_attempt', status: 'pending' }],
    [{ ...BETWEEN }],
    [{ ...BETWEEN, action: 'session_create' }],
    [{ action: 'file_upload' }],
  ] as Record<string, string>[][])(
    'gives with the cursor exactly what %j selects, newest first',
    async (filter) => {
      expect(await readAll(filter)).toEqual(expected(filter));
    },
  );

  it('gives by page what the cursor gives, with the totals', async () => {
    const all = expected({ action: 'message_send' });
    const path = '/analytics/logs/activity?action=message_send&to=2026-02-01&limit=20';
    const second: LogData = dataOf(await asTenant(t, owner).get(`${path}&page=2`));
    expect(second.logs.map((log) => log.id)).toEqual(all.slice(20, 40));
    expect(second.pagination).toEqual({
      page: 2,
      limit: 20,
      totalItems: all.length,
      totalPages: Math.ceil(all.length / 20),
    });
  });

  it('takes every action, and no other word', async () => {
    for (const action of ACTIVITY_ACTIONS) {
      const data: LogData = dataOf(await asTenant(t, owner).get(`/analytics/logs/activity?action=${action}`));
      for (const log of data.logs) expect(log.action).toBe(action);
    }
    expect((await asTenant(t, owner).get('/analytics/logs/activity?action=anything')).status).toBe(400);
  });

  it('refuses a cursor that is not its own and a page beyond what is counted', async () => {
    for (const query of ['cursor=1', 'cursor=99999.x', 'page=201&limit=50', 'limit=201']) {
      const reply = await asTenant(t, owner).get(`/analytics/logs/activity?${query}`);
      expect(reply, query).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    }
  });

  it('shows a tenant its own entries only, a bound key those of its session, and an admin whose it names', async () => {
    expect(await readAll({ sessionId: 'session-0' }, stranger)).toHaveLength(1);
    const asked = await asTenant(t, stranger).get(`/analytics/logs/activity?userId=${owner.id}`);
    expect(asked).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });

    const made = await t.call('/auth/api-keys', {
      method: 'POST',
      token: owner.token,
      body: { name: 'bound', scopes: ['read'], sessionId: 'session-1' },
    });
    const apiKey = String(made.body.apiKey);
    const own: LogData = dataOf(await t.call('/analytics/logs/activity?limit=200&to=2026-02-01', { apiKey }));
    expect(own.logs.map((log) => log.id)).toEqual(expected({ sessionId: 'session-1' }));
    const other = await t.call('/analytics/logs/activity?sessionId=session-0', { apiKey });
    expect(other).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });

    const admin = await t.tenant('admin');
    expect(await readAll({ userId: String(owner.id), status: 'error' }, admin)).toEqual(
      expected({ status: 'error' }),
    );
    const all = await readAll({ all: 'true' }, admin);
    expect(all).toEqual(expect.arrayContaining(expected({})));
    expect(all).toHaveLength(rows.length + 1);
    expect(await readAll({ all: 'true', action: 'message_send', status: 'success' }, admin)).toHaveLength(
      expected({ action: 'message_send', status: 'success' }).length + 1,
    );
  });

  describe('of somebody who sees as many sessions as anybody may', () => {
    const sessions = Array.from({ length: 50 }, (_, i) => `session-${i}`);
    const read = (input: Partial<ActivityInput>) =>
      listActivity(
        {
          ...t.deps,
          actor: { ...ANONYMOUS, userId: owner.id, scopes: null, sessionIds: sessions },
          requestId: 'test',
          ip: null,
          userAgent: null,
        },
        { page: 1, limit: 50, to: Date.UTC(2026, 1, 1), ...input },
      );

    it('is filtered by a status alone, whose parts no single statement takes', async () => {
      const all = expected({ status: 'error' });
      const first = await read({ status: 'error', limit: 20 });
      expect(first.logs.map(({ id }) => id)).toEqual(all.slice(0, 20));
      expect(first.totalItems).toBe(all.length);
      const rest = await read({ status: 'error', cursor: first.nextCursor ?? '' });
      expect(rest.logs.map(({ id }) => id)).toEqual(all.slice(20));
    });

    it('has no pages by number for which all of that would be merged again and again', async () => {
      const page = (n: number) => read({ status: 'error', limit: 50, page: n });
      expect((await page(5)).logs).toEqual([]);
      await expect(page(6)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        details: { page: expect.stringContaining('beyond the first 250 entries') },
      });
      // One action has fewer parts.
      expect((await read({ status: 'error', action: 'message_send', page: 6 })).logs).toEqual([]);
    });
  });

  it('asks an admin whose session is meant where many workspaces have one of that name', async () => {
    const admin = await t.tenant('admin');
    for (let n = 0; n < 51; n++) await addSession(t, 900_000 + n, 'everybodys');
    const path = '?all=true&sessionId=everybodys';
    for (const asked of [`logs/activity${path}`, `logs/errors${path}`, `export${path}&log=messages`]) {
      expect(await asTenant(t, admin).get(`/analytics/${asked}`), asked).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED', details: { sessionId: expect.stringContaining('userId') } },
      });
    }
  });

  it('knows of a message its type, number, error and how long it took', async () => {
    const id = await addSession(t, owner.id, 'fields');
    const session = { id, userId: owner.id, sessionId: 'fields' };
    const at = START + 1_000;
    const failure = { errorCode: '463', errorMessage: 'WhatsApp has restricted this account.' };
    const messageId = await addMessage(t, session, {
      createdAt: at,
      type: 'image',
      status: 'failed',
      ...failure,
    });
    const data = { messageId, to: '+6281200000001', type: 'image', errorCode: '463' };
    const about = {
      accountId: id,
      sessionId: 'fields',
      subject: messageId,
      data,
      status: 'failure' as const,
    };
    await addFacts(t, [factRow(owner.id, 'message.failed', at + 1_500, about)]);
    const { logs }: LogData = dataOf(
      await asTenant(t, owner).get('/analytics/logs/activity?sessionId=fields&action=message_send'),
    );
    expect(logs).toEqual([
      expect.objectContaining({
        sessionId: 'fields',
        action: 'message_send',
        event: 'message.failed',
        messageType: 'image',
        phoneNumber: '6281200000001',
        messageId,
        status: 'error',
        errorMessage: 'WhatsApp has restricted this account.',
        duration: 1_500,
        createdAt: new Date(at + 1_500).toISOString(),
      }),
    ]);
    expect(JSON.stringify(logs)).not.toContain('secret body');
  });

  it('answers an empty log for a session that does not exist, like for one of somebody else', async () => {
    const { logs }: LogData = dataOf(
      await asTenant(t, stranger).get('/analytics/logs/activity?sessionId=fields'),
    );
    expect(logs).toEqual([]);
  });
});

describe('the error log', () => {
  it('holds what has failed, also calls of the API', async () => {
    const user = await t.tenant();
    await asTenant(t, user).get('/session/status?session=nowhere');
    const { logs }: LogData = dataOf(await asTenant(t, user).get('/api/analytics/logs/errors?limit=20'));
    expect(logs).toEqual([
      expect.objectContaining({
        action: 'api_call',
        status: 'error',
        errorMessage: 'There is no session nowhere.',
        details: expect.objectContaining({ errorCode: 'SESSION_NOT_FOUND' }),
        sessionId: 'nowhere',
        requestData: { session: 'nowhere' },
      }),
    ]);
  });
});

describe('the OTP log', () => {
  it('filters by number in any spelling, session and status, and counts the states', async () => {
    const user = await t.tenant();
    const at = START;
    const first = await addOtp(t, user.id, { createdAt: at, attempts: 1, companyName: 'PT. Contoh' });
    await addOtp(t, user.id, { createdAt: at + 1, status: 'expired' });
    await addOtp(t, user.id, { createdAt: at + 2, status: 'sent', endedAt: null, phone: '6281200000009' });
    await addOtp(t, user.id, { createdAt: at + 3, requestedSessionId: 'other', status: 'failed' });
    await addOtp(t, stranger.id, { createdAt: at });
    const ask = async (query: string): Promise<LogData> =>
      dataOf(await asTenant(t, user).get(`/analytics/logs/otp?${query}`));

    expect((await ask('')).logs).toHaveLength(4);
    expect((await ask('phoneNumber=081234567890')).logs).toHaveLength(3);
    expect((await ask('sessionId=other')).logs).toHaveLength(1);
    expect((await ask('sessionId=main&status=expired')).logs).toHaveLength(1);
    const verified = await ask('phoneNumber=%2B62%20812-3456-7890&status=verified');
    expect(verified.logs).toEqual([
      expect.objectContaining({
        otpId: first,
        sessionId: 'main',
        phoneNumber: '6281234567890',
        status: 'verified',
        attempts: 1,
        maxAttempts: 3,
        companyName: 'PT. Contoh',
      }),
    ]);
    expect(Object.keys(verified.logs[0] ?? {})).not.toContain('otp');
    expect((await ask('')).statistics).toEqual({
      total: 4,
      pending: 0,
      sent: 1,
      verified: 1,
      expired: 1,
      failed: 1,
      canceled: 0,
      successRate: 33.3,
    });
    const admin = await t.tenant('admin');
    const all: LogData = dataOf(await asTenant(t, admin).get('/analytics/logs/otp?all=true&status=verified'));
    expect(all.logs).toHaveLength(2);
    expect(all.statistics).toMatchObject({ total: 2, verified: 2, expired: 0, successRate: 100 });
    const whole: LogData = dataOf(await asTenant(t, admin).get('/analytics/logs/otp?all=true'));
    expect(whole.statistics).toMatchObject({ total: 5, sent: 1, verified: 2, expired: 1, failed: 1 });
  });

  it('finds by every number of a subscriber, of their own tenant only', async () => {
    const [before, today] = ['5215512345678', '525512345678'];
    const [alias, account] = ['628111111119', '628222222229'];
    const user = await t.tenant();
    const other = await t.tenant();
    const now = t.deps.clock.now();
    await learnAlias(t.deps.db, user.id, { alias, phone: account, lid: null }, now);
    for (const [tenant, phone] of [
      [user, before],
      [user, account],
      [other, account],
    ] as const) {
      await addOtp(t, tenant.id, { phone });
    }
    const found = async (tenant: typeof user, phone: string) => {
      const reply = await t.call(`/analytics/logs/otp?phoneNumber=%2B${phone}`, { token: tenant.token });
      return Object(reply.body.data).logs.map((log: { phoneNumber: string }) => log.phoneNumber);
    };
    expect(await found(user, today)).toEqual([before]);
    expect(await found(user, alias)).toEqual([account]);
    expect(await found(other, alias)).toEqual([]);
    expect(await found(other, today)).toEqual([]);
  });
});
