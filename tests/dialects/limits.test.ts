/** The limits of the broadcast API: documented, told in its words, and no concern of anybody else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { PNG } from './files.ts';

const clock = createFakeClock(Date.UTC(2026, 0, 5, 10, 0, 0));
let t: TestApp;
beforeAll(async () => {
  t = await openTestApp({
    clock,
    config: { httpLimits: { max: 100, windowMs: 900_000, apiMaxPerMinute: 600 } },
  });
});
afterAll(() => t.close());

async function tenantWithSession(): Promise<Tenant> {
  const tenant = await t.tenant();
  const at = clock.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id: newId(),
    userId: tenant.id,
    sessionId: 'user123',
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
  return tenant;
}

const tooMany = {
  success: false,
  error: 'Terlalu banyak request',
  message: expect.stringMatching(/^Terlalu banyak permintaan\. Coba lagi dalam [1-9]\d* detik\.$/),
  code: 'RATE_LIMITED',
};

test('100 requests in 15 minutes for each credential, then the next window', async () => {
  const [first, second] = [await tenantWithSession(), await tenantWithSession()];
  const ask = ({ apiKey }: Tenant) => t.call('/api/whatsapp/user123/status', { apiKey });
  for (let i = 0; i < 100; i++) expect((await ask(first)).status).toBe(200);
  const refused = await ask(first);
  expect(refused).toMatchObject({ status: 429, body: tooMany });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await ask(second)).status).toBe(200);
  // The same tenant's other surfaces have limits of their own.
  expect((await t.call('/api/sessions/user123/status', { apiKey: first.apiKey })).status).toBe(200);
  await clock.advance(900_000);
  expect((await ask(first)).status).toBe(200);
});

test('5 uploads a minute for a tenant', async () => {
  const { apiKey } = await tenantWithSession();
  const upload = () =>
    t.call('/api/whatsapp/user123/broadcast/upload', {
      method: 'POST',
      apiKey,
      body: { file: `data:image/png;base64,${PNG.toString('base64')}` },
    });
  for (let i = 0; i < 5; i++) expect((await upload()).status).toBe(201);
  expect(await upload()).toMatchObject({ status: 429, body: tooMany });
  await clock.advance(60_000);
  expect((await upload()).status).toBe(201);
});

test('10 campaigns an hour for a tenant', async () => {
  const { apiKey } = await tenantWithSession();
  const schedule = () =>
    t.call('/api/whatsapp/user123/broadcast/schedule', {
      method: 'POST',
      apiKey,
      body: { numbers: ['628123456789'], message: 'Promo', scheduledAt: '2026-02-01T08:00:00.000Z' },
    });
  for (let i = 0; i < 10; i++) expect((await schedule()).status).toBe(202);
  expect(await schedule()).toMatchObject({ status: 429, body: tooMany });
  await clock.advance(3_600_000);
  expect((await schedule()).status).toBe(202);
});
