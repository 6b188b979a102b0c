/** What members and admins do with groups, on the emulated WhatsApp, and what webhooks hear of it. */
import { and, asc, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { activityLogs, firstContacts, rateLimits, waContacts } from '../../src/db/schema.ts';
import { dataUrl, pngFile } from '../helpers/files.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { ENGINE } from '../helpers/on-engine.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { type Receiver, startReceiver } from '../webhooks/fixture.ts';

const OWN = '628111000040';
const JPEG = Buffer.concat([
  Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'),
  Buffer.from('ffd9', 'hex'),
]);

let emulator: Emulator;
let gateway: TestGateway;
let receiver: Receiver;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { engine: ENGINE, allowPrivateUrls: true });
  await linkSession(gateway, emulator, 'main', OWN);
  receiver = await startReceiver();
  const events = ['group.updated', 'group.members', 'group.requests'];
  expect((await gateway.call('POST', '/webhook', { url: receiver.url, events })).status).toBe(201);
});
afterAll(async () => {
  await receiver?.close();
  await gateway?.remove();
  await emulator?.stop();
});
beforeEach(async () => {
  await gateway.deps.db.delete(rateLimits);
});

let numbers = 0;
const newNumber = () => `6281400${String(++numbers).padStart(5, '0')}`;
const e164 = (phone: string) => `+${phone}`;
const at = (id: string, rest = '') => `/session/main/groups/${id}${rest}`;
const stored = (id: string) => emulator.groups().find((group) => group.id === id);

/** A group of the emulator with the session in it; its creator is its admin. */
function groupOf(people: readonly string[], creator = OWN) {
  return emulator.createGroup({ subject: 'Keluarga', participants: [OWN, ...people], creator });
}

/** What the webhook hears of a group, each once. */
async function told(group: string, type: string, count = 1) {
  const of = () => receiver.received.filter((event) => event.type === type && event.data.group === group);
  await until(async () => of().length >= count);
  expect(of()).toHaveLength(count);
  return of().map(({ data }) => data);
}

