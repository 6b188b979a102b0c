/** The pages that play the phones of a sandbox, against the real service and an emulated WhatsApp. */
import { and, eq, isNotNull } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { insertMany, transact } from '../../src/db/ops.ts';
import { messages, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';
import { openDashboard } from './visitor.ts';

const PERSON = '6281234567890';
const PHONE_PAGE = `/dashboard/phone/with/%2B${PERSON}`;

interface Player {
  token: string;
  csrf: string;
}

let emulator: Emulator;
let gateway: TestGateway;
let first: Player;
let second: Player;
beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { emulatorUrl: emulator.url });
  first = await player('first');
  second = await player('second');
  await link(first, 'main', '628111111111');
}, 120_000);
afterAll(async () => {
  await gateway.remove();
  await emulator.stop();
});

async function player(name: string): Promise<Player> {
  const form = { email: `${name}@example.com`, password: 'a-long-password', name };
  const { body } = await gateway.call('POST', '/auth/register', form, {});
  const page = await visit({ token: body.token, csrf: '' }, '/dashboard/account');
  const csrf = /name="_csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
  return { token: body.token, csrf };
}

function visit({ token, csrf }: Player, path: string, form?: Record<string, string>): Promise<Response> {
  const headers = { cookie: `wahub_session=${token}` };
  const post = form && { method: 'POST', body: new URLSearchParams({ ...form, _csrf: csrf }) };
  return fetch(`${gateway.url}${path}`, { headers, redirect: 'manual', ...post });
}

async function read(who: Player, path: string): Promise<string> {
  const reply = await visit(who, path);
  expect(reply.status, path).toBe(200);
  return reply.text();
}

async function submit(who: Player, path: string, form: Record<string, string>): Promise<void> {
  const reply = await visit(who, path, form);
  expect(reply.status, await reply.text()).toBe(303);
}

const api = (who: Player, method: string, path: string, body?: unknown) =>
  gateway.call(method, path, body, { authorization: `Bearer ${who.token}` });

async function link(who: Player, sessionId: string, phone: string, by: 'qr' | 'code' = 'qr'): Promise<void> {
  await submit(who, '/dashboard/sessions', {
    sessionId,
    pairing: by,
    phoneNumber: by === 'code' ? phone : '',
  });
  await submit(who, '/dashboard/phone/link', { sessionId, phone: `+${phone}` });
  await until(async () => (await read(who, '/dashboard/phone/linked')).includes(phone));
}

async function send(who: Player, to: string, text: string): Promise<string> {
  const { body } = await api(who, 'POST', '/message/send-text', { session: 'main', to, text });
  return body.data.messageId;
}

const stateOf = async (who: Player, id: string) => (await api(who, 'GET', `/message/${id}`)).body.data.status;

