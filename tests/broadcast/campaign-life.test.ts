import { eq, inArray } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activityLogs, waContacts, whatsappAccounts } from '../../src/db/schema.ts';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import { ALL_KINDS } from '../../src/services/messages/kinds/index.ts';
import { createSignal } from '../helpers/signal.ts';
import { type CampaignWorld, contacts, openCampaigns } from './campaign-fixture.ts';

let w: CampaignWorld;
beforeEach(async () => {
  w = await openCampaigns();
});
afterEach(() => w.close());

describe('a campaign to a list', () => {
  it('writes to everybody once, fills in what the contact holds, and counts exactly', async () => {
    const listId = await w.list(contacts(75));
    const reply = await w.post('/send', {
      listId,
      message: 'Halo {name} dari {city}!',
      campaignName: 'Promo',
    });
    expect(reply.status).toBe(202);
    expect(reply.body.data).toMatchObject({ status: 'running', totalContacts: 75, scheduledAt: null });
    const { id, campaignId } = Object(reply.body.data);
    expect(campaignId).toBe(id);
    await w.clock.advance(60_000);
    const phones = w.relayed();
    expect(phones).toHaveLength(75);
    expect(new Set(phones).size).toBe(75);
    expect(w.engine.relayed[0]?.content).toEqual({ type: 'text', text: 'Halo Person 0 dari Bandung!' });
    expect(await w.campaign(id)).toMatchObject({
      status: 'completed',
      name: 'Promo',
      totalContacts: 75,
      statistics: { total: 75, pending: 0, queued: 0, sent: 75, failed: 0, skipped: 0, progressPercent: 100 },
    });
  });

  it('knows its total from the start: scheduled, stopped before anybody was frozen, and cloned', async () => {
    const listId = await w.list(contacts(12));
    const scheduledAt = new Date(w.clock.now() + 3_600_000).toISOString();
    const made = await w.post('/schedule', { listId, message: 'x', scheduledAt });
    const { id } = Object(made.body.data);
    expect(await w.campaign(id)).toMatchObject({
      status: 'scheduled',
      totalContacts: 12,
      statistics: { total: 12, pending: 12, skipped: 0 },
    });
    await w.post(`/campaigns/${id}/stop`, {});
    expect(await w.campaign(id)).toMatchObject({
      status: 'stopped',
      totalContacts: 12,
      statistics: { total: 12, pending: 0, skipped: 12, sent: 0 },
    });
    const exported = (await w.call(`/export/campaign/${id}`)).text.trim().split('\n');
    expect(exported).toHaveLength(13);
    expect(exported.slice(1).every((line) => /^"?'?\+62\d+.*,skipped,stopped,/.test(line))).toBe(true);
    const clone = await w.post(`/campaigns/${id}/clone`, {});
    expect(await w.campaign(Object(clone.body.data).id)).toMatchObject({
      status: 'paused',
      totalContacts: 12,
    });
  });

  it('shows what there is once they are frozen, when the list has changed since', async () => {
    const listId = await w.list(contacts(3));
    const scheduledAt = new Date(w.clock.now() + 60_000).toISOString();
    const made = await w.post('/schedule', { listId, message: 'x', scheduledAt });
    await w.call(`/lists/${listId}/contacts/${contacts(3)[2]?.phone}`, { method: 'DELETE' });
    await w.clock.advance(120_000);
    const done = await w.campaign(Object(made.body.data).id);
    expect(done).toMatchObject({ status: 'completed', totalContacts: 2, statistics: { total: 2, sent: 2 } });
  });

  it('tells its rate by the newest messages, and when it will be done', async () => {
    const listId = await w.list(contacts(40));
    const id = await w.start({ listId, message: 'x', delayBetweenMessages: 10_000 });
    await w.clock.advance(120_000);
    const { statistics } = await w.campaign(id);
    // Every 11.5 seconds: the delay with its half of the jitter.
    expect(statistics.ratePerMinute).toBeGreaterThan(4.8);
    expect(statistics.ratePerMinute).toBeLessThan(5.6);
    const left = Number(statistics.pending) + Number(statistics.queued);
    expect(statistics.etaSeconds).toBeCloseTo((left / Number(statistics.ratePerMinute)) * 60, -1.5);
  });

  it('is frozen: who comes later is not written to, who leaves still is', async () => {
    const listId = await w.list(contacts(3));
    const id = await w.start({ listId, message: 'x', delayBetweenMessages: 60_000 });
    await w.clock.advance(5_000);
    await w.call(`/lists/${listId}/contacts/${contacts(3)[2]?.phone}`, { method: 'DELETE' });
    await w.post(`/lists/${listId}/contacts`, { number: '+6281399999999' });
    await w.clock.advance(300_000);
    expect(w.relayed().sort()).toEqual(contacts(3).map(({ phone }) => phone));
    expect((await w.campaign(id)).status).toBe('completed');
  });
});

describe('a campaign to somebody with several numbers', () => {
  const [before, today] = ['5215512345678', '525512345678'];
  const [alias, account] = ['628111111115', '628222222225'];
  const all = [before, today, alias, account];
  beforeEach(async () => {
    const told = { alias, phone: account, lid: null };
    await learnAlias(w.t.deps.db, w.tenant.id, told, w.clock.now());
  });

  it('writes to them once, though a list holds each number, and says of the others why not', async () => {
    const listId = await w.list(all.map((phone) => ({ phone })));
    const id = await w.start({ listId, message: 'x' });
    await w.clock.advance(20_000);
    expect(w.relayed()).toEqual([before, alias]);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 2, skipped: 2 } });
    const skipped = (await w.recipients(id)).filter(({ state }) => state === 'skipped');
    expect(skipped.map(({ reason }) => reason)).toEqual(['duplicate', 'duplicate']);
  });

  it('takes each of them once from a request', async () => {
    const made = await w.post('/send', { numbers: all.map((phone) => `+${phone}`), message: 'x' });
    expect(Object(made.body.data)).toMatchObject({ totalContacts: 2, duplicates: 2 });
    await w.clock.advance(20_000);
    expect(w.relayed()).toHaveLength(2);
  });

  it('writes to nobody whose LID has opted out', async () => {
    const lid = '186470215942314';
    await w.post('/opt-outs', { numbers: [`${lid}@lid`] });
    const [person = ''] = contacts(1).map(({ phone }) => phone);
    const { userId, id: accountId } = whatsappAccounts;
    const [own] = await w.t.deps.db
      .select({ accountId })
      .from(whatsappAccounts)
      .where(eq(userId, w.tenant.id));
    const contact = { accountId: own?.accountId ?? '', lid, phone: person, updatedAt: 1 };
    await w.t.deps.db.insert(waContacts).values(contact);
    const id = await w.start({ listId: await w.list(contacts(2)), message: 'x' });
    await w.clock.advance(20_000);
    expect(await w.campaign(id)).toMatchObject({ statistics: { sent: 1, skipped: 1 } });
    expect((await w.recipients(id)).find(({ state }) => state === 'skipped')?.reason).toBe('opted_out');
  });
});

