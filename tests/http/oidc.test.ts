/** Signing in at a real OpenID provider, linking, and membership by a domain. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { csrfTokenOf } from '../../src/controllers/dashboard/csrf.ts';
import { auditEntries, identities, users, workspaceMembers } from '../../src/db/schema.ts';
import { DAY_MS } from '../../src/utils/durations.ts';
import { AppError } from '../../src/utils/errors.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { Jar, type OidcServer, openOidcServer, passProvider, visit } from '../helpers/oidc-server.ts';
import { makeMember } from '../helpers/tenant.ts';

const PUBLIC_URL = 'http://localhost:5001';
const START = '/dashboard/sign-in/oidc/test';

let server: OidcServer;
let t: TestApp;
/** The same service where nobody may make an account. */
let closed: TestApp;
/** TXT records, by their names. */
const records = new Map<string, string[]>();
beforeAll(async () => {
  server = await openOidcServer(PUBLIC_URL);
  const config = { oidc: [server.provider], publicUrl: PUBLIC_URL, allowRegistration: true };
  const lookUpTxt = (name: string) => Promise.resolve(records.get(name) ?? []);
  t = await openTestApp({ config, clock: hurriedClock, deps: { lookUpTxt } });
  closed = await openTestApp({
    config: { ...config, allowRegistration: false },
    clock: hurriedClock,
    deps: { lookUpTxt },
  });
});
afterAll(async () => {
  await t.close();
  await closed.close();
  await server.close();
});
beforeEach(() => {
  server.broken = null;
});

let made = 0;
const newAccount = (more: object = {}) => {
  made++;
  const email = `somebody-${made}@people.example`;
  return { sub: `sub-${made}`, email, email_verified: true, name: `Somebody ${made}`, ...more };
};

/** All the way: the page's link, the provider, the callback. */
async function signIn(app: TestApp, account: OidcServer['account'], next?: string) {
  server.account = account;
  const jar = new Jar();
  const start = await visit(app, jar, next ? `${START}?next=${encodeURIComponent(next)}` : START);
  expect(start.status, start.text).toBe(303);
  const back = await passProvider(start.location ?? '', PUBLIC_URL);
  const end = await visit(app, jar, back);
  return { jar, back, end, token: jar.cookies.get('wahub_session') ?? null };
}

