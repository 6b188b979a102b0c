/** The pages of messages: searching, one message, writing every kind, conversations. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPOSED } from '../../src/controllers/dashboard/messages/compose-form.ts';
import { KIND_PAGES } from '../../src/controllers/dashboard/messages/kinds/index.ts';
import type { KindPages } from '../../src/controllers/dashboard/messages/kinds/kind.ts';
import { activityLogs, messageQueue, messages, waPeople, whatsappAccounts } from '../../src/db/schema.ts';
import { explainError } from '../../src/services/messages/failure-words.ts';
import { holdWords } from '../../src/services/messages/waiting-words.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import type { ContentType } from '../../src/whatsapp/content.ts';
import { pngFile } from '../helpers/files.ts';
import { makeMember, type Tenant } from '../helpers/tenant.ts';
import { CONTENTS } from '../whatsapp/fixtures/contents.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

const SCRIPT = '<img src=x onerror=alert(1)><script>alert(1)</script>';
const PHONE = '6281234567890';
const HX = { 'hx-request': 'true' };

let t: TestDashboard;
let tenant: Tenant;
let accountId: string;
beforeAll(async () => {
  t = await openDashboard();
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  accountId = newId();
  const at = Date.now();
  const session = { id: accountId, userId: tenant.id, sessionId: 'main', phoneNumber: '628111111111' };
  await t.deps.db.insert(whatsappAccounts).values({
    ...session,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
});

type Row = typeof messages.$inferInsert;

let lastAddedAt = 0;
async function add(columns: Partial<Row> = {}): Promise<string> {
  // Of two in one millisecond nobody could say which came first.
  lastAddedAt = Math.max(Date.now(), lastAddedAt + 1);
  const at = lastAddedAt;
  const messageId = newMessageId();
  await t.deps.db.insert(messages).values({
    id: newId(at),
    userId: tenant.id,
    accountId,
    sessionId: 'main',
    messageId,
    direction: 'out',
    peer: `${PHONE}@s.whatsapp.net`,
    phone: PHONE,
    type: 'text',
    content: { type: 'text', text: 'hello' },
    status: 'sent',
    createdAt: at,
    updatedAt: at,
    ...columns,
  });
  return columns.messageId ?? messageId;
}

async function read(path: string, as = tenant): Promise<string> {
  const reply = await t.visit(path, { as });
  expect(reply.status, path).toBe(200);
  return reply.text();
}
const post = (path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  t.visit(path, { as: tenant, form, headers });

async function newest() {
  const own = and(eq(messages.userId, tenant.id), eq(messages.direction, 'out'));
  const rows = await t.deps.db.select().from(messages).where(own);
  return rows.sort((a, b) => (a.id < b.id ? 1 : -1))[0];
}

it('takes a card of a line: the number, in groups or not, and the name behind it', () => {
  const { contact } = KIND_PAGES;
  const lines = ['+62 812-345 Budi', '0812345 3M Shop', '+62812345 (Budi) Santoso'];
  const form = { contactName: 'Ani', contactPhone: '+62811', contactMore: lines.join('\n') };
  expect(contact.input(form)).toEqual({
    contacts: [
      { name: 'Ani', phoneNumber: '+62811' },
      { name: 'Budi', phoneNumber: '+62 812-345' },
      { name: '3M Shop', phoneNumber: '0812345' },
      { name: '(Budi) Santoso', phoneNumber: '+62812345' },
    ],
  });
});

describe('the history', () => {
  it('is filtered, keeps the filters in the form, and says what to do when nothing is found', async () => {
    await add({ status: 'failed', content: { type: 'text', text: 'the-failed-one' } });
    await add({ content: { type: 'text', text: 'the-sent-one' } });
    const failed = await read('/dashboard/messages?status=failed');
    expect(failed).toContain('the-failed-one');
    expect(failed).not.toContain('the-sent-one');
    expect(failed).toMatch(/<option value="failed" selected/);
    expect(failed).toContain('hx-get="/dashboard/messages/list?status=failed"');
    expect(await read('/dashboard/messages?number=0899999999')).toContain('Clear filters');
    const nobody = await t.tenant();
    expect(await read('/dashboard/messages', nobody)).toContain('No messages yet');
    expect(await read('/dashboard/messages?status=nonsense&since=never')).toContain('the-sent-one');
  });

  it('names people and reasons, and gives what is filtered as a file', async () => {
    const jid = `${PHONE}@s.whatsapp.net`;
    const person = { accountId, jid, name: null, pushName: `Ayu ${SCRIPT}`, hasChat: false };
    await t.deps.db.insert(waPeople).values({ ...person, updatedAt: 1 });
    await add({ status: 'failed', errorCode: 'NOT_ON_WHATSAPP' });
    const sent = await add({ direction: 'in', status: 'received' });
    const page = await read('/dashboard/messages');
    expect(page).toContain('Ayu &lt;img');
    expect(page).not.toContain(SCRIPT);
    expect(page).toContain(`title="${explainError('en', 'NOT_ON_WHATSAPP')?.why.replaceAll("'", '&#39;')}"`);
    expect(page).toContain('href="/dashboard/messages/export"');
    expect(await read('/dashboard/messages/chats')).toContain('Ayu &lt;img');
    expect(await read('/dashboard/messages/chats?who=wrote')).toContain('who=wrote');
    const reply = await t.visit('/dashboard/messages/export?direction=in', { as: tenant });
    expect(reply.headers.get('content-type')).toContain('csv');
    const [head, ...lines] = (await reply.text()).trim().split('\r\n');
    expect(head).toMatch(/^createdAt,session,direction,number,name/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(sent);
    const stranger = await t.visit('/dashboard/messages/export', { as: await t.tenant() });
    expect((await stranger.text()).trim().split('\r\n')).toHaveLength(1);
  });

  it('tells for each waiting message why, in the words of the reader', async () => {
    const wait = async (columns: Partial<Row> = {}) => {
      const id = newId();
      const messageId = await add({ id, status: 'queued', ...columns });
      const place = { id, userId: tenant.id, accountId, messageId, recipient: PHONE };
      const availableAt = columns.scheduledAt ?? 1;
      await t.deps.db.insert(messageQueue).values({ ...place, availableAt, priority: 1, status: 'pending' });
    };
    const cells = async (lang: string) => {
      const reply = await t.visit('/dashboard/messages/list', {
        as: tenant,
        headers: { 'accept-language': lang },
      });
      return [...(await reply.text()).matchAll(/<td class="why">(.*?)<\/td>/gs)].map(([, cell]) => cell);
    };
    await wait({ scheduledAt: Date.now() + 3_600_000 });
    await wait();
    await add({ status: 'failed', errorCode: 'NOT_ON_WHATSAPP' });
    expect(await cells('en')).toEqual([
      expect.stringContaining('This number is not on WhatsApp'),
      '',
      expect.stringContaining('<time'),
    ]);
    await t.deps.db
      .update(whatsappAccounts)
      .set({ pausedUntil: Date.now() + 3_600_000 * 24, pauseReason: 'paused' })
      .where(eq(whatsappAccounts.id, accountId));
    const said = (lang: 'en' | 'id', reason: string) => expect.stringContaining(holdWords(lang, reason).text);
    const failed = expect.anything();
    expect(await cells('en')).toEqual([failed, said('en', 'paused'), said('en', 'paused')]);
    expect(await cells('id')).toEqual([failed, said('id', 'paused'), said('id', 'paused')]);
    await t.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.id, accountId));
    expect((await cells('en')).slice(1)).toEqual(['', '']);
  });

  it('is found from everywhere: by id, by number, by address, and pages by their names', async () => {
    const id = await add();
    const part = async (q: string, lang = 'en', as = tenant) => {
      const path = `/dashboard/search?${new URLSearchParams({ q })}`;
      return (await t.visit(path, { as, headers: { ...HX, 'accept-language': lang } })).text();
    };
    expect(await part(id)).toContain(`href="/dashboard/messages/${id}?direction=out&amp;session=main"`);
    expect(await part(id, 'en', await t.tenant())).toContain('Nothing found');
    expect(await part('0812-3456-7890')).toContain(
      `/dashboard/messages/with/${encodeURIComponent(`+${PHONE}`)}`,
    );
    expect(await part(tenant.email)).toContain(`href="/dashboard/team/members/${tenant.id}"`);
    expect(await part('webhoo')).toContain('href="/dashboard/developers/webhooks"');
    expect(await part('daftar kon', 'id')).toContain('href="/dashboard/broadcast/lists"');
    expect(await part('plans')).toContain('Nothing found');
    expect(await part(SCRIPT)).not.toContain(SCRIPT);
    const whole = await read(`/dashboard/search?${new URLSearchParams({ q: id })}`);
    expect(whole).toContain('<!doctype html>');
    expect(whole.match(/id="find-results"/g)).toHaveLength(1);
    expect(await read('/dashboard')).toContain('<dialog id="find"');
  });

  it('leads from an id to its message, and pages by cursor', async () => {
    const id = await add();
    const found = await t.visit(`/dashboard/messages?number=${id}`, { as: tenant });
    expect(found.headers.get('location')).toBe(`/dashboard/messages/${id}`);
    for (let i = 0; i < 55; i++) await add({ content: { type: 'text', text: `number-${i}-` } });
    const first = await read('/dashboard/messages');
    expect(first).toContain('number-54-');
    expect(first).not.toContain('number-4-');
    const next = /href="(\/dashboard\/messages\?cursor=[^"]+)"/.exec(first)?.[1] ?? '';
    const second = await read(next);
    expect(second).toContain('number-4-');
    // What is older does not move.
    expect(second).not.toContain('/dashboard/messages/list');
  });
});

describe('one message', () => {
  it('shows each step, and its error in plain words with what to do', async () => {
    const at = Date.now();
    const id = await add({
      status: 'failed',
      errorCode: '463',
      queuedAt: at,
      sendingAt: at,
      failedAt: at,
      attempts: 1,
    });
    const page = await read(`/dashboard/messages/${id}`);
    for (const words of [
      'First attempt',
      'Failed',
      'does not let this number start a conversation',
      'What to do',
    ]) {
      expect(page).toContain(words);
    }
    expect(page).toContain(`action="/dashboard/messages/${id}/retry?`);
    const retried = await post(`/dashboard/messages/${id}/retry`);
    expect(retried.status).toBe(303);
    expect((await newest())?.status).toBe('queued');
    await post(`/dashboard/messages/${id}/cancel`);
    expect((await newest())?.status).toBe('canceled');
  });

  it('is the one that is asked for when two sessions know it by one id', async () => {
    const id = await add({ content: { type: 'text', text: 'as-sent' } });
    await add({
      messageId: id,
      direction: 'in',
      status: 'received',
      content: { type: 'text', text: 'as-received' },
    });
    expect(await read(`/dashboard/messages/${id}?direction=in`)).toContain('as-received');
    expect(await read(`/dashboard/messages/${id}?direction=out`)).toContain('as-sent');
  });

  it('is that one also for what is done with it', async () => {
    const at = Date.now();
    const two = { id: newId(), userId: tenant.id, sessionId: 'two', phoneNumber: '628222222222' };
    const state = { status: 'connected', pairing: 'qr', paired: true, createdAt: at, updatedAt: at } as const;
    await t.deps.db.insert(whatsappAccounts).values({ ...two, ...state });
    const id = await add();
    await add({ messageId: id, accountId: two.id, sessionId: 'two', direction: 'in', status: 'received' });
    const page = await read(`/dashboard/messages/${id}?direction=in&session=two`);
    const action = /action="([^"]*\/pin\?[^"]*)"/.exec(page)?.[1] ?? '';
    const done = await post(action.replaceAll('&amp;', '&'));
    expect(done.headers.get('location')).toContain('session=two');
    expect(await newest()).toMatchObject({ type: 'pin', accountId: two.id });
  });

  it('that is about another one, or a post to the status, is not sent again, forwarded or marked', async () => {
    const pin = await read(
      `/dashboard/messages/${await add({ type: 'pin', content: { type: 'pin', messageId: 'A' } })}`,
    );
    for (const part of ['again=', '/forward?', '/revoke?', '/star?']) expect(pin, part).not.toContain(part);
    const content = { type: 'text', text: 'x', status: { recipients: [`${PHONE}@s.whatsapp.net`] } };
    const status = await read(
      `/dashboard/messages/${await add({ peer: 'status@broadcast', phone: null, content })}`,
    );
    for (const part of ['again=', '/star?']) expect(status, part).not.toContain(part);
    expect(status).toContain('/revoke?');
    expect(await read(`/dashboard/messages/${await add()}`)).toContain('again=');
  });

  it('of a login code shows no text', async () => {
    const id = await add({ type: 'otp', content: { type: 'otp', sealed: 'the-sealed-code' } });
    const page = await read(`/dashboard/messages/${id}`);
    expect(page).toContain('A login code');
    expect(page).not.toContain('the-sealed-code');
    expect(page).not.toContain('again=');
  });

  const codes = ['463', '479', '429', '503', 'NO_ACK', 'NOT_SENT', 'NOT_ON_WHATSAPP', 'MEDIA_GONE'];
  it.each([...codes, 'CONTENT_GONE', 'CONTENT_UNREADABLE', 'EXPIRED', 'SESSION_DELETED', '999'])(
    'explains %s in both languages',
    (code) => {
      const [en, id] = [explainError('en', code), explainError('id', code)];
      for (const words of [en, id]) expect(words?.why && words.todo).toBeTruthy();
      expect(en?.why).not.toBe(id?.why);
    },
  );
});

describe('what others wrote', () => {
  const contents: [string, Record<string, unknown>][] = [
    ['text', { text: SCRIPT }],
    ['image', { caption: SCRIPT, media: { state: 'pending', mimetype: SCRIPT, size: 1, sha256: null } }],
    ['document', { filename: SCRIPT, media: { state: 'failed', mimetype: 'a/b', size: 1, sha256: null } }],
    ['location', { latitude: 1, longitude: 2, name: SCRIPT, address: SCRIPT }],
    ['contact', { name: SCRIPT, phone: '1', vcard: SCRIPT }],
    ['poll', { question: SCRIPT, options: [SCRIPT], multiple: false }],
    ['poll_vote', { messageId: SCRIPT, options: [SCRIPT] }],
    ['reaction', { messageId: SCRIPT, emoji: SCRIPT }],
    ['reply', { text: SCRIPT }],
    ['edit', { messageId: SCRIPT, text: SCRIPT }],
    ['delete', { messageId: SCRIPT }],
    ['unsupported', { kind: SCRIPT }],
  ];

  it.each([
    ['event_response', { messageId: 'x', response: 'going', guests: 0 }, 'going', 'Answer to an event'],
    ['event_response', { messageId: 'x', response: null, guests: 0 }, 'answered', 'Answer to an event'],
    ['poll_vote', { messageId: 'x', options: ['Coffee', 'Tea'] }, 'Coffee, Tea', 'Poll vote'],
    ['poll_vote', { messageId: 'x', options: null }, 'Poll vote', null],
    ['pin', { messageId: 'x', pinned: true }, 'Pin', null],
    ['image', { media: { state: 'pending', mimetype: 'image/png', size: 1, sha256: null } }, 'Image', null],
  ])('%s shows its words and its kind, and no words twice (%j)', async (type, fields, words, kind) => {
    await add({ type, direction: 'in', status: 'received', content: { type, ...fields } });
    const html = await read('/dashboard/messages');
    const line = /<td class="grow">(.*?)<\/td>/s.exec(html)?.[1] ?? '';
    expect(
      line
        .replace(/<[^>]*>/g, '')
        .trim()
        .replace(/\s+/g, ' '),
    ).toBe(kind === null ? words : `${words} ${kind}`);
  });

  it.each(contents)('%s is text wherever it shows', async (type, fields) => {
    const id = await add({
      type,
      direction: 'in',
      status: 'received',
      content: { type, quotedId: SCRIPT, ...fields },
    });
    const places = [
      '/dashboard/messages',
      '/dashboard/messages/chats',
      `/dashboard/messages/${id}`,
      `/dashboard/messages/with/%2B${PHONE}?session=main`,
    ];
    for (const place of places) {
      const html = await read(place);
      expect(html, place).not.toContain('<img src=x');
      expect(html, place).not.toContain('<script>alert');
    }
    expect(await read(`/dashboard/messages/${id}`)).toContain(encodeURIComponent('<img'));
  });
});

describe('the composer', () => {
  const target = { session: 'main', to: '0812 3456 7890' };
  const own: Partial<Record<ContentType, Record<string, string>>> = {
    text: { text: 'hello' },
    image: {},
    video: {},
    audio: {},
    document: {},
    sticker: {},
    location: { latitude: '-6,1754', longitude: '106.8272', name: 'Monas' },
    buttons: { text: 'Is it right?', buttons: 'Yes\nNo', footer: 'Thanks' },
    list: { text: 'What?', buttonText: 'Menu', rows: '# Orders\nTrack | Where it is\nCancel' },
    contact: { contactName: 'Service', contactPhone: '0812 9876 5432' },
    poll: { question: 'When?', options: 'Morning\nEvening', multiple: 'true' },
    reaction: { emoji: '👍' },
  };
  /** Of a kind without an own one: the form that would send the example of that kind again. */
  const formOf = <T extends ContentType>(kind: T): Record<string, string> => {
    const pages: KindPages<T> = KIND_PAGES[kind];
    const filled: object = pages.refill(CONTENTS[kind].content);
    return own[kind] ?? Object.fromEntries(Object.entries(filled).filter(([, value]) => value !== undefined));
  };
  const forms = Object.fromEntries(COMPOSED.map((kind) => [kind, formOf(kind)]));
  const plain = COMPOSED.filter((kind) => Object.keys(forms[kind] ?? {}).length > 0);

  it.each(COMPOSED)('shows the fields and a preview of %s', async (kind) => {
    expect(await read(`/dashboard/messages/new/fields?kind=${kind}`)).toMatch(/<(input|textarea)/);
    const preview = await post('/dashboard/messages/new/preview', { kind, ...forms[kind] });
    expect(preview.status).toBe(200);
    expect(await preview.text()).toContain('bubble out');
  });

  it('says why what it has sent waits, and for how long', async () => {
    const ofMain = eq(whatsappAccounts.sessionId, 'main');
    const paused = { pausedUntil: Date.now() + 3_600_000, pauseReason: 'paused' as const };
    await t.deps.db.update(whatsappAccounts).set(paused).where(ofMain);
    const reply = await post('/dashboard/messages', { kind: 'text', ...target, text: 'wait' }, HX);
    await t.deps.db.update(whatsappAccounts).set({ pausedUntil: null, pauseReason: null }).where(ofMain);
    expect(await reply.text()).toContain('The queue of the session is paused.');
  });

  it.each(plain)('sends %s and answers the part that follows it', async (kind) => {
    const messageId = await add();
    const about = kind === 'reaction' ? { messageId } : {};
    const reply = await post('/dashboard/messages', { kind, ...target, ...forms[kind], ...about }, HX);
    const html = await reply.text();
    expect(reply.status, html).toBe(200);
    const row = await newest();
    expect(row).toMatchObject({ type: kind, phone: PHONE, status: 'queued' });
    expect(html).toContain(`hx-get="/dashboard/messages/${row?.messageId}/sent`);
    if (kind === 'list') {
      const rows = [{ id: '1', title: 'Track', description: 'Where it is' }, { title: 'Cancel' }];
      expect(row?.content).toMatchObject({ sections: [{ title: 'Orders', rows }] });
    }
    if (kind === 'event') expect(row?.content).toMatchObject({ latitude: -6.9, longitude: 107.6 });
    if (kind === 'location') expect(row?.content).toMatchObject({ latitude: -6.1754 });
    if (kind === 'reaction') return;
    const again = await read(`/dashboard/messages/new?again=${row?.messageId}`);
    for (const value of Object.values(forms[kind] ?? {}).filter((text) => /^[A-Za-z][\w ]*$/.test(text))) {
      expect(again).toContain(value === 'true' ? 'checked' : value);
    }
  });

  it('takes an uploaded picture, and offers it by a link of its own when it is sent again', async () => {
    const form = new FormData();
    const fields = { ...target, kind: 'image', caption: SCRIPT, _csrf: t.csrfOf(tenant) };
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('file', new Blob([new Uint8Array(pngFile())]), 'picture.png');
    const headers = { cookie: `wahub_session=${tenant.token}`, ...HX };
    const socket = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };
    const reply = await t.app.request('/dashboard/messages', { method: 'POST', body: form, headers }, socket);
    expect(reply.status).toBe(200);
    const row = await newest();
    expect(row?.content).toMatchObject({ type: 'image', media: { mimetype: 'image/png' }, caption: SCRIPT });
    const page = await read(`/dashboard/messages/${row?.messageId}`);
    const src = /<img class="media image" src="(\/media\/[^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    expect(page).not.toContain(SCRIPT);
    const picture = await t.call(src ?? '');
    expect(picture).toMatchObject({ status: 200 });
    expect(picture.headers.get('content-type')).toBe('image/png');
    expect(await read(`/dashboard/messages/new?again=${row?.messageId}`)).toMatch(
      /name="url"[^>]*value="\w{32}"/,
    );
  });

  it('previews marks and choices as the recipient’s phone shows them', async () => {
    const preview = async (form: Record<string, string>) =>
      (await post('/dashboard/messages/new/preview', form)).text();
    const marked = await preview({
      kind: 'text',
      text: '*bold* _so_ ~old~ `a*b*` 2*3*4 snake_case_name * no *',
    });
    expect(marked).toContain(
      '<strong>bold</strong> <em>so</em> <s>old</s> <code>a*b*</code> 2*3*4 snake_case_name * no *',
    );
    expect(await preview({ kind: 'text', text: '*_both_* *<b>*' })).toContain(
      '<strong><em>both</em></strong> <strong>&lt;b&gt;</strong>',
    );
    const offered = { kind: 'buttons', text: 'Right?', buttons: 'Yes\nNo', footer: 'Toko' };
    const buttons = await preview(offered);
    expect(buttons).toContain('Right?\n\n<strong>1.</strong> Yes\n<strong>2.</strong> No\n\n<em>Toko</em>');
    expect(buttons).toContain('Sent as a numbered text');
    const list = await preview({
      kind: 'list',
      text: 'What?',
      buttonText: 'Menu',
      rows: '# Orders\nTrack | where',
    });
    expect(list).toContain('What?\n\n<strong>Orders</strong>\n<strong>1.</strong> Track\n    where');
    // Ten thousand marks that close nothing take no time.
    const began = performance.now();
    await preview({ kind: 'text', text: '*a '.repeat(10_000) });
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('tells what stands at the field of a number that cannot be read', async () => {
    const reply = await post('/dashboard/messages', { ...target, kind: 'text', text: 'x', to: '12' }, HX);
    expect(reply.status).toBe(400);
    expect(await reply.text()).toMatch(/<p data-field="to number [^"]*"><strong>/);
  });

  it('forwards what was written, by its session, and sends again what names people', async () => {
    const content = {
      type: 'text',
      text: '@all hi',
      mentions: [`${PHONE}@s.whatsapp.net`],
      mentionAll: true,
    };
    const id = await add({ content });
    expect(await read(`/dashboard/messages/${id}`)).toContain(`/dashboard/messages/${id}/forward`);
    expect(await read(`/dashboard/messages/new?again=${id}`)).toContain(`@all\n+${PHONE}`);
    const plain = await add({
      direction: 'in',
      status: 'received',
      content: { type: 'text', text: 'pass it on' },
    });
    const to = '+6281298765432';
    const reply = await post(`/dashboard/messages/${plain}/forward`, { to, session: 'main' });
    expect(reply.status).toBe(303);
    expect(await newest()).toMatchObject({
      phone: '6281298765432',
      content: { type: 'text', text: 'pass it on', forwarded: true, forwardingScore: 1 },
    });
  });

  it('offers no forwarding of what cannot be forwarded, and says why it is refused', async () => {
    const file = { mimetype: 'image/png', size: 1, sha256: null };
    const offered = { text: 'Tea', buttons: [{ text: 'Buy', id: '1' }] };
    const cases: [reason: string, Record<string, unknown>][] = [
      ['Pesan jenis ini', CONTENTS.reaction.content as unknown as Record<string, unknown>],
      ['Pesan jenis ini', { type: 'pin', messageId: 'P1', pinned: true }],
      ['Pesan jenis ini', { type: 'product', productId: 'p1', title: 'Tea' }],
      ['Pesan jenis ini', { type: 'order', orderId: 'o1', items: 1 }],
      ['Pesan jenis ini', { type: 'template', ...offered }],
      ['Pesan jenis ini', { type: 'interactive', ...offered }],
      ['Pesan jenis ini', { type: 'buttons', ...offered }],
      ['Pesan jenis ini', { type: 'list', text: 'Tea', buttonText: 'Menu', sections: [] }],
      ['Pesan jenis ini', { type: 'undecryptable', reason: 'keys' }],
      ['sekali lihat', { type: 'image', viewOnce: true, media: { state: 'stored', id: 'a', ...file } }],
      ['belum masuk', { type: 'image', media: { state: 'pending', ...file } }],
      ['tidak bisa diambil', { type: 'image', media: { state: 'failed', ...file } }],
      ['tanpa nomor telepon', { type: 'contact', name: 'Siti', phone: null, vcard: '' }],
      ['sudah dibatalkan', { type: 'event', name: 'Tea', startsAt: '2026-01-31T09:00:00Z', canceled: true }],
      ['sudah dihapus', { type: 'text', text: 'gone' }],
    ];
    const headers = { ...HX, 'accept-language': 'id' };
    for (const [reason, content] of cases) {
      const revokedAt = content.text === 'gone' ? 1 : null;
      const type = String(content.type);
      const id = await add({ direction: 'in', status: 'received', type, content, revokedAt });
      expect(await read(`/dashboard/messages/${id}`), type).not.toContain(`${id}/forward`);
      const reply = await post(`/dashboard/messages/${id}/forward`, { to: '+6281298765432' }, headers);
      expect(reply.status, type).toBe(409);
      expect(await reply.text(), type).toContain(reason);
    }
  });

  it('tells at the mentions that everyone is named in groups only', async () => {
    const fields = { ...target, kind: 'text', text: 'hi', mentions: '@all' };
    const reply = await post('/dashboard/messages', fields, HX);
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain('<li data-field="mentions"><b>Mentions</b> is for groups only');
  });

  it('takes the canceling of a message back', async () => {
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    await post('/dashboard/messages', { ...target, kind: 'text', text: 'later', scheduledAt });
    const row = await newest();
    const canceled = await post(`/dashboard/messages/${row?.messageId}/cancel`);
    expect((await newest())?.status).toBe('canceled');
    expect(await t.follow(canceled, tenant)).toContain(`/dashboard/messages/${row?.messageId}/restore`);
    // What was kept for one sign-in is nothing to another.
    expect(await t.follow(canceled, await t.tenant())).not.toContain('Undo');
    expect((await t.undo(canceled, tenant)).status).toBe(303);
    expect(await newest()).toMatchObject({ status: 'queued', scheduledAt: Date.parse(scheduledAt) });
    const [waiting] = await t.deps.db
      .select({ availableAt: messageQueue.availableAt })
      .from(messageQueue)
      .where(eq(messageQueue.id, row?.id ?? ''));
    expect(waiting?.availableAt).toBe(Date.parse(scheduledAt));
  });

  it('restores a canceled message with its expiry, and none that has expired or has not been canceled', async () => {
    const expiresAt = Date.now() + 3_600_000;
    const cases = [
      [{ expiresAt, queuedAt: 5 }, 303],
      [{ expiresAt: Date.now() - 1, queuedAt: 5 }, 409],
      [{ expiresAt: null, queuedAt: 5, errorCode: 'CAMPAIGN_STOPPED' }, 409],
      [{ expiresAt: null, queuedAt: 5, status: 'failed' as const }, 409],
      [{ expiresAt: null, queuedAt: 5, campaignId: newId() }, 409],
    ] as const;
    for (const [columns, status] of cases) {
      const messageId = await add({ status: 'canceled', ...columns });
      expect((await post(`/dashboard/messages/${messageId}/restore`)).status).toBe(status);
      const waiting = await t.deps.db
        .select({ availableAt: messageQueue.availableAt, expiresAt: messageQueue.expiresAt })
        .from(messageQueue)
        .where(eq(messageQueue.messageId, messageId));
      expect(waiting).toEqual(status === 303 ? [{ availableAt: 5, expiresAt }] : []);
    }
  });

  it.each([
    [{ kind: 'text', text: '' }, 'text'],
    [{ kind: 'image' }, 'url'],
    [{ kind: 'location', latitude: '100', longitude: '1' }, 'latitude'],
    [{ kind: 'buttons', text: 'x' }, 'buttons'],
    [{ kind: 'list', text: 'x', buttonText: 'y', rows: '# empty' }, 'rows'],
    [{ kind: 'contact', contactName: 'x' }, 'contactPhone'],
    [{ kind: 'poll', question: 'x', options: 'one' }, 'options'],
    [{ kind: 'reaction', emoji: 'ab', messageId: 'x' }, 'emoji'],
    [{ kind: 'text', text: 'x', to: '' }, 'to'],
    [{ kind: 'text', text: 'x', scheduledAt: 'tomorrow' }, 'scheduledAt'],
    [{ kind: 'text', text: 'x', scheduledAt: '2001-01-01T00:00:00Z' }, 'scheduledAt'],
  ])('refuses %j and names the field', async (bad, field) => {
    const reply = await post('/dashboard/messages', { ...target, ...bad }, HX);
    expect(reply.status).toBe(400);
    expect(reply.headers.get('hx-retarget')).toBe('#alert');
    expect(await reply.text()).toContain(`data-field="${field}"`);
    expect(await newest()).toBeUndefined();
  });

  it('sends later, with its priority, in answer to another one', async () => {
    const quotedMessageId = await add();
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    const form = { ...target, text: 'later', priority: 'high', scheduledAt, quotedMessageId };
    expect((await post('/dashboard/messages', form, HX)).status).toBe(200);
    expect(await newest()).toMatchObject({
      priority: 0,
      scheduledAt: Date.parse(scheduledAt),
      content: { quoted: { messageId: quotedMessageId } },
    });
  });

  it('writes nothing into the activity log for what is only looked at', async () => {
    await post('/dashboard/messages/new/preview', { kind: 'text', text: 'the-secret-draft' });
    const rows = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.userId, tenant.id));
    expect(rows).toEqual([]);
    expect(JSON.stringify(t.lines)).not.toContain('the-secret-draft');
  });

  it('leads to a session first where there is none, and a reader away', async () => {
    const nobody = await t.tenant();
    expect(await read('/dashboard/messages/new', nobody)).toContain('href="/dashboard/new-session"');
    const reader = await t.visit('/dashboard/messages/new', { as: await t.tenant('readonly') });
    expect(reader.headers.get('location')).toBe('/dashboard/messages');
  });
});