describe('a campaign to numbers', () => {
  it('takes every spelling once, and says which are none', async () => {
    const numbers = ['081234567890', '+62 812-3456-7890', 'nonsense', '628123456791'];
    const reply = await w.post('/send', { numbers, messageContent: 'Hi {number}', messageType: 'text' });
    expect(reply.body.data).toMatchObject({ totalContacts: 3, invalid: 1, duplicates: 1 });
    const { id } = Object(reply.body.data);
    await w.clock.advance(10_000);
    expect(w.relayed()).toEqual(['6281234567890', '628123456791']);
    expect((await w.campaign(id)).statistics).toMatchObject({ total: 3, sent: 2, skipped: 1 });
    expect(await w.recipients(id)).toContainEqual(
      expect.objectContaining({ number: 'nonsense', state: 'skipped', reason: 'invalid' }),
    );
  });

  it('says how a number can be meant that can be read in several ways', async () => {
    const unclear = '81234567890';
    const readings = ['+6281234567890', '+81234567890'];
    const refused = await w.post('/send', { numbers: [unclear, 'nonsense'], message: 'x' });
    expect(refused.body).toMatchObject({
      code: 'INVALID_NUMBER',
      details: { invalidCount: 2, invalid: [{ index: 0, number: unclear, readings }, { index: 1 }] },
    });
    const id = await w.start({ numbers: [unclear, 'nonsense', '081234567891'], message: 'x' });
    await w.clock.advance(10_000);
    const [first, second] = await w.recipients(id);
    expect(first).toMatchObject({ number: unclear, state: 'skipped', reason: 'invalid', readings });
    expect(first?.reasonMessage).toContain('write +6281234567890 or +81234567890');
    expect(second).toMatchObject({ readings: [], reasonMessage: 'invalid phone number' });
    const exported = (await w.call(`/export/campaign/${id}`)).text;
    expect(exported).toContain('+6281234567890 +81234567890');
  });

  it.each([
    [{ numbers: ['abc'], message: 'x' }, 'INVALID_NUMBER'],
    [{ numbers: ['0812345678'], message: 'x', delayBetweenMessages: 999 }, 'VALIDATION_FAILED'],
    [{ numbers: ['0812345678'], message: 'x', delay: 500 }, 'VALIDATION_FAILED'],
    [{ numbers: ['0812345678'] }, 'VALIDATION_FAILED'],
    [{ message: 'x' }, 'VALIDATION_FAILED'],
    [{ numbers: ['0812345678'], listId: 'y', message: 'x' }, 'VALIDATION_FAILED'],
    [{ listId: 'nothing', message: 'x' }, 'NOT_FOUND'],
    [{ numbers: ['0812345678'], templateId: 'nothing' }, 'NOT_FOUND'],
    [{ numbers: ['0812345678'], type: 'fax', message: 'x' }, 'VALIDATION_FAILED'],
    [
      { numbers: ['0812345678'], type: 'poll', content: { question: 'x', options: ['one'] } },
      'VALIDATION_FAILED',
    ],
  ])('refuses %j with %s', async (body, code) => {
    expect((await w.post('/send', body)).body).toMatchObject({ success: false, code });
  });
});

