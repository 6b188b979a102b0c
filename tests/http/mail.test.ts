/** Mails: registrations are confirmed, owners are told, and no crash and no refusing server loses one. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { mailOutbox, pendingRegistrations, workspaceInvitations } from '../../src/db/schema.ts';
import { readServiceAlarms } from '../../src/services/alarms/state.ts';
import { enqueueMail, forgetUnconfirmed, sendDueMails } from '../../src/services/mail/outbox.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Mailer } from '../../src/utils/smtp.ts';
import { createMailSender } from '../../src/workers/mail-sender.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { mailerOf } from '../helpers/mailer.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { openSmtpServer, type SmtpServer } from '../helpers/smtp-server.ts';
import { until } from '../helpers/until.ts';

const PASSWORD = 'a secret of the server';
let smtp: SmtpServer;
let mailer: Mailer;
let t: TestApp;
const clock = createManualClock(Date.parse('2027-01-04T08:00:00Z'));
beforeAll(async () => {
  smtp = await openSmtpServer();
  const config = {
    host: '127.0.0.1',
    port: smtp.port,
    secure: false,
    user: 'hub',
    password: PASSWORD,
    from: 'WaHub <hub@example.com>',
  };
  t = await openTestApp({
    clock,
    config: { smtp: config, allowRegistration: true, registrationsPerDay: 1000 },
  });
  mailer = mailerOf(t);
});
afterAll(async () => {
  await t.close();
  await smtp.close();
});
beforeEach(async () => {
  await t.deps.db.delete(mailOutbox);
  smtp.mails.length = 0;
  smtp.refusal = null;
  smtp.breaksAt = null;
  smtp.senderRefusal = null;
});

let made = 0;
const register = (email: string, language = 'en') =>
  t.call('/auth/register', {
    method: 'POST',
    body: { email, password: 'a long password', name: 'New' },
    headers: { 'accept-language': language },
    address: `10.0.${Math.floor(made++ / 250)}.${made % 250}`,
  });
const login = (email: string) =>
  t.call('/auth/login', {
    method: 'POST',
    body: { email, password: 'a long password' },
    address: '10.1.1.1',
  });
const send = () => sendDueMails(t.deps, mailer);
const tokenIn = (mail = smtp.mails[0]) => /token=([\w.]+)/.exec(mail?.data ?? '')?.[1] ?? '';
const verify = (token: string, password = 'a long password') =>
  t.call('/auth/verify-email', { method: 'POST', body: { token, password } });

it('an account begins when its e-mail is confirmed, once', async () => {
  const reply = await register('new@example.com');
  expect(reply).toMatchObject({ status: 202, body: { success: true, verification: 'sent' } });
  expect(reply.body.token).toBeUndefined();
  expect((await login('new@example.com')).status).toBe(401);
  expect(await send()).toBe(1);
  expect(smtp.mails[0]).toMatchObject({ to: 'new@example.com' });
  expect(smtp.mails[0]?.data).toContain('Subject: Confirm your e-mail address');
  const token = tokenIn();
  expect((await verify(`${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`)).status).toBe(404);
  const confirmed = await verify(token);
  expect(confirmed).toMatchObject({
    status: 201,
    body: { user: { email: 'new@example.com', role: 'user' } },
  });
  expect((await t.call('/auth/me', { token: String(confirmed.body.token) })).status).toBe(200);
  expect((await login('new@example.com')).status).toBe(200);
  expect((await verify(token)).status).toBe(404);
  expect(await t.deps.db.select().from(mailOutbox)).toEqual([]);
});

it('the owner of an address opens no account that a stranger has registered with a password of its own', async () => {
  await register('victim@example.com');
  await send();
  const token = tokenIn();
  expect((await t.call('/auth/verify-email', { method: 'POST', body: { token } })).status).toBe(400);
  const other = await verify(token, 'the password of the owner');
  expect(other).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
  expect((await login('victim@example.com')).status).toBe(401);
  // A wrong word does not use the link up.
  expect((await verify(token)).status).toBe(201);
});

it('who registers a taken e-mail gets the same answer, and its owner a mail that says so', async () => {
  const owner = await t.tenant();
  const taken = await register(owner.email, 'id-ID,id;q=0.9');
  const fresh = await register('fresh@example.com', 'id-ID,id;q=0.9');
  const { requestId: _a, ...first } = taken.body;
  const { requestId: _b, ...second } = fresh.body;
  expect([taken.status, first]).toEqual([fresh.status, second]);
  expect(await send()).toBe(2);
  const [told] = smtp.mails.filter(({ to }) => to === owner.email);
  expect(told?.data).toContain('Subject: Anda sudah memiliki akun');
  expect(told?.data).not.toContain('token=');
});

it('an inbox gets three mails a day, whatever is registered', async () => {
  for (let i = 0; i < 5; i++) expect((await register('much@example.com')).status).toBe(202);
  expect(await send()).toBe(3);
});

it('a link is good for a day', async () => {
  await register('late@example.com');
  await send();
  await clock.advance(86_400_000);
  expect((await verify(tokenIn())).status).toBe(404);
});

it('a server that refuses gets it again later, under the same id, and nothing secret is logged', async () => {
  smtp.refusal = '451 not now';
  await register('again@example.com');
  expect(await send()).toBe(0);
  expect(await send()).toBe(0);
  expect(await t.deps.db.select().from(mailOutbox)).toMatchObject([{ attempts: 1 }]);
  smtp.refusal = null;
  await clock.advance(90_000);
  expect(await send()).toBe(1);
  const logged = JSON.stringify(t.lines);
  for (const secret of [PASSWORD, 'again@example.com', tokenIn()]) expect(logged).not.toContain(secret);
});

it('a recipient that is refused for good, and a server that is away for a day, end it', async () => {
  smtp.refusal = '550 nobody here';
  await register('nobody@example.com');
  await send();
  expect(await t.deps.db.select().from(mailOutbox)).toEqual([]);
  smtp.refusal = '451 not now';
  await register('away@example.com');
  await send();
  await clock.advance(86_400_000);
  await send();
  expect(await t.deps.db.select().from(mailOutbox)).toEqual([]);
});

it('two processes send it once', async () => {
  await register('twice@example.com');
  expect((await Promise.all([send(), send()])).sort()).toEqual([0, 1]);
  expect(smtp.mails).toHaveLength(1);
});

/** A server of which `isStuck` mails get no answer until it is given one, and what was begun. */
function stuckMailer(isStuck: (to: string) => boolean) {
  const sent: string[] = [];
  const answer = createSignal();
  const mailer: Mailer = {
    async send({ to }) {
      sent.push(to);
      if (isStuck(to)) await answer.given;
    },
    waitMs: () => 0,
    close: () => undefined,
  };
  const sender = createMailSender({ ...t.deps, mailer });
  return {
    sent,
    async runUntil(condition: () => boolean): Promise<void> {
      sender.start();
      await until(() => {
        clock.advance(3_000);
        return condition();
      });
    },
    async stop(): Promise<void> {
      answer.give();
      await sender.stop();
    },
  };
}