describe('a conversation', () => {
  const path = `/dashboard/messages/with/%2B${PHONE}`;

  it('shows both sides in order, and takes an answer', async () => {
    await add({ content: { type: 'text', text: 'first-words' } });
    await add({ direction: 'in', status: 'received', content: { type: 'text', text: 'second-words' } });
    const page = await read(path);
    expect(page.indexOf('first-words')).toBeLessThan(page.indexOf('second-words'));
    expect(page).toContain('Mark 1 as read');
    const reply = await post(`${path}?session=main`, { text: 'third-words' }, HX);
    expect(await reply.text()).toContain('third-words');
    expect(await newest()).toMatchObject({ phone: PHONE, content: { type: 'text', text: 'third-words' } });
  });

  it('shortens long texts of strangers, and shows all of one on its page', async () => {
    const text = '*a* '.repeat(16_384);
    let id = '';
    for (const content of [
      { type: 'text', text },
      { type: 'edit', messageId: 'x', text },
      { type: 'text', text: 'short' },
    ])
      id = await add({ direction: 'in', status: 'received', type: content.type, content });
    const page = await read(path);
    expect(page.match(/>Show all</g)).toHaveLength(2);
    expect(page.length).toBeLessThan(60_000);
    expect(await read('/dashboard/messages')).not.toContain('*a* '.repeat(100));
    id = await add({ direction: 'in', status: 'received', content: { type: 'text', text } });
    const whole = await read(`/dashboard/messages/${id}`);
    expect(whole).not.toContain('Show all');
    expect(whole.match(/<strong>a<\/strong>/g)).toHaveLength(300);
    expect(whole.split('*a*')).toHaveLength(16_384 - 300 + 1);
  });

  it('is not another tenant’s, also under the same session name', async () => {
    await add({ content: { type: 'text', text: 'first-words' } });
    const stranger = await t.tenant();
    const place = `${path}/bubbles?session=main`;
    expect((await t.visit(place, { as: stranger })).status).toBe(404);
    expect(await read(place)).toContain('first-words');
  });

  it('offers a reader no way to write', async () => {
    await t.deps.db
      .update(whatsappAccounts)
      .set({ sessionId: 'other' })
      .where(eq(whatsappAccounts.id, accountId));
    const reader = await t.tenant('readonly');
    await t.deps.db
      .update(whatsappAccounts)
      .set({ userId: reader.id })
      .where(eq(whatsappAccounts.id, accountId));
    expect(await read(path, reader)).not.toContain('<textarea');
  });
});

