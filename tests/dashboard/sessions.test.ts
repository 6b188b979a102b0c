/** The pages of sessions: linking a phone, its state in words, its queue and its limits. */
import { readFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { signingLines } from '../../src/controllers/dashboard/sessions/passkey.tsx';
import { explainSession } from '../../src/controllers/dashboard/sessions/reasons.ts';
import { activityLogs, SESSION_STATUSES, users, whatsappAccounts } from '../../src/db/schema.ts';
import type { CloseReason, PasskeyStage } from '../../src/whatsapp/engine.ts';
import { decide, explain } from '../../src/workers/session-supervisor/policy.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { until } from '../helpers/until.ts';
import { CODE, openSessionApp, type SessionApp } from '../http/session-app.ts';
import { type TestDashboard, withVisits } from './visitor.ts';

const HOUR_MS = 3_600_000;
const SCRIPT = '<script>alert(1)</script>';
const AS_TEXT = '&lt;script&gt;alert(1)&lt;/script&gt;';

let t: SessionApp & TestDashboard;
let tenant: Tenant;
beforeAll(async () => {
  t = withVisits(await openSessionApp());
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  t.engine.onOpen = t.showSecret;
});

async function read(path: string, as = tenant): Promise<string> {
  const reply = await t.visit(path, { as });
  expect(reply.status, path).toBe(200);
  return reply.text();
}
const post = (path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  t.visit(path, { as: tenant, form, headers });
const change = (columns: Partial<typeof whatsappAccounts.$inferInsert>) =>
  t.deps.db.update(whatsappAccounts).set(columns).where(eq(whatsappAccounts.userId, tenant.id));

let phones = 0;
async function connected(sessionId = 'shop'): Promise<string> {
  await post('/dashboard/sessions', { sessionId });
  const id = t.newest();
  t.engine.connect(id, `62812555${String(++phones).padStart(5, '0')}`);
  await until(async () => (await read(`/dashboard/sessions/${sessionId}`)).includes('Connected since'));
  return id;
}

describe('taking over a link, and giving one away', () => {
  it('says what is checked and what must be stopped, in both languages', async () => {
    expect(await read('/dashboard/new-session')).toContain('href="/dashboard/import-session"');
    const page = await read('/dashboard/import-session');
    expect(page).toContain('The phone signed this device');
    expect(page).toContain('Stop the old program first');
    expect(page).toContain(' name="proxy"');
    const headers = { 'accept-language': 'id' };
    const indonesian = await (await t.visit('/dashboard/import-session', { as: tenant, headers })).text();
    expect(indonesian).toContain('Hentikan dulu program lama');
  });

  it('tells what is wrong with a file, and stores nothing', async () => {
    const form = { sessionId: 'other', stopped: 'true', creds: '{"noiseKey":{},"me":{}}' };
    const refused = await post('/dashboard/import-session', form);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('These credentials were never linked to a phone');
    const running = await post('/dashboard/import-session', { sessionId: 'other', creds: '{}' });
    expect(running.status).toBe(400);
    expect((await t.visit('/dashboard/sessions/other', { as: tenant })).status).toBe(404);
  });

  it('gives nothing away without the name, and nothing that is not there', async () => {
    await connected('kept');
    expect(await read('/dashboard/sessions/kept')).toContain('action="/dashboard/sessions/kept/export"');
    expect((await post('/dashboard/sessions/kept/export', { confirm: 'Kept' })).status).toBe(400);
    expect(await read('/dashboard/sessions/kept')).toContain('Connected since');
  });
});

describe('linking a phone', () => {
  it('leads from a name to a code that renews itself and turns to connected', async () => {
    const made = await post('/dashboard/sessions', { sessionId: 'shop' });
    expect(made.status).toBe(303);
    expect(made.headers.get('location')).toBe('/dashboard/sessions/shop/link');
    const page = await read('/dashboard/sessions/shop/link');
    const image = /src="(data:image\/png;base64,[^"]+)"/;
    const first = image.exec(page)?.[1];
    expect(first).toBeDefined();
    expect(page).toContain('data-until="');
    expect(page).toContain('hx-get="/dashboard/sessions/shop/link/state?renewed=0"');

    t.engine.emit(t.newest(), { type: 'qr', qr: 'another-code', expiresAt: Date.now() + 30_000 });
    const state = () => read('/dashboard/sessions/shop/link/state');
    await until(async () => image.exec(await state())?.[1] !== first);
    t.engine.connect(t.newest(), '6281255599001');
    await until(async () => (await state()).includes('6281255599001'));
    const over = await state();
    expect(over).not.toContain('hx-get');
    expect(over).toContain('href="/dashboard/messages/new?session=shop"');
  });

  it('shows a pairing code instead, and names the field that is missing', async () => {
    const headers = { 'hx-request': 'true' };
    const form = { sessionId: 'coded', pairing: 'code' };
    const refused = await t.visit('/dashboard/sessions', { as: tenant, form, headers });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('data-field="phoneNumber"');
    await post('/dashboard/sessions', { ...form, phoneNumber: '0812 5559 9002' });
    const page = await read('/dashboard/sessions/coded/link');
    expect(page).toContain(`${CODE.slice(0, 4)}-${CODE.slice(4)}`);
    expect(page).not.toContain('data:image');
  });

  it('takes the proxy and the device that hold from the first connection on', async () => {
    const page = await read('/dashboard/new-session');
    for (const name of ['proxy', 'name', 'platform']) expect(page).toContain(` name="${name}"`);
    const form = { sessionId: 'proxied', proxy: 'http://toko:rahasia@9.9.9.9:3128' };
    const refused = await post('/dashboard/sessions', { ...form, proxy: 'http://127.0.0.1:3128' });
    expect(refused.status).toBe(400);
    await post('/dashboard/sessions', { ...form, name: 'Toko Kita', platform: 'edge' });
    const settings = await read('/dashboard/sessions/proxied');
    expect(settings).toContain('http://9.9.9.9:3128');
    expect(settings).toContain('Toko Kita (Edge)');
    expect(JSON.stringify([settings, t.lines])).not.toContain('rahasia');
    await post('/dashboard/sessions', { sessionId: 'plain', platform: 'edge' });
    expect(await read('/dashboard/sessions/plain')).toContain('as the server has it');
  });

  it('starts an expired code again three times, and then waits to be asked', async () => {
    await post('/dashboard/sessions', { sessionId: 'slow' });
    const expire = async () => {
      t.engine.end(t.newest(), 'pairing_expired');
      await until(async () => (await read('/dashboard/sessions/slow')).includes('Not linked'));
    };
    for (let renewed = 0; renewed < 3; renewed++) {
      await expire();
      const state = await read(`/dashboard/sessions/slow/link/state?renewed=${renewed}`);
      expect(state).toContain('data:image/png');
      expect(state).toContain(`renewed=${renewed + 1}"`);
    }
    await expire();
    const opens = t.engine.opens.length;
    const state = await read('/dashboard/sessions/slow/link/state?renewed=3');
    expect(state).not.toContain('hx-get');
    expect(state).toContain('action="/dashboard/sessions/slow/link/renew"');
    expect(t.engine.opens).toHaveLength(opens);
    await post('/dashboard/sessions/slow/link/renew');
    await until(async () => (await read('/dashboard/sessions/slow/link')).includes('data:image/png'));
  });

  describe('of an account that asks for a passkey', () => {
    const at = '/dashboard/sessions/keyed/link';
    const options = { challenge: 'Y2hhbGxlbmdl', rpId: 'whatsapp.com' };
    const signedFor = (challenge: string) => ({
      id: 'aWQ',
      rawId: 'aWQ',
      type: 'public-key',
      response: {
        clientDataJSON: Buffer.from(JSON.stringify({ challenge })).toString('base64url'),
        authenticatorData: 'AAAA',
        signature: 'MEUC',
        userHandle: null,
      },
      // Browsers add these.
      clientExtensionResults: {},
      authenticatorAttachment: 'platform',
    });
    const tell = (stage: PasskeyStage) => t.engine.emit(t.newest(), { type: 'passkey', ...stage });

    beforeEach(async () => {
      await post('/dashboard/sessions', { sessionId: 'keyed' });
      tell({ stage: 'asked', options, expiresAt: Date.now() + 600_000, failed: null });
      await until(async () => (await read(at)).includes('name="assertion"'));
    });

    it('shows the lines to run with the options in them, and goes on refreshing', async () => {
      const page = await read(at);
      const lines = /<pre id="passkey-lines"[^>]*>([^<]+)</.exec(page)?.[1] ?? '';
      expect(lines.replaceAll('&quot;', '"')).toBe(signingLines(JSON.stringify(options)));
      expect(page).toContain('href="https://web.whatsapp.com"');
      expect(page).toContain('hx-get="/dashboard/sessions/keyed/link/state?renewed=0"');
      expect(readFileSync('docs/linking.md', 'utf8')).toContain(signingLines('PASTE_OPTIONS_HERE'));
      for (const path of ['/dashboard/sessions', '/dashboard/sessions/keyed']) {
        expect(await read(path)).toContain(`href="${at}"`);
      }
    });

    it('takes the pasted result to the owner of the session', async () => {
      const answered = vi.spyOn(t.engine, 'answerPasskey');
      const assertion = JSON.stringify(signedFor(options.challenge));
      expect((await post(`${at}/passkey`, { assertion })).headers.get('location')).toBe(at);
      expect(answered.mock.calls[0]?.[1]).toMatchObject({ rawId: 'aWQ', response: { userHandle: null } });
      answered.mockRestore();
      tell({ stage: 'answered', expiresAt: Date.now() + 60_000 });
      await until(async () => (await read(`${at}/state`)).includes('Waiting for the phone'));
    });

    it('says what is wrong with a result, and shows the request again when it was for an earlier one', async () => {
      const headers = { 'hx-request': 'true', 'accept-language': 'id' };
      for (const assertion of ['copied nothing', '{"id":', '{}']) {
        const reply = await t.visit(`${at}/passkey`, { as: tenant, form: { assertion }, headers });
        expect(reply.status, assertion).toBe(400);
        const text = await reply.text();
        expect(text, assertion).toContain('data-field="assertion');
        expect(text, assertion).not.toMatch(/must be|is not valid/);
      }
      const old = await post(`${at}/passkey`, { assertion: JSON.stringify(signedFor('ZWFybGllcg')) });
      expect(old.headers.get('location')).toBe(`${at}?stale=true`);
      expect(await read(`${at}?stale=true`)).toContain('for an earlier request');
    });

    it('says in both languages that the try before was refused', async () => {
      const again = { ...options, challenge: 'YW5vdGhlcg' };
      tell({ stage: 'asked', options: again, expiresAt: Date.now() + 600_000, failed: 'passkey_refused' });
      await until(async () => (await read(at)).includes('WhatsApp refused the passkey signature'));
      const page = await t.visit(at, { as: tenant, headers: { 'accept-language': 'id' } });
      const text = await page.text();
      expect(text).toContain('WhatsApp menolak tanda tangan passkey.');
      expect(text).toContain('YW5vdGhlcg');
    });

    it.each([
      ['true', true],
      ['false', false],
    ])('asks whether the codes are the same, and hands on %s', async (value, equal) => {
      tell({ stage: 'confirm', code: '7QK2-M4XD', expiresAt: Date.now() + 300_000 });
      await until(async () => (await read(at)).includes('7QK2-M4XD'));
      const page = await read(at);
      expect(page).toContain(`<input type="hidden" name="equal" value="${value}"/>`);
      const confirmed = vi.spyOn(t.engine, 'confirmPasskey');
      expect((await post(`${at}/passkey/confirm`, { equal: value })).status).toBe(303);
      expect(confirmed.mock.calls[0]?.[1]).toBe(equal);
      confirmed.mockRestore();
    });

    it('offers another code after each end of the step', async () => {
      t.engine.end(t.newest(), 'passkey_code_differed');
      await until(async () => (await read(at)).includes('showed a different code'));
      expect(await read(at)).toContain(`action="${at}/renew"`);
    });

    it('is shown to a read-only user without a form', async () => {
      await t.deps.db.update(users).set({ role: 'readonly' }).where(eq(users.id, tenant.id));
      const page = await read(at);
      expect(page).toContain('WhatsApp asks for a passkey');
      expect(page).not.toContain('<form method="post" action="/dashboard/sessions');
    });
  });

  it('keeps the code out of every log', async () => {
    await post('/dashboard/sessions', { sessionId: 'quiet' });
    await read('/dashboard/sessions/quiet/link');
    const rows = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.userId, tenant.id));
    expect(JSON.stringify([rows, t.lines])).not.toContain('qr-secret');
  });
});

