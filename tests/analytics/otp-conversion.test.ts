import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { otps } from '../../src/db/schema.ts';
import { countryOf, quickCountryOf } from '../../src/services/otp/country.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';

const NOW = Date.UTC(2026, 0, 10, 12, 0, 0);
const HOUR_MS = 3_600_000;

let t: TestApp;
let tenant: Tenant;
let other: Tenant;

type Status = (typeof otps.$inferSelect)['status'];

function row(userId: number, status: Status, hoursAgo: number, phone: string, session = 'main') {
  const at = NOW - hoursAgo * HOUR_MS;
  const id = newId(at);
  return {
    id,
    userId,
    accountId: id,
    sessionId: session,
    requestedSessionId: session,
    phone,
    status,
    length: 6,
    language: 'id' as const,
    maxAttempts: 3,
    messageRowId: id,
    messageId: id,
    deliveries: [],
    failover: [],
    expiresAt: at + 300_000,
    createdAt: at,
    updatedAt: at,
  };
}

beforeAll(async () => {
  t = await openTestApp({ clock: createFakeClock(NOW) });
  tenant = await t.tenant();
  other = await t.tenant();
  await insertMany(t.deps.db, otps, [
    row(tenant.id, 'verified', 1, '6281234567890'),
    row(tenant.id, 'verified', 1, '6281234567891'),
    row(tenant.id, 'expired', 2, '6281234567892'),
    row(tenant.id, 'canceled', 2, '6281234567893'),
    row(tenant.id, 'sent', 0, '6281234567894', 'second'),
    row(tenant.id, 'failed', 30, '6591234567', 'second'),
    row(tenant.id, 'verified', 24 * 20, '6281234567895'),
    row(other.id, 'failed', 1, '447400123456'),
  ]);
});
afterAll(() => t.close());

async function ask(query: string, token = tenant.token): Promise<Record<string, unknown>> {
  const reply = await t.call(`/analytics/otp/conversion?${query}`, { token });
  expect(reply.status, reply.text).toBe(200);
  return Object(reply.body.data);
}

describe('the conversion of codes', () => {
  it('is told by day and by country; replaced and open ones do not lower it', async () => {
    const data = await ask('days=7&timeZone=Asia/Jakarta');
    expect(data.total).toEqual({
      total: 6,
      verified: 2,
      expired: 1,
      failed: 1,
      canceled: 1,
      pending: 1,
      successRate: 50,
    });
    expect(data.byCountry).toMatchObject([
      { country: 'ID', total: 5, successRate: 66.7 },
      { country: 'SG', total: 1, successRate: 0 },
    ]);
    const days: { date: string; total: number }[] = Object(data).byDay;
    expect(days).toHaveLength(7);
    expect(days.at(-1)).toMatchObject({ date: '2026-01-10', total: 5 });
    expect(days.at(-2)).toMatchObject({ date: '2026-01-09', total: 1 });
    expect(days.at(0)).toMatchObject({ date: '2026-01-04', total: 0, successRate: null });
    expect(data.period).toMatchObject({ days: 7, complete: true, from: '2026-01-03T17:00:00.000Z' });
  });

  it('reaches back as far as it is asked to', async () => {
    expect((await ask('days=31')).total).toMatchObject({ total: 7, verified: 3 });
    expect((await ask('days=1')).total).toMatchObject({ total: 5 });
  });

  it('can be that of one session', async () => {
    expect((await ask('days=7&sessionId=second')).total).toMatchObject({ total: 2, failed: 1, pending: 1 });
    expect((await ask('days=7&sessionId=nothing')).total).toMatchObject({ total: 0, successRate: null });
  });

  it('is nobody else’s, but an admin’s to look at', async () => {
    expect((await ask('days=7', other.token)).byCountry).toMatchObject([{ country: 'GB' }]);
    const asked = `/analytics/otp/conversion?userId=${tenant.id}`;
    expect((await t.call(asked, { token: other.token })).status).toBe(403);
    const admin = await t.tenant('admin');
    expect((await ask(`days=7&userId=${tenant.id}`, admin.token)).total).toMatchObject({ total: 6 });
  });
});

it('the quick way to a country says the same as the thorough one', () => {
  for (const phone of [
    '6281234567890',
    '6591234567',
    '12025550123',
    '14165550123',
    '447911123456',
    '77012345678',
    '79161234567',
    '390612345678',
    '870123456789',
    '80012345678',
    '2348031234567',
    '999',
  ]) {
    expect(quickCountryOf(phone), phone).toBe(countryOf(phone));
  }
});
