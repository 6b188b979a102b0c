/** Chats, contacts, presence and calls of a session, on the emulated WhatsApp. */
import { and, eq, isNull } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { numberCheckJobs, rateLimits, waChatStates, whatsappAccounts } from '../../src/db/schema.ts';
import { dataUrl, mp4File, pngFile, sha256 } from '../helpers/files.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { ENGINE } from '../helpers/on-engine.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { type Receiver, startReceiver } from '../webhooks/fixture.ts';

const OWN = '628111000050';
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');

let emulator: Emulator;
let gateway: TestGateway;
/** Told of what it names, and of everything. */
let named: Receiver;
let all: Receiver;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { engine: ENGINE, allowPrivateUrls: true });
  await linkSession(gateway, emulator, 'main', OWN);
  [named, all] = [await startReceiver(), await startReceiver()];
  const events = ['presence.updated', 'call.received'];
  await gateway.call('POST', '/webhook', { url: named.url, events });
  await gateway.call('POST', '/webhook', { url: all.url, events: ['*'] });
});
afterAll(async () => {
  await named?.close();
  await all?.close();
  await gateway?.remove();
  await emulator?.stop();
});
beforeEach(async () => {
  await gateway.deps.db.delete(rateLimits);
});

let numbers = 0;
const newNumber = () => `6281500${String(++numbers).padStart(5, '0')}`;
const at = (path: string) => `/session/main${path}`;
const get = async (path: string) => (await gateway.call('GET', at(path))).body;
const post = (path: string, body?: object) => gateway.call('POST', at(path), body ?? {});

async function deliver(from: string, text: string, more: object = {}) {
  const { ids } = await emulator.deliver({ to: OWN, from, text, ...more });
  await until(async () => (await gateway.call('GET', `/message/${ids[0]}`)).status === 200);
  return ids[0] ?? '';
}

const told = (type: string, receiver: Receiver) => receiver.received.filter((event) => event.type === type);

