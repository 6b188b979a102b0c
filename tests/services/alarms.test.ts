/** What needs a person: judged by one pure function, and told once to each channel. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { alarms, alertChannels, alertNotices, messageQueue, whatsappAccounts } from '../../src/db/schema.ts';
import {
  type Alarm,
  AWAY_MS,
  alarmsOf,
  LATE_MS,
  type SessionState,
  type TenantState,
} from '../../src/services/alarms/alarms.ts';
import { readAlarms } from '../../src/services/alarms/state.ts';
import { alarmText } from '../../src/services/alarms/words.ts';
import { forgetAlarms } from '../../src/services/alerts/retention.ts';
import { NOTICES_PER_HOUR, sendDueNotices } from '../../src/services/alerts/send.ts';
import { createAlarmPlaces, syncAlarms, watchAlarms } from '../../src/services/alerts/watch.ts';
import { signatureHeaders } from '../../src/services/webhooks/signature.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { openSmtpServer, type SmtpServer } from '../helpers/smtp-server.ts';
import { until } from '../helpers/until.ts';

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
/** The row of a session that WhatsApp has logged out. */
const endedSession = (now: number) => ({
  sessionId: 'otp-1',
  status: 'logged_out' as const,
  reason: 'device_removed',
  pairing: 'qr' as const,
  phoneNumber: '6281234567890',
  connectedAt: now - HOUR,
  disconnectedAt: now,
  createdAt: now,
  updatedAt: now,
});
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
      expect(of({ status, connectedAt: null, paired: false, disconnectedAt: START - 9 * HOUR })).toEqual([]);
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

  it('stay while somebody links again, from the first moment, and do not come of a link that was ended on purpose', () => {
    for (const status of ['connecting', 'qr', 'passkey', 'disconnected'] as const) {
      const again = { ...gone, status, reason: null, phoneNumber: null };
      expect(of(again, START + MINUTE), status).toEqual(['link_needed']);
      expect(of({ ...again, disconnectedAt: null }), status).toEqual([]);
    }
    // The phone has taken it, and the next connection is under way.
    expect(of({ ...gone, status: 'connecting', paired: true }, START + AWAY_MS)).toEqual(['session_away']);
  });

  it('do not judge by a loss that is older than the newest connection', () => {
    const unknown = { status: 'connecting' as const, disconnectedAt: START - 90 * HOUR };
    expect(of(unknown, START + 90 * HOUR)).toEqual([]);
  });

  it('name webhooks of one host that are down at the same time each by itself', () => {
    const hook = (id: string, host: string) => ({ id, host, waiting: null, since: START });
    const downWebhooks = [
      hook('0193aaaa0001', 'one.example.com'),
      hook('0193aaaa0002', 'two.example.com'),
      hook('0193aaaa0003', 'two.example.com'),
    ];
    const texts = alarmsOf({ ...quiet, downWebhooks }, START).map((alarm) =>
      alarmText(alarm, { lang: 'en', zone: 'UTC', now: START }),
    );
    expect(texts).toEqual([
      'The webhook at one.example.com does not answer.',
      'The webhook at two.example.com (…aa0002) does not answer.',
      'The webhook at two.example.com (…aa0003) does not answer.',
    ]);
  });

  it('tell of restrictions, late queues, webhooks, few codes and limits, what stops most first', () => {
    const conversion = { ended: 40, verified: 2 };
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
    // What is wrong with a number is wrong all the same; that nothing is sent is no trouble of its own.
    expect(kindsOf({ suspendedAt: START, conversion, sessions: [busy, gone] })).toEqual([
      'workspace_suspended',
      'session_ended',
      'restricted',
    ]);
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
  let receiver: Server;
  let posts: { url: string; headers: Record<string, unknown>; body: Record<string, unknown> }[];
  let answer: number;
  let words: string;
  let hanging: ServerResponse[];
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
        if (request.url === '/hang') return hanging.push(response);
        response.statusCode = answer;
        return response.end(words);
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const mail = { host: '127.0.0.1', port: smtp.port, secure: false, user: null, password: null };
    const config = { ...mail, from: 'WaHub <hub@example.com>' };
    t = await openTestApp({
      clock,
      config: { smtp: config, allowPrivateUrls: true, telegramUrl: address() },
    });
  });
  afterAll(async () => {
    await t.close();
    await smtp.close();
    await new Promise((resolve) => receiver.close(resolve));
  });
  beforeEach(async () => {
    posts = [];
    answer = 200;
    words = '{}';
    hanging = [];
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
  const send = () => sendDueNotices(t.deps);
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

  it('reach everybody while many receivers of one workspace hang', async () => {
    for (let i = 0; i < 6; i++) await add({ name: `hangs ${i}`, target: `${address()}/hang` });
    await sync(found(gone));
    tenant = await t.tenant();
    await add();
    clock.advance(1_000);
    await sync(found(gone));
    const round = send();
    try {
      await until(() => posts.some(({ url }) => url === '/hook'), 5_000, 'a notice to the other workspace');
      expect(hanging.length, 'places of one workspace').toBeLessThanOrEqual(2);
    } finally {
      const letGo = setInterval(() => {
        for (const response of hanging.splice(0)) response.end('{}');
      }, 5);
      await round;
      await send();
      clearInterval(letGo);
    }
    expect(posts.filter(({ url }) => url === '/hang')).toHaveLength(6);
  });

  it('wait for a mail server or a Telegram that is away without an attempt each, and the others do not', async () => {
    const words = () => t.deps.db.select().from(alertNotices);
    for (let n = 0; n < 10; n++) {
      tenant = await t.tenant();
      await add({ type: 'email', target: tenant.email });
      await add({ name: 'chat', type: 'telegram', target: '-100123', token: TOKEN });
      await sync(found(gone));
    }
    answer = 503;
    await smtp.goDown();
    t.lines.length = 0;
    await send();
    const asked = posts.length;
    expect(asked).toBeLessThanOrEqual(8);
    expect(t.lines.filter(({ message }) => message.includes('SMTP server'))).toHaveLength(1);
    expect((await words()).map(({ attempts }) => attempts)).toEqual(Array.from({ length: 20 }, () => 0));
    await add({ name: 'hook' });
    await sync(found(gone));
    answer = 200;
    await send();
    expect(posts.slice(asked).map(({ url }) => url)).toEqual(['/hook']);
    const test = await api(`/${(await add({ type: 'email', target: tenant.email })).id}/test`, 'POST');
    expect(test.body.data).toMatchObject({ delivered: false, error: expect.stringContaining('asked again') });
    await smtp.comeBack();
    await until(async () => {
      clock.advance(MINUTE);
      await send();
      return (await words()).every(({ state }) => state === 'sent');
    });
    expect(smtp.mails.length).toBeGreaterThanOrEqual(10);
  });

  it('stop for no workspace and no channel that fails, and say what was wrong', async () => {
    const bad = tenant;
    await add({ type: 'telegram', target: '-100123', token: TOKEN });
    tenant = await t.tenant();
    const now = clock.now();
    for (const userId of [bad.id, tenant.id]) {
      await t.deps.db.insert(whatsappAccounts).values({ ...endedSession(now), id: newId(now), userId });
    }
    await add();
    clock.advance(MINUTE);
    const broken: typeof t.deps.statistics.alarms = {
      get: (key, read) => (key.startsWith(`[${bad.id},`) ? Promise.reject(new Error('broken')) : read()),
    };
    await watchAlarms({ ...t.deps, statistics: { ...t.deps.statistics, alarms: broken } });
    await send();
    expect(typesOf(), 'the workspace that can be read').toEqual(['alarm.began']);
    clock.advance(MINUTE);
    await watchAlarms(t.deps);
    // Longer than what is read of an answer.
    words = JSON.stringify({ ok: true, more: 'x'.repeat(20_000) });
    await expect(send()).resolves.toBe(0);
    const shown = await api('', 'GET', undefined, bad.token);
    expect(shown.body.data).toMatchObject([{ failure: 'The answer of the receiver was too long.' }]);
    clock.advance(25 * HOUR);
    await send();
    const left = await t.deps.db.select().from(alertNotices).where(eq(alertNotices.userId, bad.id));
    expect(left.map(({ state }) => state)).toEqual(['dropped']);
    expect(JSON.stringify(t.lines)).not.toContain(TOKEN.slice(12));
  });

  it('are looked at in all workspaces while one of them takes long', async () => {
    const slow = tenant;
    await add();
    tenant = await t.tenant();
    await t.deps.db
      .insert(whatsappAccounts)
      .values({ ...endedSession(clock.now()), id: newId(clock.now()), userId: tenant.id });
    await add();
    clock.advance(MINUTE);
    const stuck = createSignal();
    const { alarms: kept } = t.deps.statistics;
    const stalls: typeof kept = {
      get: async (key, read) => {
        if (key.startsWith(`[${slow.id},`)) await stuck.given;
        return kept.get(key, read);
      },
    };
    const places = createAlarmPlaces();
    const stalled = { ...t.deps, statistics: { ...t.deps.statistics, alarms: stalls } };
    let ended = false;
    const round = watchAlarms(stalled, undefined, places).finally(() => {
      ended = true;
    });
    try {
      await until(async () => {
        await send();
        return typesOf().includes('alarm.began');
      });
      // The round ends, and the next one can begin, while that workspace is still being looked at.
      await until(() => {
        clock.advance(1_000);
        return ended;
      });
      expect(places.running.size).toBe(1);
    } finally {
      stuck.give();
      await Promise.all([round, ...places.running]);
    }
  });

  it('are looked at from another workspace on each time, so that none is always the last', async () => {
    await add();
    tenant = await t.tenant();
    await add();
    const begun: string[][] = [];
    const { alarms: kept } = t.deps.statistics;
    const alarms: typeof kept = {
      get: async (key, read) => {
        begun.at(-1)?.push(key);
        return kept.get(key, read);
      },
    };
    for (const random of [0, 0.999]) {
      begun.push([]);
      clock.advance(MINUTE);
      await watchAlarms(
        { ...t.deps, statistics: { ...t.deps.statistics, alarms } },
        undefined,
        createAlarmPlaces(),
        () => random,
      );
    }
    const [first = [], second = []] = begun;
    expect(first.length).toBeGreaterThan(1);
    expect(second.toSorted()).toEqual(first.toSorted());
    expect(second[0]).toBe(first.at(-1));
  });

  it('do not call solved what is only not seen while the workspace is suspended', async () => {
    await add();
    const late = { ...linked, late: { messages: 4, since: START - HOUR } };
    await sync(found(late, gone));
    await sync(alarmsOf({ ...quiet, sessions: [late, gone], suspendedAt: START }, clock.now()));
    await send();
    expect(typesOf()).toEqual(['alarm.began', 'alarm.began', 'alarm.began']);
    await sync([]);
    await send();
    expect(typesOf().slice(3)).toEqual(['alarm.solved', 'alarm.solved', 'alarm.solved']);
  });

  it('are forgotten with their notices when they ended long ago, and not while they are open', async () => {
    const at = clock.now();
    const row = (endedAt: number | null) => {
      const id = newId(at);
      const openKey = endedAt === null ? `1:${id}` : null;
      return { id, userId: 1, openKey, kind: 'webhook_down' as const, data: {}, beganAt: at - HOUR, endedAt };
    };
    const [open, old, late] = [row(null), row(at - 2), row(at)];
    await t.deps.db.insert(alarms).values([open, old, late]);
    await t.deps.db.insert(alertNotices).values(
      [open, old].map(({ id: alarmId }) => ({
        ...{ id: newId(at), userId: 1, channelId: newId(at), alarmId, phase: 'began' as const },
        ...{ state: 'sent' as const, nextAttemptAt: at, createdAt: at },
      })),
    );
    const { signal } = new AbortController();
    expect(await forgetAlarms(t.deps.db, { before: at - 1, signal })).toBe(1);
    const left = await t.deps.db.select({ id: alarms.id }).from(alarms);
    expect(left.map(({ id }) => id)).toEqual(expect.arrayContaining([open.id, late.id]));
    expect(left.map(({ id }) => id)).not.toContain(old.id);
    const notices = await t.deps.db.select({ of: alertNotices.alarmId }).from(alertNotices);
    expect(notices.map(({ of }) => of)).toContain(open.id);
    expect(notices.map(({ of }) => of)).not.toContain(old.id);
  });

  it('are signed with the new secret once a webhook has one', async () => {
    const { id, secret } = await add();
    const reply = await api(`/${id}/rotate-secret`, 'POST');
    const renewed = (reply.body.data as { secret: string }).secret;
    expect(renewed).toMatch(/^whsec_/);
    expect(renewed).not.toBe(secret);
    await sync(found(gone));
    await send();
    const { headers = {}, body = {} }: Partial<(typeof posts)[number]> = posts[0] ?? {};
    const at = Number(headers['webhook-timestamp']) * 1000;
    const signed = (key: string) =>
      signatureHeaders([key], { id: String(body.id), at, body: JSON.stringify(body) })['webhook-signature'];
    expect(headers['webhook-signature']).toBe(signed(renewed));
    expect(headers['webhook-signature']).not.toBe(signed(secret ?? ''));
    const { id: bot } = await add({ type: 'telegram', target: '-100123', token: TOKEN });
    expect((await api(`/${bot}/rotate-secret`, 'POST')).body).toMatchObject({ code: 'CONFLICT' });
  });

  it('give back a test that did not arrive', async () => {
    const { id } = await add();
    answer = 503;
    for (let n = 0; n <= NOTICES_PER_HOUR; n++) {
      const test = await api(`/${id}/test`, 'POST');
      expect(test.body.data).toMatchObject({ delivered: false });
    }
  });

  it('do not call a queue late that was held until now', async () => {
    const now = clock.now();
    const id = newId(now);
    const row = { id, userId: tenant.id, sessionId: 'otp-1', status: 'connected', pairing: 'qr' } as const;
    const times = { createdAt: now, updatedAt: now, connectedAt: now, linkedAt: now - 99 * HOUR };
    await t.deps.db.insert(whatsappAccounts).values({ ...row, ...times, paired: true });
    await t.deps.db.insert(messageQueue).values({
      id: newId(now),
      userId: tenant.id,
      accountId: id,
      messageId: 'late',
      status: 'pending',
      recipient: '6281298765432',
      priority: 1,
      availableAt: now - HOUR,
    });
    const kinds = async () =>
      (await readAlarms(t.deps, { userId: tenant.id, sessionIds: null })).map(({ kind }) => kind);
    expect(await kinds(), 'connected this moment').toEqual([]);
    clock.advance(LATE_MS);
    expect(await kinds()).toEqual(['queue_late']);
    await t.deps.db.update(whatsappAccounts).set({ pauseReason: 'hour_limit', pausedUntil: clock.now() });
    clock.advance(MINUTE);
    expect(await kinds(), 'its limit let it go this moment').toEqual([]);
    clock.advance(LATE_MS);
    expect(await kinds()).toEqual(['queue_late']);
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