describe('linking', () => {
  it('takes one click for a QR code, and for a pairing code', async () => {
    await api(first, 'POST', '/session/create', { sessionId: 'lonely' });
    const waiting = await read(first, '/dashboard/phone/waiting');
    expect(waiting).toContain('Scan the QR code');
    expect(/name="phone"[^>]*value="(\+62811\d{8})"/.test(waiting)).toBe(true);
    expect(await read(second, '/dashboard/phone/waiting')).not.toContain('lonely');
    await link(first, 'coded', '628111111112', 'code');
    expect(await read(first, '/dashboard/phone/linked')).toContain('+628111111112');
  });

  it('takes one click beside the code, and shows a login code on a phone beside its form', async () => {
    await submit(first, '/dashboard/sessions', { sessionId: 'beside', pairing: 'qr', phoneNumber: '' });
    const state = '/dashboard/sessions/beside/link/state';
    await until(async () => (await read(first, state)).includes('Scan with this phone'));
    const page = await read(first, state);
    const phone = /name="phone" value="(\+62811\d{8})"/.exec(page)?.[1] ?? '';
    await submit(first, '/dashboard/phone/link', { sessionId: 'beside', phone });
    await until(async () => (await read(first, state)).includes(phone.slice(1)));

    const sent = await visit(first, '/dashboard/otp/send', { session: 'beside', to: '+6281234567877' });
    const tried = sent.headers.get('location') ?? '';
    const src = /id="drawn-phone" hx-get="([^"]+)"/.exec(await read(first, tried))?.[1] ?? '';
    await until(async () => /class="bubble"[\s\S]*\d{6}/.test(await read(first, src)));
    expect(await read(first, src)).toContain('Phone of +6281234567877');
    // Another tenant has neither the code nor its phone.
    expect((await visit(second, src)).status).toBe(404);
  });

  it('goes on when the owner of an account that asks for a passkey signs, with one click', async () => {
    const phone = '628111111113';
    await submit(first, '/dashboard/sessions', { sessionId: 'keyed', pairing: 'qr', phoneNumber: '' });
    const waits = '/dashboard/phone/waiting';
    await until(async () => (await read(first, waits)).includes('id="passkey-keyed"'));
    await submit(first, '/dashboard/phone/link', {
      sessionId: 'keyed',
      phone: `+${phone}`,
      passkey: 'refused',
    });
    const linking = '/dashboard/sessions/keyed/link/state';
    await until(async () => (await read(first, linking)).includes('Sign as the owner'));
    expect(await read(first, waits)).toContain('Sign as the owner');
    expect(await read(second, waits)).not.toContain('keyed');
    expect((await visit(second, '/dashboard/phone/sign', { sessionId: 'keyed' })).status).toBe(404);

    await submit(first, '/dashboard/phone/sign', { sessionId: 'keyed' });
    await until(async () => (await read(first, linking)).includes('WhatsApp refused the passkey signature'));
    await submit(first, '/dashboard/phone/sign', { sessionId: 'keyed' });
    await until(async () => (await read(first, linking)).includes(phone));
    const late = await visit(first, '/dashboard/phone/sign', { sessionId: 'keyed' });
    expect(late.status).toBe(409);
    expect(await late.text()).toContain('awaits no signature');
  });

  it('shows the code that the phone shows, when the owner took longer than the hand-off', async () => {
    await submit(first, '/dashboard/sessions', { sessionId: 'slow', pairing: 'qr', phoneNumber: '' });
    const waits = '/dashboard/phone/waiting';
    await until(async () => (await read(first, waits)).includes('id="passkey-slow"'));
    const form = { sessionId: 'slow', phone: '+628111111114', passkey: 'asks' };
    await submit(first, '/dashboard/phone/link', form);
    await until(async () => (await read(first, waits)).includes('Sign as the owner'));
    const held = and(eq(whatsappAccounts.sessionId, 'slow'), isNotNull(whatsappAccounts.passkey));
    const [row] = await gateway.deps.db.select().from(whatsappAccounts).where(held);
    const passkey = {
      stage: 'confirm' as const,
      options: null,
      code: 'AAAA-AAAA',
      expiresAt: Date.now() + 60_000,
    };
    await gateway.deps.db.update(whatsappAccounts).set({ passkey }).where(held);
    const { stage } = emulator.passkey({ label: row?.id ?? '' });
    expect(stage).toBe('asked');
    expect(await read(first, waits)).toContain('Compare it with the code on the session page');
  });

  it('says why it is not possible', async () => {
    const again = await visit(first, '/dashboard/phone/link', { sessionId: 'main', phone: '+628111111119' });
    expect(again.status).toBe(409);
    expect(await again.text()).toContain('does not wait for a phone');
    const foreign = { sessionId: 'main', phone: '+628111111119' };
    expect((await visit(second, '/dashboard/phone/link', foreign)).status).toBe(404);
  });
});

