/** What needs a person, on the pages: where it is read, what it leads to, and the script that shows its times. */
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DASHBOARD_SCRIPT } from '../../src/controllers/dashboard/assets/script.ts';
import { assetPath } from '../../src/controllers/dashboard/assets.ts';
import { activityLogs, whatsappAccounts } from '../../src/db/schema.ts';
import { currentWork } from '../../src/db/work.ts';
import { serviceAlarm } from '../../src/services/alarms/alarms.ts';
import { readAlarms } from '../../src/services/alarms/state.ts';
import { alarmPath } from '../../src/services/alarms/words.ts';
import { newId } from '../../src/utils/ids.ts';
import { makeMember, type Tenant } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

const HOUR_MS = 3_600_000;

let t: TestDashboard;
beforeAll(async () => {
  t = await openDashboard({ config: { allowPrivateUrls: true } });
});
afterAll(() => t.close());
afterEach(() => vi.restoreAllMocks());

/** A session that was linked, and went. */
async function gone(
  { id: userId }: Pick<Tenant, 'id'>,
  sessionId: string,
  more: Partial<typeof whatsappAccounts.$inferInsert> = {},
): Promise<void> {
  const now = t.deps.clock.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id: newId(now),
    userId,
    sessionId,
    status: 'logged_out',
    reason: 'device_removed',
    pairing: 'qr',
    phoneNumber: '6281234567890',
    connectedAt: now - 9 * HOUR_MS,
    disconnectedAt: now - HOUR_MS,
    createdAt: now,
    updatedAt: now,
    ...more,
  });
}

const read = async (path: string, as: Tenant, headers: Record<string, string> = {}) =>
  (await t.visit(path, { as, headers })).text();

describe('alarms are read', () => {
  it('for whole pages only, as work of the tenant, and a page without them is shown when that fails', async () => {
    const user = await t.tenant();
    await gone(user, 'otp-1');
    const asked: (number | null)[] = [];
    const { alarms } = t.deps.statistics;
    const real = alarms.get.bind(alarms);
    const get = vi.spyOn(alarms, 'get').mockImplementation((key, work) => {
      asked.push(currentWork().tenant);
      return real(key, work);
    });
    expect(await read('/dashboard/usage', user)).toContain('data-alarms="1"');
    expect(asked).toEqual([user.id]);
    asked.length = 0;
    expect((await t.visit(assetPath('dashboard.js'), { as: user })).status).toBe(200);
    expect((await t.visit('/dashboard/language', { as: user, form: { lang: 'en' } })).status).toBe(303);
    expect(asked).toEqual([]);
    expect(await read('/dashboard/nothing', user)).toContain('data-alarms="1"');
    expect(asked, 'an address that nobody has').toEqual([user.id]);
    get.mockRejectedValue(new Error('away'));
    const page = await t.visit('/dashboard/usage', { as: user });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('data-alarms="0"');
  });

  it('in one statement for the refused codes of all sessions, each from its own end', async () => {
    const user = await t.tenant();
    const now = t.deps.clock.now();
    for (const n of [1, 2, 3]) await gone(user, `otp-${n}`, { disconnectedAt: now - n * HOUR_MS });
    for (const n of [1, 2, 3]) {
      await t.deps.db.insert(activityLogs).values({
        id: newId(now),
        userId: user.id,
        sessionId: `otp-${n}`,
        event: 'otp.send',
        action: 'otp_send',
        status: 'failure',
        data: { code: 'NOT_CONNECTED' },
        at: now - 1.5 * HOUR_MS,
      });
    }
    const scans = vi.spyOn(t.deps.database.scan, 'select');
    const scope = { userId: user.id, sessionIds: null };
    const counts = async () =>
      (await readAlarms(t.deps, scope)).map(({ sessionId, count }) => [sessionId, count]).sort();
    const expected = [
      ['otp-1', 0],
      ['otp-2', 1],
      ['otp-3', 1],
    ];
    expect(await counts()).toEqual(expected);
    const once = scans.mock.calls.length;
    expect(await counts()).toEqual(expected);
    expect(scans.mock.calls.length, 'kept for a moment').toBe(once);
    scans.mockClear();
    const other = await t.tenant();
    for (const n of [1, 2, 3, 4, 5, 6]) await gone(other, `otp-${n}`);
    await readAlarms(t.deps, { userId: other.id, sessionIds: null });
    expect(scans.mock.calls.length, 'no more for more sessions').toBe(once);
  });

  it('within the limits, also for an address that nobody has', async () => {
    const user = await t.tenant();
    const first = await t.visit('/dashboard/nothing', { as: user });
    const second = await t.visit('/dashboard/nothing', { as: user });
    const left = (reply: Response) => Number(/;r=(\d+);/.exec(reply.headers.get('ratelimit') ?? '')?.[1]);
    expect(left(second)).toBe(left(first) - 1);
  });
});