describe('a number that is being typed', () => {
  const read = async (query: string, lang = 'en') =>
    (
      await t.visit(`/dashboard/number?${query}`, { as: tenant, headers: { ...HX, 'accept-language': lang } })
    ).text();

  it.each([
    ['to=0812%203456%207890', 'en', '+62 812 3456 7890, Indonesia'],
    ['number=%2B6591234567', 'id', '+65 9123 4567, Singapura'],
    ['to=(415)%20555-2671', 'en', 'Did you mean +624155552671 or +14155552671?'],
    ['number=+6591234567', 'en', '+65 9123 4567, Singapore'],
    ['number=+81234567890', 'en', 'Did you mean +6281234567890 or +81234567890?'],
    ['to=%20812-3456-7890', 'en', 'Did you mean +6281234567890 or +81234567890?'],
    ['to=(415)%20555-2671', 'id', 'Maksud Anda +624155552671 atau +14155552671?'],
    ['to=0812x', 'id', 'Nomor telepon tidak boleh berisi huruf.'],
    ['to=186470215942314%40lid', 'en', 'A WhatsApp contact whose number is hidden.'],
    ['to=08', 'en', 'Keep typing the phone number.'],
  ])('%s is shown in %s as %s', async (query, lang, text) => {
    expect((await read(query, lang)).replace(/<[^>]*>/g, '').trim()).toBe(text);
  });

  it('says nothing of an empty field, and is asked for by the forms that take numbers', async () => {
    expect((await read('to=')).trim()).toBe('');
    for (const path of ['/dashboard/messages/new', '/dashboard/otp']) {
      const html = await (await t.visit(path, { as: tenant })).text();
      expect([path, html]).toEqual([path, expect.stringContaining('hx-get="/dashboard/number"')]);
    }
  });
});

describe('the channels', () => {
  it('of a workspace without a number lead only those to a new session who may add one', async () => {
    await t.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.id, accountId));
    const marketer = await makeMember(t.deps, tenant.id, 'marketer');
    const page = async (as: Tenant) => {
      const reply = await t.visit('/dashboard/messages/channels', { as });
      expect(reply.status).toBe(200);
      return (await reply.text()).match(/<main[\s\S]*<\/main>/)?.[0] ?? '';
    };
    expect(await page(tenant)).toContain('href="/dashboard/new-session"');
    const theirs = await page(marketer);
    expect(theirs).toContain('Link a WhatsApp number to see its channels.');
    expect(theirs).not.toContain('/dashboard/new-session');
  });
});