describe('as an admin', () => {
  test('a group is made, with those who could be added, and shown', async () => {
    const [willing, shy, nobody] = [newNumber(), newNumber(), newNumber()];
    emulator.setRule({ number: shy, behaviour: 'no_groups' });
    emulator.setRule({ number: nobody, behaviour: 'not_on_whatsapp' });
    const input = { subject: 'Pelanggan', members: [willing, shy, e164(nobody), willing] };
    const { status, body } = await gateway.call('POST', '/session/main/groups', input);
    expect(body).toMatchObject({ success: true });
    expect(status).toBe(201);
    const { group, members } = body.data;
    expect(members).toMatchObject([
      { phone: e164(willing), status: 'done', code: null },
      { phone: e164(shy), status: 'private', code: '403' },
      { phone: e164(nobody), status: 'not_on_whatsapp', code: '404' },
    ]);
    expect(stored(group.id)?.participants).toEqual([OWN, willing]);
    const shown = (await gateway.call('GET', at(group.id))).body.data;
    expect(shown).toMatchObject({
      subject: 'Pelanggan',
      size: 2,
      role: 'owner',
      description: null,
      announce: false,
    });
    expect(shown.members).toMatchObject([
      { phone: e164(OWN), role: 'owner' },
      { phone: e164(willing), role: 'member' },
    ]);
    const [event] = await told(group.id, 'group.members');
    expect(event).toMatchObject({ action: 'created', total: 2, by: { phone: e164(OWN) }, sessionId: 'main' });
  });

  test('members are added, made admins and removed, and each is told how it went', async () => {
    const [first, second, left] = [newNumber(), newNumber(), newNumber()];
    emulator.setRule({ number: left, behaviour: 'left_group' });
    const { id } = groupOf([first]);
    const change = async (what: string, members: string[]) =>
      (await gateway.call('POST', at(id, `/members${what}`), { members })).body.data;
    expect(await change('', [first, second, left])).toMatchObject([
      { phone: e164(first), status: 'already_member' },
      { phone: e164(second), status: 'done' },
      { phone: e164(left), status: 'left_recently', code: '408' },
    ]);
    expect(await change('/promote', [second])).toMatchObject([{ status: 'done' }]);
    expect(stored(id)?.admins).toEqual([OWN, second]);
    expect(await change('/demote', [second])).toMatchObject([{ status: 'done' }]);
    expect(await change('/remove', [first, newNumber()])).toMatchObject([
      { status: 'done' },
      { status: 'not_member' },
    ]);
    expect(stored(id)).toMatchObject({ participants: [OWN, second], admins: [OWN] });
    const events = await told(id, 'group.members', 4);
    expect(events.map(({ action }) => action)).toEqual(['added', 'promoted', 'demoted', 'removed']);
    expect(events[0]).toMatchObject({ members: [{ phone: e164(second) }], total: 1 });
  });

  test('subject, description and settings are changed, and told as events', async () => {
    const { id } = groupOf([newNumber()]);
    const changes = {
      subject: 'Baru',
      description: 'Jam buka 8–17',
      announce: true,
      locked: true,
      ephemeral: 86_400,
      joinApproval: true,
      membersAdd: true,
    };
    const { status, body } = await gateway.call('PUT', at(id), changes);
    expect(status).toBe(200);
    expect(body.data).toMatchObject(changes);
    expect(stored(id)).toMatchObject(changes);
    const undone = { description: '', announce: false, locked: false, ephemeral: 0, joinApproval: false };
    const after = await gateway.call('PUT', at(id), { ...undone, membersAdd: false });
    expect(after.body.data).toMatchObject({ ...undone, description: null, membersAdd: false });
    const events = await told(id, 'group.updated', 13);
    expect(Object.assign({}, ...events.slice(0, 7).map((event) => event.changes))).toEqual(changes);
  });

  test('a picture is set and taken away', async () => {
    const { id } = groupOf([newNumber()]);
    const set = await gateway.call('PUT', at(id, '/picture'), { image: dataUrl('image/jpeg', JPEG) });
    expect(set).toMatchObject({ status: 200 });
    const { data } = (await gateway.call('GET', `/session/main/chats/${id}/picture`)).body;
    const { pathname, search } = new URL(data.url);
    const file = await fetch(`${gateway.url}${pathname}${search}`);
    expect(Buffer.from(await file.arrayBuffer()).equals(JPEG)).toBe(true);
    expect((await gateway.call('DELETE', at(id, '/picture'))).status).toBe(200);
    const events = await told(id, 'group.updated', 2);
    expect(events.map(({ changes }) => changes)).toEqual([{ picture: 'set' }, { picture: 'removed' }]);
    const png = await gateway.call('PUT', at(id, '/picture'), { image: dataUrl('image/png', pngFile()) });
    expect(png).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA' } });
    const text = await gateway.call('PUT', at(id, '/picture'), {
      image: dataUrl('text/plain', Buffer.from('x')),
    });
    expect(text).toMatchObject({ status: 415, body: { hint: expect.not.stringContaining('document') } });
  });

  test('who asks to be let in is listed, let in or not', async () => {
    const [one, other] = [newNumber(), newNumber()];
    const { id } = groupOf([]);
    await gateway.call('PUT', at(id), { joinApproval: true });
    for (const from of [one, other]) emulator.actInGroup({ id, from, action: 'join' });
    await told(id, 'group.requests', 2);
    const { body } = await gateway.call('GET', at(id, '/requests'));
    expect(body.data).toMatchObject([{ phone: e164(one) }, { phone: e164(other) }]);
    const decide = (what: string, phone: string) =>
      gateway.call('POST', at(id, `/requests/${what}`), { members: [phone] });
    expect((await decide('approve', one)).body.data).toMatchObject([{ status: 'done' }]);
    expect((await decide('reject', other)).body.data).toMatchObject([{ status: 'done' }]);
    expect((await decide('reject', other)).body.data).toMatchObject([{ status: 'not_member' }]);
    expect(stored(id)).toMatchObject({ participants: [OWN, one], requests: [] });
    expect((await told(id, 'group.requests', 3))[2]).toMatchObject({ action: 'rejected' });
  });
});

