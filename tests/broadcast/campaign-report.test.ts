import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { campaignRecipients, campaigns } from '../../src/db/schema.ts';
import { writeSettlements } from '../../src/queue/settle.ts';
import { storeInbound } from '../../src/services/inbound/store.ts';
import { type CampaignWorld, contacts, openCampaigns } from './campaign-fixture.ts';

let w: CampaignWorld;
let id: string;

/** Five recipients: read and answered, delivered, sent, refused, not on WhatsApp. */
beforeEach(async () => {
  w = await openCampaigns();
  const people = contacts(5);
  const [, , , refused, unknown] = people.map(({ phone }) => phone);
  w.unknown.add(unknown ?? '');
  w.engine.answer = ({ to }) =>
    to.phone === refused
      ? { outcome: 'refused', code: '475', message: 'no' }
      : { outcome: 'acknowledged', at: w.clock.now() };
  const listId = await w.list([
    { ...people[0], phone: people[0]?.phone ?? '', name: '=1+1' },
    ...people.slice(1),
  ]);
  id = await w.start({
    listId,
    message: '{{Halo|Hai}} {name}',
    campaignName: 'Promo <script>alert(1)</script>',
  });
  await w.clock.advance(20_000);
  const history = await w.history(id);
  const rowOf = (i: number) => history.find(({ phone }) => phone === people[i]?.phone)?.id ?? '';
  await writeSettlements(w.t.deps, [
    { kind: 'proof', id: rowOf(0), status: 'read', at: w.clock.now() },
    { kind: 'proof', id: rowOf(1), status: 'delivered', at: w.clock.now() },
  ]);
  const [account] = history;
  await storeInbound(
    w.t.deps,
    { id: account?.accountId ?? '', userId: w.tenant.id, sessionId: 'main', owner: '', fence: 1 },
    {
      messageId: 'REPLY',
      chat: `${people[0]?.phone}@s.whatsapp.net`,
      participant: null,
      author: null,
      phone: people[0]?.phone ?? null,
      lid: null,
      pushName: null,
      content: { type: 'text', text: 'thanks' },
      media: null,
      at: w.clock.now(),
    },
  );
});
afterEach(() => w.close());

describe('the report', () => {
  it('tells the funnel, failures by reason, hours and variants', async () => {
    const { body } = await w.call(`/campaigns/${id}/report`);
    expect(body.data).toMatchObject({
      funnel: { recipients: 5, sent: 3, delivered: 2, read: 1, replied: 1 },
      failuresByReason: [{ reason: '475', count: 1 }],
      skippedByReason: [{ reason: 'not_on_whatsapp', count: 1 }],
      byHour: [{ hour: '2026-01-05T03:00:00.000Z', sent: 3, delivered: 2, read: 1, failed: 1 }],
    });
    const variants: { variant: string; sent: number }[] = Object(body.data).byVariant;
    expect(variants.reduce((all, { sent }) => all + sent, 0)).toBe(3);
    expect(variants.every(({ variant }) => ['1', '2'].includes(variant))).toBe(true);
  });

  it('agrees with the statistics, whose parts make the whole', async () => {
    const { statistics: s } = await w.campaign(id);
    expect(s).toMatchObject({ total: 5, sent: 3, delivered: 2, read: 1, failed: 1, skipped: 1 });
    const { pending, queued, sent, failed, skipped } = s;
    expect([pending, queued, sent, failed, skipped].reduce((a, b) => Number(a) + Number(b), 0)).toBe(5);
  });

  it('is a file of all recipients that a spreadsheet opens without running anything', async () => {
    const { headers, text } = await w.call(`/export/campaign/${id}`);
    expect(headers.get('content-type')).toMatch(/^text\/csv/);
    const lines = text.trim().split('\r\n');
    expect(lines[0]).toBe(
      'number,name,state,reason,variant,messageId,queuedAt,sentAt,deliveredAt,readAt,failedAt,session,waitingUntil,readings',
    );
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/^\+6281210000000,'=1\+1,read,,[12],3EB0/);
    expect(lines[4]).toMatch(/,failed,475,/);
    expect(lines[5]).toMatch(/,skipped,not_on_whatsapp,/);
  });

  it('is a page that prints, without script, and escapes what clients named', async () => {
    const { headers, text } = await w.call(`/export/campaign/${id}?format=html`);
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(text).toContain('Promo &lt;script&gt;');
    expect(text).not.toContain('<script');
    expect(text.match(/<svg/g)).toHaveLength(2);
    const json = await w.call(`/export/campaign/${id}?format=json`);
    expect(Object(json.body.data).funnel).toMatchObject({ sent: 3 });
  });
});