async function linkAs(app: TestApp, tenant: Tenant, account: OidcServer['account']) {
  server.account = account;
  const jar = new Jar();
  jar.cookies.set('wahub_session', tenant.token);
  const _csrf = csrfTokenOf(app.deps.secrets, tenant.token);
  const begun = await visit(app, jar, '/dashboard/account/identities/test/link', { _csrf });
  const [, url = ''] = /url=([^"]+)"/.exec(begun.text) ?? [];
  const back = await passProvider(url.replaceAll('&amp;', '&'), PUBLIC_URL);
  // The cookie of the sign-in does not come along from another site.
  jar.cookies.delete('wahub_session');
  return { jar, end: await visit(app, jar, back) };
}

const identitiesOf = async (app: TestApp, token: string) =>
  (await app.call('/auth/identities', { token })).body.data as { id: string; provider: string }[];

describe('signing in', () => {
  it('makes an account for a confirmed address where registration is open, and opens it the next time', async () => {
    const account = newAccount();
    const first = await signIn(t, account, '/dashboard/account');
    expect(first.end.status, first.end.text).toBe(200);
    // A redirect would come without the new cookie: the browser comes from another site.
    expect(first.end.text).toContain('content="0;url=/dashboard/account"');
    const me = await t.call('/auth/me', { token: first.token ?? '' });
    expect(me.body.user).toMatchObject({ email: account.email, name: account.name, role: 'user' });
    const again = await signIn(t, { ...account, email: 'other@people.example' });
    const same = await t.call('/auth/me', { token: again.token ?? '' });
    expect(same.body.user).toMatchObject({ id: Object(me.body.user).id, email: account.email });
    const id = Number(Object(me.body.user).id);
    const log = await t.deps.db.select().from(auditEntries).where(eq(auditEntries.actorId, id));
    expect(log.map(({ event, data }) => [event, data])).toEqual(
      expect.arrayContaining([
        ['auth.registered', { provider: 'test' }],
        ['auth.login', { provider: 'test' }],
      ]),
    );
  });

  it('opens no account that has a password, whatever the provider confirms', async () => {
    const owner = await t.tenant();
    const { token, end } = await signIn(t, newAccount({ email: owner.email.toUpperCase() }));
    expect(token).toBeNull();
    expect(end.status).toBe(409);
    expect(end.text).toContain('sign in with its password');
    expect(await t.deps.db.select().from(identities).where(eq(identities.userId, owner.id))).toEqual([]);
  });

  it.each([
    ['an address that is not confirmed', { email_verified: false }],
    ['an address of which nothing is said', { email_verified: undefined }],
    ['no address', { email: undefined, email_verified: undefined }],
    ['what is no address', { email: 'not an address' }],
  ])('makes no account for %s', async (_name, more) => {
    const account = newAccount(more);
    const { token, end } = await signIn(t, account);
    expect(token).toBeNull();
    expect(end.status).toBe(403);
    expect(await t.deps.db.select().from(identities).where(eq(identities.subject, account.sub))).toEqual([]);
  });

  it('makes no account where registration is closed', async () => {
    const { token, end } = await signIn(closed, newAccount());
    expect([token, end.status]).toEqual([null, 403]);
    expect(end.text).toContain('ask to be invited');
  });

  it('lets nobody in who is disabled, by the API or by the provider', async () => {
    const account = newAccount();
    const { token } = await signIn(t, account);
    const admin = await t.tenant('admin');
    const id = Number(Object((await t.call('/auth/me', { token: token ?? '' })).body.user).id);
    await t.call(`/user/${id}`, { method: 'DELETE', token: admin.token });
    expect((await t.call('/auth/me', { token: token ?? '' })).status).toBe(401);
    expect((await signIn(t, account)).token).toBeNull();
  });

  it('takes an answer once, and only in the browser that asked', async () => {
    const account = newAccount();
    const { jar, back } = await signIn(t, account);
    jar.cookies.delete('wahub_session');
    expect(await visit(t, jar, back)).toMatchObject({ status: 401 });
    server.account = account;
    const own = new Jar();
    const start = await visit(t, own, START);
    const trip = own.cookies.get('wahub_oidc') ?? '';
    const foreign = await passProvider(start.location ?? '', PUBLIC_URL);
    const other = new Jar();
    await visit(t, other, START);
    for (const thief of [new Jar(), other]) {
      expect(await visit(t, thief, foreign)).toMatchObject({ status: 401 });
      expect(thief.cookies.has('wahub_session')).toBe(false);
    }
    own.cookies.set('wahub_oidc', `${trip.slice(0, -3)}AAA`);
    expect(await visit(t, own, foreign)).toMatchObject({ status: 401 });
  });

  it('says so when it was called off there, and logs neither codes nor tokens', async () => {
    const { end, token } = await signIn(t, null);
    expect([token, end.status]).toEqual([null, 401]);
    expect(end.text).toContain('called off');
    const { back } = await signIn(t, newAccount());
    const code = new URL(back, PUBLIC_URL).searchParams.get('code') ?? 'none';
    const logged = JSON.stringify(t.lines);
    expect(code.length).toBeGreaterThan(20);
    for (const secret of [code, server.provider.clientSecret]) expect(logged).not.toContain(secret);
  });

  it('is over after ten minutes', async () => {
    const clock = createManualClock(Date.now());
    const app = await openTestApp({ clock, config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
    server.account = newAccount();
    const jar = new Jar();
    const start = await visit(app, jar, START);
    const back = await passProvider(start.location ?? '', PUBLIC_URL);
    clock.advance(600_001);
    expect(await visit(app, jar, back)).toMatchObject({ status: 401 });
    await app.close();
  });

  it('is offered on the page and in the API, where it is set up', async () => {
    const page = await visit(t, new Jar(), '/dashboard/sign-in?next=/dashboard/otp');
    expect(page.text).toContain(`href="${START}?next=%2Fdashboard%2Fotp"`);
    expect((await t.call('/auth/oidc')).body.data).toEqual([
      { id: 'test', label: 'Test', url: `${PUBLIC_URL}${START}` },
    ]);
    expect(await visit(t, new Jar(), '/dashboard/sign-in/oidc/google')).toMatchObject({ status: 404 });
  });
});

describe('a provider that is down', () => {
  it.each([502, 200])(
    'is said to be so at once, and not asked again for a while (status %i)',
    async (status) => {
      const clock = createManualClock(Date.now());
      const app = await openTestApp({ clock, config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
      server.broken = status;
      const before = server.requests.length;
      for (let i = 0; i < 3; i++) {
        const page = await visit(app, new Jar(), START);
        expect(page.status).toBe(503);
        expect(page.text).toContain('Test does not answer now');
      }
      expect(server.requests.length - before).toBe(1);
      server.broken = null;
      clock.advance(60_000);
      expect(await visit(app, new Jar(), START)).toMatchObject({ status: 303 });
      await app.close();
    },
  );

  it('does not hold the way back either', async () => {
    const app = await openTestApp({ config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
    server.account = newAccount();
    const jar = new Jar();
    const start = await visit(app, jar, START);
    const back = await passProvider(start.location ?? '', PUBLIC_URL);
    server.broken = 503;
    expect(await visit(app, jar, back)).toMatchObject({ status: 503 });
    await app.close();
  });

  it('leads the service nowhere else in its own network', async () => {
    const app = await openTestApp({ config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
    server.account = newAccount();
    server.claims = { token_endpoint: 'http://192.168.0.1/token' };
    const jar = new Jar();
    const start = await visit(app, jar, START);
    server.claims = {};
    const back = await passProvider(start.location ?? '', PUBLIC_URL);
    expect(await visit(app, jar, back)).toMatchObject({ status: 503 });
    const [line] = app.lines.filter(({ message }) => message.includes('does not answer'));
    expect(line?.reason).toContain('not on the public internet');
    await app.close();
  });

  it.each([
    ['another issuer', { issuer: 'https://elsewhere.example' }],
    ['addresses without TLS elsewhere', { authorization_endpoint: 'javascript:alert(1)' }],
  ])('is not believed when it says %s', async (_name, claims) => {
    const app = await openTestApp({ config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
    server.claims = claims;
    const page = await visit(app, new Jar(), START);
    server.claims = {};
    expect(page.status, page.text).toBeGreaterThanOrEqual(400);
    expect(page.location).toBeNull();
    await app.close();
  });
});

describe('linking', () => {
  it('needs a sign-in, opens the account from then on, and ends with the unlinking', async () => {
    const owner = await t.tenant();
    const account = newAccount();
    const { end } = await linkAs(t, owner, account);
    expect(end.status, end.text).toBe(200);
    expect(end.text).toContain('content="0;url=/dashboard/account"');
    const { token } = await signIn(t, account);
    expect((await t.call('/auth/me', { token: token ?? '' })).body.user).toMatchObject({ id: owner.id });
    const jar = new Jar();
    jar.cookies.set('wahub_session', owner.token);
    expect((await visit(t, jar, '/dashboard/account')).text).toContain(account.email);
    const [identity] = await identitiesOf(t, owner.token);
    const stranger = await t.tenant();
    const path = `/auth/identities/${identity?.id}`;
    expect((await t.call(path, { method: 'DELETE', token: stranger.token })).status).toBe(404);
    expect((await t.call(path, { method: 'DELETE', token: owner.token })).status).toBe(200);
    expect(await identitiesOf(t, owner.token)).toEqual([]);
    const log = await t.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, owner.id));
    const events = log.map(({ event }) => event);
    expect(events).toEqual(expect.arrayContaining(['auth.identity_linked', 'auth.identity_unlinked']));
  });

  it('takes no identity from another account, and none without a token of the form', async () => {
    const account = newAccount();
    const first = await t.tenant();
    await linkAs(t, first, account);
    expect((await linkAs(t, await t.tenant(), account)).end.status).toBe(409);
    expect((await linkAs(t, first, account)).end.status).toBe(200);
    expect(await identitiesOf(t, first.token)).toHaveLength(1);
    const jar = new Jar();
    jar.cookies.set('wahub_session', first.token);
    const forged = await visit(t, jar, '/dashboard/account/identities/test/link', { _csrf: 'x' });
    expect(forged.status).toBe(403);
  });

  it('does not happen when the person was signed out on the way', async () => {
    const owner = await t.tenant();
    server.account = newAccount();
    const jar = new Jar();
    jar.cookies.set('wahub_session', owner.token);
    const _csrf = csrfTokenOf(t.deps.secrets, owner.token);
    const begun = await visit(t, jar, '/dashboard/account/identities/test/link', { _csrf });
    const [, url = ''] = /url=([^"]+)"/.exec(begun.text) ?? [];
    const back = await passProvider(url.replaceAll('&amp;', '&'), PUBLIC_URL);
    await t.call('/auth/sign-out-everywhere', { method: 'POST', token: owner.token, body: {} });
    expect(await visit(t, jar, back)).toMatchObject({ status: 401 });
  });

  it('keeps the last identity of whoever has no password', async () => {
    const { token } = await signIn(t, newAccount());
    const [identity] = await identitiesOf(t, token ?? '');
    const reply = await t.call(`/auth/identities/${identity?.id}`, { method: 'DELETE', token: token ?? '' });
    expect(reply).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const body = { email: Object((await t.call('/auth/me', { token: token ?? '' })).body.user).email };
    for (const password of ['x', 'password123']) {
      expect((await t.call('/auth/login', { method: 'POST', body: { ...body, password } })).status).toBe(401);
    }
  });
});

let domainsMade = 0;

/** A domain of the workspace that its TXT record has proven. */
async function provenDomain(app: TestApp, owner: Tenant, role = 'operator') {
  const domain = `company-${++domainsMade}.example`;
  const added = await app.call('/workspace/domains', {
    method: 'POST',
    token: owner.token,
    body: { domain, role },
  });
  const { id, record } = Object(added.body.data);
  records.set(record.name, ['v=spf1 -all', record.value]);
  const path = `/workspace/domains/${id}/verify`;
  const verified = await app.call(path, { method: 'POST', token: owner.token });
  expect(verified.status, verified.text).toBe(200);
  return { domain, id: String(id), record: record as { name: string; value: string } };
}

describe('a domain', () => {
  it('brings its people into the workspace with the role, once its record is there', async () => {
    const owner = await closed.tenant();
    const domain = 'proof.example';
    const body = { domain: 'Proof.example', role: 'marketer' };
    const added = await closed.call('/workspace/domains', { method: 'POST', token: owner.token, body });
    expect(added).toMatchObject({ status: 201, body: { data: { domain, provenBy: null } } });
    const { id, record } = Object(added.body.data);
    expect(record.name).toBe('_wahub.proof.example');
    const verify = { method: 'POST', token: owner.token };
    const path = `/workspace/domains/${id}/verify`;
    const account = newAccount({ email: 'clerk@proof.example' });
    expect((await closed.call(path, verify)).status).toBe(409);
    expect((await signIn(closed, account)).token).toBeNull();
    records.set(record.name, [record.value]);
    expect((await closed.call(path, verify)).body.data).toMatchObject({ provenBy: 'dns' });
    const { token } = await signIn(closed, account);
    const me = await closed.call('/workspace', { token: token ?? '' });
    expect(me.body.data).toMatchObject({ id: owner.id, role: 'marketer', members: 2 });
    expect((await signIn(closed, newAccount({ email: 'x@evil.proof.example' }))).token).toBeNull();
    const unconfirmed = newAccount({ email: 'y@proof.example', email_verified: false });
    expect((await signIn(closed, unconfirmed)).token).toBeNull();
  });

  it('belongs to one workspace, whoever else names it', async () => {
    const owner = await t.tenant();
    const { domain } = await provenDomain(t, owner);
    const thief = await t.tenant();
    const body = { domain, role: 'viewer' };
    const added = await t.call('/workspace/domains', { method: 'POST', token: thief.token, body });
    expect(added.status).toBe(201);
    const { id, record } = Object(added.body.data);
    records.set(record.name, [...(records.get(record.name) ?? []), record.value]);
    const path = `/workspace/domains/${id}/verify`;
    expect((await t.call(path, { method: 'POST', token: thief.token })).status).toBe(409);
    const foreign = await t.call(path, { method: 'POST', token: (await t.tenant()).token });
    expect(foreign.status).toBe(404);
  });

  it('brings in whoever has an account, once: who left or was removed does not come back', async () => {
    const account = newAccount();
    const first = await signIn(t, account);
    const owner = await t.tenant();
    const { domain } = await provenDomain(t, owner, 'viewer');
    const now = { ...account, email: `me@${domain}` };
    const joined = await signIn(t, now);
    const me = await t.call('/workspace', { token: joined.token ?? '' });
    const there = { id: owner.id, role: 'viewer' };
    expect(Object(me.body.data).workspaces).toEqual(expect.arrayContaining([expect.objectContaining(there)]));
    const id = Number(Object((await t.call('/auth/me', { token: first.token ?? '' })).body.user).id);
    await t.call(`/workspace/members/${id}`, { method: 'DELETE', token: owner.token });
    await signIn(t, now);
    const member = and(eq(workspaceMembers.workspaceId, owner.id), eq(workspaceMembers.userId, id));
    expect(await t.deps.db.select().from(workspaceMembers).where(member)).toEqual([]);
  });

  it('is looked up again after a day, and brings in nobody when its record is gone or nobody answers', async () => {
    const clock = createManualClock(Date.now());
    let isDown = false;
    const lookUpTxt = async (name: string) => {
      if (isDown) throw new AppError('UNAVAILABLE', 'no name server answers');
      return records.get(name) ?? [];
    };
    const config = { oidc: [server.provider], publicUrl: PUBLIC_URL, allowRegistration: false };
    const app = await openTestApp({ clock, config, deps: { lookUpTxt } });
    const owner = await app.tenant();
    const sold = await provenDomain(app, owner);
    const kept = await provenDomain(app, owner);
    const come = (domain: string) => signIn(app, newAccount({ email: `p${++made}@${domain}` }));
    const states = async () => {
      const token = app.deps.credentials.signToken(owner.id, 0);
      const listed = (await app.call('/workspace/domains', { token })).body.data as { provenBy: string }[];
      return listed.map(({ provenBy }) => provenBy);
    };
    records.delete(sold.record.name);
    expect((await come(sold.domain)).token).not.toBeNull();
    clock.advance(DAY_MS);
    isDown = true;
    expect((await come(kept.domain)).end.status).toBe(403);
    expect(await states()).toEqual(['dns', 'dns']);
    isDown = false;
    expect((await come(kept.domain)).token).not.toBeNull();
    expect((await come(sold.domain)).token).toBeNull();
    expect(await states()).toEqual([null, 'dns']);
    await app.close();
  });

  it('is given by an administrator of the service without a record, and taken again', async () => {
    const owner = await t.tenant();
    const admin = await t.tenant('admin');
    const body = { workspaceId: owner.id, domain: 'given.example', role: 'developer' };
    const refused = await t.call('/user/domains', { method: 'POST', token: owner.token, body });
    expect(refused.status).toBe(403);
    const given = await t.call('/user/domains', { method: 'POST', token: admin.token, body });
    expect(given).toMatchObject({ status: 201, body: { data: { provenBy: 'admin' } } });
    const { token } = await signIn(t, newAccount({ email: 'dev@given.example' }));
    expect((await t.call('/workspace', { token: token ?? '' })).body.data).toMatchObject({
      id: owner.id,
      role: 'developer',
    });
    const elsewhere = { ...body, workspaceId: admin.id };
    expect(
      (await t.call('/user/domains', { method: 'POST', token: admin.token, body: elsewhere })).status,
    ).toBe(409);
    const { id } = Object(given.body.data);
    expect((await t.call(`/user/domains/${id}`, { method: 'DELETE', token: admin.token })).status).toBe(200);
    expect((await t.call('/workspace/domains', { token: owner.token })).body.data).toEqual([]);
    const log = await t.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, owner.id));
    const events = log.map(({ event }) => event);
    expect(events).toEqual(expect.arrayContaining(['domain.added', 'member.added', 'domain.removed']));
  });

  it.each([
    'localhost',
    '-a.example',
    'a..example',
    '127.0.0.1',
    `${'a'.repeat(64)}.example`,
    'exa mple.com',
  ])('is refused when it is %s', async (domain) => {
    const owner = await t.tenant();
    const body = { domain, role: 'viewer' };
    const reply = await t.call('/workspace/domains', { method: 'POST', token: owner.token, body });
    expect(reply).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });

  it('makes nobody an owner, and is the business of those who manage members', async () => {
    const owner = await t.tenant();
    const body = { domain: 'mine.example', role: 'owner' };
    const reply = await t.call('/workspace/domains', { method: 'POST', token: owner.token, body });
    expect(reply.status).toBe(400);
    const member = await makeMember(t.deps, owner.id, 'developer');
    expect((await t.call('/workspace/domains', { token: member.token })).status).toBe(403);
    const page = await visit(t, signedIn(owner), '/dashboard/team');
    expect(page.text).toContain('name="domain"');
  });
});

function signedIn({ token }: Tenant): Jar {
  const jar = new Jar();
  jar.cookies.set('wahub_session', token);
  return jar;
}

it('makes one account for one person, however many sign in at once', async () => {
  const account = newAccount();
  server.account = account;
  const ends = await Promise.all(
    [1, 2, 3].map(async () => {
      const jar = new Jar();
      const start = await visit(t, jar, START);
      const back = await passProvider(start.location ?? '', PUBLIC_URL);
      return visit(t, jar, back);
    }),
  );
  expect(ends.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  expect(await t.deps.db.select().from(users).where(eq(users.email, account.email))).toHaveLength(1);
});