describe('somebody’s phone', () => {
  it('shows what it decrypted, login codes too, and answers', async () => {
    await send(first, `+${PERSON}`, 'decrypted-words');
    await until(async () => (await read(first, `${PHONE_PAGE}/chat`)).includes('decrypted-words'));
    const otp = { session: 'main', to: `+${PERSON}`, companyName: 'Toko' };
    expect((await api(first, 'POST', '/otp/send', otp)).status).toBe(202);
    await until(async () =>
      /\b\d{6}\b/.test((await read(first, `${PHONE_PAGE}/chat`)).replace(/<[^>]+>/g, ' ')),
    );
    expect(await read(first, '/dashboard/phone/people')).toContain(`+${PERSON}`);
    // A channel takes posts and has no phone that could be opened.
    const channel = await emulator.createChannel({ name: 'Shop', owner: '628111111111' });
    const post = await send(first, channel.id, 'We open at ten.');
    await until(async () => (await stateOf(first, post)) === 'sent');
    expect(await read(first, '/dashboard/phone/people')).not.toContain('@newsletter');

    await submit(first, PHONE_PAGE, { session: 'main', text: '<b>thanks</b>' });
    const conversation = `/dashboard/messages/with/%2B${PERSON}/bubbles?session=main`;
    await until(async () => (await read(first, conversation)).includes('&lt;b&gt;thanks'));
    expect(await read(first, `${PHONE_PAGE}/chat`)).toContain('&lt;b&gt;thanks');
  });

  it('shows a tenant nothing of another one, also where both have linked the same phone', async () => {
    await link(second, 'main', '628111111111');
    const theirs = await read(second, `${PHONE_PAGE}/chat`);
    expect(theirs).not.toContain('decrypted-words');
    expect(theirs).not.toContain('thanks');
    expect(await read(second, '/dashboard/phone/people')).not.toContain(PERSON);
    const id = await send(first, '+6281234567899', 'unread-words');
    const foreign = await visit(second, `${PHONE_PAGE}/read`, { messageId: id });
    expect(foreign.status).toBe(404);
  });

  it.each([
    ['not_on_whatsapp', 'failed'],
    ['undelivered', 'sent'],
    ['unread', 'delivered'],
    // Last: it opens the breaker, and strangers wait from then on.
    ['ack_error:463', 'failed'],
  ])('behaves: %s ends as %s', async (behaviour, status) => {
    const number = `62812000${String(status.length * 1000 + behaviour.length).padStart(5, '0')}`;
    await submit(first, `/dashboard/phone/with/%2B${number}/behaviour`, { behaviour });
    expect(await read(first, `/dashboard/phone/with/%2B${number}`)).toContain(
      `value="${behaviour}" selected`,
    );
    const id = await send(first, `+${number}`, 'hello');
    await until(async () => (await stateOf(first, id)) === status);
    if (behaviour !== 'unread') return;
    await submit(first, `/dashboard/phone/with/%2B${number}/read`, { messageId: id });
    await until(async () => (await stateOf(first, id)) === 'read');
  });
});

it('a chat says how far back it was looked for what the person wrote', async () => {
  const number = '6281299990001';
  const page = `/dashboard/phone/with/%2B${number}`;
  const { db } = gateway.deps;
  const [main] = await db.select().from(whatsappAccounts).where(eq(whatsappAccounts.sessionId, 'main'));
  if (!main) throw new Error('no session');
  const start = Date.UTC(2024, 0, 1);
  const rows = Array.from({ length: 10_001 }, (_, n) => ({
    id: newId(start + n),
    userId: main.userId,
    accountId: main.id,
    sessionId: 'main',
    messageId: `3EB0${String(n).padStart(16, '0')}`,
    direction: 'out' as const,
    peer: `${number}@s.whatsapp.net`,
    phone: number,
    type: 'text',
    content: { type: 'text', text: 'hello' },
    status: 'sent' as const,
    createdAt: start + n,
    updatedAt: start + n,
  }));
  expect(await read(first, page)).not.toContain('Searched 10,000 messages');
  await transact(db, (tx) => insertMany(tx, messages, rows));
  const text = await read(first, page);
  expect(text).toContain('Searched 10,000 messages, back to');
  expect(text).toContain(new Date(start + 1).toISOString());
  expect(await read(first, `${page}/chat`)).toContain('Searched 10,000 messages');
});

