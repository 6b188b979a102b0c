/** Pages of login codes. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { messages, otps } from '../../src/db/schema.ts';
import { explainError } from '../../src/services/messages/failure-words.ts';
import { holdWords } from '../../src/services/messages/waiting-words.ts';
import { addSession } from '../analytics/fixture.ts';
import type { Tenant } from '../helpers/app.ts';
import { testConfig } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>';
const OTP = '/dashboard/otp';

let t: TestDashboard;
let clock: FakeClock;
let user: Tenant;
let phones = 0;
beforeAll(async () => {
  clock = createFakeClock(Date.UTC(2026, 0, 10, 12, 0, 0));
  // The code in the answer of the API is what tells a test what is on the phone.
  const config = testConfig();
  t = await openDashboard({ clock, config: { otp: { ...config.otp, returnCode: true } } });
});
afterAll(() => t.close());
beforeEach(async () => {
  user = await t.tenant();
  await addSession(t, user.id, 'main');
});

async function read(path: string, as = user, lang = 'en'): Promise<string> {
  const reply = await t.visit(`${OTP}${path}`, { as, headers: { 'accept-language': lang } });
  expect(reply.status, path).toBe(200);
  return reply.text();
}

const post = (path: string, form: Record<string, string> = {}, as = user) =>
  t.visit(`${OTP}${path}`, { as, form });

/** A number that no code has gone to. */
const newPhone = () => `0812345${String(10_000 + phones++)}`;

/** Sends a code by the API; its id and the code. */
async function send(to = newPhone()): Promise<{ path: string; code: string; to: string }> {
  const body = { session: 'main', to };
  const reply = await t.call('/otp/send', { method: 'POST', token: user.token, body });
  const { otpId, otp } = Object(reply.body.data);
  return { path: `/try/${otpId}`, code: String(otp), to };
}

const wrongOf = (code: string) => (code.startsWith('0') ? `1${code.slice(1)}` : `0${code.slice(1)}`);

describe('a first start', () => {
  it.each([
    ['en', 'Where do your customers live?'],
    ['id', 'Di mana pelanggan Anda tinggal?'],
  ])('offers the list of countries until it is set or a code was sent (%s)', async (lang, title) => {
    const page = await read('', user, lang);
    expect(page).toContain(title);
    expect(page).toMatch(/name="allowedCountries"[^>]*value="ID"/);
    expect((await post('/countries', { allowedCountries: 'ID' })).status).toBe(303);
    expect(await read('', user, lang)).not.toContain(title);
    expect(await read('/limits', user, lang)).toMatch(/name="allowedCountries"[^>]*value="ID"/);
  });

  it('does not ask again after the first code', async () => {
    await send();
    expect(await read('')).not.toContain('Where do your customers live?');
  });
});