describe('a session', () => {
  it('shows its name, which comes from a phone, as text', async () => {
    await connected();
    await change({ name: SCRIPT, deviceInfo: { platform: SCRIPT } });
    const path = '/dashboard/sessions/shop';
    for (const page of ['/dashboard/sessions', '/dashboard/session-list', path, `${path}/status`]) {
      const html = await read(page);
      expect(html).toContain(AS_TEXT);
      expect(html).not.toContain(SCRIPT);
    }
  });

  it('is restarted, logged out and deleted, each after a question but the first', async () => {
    const id = await connected();
    const page = await read('/dashboard/sessions/shop');
    expect(page).toMatch(/action="\/dashboard\/sessions\/shop\/logout"[^>]*hx-confirm="Unlink shop\?/);
    expect(page).toContain('Type shop to delete it');
    const opens = t.engine.opens.length;
    expect((await post('/dashboard/sessions/shop/restart')).status).toBe(303);
    await until(async () => t.engine.opens.length === opens + 1);
    t.engine.connect(id, '6281255599003');
    await post('/dashboard/sessions/shop/logout');
    await until(async () => (await read('/dashboard/sessions/shop')).includes('Logged out'));
    expect(await read('/dashboard/sessions/shop/link')).toContain('action="/dashboard/sessions/shop/link"');
    const unsure = await post(
      '/dashboard/sessions/shop/delete',
      { confirm: 'Shop' },
      { 'hx-request': 'true' },
    );
    expect(await unsure.text()).toContain(
      '<li data-field="confirm"><b>The name</b> must be the name shop</li>',
    );
    const gone = await post('/dashboard/sessions/shop/delete', { confirm: 'shop' });
    expect(gone.headers.get('location')).toBe('/dashboard/sessions');
    expect((await t.visit('/dashboard/sessions/shop', { as: tenant })).status).toBe(404);
  });

  it('may have any name, also one that looks like a page', async () => {
    for (const sessionId of ['new', 'list', 'a.b-c_D']) await post('/dashboard/sessions', { sessionId });
    for (const sessionId of ['new', 'list', 'a.b-c_D']) {
      expect(await read(`/dashboard/sessions/${sessionId}`)).toContain(`<h1>${sessionId}</h1>`);
    }
  });

  it('is paused, resumed and cleared by hand', async () => {
    await connected();
    await post('/dashboard/sessions/shop/queue/pause');
    const send = { session: 'shop', to: '+6281234567890', text: 'hello' };
    const sent = await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body: send });
    expect(sent.status).toBe(202);
    const card = await read('/dashboard/sessions/shop/queue');
    expect(card).toContain('Paused by a user');
    expect(card).toContain('action="/dashboard/sessions/shop/queue/resume"');
    await post('/dashboard/sessions/shop/queue/clear');
    await post('/dashboard/sessions/shop/queue/resume');
    const after = await read('/dashboard/sessions/shop/queue');
    expect(after).toContain('The queue is empty.');
    expect(after).toContain('1 canceled');
    expect(after).not.toContain('queue/clear');
  });

  it('says what its messages wait for when nothing holds the session itself', async () => {
    await connected();
    const scheduledAt = new Date(Date.now() + HOUR_MS).toISOString();
    const body = { session: 'shop', to: '+6281234567890', text: 'hello', scheduledAt };
    await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body });
    const card = await read('/dashboard/sessions/shop/queue');
    expect(card).toContain('The message is scheduled for later.');
    expect(card).toContain(`datetime="${scheduledAt}"`);
    expect(card).not.toContain('Messages are being sent.');
  });

  it('says that its breaker is open, until when and why', async () => {
    await connected();
    await change({ breakerUntil: Date.now() + HOUR_MS, breakerCode: '463', breakerTrips: 2 });
    const page = await read('/dashboard/sessions/shop');
    expect(page).toContain('only people who know this number get messages');
    expect(page).toContain('WhatsApp restricted this number');
    expect(page).not.toMatch(/breaker_|463/);
  });
});

