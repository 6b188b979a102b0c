/** The pages of sender pools, and the forms that send from one. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { draftPath } from '../../src/controllers/dashboard/broadcast/wizard/steps.ts';
import { messages, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { addSession } from '../analytics/fixture.ts';
import { makeMember, type Tenant } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';
import { writeDraft } from './wizard.ts';
import { englishIn, shownIn } from './wording.ts';

const POOLS = '/dashboard/pools';
const HOSTILE = '"><script>alert(1)</script>';
const HX = { 'hx-request': 'true' };
const INDONESIAN = { 'accept-language': 'id' };

let t: TestDashboard;
let tenant: Tenant;
beforeAll(async () => {
  t = await openDashboard();
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  for (const name of ['one', 'two', 'three']) await addSession(t, tenant.id, name);
});

async function read(path: string, headers: Record<string, string> = {}, as = tenant): Promise<string> {
  const reply = await t.visit(path, { as, headers });
  expect(reply.status, path).toBe(200);
  return reply.text();
}
type Form = Record<string, string | readonly string[]>;
const post = (path: string, form: Form = {}, headers: Record<string, string> = {}, as = tenant) =>
  t.visit(path, { as, form, headers });
const ID = /href="\/dashboard\/pools\/([0-9a-f-]{32,36})"/;

/** Its id. */
async function make(name = 'shops', sessions: string | readonly string[] = ['one', 'two']): Promise<string> {
  const made = await post(POOLS, { name, sessions });
  expect(made.status).toBe(303);
  return ID.exec(await read(POOLS))?.[1] ?? '';
}
async function pools(): Promise<{ name: string; sessions: string[] }[]> {
  const { body } = await t.call('/pool/list', { apiKey: tenant.apiKey });
  const found = body.data as { name: string; sessions: { sessionId: string }[] }[];
  return found.map(({ name, sessions }) => ({ name, sessions: sessions.map(({ sessionId }) => sessionId) }));
}
const remove = (sessionId: string) =>
  t.deps.db
    .delete(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, tenant.id), eq(whatsappAccounts.sessionId, sessionId)));