describe('a campaign with a file', () => {
  it('fetches it once and fills the caption in for everybody', async () => {
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
    const reply = await w.post('/send', {
      listId: await w.list(contacts(2)),
      type: 'image',
      content: { image: `data:image/png;base64,${png}` },
      message: 'For {name}',
    });
    expect(reply.status).toBe(202);
    await w.clock.advance(20_000);
    const sent = w.engine.relayed.map(({ content }) => Object(content));
    expect(sent.map(({ type, caption }) => [type, caption])).toEqual([
      ['image', 'For Person 0'],
      ['image', 'For Person 1'],
    ]);
    expect(sent[0].media).toMatchObject({ mimetype: 'image/png' });
    expect(sent[1].media).toEqual(sent[0].media);
  });

  it('sends an upload by the name that its answer gave, to everybody the same', async () => {
    const form = new FormData();
    form.append('file', new Blob([Buffer.from('%PDF-1.4\ntrailer<<>>\n%%EOF\n')]), 'Brosur Promo.pdf');
    const uploaded = await w.t.app.request('/session/main/broadcast/upload', {
      method: 'POST',
      body: form,
      headers: { authorization: `Bearer ${w.tenant.token}` },
    });
    expect(uploaded.status).toBe(201);
    const { filename } = Object(await uploaded.json()).data;
    const id = await w.start({
      listId: await w.list(contacts(3)),
      type: 'document',
      content: { document: filename, filename: 'promo.pdf' },
      message: 'Untuk {name}',
    });
    await w.clock.advance(20_000);
    const sent = w.engine.relayed.map(({ content }) => Object(content));
    expect(sent.map(({ type, caption, filename: shown }) => [type, caption, shown])).toEqual([
      ['document', 'Untuk Person 0', 'promo.pdf'],
      ['document', 'Untuk Person 1', 'promo.pdf'],
      ['document', 'Untuk Person 2', 'promo.pdf'],
    ]);
    expect(sent[0].media).toMatchObject({ mimetype: 'application/pdf' });
    expect((await w.campaign(id)).status).toBe('completed');
    const unknown = { numbers: ['0812345678'], type: 'image', content: { image: `${'0'.repeat(32)}.png` } };
    expect((await w.post('/send', unknown)).body).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a campaign of another kind', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['location', { latitude: -6.9, longitude: 107.6, name: 'Toko' }, { name: 'Toko', latitude: -6.9 }],
    ['contact', { name: 'CS', phoneNumber: '081234567890' }, { name: 'CS', phone: '6281234567890' }],
    [
      'poll',
      { question: '{name}, hari apa?', options: ['Senin', 'Selasa'] },
      { question: 'Person 0, hari apa?' },
    ],
    ['buttons', { text: 'Halo {name}', buttons: [{ id: 'y', text: 'Ya' }] }, { text: 'Halo Person 0' }],
    [
      'list',
      { text: 'Halo {name}', buttonText: 'Lihat', sections: [{ rows: [{ id: 'a', title: 'A' }] }] },
      { text: 'Halo Person 0' },
    ],
  ])('sends a %s, its words filled in', async (type, content, expected) => {
    const id = await w.start({ listId: await w.list(contacts(1)), type, content });
    await w.clock.advance(10_000);
    expect(w.engine.relayed.map((send) => send.content)).toEqual([
      expect.objectContaining({ type, ...expected }),
    ]);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 1 } });
  });
});

