/** What ends a credential ends it everywhere, whatever is in flight; and strangers' failures lock nobody else out. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activityLogs, apiKeys, rateLimits, users, whatsappAccounts } from '../../src/db/schema.ts';
import { revokeApiKey } from '../../src/services/api-keys.ts';
import { createCredentials } from '../../src/services/auth/credentials.ts';
import { makeDeviceMark } from '../../src/services/auth/known-devices.ts';
import { login } from '../../src/services/auth/verbs.ts';
import { ANONYMOUS, type Ctx } from '../../src/services/context.ts';
import { makeSessionLinks } from '../../src/services/sessions/links.ts';
import { signLink } from '../../src/services/signed-links.ts';
import { sha256Hex } from '../../src/utils/crypto.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Call, openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { losingAnswers } from '../helpers/unanswered-commits.ts';

const clock = createManualClock();
let t: TestApp;
let tenant: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock, config: { publicUrl: 'http://localhost' } });
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
});

const post = (path: string, body: unknown, call: Call = {}) =>
  t.call(path, { method: 'POST', body, token: tenant.token, ...call });
const statusOf = async (path: string, call: Call = {}) => (await t.call(path, call)).status;

async function upload(): Promise<string> {
  const made = await post('/media', { file: 'data:text/plain;base64,aGVsbG8=' });
  return String(Object(made.body.data).url);
}

async function extraKey(): Promise<string> {
  const made = await post('/auth/api-keys', { name: 'shop', scopes: ['read'] });
  return String(made.body.apiKey);
}

describe('an admin’s new password', () => {
  it('is not overwritten by a change that was in flight', async () => {
    const admin = await t.tenant('admin');
    for (let i = 0; i < 5; i++) {
      const user = await t.tenant();
      const change = { currentPassword: user.password, newPassword: 'chosen by the user' };
      const reset = { password: 'chosen by the admin' };
      // The change has compared the old password before the reset begins.
      const changing = post('/auth/change-password', change, { token: user.token });
      const resetting = t.call(`/user/${user.id}`, { method: 'PUT', token: admin.token, body: reset });
      const [changed, done] = await Promise.all([changing, resetting]);
      expect(done.status).toBe(200);
      const signIn = (password: string) => post('/auth/login', { email: user.email, password });
      expect((await signIn('chosen by the admin')).status).toBe(200);
      if (changed.status === 200)
        expect(await statusOf('/auth/me', { token: String(changed.body.token) })).toBe(401);
      else expect(changed.status).toBe(401);
    }
  });

  it('and what else an admin changes does not bring an old password back', async () => {
    const admin = await t.tenant('admin');
    const change = { currentPassword: tenant.password, newPassword: 'chosen by the user' };
    const rename = { name: 'Another name' };
    const [changed, renamed] = await Promise.all([
      post('/auth/change-password', change),
      t.call(`/user/${tenant.id}`, { method: 'PUT', token: admin.token, body: rename }),
    ]);
    expect([changed.status, renamed.status]).toEqual([200, 200]);
    expect((await post('/auth/login', { email: tenant.email, password: 'chosen by the user' })).status).toBe(
      200,
    );
  });

  it('ends API keys when that is asked for, and not otherwise', async () => {
    const admin = await t.tenant('admin');
    const extra = await extraKey();
    const put = (body: object) => t.call(`/user/${tenant.id}`, { method: 'PUT', token: admin.token, body });
    await put({ password: 'a new password' });
    expect(await statusOf('/session/list', { apiKey: extra })).toBe(200);
    await put({ revokeApiKeys: true });
    expect(await statusOf('/session/list', { apiKey: extra })).toBe(401);
    expect(await statusOf('/session/list', { apiKey: tenant.apiKey })).toBe(401);
    const again = await post('/auth/login', { email: tenant.email, password: 'a new password' });
    const { apiKey } = Object(again.body.user);
    expect(await statusOf('/session/list', { apiKey: String(apiKey) })).toBe(200);
  });
});

it('a key that was revoked ends at once, also where the commit of that is not answered', async () => {
  const key = await extraKey();
  expect(await statusOf('/session/list', { apiKey: key })).toBe(200);
  const [row] = await t.deps.db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.userId, tenant.id), eq(apiKeys.name, 'shop')));
  const ctx: Ctx = {
    ...t.deps,
    db: losingAnswers(t.deps.db),
    actor: {
      ...ANONYMOUS,
      userId: tenant.id,
      personId: tenant.id,
      workspaceRole: 'owner',
      via: 'jwt',
      scopes: null,
    },
    requestId: 'r',
    ip: null,
    userAgent: null,
  };
  await expect(revokeApiKey(ctx, { id: row?.id ?? '' })).rejects.toThrow('ECONNRESET');
  expect(await statusOf('/session/list', { apiKey: key })).toBe(401);
});

describe('signing out', () => {
  it('ends that token in every process, and no other', async () => {
    const other = t.deps.credentials.signToken(tenant.id, 0);
    clock.advance(1000);
    const second = t.deps.credentials.signToken(tenant.id, 0);
    expect(second).not.toBe(other);
    const elsewhere = createCredentials(t.deps);
    expect(await elsewhere.fromToken(other, 'jwt')).not.toBeNull();
    expect((await post('/auth/sign-out', undefined, { token: other })).status).toBe(200);
    expect(await statusOf('/auth/me', { token: other })).toBe(401);
    clock.advance(1000);
    expect(await elsewhere.fromToken(other, 'jwt')).toBeNull();
    expect(await elsewhere.fromToken(second, 'jwt')).not.toBeNull();
  });

  it('everywhere ends tokens and links, with API keys only when asked', async () => {
    const link = await upload();
    const extra = await extraKey();
    clock.advance(5000);
    const first = await post('/auth/sign-out-everywhere', {});
    expect(await statusOf('/auth/me', { token: tenant.token })).toBe(401);
    expect(await statusOf(link)).toBe(401);
    expect(await statusOf('/session/list', { apiKey: extra })).toBe(200);
    const token = String(first.body.token);
    const second = await post('/auth/sign-out-everywhere', { revokeApiKeys: true }, { token });
    expect(second.status).toBe(200);
    expect(await statusOf('/session/list', { apiKey: extra })).toBe(401);
    expect(await statusOf('/session/list', { apiKey: tenant.apiKey })).toBe(401);
  });
});

describe('signed links', () => {
  it('to files end with a change of the password; new ones open', async () => {
    const old = await upload();
    expect(await statusOf(old)).toBe(200);
    clock.advance(5000);
    const body = { currentPassword: tenant.password, newPassword: 'a new password' };
    const changed = await post('/auth/change-password', body);
    expect(await statusOf(old)).toBe(401);
    clock.advance(5000);
    tenant = { ...tenant, token: String(changed.body.token) };
    expect(await statusOf(await upload())).toBe(200);
  });

  it('open what they are for and nothing else, and those without a purpose nothing', async () => {
    const path = new URL(await upload(), 'http://hub.test').pathname;
    const until = clock.now() + 60_000;
    const issuedAt = clock.now();
    const sign = (purpose?: 'qr' | 'media' | 'import') =>
      signLink(t.deps.secrets, path, tenant.id, until, purpose && { purpose, issuedAt });
    expect(await statusOf(sign('media'))).toBe(200);
    expect(await statusOf(sign('qr'))).toBe(401);
    expect(await statusOf(sign('import'))).toBe(401);
    expect(await statusOf(sign())).toBe(401);
    expect(await statusOf(sign('qr').replace('for=qr', 'for=media'))).toBe(401);
    expect(
      await statusOf(signLink(t.deps.secrets, '/events', tenant.id, until, { purpose: 'qr', issuedAt })),
    ).toBe(401);
  });

  it('for linking a phone end when one is linked, also for what is linked afterwards', async () => {
    const row = { id: newId(), userId: tenant.id, sessionId: 'main', pairing: 'qr' as const, paired: false };
    const at = clock.now();
    const waiting = { status: 'qr' as const, qr: 'secret-qr', qrExpiresAt: at + 600_000 };
    await t.deps.db.insert(whatsappAccounts).values({ ...row, ...waiting, createdAt: at, updatedAt: at });
    const links = makeSessionLinks({ ...t.deps, actor: ANONYMOUS }, row);
    const qr = links.qrImageUrl;
    expect(await statusOf(qr)).toBe(200);
    const change = (set: object) =>
      t.deps.db.update(whatsappAccounts).set(set).where(eq(whatsappAccounts.id, row.id));
    clock.advance(1000);
    await change({ status: 'connected', qr: null, connectedAt: clock.now() });
    for (const link of [qr, links.eventsUrl]) {
      expect(await t.call(link)).toMatchObject({ status: 409, body: { code: 'ALREADY_CONNECTED' } });
    }
    // Logged out and linked again within the hour: the old link shows neither the new QR nor anything else.
    await change({ ...waiting, qr: 'another-secret' });
    for (const link of [qr, links.eventsUrl]) expect((await t.call(link)).status).toBe(409);
    expect((await t.call(links.qrPageUrl)).text).not.toContain('another-secret');
    clock.advance(1000);
    expect(await statusOf(makeSessionLinks({ ...t.deps, actor: ANONYMOUS }, row).qrImageUrl)).toBe(200);
  });
});

describe('wrong passwords of strangers', () => {
  const signIn = (password: string, address: string) =>
    t.call('/auth/login', { method: 'POST', body: { email: tenant.email, password }, address });
  const attack = async (address: string, n: number) => {
    for (let i = 0; i < n; i++) await signIn('wrong', address);
  };

  it('one each quarter of an hour, or many at once, keep nobody out elsewhere', async () => {
    for (let i = 0; i < 40; i++) {
      await signIn('wrong', '198.51.100.7');
      clock.advance(900_000);
    }
    expect((await signIn(tenant.password, '198.51.100.7')).status).toBe(200);
    await attack('198.51.100.8', 30);
    expect((await signIn(tenant.password, '198.51.100.8')).status).toBe(429);
    expect((await signIn(tenant.password, '203.0.113.1')).status).toBe(200);
  });

  it('from many networks lock unknown ones only: a known network and a known browser get in', async () => {
    expect((await signIn(tenant.password, '203.0.113.5')).status).toBe(200);
    for (let i = 0; i < 15; i++) await attack(`198.51.100.${20 + i}`, 5);
    expect((await signIn(tenant.password, '192.0.2.99')).status).toBe(429);
    expect((await signIn(tenant.password, '203.0.113.5')).status).toBe(200);
    await attack('2001:db8::1', 10);
    const ctx = (ip: string): Ctx => ({ ...t.deps, actor: ANONYMOUS, requestId: 'r', ip, userAgent: null });
    const device = await makeDeviceMark(t.deps, tenant.id);
    const input = { email: tenant.email, password: tenant.password };
    await expect(login(ctx('2001:db8::2'), input)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(
      login(ctx('2001:db8::2'), { ...input, device: await makeDeviceMark(t.deps, tenant.id + 1) }),
    ).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(await login(ctx('2001:db8::2'), { ...input, device })).toMatchObject({ userId: tenant.id });
    // What a stolen mark is good for: five guesses more, as any other place.
    for (let i = 0; i < 5; i++) {
      await expect(login(ctx('192.0.2.1'), { ...input, password: 'x', device })).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
      });
    }
    await expect(login(ctx('192.0.2.1'), { ...input, device })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
  });

  it('are counted alike for an e-mail that nobody has, so that none can be told by its time', async () => {
    const counted = async (email: string) => {
      await post('/auth/login', { email, password: 'wrong' }, { address: '198.51.100.90' });
      const rows = await t.deps.db.select().from(rateLimits);
      return rows.map(({ key }) => key).includes(`login:failures:${sha256Hex(email)}`);
    };
    expect([await counted(tenant.email), await counted('nobody-at-all@example.com')]).toEqual([true, true]);
  });

  it('are told to the owner once a day', async () => {
    for (let i = 0; i < 4; i++) await attack(`198.51.100.${60 + i}`, 5);
    const told = (await t.deps.db.select().from(activityLogs)).filter(
      (row) => row.userId === tenant.id && row.event === 'auth.under_attack',
    );
    expect(told).toHaveLength(1);
    const [row] = await t.deps.db.select().from(users).where(eq(users.id, tenant.id));
    expect(row?.status).toBe('active');
  });
});

it('one address makes no more accounts in a day than it may', async () => {
  const few = await openTestApp({ clock, config: { registrationsPerDay: 3 } });
  const register = (i: number, address: string) => {
    const body = { email: `new-${i}@example.com`, password: 'a long password', name: 'New' };
    return few.call('/auth/register', { method: 'POST', body, address });
  };
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await register(i, `2001:db8:1:1::${i + 1}`)).status);
  expect(statuses).toEqual([201, 201, 201, 429, 429]);
  expect((await register(9, '2001:db8:1:2::1')).status).toBe(201);
  clock.advance(86_400_000);
  expect((await register(10, '2001:db8:1:1::1')).status).toBe(201);
  await few.close();
}, 30_000);