describe('a pool', () => {
  it('is made of ticked sessions, changed and deleted after a question that says what is lost', async () => {
    expect(await read('/dashboard/sessions')).toContain(`href="${POOLS}"`);
    expect(await read(POOLS)).toContain('No sender pools yet');
    expect(await read(`${POOLS}/new`)).toContain('<input type="checkbox" name="sessions" value="three"/>');
    const id = await make();
    expect(await pools()).toEqual([{ name: 'shops', sessions: ['one', 'two'] }]);
    const list = await read(POOLS);
    for (const name of ['one', 'two']) expect(list).toContain(`href="/dashboard/sessions/${name}"`);
    expect(list).not.toContain('href="/dashboard/sessions/three"');
    const edit = await read(`${POOLS}/${id}`);
    expect(edit).toContain('<input type="checkbox" name="sessions" value="one" checked=""/>');
    expect(edit).toContain('<input type="checkbox" name="sessions" value="three"/>');
    expect(edit).toMatch(/hx-confirm="Delete the pool shops\? Its list of sessions is lost/);
    await post(`${POOLS}/${id}`, { name: 'branches', sessions: 'three' });
    expect(await pools()).toEqual([{ name: 'branches', sessions: ['three'] }]);
    expect((await post(`${POOLS}/${id}/delete`)).headers.get('location')).toBe(POOLS);
    expect(await pools()).toEqual([]);
    expect(await read('/dashboard/sessions')).toContain('href="/dashboard/sessions/three"');
  });

  it('shows its name, which a person chose, as text', async () => {
    const id = await make(HOSTILE);
    for (const path of [POOLS, `${POOLS}/${id}`, '/dashboard/messages/new', '/dashboard/otp']) {
      const page = await read(path);
      expect(page, path).toContain('&lt;script&gt;alert(1)');
      expect(page, path).not.toContain('<script>alert');
    }
  });

  it('is in Indonesian, too', async () => {
    const id = await make();
    for (const path of [POOLS, `${POOLS}/new`, `${POOLS}/${id}`]) {
      const page = await read(path, INDONESIAN);
      expect(page).toMatch(/pool/i);
      // Its name and those of its sessions are words that a person chose.
      expect(englishIn(shownIn(page).replace(/\b(?:one|two|three|shops)\b/g, ''))).toEqual([]);
    }
  });

  it('is refused without a session, with too many, with a foreign one, and with a name that is taken', async () => {
    await make();
    const foreign = await t.tenant();
    await addSession(t, foreign.id, 'theirs');
    const many = Array.from({ length: 21 }, (_, i) => `s${i}`);
    const cases: [Form, number, string, string][] = [
      [{ name: 'a' }, 400, 'data-field="sessions"', 'data-field="sessions"'],
      [{ name: 'a', sessions: many }, 400, 'data-field="sessions"', 'data-field="sessions"'],
      [{ sessions: 'one' }, 400, 'data-field="name"', 'wajib diisi'],
      [{ name: 'a', sessions: 'theirs' }, 404, 'There is no session theirs.', 'Sesi theirs tidak ditemukan.'],
      [{ name: 'shops', sessions: 'one' }, 409, 'There is a pool shops already.', 'Pool shops sudah ada.'],
    ];
    for (const [form, status, en, id] of cases) {
      const refused = await post(POOLS, form, HX);
      expect(refused.status).toBe(status);
      expect(await refused.text()).toContain(en);
      expect(await (await post(POOLS, form, { ...HX, ...INDONESIAN })).text()).toContain(id);
    }
    expect(await pools()).toHaveLength(1);
  });

  it('says which of its sessions were deleted, and loses them when it is saved', async () => {
    const id = await make();
    await remove('two');
    expect(await read(POOLS)).toContain('deleted, skipped');
    const edit = await read(`${POOLS}/${id}`);
    expect(edit).toContain('These sessions no longer exist and are skipped: two.');
    expect(edit).not.toContain('value="two"');
    expect((await post(`${POOLS}/${id}`, { name: 'shops', sessions: 'one' })).status).toBe(303);
    expect(await pools()).toEqual([{ name: 'shops', sessions: ['one'] }]);
  });

  it('keeps a session that is beyond those which the form lists', async () => {
    for (let i = 0; i < 200; i++) await addSession(t, tenant.id, `s${i}`, { status: 'disconnected' });
    // The form lists the oldest.
    await addSession(t, tenant.id, 'late', { createdAt: Date.now() + 60_000 });
    expect(await read(`${POOLS}/new`)).not.toContain('value="late"');
    const id = await make('late', 'late');
    expect(await read(`${POOLS}/${id}`)).toContain('name="sessions" value="late" checked=""');
  });

  it('is nobody else’s, and a member of one session sees only one of that session alone', async () => {
    const id = await make();
    const stranger = await t.tenant();
    await addSession(t, stranger.id, 'one');
    const member = await makeMember(t.deps, tenant.id, 'operator', { sessionId: 'one' });
    for (const as of [stranger, member]) {
      expect(await read(POOLS, {}, as)).not.toContain('shops');
      expect((await t.visit(`${POOLS}/${id}`, { as })).status).toBe(404);
      expect((await post(`${POOLS}/${id}`, { name: 'x', sessions: 'one' }, {}, as)).status).toBe(404);
      expect((await post(`${POOLS}/${id}/delete`, {}, {}, as)).status).toBe(404);
      expect((await post('/dashboard/messages', message(id), HX, as)).status).toBe(404);
    }
    expect(await pools()).toEqual([{ name: 'shops', sessions: ['one', 'two'] }]);
    await post(`${POOLS}/${id}`, { name: 'shops', sessions: 'one' });
    expect(await read(POOLS, {}, member)).toContain('shops');
  });

  it('is shown to a viewer without a way to change it', async () => {
    const id = await make();
    const viewer = await makeMember(t.deps, tenant.id, 'viewer');
    const list = await read(POOLS, {}, viewer);
    expect(list).toContain('shops');
    expect(list).not.toContain(id);
    for (const path of [`${POOLS}/new`, `${POOLS}/${id}`]) {
      expect((await t.visit(path, { as: viewer })).headers.get('location')).toBe(POOLS);
    }
  });
});

const message = (poolId: string) => ({
  session: `pool:${poolId}`,
  to: '+6281234567890',
  kind: 'text',
  text: 'hi',
});

describe('the composer', () => {
  it('offers pools beside the sessions, and sends from one', async () => {
    expect(await read('/dashboard/messages/new')).not.toContain('value="pool:');
    const id = await make();
    const page = await read('/dashboard/messages/new');
    expect(page).toMatch(/<optgroup label="Pools"><option value="pool:[^"]+">shops \(2 sessions\)/);
    const chosen = await read(`/dashboard/messages/new?session=${encodeURIComponent(`pool:${id}`)}`);
    expect(chosen).toContain(`<option value="pool:${id}" selected=""`);
    expect(await read(POOLS)).toContain(`/dashboard/messages/new?session=pool%3A${id}`);
    const sent = await post('/dashboard/messages', message(id), HX);
    expect(sent.status).toBe(200);
    const [row] = await t.deps.db.select().from(messages).where(eq(messages.userId, tenant.id));
    expect(['one', 'two']).toContain(row?.sessionId);
    expect(await sent.text()).toContain(`from ${row?.sessionId}`);
  });

  it('sends from several sessions that are ticked, and wants one of them', async () => {
    expect(await read('/dashboard/messages/new')).toContain('<option value="several:">several sessions…');
    const several = { ...message(''), session: 'several:' };
    await post('/dashboard/messages', { ...several, sessions: ['two', 'three'] }, HX);
    const [row] = await t.deps.db.select().from(messages).where(eq(messages.userId, tenant.id));
    expect(['two', 'three']).toContain(row?.sessionId);
    expect((await post('/dashboard/messages', { ...several, sessions: 'two' }, HX)).status).toBe(200);
    const refused = await post('/dashboard/messages', several, { ...HX, ...INDONESIAN });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('data-field="sessions"');
    const unknown = await post('/dashboard/messages', { ...several, sessions: ['two', 'nobody'] }, HX);
    expect(unknown.status).toBe(404);
  });

  it('still takes a session, and names the field when there is neither', async () => {
    await make();
    await post('/dashboard/messages', { ...message(''), session: 'three' }, HX);
    const [row] = await t.deps.db.select().from(messages).where(eq(messages.userId, tenant.id));
    expect(row?.sessionId).toBe('three');
    const refused = await post(
      '/dashboard/messages',
      { ...message(''), session: '' },
      { ...HX, ...INDONESIAN },
    );
    expect(refused.status).toBe(400);
    expect(await refused.text()).toMatch(/data-field="session"><b>Sesi<\/b> wajib diisi/);
  });

  it('says that a pool was deleted in the meantime', async () => {
    const id = await make();
    await post(`${POOLS}/${id}/delete`);
    const refused = await post('/dashboard/messages', message(id), { ...HX, ...INDONESIAN });
    expect(refused.status).toBe(404);
    expect(await refused.text()).toContain('tidak ditemukan');
  });
});

describe('a campaign', () => {
  const draft = { target: 'numbers', numbers: '081234567891', body: 'hi', when: 'repeat' };
  const later = { ...draft, repeatAt: '09:00', timezone: 'UTC' };

  it('is made of a pool or of ticked sessions, and shows the part of each', async () => {
    const id = await make('both', ['two', 'three']);
    expect(await read(POOLS)).toContain(`/dashboard/broadcast/new?session=pool%3A${id}`);
    const wizard = await read(`/dashboard/broadcast/new?session=${encodeURIComponent(`pool:${id}`)}`);
    expect(wizard).toContain(`<option value="pool:${id}" selected=""`);
    expect(wizard).toContain('<input type="checkbox" name="sessions" value="one"/>');
    const written = await writeDraft(post, { ...later, session: `pool:${id}` });
    expect(await read(draftPath(written.id, 'review'))).toContain('both: two, three');
    for (const [sender, shown] of [
      [{ session: `pool:${id}` }, ['two', 'three']],
      [{ session: 'several:', sessions: ['three', 'one'] }, ['three', 'one']],
    ] as const) {
      const made = await (await writeDraft(post, { ...later, ...sender })).start();
      expect(made.status).toBe(303);
      const path = made.headers.get('location') ?? '';
      const page = await read(path);
      expect(page).toContain('By number');
      expect(page).toContain(`<dd>${shown.join(', ')}</dd>`);
      for (const name of shown) expect(page).toContain(`href="/dashboard/sessions/${name}"`);
      expect(englishIn(shownIn(await read(path, INDONESIAN)))).toEqual([]);
      expect(await read('/dashboard/broadcast')).toContain('2 sessions');
    }
    await remove('three');
    expect(await read('/dashboard/broadcast')).toContain('2 sessions');
  });

  it('of one ticked session is one of that session alone, and of none is refused', async () => {
    const made = await (await writeDraft(post, { ...later, session: 'several:', sessions: 'two' })).start();
    const page = await read(made.headers.get('location') ?? '');
    expect(page).not.toContain('By number');
    expect(page).toContain('<dd>two</dd>');
    const step = { ...later, session: 'several:', step: 'who', savedBy: newId(), version: '0' };
    const refused = await post(draftPath(newId(), 'who'), step, HX);
    expect(await refused.text()).toContain('data-field="sessions"');
  });
});

it('a login code is sent from a pool, and its page says from which session', async () => {
  expect(await read('/dashboard/otp')).not.toContain('value="pool:');
  const id = await make('codes', 'two');
  expect(await read('/dashboard/otp')).toContain(`<option value="pool:${id}"`);
  const sent = await post('/dashboard/otp/send', { session: `pool:${id}`, to: '081234567899' });
  expect(sent.status).toBe(303);
  const page = await read(sent.headers.get('location') ?? '');
  expect(page).toMatch(/<dt>Sent from<\/dt><dd>two<\/dd>/);
});