describe('a campaign of any kind', () => {
  const plain = ALL_KINDS.filter(({ hasFile, inChatOnly }) => !hasFile && !inChatOnly);

  it.each(plain)('sends the $type that the document shows, every text filled in', async (kind) => {
    const texts = kind.placeholders.filter((name) => kind.example[name] !== undefined);
    const filled = (by: string) =>
      Object.fromEntries(texts.map((name) => [name, `${by} ${kind.example[name]}`]));
    const content = { ...kind.example, ...filled('{name}:') };
    const id = await w.start({ listId: await w.list(contacts(1)), type: kind.type, content });
    await w.clock.advance(10_000);
    const expected = { type: kind.type, ...filled('Person 0:') };
    expect(w.engine.relayed.map((send) => send.content)).toEqual([expect.objectContaining(expected)]);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 1 } });
  });
});

describe('pause and resume', () => {
  it('sends nothing after the answer, and everybody once in all', async () => {
    w.engine.answer = () => w.engine.later(400);
    const listId = await w.list(contacts(60));
    const id = await w.start({ listId, message: 'Halo {name}' });
    await w.clock.advance(900);
    const reply = await w.during(w.post(`/campaigns/${id}/pause`));
    expect(reply).toMatchObject({ status: 200, body: { data: { status: 'paused', reason: 'user' } } });
    const before = w.relayed().length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(60);
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(before);
    const { statistics } = await w.campaign(id);
    expect(statistics.sent).toBe(before);
    expect(Number(statistics.sent) + Number(statistics.pending) + Number(statistics.queued)).toBe(60);
    expect((await w.during(w.post(`/campaigns/${id}/pause`))).status).toBe(200);
    await w.post(`/campaigns/${id}/resume`);
    await w.clock.advance(120_000);
    expect(new Set(w.relayed()).size).toBe(60);
    expect(w.relayed()).toHaveLength(60);
    expect(await w.campaign(id)).toMatchObject({ status: 'completed', statistics: { sent: 60 } });
  });

  it('withholds what was being prepared when the pause came', async () => {
    w.engine.prepare = async () => {
      await w.engine.later(5_000);
    };
    const id = await w.start({ listId: await w.list(contacts(10)), message: 'x' });
    await w.clock.advance(2_000);
    expect(w.engine.attempts.length).toBeGreaterThan(0);
    await w.during(w.post(`/campaigns/${id}/pause`));
    await w.clock.advance(60_000);
    expect(w.relayed()).toEqual([]);
    w.engine.prepare = () => undefined;
    await w.post(`/campaigns/${id}/resume`);
    await w.clock.advance(60_000);
    expect(w.relayed().sort()).toEqual(contacts(10).map(({ phone }) => phone));
  });

  it('changes the text of those who have not been written to', async () => {
    const id = await w.start({
      listId: await w.list(contacts(4)),
      message: 'old {name}',
      delayBetweenMessages: 10_000,
    });
    await w.clock.advance(12_000);
    await w.during(w.post(`/campaigns/${id}/pause`));
    const sent = w.relayed().length;
    const changed = await w.call(`/campaigns/${id}`, { method: 'PUT', body: { message: 'new {name}' } });
    expect(changed.status).toBe(200);
    await w.post(`/campaigns/${id}/resume`);
    await w.clock.advance(120_000);
    const texts = w.engine.relayed.map(({ content }) => Object(content).text);
    expect(texts.filter((text) => text.startsWith('old'))).toHaveLength(sent);
    expect(texts.filter((text) => text.startsWith('new'))).toHaveLength(4 - sent);
    expect((await w.call(`/campaigns/${id}`, { method: 'PUT', body: { message: 'z' } })).status).toBe(409);
  });
});

