/** Signing in at a real OpenID provider, linking, and membership by a domain. */
import { and, eq } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { csrfTokenOf } from '../../src/controllers/dashboard/csrf.ts';
import {
  auditEntries,
  identities,
  mailOutbox,
  users,
  workspaceDomains,
  workspaceMembers,
  workspaces,
} from '../../src/db/schema.ts';
import { spendFromWindow } from '../../src/db/windows.ts';
import { invitationToken } from '../../src/services/mail/outbox.ts';
import { MINUTE_MS } from '../../src/utils/durations.ts';
import { AppError } from '../../src/utils/errors.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { Jar, type OidcServer, openOidcServer, passProvider, visit } from '../helpers/oidc-server.ts';
import { makeMember } from '../helpers/tenant.ts';

const PUBLIC_URL = 'http://localhost:5001';
const START = '/dashboard/sign-in/oidc/test';
const LINK = '/dashboard/sign-in/link';
const CODE = '/dashboard/sign-in/code';
/** Where a server would be that takes mails: they stay in their table. */
const smtp = {
  host: '127.0.0.1',
  port: 1,
  secure: false,
  user: null,
  password: null,
  from: 'hub@example.com',
};

let server: OidcServer;
let t: TestApp;
/** The same service where nobody may make an account. */
let closed: TestApp;
/** TXT records, by their names. */
const records = new Map<string, string[]>();
beforeAll(async () => {
  server = await openOidcServer(PUBLIC_URL);
  const config = {
    oidc: [server.provider],
    publicUrl: PUBLIC_URL,
    allowRegistration: true,
    registrationsPerDay: 1000,
    smtp: Object(smtp),
  };
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

type Person = Pick<Tenant, 'token' | 'password'>;

const csrfOf = (app: TestApp, token: string) => ({ _csrf: csrfTokenOf(app.deps.secrets, token) });

function beginLink(app: TestApp, jar: Jar, { token }: Pick<Person, 'token'>, form: { password?: string }) {
  const path = '/dashboard/account/identities/test/link';
  return visit(app, jar, path, { ...csrfOf(app, token), ...form });
}

/** Back from the provider, before the person has said yes. */
async function comeToLink(app: TestApp, person: Person, account: OidcServer['account']) {
  server.account = account;
  const jar = signedIn(person);
  const begun = await beginLink(app, jar, person, { password: person.password });
  const [, url = ''] = /url=([^"]+)"/.exec(begun.text) ?? [];
  const back = await passProvider(url.replaceAll('&amp;', '&'), PUBLIC_URL);
  // The cookie of the sign-in does not come along from another site.
  jar.cookies.delete('wahub_session');
  const come = await visit(app, jar, back);
  jar.cookies.set('wahub_session', person.token);
  return { jar, come };
}

async function linkAs(app: TestApp, person: Person, account: OidcServer['account']) {
  const { jar, come } = await comeToLink(app, person, account);
  expect(come.text).toContain(`content="0;url=${LINK}"`);
  const asked = await visit(app, jar, LINK);
  expect(asked.text).toContain(`${account?.email}`);
  return { jar, end: await visit(app, jar, LINK, csrfOf(app, person.token)) };
}

/** A token of a sign-in of its own. */
async function logIn(app: TestApp, { email, password }: Tenant): Promise<Person> {
  const reply = await app.call('/auth/login', { method: 'POST', body: { email, password } });
  return { token: String(reply.body.token), password };
}

const identitiesIn = (app: TestApp, userId: number) =>
  app.deps.db.select().from(identities).where(eq(identities.userId, userId));
const mailsTo = async (app: TestApp, address: string) =>
  (await app.deps.db.select().from(mailOutbox).where(eq(mailOutbox.address, address))).map(
    ({ kind }) => kind,
  );
const loginsOf = async (app: TestApp, actorId: number) => {
  const own = and(eq(auditEntries.actorId, actorId), eq(auditEntries.event, 'auth.login'));
  return (await app.deps.db.select().from(auditEntries).where(own)).length;
};
const membershipOf = (app: TestApp, workspaceId: number, userId: number) => {
  const member = and(eq(workspaceMembers.workspaceId, workspaceId), eq(workspaceMembers.userId, userId));
  return app.deps.db.select().from(workspaceMembers).where(member);
};

const STEP_MS = 30_000;

/** An authenticator app; `code` is never the one that it was set up with. */
async function addFactor(app: TestApp, { token, password }: Person) {
  const post = (path: string, body: object) =>
    app.call(`/auth/second-factors/totp${path}`, { method: 'POST', token, body });
  const { id, secret } = Object((await post('', { password })).body.data);
  const at = (timestamp: number) => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp });
  const done = await post('/confirm', { id, code: at(app.deps.clock.now() - STEP_MS) });
  expect(done.status, done.text).toBe(200);
  return { token: String(done.body.token), code: () => at(app.deps.clock.now()) };
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

  it('is not taken for down because it refuses a code, in whatever way', async () => {
    const app = await openTestApp({ config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
    for (const status of [200, 400, 403, 404, 429]) {
      server.account = newAccount();
      const jar = new Jar();
      const start = await visit(app, jar, START);
      expect(start.status, start.text).toBe(303);
      const back = await passProvider(start.location ?? '', PUBLIC_URL);
      server.broken = status;
      const before = server.requests.length;
      expect(await visit(app, jar, back)).toMatchObject({ status: 401 });
      expect(server.requests.length).toBe(before + 1);
      server.broken = null;
    }
    await app.close();
  });

  it('is not asked with a code that no provider makes', async () => {
    server.account = newAccount();
    const jar = new Jar();
    const start = await visit(t, jar, START);
    const odd = new URL(await passProvider(start.location ?? '', PUBLIC_URL), PUBLIC_URL);
    odd.searchParams.set('code', '\u0000');
    const before = server.requests.length;
    expect(await visit(t, jar, odd.pathname + odd.search)).toMatchObject({ status: 401 });
    expect(server.requests.length).toBe(before);
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
    expect(end).toMatchObject({ status: 303, location: '/dashboard/account' });
    expect(await mailsTo(t, owner.email)).toEqual(['identity_linked']);
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
    const log = (await t.call('/workspace/audit', { token: owner.token })).body.data as { event: string }[];
    const events = log.map(({ event }) => event);
    expect(events).toEqual(expect.arrayContaining(['auth.identity_linked', 'auth.identity_unlinked']));
  });

  it('takes the password or a fresh sign-in, and the second factor of whoever has one', async () => {
    const clock = createManualClock(Date.now());
    const app = await openTestApp({ clock, config: { oidc: [server.provider], publicUrl: PUBLIC_URL } });
    const owner = await app.tenant();
    const fresh = await logIn(app, owner);
    const jar = signedIn(fresh);
    expect((await beginLink(app, jar, fresh, {})).text).toContain('0;url=http');
    clock.advance(15 * MINUTE_MS);
    const stolen = signedIn(fresh);
    for (const form of [{}, { password: 'x' }]) {
      expect((await beginLink(app, stolen, fresh, form)).status).toBe(400);
      expect(stolen.cookies.has('wahub_oidc')).toBe(false);
    }
    const proven = await addFactor(app, fresh);
    // A sign-in from before the factor is over, whatever is known of it.
    const before = signedIn(owner);
    expect((await beginLink(app, before, owner, owner)).location).toContain('/dashboard/sign-in');
    expect(before.cookies.has('wahub_oidc')).toBe(false);
    const { password } = owner;
    expect((await linkAs(app, { token: proven.token, password }, newAccount())).end.status).toBe(303);
    await app.close();
  });

  it('ends with the sign-in in which it began', async () => {
    const owner = await t.tenant();
    const [here, there] = [await logIn(t, owner), await logIn(t, owner)];
    const { jar } = await comeToLink(t, here, newAccount());
    await t.call('/auth/sign-out', { method: 'POST', token: here.token });
    expect((await visit(t, jar, LINK, csrfOf(t, here.token))).location).toContain('/dashboard/sign-in');
    jar.cookies.set('wahub_session', there.token);
    const ends = [await visit(t, jar, LINK), await visit(t, jar, LINK, csrfOf(t, there.token))];
    expect(ends.map(({ status }) => status)).toEqual([401, 401]);
    expect(await identitiesIn(t, owner.id)).toEqual([]);
  });

  it('does not give the identity of one person to another who has planted the cookie', async () => {
    const [attacker, victim] = [await t.tenant(), await t.tenant()];
    const account = newAccount();
    const { jar, come } = await comeToLink(t, attacker, account);
    expect(come.status).toBe(200);
    jar.cookies.set('wahub_session', victim.token);
    expect((await visit(t, jar, LINK)).text).not.toContain(account.email);
    expect((await visit(t, jar, LINK, csrfOf(t, victim.token))).status).toBe(401);
    for (const { id } of [attacker, victim]) expect(await identitiesIn(t, id)).toEqual([]);
  });

  it('ends with a new password by a link or from an administrator, not with one of the own', async () => {
    const admin = await t.tenant('admin');
    const owner = await t.tenant();
    // With another address there would be a new account for it.
    const account = newAccount({ email: owner.email });
    await linkAs(t, owner, account);
    const own = { currentPassword: owner.password, newPassword: 'a password of my own' };
    const changed = await t.call('/auth/change-password', { method: 'POST', token: owner.token, body: own });
    expect(changed.status, changed.text).toBe(200);
    expect(await identitiesIn(t, owner.id)).toHaveLength(1);
    const made = await t.call(`/user/${owner.id}/reset-link`, { method: 'POST', token: admin.token });
    const { token } = Object(made.body.data);
    const page = await visit(t, new Jar(), `/dashboard/reset-password?token=${token}`);
    expect(page.text).toContain('are unlinked');
    const body = { token, password: 'a new password' };
    expect((await t.call('/auth/reset-password', { method: 'POST', body })).status).toBe(200);
    expect((await signIn(t, account)).token).toBeNull();
    expect(await identitiesIn(t, owner.id)).toEqual([]);
    const log = await t.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, owner.id));
    expect(log.map(({ event }) => event)).toContain('auth.identity_unlinked');
    await linkAs(t, await logIn(t, { ...owner, password: 'a new password' }), account);
    const set = { password: 'from the admin' };
    const updated = await t.call(`/user/${owner.id}`, { method: 'PUT', token: admin.token, body: set });
    expect(updated.status, updated.text).toBe(200);
    expect(await identitiesIn(t, owner.id)).toEqual([]);
  });

  it('takes no identity from another account, and none without a token of the form', async () => {
    const account = newAccount();
    const first = await t.tenant();
    await linkAs(t, first, account);
    expect((await linkAs(t, await t.tenant(), account)).end.status).toBe(409);
    expect((await linkAs(t, first, account)).end.status).toBe(303);
    expect(await identitiesOf(t, first.token)).toHaveLength(1);
    const jar = new Jar();
    jar.cookies.set('wahub_session', first.token);
    const forged = await visit(t, jar, '/dashboard/account/identities/test/link', { _csrf: 'x' });
    expect(forged.status).toBe(403);
  });

  it('does not happen when the person was signed out on the way', async () => {
    const owner = await t.tenant();
    const { jar } = await comeToLink(t, owner, newAccount());
    const all = { method: 'POST', token: owner.token, body: {} };
    const token = String((await t.call('/auth/sign-out-everywhere', all)).body.token);
    jar.cookies.set('wahub_session', token);
    expect(await visit(t, jar, LINK, csrfOf(t, token))).toMatchObject({ status: 401 });
    expect(await identitiesIn(t, owner.id)).toEqual([]);
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

  it('tells a new person in words, in both languages, that the workspace is full', async () => {
    const owner = await closed.tenant();
    const { domain } = await provenDomain(closed, owner);
    const ofOwner = eq(workspaces.id, owner.id);
    const setMembers = async (members: number) => {
      await closed.deps.db.update(workspaces).set({ limits: { members } }).where(ofOwner);
      closed.deps.allowances.forget();
    };
    await setMembers(1);
    const account = newAccount({ email: `late@${domain}` });
    const { jar, end, token } = await signIn(closed, account);
    expect(token).toBeNull();
    expect(end).toMatchObject({ status: 429 });
    expect(end.text).toContain(`The workspace of ${domain} has no place left for a new member`);
    jar.cookies.set('wahub_lang', 'id');
    const start = await visit(closed, jar, START);
    const back = await passProvider(start.location ?? '', PUBLIC_URL);
    expect((await visit(closed, jar, back)).text).toContain(`Workspace untuk ${domain} sudah penuh`);
    // Nothing of the person was left behind.
    await setMembers(2);
    expect((await signIn(closed, account)).token).not.toBeNull();
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

  it('is looked up again after a minute, and brings in nobody when its record is gone or nobody answers', async () => {
    const clock = createManualClock(Date.now());
    let isDown = false;
    let looks = 0;
    const lookUpTxt = async (name: string) => {
      looks++;
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
    looks = 0;
    expect((await come(sold.domain)).token).not.toBeNull();
    expect(looks).toBe(0);
    clock.advance(MINUTE_MS);
    isDown = true;
    expect((await come(kept.domain)).end.status).toBe(403);
    expect(await states()).toEqual(['dns', 'dns']);
    isDown = false;
    expect((await come(kept.domain)).token).not.toBeNull();
    expect((await come(sold.domain)).token).toBeNull();
    expect(await states()).toEqual([null, 'dns']);
    clock.advance(MINUTE_MS);
    const all = { key: `domain:looks:${kept.id}`, max: 20, windowMs: MINUTE_MS };
    while ((await spendFromWindow(app.deps.db, all, clock.now())) !== null);
    looks = 0;
    expect((await come(kept.domain)).end.status).toBe(403);
    expect(looks).toBe(0);
    await app.close();
  });

  it('brings in nobody whose workspace has ended, or that lost it a moment ago', async () => {
    const clock = createManualClock(Date.now());
    let meanwhile: (() => PromiseLike<unknown>) | null = null;
    const lookUpTxt = async (name: string) => {
      await meanwhile?.();
      return records.get(name) ?? [];
    };
    const config = { oidc: [server.provider], publicUrl: PUBLIC_URL, allowRegistration: false };
    const app = await openTestApp({ clock, config, deps: { lookUpTxt } });
    const [owner, admin] = [await app.tenant(), await app.tenant('admin')];
    const { domain, id } = await provenDomain(app, owner);
    const one = eq(workspaceDomains.id, id);
    const come = () => signIn(app, newAccount({ email: `p${++made}@${domain}` }));
    meanwhile = () => app.deps.db.update(workspaceDomains).set({ role: 'viewer' }).where(one);
    clock.advance(MINUTE_MS);
    const { token } = await come();
    const there = { id: owner.id, role: 'viewer', members: 2 };
    expect((await app.call('/workspace', { token: token ?? '' })).body.data).toMatchObject(there);
    meanwhile = () => app.deps.db.update(workspaceDomains).set({ provenDomain: null }).where(one);
    clock.advance(MINUTE_MS);
    expect(await come()).toMatchObject({ token: null, end: { status: 403 } });
    meanwhile = null;
    await app.deps.db.update(workspaceDomains).set({ provenDomain: domain }).where(one);
    await app.call(`/user/${owner.id}`, { method: 'DELETE', token: admin.token });
    expect(await come()).toMatchObject({ token: null, end: { status: 403 } });
    const members = eq(workspaceMembers.workspaceId, owner.id);
    expect(await app.deps.db.select().from(workspaceMembers).where(members)).toHaveLength(2);
    await app.close();
  });

  it('leaves whoever comes too late to registration where that is open', async () => {
    const [owner, admin] = [await t.tenant(), await t.tenant('admin')];
    const { domain } = await provenDomain(t, owner);
    await t.call(`/user/${owner.id}`, { method: 'DELETE', token: admin.token });
    const { token } = await signIn(t, newAccount({ email: `late@${domain}` }));
    const mine = Object((await t.call('/workspace', { token: token ?? '' })).body.data);
    expect(mine).toMatchObject({ role: 'owner', members: 1 });
    expect(mine.id).not.toBe(owner.id);
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

  it('is given and taken on a page of administrators', async () => {
    const [owner, admin] = [await t.tenant(), await t.tenant('admin')];
    const page = '/dashboard/admin/domains';
    const jar = signedIn(admin);
    const form = { ...csrfOf(t, admin.token), workspaceId: String(owner.id), domain: 'page.example' };
    expect((await visit(t, signedIn(owner), page)).status).toBe(404);
    expect(await visit(t, jar, page, { ...form, role: 'viewer' })).toMatchObject({ status: 303 });
    const { text } = await visit(t, jar, page);
    for (const shown of ['page.example', `/dashboard/admin/workspaces/${owner.id}`])
      expect(text).toContain(shown);
    const { token } = await signIn(t, newAccount({ email: 'reader@page.example' }));
    const there = { id: owner.id, role: 'viewer' };
    expect((await t.call('/workspace', { token: token ?? '' })).body.data).toMatchObject(there);
    const [domain] = Object((await t.call('/workspace/domains', { token: owner.token })).body.data);
    const removed = await visit(t, jar, `${page}/${domain.id}/remove`, csrfOf(t, admin.token));
    expect(removed).toMatchObject({ status: 303, location: page });
    expect((await visit(t, jar, page)).text).not.toContain('page.example');
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

describe('an invitation', () => {
  async function invite(owner: Tenant, email: string, role = 'developer') {
    const body = { email, role };
    const asked = await closed.call('/workspace/invitations', { method: 'POST', token: owner.token, body });
    expect(asked.status, asked.text).toBe(201);
    return invitationToken(closed.deps, String(Object(asked.body.data).id));
  }

  /** By the button of the page that the invitation opens. */
  async function joinBy(token: string, account: OidcServer['account']) {
    server.account = account;
    const jar = new Jar();
    const page = await visit(closed, jar, `/dashboard/join?token=${token}`);
    const [, href = ''] = /href="([^"]+)"[^>]*>\s*Join with Test/.exec(page.text) ?? [];
    const start = await visit(closed, jar, href.replaceAll('&amp;', '&'));
    const back = await passProvider(start.location ?? '', PUBLIC_URL);
    const end = await visit(closed, jar, back);
    return { jar, end, token: jar.cookies.get('wahub_session') ?? null };
  }

  it('makes a member by a button, where registration is closed, once', async () => {
    const owner = await closed.tenant();
    const account = newAccount();
    const invitation = await invite(owner, account.email);
    const { token, end } = await joinBy(invitation, account);
    expect(end.text).toContain('content="0;url=/dashboard"');
    const there = { id: owner.id, role: 'developer', members: 2 };
    expect((await closed.call('/workspace', { token: token ?? '' })).body.data).toMatchObject(there);
    const log = await closed.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, owner.id));
    expect(log.map(({ event }) => event)).toContain('member.added');
    expect((await signIn(closed, account)).token).not.toBeNull();
    const used = await visit(closed, new Jar(), `/dashboard/join?token=${invitation}`);
    expect(used.status).toBe(404);
  });

  it('goes before the domain of the address', async () => {
    const [owner, other] = [await closed.tenant(), await closed.tenant()];
    const { domain } = await provenDomain(closed, other, 'viewer');
    const account = newAccount({ email: `guest@${domain}` });
    const { token } = await joinBy(await invite(owner, account.email), account);
    const there = { id: owner.id, role: 'developer' };
    expect((await closed.call('/workspace', { token: token ?? '' })).body.data).toMatchObject(there);
    expect((await closed.call('/workspace', { token: other.token })).body.data).toMatchObject({ members: 1 });
  });

  it.each([
    ['another address', { email: 'somebody-else@people.example' }],
    ['an address that is not confirmed', { email_verified: false }],
  ])('makes nobody of %s a member, and stays open', async (_name, more) => {
    const owner = await closed.tenant();
    const account = newAccount();
    const invitation = await invite(owner, account.email);
    const { token, end } = await joinBy(invitation, { ...account, ...more });
    expect([token, end.status]).toEqual([null, 403]);
    expect(await identitiesIn(closed, owner.id)).toEqual([]);
    expect((await joinBy(invitation, account)).token).not.toBeNull();
  });

  it('that was ended meanwhile makes nobody a member', async () => {
    const owner = await closed.tenant();
    const account = newAccount();
    const invitation = await invite(owner, account.email);
    server.account = account;
    const jar = new Jar();
    const start = await visit(closed, jar, `${START}?${new URLSearchParams({ invitation })}`);
    const back = await passProvider(start.location ?? '', PUBLIC_URL);
    const [open] = Object((await closed.call('/workspace/invitations', { token: owner.token })).body.data);
    const path = `/workspace/invitations/${open.id}`;
    expect((await closed.call(path, { method: 'DELETE', token: owner.token })).status).toBe(200);
    expect((await visit(closed, jar, back)).status).toBe(404);
    expect(await closed.deps.db.select().from(users).where(eq(users.email, account.email))).toEqual([]);
  });

  it('leads whoever has linked the account already back to its page', async () => {
    const [owner, person] = [await closed.tenant(), await closed.tenant()];
    const account = newAccount();
    await linkAs(closed, person, account);
    const invitation = await invite(owner, person.email);
    const { end, jar } = await joinBy(invitation, account);
    const join = `/dashboard/join?token=${invitation}`;
    expect(end.text).toContain(`content="0;url=${join}"`);
    const form = { ...csrfOf(closed, jar.cookies.get('wahub_session') ?? ''), token: invitation };
    expect((await visit(closed, jar, '/dashboard/join', form)).location).toBe('/dashboard');
    expect(await membershipOf(closed, owner.id, person.id)).toHaveLength(1);
  });
});

describe('together with a second factor', () => {
  it('is asked for before anything is written down, and goes on where it was to go', async () => {
    const person = await t.tenant();
    const account = newAccount();
    await linkAs(t, person, account);
    const { code } = await addFactor(t, person);
    const { domain } = await provenDomain(t, await t.tenant(), 'viewer');
    const now = { ...account, email: `me@${domain}` };
    const [before] = await t.deps.db.select().from(users).where(eq(users.id, person.id));
    const { jar, end, token } = await signIn(t, now, '/dashboard/otp');
    expect(token).toBeNull();
    expect(end.text).toContain(`content="0;url=${CODE}?next=%2Fdashboard%2Fotp"`);
    const [asked] = await t.deps.db.select().from(users).where(eq(users.id, person.id));
    expect(asked).toEqual(before);
    expect(await loginsOf(t, person.id)).toBe(0);
    const memberships = () =>
      t.deps.db.select().from(workspaceMembers).where(eq(workspaceMembers.userId, person.id));
    expect(await memberships()).toHaveLength(1);
    expect((await visit(t, jar, CODE, { code: '000000x' })).status).toBe(401);
    expect(await memberships()).toHaveLength(1);
    const given = await visit(t, jar, CODE, { code: code(), next: '/dashboard/otp' });
    expect(given).toMatchObject({ status: 303, location: '/dashboard/otp' });
    expect(jar.cookies.has('wahub_oidc')).toBe(false);
    expect(await loginsOf(t, person.id)).toBe(1);
    expect(await memberships()).toHaveLength(2);
    expect((await identitiesIn(t, person.id)).map(({ email }) => email)).toEqual([now.email]);
  });

  it('does nothing for another person who gives theirs in the same browser', async () => {
    const [person, other] = [await t.tenant(), await t.tenant()];
    const account = newAccount();
    await linkAs(t, person, account);
    await addFactor(t, person);
    const { code } = await addFactor(t, other);
    const owner = await t.tenant();
    const { domain } = await provenDomain(t, owner);
    const { jar } = await signIn(t, { ...account, email: `me@${domain}` });
    const body = { email: other.email, password: other.password };
    const asked = await t.call('/auth/login', { method: 'POST', body });
    jar.cookies.set('wahub_step', String(Object(asked.body.details).token));
    expect((await visit(t, jar, CODE, { code: code() })).status).toBe(303);
    for (const { id } of [person, other]) expect(await membershipOf(t, owner.id, id)).toEqual([]);
  });

  it('keeps out members of a workspace that demands one until it was given', async () => {
    const owner = await t.tenant();
    const [ready, bare] = [
      await makeMember(t.deps, owner.id, 'operator'),
      await makeMember(t.deps, owner.id, 'operator'),
    ];
    const [first, second] = [newAccount(), newAccount()];
    await linkAs(t, ready, first);
    await linkAs(t, bare, second);
    const { token } = await addFactor(t, owner);
    const demand = { method: 'PUT', token, body: { requireSecondFactor: true } };
    expect((await t.call('/workspace/security', demand)).status).toBe(200);
    const { code } = await addFactor(t, ready);
    const asked = await signIn(t, first);
    expect(asked.token).toBeNull();
    expect((await visit(t, asked.jar, CODE, { code: code() })).status).toBe(303);
    const inside = asked.jar.cookies.get('wahub_session') ?? '';
    expect((await t.call('/session/list', { token: inside })).status).toBe(200);
    const outside = await signIn(t, second);
    const refused = await t.call('/session/list', { token: outside.token ?? '' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'SECOND_FACTOR_MISSING' } });
    expect((await visit(t, outside.jar, '/dashboard')).location).toBe('/dashboard/account/security');
    const person = { token: outside.token ?? '', password: bare.password };
    const added = await addFactor(t, person);
    expect((await t.call('/session/list', { token: added.token })).status).toBe(200);
  });
});

function signedIn({ token }: Pick<Tenant, 'token'>): Jar {
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
