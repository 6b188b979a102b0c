import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import {
  addFacts,
  addMessage,
  addOtp,
  addSession,
  asTenant,
  dataOf,
  factRow,
  type LogData,
} from './fixture.ts';

const DAY_MS = 86_400_000;

let t: TestApp;
let owner: Tenant;
let stranger: Tenant;
beforeAll(async () => {
  t = await openTestApp();
  owner = await t.tenant();
  stranger = await t.tenant();
});
afterAll(() => t.close());

type Row = Record<string, string>;

async function exported(tenant: Tenant, query: string): Promise<Row[]> {
  const reply = await t.call(`/analytics/export?${query}`, { apiKey: tenant.apiKey });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  return parse(reply.text, { columns: true }) as Row[];
}

describe('an export', () => {
  it('holds every entry once, newest first, however many pieces it takes', async () => {
    const user = await t.tenant();
    const now = Date.now();
    const rows = Array.from({ length: 1_234 }, (_, i) =>
      factRow(user.id, 'message.sent', now - DAY_MS - Math.floor(i / 3), { sessionId: 'main' }),
    );
    await addFacts(t, rows);
    const found = await exported(user, 'log=activity&sessionId=main');
    const order = [...rows].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
    expect(found.map((row) => row.id)).toEqual(order.map((row) => row.id));
    const some = await exported(
      user,
      `log=activity&sessionId=main&to=${new Date(now - DAY_MS - 399).toISOString()}`,
    );
    expect(some).toHaveLength(rows.filter((row) => row.at < now - DAY_MS - 399).length);
  });

  it('lets no cell begin as a formula does', async () => {
    const userAgent = '=HYPERLINK("http://evil.example","click")';
    await addFacts(t, [
      factRow(owner.id, 'webhook.created', Date.now(), {
        userAgent,
        requestId: '@SUM(1)',
        sessionId: '-2+3',
      }),
    ]);
    const [row] = await exported(owner, 'log=activity&sessionId=-2%2B3');
    expect(row).toMatchObject({ userAgent: `'${userAgent}`, requestId: "'@SUM(1)", sessionId: "'-2+3" });
  });

  it('of messages and codes holds neither content nor code, and nothing of another tenant', async () => {
    const session = { id: await addSession(t, owner.id, 'main'), userId: owner.id, sessionId: 'main' };
    const messageId = await addMessage(t, session);
    await addOtp(t, owner.id, { companyName: '+1 Company', codeMac: 'deadbeef' });
    const messages = await exported(owner, 'log=messages&sessionId=main');
    expect(messages).toEqual([
      expect.objectContaining({ messageId, phoneNumber: '+6281200000001', status: 'sent' }),
    ]);
    expect(JSON.stringify(messages)).not.toContain('secret body');
    const otps = await exported(owner, 'log=otp');
    expect(otps).toEqual([expect.objectContaining({ companyName: "'+1 Company", status: 'verified' })]);
    expect(JSON.stringify(otps)).not.toContain('deadbeef');
    for (const log of ['messages', 'otp']) expect(await exported(stranger, `log=${log}`)).toEqual([]);
    const asked = await asTenant(t, stranger).get('/analytics/export?log=otp&all=true');
    expect(asked).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    const admin = await t.tenant('admin');
    expect(await exported(admin, 'log=messages&all=true')).toHaveLength(1);
    expect(await exported(admin, 'log=otp&all=true')).toHaveLength(1);
  });

  it('reads no further than it is read', async () => {
    const user = await t.tenant();
    const rows = Array.from({ length: 3_000 }, (_, i) => factRow(user.id, 'message.sent', Date.now() - i));
    await addFacts(t, rows);
    const response = await t.app.request('/analytics/export?log=activity', {
      headers: { 'x-api-key': user.apiKey },
    });
    const reader = response.body?.getReader();
    await reader?.read();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    expect(first.split('\r\n').length).toBeLessThan(600);
    await reader?.cancel();
  });
});

describe('a cleanup', () => {
  it('deletes what is older, of its own tenant, keeps codes that can be used, and is recorded', async () => {
    const [user, other] = [await t.tenant(), await t.tenant()];
    const now = Date.now();
    for (const { id } of [user, other]) {
      await addFacts(t, [
        factRow(id, 'message.sent', now - 40 * DAY_MS),
        factRow(id, 'message.sent', now - 40 * DAY_MS),
        factRow(id, 'message.sent', now - 20 * DAY_MS),
      ]);
      await addOtp(t, id, { createdAt: now - 8 * DAY_MS });
      await addOtp(t, id, { createdAt: now - 8 * DAY_MS, status: 'sent', endedAt: null });
      await addOtp(t, id, { createdAt: now - 6 * DAY_MS });
    }
    const reply = await asTenant(t, user).post('/api/analytics/cleanup', { activityDays: 30, otpDays: 7 });
    expect(reply).toMatchObject({
      status: 200,
      body: { success: true, message: 'Cleanup completed', data: { activityDeleted: 2, otpDeleted: 1 } },
    });
    const left: LogData = dataOf(await asTenant(t, user).get('/analytics/logs/activity?action=api_call'));
    expect(left.logs).toContainEqual(
      expect.objectContaining({
        event: 'analytics.cleaned',
        details: { activityDays: 30, otpDays: 7, activityDeleted: 2, otpDeleted: 1 },
      }),
    );
    const theirs: LogData = dataOf(await asTenant(t, other).get('/analytics/logs/otp'));
    expect(theirs.logs).toHaveLength(3);
    const admin = await t.tenant('admin');
    const all = await asTenant(t, admin).post('/analytics/cleanup?all=true', {
      activityDays: 30,
      otpDays: 7,
    });
    expect(dataOf(all)).toMatchObject({ activityDeleted: 2, otpDeleted: 1 });
  });

  it('is for those who may write the log, and never for everybody’s', async () => {
    const reader = await t.tenant('readonly');
    const body = { activityDays: 1, otpDays: 1 };
    expect((await asTenant(t, reader).post('/analytics/cleanup', body)).status).toBe(403);
    expect((await asTenant(t, stranger).post('/analytics/cleanup?all=true', body)).status).toBe(403);
    expect((await asTenant(t, stranger).post('/analytics/cleanup', { activityDays: 0 })).status).toBe(400);
  });
});