describe('as a member, or none', () => {
  test('an invite link lets the session in, until it is revoked', async () => {
    const admin = newNumber();
    const group = emulator.createGroup({ subject: 'Undangan', participants: [admin] });
    const url = `https://chat.whatsapp.com/${group.inviteCode}`;
    const join = (invite: string) => gateway.call('POST', '/session/main/groups/join', { invite });
    expect((await gateway.call('GET', at(group.id))).body.code).toBe('NOT_GROUP_MEMBER');
    expect((await join(url)).body.data).toEqual({ group: group.id, status: 'joined' });
    expect((await join(url)).body.code).toBe('CONFLICT');
    expect((await gateway.call('GET', at(group.id, '/invite'))).body.code).toBe('NOT_GROUP_ADMIN');
    emulator.actInGroup({ id: group.id, from: admin, action: 'promote', participants: [OWN] });
    const link = (await gateway.call('GET', at(group.id, '/invite'))).body.data;
    expect(link).toEqual({ code: group.inviteCode, url });
    const fresh = (await gateway.call('POST', at(group.id, '/invite/revoke'))).body.data;
    expect(fresh.code).not.toBe(link.code);
    expect((await join(url)).body).toMatchObject({ code: 'INVITE_INVALID' });
    expect((await join('https://example.com/x')).body.code).toBe('VALIDATION_FAILED');
  });

  test('a group whose admins decide only takes the request', async () => {
    const admin = newNumber();
    const group = emulator.createGroup({ subject: 'Tertutup', participants: [admin] });
    group.joinApproval = true;
    const { body } = await gateway.call('POST', '/session/main/groups/join', { invite: group.inviteCode });
    expect(body.data).toEqual({ group: null, status: 'requested' });
    expect(stored(group.id)?.requests).toEqual([OWN]);
  });

  test('each refusal has a code of its own', async () => {
    const admin = newNumber();
    const { id } = groupOf([admin], admin);
    expect((await gateway.call('PUT', at(id), { announce: true })).body).toMatchObject({
      code: 'NOT_GROUP_ADMIN',
      details: { field: 'announce' },
    });
    const added = await gateway.call('POST', at(id, '/members'), { members: [newNumber()] });
    expect(added).toMatchObject({ status: 403, body: { code: 'NOT_GROUP_ADMIN' } });
    emulator.actInGroup({ id, from: admin, action: 'remove', participants: [OWN] });
    expect((await gateway.call('PUT', at(id), { subject: 'x' })).body.code).toBe('NOT_GROUP_MEMBER');
    expect((await gateway.call('POST', at(id, '/leave'))).body.code).toBe('NOT_GROUP_MEMBER');
    expect(await gateway.call('GET', at('120363000000000000@g.us'))).toMatchObject({
      status: 404,
      body: { code: 'GROUP_GONE' },
    });
    expect((await gateway.call('GET', at('bukan-grup'))).body.code).toBe('INVALID_NUMBER');
    const crowd = Array.from({ length: 1_024 }, (_, i) => `6282${String(i).padStart(8, '0')}`);
    const full = emulator.createGroup({ subject: 'Penuh', participants: crowd });
    const join = { invite: full.inviteCode };
    expect((await gateway.call('POST', '/session/main/groups/join', join)).body.code).toBe('GROUP_FULL');
  });

  test('what others do in a group is told, once', async () => {
    const [admin, friend] = [newNumber(), newNumber()];
    const { id } = groupOf([admin, friend], admin);
    emulator.actInGroup({ id, from: admin, action: 'subject', text: 'Nama lain' });
    emulator.actInGroup({ id, from: friend, action: 'leave' });
    const [renamed] = await told(id, 'group.updated');
    expect(renamed).toMatchObject({ changes: { subject: 'Nama lain' }, by: { phone: e164(admin) } });
    const [gone] = await told(id, 'group.members');
    expect(gone).toMatchObject({ action: 'left', members: [{ phone: e164(friend) }] });
    await until(() => emulator.sessions().every(({ pending }) => pending === 0));
  });

  test('hundreds of changes that wait for one login are all told, each once and in their order', async () => {
    const admin = newNumber();
    const { id } = groupOf([admin], admin);
    const subjects = Array.from({ length: 300 }, (_, n) => `Nama ${n}`);
    await emulator.fault({ kind: 'drop', phone: OWN });
    for (const text of subjects) emulator.actInGroup({ id, from: admin, action: 'subject', text });
    await until(() => emulator.sessions().every(({ pending }) => pending === 0));
    const rows = await gateway.deps.db
      .select()
      .from(activityLogs)
      .where(and(eq(activityLogs.event, 'group.updated'), eq(activityLogs.subject, id)))
      .orderBy(asc(activityLogs.seq));
    expect(rows.map(({ data }) => data.changes)).toEqual(subjects.map((subject) => ({ subject })));
  });

  test('a group is left', async () => {
    const friend = newNumber();
    const { id } = groupOf([friend]);
    expect((await gateway.call('POST', at(id, '/leave'))).status).toBe(200);
    expect(stored(id)?.participants).toEqual([friend]);
    expect((await told(id, 'group.members'))[0]).toMatchObject({ action: 'left' });
  });
});