describe('an alarm leads on', () => {
  it('to what helps: a new link, a restart, or the page of the session', async () => {
    const user = await t.tenant();
    await gone(user, 'again');
    await gone(user, 'elsewhere', { status: 'replaced', reason: 'replaced', paired: true });
    await gone(user, 'banned', { status: 'failed', reason: 'forbidden', paired: true });
    const page = await read('/dashboard/alerts', user);
    expect(page).toContain('action="/dashboard/sessions/again/link"');
    expect(page).toContain('name="phoneNumber" value="+6281234567890"');
    expect(page).toContain('action="/dashboard/sessions/elsewhere/restart"');
    for (const id of ['elsewhere', 'banned']) expect(page).not.toContain(`/dashboard/sessions/${id}/link`);
    expect(page).toContain('href="/dashboard/sessions/banned"');
    const viewer = await makeMember(t.deps, user.id, 'viewer');
    const seen = await read('/dashboard', viewer);
    expect(seen).toContain('again was logged out');
    expect(seen).not.toContain('Continue linking');
    expect(alarmPath(serviceAlarm('storage_down'))).toBe('/dashboard/admin/system');
  });

  it('nowhere on the page that it leads to, also when the strip is fetched again', async () => {
    const user = await t.tenant();
    await gone(user, 'banned', { status: 'failed', reason: 'forbidden', paired: true });
    const link = 'href="/dashboard/sessions/banned"';
    const part = (on: string) =>
      read('/dashboard/alarms', user, { 'hx-request': 'true', 'hx-current-url': `http://hub.test${on}` });
    expect(await part('/dashboard/usage?x=1')).toContain(link);
    expect(await part('/dashboard/sessions/banned?x=1')).not.toContain(link);
  });

  it('to words for each end', async () => {
    const user = await t.tenant();
    await gone(user, 'a', { status: 'failed', reason: 'phone_mismatch' });
    await gone(user, 'b', { status: 'failed', reason: 'duplicate_phone' });
    const page = await read('/dashboard', user);
    expect(page).toContain('a was linked to another phone');
    expect(page).toContain('b was linked to a phone that another session has');
  });
});

it('the alerts are found by their name, by those who may set them', async () => {
  const owner = await t.tenant();
  expect(await read('/dashboard/search?q=alerts', owner)).toContain('href="/dashboard/alerts"');
});

it('what signs a webhook of alerts is shown on the page, and is in no cookie', async () => {
  const user = await t.tenant();
  const form = {
    name: 'On call',
    type: 'webhook',
    target: 'https://hooks.example.com/alarms',
    language: 'en',
  };
  const reply = await t.visit('/dashboard/alerts', { as: user, form, headers: { 'hx-request': 'true' } });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('set-cookie') ?? '').not.toContain('whsec_');
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(await reply.text()).toMatch(/<input id="secret"[^>]*value="whsec_/);
});

describe('the script of the pages', () => {
  /** Runs it in a browser that has one time on its page. */
  function show(zone: string) {
    const time = { dateTime: '2027-01-04T21:00:00Z', dataset: {}, textContent: '', title: '' };
    const none = { addEventListener: () => undefined, postMessage: () => undefined };
    const document = {
      ...none,
      documentElement: { lang: 'en', dataset: {} },
      body: { dataset: { zone } },
      getElementById: () => null,
      querySelector: () => null,
      querySelectorAll: (selector: string) => (selector === 'time[datetime]' ? [time] : []),
    };
    const setInterval = () => undefined;
    runInNewContext(DASHBOARD_SCRIPT, { document, window: none, location: {}, setInterval });
    return time.textContent;
  }

  it('shows times in the zone of the workspace, and in UTC where the browser does not know that', () => {
    expect(show('Asia/Jakarta')).toMatch(/04:00:00 WIB$/);
    expect(show('Mars/Olympus')).toMatch(/21:00:00 UTC$/);
  });
});