it('a server that is slow with invitations, or registrations, holds up no mail about an account', async () => {
  const { sent, runUntil, stop } = stuckMailer((to) => !to.startsWith('account'));
  const add = (kind: 'invitation' | 'verify_email' | 'password_was_reset', address: string) =>
    transact(t.deps.db, (tx) => enqueueMail(tx, t.deps, { kind, address, language: 'en' }));
  for (const n of [1, 2, 3]) await add('invitation', `invited${n}@example.com`);
  for (const n of [1, 2, 3]) await add('verify_email', `new${n}@example.com`);
  for (const n of [1, 2]) await add('password_was_reset', `account${n}@example.com`);
  try {
    await runUntil(() => sent.length >= 6);
    const kinds = sent.map((to) => to.replace(/\d.*/, ''));
    expect(kinds.toSorted()).toEqual(['account', 'account', 'invited', 'invited', 'new', 'new']);
  } finally {
    await stop();
  }
});

it('the invitations of one workspace do not come before those of all others', async () => {
  const now = clock.now();
  const common = { role: 'viewer' as const, invitedBy: 1, createdAt: now, expiresAt: now + 3_600_000 };
  const invite = (workspaceId: number, n: number) =>
    transact(t.deps.db, async (tx) => {
      const id = newId();
      const address = `${n}@of${workspaceId}.example.com`;
      await tx.insert(workspaceInvitations).values({ ...common, id, workspaceId, email: address });
      await enqueueMail(tx, t.deps, { kind: 'invitation', address, language: 'en', invitationId: id });
    });
  for (let n = 0; n < 20; n++) await invite(901, n);
  await invite(902, 0);
  await invite(903, 0);
  const { sent, runUntil, stop } = stuckMailer(() => true);
  try {
    await runUntil(() => sent.length >= 4);
    const begun = sent.map((to) => to.slice(to.indexOf('@')));
    expect(begun.toSorted()).toEqual([901, 901, 902, 903].map((id) => `@of${id}.example.com`));
  } finally {
    await stop();
  }
});

