import { afterAll, beforeAll, expect, it } from 'vitest';
import { addSession } from '../analytics/fixture.ts';
import type { Tenant } from '../helpers/app.ts';
import { openSessionApp, type SessionApp } from './session-app.ts';

let app: SessionApp;
let tenant: Tenant;
beforeAll(async () => {
  app = await openSessionApp();
  tenant = await app.tenant();
  await addSession(app, tenant.id, 'main');
});
afterAll(() => app.close());

const set = (whose: Tenant, timezone: unknown) =>
  app.call('/auth/me', { method: 'PUT', token: whose.token, body: { timezone } });

/** Tomorrow at eight, without a zone. */
const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const scheduledAt = `${day}T08:00:00`;
const message = { session: 'main', to: '+6281234567890', text: 'later', scheduledAt };
const send = () => app.as(tenant).post('/message/send-text', message);

it('is a setting of the user, in which times without a zone are read; the service has the default', async () => {
  expect((await send()).body.data).toMatchObject({ scheduledAt: `${day}T08:00:00.000Z`, timezone: 'UTC' });
  const changed = await set(tenant, 'Asia/Makassar');
  expect(changed).toMatchObject({
    status: 200,
    body: { user: { id: tenant.id, timezone: 'Asia/Makassar' } },
  });
  expect((await send()).body.data).toMatchObject({
    scheduledAt: `${day}T00:00:00.000Z`,
    timezone: 'Asia/Makassar',
  });
  const campaign = { numbers: ['+6281234567890'], message: 'x', scheduledAt };
  const scheduled = await app.as(tenant).post('/session/main/broadcast/schedule', campaign);
  expect(scheduled.body.data).toMatchObject({
    scheduledAt: `${day}T00:00:00.000Z`,
    timezone: 'Asia/Makassar',
  });
  const me = await app.call('/auth/me', { apiKey: tenant.apiKey });
  expect(me.body.user).toMatchObject({ timezone: 'Asia/Makassar' });
  expect((await set(tenant, null)).body.user).toMatchObject({ timezone: null });
  expect((await send()).body.data).toMatchObject({ timezone: 'UTC' });
});

it('is that of one user only, and no key, reader or wrong name can set it', async () => {
  const other = await app.tenant();
  await set(other, 'America/Lima');
  expect((await send()).body.data).toMatchObject({ timezone: 'UTC' });
  for (const wrong of ['Mars/Phobos', '', 7, 'x'.repeat(65)]) {
    expect(await set(tenant, wrong)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  }
  const body = { timezone: 'Asia/Jayapura' };
  const byKey = await app.call('/auth/me', { method: 'PUT', apiKey: tenant.apiKey, body });
  expect([401, 403]).toContain(byKey.status);
  const reader = await app.tenant('readonly');
  expect((await set(reader, 'Asia/Jayapura')).status).toBe(403);
});

it('is the one that the name of a campaign without a name, and that of a file, tell the time of', async () => {
  const other = await app.tenant();
  await addSession(app, other.id, 'main');
  await set(other, 'Pacific/Kiritimati');
  const later = new Date(Date.now() + 2 * 86_400_000).toISOString();
  const campaign = { numbers: ['+6281234567890'], message: 'x', scheduledAt: later };
  // UTC+14 all year.
  const local = () => new Date(Date.now() + 14 * 3_600_000).toISOString();
  const from = local();
  const reply = await app.as(other).post('/session/main/broadcast/schedule', campaign);
  const file = await app.call('/analytics/export?log=activity&format=csv', { token: other.token });
  const until = local();
  const [, minute = ''] = /^Campaign (.*)$/.exec(String(Object(reply.body.data).name)) ?? [];
  const [, day = ''] = /activity-(.*)\.csv/.exec(file.headers.get('content-disposition') ?? '') ?? [];
  expect([
    minute >= from.slice(0, 16).replace('T', ' '),
    minute <= until.slice(0, 16).replace('T', ' '),
  ]).toEqual([true, true]);
  expect([day >= from.slice(0, 10), day <= until.slice(0, 10)]).toEqual([true, true]);
});

it('has no day that no calendar has', async () => {
  const year = new Date().getFullYear() + 1;
  for (const wrong of [`${year}-02-30T08:00:00`, `${year}-04-31 08:00`, `${year}-02-30T08:00:00Z`]) {
    const body = { ...message, scheduledAt: wrong };
    expect(await app.as(tenant).post('/message/send-text', body)).toMatchObject({
      status: 400,
      body: { details: { scheduledAt: expect.stringContaining('ISO 8601') } },
    });
  }
});
