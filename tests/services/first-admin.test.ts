import { afterEach, describe, expect, it } from 'vitest';
import { ensureFirstAdmin } from '../../src/services/first-admin.ts';
import { openTestApp, type TestApp, testConfig } from '../helpers/app.ts';

const open: TestApp[] = [];
async function start(): Promise<TestApp> {
  const app = await openTestApp();
  open.push(app);
  return app;
}
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

const ADMIN = { adminEmail: 'boss@example.com', adminPassword: 'a long password' };
const KEY = 'k'.repeat(40);
const ensure = (t: TestApp, overrides: object) =>
  ensureFirstAdmin({ ...t.deps, config: testConfig(overrides) });
const login = (t: TestApp) =>
  t.call('/auth/login', { method: 'POST', body: { email: ADMIN.adminEmail, password: ADMIN.adminPassword } });

describe('ensureFirstAdmin', () => {
  it('makes the admin once, also when processes start together', async () => {
    const t = await start();
    const made = await Promise.all([ensure(t, ADMIN), ensure(t, ADMIN), ensure(t, ADMIN)]);
    expect(made.filter((admin) => admin?.created)).toHaveLength(1);
    expect(new Set(made.map((admin) => admin?.userId)).size).toBe(1);
    expect((await login(t)).body.user).toMatchObject({ role: 'admin', email: 'boss@example.com' });
    expect(await ensure(t, { ...ADMIN, adminEmail: 'other@example.com' })).toMatchObject({ created: false });
  });

  it('makes none without a password, and promotes nobody', async () => {
    const t = await start();
    expect(await ensure(t, {})).toBeNull();
    const body = { email: ADMIN.adminEmail, password: 'password123', name: 'Early bird' };
    const early = await t.call('/auth/register', { method: 'POST', body });
    expect(await ensure(t, ADMIN)).toBeNull();
    expect((await t.call('/auth/me', { token: String(early.body.token) })).body.user).toMatchObject({
      role: 'user',
    });
  });

  it("makes KEY the first admin's own key", async () => {
    const t = await start();
    await Promise.all([ensure(t, { ...ADMIN, adminKey: KEY }), ensure(t, { ...ADMIN, adminKey: KEY })]);
    expect((await t.call('/auth/me', { apiKey: KEY })).body.user).toMatchObject({ role: 'admin' });
    expect((await login(t)).body.user).toMatchObject({ apiKey: KEY });
  });

  it('does not bring back a KEY that its owner has replaced, and takes a new one', async () => {
    const t = await start();
    await ensure(t, { ...ADMIN, adminKey: KEY });
    const { token } = (await login(t)).body;
    const renewed = await t.call('/auth/regenerate-api-key', { method: 'POST', token: String(token) });
    await ensure(t, { ...ADMIN, adminKey: KEY });
    expect((await t.call('/auth/me', { apiKey: KEY })).status).toBe(401);
    expect((await t.call('/auth/me', { apiKey: String(renewed.body.apiKey) })).status).toBe(200);
    await ensure(t, { ...ADMIN, adminKey: 'n'.repeat(40) });
    expect((await t.call('/auth/me', { apiKey: 'n'.repeat(40) })).status).toBe(200);
    expect((await t.call('/auth/me', { apiKey: String(renewed.body.apiKey) })).status).toBe(401);
  });
});
