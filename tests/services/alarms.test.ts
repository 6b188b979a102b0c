/** What needs a person: judged by one pure function, and told once to each channel. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { alarms, alertChannels, alertNotices, whatsappAccounts } from '../../src/db/schema.ts';
import {
  type Alarm,
  AWAY_MS,
  alarmsOf,
  type SessionState,
  type TenantState,
} from '../../src/services/alarms/alarms.ts';
import { readAlarms } from '../../src/services/alarms/state.ts';
import { alarmText } from '../../src/services/alarms/words.ts';
import { NOTICES_PER_HOUR, sendDueNotices } from '../../src/services/alerts/send.ts';
import { syncAlarms, watchAlarms } from '../../src/services/alerts/watch.ts';
import { newId } from '../../src/utils/ids.ts';
import { createMailer, type Mailer } from '../../src/utils/smtp.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { openSmtpServer, type SmtpServer } from '../helpers/smtp-server.ts';

const START = Date.parse('2027-01-04T21:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const linked: SessionState = {
  id: 'a'.repeat(32),
  sessionId: 'otp-1',
  status: 'connected',
  reason: null,
  phoneNumber: '6281234567890',
  paired: true,
  connectedAt: START - 9 * HOUR,
  disconnectedAt: null,
  updatedAt: START,
  breakerUntil: null,
  restrictedUntil: null,
  restrictedSince: null,
  refusedCodes: 0,
  late: null,
};
const gone: SessionState = {
  ...linked,
  status: 'logged_out',
  reason: 'device_removed',
  paired: false,
  disconnectedAt: START,
  refusedCodes: 12,
};
const quiet: TenantState = {
  suspendedAt: null,
  sessions: [],
  downWebhooks: [],
  conversion: null,
  limits: [],
};
const kindsOf = (state: Partial<TenantState>, now = START) =>
  alarmsOf({ ...quiet, ...state }, now).map(({ kind }) => kind);
const of = (session: Partial<SessionState>, now = START) =>
  kindsOf({ sessions: [{ ...linked, ...session }] }, now);

describe('alarms', () => {
  it('are none of a session that works, is away for a moment, was ended on purpose, or was never linked', () => {
    expect(of({})).toEqual([]);
    expect(of({ status: 'disconnected', disconnectedAt: START - AWAY_MS + 1 })).toEqual([]);
    for (const reason of ['logout', 'exported', 'user_disabled']) expect(of({ ...gone, reason })).toEqual([]);
    for (const status of ['qr', 'disconnected', 'failed'] as const) {
      expect(of({ status, phoneNumber: null, paired: false, disconnectedAt: START - 9 * HOUR })).toEqual([]);
    }
  });

  it('are one alarm from the end of a link until it is there again', () => {
    const keyOf = (session: Partial<SessionState>) =>
      alarmsOf({ ...quiet, sessions: [{ ...linked, ...session }] }, START + HOUR).map(({ key }) => key);
    const keys = [
      gone,
      { ...gone, status: 'qr' as const },
      { ...linked, status: 'disconnected' as const, disconnectedAt: START },
    ];
    expect(new Set(keys.flatMap(keyOf)).size).toBe(1);
    expect(of({ ...gone, status: 'passkey' })).toEqual(['link_needed']);
    expect(of({ ...gone, reason: 'forbidden', status: 'failed' })).toEqual(['session_ended']);
    expect(of({ status: 'disconnected', disconnectedAt: START - AWAY_MS })).toEqual(['session_away']);
  });

  it('count a process that was killed from its next start, not from the loss before', () => {
    const killed = { status: 'connecting' as const, disconnectedAt: START - 90 * HOUR, updatedAt: START };
    expect(of(killed, START + AWAY_MS - 1)).toEqual([]);
    expect(of(killed, START + AWAY_MS)).toEqual(['session_away']);
  });

  it('tell of restrictions, late queues, webhooks, few codes and limits, what stops most first', () => {
    const conversion = { ended: 40, verified: 2, isLow: true };
    const limits = [
      { quota: 'messagesPerDay', used: 10, limit: 10, until: START + HOUR },
      { quota: 'otpsPerHour', used: 9, limit: 10, until: null },
    ];
    const downWebhooks = [{ id: 'w', host: 'shop.example.com', waiting: 3, since: START }];
    const busy = { ...linked, breakerUntil: START + HOUR, late: { messages: 4, since: START - HOUR } };
    expect(kindsOf({ sessions: [busy, gone], conversion, limits, downWebhooks })).toEqual([
      'session_ended',
      'restricted',
      'webhook_down',
      'conversion_low',
      'queue_late',
      'limit_reached',
    ]);
    expect(kindsOf({ suspendedAt: START, sessions: [busy] })).toEqual(['workspace_suspended']);
  });

  it('say the time in the zone of the workspace, and name it', () => {
    const [alarm] = alarmsOf({ ...quiet, sessions: [gone] }, START);
    const say = (lang: 'en' | 'id', zone: string) =>
      alarmText(alarm as Alarm, { lang, zone, now: START + HOUR });
    expect(say('en', 'Asia/Jakarta')).toBe('otp-1 was logged out at 04:00 WIB, 12 codes refused since.');
    expect(say('id', 'Asia/Jakarta')).toBe(
      'otp-1 terputus dari ponsel pukul 04:00 WIB, 12 kode ditolak sejak itu.',
    );
    expect(say('en', 'UTC')).toContain('at 21:00 UTC');
  });
});

describe('alerts', () => {
  const clock = createManualClock(START);
  let t: TestApp;
  let smtp: SmtpServer;
  let mailer: Mailer;
  let receiver: Server;
  let posts: { url: string; headers: Record<string, unknown>; body: Record<string, unknown> }[];
  let answer: number;
  let tenant: Tenant;
  beforeAll(async () => {
    smtp = await openSmtpServer();
    receiver = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += String(chunk);
      });
      request.on('end', () => {
        posts.push({ url: request.url ?? '', headers: request.headers, body: JSON.parse(text) });
        response.statusCode = answer;
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const mail = { host: '127.0.0.1', port: smtp.port, secure: false, user: null, password: null };
    const config = { ...mail, from: 'WaHub <hub@example.com>' };
    mailer = createMailer(config);
    t = await openTestApp({
      clock,
      config: { smtp: config, allowPrivateUrls: true, telegramUrl: address() },
    });
  });
  afterAll(async () => {
    mailer.close();
    await t.close();
    await smtp.close();
    await new Promise((resolve) => receiver.close(resolve));
  });
  beforeEach(async () => {
    posts = [];
    answer = 200;
    smtp.mails.length = 0;
    tenant = await t.tenant();
  });
  afterEach(async () => {
    for (const table of [alarms, alertNotices, alertChannels]) await t.deps.db.delete(table);
  });

  const address = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const TOKEN = '123456789:AAaaBBbbCCccDDddEEeeFFffGGgg-HH_hh';
  const api = (path: string, method = 'GET', body?: unknown, token = tenant.token) =>
    t.call(`/alerts/channels${path}`, { method, token, ...(body === undefined ? {} : { body }) });
  const add = async (over: Record<string, unknown> = {}) => {
    const hook = {
      name: 'On call',
      language: 'en',
      type: 'webhook',
      kinds: ['*'],
      target: `${address()}/hook`,
    };
    const reply = await api('', 'POST', { ...hook, ...over });
    expect(reply.status, reply.text).toBe(201);
    return reply.body.data as { id: string; secret: string | null };
  };
  const send = () => sendDueNotices(t.deps, mailer);
  const found = (...all: SessionState[]) => alarmsOf({ ...quiet, sessions: all }, clock.now());
  const sync = (list: readonly Alarm[]) => syncAlarms(t.deps, tenant.id, list);
  const typesOf = () => posts.map(({ body }) => body.type);

  it('tell each alarm once when it begins and once when it is solved, whatever looks at the same time', async () => {
    const { secret } = await add();
    expect(secret).toMatch(/^whsec_/);
    await Promise.all([sync(found(gone)), sync(found(gone)), sync(found(gone))]);
    await Promise.all([send(), send()]);
    await sync(found({ ...gone, refusedCodes: 13 }));
    await send();
    expect(typesOf()).toEqual(['alarm.began']);
    await Promise.all([sync([]), sync([])]);
    await Promise.all([send(), send()]);
    await send();
    expect(typesOf()).toEqual(['alarm.began', 'alarm.solved']);
    expect(posts[1]?.headers['webhook-signature']).toMatch(/^v1,/);
    expect(JSON.stringify(posts[1]?.body)).toContain('13 codes refused');
    // The next time is another alarm.
    await sync(found(gone));
    await send();
    expect(typesOf()).toEqual(['alarm.began', 'alarm.solved', 'alarm.began']);
  });

  it('lose nothing and double nothing where a process ends before its notices are sent', async () => {
    await add();
    answer = 503;
    await sync(found(gone));
    await send();
    expect(posts).toHaveLength(1);
    expect((await api('')).body.data).toMatchObject([{ failure: expect.stringContaining('503') }]);
    await sync([]);
    await send();
    expect(posts, 'the end waits behind the begin').toHaveLength(1);
    answer = 200;
    clock.advance(2 * HOUR);
    await send();
    expect(typesOf()).toEqual(['alarm.began', 'alarm.began', 'alarm.solved']);
    expect(posts[1]?.body.id).toBe(posts[0]?.body.id);
    expect((await api('')).body.data).toMatchObject([{ failure: null }]);
  });

  it('send at most twenty an hour to a channel, and the rest as one summary', async () => {
    const { id } = await add();
    clock.advance(HOUR - (clock.now() % HOUR));
    const many = Array.from({ length: NOTICES_PER_HOUR + 5 }, (_, i) => ({
      ...gone,
      id: `${i}`,
      sessionId: `s${i}`,
    }));
    await sync(found(...many));
    await send();
    await send();
    expect(posts).toHaveLength(NOTICES_PER_HOUR);
    const test = await api(`/${id}/test`, 'POST');
    expect(test.status).toBe(429);
    clock.advance(HOUR);
    await send();
    expect(posts.slice(NOTICES_PER_HOUR).map(({ body }) => body)).toMatchObject([
      { type: 'alarm.summary', data: { began: 5, solved: 0 } },
    ]);
  });

  it('go to members by mail, and to nobody who left', async () => {
    await api('', 'POST', { name: 'x', type: 'email', kinds: ['*'], target: 'stranger@example.com' }).then(
      (reply) =>
        expect(reply.body).toMatchObject({
          code: 'VALIDATION_FAILED',
          details: { target: expect.any(String) },
        }),
    );
    await add({ type: 'email', target: tenant.email.toUpperCase(), language: 'id' });
    await sync(found(gone));
    await send();
    expect(smtp.mails).toHaveLength(1);
    expect(smtp.mails[0]).toMatchObject({ to: expect.stringContaining(tenant.email) });
    expect(smtp.mails[0]?.data).toContain('12 kode ditolak');
    await t.deps.db
      .update(alertChannels)
      .set({ target: 'left@example.com' })
      .where(eq(alertChannels.userId, tenant.id));
    await sync([]);
    await send();
    expect(smtp.mails).toHaveLength(1);
  });

  it('go to Telegram with a token that is nowhere to be seen', async () => {
    const { id } = await add({ type: 'telegram', target: '-100123', token: TOKEN, kinds: ['session_ended'] });
    await sync([...found(gone), ...alarmsOf({ ...quiet, suspendedAt: START }, START)]);
    await send();
    expect(posts).toMatchObject([{ url: `/bot${TOKEN}/sendMessage`, body: { chat_id: '-100123' } }]);
    answer = 401;
    const test = await api(`/${id}/test`, 'POST');
    expect(test.body.data).toEqual({ delivered: false, error: 'Telegram refuses the token of the bot.' });
    const [row] = await t.deps.db.select().from(alertChannels).where(eq(alertChannels.id, id));
    expect(row?.secret).not.toContain(TOKEN.slice(12));
    const shown = await api('');
    expect(shown.text + JSON.stringify(t.lines)).not.toContain(TOKEN.slice(12));
  });

  it('tell a channel that is turned off or deleted nothing, and a new one what is open', async () => {
    const { id } = await add();
    await sync(found(gone));
    expect((await api(`/${id}`, 'PUT', { status: 'disabled' })).status).toBe(200);
    await send();
    expect(posts).toHaveLength(0);
    await add({ name: 'second' });
    await sync(found(gone));
    await send();
    expect(typesOf()).toEqual(['alarm.began']);
    expect((await api(`/${id}`, 'DELETE')).status).toBe(200);
    expect((await api(`/${id}`)).status).toBe(404);
  });

  it('begin with what the database says: a session that was logged out, and the codes that were refused', async () => {
    const sessionId = 'otp-1';
    const now = clock.now();
    const row = {
      id: newId(now),
      userId: tenant.id,
      sessionId,
      status: 'logged_out' as const,
      pairing: 'qr' as const,
    };
    const times = { createdAt: now, updatedAt: now, connectedAt: now - HOUR, disconnectedAt: now };
    await t.deps.db
      .insert(whatsappAccounts)
      .values({ ...row, ...times, reason: 'device_removed', phoneNumber: '6281234567890' });
    for (let i = 0; i < 3; i++) {
      const body = { session: sessionId, phoneNumber: '+6281298765432' };
      expect((await t.call('/otp/send', { method: 'POST', token: tenant.token, body })).status).toBe(409);
    }
    await t.deps.requestRecorder.flush();
    const scope = { userId: tenant.id, sessionIds: null };
    expect(await readAlarms(t.deps, scope)).toMatchObject([{ kind: 'session_ended', count: 3, since: now }]);
    expect((await readAlarms(t.deps, { ...scope, sessionIds: ['other'] })).length).toBe(0);
    await add();
    clock.advance(MINUTE);
    await watchAlarms(t.deps);
    await watchAlarms(t.deps);
    await send();
    expect(typesOf()).toEqual(['alarm.began']);
    const list = await t.call('/alarms', { token: tenant.token });
    expect(list.body.data).toMatchObject([
      { kind: 'session_ended', sessionId, text: expect.stringContaining('3 codes') },
    ]);
  });
});
