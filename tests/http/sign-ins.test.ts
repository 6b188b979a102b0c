/** Where people are signed in, and new passwords by a link. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  activityLogs,
  auditEntries,
  factorChallenges,
  mailOutbox,
  passwordResets,
  rateLimits,
  signIns,
  users,
  workspaceMembers,
} from '../../src/db/schema.ts';
import { SESSION_COOKIE } from '../../src/middlewares/authenticate.ts';
import { sendDueMails } from '../../src/services/mail/outbox.ts';
import type { Mailer } from '../../src/utils/smtp.ts';
import { createTasks } from '../../src/workers/housekeeper/tasks.ts';
import { type Call, depsElsewhere, openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { mailerOf } from '../helpers/mailer.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { openSmtpServer, type SmtpServer } from '../helpers/smtp-server.ts';
import { makeMember } from '../helpers/tenant.ts';
import { until } from '../helpers/until.ts';

const CHROME =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36';
const HOUR_MS = 3_600_000;

const clock = createManualClock(Date.parse('2027-03-01T08:00:00Z'));
let smtp: SmtpServer;
let mailer: Mailer;
let t: TestApp;
let user: Tenant;
beforeAll(async () => {
  smtp = await openSmtpServer();
  const config = {
    host: '127.0.0.1',
    port: smtp.port,
    secure: false,
    user: 'hub',
    password: 'x',
    from: 'h@example.com',
  };
  t = await openTestApp({ clock, config: { publicUrl: 'http://localhost:5001', smtp: config } });
  mailer = mailerOf(t);
});
afterAll(async () => {
  await t.close();
  await smtp.close();
});
beforeEach(async () => {
  user = await t.tenant();
  await t.deps.db.delete(rateLimits);
  await t.deps.db.delete(mailOutbox);
  smtp.mails.length = 0;
});

const post = (path: string, body?: unknown, call: Call = {}) =>
  t.call(path, { method: 'POST', ...(body === undefined ? {} : { body }), ...call });
const signIn = (who: Pick<Tenant, 'email' | 'password'> = user, call: Call = {}) =>
  post('/auth/login', { email: who.email, password: who.password }, call);
const tokenOf = async (call: Call = {}) => String((await signIn(user, call)).body.token);
const statusOf = async (token: string, path = '/auth/me') => (await t.call(path, { token })).status;
const listed = async (token: string) =>
  Object((await t.call('/auth/sign-ins', { token })).body.data) as Record<string, unknown>[];

describe('the places where one is signed in', () => {
  it('are listed with program, network and times, this one marked', async () => {
    const first = await tokenOf({ headers: { 'user-agent': CHROME }, address: '10.0.0.7' });
    clock.advance(HOUR_MS);
    const second = await tokenOf({ headers: { 'user-agent': 'curl/8.5.0' } });
    const rows = await listed(second);
    expect(rows).toMatchObject([
      { name: 'curl', current: true, secondFactor: false, ip: '127.0.0.1' },
      { name: 'Chrome · Android', current: false, ip: '10.0.0.7', createdAt: '2027-03-01T08:00:00.000Z' },
    ]);
    await statusOf(first);
    await until(async () =>
      (await listed(second)).some(
        ({ name, lastSeenAt }) => name !== 'curl' && lastSeenAt === new Date(clock.now()).toISOString(),
      ),
    );
    expect(await listed(user.token)).toHaveLength(2);
  });

  it('end one by one, at once, whatever workspace their tokens are for', async () => {
    const [gone, kept] = [await tokenOf(), await tokenOf()];
    const other = await t.tenant();
    const times = { createdAt: clock.now(), updatedAt: clock.now() };
    const joined = { workspaceId: other.id, userId: user.id, role: 'viewer' as const, ...times };
    await t.deps.db.insert(workspaceMembers).values(joined);
    const there = (await post('/auth/switch-workspace', { workspaceId: other.id }, { token: gone })).body
      .token;
    const elsewhere = depsElsewhere(t.deps, t.deps.database).credentials;
    const row = (await listed(gone)).find(({ current }) => current);
    const end = (token: string) => t.call(`/auth/sign-ins/${String(row?.id)}`, { method: 'DELETE', token });
    expect((await end(other.token)).status).toBe(404);
    expect((await end(kept)).status).toBe(200);
    expect((await end(kept)).status).toBe(404);
    expect([await statusOf(gone), await statusOf(String(there)), await statusOf(kept)]).toEqual([
      401, 401, 200,
    ]);
    expect(await elsewhere.fromToken(gone, 'jwt')).toBeNull();
  });

  it('end with their event streams, within five seconds', async () => {
    const live = await openTestApp();
    const who = await live.tenant();
    const login = { method: 'POST', body: { email: who.email, password: who.password } };
    const [gone, kept] = [await live.call('/auth/login', login), await live.call('/auth/login', login)];
    const authorization = `Bearer ${String(gone.body.token)}`;
    const stream = await live.app.request('/events', { headers: { authorization } });
    const token = String(kept.body.token);
    const rows = Object((await live.call('/auth/sign-ins', { token })).body.data) as {
      id: string;
      current: boolean;
    }[];
    for (const { id, current } of rows) {
      if (!current) await live.call(`/auth/sign-ins/${id}`, { method: 'DELETE', token });
    }
    const began = performance.now();
    for await (const _chunk of stream.body ?? []);
    expect(performance.now() - began).toBeLessThan(5_000);
    await live.close();
  }, 15_000);

  it('end all but this one, and with a sign-out', async () => {
    const [one, two, out] = [await tokenOf(), await tokenOf(), await tokenOf()];
    expect((await post('/auth/sign-out', undefined, { token: out })).status).toBe(200);
    expect(await statusOf(out)).toBe(401);
    expect(await listed(one)).toHaveLength(2);
    const fresh = String((await post('/auth/sign-out-everywhere', {}, { token: one })).body.token);
    expect([await statusOf(one), await statusOf(two), await statusOf(fresh)]).toEqual([401, 401, 200]);
    expect(await listed(fresh)).toMatchObject([{ current: true }]);
  });

  it('are a hundred: the newest stay', async () => {
    const row = { userId: user.id, createdAt: clock.now(), expiresAt: clock.now() + HOUR_MS };
    await t.deps.db.insert(signIns).values(
      Array.from({ length: 105 }, (_, i) => ({
        ...row,
        id: i.toString(16).padStart(32, '0'),
        lastSeenAt: clock.now() - 105 + i,
      })),
    );
    const token = await tokenOf();
    const left = await t.deps.db.select().from(signIns).where(eq(signIns.userId, user.id));
    expect(left).toHaveLength(100);
    expect(Math.min(...left.map(({ lastSeenAt }) => lastSeenAt))).toBe(clock.now() - 99);
    expect(await statusOf(token)).toBe(200);
  });

  it('are forgotten when their tokens are over', async () => {
    await tokenOf();
    clock.advance(t.deps.config.jwtExpiresInSeconds * 1000 + 1);
    const deps = { ...t.deps, credentials: { purgeQuarantine: async () => 0 } };
    const task = createTasks(deps).find(({ name }) => name === 'sign_ins');
    expect(await task?.run(new AbortController().signal)).toBeGreaterThan(0);
    expect(await t.deps.db.select().from(signIns).where(eq(signIns.userId, user.id))).toEqual([]);
  });
});

const forgot = (email: string, call: Call = {}) => post('/auth/forgot-password', { email }, call);
const reset = (token: string, password = 'a new password', more: object = {}) =>
  post('/auth/reset-password', { token, password, ...more });
const mailed = () => /token=([\w.]+)/.exec(smtp.mails.at(-1)?.data ?? '')?.[1] ?? '';

describe('a forgotten password', () => {
  it('is chosen by the link of a mail, once, and ends what was signed in', async () => {
    const token = await tokenOf();
    expect((await forgot(user.email.toUpperCase())).status).toBe(202);
    expect(await sendDueMails(t.deps, mailer)).toBe(1);
    expect(smtp.mails[0]).toMatchObject({ to: user.email });
    const link = mailed();
    expect((await reset(link, 'short')).status).toBe(400);
    expect((await reset(link)).status).toBe(200);
    expect((await reset(link)).status).toBe(404);
    expect([await statusOf(token), await statusOf(user.token)]).toEqual([401, 401]);
    expect((await signIn()).status).toBe(401);
    expect((await signIn({ email: user.email, password: 'a new password' })).status).toBe(200);
    expect((await t.call('/session/list', { apiKey: user.apiKey })).status).toBe(200);
    await sendDueMails(t.deps, mailer);
    expect(smtp.mails.at(-1)?.data).toContain('Subject: Kata sandi Anda telah diganti');
  });

  it('tells nobody whether there is an account', async () => {
    const [known, unknown] = [await forgot(user.email), await forgot('nobody@example.com')];
    const { requestId: _a, ...first } = known.body;
    const { requestId: _b, ...second } = unknown.body;
    expect([known.status, first]).toEqual([unknown.status, second]);
    expect(await t.deps.db.select().from(mailOutbox)).toHaveLength(2);
    await sendDueMails(t.deps, mailer);
    expect(smtp.mails.map(({ to }) => to)).toEqual([user.email]);
    expect(await t.deps.db.select().from(mailOutbox)).toEqual([]);
  });

  it('is won by one of many who use the link at once', async () => {
    await forgot(user.email);
    await sendDueMails(t.deps, mailer);
    const link = mailed();
    const replies = await Promise.all([1, 2, 3].map((n) => reset(link, `a new password ${n}`)));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
  });

  it('has a link for an hour, until another password is chosen or the person is disabled', async () => {
    await forgot(user.email);
    await sendDueMails(t.deps, mailer);
    const late = mailed();
    clock.advance(HOUR_MS);
    expect((await reset(late)).status).toBe(404);
    await forgot(user.email);
    await sendDueMails(t.deps, mailer);
    await post(
      '/auth/change-password',
      { currentPassword: user.password, newPassword: 'chosen by myself' },
      { token: user.token },
    );
    expect((await reset(mailed())).status).toBe(404);
    await t.deps.db.update(users).set({ status: 'disabled' }).where(eq(users.id, user.id));
    await forgot(user.email);
    expect(await sendDueMails(t.deps, mailer)).toBe(0);
  });

  it('gets three mails a day that strangers ask for, and three more from where the owner has signed in', async () => {
    await signIn(user, { address: '10.4.0.1' });
    const mails: number[] = [];
    for (let i = 0; i < 4; i++) {
      await forgot(user.email, { address: `10.0.${i}.1` });
      mails.push(await sendDueMails(t.deps, mailer));
      clock.advance(HOUR_MS);
    }
    await forgot(user.email, { address: '10.4.0.1' });
    mails.push(await sendDueMails(t.deps, mailer));
    expect(mails).toEqual([1, 1, 1, 0, 1]);
  });

  it('has no link any more once the address is another one', async () => {
    const admin = await t.tenant('admin');
    await forgot(user.email);
    await sendDueMails(t.deps, mailer);
    const put = (body: object) => t.call(`/user/${user.id}`, { method: 'PUT', token: admin.token, body });
    expect((await put({ name: 'New name' })).status).toBe(200);
    const kept = () => t.deps.db.select().from(passwordResets).where(eq(passwordResets.userId, user.id));
    expect(await kept()).toHaveLength(1);
    const times = { createdAt: clock.now(), expiresAt: clock.now() + HOUR_MS };
    const step = {
      id: 'f'.repeat(32),
      userId: user.id,
      step: 'sign_in' as const,
      challenge: 'x',
      version: 0,
    };
    await t.deps.db.insert(factorChallenges).values({ ...step, ...times });
    expect((await put({ email: `new-${user.id}@example.com` })).status).toBe(200);
    expect(await kept()).toEqual([]);
    expect(
      await t.deps.db.select().from(factorChallenges).where(eq(factorChallenges.userId, user.id)),
    ).toEqual([]);
    expect((await reset(mailed())).status).toBe(404);
  });

  it('gets three mails in an hour, and one network asks for twenty', async () => {
    for (let i = 0; i < 5; i++)
      expect((await forgot(user.email, { address: `10.0.${i}.1` })).status).toBe(202);
    expect(await sendDueMails(t.deps, mailer)).toBe(3);
    // The owner still has a link that works, whoever has spent the mails.
    expect((await reset(mailed())).status).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++)
      statuses.push((await forgot(`x${i}@example.com`, { address: '10.7.0.1' })).status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
  });

  it('is kept without its secret, and told in no log', async () => {
    await forgot(user.email);
    const kept = [await t.deps.db.select().from(passwordResets), await t.deps.db.select().from(mailOutbox)];
    await sendDueMails(t.deps, mailer);
    const link = mailed();
    await reset(link, 'never to be logged');
    const text = JSON.stringify([kept, t.lines, await t.deps.db.select().from(activityLogs)]);
    for (const secret of [link, 'never to be logged']) expect(text).not.toContain(secret);
  });

  it('needs a mail server', async () => {
    const bare = await openTestApp();
    const body = { email: 'user@example.com' };
    const reply = await bare.call('/auth/forgot-password', { method: 'POST', body });
    expect(reply).toMatchObject({ status: 422, body: { code: 'NOT_SUPPORTED' } });
    await bare.close();
  });
});

describe('a link that is handed over', () => {
  it('is made by an administrator of the service, and ends the one before', async () => {
    const admin = await t.tenant('admin');
    const make = () => post(`/user/${user.id}/reset-link`, undefined, { token: admin.token });
    const first = Object((await make()).body.data);
    const made = await make();
    expect(made).toMatchObject({ status: 201, body: { data: { expiresAt: expect.any(String) } } });
    const { token, url } = Object(made.body.data);
    expect(url).toBe(`http://localhost:5001/dashboard/reset-password?token=${token}`);
    expect((await reset(first.token)).status).toBe(404);
    expect((await reset(token, 'a new password', { revokeApiKeys: true })).status).toBe(200);
    expect((await t.call('/session/list', { apiKey: user.apiKey })).status).toBe(401);
    const events = await t.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, user.id));
    expect(events.map(({ event, actorId }) => [event, actorId])).toEqual(
      expect.arrayContaining([
        ['auth.reset_link_made', admin.id],
        ['auth.password_reset', user.id],
      ]),
    );
  });

  it.each([{ role: 'user' }, { status: 'disabled' }] as const)(
    'is over when its maker is no administrator any more: %o',
    async (changes) => {
      const admin = await t.tenant('admin');
      const made = await post(`/user/${user.id}/reset-link`, undefined, { token: admin.token });
      await t.deps.db.update(users).set(changes).where(eq(users.id, admin.id));
      expect((await reset(Object(made.body.data).token)).status).toBe(404);
    },
  );

  it('is made by a workspace for who belongs to it alone', async () => {
    const member = await makeMember(t.deps, user.id, 'operator');
    const boss = await makeMember(t.deps, user.id, 'admin');
    const make = (who: number, token: string) =>
      post(`/workspace/members/${who}/reset-link`, undefined, { token });
    expect((await make(member.id, member.token)).status).toBe(403);
    // Only owners for owners; nobody for strangers.
    expect((await make(user.id, boss.token)).status).toBe(403);
    expect((await make((await t.tenant()).id, boss.token)).status).toBe(404);
    const made = await make(member.id, boss.token);
    expect(made.status, made.text).toBe(201);
    const token = String(Object(made.body.data).token);
    expect((await reset(token)).status).toBe(200);
    const service = await makeMember(t.deps, user.id, 'viewer', { serviceRole: 'admin' });
    expect((await make(service.id, boss.token)).status).toBe(409);
  });

  it('of a workspace is over when the person joins another one, or its maker has left', async () => {
    const member = await makeMember(t.deps, user.id, 'operator');
    const boss = await makeMember(t.deps, user.id, 'admin');
    const make = async (by: Tenant) =>
      String(
        Object(
          (await post(`/workspace/members/${member.id}/reset-link`, undefined, { token: by.token })).body
            .data,
        ).token,
      );
    const byBoss = await make(boss);
    await t.call(`/workspace/members/${boss.id}`, { method: 'DELETE', token: user.token });
    expect((await reset(byBoss)).status).toBe(404);
    const byOwner = await make(user);
    const other = await t.tenant();
    const times = { createdAt: clock.now(), updatedAt: clock.now() };
    await t.deps.db
      .insert(workspaceMembers)
      .values({ workspaceId: other.id, userId: member.id, role: 'viewer', ...times });
    expect((await reset(byOwner)).status).toBe(404);
    const again = await post(`/workspace/members/${member.id}/reset-link`, undefined, { token: user.token });
    expect(again.status).toBe(409);
    expect(await statusOf(member.token)).toBe(200);
  });
});

describe('what was done to an account', () => {
  const read = async (token: string, query = '') =>
    Object((await t.call(`/auth/audit${query}`, { token })).body.data) as Record<string, unknown>[];
  const eventsOf = async (token: string) => (await read(token)).map(({ event }) => event);

  it('is told to whoever has no workspace of their own, and to nobody else', async () => {
    const member = await makeMember(t.deps, user.id, 'viewer');
    await signIn(member, { address: '10.0.0.9' });
    clock.advance(1_000);
    await signIn({ ...member, password: 'wrong password' });
    clock.advance(1_000);
    const admin = await t.tenant('admin');
    const link = await post(`/user/${member.id}/reset-link`, undefined, {
      token: admin.token,
      address: '10.0.0.8',
    });
    expect(link.status).toBe(201);
    const rows = await read(member.token);
    expect(rows).toMatchObject([
      { event: 'auth.reset_link_made', actor: { id: admin.id }, ip: null, userAgent: null, requestId: null },
      { event: 'auth.login_failed', status: 'failure', actor: null, ip: '127.0.0.1' },
      { event: 'auth.login', status: 'success', actor: { id: member.id }, ip: '10.0.0.9' },
    ]);
    expect(await read(member.token, '?event=auth.login')).toHaveLength(1);
    const page = await t.call('/auth/audit?limit=1', { token: member.token });
    const next = await t.call(`/auth/audit?limit=2&cursor=${String(page.body.nextCursor)}`, {
      token: member.token,
    });
    expect([page.body.data, next.body.data].flat()).toEqual(rows);
    // The owner of the workspace where they are sees no sign-in of theirs.
    expect(await eventsOf(user.token)).not.toContain('auth.reset_link_made');
    const log = await t.call('/workspace/audit', { token: user.token });
    expect(JSON.stringify(log.body.data)).not.toContain('10.0.0.9');
    expect((await t.call('/auth/audit', { apiKey: user.apiKey })).status).toBe(403);
    expect((await t.call('/auth/audit')).status).toBe(401);
  });

  it('is told also after the own workspace was left, and not to those who have it now', async () => {
    const heir = await makeMember(t.deps, user.id, 'admin');
    const elsewhere = await t.tenant();
    const times = { createdAt: clock.now(), updatedAt: clock.now() };
    const joined = { workspaceId: elsewhere.id, userId: user.id, role: 'viewer' as const, ...times };
    await t.deps.db.insert(workspaceMembers).values(joined);
    await post('/workspace/transfer-ownership', { userId: heir.id }, { token: user.token });
    expect((await post('/workspace/leave', {}, { token: user.token })).status).toBe(200);
    const token = await tokenOf({ address: '10.0.0.6' });
    expect(await read(token)).toMatchObject([{ event: 'auth.login', ip: '10.0.0.6' }]);
    const log = await t.call('/workspace/audit', { token: heir.token });
    expect(JSON.stringify(log.body.data)).not.toContain('10.0.0.6');
  });

  it('is shown on a page, in both languages', async () => {
    const member = await makeMember(t.deps, user.id, 'viewer');
    await signIn(member, { address: '10.0.0.5' });
    for (const [lang, title] of [
      ['en', 'Account log'],
      ['id', 'Log akun'],
    ]) {
      const cookie = `${SESSION_COOKIE}=${member.token}; wahub_lang=${lang}`;
      const page = await t.call('/dashboard/account/security/log', { headers: { cookie } });
      expect(page.status).toBe(200);
      expect(page.text).toContain(title);
      expect(page.text).toContain('10.0.0.5');
    }
  });
});
