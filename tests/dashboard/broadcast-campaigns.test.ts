/** Pages of campaigns: the wizard, one that runs, and what can be done with it. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { draftPath, withPace } from '../../src/controllers/dashboard/broadcast/wizard/steps.ts';
import { transact } from '../../src/db/ops.ts';
import {
  campaignDrafts,
  campaigns,
  messages,
  numberCheckJobs,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { MAX_DRAFTS, takeDraft } from '../../src/services/campaigns/drafts.ts';
import type { Ctx } from '../../src/services/context.ts';
import { newId } from '../../src/utils/ids.ts';
import { type CampaignWorld, contacts, openCampaigns } from '../broadcast/campaign-fixture.ts';
import { dataOf } from '../broadcast/fixture.ts';
import type { Tenant } from '../helpers/app.ts';
import { type TestDashboard, withVisits } from './visitor.ts';
import { writeDraft } from './wizard.ts';

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

const post = (path: string, form: Record<string, string | readonly string[]> = {}, as: Tenant = w.tenant) =>
  w.during(t.visit(path, { as, form }));

async function start(form: Record<string, string>): Promise<string> {
  const { start: begin } = await writeDraft(post, { session: 'main', delay: '1', ...form });
  const reply = await begin();
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

/** Steps that are not complete, with the field that says so. */
const WRONG: readonly (readonly [step: string, field: string, form: Record<string, string>])[] = [
  ['who', 'listId', { session: 'main' }],
  ['who', 'numbers', { session: 'main', target: 'numbers' }],
  ['who', 'session', { target: 'numbers', numbers: '081234567890' }],
  ['what', 'body', {}],
  ['what', 'templateId', { kind: 'template' }],
  ['what', 'media', { kind: 'media' }],
  ['when', 'scheduledAt', { when: 'later' }],
  ['when', 'scheduledAt', { when: 'later', scheduledAt: '2020-01-01T09:00' }],
  ['when', 'cron', { when: 'repeat', repeat: 'cron' }],
  ['pace', 'sendFrom', { dayOnly: 'true', sendUntil: '21:00', delay: '3' }],
  ['pace', 'delay', { delay: '0' }],
];