describe('trying it', () => {
  it('sends a code and never shows it', async () => {
    expect(await read('')).toContain('Send code');
    const reply = await post('/send', { session: 'main', to: newPhone(), companyName: HOSTILE });
    expect(reply.status).toBe(303);
    const path = (reply.headers.get('location') ?? '').replace(OTP, '');
    const text = await read(path);
    expect(text).toContain('3 of 3');
    expect(text).toMatch(/data-until="2026-01-10T12:05:00.000Z"/);
    const sent = await send();
    expect(await read(sent.path)).not.toContain(sent.code);
  });

  it('says how many attempts are left, then that the code is right', async () => {
    const { path, code } = await send();
    const wrong = await post(`${path}/check`, { otp: wrongOf(code) });
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).toContain('Attempts left: 2.');
    expect(await read(`${path}/live`)).toContain('2 of 3');
    const right = await post(`${path}/check`, { otp: `${code.slice(0, 3)} ${code.slice(3)}` });
    expect(right.status).toBe(303);
    const text = await read(path);
    expect(text).toContain('The code is correct.');
    expect(text).not.toContain('Verify code');
    expect((await t.visit(`${OTP}${path}/live`, { as: user })).status).toBe(303);
    expect((await post(`${path}/check`, { otp: code })).status).toBe(404);
  });

  it('says when the attempts are spent', async () => {
    const { path, code } = await send();
    for (let i = 0; i < 3; i++) await post(`${path}/check`, { otp: wrongOf(code) });
    const text = await read(path);
    expect(text).toContain('too many wrong codes');
    expect((await post(`${path}/check`, { otp: code })).status).toBe(429);
  });

  it('sends the same code again, not at once, and ends it', async () => {
    const { path } = await send();
    expect((await post(`${path}/resend`)).status).toBe(429);
    await clock.advance(31_000);
    expect((await post(`${path}/resend`)).status).toBe(303);
    expect(await read(path)).toContain('2 times');
    expect((await post(`${path}/expire`)).status).toBe(303);
    expect(await read(path)).toContain('The code ran out of time or was invalidated.');
  });

  it.each([
    ['en', 'The queue of the session is paused.', 'Resume it on the session page.'],
    ['id', 'Antrean sesi sedang dijeda.', 'Lanjutkan di halaman sesi.'],
  ])('says why a code waits, and what can be done (%s)', async (lang, why, fix) => {
    const pause = { session: 'main' };
    await t.call('/message/pause-queue', { method: 'POST', token: user.token, body: pause });
    const { path } = await send();
    for (const part of ['', '/live']) {
      const text = await read(`${path}${part}`, user, lang);
      expect(text).toContain(why);
      expect(text).toContain(fix);
    }
    await t.call('/message/resume-queue', { method: 'POST', token: user.token, body: pause });
    expect(await read(path, user, lang)).not.toContain(why);
  });

  it('is nobody else’s', async () => {
    const { path, code } = await send();
    const stranger = await t.tenant();
    expect((await t.visit(`${OTP}${path}`, { as: stranger })).status).toBe(404);
    for (const part of ['/check', '/resend', '/expire']) {
      expect((await post(`${path}${part}`, { otp: code }, stranger)).status, part).toBe(404);
    }
    const reader = await t.tenant('readonly');
    expect(await read('', reader)).toContain('so you cannot send codes');
  });

  it('asks for a session first', async () => {
    expect(await read('', await t.tenant())).toContain('Link a number first');
  });
});

describe('the log', () => {
  it.each(['en', 'id'] as const)(
    'says why a code could not be sent, as its own page does (%s)',
    async (lang) => {
      const { path } = await send();
      const id = path.slice(5);
      const { db } = t.deps;
      const [row] = await db.select().from(otps).where(eq(otps.id, id));
      const gone = { status: 'failed', errorCode: 'NOT_ON_WHATSAPP' } as const;
      await db
        .update(messages)
        .set(gone)
        .where(eq(messages.id, row?.messageRowId ?? ''));
      const over = {
        status: 'failed',
        reason: 'send_failed',
        openPhone: null,
        endedAt: clock.now(),
      } as const;
      await db.update(otps).set(over).where(eq(otps.id, id));
      const words = explainError(lang, 'NOT_ON_WHATSAPP');
      const page = await read(path, user, lang);
      expect(page).toContain(words?.why);
      expect(page).toContain(words?.todo);
      const log = await read('/log', user, lang);
      expect(log).toContain(words?.why);
      expect(log).toContain(`href="${OTP}${path}"`);
      const { body } = await t.call('/analytics/logs/otp', { token: user.token });
      expect(Object(body.data).logs).toMatchObject([{ otpId: id, errorCode: 'NOT_ON_WHATSAPP' }]);
      expect(await (await t.visit(`${OTP}/log/export`, { as: user })).text()).toContain('NOT_ON_WHATSAPP');
    },
  );

  it.each(['en', 'id'] as const)(
    'says why an open code waits, and until when it holds (%s)',
    async (lang) => {
      const pause = { method: 'POST', token: user.token, body: { session: 'main' } };
      await t.call('/message/pause-queue', pause);
      await send();
      const log = await read('/log', user, lang);
      expect(log).toContain(holdWords(lang, 'paused').text);
      expect(log).toContain(lang === 'en' ? 'Valid until' : 'Berlaku hingga');
      await t.call('/message/resume-queue', pause);
      expect(await read('/log', user, lang)).not.toContain(holdWords(lang, 'paused').text);
    },
  );

  it('is filtered by number, state and day, in pages', async () => {
    expect(await read('/log')).toContain('No codes yet');
    const first = await send();
    const second = await send();
    await post(`${second.path}/check`, { otp: second.code });
    const digits = (to: string) => `62${to.slice(1)}`;
    const all = await read('/log');
    expect(all).toContain(`>+${digits(first.to)}<`);
    expect(all).toContain(digits(second.to));
    const found = await read(`/log?phoneNumber=${first.to}`);
    expect(found).not.toContain(digits(second.to));
    expect(await read('/log?status=verified')).not.toContain(digits(first.to));
    expect(await read('/log?from=2026-01-10&to=2026-01-10')).toContain(digits(first.to));
    expect(await read('/log?to=2026-01-09')).toContain('No codes match');
    const file = await t.visit(`${OTP}/log/export`, { as: user });
    const text = await file.text();
    expect(text).toContain(digits(first.to));
    expect(text).not.toContain(second.code);
  });

  it('goes on page after page', async () => {
    const { path } = await send();
    const [row] = await t.deps.db
      .select()
      .from(otps)
      .where(eq(otps.id, path.slice(5)));
    if (!row) throw new Error('no code');
    const rows = Array.from({ length: 60 }, (_, i) => ({
      ...row,
      id: `${row.id.slice(0, 28)}${String(1000 + i)}`,
      phone: `628777${100_000 + i}`,
      openPhone: null,
      createdAt: row.createdAt - 1000 * (i + 1),
    }));
    for (const one of rows) await t.deps.db.insert(otps).values(one);
    const text = await read('/log');
    const next = /href="\/dashboard\/otp(\/log\?cursor=[^"]*)"/.exec(text)?.[1] ?? '';
    expect(await read(next)).toContain('628777100059');
    expect(text).not.toContain('628777100059');
  });
});