describe('stop', () => {
  it('ends it for good: the rest is skipped, what was queued is canceled', async () => {
    w.engine.answer = () => w.engine.later(400);
    const id = await w.start({ listId: await w.list(contacts(60)), message: 'x' });
    await w.clock.advance(1_500);
    const reply = await w.during(w.post(`/campaigns/${id}/stop`));
    expect(reply.body.data).toMatchObject({ status: 'stopped' });
    const before = w.relayed().length;
    await w.clock.advance(60_000);
    expect(w.relayed()).toHaveLength(before);
    expect((await w.campaign(id)).statistics).toMatchObject({
      total: 60,
      pending: 0,
      queued: 0,
      sent: before,
      skipped: 60 - before,
    });
    const states = (await w.recipients(id)).map(({ state, reason }) => `${state} ${reason}`);
    expect(states.filter((state) => state === 'skipped stopped')).toHaveLength(60 - before);
    expect((await w.post(`/campaigns/${id}/resume`)).body).toMatchObject({ code: 'CONFLICT' });
  });
});

describe('stop while messages are on the wire', () => {
  it.each(['stop', 'pause and stop'])(
    '%s: their webhooks say sent, never canceled, and the counts agree',
    async (how) => {
      const proven = createSignal();
      w.engine.answer = async () => {
        await proven.given;
        return { outcome: 'acknowledged', at: w.clock.now() };
      };
      const id = await w.start({
        ...{ listId: await w.list(contacts(20)), message: 'x', delayBetweenMessages: 1_000 },
      });
      await w.clock.advance(7_000);
      if (how !== 'stop') await w.during(w.post(`/campaigns/${id}/pause`));
      const reply = await w.during(w.post(`/campaigns/${id}/stop`));
      const left = w.relayed().length;
      const { queued = 0, sent = 0, skipped } = Object(reply.body.data).statistics;
      expect(left).toBeGreaterThan(2);
      expect({ queued, sent }).toEqual({ queued: left, sent: 0 });
      expect(skipped).toBe(20 - left);
      proven.give();
      proven.give();
      await w.clock.advance(120_000);
      expect(w.relayed()).toHaveLength(left);
      expect((await w.campaign(id)).statistics).toMatchObject({ queued: 0, sent: left, failed: 0, skipped });
      const told = await w.t.deps.db
        .select({ event: activityLogs.event, messageId: activityLogs.subject })
        .from(activityLogs)
        .where(inArray(activityLogs.event, ['message.sent', 'message.canceled']));
      const eventsOf = (id: string) =>
        told.flatMap(({ event, messageId }) => (messageId === id ? [event] : []));
      for (const { messageId } of w.engine.relayed) expect(eventsOf(messageId)).toEqual(['message.sent']);
    },
  );
});

describe('one at a time', () => {
  it('refuses a second campaign to the same list and session, also while the first is paused', async () => {
    const listId = await w.list(contacts(5));
    const id = await w.start({ listId, message: 'x', delayBetweenMessages: 5_000 });
    const again = () => w.post('/send', { listId, message: 'y' });
    expect((await again()).body).toMatchObject({
      code: 'BROADCAST_IN_PROGRESS',
      details: { campaignId: id },
    });
    await w.during(w.post(`/campaigns/${id}/pause`));
    expect((await again()).status).toBe(409);
    await w.during(w.post(`/campaigns/${id}/stop`));
    expect((await again()).status).toBe(202);
  });

  it('allows ten campaigns an hour', async () => {
    const make = () => w.post('/send', { numbers: ['0812345678'], message: 'x' });
    for (let i = 0; i < 10; i++) expect((await make()).status).toBe(202);
    const reply = await make();
    expect(reply).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('makes one campaign of a request that is repeated with its key', async () => {
    const body = { numbers: ['0812345678'], message: 'x' };
    const headers = { 'idempotency-key': 'once' };
    const first = await w.post('/send', body, headers);
    const second = await w.post('/send', body, headers);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    await w.clock.advance(10_000);
    expect(w.relayed()).toHaveLength(1);
  });
});