describe('the wizard', () => {
  it('says what to do without a session, and offers what there is', async () => {
    expect(await read(`${BASE}/new`, await t.tenant())).toContain('Link a number first');
    const listId = await w.list(contacts(3));
    const text = await read(`${BASE}/new?listId=${listId}`);
    expect(text).toContain(`<option value="${listId}" selected="">Customers (3)</option>`);
    const { id } = await writeDraft(post, { session: 'main', listId });
    expect(await read(draftPath(id, 'when'))).toContain('Asia/Jakarta');
  });

  it('reviews a campaign without making it: for three people of the list, with what is missing and who is left out', async () => {
    const listId = await w.list(contacts(5));
    await w.post('/opt-outs', { numbers: [contacts(1)[0]?.phone] });
    await w.setSession('main', { limits: { newContactsPerDay: 2 } });
    const body = 'Hi *{name}*, {street} has {{news|offers}}';
    const { id } = await writeDraft(post, { session: 'main', listId, body, delay: '2' });
    const text = await read(draftPath(id, 'review'));
    expect(text).toContain('<b>4</b>');
    expect(text).toContain('1 opted out and are skipped');
    expect(text).toContain('{street} stays empty for 5 of 5');
    expect(text).toContain('about 4 have never exchanged a message with this number');
    expect(text).toContain('At most 2 of them get a message on the first day. Reaching all takes 2 days.');
    expect(text.match(/<strong>Person \d<\/strong>/g)).toHaveLength(3);
    expect(text).toContain('Duration');
    const indonesian = await read(draftPath(id, 'review'), w.tenant, 'id');
    expect(indonesian).toContain('{street} kosong untuk 5 dari 5');
    expect(indonesian).toContain('Untuk semuanya perlu 2 hari.');
    expect(await read(BASE)).toContain('No campaigns yet');
  });

  it('asks for what is missing, and starts nothing before', async () => {
    const { id, start: begin } = await writeDraft(post, {
      session: 'main',
      target: 'numbers',
      numbers: '0812',
    });
    const text = await read(draftPath(id, 'review'));
    expect(text).toContain('Something is missing');
    expect(text).not.toContain('Start campaign');
    expect((await begin()).status).toBe(400);
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
        dayOnly: 'true',
        sendFrom: '07:00',
        sendUntil: '21:00',
      },
      {
        scheduledAt: '2026-01-07T09:30',
        timezone: 'Asia/Jakarta',
        quietHours: { from: '21:00', to: '07:00' },
      },
    ],
  ])('shows the request that it stands for: %s', async (verb, extra, expected) => {
    const form = {
      session: 'main',
      target: 'numbers',
      numbers: '081234567890',
      body: "It's <b>",
      delay: '2',
      ...extra,
    };
    const { id } = await writeDraft(post, form);
    expect(await read(draftPath(id, 'review'))).toContain(`hx-post="${draftPath(id, 'code')}"`);
    const reply = await t.visit(draftPath(id, 'code'), {
      as: w.tenant,
      form: {},
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

  it('names the field of a step that is missing or wrong, and keeps what was typed', async () => {
    for (const [step, field, form] of WRONG) {
      const id = newId();
      const page = { step, savedBy: newId(), version: '0', ...form };
      const next = { as: w.tenant, form: page, headers: { 'hx-request': 'true' } };
      const reply = await t.visit(draftPath(id, step), next);
      expect(reply.status, field).toBe(400);
      expect(await reply.text()).toContain(`data-field="${field}"`);
      expect(await read(draftPath(id, step))).toContain('name="version" value="1"');
    }
  });

  it('keeps what was chosen: numbers, pace and safety', async () => {
    const path = await start({
      target: 'numbers',
      numbers: '081234567890, 0812-3456-7891\n081234567890',
      body: 'Hi {name|Kak}',
      campaignName: 'Careful',
      delay: '2.5',
      dailyCap: '100',
      dayOnly: 'true',
      sendFrom: '08:00',
      sendUntil: '21:00',
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
    const { start: begin } = await writeDraft(post, { session: 'main', ...target });
    expect((await begin()).status).toBe(429);
  });

  it('sends by day in a new form, at any time where that is switched off, and at once over the API', async () => {
    const { id } = await writeDraft(post, { session: 'main' });
    const fresh = newId();
    const first = { step: 'who', savedBy: newId(), version: '0', session: 'main' };
    await post(draftPath(fresh, 'save'), first);
    const pace = await read(draftPath(fresh, 'pace'));
    expect(pace).toMatch(/name="dayOnly" value="true" checked/);
    expect(pace).toMatch(/name="sendFrom" type="time"[^>]* value="08:00"/);
    expect(pace).toMatch(/name="sendUntil" type="time"[^>]* value="20:00"/);
    await post(draftPath(id, 'save'), { step: 'pace', savedBy: newId(), version: '5', delay: '3' });
    expect(await read(draftPath(id, 'pace'))).not.toMatch(/name="dayOnly" value="true" checked/);
    const told = await w.post('/send', { numbers: ['081234567890'], message: 'Hi' });
    const { options } = Object(await w.campaign(String(Object(told.body.data).id)));
    expect(options).not.toHaveProperty('quietHours');
  });

  it('has the usual pace where that step was left out, and none where all of it was unticked', async () => {
    const target = { session: 'main', target: 'numbers', numbers: '081234567890', body: 'Hi' };
    const skipped = await writeDraft(post, target, ['who', 'what', 'when', 'review']);
    const path = (await skipped.start()).headers.get('location') ?? '';
    expect(await rowOf(path)).toMatchObject({
      delayMs: 3_000,
      options: { checkNumbers: true, quietHours: { from: 1_200, to: 480 } },
    });
    const real = withPace({ config: { ...w.t.deps.config, waServer: null } }, {});
    expect(real).toMatchObject({ warmUp: 'true', checkNumbers: 'true', dayOnly: 'true' });
    const { id } = await writeDraft(post, target);
    const pace = await read(draftPath(id, 'pace'));
    expect(pace).toMatch(/name="checkNumbers" value="true"/);
    expect(pace).not.toMatch(/name="(checkNumbers|warmUp|dayOnly)" value="true" checked/);
  });
});

describe('a draft', () => {
  const save = (id: string, form: Record<string, string>, as?: Tenant) =>
    post(draftPath(id, 'save'), form, as);

  it('goes on where it was left, leads back from the list, and goes when its campaign is made, once', async () => {
    const listId = await w.list(contacts(2));
    const written = await writeDraft(post, { session: 'main', listId, body: 'Hello there', delay: '1' });
    expect(await read(draftPath(written.id, 'what'))).toContain('>Hello there</textarea>');
    expect(await read(BASE)).toContain(draftPath(written.id));
    expect(await read(`${BASE}/new`)).toContain('You have 1 unfinished draft.');
    const [one, two] = await Promise.all([written.start(), written.start()]);
    expect([one.status, two.status].sort()).toEqual([303, expect.any(Number)]);
    expect(await w.t.deps.db.select().from(campaigns)).toHaveLength(1);
    expect(await w.t.deps.db.select().from(campaignDrafts)).toEqual([]);
    expect((await t.visit(draftPath(written.id, 'what'), { as: w.tenant })).status).toBe(404);
    const late = await save(written.id, { ...written.page, version: '3', step: 'what', body: 'x' });
    expect(await late.text()).toContain('no longer exists');
    expect(await w.t.deps.db.select().from(campaignDrafts)).toEqual([]);
  });

  it('is not overwritten by another tab until somebody says so', async () => {
    const { id, page } = await writeDraft(post, { session: 'main', body: 'mine' });
    const other = { savedBy: newId(), step: 'what', body: 'theirs' };
    const stale = await save(id, { ...other, version: '1' });
    const said = await stale.text();
    expect(said).toContain('changed in another tab');
    expect(said).toContain('name="version" value="1"');
    expect(await read(draftPath(id, 'what'))).toContain('>mine</textarea>');
    // It goes on being refused: what was said changes nothing by itself.
    expect(await (await save(id, { ...other, version: '1' })).text()).toContain('changed in another tab');
    const replacing = /name="replacing" value="(\d+)"/.exec(said)?.[1] ?? '';
    const kept = await post(draftPath(id, 'what'), { ...other, version: '1', replacing });
    expect(kept.headers.get('location')).toBe(draftPath(id, 'what'));
    expect(await read(draftPath(id, 'what'))).toContain('>theirs</textarea>');
    const back = await save(id, { ...page, version: '5', step: 'what', body: 'mine again' });
    expect(await back.text()).toContain('changed in another tab');
    const refused = await post(draftPath(id, 'start'), { ...page, version: '5', step: 'review' });
    expect(refused.status).toBe(409);
  });

  it('takes one of two saves of the same moment', async () => {
    const { id } = await writeDraft(post, { session: 'main' });
    const saves = ['a', 'b', 'c'].map((body) =>
      save(id, { savedBy: newId(), version: '5', step: 'what', body }),
    );
    const answers = await Promise.all((await Promise.all(saves)).map((reply) => reply.text()));
    expect(answers.filter((text) => text.includes('Draft saved.'))).toHaveLength(1);
  });

  it('is found by nobody else, and its id is taken by nobody else', async () => {
    const { id, page } = await writeDraft(post, { session: 'main', body: 'Secret plan' });
    const stranger = await t.tenant();
    for (const step of ['who', 'what', 'review']) {
      const reply = await t.visit(draftPath(id, step), { as: stranger });
      expect(reply.status, step).toBe(404);
      expect(await reply.text()).not.toContain('Secret plan');
    }
    for (const act of ['start', 'test', 'code', 'delete', 'what']) {
      const form = { ...page, step: 'what', body: 'mine', testTo: '+6281234567890' };
      expect((await post(draftPath(id, act), form, stranger)).status, act).toBe(404);
    }
    const taken = await save(id, { ...page, step: 'what', body: 'mine' }, stranger);
    expect(await taken.text()).toContain('no longer exists');
    expect(await read(BASE, stranger)).not.toContain(id);
    expect(await read(draftPath(id, 'what'))).toContain('>Secret plan</textarea>');
  });

  it('is deleted, and one too many is refused, in words', async () => {
    const { id } = await writeDraft(post, { session: 'main' });
    expect((await post(draftPath(id, 'delete'))).headers.get('location')).toBe(BASE);
    expect((await post(draftPath(id, 'delete'))).status).toBe(404);
    const page = { savedBy: newId(), version: '0', step: 'review', campaignName: 'Named “so”' };
    const ids = Array.from({ length: MAX_DRAFTS }, () => newId());
    for (const one of ids) await save(one, page);
    const more = newId();
    expect(await (await save(more, page)).text()).toContain(
      'Not saved. You have 20 drafts. Delete one first.',
    );
    expect((await post(draftPath(more, 'review'), page)).status).toBe(409);
    const kept = await w.t.deps.db.select({ id: campaignDrafts.id }).from(campaignDrafts);
    expect(kept.map((row) => row.id).toSorted()).toEqual(ids.toSorted());
    const [first = ''] = ids;
    const body = 'A text of more than sixty characters, of which a list shows no more than that.';
    await save(first, { ...page, step: 'what', version: '1', body });
    const list = await read(BASE);
    expect(list.match(/Named “so”/g)).toHaveLength(MAX_DRAFTS);
    expect(list).toContain(`${body.slice(0, 60)} ·`);
    await post(draftPath(first, 'delete'));
    expect(await (await save(more, page)).text()).toContain('Draft saved.');
  });

  it('is saved by two saves of one page at once, and starts in spite of one that changed nothing', async () => {
    const id = newId();
    const page = {
      savedBy: newId(),
      step: 'who',
      session: 'main',
      target: 'numbers',
      numbers: '081234567890',
    };
    const both = async (version: string) => {
      const replies = await Promise.all([1, 2, 3].map(() => save(id, { ...page, version })));
      for (const reply of replies) expect(await reply.text()).toContain('Draft saved.');
    };
    await both('0');
    await both('1');
    const ctx = { ...w.t.deps, actor: { userId: w.tenant.id, personId: w.tenant.id } } as unknown as Ctx;
    const seen = { id, version: 1, data: {} };
    const take = (draft: typeof seen, savedBy: string) =>
      transact(w.t.deps.database, (tx) => takeDraft(tx, ctx, draft, savedBy));
    const [row] = await w.t.deps.db.select().from(campaignDrafts);
    const same = { ...seen, data: Object(row?.data) };
    await expect(take(seen, page.savedBy)).rejects.toThrow('changed elsewhere');
    await expect(take(same, newId())).rejects.toThrow('changed elsewhere');
    await take(same, page.savedBy);
    expect(await w.t.deps.db.select().from(campaignDrafts)).toEqual([]);
  });

  it('sends a test as an ordinary message, filled in for the first recipient', async () => {
    const listId = await w.list(contacts(3));
    const { id } = await writeDraft(post, { session: 'main', listId, body: 'Hi {name}' });
    const reply = await t.visit(draftPath(id, 'test'), {
      as: w.tenant,
      form: { testTo: '+62 812-9999-8888' },
      headers: { 'hx-request': 'true' },
    });
    expect(await reply.text()).toContain('is in the queue');
    await w.clock.advance(10_000);
    const [row] = await w.t.deps.db.select().from(messages).where(eq(messages.phone, '6281299998888'));
    expect(row).toMatchObject({ status: 'sent', campaignId: null, content: { text: 'Hi Person 0' } });
    expect(await read(BASE)).toContain('No campaigns yet');
    const bad = { as: w.tenant, form: { testTo: 'abc' }, headers: { 'hx-request': 'true' } };
    expect((await t.visit(draftPath(id, 'test'), bad)).status).toBe(400);
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

  it('says until when a recipient waits who was deferred', async () => {
    await w.setSession('main', { limits: { newContactsPerDay: 2 } });
    const path = await start({ listId: await w.list(contacts(4)), body: 'Hi', delay: '1' });
    await w.clock.advance(20_000);
    const waiting = (await w.recipients(path.split('/').at(-1) ?? '')).filter(
      ({ state }) => state === 'pending',
    );
    const [until] = waiting.map(({ waitingUntil }) => String(waitingUntil));
    expect(Date.parse(until ?? '')).toBeGreaterThan(w.clock.now());
    for (const [lang, word] of [
      ['en', 'Until'],
      ['id', 'Hingga'],
    ]) {
      const page = await read(`${path}/recipients?state=pending`, w.tenant, lang);
      expect(page).toMatch(new RegExp(`${word} <time[^>]*datetime="${until}"`));
    }
    const sent = await read(`${path}/recipients?state=sent`);
    expect(sent).not.toContain('Until <time');
    const exported = await w.call(`/export/campaign/${path.split('/').at(-1)}`);
    expect(exported.text).toContain(`,${until},`);
  });

  it('says how a number can be meant that was left out because it can be read in several ways', async () => {
    const id = await w.start({ numbers: ['81234567890', '081234567891'], message: 'x' });
    await w.clock.advance(10_000);
    const path = `/dashboard/broadcast/campaigns/${id}/recipients`;
    expect(await read(path)).toContain('write +6281234567890 or +81234567890');
    expect(await read(path, w.tenant, 'id')).toContain('tulis +6281234567890 atau +81234567890');
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
    const byDay = { dayOnly: 'true', sendFrom: '09:00', sendUntil: '17:30' };
    const limits = { dailyCap: '50', failurePercent: '20' };
    await post(`${copy}/edit`, { campaignName: 'Third', delay: '2', ...byDay, ...limits });
    expect((await rowOf(copy))?.options).toMatchObject({ dailyCap: 50, failurePercent: 20 });
    expect((await rowOf(copy))?.options).toMatchObject({ quietHours: { from: 1050, to: 540 } });
    expect(await read(`${copy}/edit`)).toMatch(/name="sendFrom" type="time"[^>]* value="09:00"/);
    await post(`${copy}/edit`, { campaignName: 'Third', delay: '2' });
    const { options } = (await rowOf(copy)) ?? {};
    for (const gone of ['quietHours', 'dailyCap', 'failurePercent']) expect(options).not.toHaveProperty(gone);
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

describe('what a page says of a campaign', () => {
  it('that is held, in words', async () => {
    const path = await start({ listId: await w.list(contacts(5)), body: 'Hi', delay: '1' });
    const hold = { waitingReason: 'breaker_463', waitingUntil: w.clock.now() + 3_600_000, frozenAt: 1 };
    await w.t.deps.db.update(campaigns).set(hold);
    for (const [lang, state, why] of [
      ['en', 'on hold', 'WhatsApp restricted this number'],
      ['id', 'tertahan', 'WhatsApp membatasi nomor ini'],
    ] as const) {
      for (const page of [path, BASE]) {
        const text = await read(page, w.tenant, lang);
        expect(text).toContain(`<span class="badge warn">${state}</span>`);
        expect(text).not.toMatch(/breaker|463/);
      }
      expect(await read(path, w.tenant, lang)).toContain(why);
    }
  });

  it('that was stopped: what was sent, not who was left out', async () => {
    const path = await start({ listId: await w.list(contacts(20)), body: 'Hi', delay: '1' });
    await w.clock.advance(4_000);
    await post(`${path}/stop`);
    await w.clock.advance(2_000);
    const sent = w.relayed().length;
    expect(sent).toBeLessThan(20);
    expect(await read(`${path}/numbers`)).toContain(`${sent} of 20 sent`);
    expect(await read(BASE)).toContain(`${sent} of 20 sent`);
    const { statistics } = await w.campaign(path.split('/').at(-1) ?? '');
    expect(statistics).toMatchObject({ progressPercent: Math.round((sent / 20) * 1000) / 10 });
  });

  it('that is scheduled: its recipients as the list is now, and when it runs', async () => {
    const listId = await w.list(contacts(2));
    const when = {
      when: 'repeat',
      repeat: 'weekly',
      weekday: '1',
      repeatAt: '09:00',
      timezone: 'Asia/Jakarta',
    };
    const path = await start({ listId, body: 'Hi', ...when });
    await w.post(`/lists/${listId}/contacts`, { contacts: [{ number: '+6281377777777', name: 'Newcomer' }] });
    await w.post('/opt-outs', { numbers: [contacts(1)[0]?.phone] });
    expect(await read(BASE)).toContain('3 recipients');
    expect(await read(BASE)).toContain('Mondays 09:00');
    expect(await read(path, w.tenant, 'id')).toContain('Setiap Senin 09:00 (Asia/Jakarta)');
    const people = await read(`${path}/recipients`);
    expect(people).toContain('Newcomer');
    expect(await read(path)).toContain('Waiting for its start time.');
    const until = w.clock.now() + 30_000;
    const hold = { waitingReason: 'broadcast_in_progress', waitingUntil: until };
    await w.t.deps.db.update(campaigns).set(hold);
    expect(await read(path)).toContain('Another campaign to this list is still running.');
    expect(await read(path)).not.toContain('Waiting for its start time.');
    expect(people).toContain('opted out');
    const id = path.split('/').at(-1) ?? '';
    expect((await w.recipients(id)).map(({ state }) => state).sort()).toEqual([
      'pending',
      'pending',
      'skipped',
    ]);
  });
});

it('a preview looks through few people, whatever the list has', async () => {
  const listId = await w.list(contacts(1_000));
  const text = await (await post(`${BASE}/preview`, { kind: 'text', body: 'Hi {street}', listId })).text();
  expect(text).toMatch(/\{street\} stays empty for (\d+) of \1\b/);
  expect(Number(/stays empty for (\d+)/.exec(text)?.[1])).toBeLessThan(400);
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

it('a check of numbers says how an unclear one can be meant, and while it waits since when and until when', async () => {
  const made = await w.t.call('/contacts/check', {
    method: 'POST',
    token: w.tenant.token,
    body: { session: 'main', numbers: ['81234567890', '081234567890'] },
  });
  const id = String(dataOf(made).id);
  const since = w.clock.now() - 60_000;
  const waits = { reason: 'no_answer', failingSince: since, dueAt: w.clock.now() + 30_000 };
  await w.t.deps.db.update(numberCheckJobs).set(waits).where(eq(numberCheckJobs.id, id));
  const path = `/dashboard/broadcast/checks/${id}`;
  const page = await read(path);
  expect(page).toContain('Unclear: enter +6281234567890 or +81234567890.');
  expect(page).toMatch(/Waiting since <time.*Next attempt: <time.*if there is no answer by <time/s);
  expect(page).toContain(new Date(since + 86_400_000).toISOString());
  expect(await read(path, w.tenant, 'id')).toContain('Tidak jelas: tulis +6281234567890 atau +81234567890.');
});
