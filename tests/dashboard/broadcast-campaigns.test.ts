/** Pages of campaigns: the wizard, one that runs, and what can be done with it. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { campaigns, whatsappAccounts } from '../../src/db/schema.ts';
import { type CampaignWorld, contacts, openCampaigns } from '../broadcast/campaign-fixture.ts';
import type { Tenant } from '../helpers/app.ts';
import { type TestDashboard, withVisits } from './visitor.ts';

const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>';
const BASE = '/dashboard/broadcast';

let w: CampaignWorld;
let t: TestDashboard;
beforeEach(async () => {
  w = await openCampaigns();
  t = withVisits(w.t);
});
afterEach(() => w.close());

async function read(path: string, as: Tenant = w.tenant, lang = 'en'): Promise<string> {
  const reply = await t.visit(path, { as, headers: { 'accept-language': lang } });
  expect(reply.status, path).toBe(200);
  return reply.text();
}

const post = (path: string, form: Record<string, string> = {}, as: Tenant = w.tenant) =>
  w.during(t.visit(path, { as, form }));

async function start(form: Record<string, string>): Promise<string> {
  const reply = await post(`${BASE}/campaigns`, { session: 'main', delay: '1', ...form });
  expect(reply.status, await reply.clone().text()).toBe(303);
  return reply.headers.get('location') ?? '';
}

const rowOf = async (path: string) => {
  const [row] = await w.t.deps.db
    .select()
    .from(campaigns)
    .where(eq(campaigns.id, path.split('/').at(-1) ?? ''));
  return row;
};

describe('the wizard', () => {
  it('says what to do without a session, and offers what there is', async () => {
    expect(await read(`${BASE}/new`, await t.tenant())).toContain('Link a number first');
    const listId = await w.list(contacts(3));
    const text = await read(`${BASE}/new?listId=${listId}`);
    expect(text).toContain(`<option value="${listId}" selected="">Customers (3)</option>`);
    expect(text).toContain('Asia/Jakarta');
  });

  it('reviews a campaign without making it', async () => {
    const listId = await w.list(contacts(3));
    const reply = await post(`${BASE}/new/review`, { session: 'main', listId, body: 'Hi', delay: '2' });
    const text = await reply.text();
    expect(text).toContain('<b>3</b>');
    expect(text).toContain('Duration');
    expect(await read(BASE)).toContain('No campaigns yet');
  });

  it.each<[string, Record<string, string>, object]>([
    ['send', {}, {}],
    [
      'schedule',
      {
        when: 'later',
        scheduledAt: '2026-01-07T09:30',
        timezone: 'Asia/Jakarta',
        quietFrom: '21:00',
        quietTo: '07:00',
      },
      {
        scheduledAt: '2026-01-07T09:30',
        timezone: 'Asia/Jakarta',
        quietHours: { from: '21:00', to: '07:00' },
      },
    ],
  ])('shows the request that it stands for: %s', async (verb, extra, expected) => {
    expect(await read(`${BASE}/new`)).toContain(`hx-post="${BASE}/new/code"`);
    const form = {
      session: 'main',
      target: 'numbers',
      numbers: '081234567890',
      body: "It's <b>",
      delay: '2',
      ...extra,
    };
    const reply = await t.visit(`${BASE}/new/code`, {
      as: w.tenant,
      form,
      headers: { 'hx-request': 'true' },
    });
    const text = (await reply.text())
      .replaceAll('&#39;', "'")
      .replaceAll('&quot;', '"')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>');
    const path = new URL(/curl -X POST '([^']+)'/.exec(text)?.[1] ?? '').pathname;
    expect(path).toBe(`/session/main/broadcast/${verb}`);
    const body = JSON.parse((/-d '(\{.*?\n\})'/s.exec(text)?.[1] ?? '').replaceAll("'\\''", "'"));
    const pace = { delayBetweenMessages: 2_000, warmUp: false, checkNumbers: false };
    expect(body).toEqual({
      numbers: ['081234567890'],
      type: 'text',
      message: "It's <b>",
      ...pace,
      ...expected,
    });
    const made = await w.during(w.t.call(path, { method: 'POST', apiKey: w.tenant.apiKey, body }));
    expect(made.status, made.text).toBe(202);
  });

  it.each<[string, Record<string, string>]>([
    ['listId', { body: 'Hi' }],
    ['numbers', { target: 'numbers', body: 'Hi' }],
    ['body', { target: 'numbers', numbers: '081234567890' }],
    ['templateId', { target: 'numbers', numbers: '081234567890', kind: 'template' }],
    ['media', { target: 'numbers', numbers: '081234567890', kind: 'media' }],
    ['quietTo', { target: 'numbers', numbers: '081234567890', body: 'Hi', quietFrom: '21:00' }],
    ['scheduledAt', { target: 'numbers', numbers: '081234567890', body: 'Hi', when: 'later' }],
    ['delay', { target: 'numbers', numbers: '081234567890', body: 'Hi', delay: '0' }],
    ['cron', { target: 'numbers', numbers: '081234567890', body: 'Hi', when: 'repeat', repeat: 'cron' }],
  ])('names the field %s when that is missing', async (field, form) => {
    const reply = await t.visit(`${BASE}/new/review`, {
      as: w.tenant,
      form: { session: 'main', ...form },
      headers: { 'hx-request': 'true' },
    });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain(`data-field="${field}"`);
  });

  it('keeps what was chosen: numbers, pace and safety', async () => {
    const path = await start({
      target: 'numbers',
      numbers: '081234567890, 0812-3456-7891\n081234567890',
      body: 'Hi {name|Kak}',
      campaignName: 'Careful',
      delay: '2.5',
      dailyCap: '100',
      quietFrom: '21:00',
      quietTo: '08:00',
      failurePercent: '20',
    });
    expect(await rowOf(path)).toMatchObject({
      name: 'Careful',
      delayMs: 2500,
      options: {
        dailyCap: 100,
        failurePercent: 20,
        quietHours: { from: 1260, to: 480 },
        checkNumbers: false,
        warmUp: false,
      },
    });
    await w.clock.advance(5_000);
    const recipients = await read(`${path}/recipients`);
    for (const number of ['6281234567890', '6281234567891']) expect(recipients).toContain(number);
    expect(recipients.match(/<tr>/g)).toHaveLength(3);
  });

  it.each([
    [
      { when: 'later', scheduledAt: '2026-01-06T08:00', timezone: 'Asia/Jakarta' },
      null,
      '2026-01-06T01:00:00',
    ],
    [{ when: 'repeat', repeat: 'weekly', weekday: '1', repeatAt: '09:30' }, '30 9 * * 1', null],
    [{ when: 'repeat', repeat: 'monthly', monthday: '15', repeatAt: '00:05' }, '5 0 15 * *', null],
    [{ when: 'repeat', repeat: 'daily', repeatAt: '18:00' }, '0 18 * * *', null],
    [{ when: 'repeat', repeat: 'cron', cron: '0 9 1 1 *' }, '0 9 1 1 *', null],
  ])('schedules %o', async (form, cron, at) => {
    const path = await start({ target: 'numbers', numbers: '081234567890', body: 'Hi', ...form });
    const row = await rowOf(path);
    expect(row).toMatchObject({ status: 'scheduled', cron });
    if (at) expect(new Date(row?.scheduledAt ?? 0).toISOString()).toContain(at);
    expect(await read(path)).toContain('Waiting for its start time.');
  });

  it('spends the same ten an hour as the API', async () => {
    const target = { target: 'numbers', numbers: '081234567890', body: 'Hi' };
    for (let i = 0; i < 9; i++) await start(target);
    expect((await w.post('/send', { numbers: ['081234567890'], message: 'Hi' })).status).toBe(202);
    expect((await post(`${BASE}/campaigns`, { session: 'main', ...target })).status).toBe(429);
  });
});

describe('a campaign', () => {
  it('is paused, resumed and stopped, and says what that means', async () => {
    const path = await start({ listId: await w.list(contacts(30)), body: 'Hi {name}', delay: '1' });
    await w.clock.advance(4_000);
    expect(await read(path)).toContain('Messages are being sent.');
    expect((await post(`${path}/pause`)).headers.get('location')).toBe(path);
    expect(await read(`${path}/state`)).toContain('No one gets a message twice');
    const sent = w.relayed().length;
    await w.clock.advance(5_000);
    expect(w.relayed()).toHaveLength(sent);
    await post(`${path}/resume`);
    await w.clock.advance(5_000);
    expect(w.relayed().length).toBeGreaterThan(sent);
    await post(`${path}/stop`);
    const state = await read(`${path}/state`);
    expect(state).toContain('Ended for good.');
    expect(state).not.toMatch(/\/(pause|resume|stop)"/);
    expect((await post(`${path}/pause`)).status).toBe(409);
  });

  it('tells its numbers, its report and its recipients by state', async () => {
    const people = contacts(4);
    // The last one: a refusal of this kind makes the session wait before it writes to the next stranger.
    const [, , unknown, refused] = people.map(({ phone }) => phone);
    w.unknown.add(unknown ?? '');
    w.engine.answer = ({ to }) =>
      to.phone === refused
        ? { outcome: 'refused', code: '463', message: 'no' }
        : { outcome: 'acknowledged', at: w.clock.now() };
    const path = await start({
      listId: await w.list(people),
      body: '{{Halo|Hai}} {name}',
      checkNumbers: 'true',
    });
    await w.clock.advance(20_000);
    expect(await read(`${path}/numbers`)).toContain('4 of 4');
    const report = await read(`${path}/report`);
    expect(report).toContain('WhatsApp does not let the number start this conversation');
    expect(report).toContain('not on WhatsApp');
    expect(report).toContain('<svg class="chart"');
    expect(await read(`${path}/report`, w.tenant, 'id')).toContain(
      'WhatsApp tidak mengizinkan nomor memulai percakapan ini',
    );
    const failed = await read(`${path}/recipients?state=failed`);
    expect(failed).toContain(refused);
    expect(failed).not.toContain(unknown);
    expect(await read(`${path}/recipients`)).toContain(unknown);
    expect((await t.visit(`${path}/export`, { as: w.tenant })).headers.get('content-type')).toContain('csv');
    const html = await t.visit(`${path}/export?format=html`, { as: w.tenant });
    expect(html.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('says why it paused itself', async () => {
    const path = await start({ target: 'numbers', numbers: '081234567890', body: 'Hi' });
    const set = (reason: string) =>
      w.t.deps.db.update(campaigns).set({ status: 'paused', reason, reasonMessage: 'in short' });
    await set('refusal_rate');
    expect(await read(path)).toContain('Continuing would put your number at risk');
    await set('session_logged_out');
    expect(await read(path, w.tenant, 'id')).toContain('Berlanjut setelah ponsel ditautkan lagi');
    await set('something_new');
    expect(await read(path)).toContain('in short');
  });

  it('is copied, changed before it begins, and started', async () => {
    const listId = await w.list(contacts(2));
    const path = await start({ listId, body: 'First', campaignName: 'Original' });
    expect(await read(`${path}/edit`)).toContain('Pause it first');
    expect((await post(`${path}/edit`, { campaignName: 'x' })).status).toBe(409);
    await w.clock.advance(10_000);
    const copy = (await post(`${path}/clone`)).headers.get('location') ?? '';
    expect(await read(copy)).toContain('This copy has not started');
    expect(await read(`${copy}/edit`)).toContain('Original (copy)');
    await post(`${copy}/edit`, { campaignName: 'Second', kind: 'text', body: 'Again, {name}', delay: '2' });
    expect(await rowOf(copy)).toMatchObject({ name: 'Second', delayMs: 2000 });
    await post(`${copy}/edit`, { campaignName: 'Third', delay: '2' });
    expect((await rowOf(copy))?.content).toMatchObject({ text: 'Again, {name}' });
    await post(`${copy}/resume`);
    await w.clock.advance(10_000);
    expect(w.relayed()).toHaveLength(4);
  });

  it('sends what failed once more', async () => {
    w.engine.answer = () => ({ outcome: 'refused', code: '475', message: 'no' });
    const path = await start({ listId: await w.list(contacts(2)), body: 'Hi' });
    await w.clock.advance(20_000);
    expect(await read(`${path}/state`)).toContain('Retry failed messages');
    w.engine.answer = () => ({ outcome: 'acknowledged', at: w.clock.now() });
    await post(`${path}/retry`);
    await w.clock.advance(20_000);
    expect(await read(`${path}/recipients?state=failed`)).toContain('No recipients with this status');
  });

  it('can be looked at after its session is gone', async () => {
    const path = await start({ listId: await w.list(contacts(2)), body: 'Hi' });
    await w.clock.advance(10_000);
    await w.t.deps.db.delete(whatsappAccounts);
    expect(await read(path)).toContain('completed');
    expect(await read(`${path}/recipients`)).toContain('Person 1');
    expect((await post(`${path}/clone`)).status).toBe(409);
  });
});

describe('the list of campaigns', () => {
  it('shows how far each is, by state and session', async () => {
    const path = await start({ listId: await w.list(contacts(2)), body: 'Hi', campaignName: 'Quick' });
    await w.clock.advance(10_000);
    const list = await read(BASE);
    expect(list).toContain(path);
    expect(list).toContain('2 of 2');
    expect(await read(`${BASE}?status=completed&session=main`)).toContain('Quick');
    expect(await read(`${BASE}?status=failed`)).toContain('No campaigns with this status');
    expect(await read(`${BASE}/live?page=1`)).toContain('Quick');
  });
});

it('another tenant reaches none of it, also with a session of the same name', async () => {
  const path = await start({ listId: await w.list(contacts(2)), body: 'Hi', campaignName: 'Secret plan' });
  const stranger = await t.tenant();
  for (const part of ['', '/state', '/numbers', '/report', '/export', '/recipients', '/edit']) {
    const reply = await t.visit(`${path}${part}`, { as: stranger });
    expect(reply.status, part).toBe(404);
    expect(await reply.text()).not.toContain('Secret plan');
  }
  for (const part of ['/pause', '/resume', '/stop', '/retry', '/clone', '/edit']) {
    expect((await post(`${path}${part}`, { campaignName: 'mine' }, stranger)).status, part).toBe(404);
  }
  expect(await read(BASE, stranger)).toContain('No campaigns yet');
});

it('names and texts are shown as text', async () => {
  const people = contacts(1).map((contact) => ({ ...contact, name: HOSTILE }));
  const path = await start({
    listId: await w.list(people),
    body: `${HOSTILE} {name}`,
    campaignName: HOSTILE,
  });
  await w.clock.advance(10_000);
  for (const page of [BASE, path, `${path}/recipients`, `${path}/report`, `${path}/state`]) {
    const text = await read(page);
    expect(text, page).not.toMatch(/<script>alert|<img src=x/);
  }
  expect(await read(`${path}/recipients`)).toContain('&lt;script&gt;');
  await post(`${path}/clone`);
  const copy = (await post(`${path}/clone`)).headers.get('location') ?? '';
  const edit = await read(`${copy}/edit`);
  expect(edit).toContain('&lt;script&gt;');
  expect(edit).not.toMatch(/<script>alert|<img src=x/);
});
