/** Signing in and out, and the own account. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeMember, type Tenant } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

let t: TestDashboard;
beforeAll(async () => {
  t = await openDashboard({ config: { publicUrl: 'https://wa.example.com' } });
});
afterAll(() => t.close());

const cookieOf = (reply: Response): string =>
  reply.headers.getSetCookie().find((line) => line.startsWith('wahub_session=')) ?? '';

describe('before there is an administrator', () => {
  it('the page says how to make one, and nothing of it afterwards', async () => {
    const text = async () => (await t.visit('/dashboard/sign-in')).text();
    await t.tenant();
    expect(await text()).toContain('npm run db:seed');
    await t.tenant('admin');
    expect(await text()).not.toContain('db:seed');
  });
});

describe('signing in', () => {
  it('sets a cookie that no script reads and no other site sends, and goes back to where one came from', async () => {
    const user = await t.tenant();
    const asked = await t.visit('/dashboard/account?x=1');
    const next = new URL(asked.headers.get('location') ?? '', 'http://here').searchParams.get('next') ?? '';
    const form = { email: user.email, password: user.password, next };
    const reply = await t.visit('/dashboard/sign-in', { form });
    expect(reply.status).toBe(303);
    expect(reply.headers.get('location')).toBe('/dashboard/account?x=1');
    expect(cookieOf(reply)).toMatch(/; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const cookie = /=([^;]+)/.exec(cookieOf(reply))?.[1] ?? '';
    const page = await t.visit('/dashboard/account', { cookie });
    expect(await page.text()).toContain(user.email);
  });

  it('never leads to another host', async () => {
    const user = await t.tenant();
    for (const next of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
    ]) {
      const form = { email: user.email, password: user.password, next };
      const reply = await t.visit('/dashboard/sign-in', { form });
      expect(reply.headers.get('location')).toBe('/dashboard');
    }
  });

  it('says the same for a wrong password and an unknown e-mail, and waits after some tries', async () => {
    const user = await t.tenant();
    const wrong = { email: user.email, password: 'not-the-password' };
    const first = await t.visit('/dashboard/sign-in', { form: wrong });
    const unknown = await t.visit('/dashboard/sign-in', { form: { ...wrong, email: 'nobody@example.com' } });
    expect([first.status, unknown.status]).toEqual([401, 401]);
    const words = (text: string) => /<strong>([^<]+)/.exec(text)?.[1];
    expect(words(await first.text())).toBe(words(await unknown.text()));
    for (let i = 0; i < 6; i++) await t.visit('/dashboard/sign-in', { form: wrong });
    const limited = await t.visit('/dashboard/sign-in', { form: wrong });
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('shows a failure in the page to htmx, with the field that is to blame', async () => {
    const reply = await t.visit('/dashboard/sign-in', {
      form: { email: 'someone@example.com', password: '' },
      headers: { 'hx-request': 'true' },
    });
    expect(reply.status).toBe(400);
    expect(reply.headers.get('hx-retarget')).toBe('#alert');
    expect(await reply.text()).toContain('data-field="password"');
  });
});

it('a failure is told in the language of its reader', async () => {
  const form = { email: 'someone@example.com', password: 'wrong-password' };
  const reply = await t.visit('/dashboard/sign-in', { form, headers: { 'accept-language': 'id' } });
  expect(await reply.text()).toContain('<strong>Email atau kata sandi salah.</strong>');
  const fields = { email: 'no address', password: '', name: 'x'.repeat(300) };
  const refused = async (lang: string) =>
    (await t.visit('/dashboard/sign-up', { form: fields, headers: { 'accept-language': lang } })).text();
  const indonesian = await refused('id');
  expect(indonesian).toContain('<b>Kata sandi</b> wajib diisi');
  expect(indonesian).toContain('<b>Email</b> harus berupa alamat email');
  expect(indonesian).toContain('<b>Nama</b> maksimal 120 karakter');
  expect(await refused('en')).toContain('<b>Password</b> is required');
});

it('a new user signs up and is signed in; a closed registration says so', async () => {
  const form = { email: `new-${Date.now()}@example.com`, password: 'long-enough', name: '<b>New</b>' };
  const reply = await t.visit('/dashboard/sign-up', { form });
  expect(reply.headers.get('location')).toBe('/dashboard');
  const cookie = /=([^;]+)/.exec(cookieOf(reply))?.[1] ?? '';
  const page = await (await t.visit('/dashboard', { cookie })).text();
  expect(page).toContain('&lt;b&gt;New&lt;/b&gt;');
  const shut = await openDashboard({ config: { allowRegistration: false } });
  expect(await (await shut.visit('/dashboard/sign-up')).text()).toContain('Registration is closed');
  expect((await shut.visit('/dashboard/sign-up', { form })).status).toBe(403);
  await shut.close();
});

it('signing out forgets the cookie', async () => {
  const reply = await t.visit('/dashboard/sign-out', { as: await t.tenant(), form: {} });
  expect(cookieOf(reply)).toMatch(/^wahub_session=; Max-Age=0/);
});

it('a changed password ends the other sign-ins and keeps this one', async () => {
  const user = await t.tenant();
  const form = { currentPassword: user.password, newPassword: 'another-password' };
  const reply = await t.visit('/dashboard/account/password', { as: user, form });
  expect(reply.headers.get('location')).toBe('/dashboard/account');
  const cookie = /=([^;]+)/.exec(cookieOf(reply))?.[1] ?? '';
  expect((await t.visit('/dashboard/account', { cookie })).status).toBe(200);
  expect((await t.visit('/dashboard/account', { as: user })).status).toBe(303);
});

it('the language is the one that was chosen, else the first of the browser that is ours', async () => {
  const read = async (headers: Record<string, string>) =>
    /<html lang="(\w+)"/.exec(await (await t.visit('/dashboard/sign-in', { headers })).text())?.[1];
  expect(await read({})).toBe('en');
  expect(await read({ 'accept-language': 'fr, id-ID;q=0.8, en' })).toBe('id');
  expect(await read({ 'accept-language': 'id', cookie: 'wahub_lang=en' })).toBe('en');
  const reply = await t.visit('/dashboard/language', { form: { lang: 'id', next: '/dashboard/sign-up' } });
  expect(reply.headers.get('location')).toBe('/dashboard/sign-up');
});

it('an address that nobody has is a page, also before signing in', async () => {
  const reply = await t.visit('/dashboard/nothing');
  expect(reply.status).toBe(404);
  expect(await reply.text()).toContain('There is nothing at this address.');
});

describe('what a browser opens without headers', () => {
  const PAGE = '/session/qr-page/my-session?x=1';

  it('leads a person to sign-in and back, and tells a program 401', async () => {
    const person = await t.visit(PAGE, { headers: { accept: 'text/html,application/xhtml+xml' } });
    expect(person.status).toBe(302);
    expect(person.headers.get('location')).toBe(`/dashboard/sign-in?next=${encodeURIComponent(PAGE)}`);
    const program = await t.visit(PAGE, { headers: { accept: 'application/json' } });
    expect(program.status).toBe(401);
  });

  it('opens with the cookie, which no other route and no POST takes', async () => {
    const user = await t.tenant();
    const html = { accept: 'text/html' };
    expect((await t.visit(PAGE, { as: user, headers: html })).status).toBe(404);
    expect((await t.visit('/session/list', { as: user, headers: html })).status).toBe(401);
    expect((await t.visit('/session/create', { as: user, form: {} })).status).toBe(401);
  });
});

it('the time zone is chosen on the account page, and shown there', async () => {
  const user = await t.tenant();
  const saved = await t.visit('/dashboard/account/time-zone', {
    as: user,
    form: { timezone: 'Asia/Jayapura' },
  });
  expect(saved.status).toBe(303);
  const page = await (await t.visit('/dashboard/account', { as: user })).text();
  expect(page).toMatch(/<option value="Asia\/Jayapura" selected/);
  const refused = await t.visit('/dashboard/account/time-zone', {
    as: user,
    form: { timezone: 'Mars/Base' },
  });
  expect(refused.status).toBe(400);
});

describe('API keys', () => {
  const scopesOf = async (as: Tenant) => {
    const { body } = await t.call('/auth/api-keys', { token: as.token });
    return z
      .array(z.object({ scopes: z.array(z.string()) }))
      .parse(body.data)
      .map(({ scopes }) => scopes);
  };
  const make = (as: Tenant, form: Record<string, string | string[]>) =>
    t.visit('/dashboard/developers/keys', { as, form: { name: 'shop', ...form } });

  it('are made with the access of a preset, or with chosen permissions', async () => {
    const user = await t.tenant();
    const page = await (await t.visit('/dashboard/developers', { as: user })).text();
    expect(page).toContain(
      '<b>Login codes</b> <span class="muted small">Sends and checks login codes. Nothing else.',
    );
    expect(page).toMatch(/name="preset" value="send" checked/);
    await make(user, { preset: 'otp', scopes: '*' });
    await make(user, { preset: 'custom', scopes: ['read', 'webhooks'] });
    await make(user, { scopes: 'messages:write' });
    expect((await scopesOf(user)).sort()).toEqual([['messages:write'], ['otp'], ['read', 'webhooks']]);
    expect((await make(user, { preset: 'custom' })).status).toBe(400);
  });

  it('offer presets that the role may give only', async () => {
    const owner = await t.tenant();
    const developer = await makeMember(t.deps, owner.id, 'developer');
    const page = await (await t.visit('/dashboard/developers', { as: developer })).text();
    const presets = [...page.matchAll(/name="preset" value="(\w+)"/g)].map(([, name]) => name);
    expect(presets).toEqual(['send', 'chat', 'otp', 'read', 'custom']);
    expect((await make(developer, { preset: 'all' })).status).toBe(403);
  });

  it('are rotated with an hour in which the old one still works', async () => {
    const user = await t.tenant();
    const page = await (await t.visit('/dashboard/developers', { as: user })).text();
    expect(page).toMatch(/name="graceMinutes"[^>]*value="60"/);
  });
});