describe('limits', () => {
  test('strangers who are added are first contacts: all of them fit, or nobody is added', async () => {
    await gateway.call('PUT', '/session/main/limits', { newContactsPerDay: 2 });
    const { db } = gateway.deps;
    await db.delete(firstContacts);
    const { id } = groupOf([]);
    const add = (members: string[]) => gateway.call('POST', at(id, '/members'), { members });
    const [first, second, third, gone] = [newNumber(), newNumber(), newNumber(), newNumber()];
    expect(await add([first, second, third])).toMatchObject({
      status: 429,
      body: { code: 'RATE_LIMITED', details: { reason: 'new_contacts', strangers: 3, left: 2 } },
    });
    expect(stored(id)?.participants).toEqual([OWN]);
    emulator.setRule({ number: gone, behaviour: 'not_on_whatsapp' });
    // Whoever is not there has heard of nobody.
    expect((await add([first, gone])).body.data).toMatchObject([
      { status: 'done' },
      { status: 'not_on_whatsapp' },
    ]);
    const met = async () => (await db.select().from(firstContacts)).map(({ person }) => person);
    expect(await met()).toEqual([first]);
    // Nor has who lets nobody add them, also who was written to long ago.
    const [shy = '', accountId = ''] = [newNumber(), (await db.select().from(firstContacts))[0]?.accountId];
    emulator.setRule({ number: shy, behaviour: 'no_groups' });
    const longAgo = { accountId, person: shy, at: Date.now() - 2 * 86_400_000, attemptId: null };
    await db.insert(firstContacts).values(longAgo);
    expect((await add([shy])).body.data).toMatchObject([{ status: 'private' }]);
    expect(await met()).toEqual([first]);
    // By number and by LID it is one person.
    const lid = '77700000000001';
    await db.insert(waContacts).values({ accountId, phone: second, lid, updatedAt: Date.now() });
    expect((await add([second, `${lid}@lid`])).status).toBe(200);
    expect((await met()).toSorted()).toEqual([first, second]);
    expect((await add([third])).status).toBe(429);
    const made = await gateway.call('POST', '/session/main/groups', { subject: 'x', members: [third] });
    expect(made.body.code).toBe('RATE_LIMITED');
    await gateway.call('PUT', '/session/main/limits', { newContactsPerDay: null });
  });

  test('a session asks WhatsApp so often in a minute and no more', async () => {
    const { id } = groupOf([newNumber()]);
    const last = async () => gateway.call('PUT', at(id), { subject: 'again' });
    // Over the end of a minute there may be two times 20.
    let answer = await last();
    for (let asked = 1; asked <= 41 && answer.status === 200; asked++) answer = await last();
    expect(answer).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED', details: { limit: 20 } } });
    // A request counts as many changes as it makes.
    await gateway.deps.db.delete(rateLimits);
    const five = { subject: 'a', description: 'b', announce: true, locked: true, ephemeral: 0 };
    const whole = async () => (await gateway.call('PUT', at(id), { ...five, joinApproval: false })).status;
    let made = 0;
    while (made < 10 && (await whole()) === 200) made += 1;
    expect([3, 4, 5, 6]).toContain(made);
    // Reading has a limit of its own.
    expect(await gateway.call('GET', at(id))).toMatchObject({ status: 200 });
  });
});