it('a conversation leads to its contact, who is shown, blocked and labelled, and whose chat is archived', async () => {
  const [own, phone, text] = ['628111111112', '6281234567899', 'apa kabar'];
  emulator.setPerson({ phone, about: 'Sibuk <b>', business: { description: 'Toko & teman' } });
  emulator.setPicture({
    of: phone,
    data: Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex').toString('base64'),
  });
  await emulator.setLabel({ phone: own, label: '3', name: 'Lunas' });
  await emulator.deliver({ to: own, from: phone, text });
  const chats = '/dashboard/messages/chats';
  await until(async () => (await read(first, chats)).includes(text));
  const of = (part: string) => `/dashboard/messages/with/%2B${phone}${part}?session=coded`;
  expect(await read(first, of(''))).toContain(of('/contact'));
  // The page does not wait for WhatsApp: who it is comes on its own.
  expect(await read(first, of('/contact'))).toContain(`hx-get="${of('/who')}"`);
  const page = await read(first, of('/who'));
  expect(page).toContain('As WhatsApp told:');
  expect(page).toContain('Sibuk &lt;b&gt;');
  expect(page).toContain('Toko &amp; teman');
  const picture = /<img class="thumb" src="([^"]+)"/.exec(page)?.[1] ?? '';
  expect((await visit(first, picture)).headers.get('content-type')).toBe('image/jpeg');
  expect((await visit(second, picture)).status).toBe(404);

  await submit(first, of('/keep'), { change: 'archive' });
  await submit(first, of('/keep'), { change: 'muteWeek' });
  await until(async () => (await read(first, of('/contact'))).includes('Lunas'));
  await submit(first, of('/label'), { label: '3', assigned: 'true' });
  await submit(first, of('/labels'), { name: 'Pelanggan setia' });
  await submit(first, of('/block'), { block: 'true' });
  const changed = await read(first, of('/contact'));
  for (const words of ['Take out of the archive', 'Unmute', 'Take off Lunas', 'archived, muted until']) {
    expect(changed).toContain(words);
  }
  expect(await read(first, of('/who'))).toContain('Unblock');
  const list = await read(first, chats);
  for (const words of ['archived', 'muted', 'Lunas', 'Pelanggan setia']) expect(list).toContain(words);
  expect(emulator.blocked({ phone: own })).toContain(phone);
  const headers = { cookie: `wahub_session=${first.token}; wahub_lang=id` };
  const indonesian = await (await fetch(`${gateway.url}${of('/contact')}`, { headers })).text();
  for (const words of ['Batal arsipkan', 'Bunyikan lagi', 'Lepas Lunas']) {
    expect(indonesian).toContain(words);
  }
  await submit(first, of('/label'), { label: '3', assigned: 'false' });
  await submit(first, of('/block'), { block: 'false' });
  expect(await read(first, of('/contact'))).not.toContain('Take off Lunas');
  // Another tenant has neither this session nor what it is told.
  expect((await visit(second, of('/contact'))).status).toBe(404);
  expect((await visit(second, of('/who'))).status).toBe(404);
  expect((await visit(second, of('/label'), { label: '3', assigned: 'true' })).status).toBe(404);
});

describe('trouble', () => {
  const status = (sessionId: string) =>
    api(first, 'GET', `/session/status?session=${sessionId}`).then(({ body }) => body.data);

  it('meets the phone that is named: a broken line mends itself, a removed device does not', async () => {
    const before = (await status('coded')).connectedAt;
    await submit(first, '/dashboard/phone/fault', { sessionId: 'coded', fault: 'drop' });
    await until(async () => {
      const { isConnected, connectedAt } = await status('coded');
      return isConnected && connectedAt !== before;
    }, 30_000);
    await submit(first, '/dashboard/phone/fault', { sessionId: 'coded', fault: 'logout' });
    await until(async () => (await status('coded')).status === 'logged_out');
    expect(await read(first, '/dashboard/sessions/coded')).toContain('This device was removed on the phone');
    expect((await status('main')).isConnected).toBe(true);
  });

  it('is of known kinds only, for own sessions only, and for everybody at once only an admin’s', async () => {
    const unknown = { sessionId: 'main', fault: 'toString' };
    expect((await visit(first, '/dashboard/phone/fault', unknown)).status).toBe(400);
    const foreign = { sessionId: 'coded', fault: 'drop' };
    expect((await visit(second, '/dashboard/phone/fault', foreign)).status).toBe(404);
    expect((await visit(first, '/dashboard/phone/away', { seconds: '1' })).status).toBe(404);
  });
});

it('outside of a sandbox, and for an emulator elsewhere, there are no such pages', async () => {
  for (const config of [
    { emulatorUrl: null },
    { emulatorUrl: 'http://10.0.0.1:5002' },
    { emulatorUrl: 'http://localhost.example.com' },
    { emulatorUrl: 'http://127.0.0.1:5002', env: 'production' as const },
  ]) {
    const t = await openDashboard({ config });
    const user = await t.tenant();
    for (const path of ['/dashboard/phone', PHONE_PAGE]) {
      expect((await t.visit(path, { as: user })).status).toBe(404);
    }
    await t.close();
  }
});
