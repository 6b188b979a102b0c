import { parse } from 'csv-parse/sync';
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { activityLogs, campaignRecipients, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { buildPayloads } from '../../src/services/events/payload.ts';
import { storeInbound } from '../../src/services/inbound/store.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { toCurrent, twinOf } from '../../src/utils/phone/former.ts';
import { addSession } from '../analytics/fixture.ts';
import { dataOf, openWorld, rowsOf, upload, type World } from '../broadcast/fixture.ts';

/** E.164 digits as WhatsApp spells accounts: old and new plans, and countries of every length. */
const PHONES = [
  ...['5215512345678', '525512345678', '22507123456', '2250707123456', '22997123456', '2290197123456'],
  ...['554789211984', '5547989211984', '541123456789', '5491123456789', '2302512345', '689871234'],
  ...['6281234567890', '6591234567', '85291234567', '14155552671', '447911123456', '4915123456789'],
  ...['390612345678', '79123456789', '8613123456789', '919876543210', '2348012345678', '96171123456'],
];

let w: World;
beforeAll(async () => {
  w = await openWorld();
});
afterAll(() => w.close());

const send = (to: unknown) =>
  w.t.call('/message/send-text', {
    method: 'POST',
    token: w.tenant.token,
    body: { session: 'main', to, text: 'x' },
  });

async function receive(phone: string | null, lid: string | null): Promise<string> {
  const account = { id: w.accountId, userId: w.tenant.id, sessionId: 'main', owner: newId(), fence: 0 };
  const messageId = newMessageId();
  await storeInbound(w.t.deps, account, {
    messageId,
    chat: phone === null ? `${lid}@lid` : `${phone}@s.whatsapp.net`,
    participant: null,
    author: null,
    phone,
    lid,
    pushName: null,
    content: { type: 'text', text: 'hi' },
    media: null,
    at: Date.now(),
  });
  return messageId;
}

async function peerOf(messageId: string): Promise<string | undefined> {
  const [row] = await w.t.deps.db
    .select({ peer: messages.peer })
    .from(messages)
    .where(and(eq(messages.userId, w.tenant.id), eq(messages.messageId, messageId)));
  return row?.peer;
}

/** Every number, JID and LID that is told of an inbound message: in events, in the history, in logs and exports. */
async function toldOf(messageId: string): Promise<string[]> {
  const logs = await w.t.deps.db
    .select()
    .from(activityLogs)
    .where(and(eq(activityLogs.userId, w.tenant.id), eq(activityLogs.subject, messageId)));
  const events = (await buildPayloads(w.t.deps, logs)).map(({ data }) => data);
  const history = rowsOf(await w.t.call('/message/list?session=main&limit=200', { token: w.tenant.token }));
  const shown = history.filter((row) => row.messageId === messageId);
  const file = await w.t.call('/analytics/export?log=messages&format=csv', { token: w.tenant.token });
  const [head = [], ...lines] = parse(file.text) as string[][];
  const line = lines.find((cells) => cells.includes(messageId)) ?? [];
  const exported = Object.fromEntries(head.map((name, i) => [name, line[i]]));
  expect([events.length, shown.length, line.length > 0]).toEqual([1, 1, true]);
  const names = ['from', 'phone', 'lid', 'chat', 'phoneNumber'];
  return [...events, ...shown, exported].flatMap((fields) =>
    names.map((name) => fields[name]).filter((value) => typeof value === 'string' && value !== ''),
  ) as string[];
}

describe('what we tell of a person is taken as the same person', () => {
  it.each(PHONES)('%s', async (phone) => {
    const told = await toldOf(await receive(phone, null));
    expect(new Set(told)).toEqual(new Set([`+${phone}`, `${phone}@s.whatsapp.net`]));
    for (const to of [...new Set(told), phone]) {
      const sent = await send(to);
      expect([to, sent.status, dataOf(sent).to]).toEqual([to, 202, `+${phone}`]);
      expect(await peerOf(String(dataOf(sent).messageId))).toBe(`${phone}@s.whatsapp.net`);
    }
    const found = await w.t.call(`/message/list?to=+${phone}&limit=200`, { token: w.tenant.token });
    expect(rowsOf(found).length).toBeGreaterThanOrEqual(4);
  });

  it.each(PHONES.filter((phone) => twinOf(phone) !== null))(
    'of a session’s phone, which is linked under each of its spellings: %s',
    async (phone) => {
      const { id, token } = await w.t.tenant();
      const post = (path: string, body: object) => w.t.call(path, { method: 'POST', token, body });
      const other = String(twinOf(phone));
      for (const kept of [phone, toCurrent(phone)]) {
        await w.t.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.userId, id));
        await addSession(w.t, id, 'linked', { phoneNumber: phone, activePhone: kept });
        for (const asked of [phone, other]) {
          const checked = await post('/session/check-phone', { phoneNumber: `+${asked}` });
          expect([asked, kept, checked.body.hasActiveSession]).toEqual([asked, kept, true]);
          const again = await post('/session/create', { sessionId: 'more', phoneNumber: `+${asked}` });
          expect([asked, kept, again.body.code]).toEqual([asked, kept, 'DUPLICATE_PHONE']);
        }
      }
    },
  );

  it('a LID, which is never read as a number', async () => {
    const lid = '186470215942314';
    const told = await toldOf(await receive(null, lid));
    expect(new Set(told)).toEqual(new Set([`${lid}@lid`]));
    const sent = await send(`${lid}@lid`);
    expect(await peerOf(String(dataOf(sent).messageId))).toBe(`${lid}@lid`);
    for (const bare of [lid, `+${lid}`]) {
      const refused = await send(bare);
      expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_NUMBER']);
    }
  });

  it.each(['@budi', ' @Budi.Santoso_7', '@6281234567890', '\u2066@búdi\u2069'])(
    'but not a username yet: %s',
    async (to) => {
      const refused = await send(to);
      expect(refused).toMatchObject({
        status: 400,
        body: { code: 'INVALID_NUMBER', details: { reason: 'username' } },
      });
      expect(refused.body.message).toMatch(/phone number .* or the LID/);
    },
  );

  it.each<[string, Record<string, unknown> | null]>([
    ['/message/send-text', { session: 'main', to: '81234567890', text: 'x' }],
    ['/message/send-text', { session: 'main', to: 81234567890, text: 'x' }],
    [
      '/message/send-contact',
      { session: 'main', to: '+6281234567890', name: 'B', phoneNumber: '81234567890' },
    ],
    ['/message/check-number', { session: 'main', phoneNumber: '812-3456-7890' }],
    ['/otp/send', { session: 'main', to: '81234567890' }],
    ['/otp/verify', { phoneNumber: '٨١٢٣٤٥٦٧٨٩٠', otp: '123456' }],
    ['/session/create', { sessionId: 'new', phoneNumber: '81234567890' }],
    ['/api/messages/main/text', { to: '81234567890', message: 'x' }],
    ['/api/messages/main/otp', { to: '81234567890', companyName: 'x' }],
    ['/api/whatsapp/main/send-message', { number: '81234567890', message: 'x' }],
    ['/api/messages/format-phone/81234567890', null],
    ['/session/main/broadcast/opt-outs', { numbers: ['81234567890'] }],
  ])('and one that could be two people’s is never guessed: %s %j', async (path, body) => {
    const options = body === null ? {} : { method: 'POST', body };
    const refused = await w.t.call(path, { token: w.tenant.token, ...options });
    expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_NUMBER']);
    expect(refused.text).toContain('+6281234567890');
    expect(refused.text).toContain('+81234567890');
  });

  it('of the stream of events', async () => {
    const abort = new AbortController();
    const headers = { authorization: `Bearer ${w.tenant.token}` };
    const response = await w.t.app.request('/events', { headers, signal: abort.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const messageId = await receive('5215512345678', '186470215942315');
    const told = new RegExp(`${messageId}.*\\n\\n`, 's');
    let text = '';
    // A stream that has ended answers at once, again and again: no limit of a test would end that.
    for (let isOpen = true; isOpen && !told.test(text); ) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      isOpen = !done;
      text += value ?? '';
    }
    expect(text).toMatch(told);
    abort.abort();
    await reader?.cancel().catch(() => undefined);
    const line = text.split('\n').find((one) => one.startsWith('data:') && one.includes(messageId)) ?? '';
    const { data } = JSON.parse(line.replace('data:', ''));
    expect(data).toMatchObject({ lid: '186470215942315@lid' });
    const names = [data.from, data.phone, data.chat].filter((one) => one !== undefined);
    expect(names).not.toEqual([]);
    for (const to of names) {
      expect(dataOf(await send(to)).to).toBe('+5215512345678');
    }
  });

  it('of the report of a campaign, whose file is a list', async () => {
    const subscribers = PHONES.filter((phone) => toCurrent(phone) === phone);
    const numbers = subscribers.map((phone) => `+${phone}`);
    const made = dataOf(
      await w.post('/schedule', {
        numbers,
        message: 'x',
        scheduledAt: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
    await insertMany(
      w.t.deps.db,
      campaignRecipients,
      subscribers.map((phone, i) => ({
        campaignId: String(made.id),
        position: i + 1,
        userId: w.tenant.id,
        phone,
        name: null,
        fields: {},
        state: 'pending' as const,
        updatedAt: 1,
      })),
    );
    const file = (await w.call(`/export/campaign/${made.id}`)).text;
    for (const number of numbers) expect(file).toContain(`\r\n${number},`);
    const copy = await w.list('of a report');
    const back = dataOf(await upload(w, `/lists/${copy}/contacts/bulk`, file));
    expect(back).toMatchObject({ added: subscribers.length, invalid: 0, repaired: 0 });
  });

  it('of a list and the ledger, where answers have no + and the digits could be a number at home', async () => {
    const list = await w.list('abroad');
    const path = `/lists/${list}/contacts/81234567890`;
    expect(await w.call(path)).toMatchObject({ status: 400, body: { code: 'INVALID_NUMBER' } });
    await w.post(`/lists/${list}/contacts`, { number: '+81234567890' });
    await w.post('/opt-outs', { numbers: ['+81234567890'] });
    for (const at of [path, '/opt-outs/81234567890']) {
      expect([at, dataOf(await w.call(at)).number]).toEqual([at, '81234567890']);
      expect((await w.call(at, { method: 'DELETE' })).status).toBe(200);
      expect((await w.call(at)).status).toBe(400);
    }
  });

  it('of lists and the ledger of opt-outs, which come back from their own files', async () => {
    const list = await w.list('all');
    const subscribers = PHONES.filter((phone) => toCurrent(phone) === phone);
    for (const phone of subscribers) await w.post(`/lists/${list}/contacts`, { number: `+${phone}` });
    await w.post('/opt-outs', { numbers: subscribers.map((phone) => `+${phone}`) });
    for (const path of [`/export/contacts/${list}`, '/opt-outs/export']) {
      const text = (await w.call(path)).text;
      for (const phone of subscribers)
        expect([path, text]).toEqual([path, expect.stringContaining(`+${phone}`)]);
      expect(text).not.toMatch(/'\+/);
      const copy = await w.list('copy');
      const back = dataOf(await upload(w, `/lists/${copy}/contacts/bulk`, text));
      expect(back).toMatchObject({ added: subscribers.length, invalid: 0, duplicates: 0, repaired: 0 });
      const contacts = rowsOf(await w.call(`/lists/${copy}/contacts?limit=200`));
      expect(contacts.map(({ number }) => number).toSorted()).toEqual(subscribers.toSorted());
    }
  });
});