describe('recipients in one state', () => {
  async function inState(state: string, more = ''): Promise<{ numbers: string[]; next: string | null }> {
    const { body, status } = await w.call(`/campaigns/${id}/recipients?state=${state}${more}`);
    expect(status).toBe(200);
    const rows: { number: string; state: string }[] = Object(body).data;
    for (const row of rows) expect(row.state).toBe(state);
    return { numbers: rows.map(({ number }) => number), next: Object(body).nextCursor };
  }
  const phone = (i: number) => contacts(5)[i]?.phone;

  it('are exactly those whom the list of all tells so', async () => {
    const expected = {
      read: [0],
      delivered: [1],
      sent: [2],
      failed: [3],
      skipped: [4],
      pending: [],
      queued: [],
    };
    for (const [state, places] of Object.entries(expected)) {
      expect((await inState(state)).numbers, state).toEqual(places.map(phone));
    }
  });

  it('come in pages, over both ways in which somebody is skipped, until all are told', async () => {
    const listId = await w.list(contacts(30, 100));
    for (const i of [103, 129]) w.unknown.add(contacts(1, i)[0]?.phone ?? '');
    id = await w.start({ listId, message: 'Hi', delayBetweenMessages: 1_000 });
    await w.clock.advance(5_000);
    expect((await inState('pending')).numbers.length).toBeGreaterThan(20);
    await w.during(w.post(`/campaigns/${id}/stop`));
    expect((await inState('pending')).numbers).toEqual([]);
    const skipped: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await inState('skipped', `&limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      skipped.push(...page.numbers);
      cursor = page.next;
    }
    const { statistics } = await w.campaign(id);
    expect(skipped).toHaveLength(statistics.skipped ?? -1);
    expect(new Set(skipped).size).toBe(skipped.length);
    const sent = (await inState('sent')).numbers;
    expect([...skipped, ...sent].sort()).toEqual(contacts(30, 100).map((contact) => contact.phone));
  });

  it('are told in the same way where they are very many', async () => {
    const { db } = w.t.deps;
    const many = contacts(2_500, 1_000);
    const rows = many.map((contact, i) => ({
      campaignId: id,
      position: 6 + i,
      userId: w.tenant.id,
      phone: contact.phone,
      fields: {},
      state: 'skipped' as const,
      reason: 'opted_out',
      updatedAt: w.clock.now(),
    }));
    await insertMany(db, campaignRecipients, rows);
    await db.update(campaigns).set({ total: 2_505 });
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await inState('skipped', `&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`);
      found.push(...page.numbers);
      cursor = page.next;
    }
    expect(found).toEqual([phone(4), ...many.map((contact) => contact.phone)]);
  });

  it('refuse a state or a cursor that is none', async () => {
    for (const query of ['state=lost', 'state=sent&cursor=1', 'cursor=x']) {
      expect((await w.call(`/campaigns/${id}/recipients?${query}`)).status, query).toBe(400);
    }
  });
});

describe('the overview', () => {
  it('sums lists and campaigns', async () => {
    expect((await w.call('/stats')).body.data).toMatchObject({
      lists: 1,
      contacts: 5,
      campaigns: { total: 1, completed: 1, running: 0 },
      messages: {
        recipients: 5,
        sent: 3,
        delivered: 2,
        read: 1,
        failed: 1,
        skipped: 1,
        deliveryPercent: 66.7,
      },
    });
  });

  it('is nobody else’s', async () => {
    const stranger = await w.t.tenant();
    for (const path of [`/campaigns/${id}`, `/campaigns/${id}/report`, `/export/campaign/${id}`]) {
      const reply = await w.t.call(`/session/main/broadcast${path}`, { token: stranger.token });
      expect(reply.status).toBe(404);
    }
  });
});