describe('chats', () => {
  test('are listed by their newest message, each once, with names and unread counts', async () => {
    const people = Array.from({ length: 5 }, newNumber);
    for (const from of people) await deliver(from, `halo dari ${from}`, { pushName: `Nama ${from}` });
    const [first = ''] = people;
    await deliver(first, 'lagi, lewat lid', { via: 'lid' });
    const input = { session: 'main', to: people[1], text: 'jawaban' };
    const wait = { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' };
    expect((await gateway.call('POST', '/message/send-text', input, wait)).status).toBe(200);
    const chats = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await get(`/chats?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(2);
      chats.push(...page.data);
      cursor = page.nextCursor;
    }
    const order = [people[1], people[0], people[4], people[3], people[2]];
    expect(chats.map(({ number }) => number)).toEqual(order.map((phone) => `+${phone}`));
    expect(chats.map(({ unread }) => unread)).toEqual([1, 2, 1, 1, 1]);
    expect(chats[0]).toMatchObject({ name: `Nama ${people[1]}`, isGroup: false, last: { direction: 'out' } });
    const messages = await get(`/chats/${first}/messages?limit=1`);
    expect(messages.data).toMatchObject([{ content: { text: 'lagi, lewat lid' } }]);
    const rest = await get(`/chats/${first}/messages?limit=5&cursor=${messages.nextCursor}`);
    expect(rest).toMatchObject({ data: [{ content: { text: `halo dari ${first}` } }], nextCursor: null });
    expect((await gateway.call('GET', at('/chats?cursor=x'))).body.code).toBe('VALIDATION_FAILED');
  });

  test('a chat is marked read, and its sender hears of it', async () => {
    const from = newNumber();
    const id = await deliver(from, 'dibaca?');
    expect((await post(`/chats/${from}/read`)).body.data).toEqual({ marked: 1 });
    await until(() => emulator.inbound({ id })[0]?.readAt !== undefined);
    expect((await get('/chats?limit=1')).data[0]).toMatchObject({ number: `+${from}`, unread: 0 });
  });

  const chatOf = async (number: string) =>
    (await get('/chats?limit=100')).data.find((chat: { number: string }) => chat.number === `+${number}`);
  const stateOf = async (number: string) => (await chatOf(number))?.state;

  test('are archived, pinned, muted and marked on the phone', async () => {
    const from = newNumber();
    await deliver(from, 'arsip');
    const put = (body: object) => gateway.call('PUT', at(`/chats/${from}`), body);
    const change = { archived: true, pinned: true, mutedForSeconds: 3600, read: false };
    expect(await put(change)).toMatchObject({ status: 200 });
    const ofClient = async () => {
      const chats = await emulator.chats({ phone: OWN });
      return Object.entries(chats).find(([jid]) => jid.endsWith('@lid'))?.[1];
    };
    const kept = await ofClient();
    expect(kept).toMatchObject({ archived: true, pinned: true, read: false });
    expect(kept?.mutedUntil).toBeGreaterThan(Date.now() + 3_000_000);
    const mutedUntil = new Date(kept?.mutedUntil ?? 0).toISOString();
    const state = { archived: true, pinned: true, muted: true, mutedUntil, markedUnread: true };
    expect(await stateOf(from)).toEqual(state);
    const chat = `${from}@s.whatsapp.net`;
    const ofChat = () => told('chat.updated', all).filter(({ data }) => data.chat === chat);
    await until(() => ofChat().length === 4);
    expect(ofChat().at(-1)?.data).toMatchObject({ ...state, source: 'api', sessionId: 'main' });
    expect(ofChat().flatMap(({ data }) => data.changed)).toEqual([
      'archived',
      'pinned',
      'muted',
      'mutedUntil',
      'markedUnread',
    ]);
    // Its phone changes it meanwhile: the next change goes on from there.
    await emulator.setChat({ phone: OWN, chat: from, archived: false });
    expect((await put({ pinned: false, mutedForSeconds: 0 })).status).toBe(200);
    expect(await ofClient()).toMatchObject({ pinned: false, mutedUntil: 0 });
    expect(await stateOf(from)).toMatchObject({ pinned: false, muted: false, mutedUntil: null });
    await until(async () => (await stateOf(from)).archived === false);
    expect((await put({})).body.code).toBe('VALIDATION_FAILED');
  });

  test('what the phone changes of them is shown and told once, also what came while nobody kept it', async () => {
    const [from, other] = [newNumber(), newNumber()];
    await deliver(from, 'satu');
    await deliver(other, 'dua');
    const plain = { archived: false, pinned: false, muted: false, mutedUntil: null, markedUnread: false };
    expect(await stateOf(from)).toEqual(plain);
    const chat = `${from}@s.whatsapp.net`;
    const ofChat = (jid: string) => told('chat.updated', all).filter(({ data }) => data.chat === jid);
    await emulator.setChat({ phone: OWN, chat: from, archived: true });
    await until(() => ofChat(chat).length === 1);
    expect(ofChat(chat)[0]?.data).toMatchObject({ archived: true, changed: ['archived'], source: 'phone' });
    await emulator.setChat({ phone: OWN, chat: from, mutedUntil: Date.now() + 3_600_000, read: false });
    await until(async () => {
      const { muted, markedUnread } = await stateOf(from);
      return muted && markedUnread;
    });
    // As after a crash between what Baileys has kept and what was kept here.
    const { db } = gateway.deps;
    const lost = { archived: null, pinned: null, mutedUntil: null, markedUnread: null };
    await db.update(waChatStates).set(lost).where(eq(waChatStates.chat, chat));
    const stale = { chat: `${other}@s.whatsapp.net`, archived: true, changedAt: 1 };
    const [row] = await db.select().from(waChatStates).where(eq(waChatStates.chat, chat));
    await db.insert(waChatStates).values({ accountId: row?.accountId ?? '', ...stale });
    await db
      .update(whatsappAccounts)
      .set({ appStateVersions: { regular_high: 0, regular_low: 0, regular: 0 } });
    expect(await stateOf(from)).toMatchObject({ archived: false, muted: false });
    await emulator.fault({ kind: 'drop' });
    await until(async () => (await stateOf(from)).archived);
    expect(await stateOf(from)).toMatchObject({ archived: true, muted: true, markedUnread: true });
    expect(await stateOf(other)).toMatchObject({ archived: false });
    // And from then on as before.
    await emulator.setChat({ phone: OWN, chat: from, archived: false });
    await until(async () => !(await stateOf(from)).archived);
  });

  test('labels are made, put on chats and messages and taken off, here and on the phone', async () => {
    const from = newNumber();
    const id = await deliver(from, 'pesanan');
    const made = await post('/labels', { name: 'Pesanan baru', color: 2 });
    expect(made).toMatchObject({ status: 201, body: { data: { name: 'Pesanan baru', color: 2 } } });
    const { label } = made.body.data;
    expect((await post(`/chats/${from}/label`, { label })).status).toBe(200);
    expect((await gateway.call('POST', `/message/${id}/label`, { label })).status).toBe(200);
    const onPhone = (await emulator.labels({ phone: OWN }))[label];
    expect(onPhone).toMatchObject({ name: 'Pesanan baru', color: 2 });
    expect(onPhone?.on).toEqual([
      expect.stringMatching(/^\d+@lid$/),
      expect.stringMatching(new RegExp(`@lid ${id}$`)),
    ]);
    expect(await get('/labels')).toMatchObject({ data: [{ label, chats: 1, messages: 1 }] });
    expect((await chatOf(from)).labels).toEqual([{ label, name: 'Pesanan baru', color: 2 }]);
    const uses = await get(`/labels/${label}/uses`);
    expect(uses.data).toEqual([null, id].map((messageId) => expect.objectContaining({ messageId })));
    const first = await get(`/labels/${label}/uses?limit=1`);
    const second = await get(`/labels/${label}/uses?limit=1&cursor=${encodeURIComponent(first.nextCursor)}`);
    expect([...first.data, ...second.data]).toEqual(uses.data);
    // The phone changes some of it.
    await emulator.setLabel({ phone: OWN, label: '3', name: 'Lunas', color: 5 });
    await emulator.assignLabel({ phone: OWN, label: '3', chat: from });
    await until(async () => (await chatOf(from)).labels.length === 2);
    await until(() => told('label.assigned', all).some(({ data }) => data.label === '3'));
    expect(told('label.assigned', all).find(({ data }) => data.label === '3')?.data).toMatchObject({
      ...{ name: 'Lunas', chat: `${from}@s.whatsapp.net`, messageId: null, assigned: true, source: 'phone' },
    });
    expect((await post(`/chats/${from}/label`, { label: '3', assigned: false })).status).toBe(200);
    expect((await chatOf(from)).labels).toMatchObject([{ label }]);
    const change = await gateway.call('PUT', at(`/labels/${label}`), { name: 'Selesai' });
    expect(change.body.data).toEqual({ label, name: 'Selesai', color: 2 });
    expect((await gateway.call('DELETE', at(`/labels/${label}`))).status).toBe(200);
    expect(await get('/labels')).toMatchObject({ data: [{ label: '3', name: 'Lunas', chats: 0 }] });
    expect(Object.keys(await emulator.labels({ phone: OWN }))).toEqual(['3']);
    expect((await post(`/chats/${from}/label`, { label })).body.code).toBe('NOT_FOUND');
    await until(() => told('label.updated', all).length === 4);
    expect(told('label.updated', all).map(({ data }) => [data.name, data.source])).toEqual([
      ['Pesanan baru', 'api'],
      ['Lunas', 'phone'],
      ['Selesai', 'api'],
      ['Selesai', 'api'],
    ]);
  });
});

describe('people', () => {
  test('are listed with the names that they give themselves', async () => {
    const from = newNumber();
    await deliver(from, 'nama', { pushName: 'Siti' });
    await until(async () => {
      const { data } = await get('/contacts?limit=100');
      return data.some((one: { pushName: string | null }) => one.pushName === 'Siti');
    });
    const first = await get('/contacts?limit=1');
    const second = await get(`/contacts?limit=1&cursor=${encodeURIComponent(first.nextCursor)}`);
    expect(second.data[0].jid > first.data[0].jid).toBe(true);
  });

  test('tell about themselves, a business more', async () => {
    const [person, shop] = [newNumber(), newNumber()];
    emulator.setPerson({ phone: person, about: 'Sibuk' });
    emulator.setPerson({ phone: shop, business: { description: 'Toko', website: 'https://toko.example' } });
    expect((await get(`/contacts/${person}`)).data).toMatchObject({
      phone: `+${person}`,
      about: 'Sibuk',
      business: null,
      askedAt: expect.any(String),
    });
    // WhatsApp is not asked again for a while.
    emulator.setPerson({ phone: person, about: 'Libur' });
    expect((await get(`/contacts/${person}`)).data.about).toBe('Sibuk');
    expect((await get(`/contacts/${shop}`)).data).toMatchObject({
      about: null,
      business: { description: 'Toko', websites: ['https://toko.example'], email: null },
    });
  });

  test('have a picture, which is fetched once an hour', async () => {
    const [person, other] = [newNumber(), newNumber()];
    emulator.setPicture({ of: person, data: JPEG.toString('base64') });
    const { data } = await get(`/chats/${person}/picture`);
    const { pathname, search } = new URL(data.url);
    const file = await fetch(`${gateway.url}${pathname}${search}`);
    expect(Buffer.from(await file.arrayBuffer()).equals(JPEG)).toBe(true);
    emulator.setPicture({ of: person, data: null });
    expect((await get(`/chats/${person}/picture`)).data.id).toBe(data.id);
    expect((await get(`/chats/${other}/picture`)).data).toBeNull();
  });

  test('are blocked and unblocked', async () => {
    const person = newNumber();
    expect((await post(`/contacts/${person}/block`)).status).toBe(200);
    expect(emulator.blocked({ phone: OWN })).toEqual([person]);
    expect((await get('/blocked')).data).toMatchObject([{ phone: `+${person}` }]);
    expect((await post(`/contacts/${person}/unblock`)).status).toBe(200);
    expect((await get('/blocked')).data).toEqual([]);
    const group = await post('/contacts/120363012345678901@g.us/block');
    expect(group.body.code).toBe('VALIDATION_FAILED');
  });
});

describe('messages', () => {
  const show = async (id: string) => (await gateway.call('GET', `/message/${id}`)).body.data;
  const mark = (id: string, what: string, body: object = {}) =>
    gateway.call('POST', `/message/${id}/${what}`, body, { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' });

  test('are pinned for everybody in the chat, and told as such when others do it', async () => {
    const members = [newNumber(), newNumber()];
    const [first = '', second = ''] = members;
    const group = emulator.createGroup({ subject: 'Sematan', participants: [OWN, ...members] });
    const theirs = await deliver(first, 'penting', { group: group.id });
    const pinned = await mark(theirs, 'pin', { seconds: 86_400 });
    expect(pinned).toMatchObject({ status: 200, body: { data: { type: 'pin', targetId: theirs } } });
    const pin = pinned.body.data.messageId;
    for (const to of members) {
      await until(() => emulator.messages({ to, id: pin })[0]?.deliveredAt !== undefined);
      const received = emulator.messages({ to, id: pin })[0];
      expect(received).toMatchObject({ type: 'pin', targetId: theirs, pinned: true, pinnedSeconds: 86_400 });
    }
    const ended = (await mark(theirs, 'unpin')).body.data.messageId;
    await until(() => emulator.messages({ to: second, id: ended })[0]?.deliveredAt !== undefined);
    expect(emulator.messages({ to: second, id: ended })[0]).toMatchObject({ type: 'pin', pinned: false });
    const { ids } = await emulator.deliver({
      to: OWN,
      from: first,
      group: group.id,
      kind: 'pin',
      messageId: theirs,
    });
    await until(async () => (await gateway.call('GET', `/message/${ids[0]}`)).status === 200);
    const content = { type: 'pin', messageId: theirs, pinned: true, seconds: 604_800 };
    expect((await show(ids[0] ?? '')).content).toEqual(content);
    const isTold = () => told('message.received', all).filter(({ data }) => data.messageId === ids[0]);
    await until(() => isTold().length > 0);
    expect(isTold()).toHaveLength(1);
    expect((await mark(theirs, 'pin', { seconds: 5 })).body.code).toBe('VALIDATION_FAILED');
    expect((await mark(pin, 'pin')).body.code).toBe('CONFLICT');
  });

  test('are starred on the phone, and not any more', async () => {
    const id = await deliver(newNumber(), 'bagus');
    expect((await mark(id, 'star')).status).toBe(200);
    expect(await emulator.stars({ phone: OWN })).toEqual([expect.stringMatching(new RegExp(`@lid ${id}$`))]);
    expect((await mark(id, 'unstar')).status).toBe(200);
    expect(await emulator.stars({ phone: OWN })).toEqual([]);
    expect((await mark('none', 'star')).body.code).toBe('NOT_FOUND');
  });

  test('tell who has pinned or starred them, on the phone or in the chat', async () => {
    const members = [newNumber(), newNumber()];
    const [writer = '', other = ''] = members;
    const group = emulator.createGroup({ subject: 'Tanda', participants: [OWN, ...members] });
    const ofGroup = { group: group.id };
    const theirs = await deliver(writer, 'penting', ofGroup);
    const ours = (
      await gateway.call(
        'POST',
        '/message/send-text',
        { session: 'main', to: group.id, text: 'juga' },
        { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' },
      )
    ).body.data.messageId;
    const marksOf = (id: string, type: string) =>
      told(type, all)
        .filter(({ data }) => data.messageId === id)
        .map(({ data }) => data);
    const pinned = async (id: string) => (await show(id)).pinnedUntil !== null;

    await emulator.deliver({ to: OWN, from: other, ...ofGroup, kind: 'pin', messageId: theirs });
    await emulator.deliver({
      to: OWN,
      from: writer,
      ...ofGroup,
      kind: 'pin',
      messageId: ours,
      seconds: 86_400,
    });
    await until(async () => (await pinned(theirs)) && (await pinned(ours)));
    expect(Date.parse((await show(ours)).pinnedUntil)).toBeLessThan(Date.now() + 86_400_000);
    await emulator.sendFromPhone({ phone: OWN, ...ofGroup, kind: 'pin', messageId: theirs, seconds: 0 });
    await until(async () => !(await pinned(theirs)));
    // Pinned by us: when WhatsApp has taken it.
    expect((await mark(theirs, 'pin', { seconds: 86_400 })).status).toBe(200);
    expect(await pinned(theirs)).toBe(true);
    await until(
      () => marksOf(theirs, 'message.pinned').length === 3 && marksOf(ours, 'message.pinned').length === 1,
    );
    const by = (phone: string) => ({ jid: `${phone}@s.whatsapp.net`, phone: `+${phone}` });
    expect(marksOf(theirs, 'message.pinned')).toMatchObject([
      { pinned: true, by: by(other), direction: 'in', status: 'received', content: { text: 'penting' } },
      { pinned: false, until: null, by: null },
      { pinned: true, by: null },
    ]);
    expect(marksOf(ours, 'message.pinned')).toMatchObject([
      {
        pinned: true,
        by: by(writer),
        direction: 'out',
        chat: group.id,
        status: expect.stringMatching(/sent|delivered|read/),
      },
    ]);

    const starOf = (id: string, fromMe: boolean, starred = true) =>
      emulator.setStar({ phone: OWN, chat: group.id, id, fromMe, starred });
    await starOf(theirs, false);
    await starOf(ours, true);
    const alone = await deliver(newNumber(), 'sendiri');
    const from = (await show(alone)).from.slice(1);
    await emulator.setStar({ phone: OWN, chat: from, id: alone });
    const starred = async (id: string) => (await show(id)).starredAt !== null;
    await until(async () => (await starred(theirs)) && (await starred(ours)) && (await starred(alone)));
    await starOf(theirs, false, false);
    await until(async () => !(await starred(theirs)));
    // By us it is told as well, and once.
    expect((await mark(theirs, 'star')).status).toBe(200);
    expect(await starred(theirs)).toBe(true);
    await until(
      () => marksOf(theirs, 'message.starred').length === 3 && marksOf(alone, 'message.starred').length === 1,
    );
    expect(marksOf(theirs, 'message.starred').map((data) => data.starred)).toEqual([true, false, true]);
    expect(marksOf(ours, 'message.starred')).toMatchObject([{ starred: true, direction: 'out' }]);
  });

  test('of the phone that open late are what the owner has made of them since', async () => {
    const to = newNumber();
    const first = async (text: string) => {
      await emulator.fault({ kind: 'refuse', seconds: 60 });
      const id = await emulator.sendFromPhone({ phone: OWN, to, text, garbled: true });
      return id.id;
    };
    const [edited, deleted] = [await first('mula-mula'), await first('salah')];
    const about = { phone: OWN, to };
    await emulator.sendFromPhone({ ...about, kind: 'edit', messageId: edited, text: 'kemudian' });
    await emulator.sendFromPhone({ ...about, kind: 'revoke', messageId: deleted });
    await emulator.fault({ kind: 'clear' });
    const known = async (id: string) => (await gateway.call('GET', `/message/${id}`)).status === 200;
    await until(async () => (await known(edited)) && (await known(deleted)), 20_000);
    expect(await show(edited)).toMatchObject({
      source: 'phone',
      content: { text: 'kemudian' },
      original: { text: 'mula-mula' },
    });
    expect((await show(deleted)).revokedAt).not.toBeNull();
    const of = (id: string, type: string) => told(type, all).filter(({ data }) => data.messageId === id);
    await until(
      () => of(edited, 'message.edited').length === 1 && of(deleted, 'message.revoked').length === 1,
    );
    expect(of(edited, 'message.sent')).toHaveLength(1);
    expect(of(edited, 'message.edited')[0]?.data).toMatchObject({ direction: 'out', source: 'phone' });
  });

  test('a live location that comes in is a place, and says that it is live', async () => {
    const place = { latitude: -6.1754, longitude: 106.8272 };
    const { ids } = await emulator.deliver({
      to: OWN,
      from: newNumber(),
      kind: 'live_location',
      ...place,
      caption: 'di sini',
    });
    await until(async () => (await gateway.call('GET', `/message/${ids[0]}`)).status === 200);
    const content = { type: 'location', ...place, name: 'di sini', live: true };
    expect((await show(ids[0] ?? '')).content).toEqual(content);
    await until(() => told('message.received', all).some(({ data }) => data.messageId === ids[0]));
    expect(told('message.received', all).filter(({ data }) => data.messageId === ids[0])).toMatchObject([
      { data: { content } },
    ]);
  });
});

describe('events', () => {
  const wait = { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' };

  async function sendEvent(to: string): Promise<string> {
    const startsAt = new Date(Date.now() + 86_400_000).toISOString();
    const input = { session: 'main', to, name: 'Kumpul', startsAt };
    const { status, body } = await gateway.call('POST', '/message/send-event', input, wait);
    expect(status).toBe(200);
    return body.data.messageId;
  }
  const results = async (id: string) => (await gateway.call('GET', `/message/${id}/event`)).body.data;
  const answer = (
    from: string,
    messageId: string,
    response: 'going' | 'maybe' | 'not_going',
    more: object = {},
  ) => emulator.deliver({ to: OWN, from, kind: 'event_response', messageId, response, ...more });

  test('answers are summed up, the newest of each person counts, and webhooks are told', async () => {
    const members = [newNumber(), newNumber(), newNumber()];
    const [first = '', second = '', third = ''] = members;
    const group = emulator.createGroup({ subject: 'Acara', participants: [OWN, ...members] });
    const ofGroup = { group: group.id };
    const id = await sendEvent(group.id);
    await until(() => members.every((to) => emulator.messages({ to, id })[0]?.deliveredAt !== undefined));
    expect(await results(id)).toMatchObject({ name: 'Kumpul', responses: [] });
    await answer(first, id, 'going', ofGroup);
    await answer(second, id, 'going', { ...ofGroup, guests: 2 });
    const { ids } = await answer(third, id, 'maybe', ofGroup);
    await answer(first, id, 'not_going', ofGroup);
    await emulator.sendFromPhone({
      phone: OWN,
      ...ofGroup,
      kind: 'event_response',
      messageId: id,
      response: 'going',
    });
    await until(() => told('event.updated', all).length === 5);
    const totals = { going: 2, maybe: 1, notGoing: 1, guests: 2 };
    const data = await results(id);
    expect(data).toMatchObject({ messageId: id, chat: group.id, totals });
    expect(data.responses).toHaveLength(4);
    const ofPerson = (phone: string | null) =>
      data.responses.find((one: { phone: string | null }) => one.phone === phone);
    expect(ofPerson(`+${first}`)).toMatchObject({ response: 'not_going', guests: 0 });
    expect(ofPerson(`+${second}`)).toMatchObject({ response: 'going', guests: 2 });
    expect(ofPerson(null)).toMatchObject({ jid: null, response: 'going' });
    expect(told('event.updated', all).at(-1)?.data).toMatchObject({
      ...{
        messageId: id,
        chat: group.id,
        person: null,
        response: 'going',
        guests: 0,
        totals,
        sessionId: 'main',
      },
    });
    const message = (await gateway.call('GET', `/message/${ids[0]}`)).body.data;
    const content = { type: 'event_response', messageId: id, response: 'maybe', guests: 0 };
    expect(message).toMatchObject({ type: 'event_response', content });
  });

  test('a person answers once by number and by LID, and whoever was not asked does not count', async () => {
    const person = newNumber();
    const id = await sendEvent(person);
    await until(() => emulator.messages({ to: person, id })[0]?.deliveredAt !== undefined);
    await answer(person, id, 'maybe', { via: 'lid' });
    await answer(person, id, 'going', { via: 'pn' });
    await until(async () => (await results(id)).responses[0]?.response === 'going');
    const { ids } = await answer(newNumber(), id, 'going');
    await until(async () => (await gateway.call('GET', `/message/${ids[0]}`)).status === 200);
    expect(await results(id)).toMatchObject({
      totals: { going: 1, maybe: 0, notGoing: 0, guests: 0 },
      responses: [{ phone: `+${person}` }],
    });
    expect((await gateway.call('GET', `/message/${ids[0]}/event`)).body.code).toBe('NOT_FOUND');
    const text = await gateway.call('POST', '/message/send-text', { session: 'main', to: person, text: 'x' });
    const none = await gateway.call('GET', `/message/${text.body.data.messageId}/event`);
    expect(none).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  });
});

describe('polls', () => {
  const options = ['Pagi', 'Siang', 'Malam'];
  const wait = { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' };

  async function sendPoll(to: string): Promise<string> {
    const input = { session: 'main', to, question: 'Kapan?', options, multiple: true };
    const { status, body } = await gateway.call('POST', '/message/send-poll', input, wait);
    expect(status).toBe(200);
    return body.data.messageId;
  }
  const results = async (id: string) => (await gateway.call('GET', `/message/${id}/poll`)).body.data;
  const vote = (from: string, messageId: string, chosen: string[], more: object = {}) =>
    emulator.deliver({ to: OWN, from, kind: 'poll_vote', messageId, options: chosen, ...more });

  test('votes are summed up, the newest of each person counts, and webhooks are told', async () => {
    const members = [newNumber(), newNumber(), newNumber()];
    const [first = '', second = '', third = ''] = members;
    const group = emulator.createGroup({ subject: 'Kapan', participants: [OWN, ...members] });
    const id = await sendPoll(group.id);
    const ofGroup = { group: group.id };
    await until(() => members.every((to) => emulator.messages({ to, id })[0]?.deliveredAt !== undefined));
    expect(await results(id)).toMatchObject({ question: 'Kapan?', voters: 0, votes: [] });
    await vote(first, id, ['Pagi'], ofGroup);
    await vote(second, id, ['Pagi', 'Malam'], ofGroup);
    await vote(third, id, ['Siang'], ofGroup);
    await vote(first, id, ['Malam'], ofGroup);
    await vote(third, id, [], ofGroup);
    await emulator.sendFromPhone({
      phone: OWN,
      ...ofGroup,
      kind: 'poll_vote',
      messageId: id,
      options: ['Siang'],
    });
    await until(() => told('poll.updated', all).length === 6);
    const counted = { voters: 3, options: options.map((text, n) => ({ text, votes: [1, 1, 2][n] })) };
    const data = await results(id);
    expect(data).toMatchObject({ messageId: id, chat: group.id, multiple: true, ...counted });
    const ofPerson = (phone: string | null) =>
      data.votes.find((one: { phone: string | null }) => one.phone === phone)?.options;
    expect(data.votes).toHaveLength(4);
    expect(ofPerson(`+${first}`)).toEqual(['Malam']);
    expect(ofPerson(`+${second}`)).toEqual(['Pagi', 'Malam']);
    expect(ofPerson(`+${third}`)).toEqual([]);
    expect(ofPerson(null)).toEqual(['Siang']);
    expect(told('poll.updated', all).at(-1)?.data).toMatchObject({
      ...{ messageId: id, chat: group.id, voter: null, chosen: ['Siang'], sessionId: 'main' },
      ...counted,
    });
  });

  test('a person counts once by number and by LID, and a message that is no poll has no results', async () => {
    const person = newNumber();
    const id = await sendPoll(person);
    await until(() => emulator.messages({ to: person, id })[0]?.deliveredAt !== undefined);
    await vote(person, id, ['Pagi'], { via: 'lid' });
    await vote(person, id, ['Siang'], { via: 'pn' });
    await until(async () => (await results(id)).votes[0]?.options[0] === 'Siang');
    expect(await results(id)).toMatchObject({ voters: 1, votes: [{ phone: `+${person}` }] });
    // Whoever was not asked does not count.
    const other = await vote(newNumber(), id, ['Malam']);
    await until(async () => (await gateway.call('GET', `/message/${other.ids[0]}`)).status === 200);
    expect(await results(id)).toMatchObject({ voters: 1 });
    const none = await gateway.call('GET', `/message/${other.ids[0]}/poll`);
    expect(none).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });
});

test('many numbers are looked up as a job, which tells who is on WhatsApp', async () => {
  const numbers = Array.from({ length: 60 }, newNumber);
  const absent = numbers[55] ?? '';
  emulator.setRule({ number: absent, behaviour: 'not_on_whatsapp' });
  const { body } = await gateway.call('POST', '/contacts/check', { session: 'main', numbers });
  const path = `/contacts/check/${body.data.id}`;
  // The second question comes some seconds after the first: here it is due at once.
  await until(async () => {
    const db = gateway.deps.db;
    await db
      .update(numberCheckJobs)
      .set({ dueAt: 1 })
      .where(and(isNull(numberCheckJobs.claimedBy), eq(numberCheckJobs.status, 'running')));
    return (await gateway.call('GET', path)).body.data.status !== 'running';
  });
  expect((await gateway.call('GET', path)).body.data).toMatchObject({ registered: 59, notRegistered: 1 });
  const found = (await gateway.call('GET', `${path}/numbers?limit=200`)).body.data;
  const notThere = found.filter(({ state }: { state: string }) => state === 'not_registered');
  expect(notThere).toMatchObject([{ position: 56, phone: `+${absent}` }]);
});

describe('presence', () => {
  test('typing and being online are shown', async () => {
    const person = newNumber();
    for (const state of ['typing', 'recording', 'paused']) {
      expect((await post(`/chats/${person}/typing`, { state })).status).toBe(200);
    }
    const shown = () =>
      emulator.activity({ phone: OWN, kind: 'chatstate' }).filter(({ to }) => to === person);
    await until(() => shown().length === 3);
    expect(shown().map(({ type }) => type)).toEqual(['composing', 'recording', 'paused']);
    expect((await gateway.call('PUT', at('/presence'), { online: true })).status).toBe(200);
    await until(() => emulator.activity({ phone: OWN, kind: 'presence' }).at(-1)?.type === 'available');
  });

  test('a number whose name the phone has not told cannot be shown as online', async () => {
    const { body } = await gateway.call('POST', '/session/create', { sessionId: 'nameless' });
    await emulator.scan({ qr: body.data.qr, phone: '628111000059', name: '' });
    await until(async () => {
      const status = await gateway.call('GET', '/session/status?session=nameless');
      return status.body.data.status === 'connected';
    });
    expect(await gateway.call('PUT', '/session/nameless/presence', { online: true })).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE', details: { reason: 'no_name' } },
    });
  });

  test('others are told of as events, for whom it was asked only', async () => {
    const [watched, other] = [newNumber(), newNumber()];
    expect(emulator.showPresence({ from: watched, presence: 'available' })).toEqual({ told: 0 });
    expect((await post('/presence/subscribe', { contact: watched })).status).toBe(200);
    await until(() => emulator.showPresence({ from: watched, presence: 'composing' }).told === 1);
    emulator.showPresence({ from: other, presence: 'composing' });
    emulator.showPresence({ from: watched, presence: 'unavailable', lastSeen: 1_767_225_600 });
    const events = () => told('presence.updated', named).map(({ data }) => data);
    await until(() => events().some(({ state }) => state === 'offline'));
    expect(events().map(({ state }) => state)).toEqual(['typing', 'offline']);
    expect(events()[0]).toMatchObject({ from: { phone: `+${watched}` } });
    expect(events()[1]).toMatchObject({ lastSeen: '2026-01-01T00:00:00.000Z' });
    expect(told('presence.updated', all)).toEqual([]);
  });

  test('a call is told once, and rejected', async () => {
    const caller = newNumber();
    const { id, rang } = emulator.call({ to: OWN, from: caller, video: true });
    expect(rang).toBe(1);
    await until(() => told('call.received', named).length > 0 && told('call.received', all).length > 0);
    expect(told('call.received', named)).toMatchObject([
      { data: { callId: id, from: { phone: `+${caller}` }, video: true, missed: false, sessionId: 'main' } },
    ]);
    expect((await post(`/calls/${id}/reject`)).status).toBe(200);
    expect(emulator.activity({ phone: OWN, kind: 'call' })).toMatchObject([
      { type: 'reject', to: caller, ids: [id] },
    ]);
    expect((await post('/calls/none/reject')).body.code).toBe('NOT_FOUND');
  });
});

describe('channels', () => {
  const WAIT = { 'x-api-key': ADMIN_KEY, prefer: 'wait=20' };
  const send = (kind: string, fields: object, headers?: Record<string, string>) =>
    gateway.call('POST', `/message/send-${kind}`, { session: 'main', ...fields }, headers);
  const show = async (id: string) => (await gateway.call('GET', `/message/${id}`)).body.data;

  test('are listed, and an own one takes a text, an image and a video', async () => {
    const other = newNumber();
    const about = { name: 'Kabar Toko', description: 'Yang baru', owner: OWN, followers: [other] };
    const made = emulator.createChannel(about);
    const followed = emulator.createChannel({
      name: 'Berita',
      owner: other,
      followers: [OWN],
      verified: true,
    });
    emulator.createChannel({ name: 'Asing', owner: other });
    expect((await get('/channels')).data).toEqual([
      {
        ...{ id: followed.id, name: 'Berita', description: null, role: 'subscriber', canPost: false },
        ...{ followers: 2, verified: true, link: `https://whatsapp.com/channel/${followed.invite}` },
      },
      {
        ...{ id: made.id, name: 'Kabar Toko', description: 'Yang baru', role: 'owner', canPost: true },
        ...{ followers: 2, verified: false, link: `https://whatsapp.com/channel/${made.invite}` },
      },
    ]);
    const [picture, film] = [pngFile(), mp4File(20_000)];
    const posts = [
      ['text', { text: 'Buka sampai 21:00' }, { type: 'text', text: 'Buka sampai 21:00' }],
      [
        'image',
        { image: dataUrl('image/png', picture), caption: 'baru' },
        { type: 'image', caption: 'baru', fileSha256: sha256(picture), fileSize: picture.length },
      ],
      ['video', { video: dataUrl('video/mp4', film) }, { type: 'video', fileSha256: sha256(film) }],
    ] as const;
    for (const [kind, fields, shown] of posts) {
      const { status, body } = await send(kind, { to: made.id, ...fields }, WAIT);
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { data: { to: made.id, status: 'sent' } },
      });
      const id = body.data.messageId;
      await until(() => emulator.messages({ id }).length === 1);
      const [arrived] = emulator.messages({ id });
      expect(arrived).toMatchObject({ ...shown, from: OWN, group: made.id, copies: 1 });
      expect(arrived?.mediaError).toBeUndefined();
      expect(await show(id)).toMatchObject({ direction: 'out', to: made.id, chat: made.id, status: 'sent' });
    }
    const numbers: string[] = (await get('/chats')).data.map(({ number }: { number: string }) => number);
    expect(numbers).not.toContain(made.id);
  });

  test('of others take no post, and none takes what phones do not show there', async () => {
    const other = newNumber();
    const admin = emulator.createChannel({ name: 'Bersama', owner: other, admins: [OWN] });
    const followed = emulator.createChannel({ name: 'Bukan milik', owner: other, followers: [OWN] });
    const post = async (to: string, fields: object = { text: 'halo' }, kind = 'text') => {
      const { status, body } = await send(kind, { to, ...fields });
      return { status, code: body.code, details: body.details };
    };
    const refused = { status: 409, code: 'CONFLICT', details: { role: 'subscriber' } };
    expect(await post(followed.id)).toMatchObject(refused);
    expect(await post('120363400000000001@newsletter')).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await post('12@newsletter')).toMatchObject({ status: 400, code: 'INVALID_NUMBER' });
    const poll = { question: 'Hari?', options: ['Senin', 'Selasa'] };
    expect(await post(admin.id, poll, 'poll')).toMatchObject({
      status: 400,
      details: { to: expect.any(String) },
    });
    expect(await post(admin.id, { text: 'ya', quotedMessageId: '3EB0' })).toMatchObject({ status: 400 });
    expect(await post(admin.id, { text: 'ya', mentions: [other] })).toMatchObject({ status: 400 });
    expect(emulator.messages({ group: followed.id })).toEqual([]);
    const sent = await send('text', { to: admin.id, text: 'dari admin' }, WAIT);
    expect(sent).toMatchObject({ status: 200 });
    const { messageId } = sent.body.data;
    for (const [what, body] of [
      ['edit', { text: 'lain' }],
      ['revoke', {}],
      ['pin', {}],
    ] as const) {
      expect((await gateway.call('POST', `/message/${messageId}/${what}`, body)).body.code).toBe('CONFLICT');
    }
  });

  test('are listed by the thousand, and are nothing to others', async () => {
    const made = Array.from({ length: 1_000 }, (_, n) =>
      emulator.createChannel({ name: `Saluran ${n}`, owner: newNumber(), followers: [OWN] }),
    );
    const { data } = await get('/channels');
    expect(data.length).toBeGreaterThanOrEqual(1_000);
    for (const { id } of made) emulator.removeChannel({ id });
    expect((await gateway.call('GET', '/session/none/channels')).body.code).toBe('SESSION_NOT_FOUND');
  });

  test('that are gone when the post comes to its turn are told as the reason', async () => {
    const channel = emulator.createChannel({ name: 'Sebentar', owner: OWN });
    await gateway.call('POST', '/message/pause-queue', { session: 'main' });
    const { body } = await send('text', { to: channel.id, text: 'terlambat' });
    emulator.removeChannel({ id: channel.id });
    await gateway.call('POST', '/message/resume-queue', { session: 'main' });
    await until(async () => (await show(body.data.messageId)).status === 'failed');
    expect(await show(body.data.messageId)).toMatchObject({ errorCode: 'CHANNEL_GONE' });
    expect(emulator.messages({ group: channel.id })).toEqual([]);
  });
});