const inbox = (address: string) =>
  transact(t.deps.db, (tx) =>
    enqueueMail(tx, t.deps, { kind: 'password_was_reset', address, language: 'en' }),
  );
const attempts = async () => (await t.deps.db.select().from(mailOutbox)).map((row) => row.attempts);
/** Longer than the longest pause. */
const PAUSE_MS = 301_000;

it('a server that is away is asked once for all that is due, costs no mail an attempt, and is tried by one after a pause', async () => {
  for (let n = 0; n < 12; n++) await inbox(`one@inbox${n}.example.com`);
  await smtp.goDown();
  t.lines.length = 0;
  expect(await send()).toBe(0);
  const complaints = () => t.lines.filter(({ level }) => level === 'warn');
  expect(complaints()).toMatchObject([{ pauseMs: expect.any(Number) }]);
  expect(await attempts()).toEqual(Array.from({ length: 12 }, () => 0));
  await smtp.comeBack();
  smtp.connections = 0;
  expect(await send()).toBe(0);
  expect(smtp.connections).toBe(0);
  await clock.advance(PAUSE_MS);
  smtp.senderRefusal = '451 the disk is full';
  expect(await send()).toBe(0);
  expect(smtp.connections).toBe(1);
  smtp.senderRefusal = null;
  await clock.advance(PAUSE_MS);
  while ((await attempts()).length > 0) expect(await send()).toBeGreaterThan(0);
  expect(new Set(smtp.mails.map(({ to }) => to)).size).toBe(12);
  expect(complaints()).toHaveLength(2);
});

it('a connection that breaks off at one recipient says nothing about the others', async () => {
  for (const name of ['bad', 'good', 'better']) await inbox(`${name}@example.com`);
  smtp.breaksAt = /bad@/;
  expect(await send()).toBe(2);
  expect(await attempts()).toEqual([1]);
  smtp.breaksAt = null;
  await clock.advance(90_000);
  expect(await send()).toBe(1);
});

it('a domain whose mails take very long holds up no other, however many they are', async () => {
  const { sent, runUntil, stop } = stuckMailer((to) => to.endsWith('@slow.example.com'));
  for (let n = 0; n < 30; n++) await inbox(`${n}@slow.example.com`);
  try {
    for (const name of ['first', 'second']) {
      await inbox(`${name}@example.com`);
      await runUntil(() => sent.includes(`${name}@example.com`));
    }
    expect(sent.filter((to) => to.endsWith('@slow.example.com'))).toHaveLength(2);
  } finally {
    await stop();
  }
});

it('the owner of an account is told of an attack once a day', async () => {
  const owner = await t.tenant();
  for (let i = 0; i < 14; i++) {
    const body = { email: owner.email, password: 'not the password' };
    await t.call('/auth/login', { method: 'POST', body, address: `10.2.0.${i}` });
  }
  expect(await send()).toBe(1);
  expect(smtp.mails[0]).toMatchObject({ to: owner.email });
});

it('what is kept of a registration holds no password and no link', async () => {
  await register('kept@example.com');
  const kept = JSON.stringify([
    await t.deps.db.select().from(mailOutbox),
    await t.deps.db.select().from(pendingRegistrations),
  ]);
  await send();
  expect(kept).not.toContain('a long password');
  expect(kept).not.toContain(tokenIn());
});

async function invitations() {
  const owner = await t.tenant();
  const path = '/workspace/invitations';
  const at = { token: owner.token };
  return {
    owner,
    invite: async (email: string) => {
      const headers = { 'accept-language': 'id' };
      const reply = await t.call(path, { ...at, method: 'POST', body: { email, role: 'viewer' }, headers });
      return reply.body.data as { id: string; mailFailure: unknown };
    },
    end: (id: string) => t.call(`${path}/${id}`, { ...at, method: 'DELETE' }),
    listed: async () => (await t.call(path, at)).body.data,
    log: async () => {
      const reply = await t.call('/analytics/logs/errors', at);
      return JSON.stringify(reply.body.data);
    },
  };
}