describe('the limits', () => {
  const limits = () =>
    t.call('/session/shop/limits', { apiKey: tenant.apiKey }).then(({ body }) => Object(body.data));
  const path = '/dashboard/sessions/shop/limits';
  const form = {
    delayMinMs: '',
    delayMaxMs: '12.5',
    perMinute: '2',
    from: '21:00',
    to: '07:00',
    timeZone: 'Asia/Jakarta',
    days: '10',
    startPerHour: '5',
    newContactsPerDay: '30',
    accountSince: '2021-05-06',
  };

  it('are edited, and go back to the service’s own when a field is emptied', async () => {
    await connected();
    expect((await post(path, form)).headers.get('location')).toBe('/dashboard/sessions/shop');
    const first = await limits();
    expect(first).toMatchObject({
      own: { delayMaxMs: 12_500, perMinute: 2, newContactsPerDay: 30 },
      newContacts: { perDay: 30, reason: 'own', remaining: 30, accountSince: '2021-05-06' },
      quietHours: { from: '21:00', to: '07:00', timeZone: 'Asia/Jakarta' },
      warmUp: { days: 10, startPerHour: 5 },
    });
    const page = await read(path);
    for (const value of ['12.5', '21:00', 'Asia/Jakarta', '10', '30', '2021-05-06'])
      expect(page).toContain(`value="${value}"`);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await post(path, { ...form, perMinute: '', from: '', to: '', timeZone: '' });
    const second = await limits();
    expect(second).toMatchObject({ own: { delayMaxMs: 12_500 }, quietHours: null });
    expect(second.own).not.toHaveProperty('perMinute');
    expect(second.warmUp.since).toBe(first.warmUp.since);
    await post(path, { days: '', startPerHour: '' });
    expect(await limits()).toMatchObject({ own: {}, quietHours: null, warmUp: null });
  });

  it.each([
    [{ perMinute: '999999' }, 'perMinute'],
    [{ delayMinMs: '0.001' }, 'delayMinMs'],
    [{ perHour: 'many' }, 'perHour'],
    [{ from: '21:00' }, 'to'],
    [{ from: '21:00', to: '21:00', timeZone: 'UTC' }, 'to'],
    [{ from: '21:00', to: '07:00', timeZone: 'Mars/Base' }, 'timeZone'],
    [{ days: '10' }, 'startPerHour'],
    [{ newContactsPerDay: '0' }, 'newContactsPerDay'],
    [{ accountSince: 'soon' }, 'accountSince'],
    [{ accountSince: '2001-01-01' }, 'accountSince'],
    [{ days: '1000', startPerHour: '1' }, 'days'],
  ])('refuse %j and mark the field', async (bad, field) => {
    await connected();
    const reply = await t.visit(path, { as: tenant, form: bad, headers: { 'hx-request': 'true' } });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain(`data-field="${field}"`);
    expect(await limits()).toMatchObject({ own: {}, quietHours: null, warmUp: null });
  });
});