describe('a session', () => {
  const change = (body: object) => gateway.call('PUT', '/session/main', body);

  test('rejects calls and marks what comes in as read by itself', async () => {
    const [caller, writer] = [newNumber(), newNumber()];
    const before = await deliver(writer, 'sebelumnya');
    const set = { autoRead: true, rejectCalls: true, callText: 'Silakan tulis pesan.' };
    expect(await change(set)).toMatchObject({ status: 200, body: { data: set } });
    const [one, two] = [await deliver(writer, 'satu'), await deliver(writer, 'dua', { via: 'lid' })];
    await until(() => [one, two].every((id) => emulator.inbound({ id })[0]?.readAt !== undefined));
    await until(async () => (await gateway.call('GET', `/message/${two}`)).body.data.readAt !== null);
    expect(emulator.inbound({ id: before })[0]?.readAt).toBeUndefined();
    const calls = () => emulator.activity({ phone: OWN, kind: 'call' }).filter(({ to }) => to === caller);
    emulator.call({ to: OWN, from: caller });
    await until(() => calls().length === 1 && emulator.messages({ to: caller }).length === 1);
    expect(calls()[0]?.type).toBe('reject');
    expect(emulator.messages({ to: caller })[0]).toMatchObject({ type: 'text', text: set.callText });
    emulator.call({ to: OWN, from: caller });
    await until(() => calls().length === 2);
    const off = { autoRead: false, rejectCalls: false, callText: null };
    expect(await change(off)).toMatchObject({ status: 200, body: { data: off } });
    const { id } = emulator.call({ to: OWN, from: caller });
    await until(() => told('call.received', all).some(({ data }) => data.callId === id));
    const after = await deliver(writer, 'sesudahnya');
    // What is asked for now comes behind all that it might have done by itself.
    await deliver(newNumber(), 'lain');
    expect(calls()).toHaveLength(2);
    expect(emulator.messages({ to: caller })).toHaveLength(1);
    expect(emulator.inbound({ id: after })[0]?.readAt).toBeUndefined();
    expect((await change({ callText: '' })).body.code).toBe('VALIDATION_FAILED');
  });

  test('keeps the status posts of others when it is asked to', async () => {
    const poster = newNumber();
    const post = async (fields: object) => {
      const { ids } = await emulator.deliver({
        ...{ to: OWN, from: poster, group: 'status@broadcast' },
        ...fields,
      });
      return ids[0] ?? '';
    };
    const dropped = await post({ text: 'sebelumnya' });
    await until(() => emulator.inbound({ id: dropped })[0]?.confirmedAt !== undefined);
    const on = { receiveStatus: true, autoRead: true };
    expect(await change(on)).toMatchObject({ status: 200, body: { data: on } });
    const kept = await post({ text: 'sesudahnya', pushName: 'Pemilik' });
    const photo = await post({ kind: 'image', data: JPEG.toString('base64'), caption: 'foto' });
    await until(async () => (await gateway.call('GET', `/message/${photo}`)).status === 200);
    expect((await gateway.call('GET', `/message/${dropped}`)).status).toBe(404);
    const { data } = (await gateway.call('GET', `/message/${kept}`)).body;
    expect(data).toMatchObject({
      ...{ direction: 'in', chat: 'status@broadcast', from: `${poster}@s.whatsapp.net`, type: 'text' },
      content: { text: 'sesudahnya' },
    });
    await until(() => told('message.received', all).some((event) => event.data.messageId === kept));
    // What is marked as read behind it tells that it would have been, too.
    const plain = await deliver(poster, 'biasa');
    await until(() => emulator.inbound({ id: plain })[0]?.readAt !== undefined);
    expect(emulator.inbound({ id: kept })[0]?.readAt).toBeUndefined();
    const numbers: string[] = (await get('/chats')).data.map(({ number }: { number: string }) => number);
    expect(numbers).not.toContain('status@broadcast');
    expect(await change({ receiveStatus: false, autoRead: false })).toMatchObject({ status: 200 });
    const after = await post({ text: 'tidak lagi' });
    await until(() => emulator.inbound({ id: after })[0]?.confirmedAt !== undefined);
    expect((await gateway.call('GET', `/message/${after}`)).status).toBe(404);
  });

  test('keeps the posts of channels when it is asked to', async () => {
    const owner = newNumber();
    const { id: group } = emulator.createChannel({ name: 'Kabar', owner, followers: [OWN] });
    const post = async (fields: object) =>
      (await emulator.deliver({ to: OWN, from: owner, group, ...fields })).ids[0] ?? '';
    const isConfirmed = (id: string) => until(() => emulator.inbound({ id })[0]?.confirmedAt !== undefined);
    const show = async (id: string) => gateway.call('GET', `/message/${id}`);
    const dropped = await post({ text: 'sebelumnya' });
    await isConfirmed(dropped);
    const on = { receiveChannels: true, autoRead: true };
    expect(await change(on)).toMatchObject({ status: 200, body: { data: { ...on, receiveStatus: false } } });
    const kept = await post({ text: 'sesudahnya' });
    const photo = await post({ kind: 'image', data: JPEG.toString('base64'), caption: 'foto' });
    const own = await post({ text: 'dari ponsel sendiri', attributes: { is_sender: 'true' } });
    for (const id of [kept, photo, own]) await isConfirmed(id);
    expect((await show(dropped)).status).toBe(404);
    expect((await show(own)).body.data).toMatchObject({ direction: 'out', source: 'phone', to: group });
    expect((await show(kept)).body.data).toMatchObject({
      ...{ direction: 'in', chat: group, from: group, type: 'text' },
      content: { text: 'sesudahnya' },
    });
    const fileOf = async () => (await show(photo)).body.data.content.media;
    await until(async () => (await fileOf()).state === 'stored');
    expect(await fileOf()).toMatchObject({ sha256: sha256(JPEG) });
    await until(() => told('message.received', all).some((event) => event.data.messageId === photo));
    const ofChannel = told('message.received', all).filter(({ data }) => data.chat === group);
    expect(ofChannel.map(({ data }) => data.messageId)).toEqual([kept, photo]);
    const edited = await post({ kind: 'edit', messageId: kept, text: 'diubah' });
    await isConfirmed(edited);
    expect((await show(kept)).body.data).toMatchObject({ content: { text: 'diubah' } });
    expect((await gateway.call('POST', `/message/${kept}/read`)).body.code).toBe('CONFLICT');
    const plain = await deliver(owner, 'biasa');
    await until(() => emulator.inbound({ id: plain })[0]?.readAt !== undefined);
    const numbers: string[] = (await get('/chats')).data.map(({ number }: { number: string }) => number);
    expect(numbers).not.toContain(group);
    expect(await change({ receiveChannels: false, autoRead: false })).toMatchObject({ status: 200 });
    const after = await post({ text: 'tidak lagi' });
    await isConfirmed(after);
    expect((await show(after)).status).toBe(404);
  });

  test('keeps what its owner posts from the phone, whatever it does with posts of others', async () => {
    const viewer = newNumber();
    const { id: channel } = emulator.createChannel({ name: 'Toko', owner: OWN, followers: [viewer] });
    const data = JPEG.toString('base64');
    const photo = { kind: 'image', data, caption: 'etalase' } as const;
    const own = async (group: string, fields: object) =>
      (await emulator.sendFromPhone({ phone: OWN, group, ...fields })).id;
    const show = async (id: string) => (await gateway.call('GET', `/message/${id}`)).body.data;
    for (const [group, to] of [
      ['status@broadcast', { to: viewer }],
      ['1700000001@broadcast', { to: viewer }],
      [channel, {}],
    ] as const) {
      const words = await own(group, { text: 'buka', ...to });
      const shop = await own(group, { ...photo, ...to });
      await own(group, { kind: 'edit', messageId: words, text: 'tutup', ...to });
      await own(group, { kind: 'revoke', messageId: shop, ...to });
      await until(async () => (await show(words))?.editedAt != null && (await show(shop))?.revokedAt != null);
      const shown = { direction: 'out', source: 'phone', chat: group, to: group };
      expect(await show(words)).toMatchObject({ ...shown, content: { text: 'tutup' } });
      await until(async () => (await show(shop)).content.media.state === 'stored');
      expect(await show(shop)).toMatchObject({
        ...shown,
        content: { caption: 'etalase', media: { sha256: sha256(JPEG) } },
      });
      const tellings = () => told('message.sent', all).filter((event) => event.data.to === group);
      const phones = () => tellings().filter(({ data: { source } }) => source === 'phone');
      await until(() => phones().length === 2);
      expect(
        phones().map((event) => [event.data.messageId, Reflect.get(Object(event.data.content), 'type')]),
      ).toEqual([
        [words, 'text'],
        [shop, 'image'],
      ]);
      expect(emulator.messages({ id: words })).toMatchObject([{ byPhone: true, text: 'buka' }]);
      if ('to' in to) await until(async () => (await show(words)).status === 'read');
    }
    const ofList = (await gateway.call('GET', '/message/list?to=1700000001%40broadcast')).body.data;
    expect(ofList.filter(({ type }: { type: string }) => type === 'text')).toHaveLength(1);
    const numbers: string[] = (await get('/chats')).data.map(({ number }: { number: string }) => number);
    for (const place of ['status@broadcast', '1700000001@broadcast', channel])
      expect(numbers).not.toContain(place);
  });

  test('that was away marks what came meanwhile when it is back', async () => {
    await change({ autoRead: true });
    const writer = newNumber();
    await emulator.fault({ kind: 'refuse', seconds: 60 });
    const { ids } = await emulator.deliver({ to: OWN, from: writer, text: 'sementara' });
    await emulator.fault({ kind: 'clear' });
    await until(() => emulator.inbound({ id: ids[0] ?? '' })[0]?.readAt !== undefined);
    await change({ autoRead: false });
  });
});