describe('the conversion', () => {
  it('is shown by day and by country, as chart and as table, in both languages', async () => {
    expect(await read('/conversion')).toContain('hx-get="/dashboard/otp/conversion/numbers?days=7"');
    expect(await read('/conversion/numbers?days=1')).toContain('No codes were sent');
    const one = await send();
    await post(`${one.path}/check`, { otp: one.code });
    const text = await read('/conversion/numbers?days=7');
    expect(text).toContain('100%');
    expect(text).toContain('Indonesia');
    expect(text.match(/<svg class="chart"/g)).toHaveLength(2);
    expect(await read('/conversion/numbers?days=7', user, 'id')).toContain('Per negara');
    expect(await read('/conversion/numbers?days=7', await t.tenant())).toContain('No codes were sent');
  });
});

describe('templates', () => {
  it('are written with a preview, changed and deleted, and shown as text', async () => {
    expect(await read('/templates')).toContain('No templates yet');
    const preview = await post('/templates/preview', { body: `${HOSTILE} {otp} {company} {minutes}` });
    const shown = await preview.text();
    expect(shown).toContain('&lt;script&gt;');
    expect(shown).toContain('123456 PT. Contoh 5');
    expect((await post('/templates/preview', { body: 'no placeholder' })).status).toBe(400);
    expect((await post('/templates', { name: 'login', body: 'Code {unknown}' })).status).toBe(400);
    expect((await post('/templates', { name: 'login', body: `${HOSTILE} {otp}` })).status).toBe(303);
    const list = await read('/templates');
    expect(list).not.toMatch(/<script>alert|<img src=x/);
    const path = /href="\/dashboard\/otp(\/templates\/[0-9a-f]{32})"/.exec(list)?.[1] ?? '';
    expect(await read(path)).not.toMatch(/<script>alert|<img src=x/);
    const stranger = await t.tenant();
    expect((await t.visit(`${OTP}${path}`, { as: stranger })).status).toBe(404);
    expect((await post(`${path}/delete`, {}, stranger)).status).toBe(404);
    await post(path, { name: 'login 2', body: 'Kode {otp}' });
    expect(await read('')).toContain('login 2');
    const deleted = await post(`${path}/delete`);
    expect(await read('/templates')).toContain('No templates yet');
    expect((await t.undo(deleted, user)).status).toBe(303);
    expect(await read('')).toContain('login 2');
  });
});

describe('limits', () => {
  it('are told, and the countries chosen', async () => {
    expect(await read('/limits')).toContain('5 per 10 minutes');
    expect((await post('/countries', { allowedCountries: 'id, sg' })).status).toBe(303);
    expect(await read('/limits')).toContain('value="ID, SG"');
    expect((await post('/send', { session: 'main', to: '+447400123456' })).status).toBe(403);
    expect((await post('/countries', { allowedCountries: 'nowhere' })).status).toBe(400);
    await post('/countries', { allowedCountries: '' });
    expect(await read('/limits')).not.toContain('ID, SG"');
  });
});