it.each(['en', 'id'])(
  'a restriction of WhatsApp and what is left of first contacts are shown (%s)',
  async (lang) => {
    await connected();
    const until = Date.now() + 6 * 3_600_000;
    await t.deps.db
      .update(whatsappAccounts)
      .set({
        limits: { newContactsPerDay: 33 },
        restrictedUntil: until,
        restriction: { kind: 'BIZ_QUALITY', since: Date.now() },
      })
      .where(eq(whatsappAccounts.sessionId, 'shop'));
    const headers = { 'accept-language': lang };
    const page = await (await t.visit('/dashboard/sessions/shop', { as: tenant, headers })).text();
    const words =
      lang === 'en'
        ? ['New people per 24 hours', '33 of 33 left']
        : ['Orang baru per 24 jam', 'tersisa 33 dari 33'];
    for (const text of ['BIZ_QUALITY', new Date(until).toISOString(), ...words]) expect(page).toContain(text);
  },
);

describe('every reason', () => {
  const ENDS: CloseReason[] = [
    'closed_by_us',
    'restart_required',
    'connection_lost',
    'timed_out',
    'unavailable',
    'stalled',
    'pairing_expired',
    'client_outdated',
    'ownership_lost',
    'untrusted_server',
    'logged_out',
    'replaced',
    'forbidden',
    'bad_session',
  ];
  const told = ENDS.flatMap((end) =>
    [true, false].flatMap((paired) =>
      [0, 100].flatMap((n) => {
        const decision = decide(end, { paired, failures: n, restarts: n, outdated: n });
        if (decision.do === 'refresh') return decision.announce ? ['client_outdated'] : [];
        return 'reason' in decision ? [decision.reason] : [];
      }),
    ),
  );
  const all = [...new Set([...told, 'phone_mismatch', 'duplicate_phone', 'user_disabled'])];

  it.each(all)('%s is told in both languages, with what to do', (reason) => {
    const generic = explainSession('en', { status: 'failed', reason: 'unheard_of' });
    const en = explainSession('en', { status: 'failed', reason });
    const id = explainSession('id', { status: 'failed', reason });
    for (const words of [en, id]) expect(words.why.length * words.todo.length).toBeGreaterThan(0);
    expect(en.why).not.toBe(generic.why);
    expect(id.why).not.toBe(en.why);
    // What the API says at most repeats it.
    expect(explain(reason) ?? en.why).not.toBe('');
  });

  it.each(SESSION_STATUSES)('a session that is %s without a reason has words, too', (status) => {
    for (const lang of ['en', 'id'] as const) {
      const words = explainSession(lang, { status, reason: null });
      expect(words.state).not.toBe('');
      expect(words.why === '').toBe(status === 'connected');
    }
  });
});