it('an invitation says that its address was refused for good, and whoever invited is told', async () => {
  const { owner, invite, listed, log } = await invitations();
  smtp.refusal = '550 nobody here';
  await invite('typo@example.com');
  expect(await log()).not.toContain('member.invitation_failed');
  await send();
  smtp.refusal = null;
  const failure = { at: new Date(clock.now()).toISOString(), reason: 'address_refused' };
  const words = {
    text: expect.stringContaining('refused'),
    fix: expect.stringContaining('Check the address'),
  };
  expect(await listed()).toMatchObject([{ mailWaiting: false, mailFailure: { ...failure, ...words } }]);
  expect(await log()).toContain('member.invitation_failed');
  expect(await send()).toBe(1);
  expect(smtp.mails).toMatchObject([{ to: owner.email }]);
  expect(smtp.mails[0]?.data).toContain('Subject: Undangan Anda tidak sampai');
  expect(smtp.mails[0]?.data).toContain('/dashboard/team');
  await invite('typo@example.com');
  await send();
  expect(await listed()).toMatchObject([{ mailWaiting: false, mailFailure: null }]);
});

it('an invitation says that its mail was not taken for a day, whether it was tried or the server was away', async () => {
  const { invite, listed } = await invitations();
  smtp.refusal = '451 not now';
  await invite('slow@example.com');
  await send();
  await clock.advance(1);
  await invite('untried@example.com');
  await clock.advance(86_400_000);
  const waits = { mailWaiting: true, mailFailure: null };
  expect(await listed()).toMatchObject([waits, waits]);
  await clock.advance(3_600_000);
  await forgetUnconfirmed(t.deps);
  expect(await listed()).toMatchObject([
    { email: 'slow@example.com', mailWaiting: false, mailFailure: { reason: 'mail_refused' } },
    { email: 'untried@example.com', mailWaiting: false, mailFailure: { reason: 'server_away' } },
  ]);
});

it('an invitation of an address that had its mails of the day says so', async () => {
  const { invite, listed } = await invitations();
  for (let n = 0; n < 3; n++) expect((await invite('often@example.com')).mailFailure).toBeNull();
  const spent = { mailFailure: { reason: 'mails_spent', fix: 'Invite again tomorrow.' } };
  expect(await invite('often@example.com')).toMatchObject(spent);
  expect(await listed()).toMatchObject([spent]);
});

it('an invitation for which no mail is left says why the mails before it did not arrive', async () => {
  const { invite, listed } = await invitations();
  smtp.refusal = '550 nobody here';
  for (let n = 0; n < 3; n++) {
    await invite('typo@example.com');
    await send();
  }
  const refusedAt = new Date(clock.now()).toISOString();
  await clock.advance(60_000);
  for (let n = 0; n < 2; n++) {
    const refused = { mailFailure: { reason: 'address_refused', at: refusedAt } };
    expect(await invite('typo@example.com')).toMatchObject(refused);
    expect(await listed()).toMatchObject([refused]);
  }
});

it('no mail is sent for a link that is over: an invitation that was ended, a new password of an hour ago', async () => {
  const { owner, invite, end } = await invitations();
  await end((await invite('ended@example.com')).id);
  const asked = await t.call('/auth/forgot-password', { method: 'POST', body: { email: owner.email } });
  expect(asked.status).toBe(202);
  await clock.advance(3_600_000);
  expect(await send()).toBe(0);
  expect(await t.deps.db.select().from(mailOutbox)).toEqual([]);
});

it('administrators of the service are told when no mail goes out', async () => {
  const troubles = async () => (await readServiceAlarms(t.deps)).map(({ reason }) => reason);
  await inbox('waits@example.com');
  expect(await troubles()).not.toContain('mail_down');
  await smtp.goDown();
  await send();
  await clock.advance(900_000);
  await send();
  expect(await troubles()).toContain('mail_down');
  await smtp.comeBack();
  await clock.advance(PAUSE_MS);
  await send();
  await clock.advance(60_000);
  expect(await troubles()).not.toContain('mail_down');
});
