/** Looking many numbers up, and taking people who have written into a list. */
import { eq, inArray } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import {
  messages,
  numberCheckItems,
  numberCheckJobs,
  optOuts,
  waContacts,
  waPeople,
  whatsappAccounts,
  workspaces,
} from '../../src/db/schema.ts';
import { lookUpNumbers } from '../../src/services/number-checks/lookup.ts';
import { forgetNumberChecks } from '../../src/services/number-checks/retention.ts';
import { checkNext, claimCheck, releaseChecks } from '../../src/services/number-checks/work.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { dataOf, enterAs, openWorld, rowsOf, type World } from './fixture.ts';

const PACE_MS = 10_000;
const clock = createFakeClock(Date.UTC(2026, 0, 5, 3));
let w: World;
/** Numbers that WhatsApp does not know, those that it says nothing of, and how many were asked for in each question. */
const unknown = new Set<string>();
const leftOut = new Set<string>();
const asked: number[] = [];
let deaf = false;
beforeAll(async () => {
  w = await openWorld({ clock });
  w.t.deps.commands.handle(async (_account, name, input) => {
    if (name !== 'check_numbers') throw new Error(`${name} is not answered here`);
    const { phones } = Object(input) as { phones: string[] };
    asked.push(phones.length);
    if (deaf) throw new AppError('UNAVAILABLE', 'no answer');
    const told = phones.filter((phone) => !leftOut.has(phone));
    const checks = told.map((phone) =>
      unknown.has(phone)
        ? { phone, exists: false, jid: null, lid: null }
        : { phone, exists: true, jid: `${phone}@s.whatsapp.net`, lid: null },
    );
    return Object(checks);
  });
});
afterAll(() => w.close());

let next = 0;
const newNumber = () => `62813${String(10_000_000 + ++next)}`;
const numbersOf = (n: number) => Array.from({ length: n }, newNumber);

const at = (path: string, world = w) => world.t.call(`/contacts/check${path}`, { token: world.tenant.token });
const start = (numbers: readonly string[], world = w) =>
  world.t.call('/contacts/check', {
    method: 'POST',
    token: world.tenant.token,
    body: { session: 'main', numbers },
  });
const startedId = async (numbers: readonly string[], world = w) =>
  String(dataOf(await start(numbers, world)).id);

const setStatus = (status: 'connected' | 'disconnected') =>
  w.t.deps.db.update(whatsappAccounts).set({ status }).where(eq(whatsappAccounts.id, w.accountId));

/** One question of whatever is due; false when nothing is. */
async function work(processId = w.t.deps.commands.processId): Promise<boolean> {
  const job = await claimCheck(w.t.deps, processId, new Map());
  if (job === null) return false;
  await checkNext(w.t.deps, job, PACE_MS);
  return true;
}

async function workAll(): Promise<number> {
  let questions = 0;
  for (let quiet = 0; quiet < 2; await clock.advance(2 * PACE_MS)) {
    const worked = await work();
    quiet = worked ? 0 : quiet + 1;
    if (worked) questions++;
  }
  return questions;
}

describe('a check of many numbers', () => {
  it('answers with a job that asks 50 at a time and tells of every number, in their order', async () => {
    const numbers = numbersOf(120);
    const absent = numbers[60] ?? '';
    unknown.add(absent);
    asked.length = 0;
    const id = await startedId([...numbers, 'no number', '0812-3456-7890']);
    expect(dataOf(await at(`/${id}`))).toMatchObject({ status: 'running', total: 122, done: 0 });
    expect(await work()).toBe(true);
    expect(dataOf(await at(`/${id}`))).toMatchObject({ status: 'running', done: 50, registered: 50 });
    // The session is left alone for a while.
    expect(await work()).toBe(false);
    await clock.advance(2 * PACE_MS);
    expect(await workAll()).toBe(2);
    expect(asked).toEqual([50, 50, 21]);
    expect(dataOf(await at(`/${id}`))).toMatchObject({
      status: 'completed',
      reason: null,
      done: 122,
      percent: 100,
      registered: 120,
      notRegistered: 1,
      invalid: 1,
    });
    const page = await at(`/${id}/numbers?limit=100&cursor=60`);
    expect(rowsOf(page).map(({ position }) => position)).toEqual(
      Array.from({ length: 62 }, (_, i) => 61 + i),
    );
    expect(rowsOf(page)[0]).toMatchObject({ phone: `+${absent}`, state: 'not_registered', jid: null });
    expect(rowsOf(page).at(-2)).toMatchObject({ number: 'no number', phone: null, state: 'invalid' });
    expect(rowsOf(page).at(-1)).toMatchObject({ number: '0812-3456-7890', phone: '+6281234567890' });
    expect(rowsOf(await at(`/${id}/numbers?state=not_registered`))).toHaveLength(1);
    const csv = (await at(`/${id}/csv`)).text.split('\r\n');
    expect(csv).toHaveLength(124);
    expect(csv[61]).toMatch(new RegExp(`^${absent},\\+${absent},not_registered,,2026-`));
  });

  it('says how a number can be meant that can be read in several ways', async () => {
    const id = await startedId(['81234567890', '+6281234567890', '08x']);
    const readings = ['+6281234567890', '+81234567890'];
    const rows = rowsOf(await at(`/${id}/numbers`));
    expect(rows.map((row) => row.readings)).toEqual([readings, [], []]);
    expect(rows[0]).toMatchObject({ state: 'invalid', phone: null });
    await workAll();
  });

  it('goes on after its process was killed, from the place where it was', async () => {
    const id = await startedId(numbersOf(70));
    await work();
    await clock.advance(2 * PACE_MS);
    asked.length = 0;
    // Killed between the claim and the answers: the process is not among the living any more.
    expect(await claimCheck(w.t.deps, newId(), new Map())).toMatchObject({ id, done: 50 });
    expect(await work()).toBe(false);
    await releaseChecks(w.t.deps, w.t.deps.commands.processId);
    expect(await workAll()).toBe(1);
    expect(asked).toEqual([20]);
    expect(dataOf(await at(`/${id}`))).toMatchObject({ status: 'completed', registered: 70 });
  });

  it('writes what a process that hung has asked for once only', async () => {
    const id = await startedId(numbersOf(10));
    const hung = await claimCheck(w.t.deps, w.t.deps.commands.processId, new Map());
    await clock.advance(120_000);
    await releaseChecks(w.t.deps, w.t.deps.commands.processId);
    expect(await work()).toBe(true);
    if (hung === null) throw new Error('nothing was claimed');
    await checkNext(w.t.deps, hung, PACE_MS);
    expect(dataOf(await at(`/${id}`))).toMatchObject({ status: 'completed', done: 10, registered: 10 });
  });

  it('waits while WhatsApp does not answer or the session is away, and fails after a day of that', async () => {
    const id = await startedId(numbersOf(3));
    const view = async () => dataOf(await at(`/${id}`));
    deaf = true;
    await work();
    const toIso = (ms: number) => new Date(ms).toISOString();
    expect(await view()).toMatchObject({
      ...{ status: 'running', reason: 'no_answer', done: 0 },
      ...{ waitingSince: toIso(clock.now()), givesUpAt: toIso(clock.now() + 24 * 3_600_000) },
      nextAttemptAt: expect.stringMatching(/Z$/),
    });
    deaf = false;
    await setStatus('disconnected');
    await clock.advance(60_000);
    await work();
    expect(await view()).toMatchObject({ reason: 'not_connected' });
    // The service stood still: nobody was asked in that time.
    await clock.advance(48 * 3_600_000);
    await work();
    expect(await view()).toMatchObject({ status: 'running', reason: 'not_connected' });
    const longAgo = { failingSince: clock.now() - 25 * 3_600_000, dueAt: clock.now() };
    await w.t.deps.db.update(numberCheckJobs).set(longAgo).where(eq(numberCheckJobs.id, id));
    await work();
    await setStatus('connected');
    const noWait = { waitingSince: null, nextAttemptAt: null, givesUpAt: null };
    expect(await view()).toMatchObject({ status: 'failed', reason: 'not_connected', ...noWait });
    expect(await workAll()).toBe(0);
  });

  it('of a session that is away waits with its other checks, and an answer ends that for all of them', async () => {
    const ids = [await startedId(numbersOf(3)), await startedId(numbersOf(3))];
    const jobs = () => w.t.deps.db.select().from(numberCheckJobs).where(inArray(numberCheckJobs.id, ids));
    await setStatus('disconnected');
    await clock.advance(10);
    const awayAt = clock.now();
    expect([await work(), await work()]).toEqual([true, false]);
    const waits = { reason: 'not_connected', failingSince: awayAt, attempts: 1 };
    expect(await jobs()).toMatchObject([waits, waits]);
    await clock.advance(48 * 3_600_000);
    await work();
    for (const { failingSince } of await jobs())
      expect(failingSince).toBeGreaterThan(awayAt + 47 * 3_600_000);
    await setStatus('connected');
    await clock.advance(60_000);
    await work();
    const views = await Promise.all(ids.map(async (id) => dataOf(await at(`/${id}`))));
    expect(views.map(({ status }) => status).sort()).toEqual(['completed', 'running']);
    expect(views.map(({ reason }) => reason)).toEqual([null, null]);
    expect((await jobs()).map(({ failingSince }) => failingSince)).toEqual([null, null]);
    await workAll();
  });

  it('tells of a number that WhatsApp leaves out as unknown, when it was asked three times', async () => {
    const [there = '', silent = ''] = numbersOf(2);
    leftOut.add(silent);
    asked.length = 0;
    const id = await startedId([there, silent]);
    await work();
    expect(dataOf(await at(`/${id}`))).toMatchObject({ status: 'running', reason: 'no_answer', done: 0 });
    await workAll();
    expect(asked).toEqual([2, 1, 1]);
    expect(dataOf(await at(`/${id}`))).toMatchObject({
      ...{ status: 'completed', reason: null, registered: 1, notRegistered: 0, unknown: 1 },
    });
    expect(rowsOf(await at(`/${id}/numbers?state=unknown`))).toMatchObject([
      { phone: `+${silent}`, jid: null },
    ]);
    // What was said lately is told with its time, and nobody is asked.
    await clock.advance(3_600_001);
    const told = async (numbers: string[]) => {
      const id = await startedId(numbers);
      await workAll();
      return rowsOf(await at(`/${id}/numbers`)).map(({ state, checkedAt }) => [state, checkedAt]);
    };
    const askedAt = new Date(clock.now()).toISOString();
    const [known, unheard] = await told([there, silent]);
    expect(unheard).toEqual(['unknown', askedAt]);
    expect(known?.[0]).toBe('registered');
    expect(Date.parse(String(known?.[1]))).toBeLessThan(clock.now() - 3_600_000);
    expect(await told([there, silent])).toEqual([known, unheard]);
    expect(asked).toEqual([2, 1, 1, 1]);
    // Later it is asked for again, and told when there is an answer.
    leftOut.delete(silent);
    await clock.advance(3_600_001);
    const again = await startedId([silent]);
    await workAll();
    expect(dataOf(await at(`/${again}`))).toMatchObject({ status: 'completed', registered: 1, unknown: 0 });
  });

  it('remembers from one night to the next for how long a number has been silent', async () => {
    const [silent = ''] = numbersOf(1);
    leftOut.add(silent);
    const asker = { accountId: w.accountId, userId: w.tenant.id };
    const look = async () => (await lookUpNumbers(w.t.deps, asker, [silent])).get(silent);
    for (let i = 0; i < 2; i++) await expect(look()).rejects.toThrow('no answer');
    expect(await look()).toMatchObject({ exists: null, againAt: clock.now() + 60_000 });
    for (let night = 0; night < 2; night++) {
      await clock.advance(25 * 3_600_000);
      // Asked once more, and not waited for.
      const now = { exists: null, jid: null, lid: null, checkedAt: clock.now() };
      expect(await look()).toEqual(now);
      await clock.advance(60_000);
      expect(await look()).toEqual(now);
    }
    leftOut.delete(silent);
  });

  it('is one of 20 that a workspace has in progress', async () => {
    const own = await enterAs(w.t, await w.t.tenant());
    const [number = ''] = numbersOf(1);
    for (let i = 0; i < 20; i++) expect((await start([number], own)).status).toBe(201);
    const details = { quota: 'numberChecksRunning', limit: 20, used: 20 };
    expect(await start([number], own)).toMatchObject({
      status: 429,
      body: { code: 'QUOTA_EXCEEDED', details },
    });
    const mine = eq(numberCheckJobs.userId, own.tenant.id);
    await w.t.deps.db.update(numberCheckJobs).set({ status: 'completed', dueAt: null }).where(mine);
    expect((await start([number], own)).status).toBe(201);
    await w.t.deps.db.delete(numberCheckJobs).where(mine);
  });

  it('is ended by its owner, and keeps what it has found', async () => {
    const id = await startedId(numbersOf(60));
    await work();
    const ended = await w.t.call(`/contacts/check/${id}/cancel`, { method: 'POST', token: w.tenant.token });
    expect(dataOf(ended)).toMatchObject({ status: 'canceled', done: 50 });
    expect(await workAll()).toBe(0);
    expect(rowsOf(await at(`/${id}/numbers?state=pending`))).toHaveLength(10);
  });

  it('shares the pace of a session with its other checks, in turns', async () => {
    const ids = [await startedId(numbersOf(60)), await startedId(numbersOf(60))];
    await clock.advance(10);
    expect([await work(), await work()]).toEqual([true, false]);
    await clock.advance(2 * PACE_MS);
    await work();
    const views = await Promise.all(ids.map(async (id) => dataOf(await at(`/${id}`)).done));
    expect(views).toEqual([50, 50]);
    await workAll();
  });

  it('takes 1,000 numbers and no more, refuses what holds none, and knows its quota', async () => {
    const own = await enterAs(w.t, await w.t.tenant());
    expect((await start(numbersOf(1001), own)).status).toBe(400);
    expect(await start(['x', ''], own)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    const readings = ['+6281234567890', '+81234567890'];
    expect(await start(['x', '81234567890'], own)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_NUMBER', details: { index: 1, number: '81234567890', readings } },
    });
    const many = numbersOf(1000);
    for (let i = 0; i < 10; i++) expect((await start(many, own)).status).toBe(201);
    expect(await start(many.slice(0, 1), own)).toMatchObject({
      status: 429,
      body: { code: 'QUOTA_EXCEEDED', details: { quota: 'numberChecksPerDay', limit: 10_000, used: 10_000 } },
    });
    await w.t.deps.db.delete(numberCheckJobs).where(eq(numberCheckJobs.userId, own.tenant.id));
  });

  it('asks nothing while its workspace is suspended, and goes on where it was', async () => {
    const id = await startedId(numbersOf(2));
    const suspend = (suspendedAt: number | null) =>
      w.t.deps.db.update(whatsappAccounts).set({ suspendedAt }).where(eq(whatsappAccounts.id, w.accountId));
    await suspend(clock.now());
    expect(await workAll()).toBe(0);
    await clock.advance(3_600_000);
    await suspend(null);
    expect(await workAll()).toBe(1);
    expect(dataOf(await at(`/${id}`))).toMatchObject({ status: 'completed', registered: 2 });
  });

  it('is nobody else’s, and is forgotten after a while', async () => {
    const id = await startedId(numbersOf(2));
    const other = await enterAs(w.t, await w.t.tenant());
    for (const path of ['', '/numbers', '/csv']) expect((await at(`/${id}${path}`, other)).status).toBe(404);
    expect(rowsOf(await at('', other))).toEqual([]);
    expect(rowsOf(await at('?limit=1'))).toMatchObject([{ id }]);
    await workAll();
    await forgetNumberChecks(w.t.deps.db, { before: clock.now() + 1 });
    expect(rowsOf(await at(''))).toEqual([]);
    expect(await w.t.deps.db.select().from(numberCheckItems).where(eq(numberCheckItems.jobId, id))).toEqual(
      [],
    );
  });
});

type Row = typeof messages.$inferInsert;

function wrote(peer: string, daysAgo: number, columns: Partial<Row> = {}): Row {
  const time = clock.now() - daysAgo * 86_400_000;
  return {
    id: newId(time),
    userId: w.tenant.id,
    accountId: w.accountId,
    sessionId: 'main',
    messageId: newId(time),
    direction: 'in',
    peer,
    type: 'text',
    content: { type: 'text', text: 'halo' },
    status: 'received',
    createdAt: time,
    updatedAt: time,
    ...columns,
  };
}

describe('people who have written', () => {
  it('come into a list with their names, those who have opted out marked or left out', async () => {
    const [lately = '', long = '', out = '', listed = '', hidden = '', answered = ''] = numbersOf(6);
    const jid = (phone: string) => `${phone}@s.whatsapp.net`;
    const { db } = w.t.deps;
    await insertMany(db, messages, [
      wrote(jid(lately), 1),
      wrote(jid(lately), 2),
      wrote(jid(long), 40),
      wrote(jid(out), 1),
      wrote(jid(listed), 1),
      wrote('777001@lid', 1),
      wrote('777002@lid', 1),
      wrote('12345@g.us', 1),
      wrote('status@broadcast', 1),
      wrote('120363012345678901@newsletter', 1),
      wrote(jid(answered), 1, { direction: 'out', status: 'sent' }),
    ]);
    const known = { accountId: w.accountId, updatedAt: clock.now() };
    await db.insert(waContacts).values({ ...known, lid: '777001', phone: hidden });
    await db.insert(waPeople).values({ ...known, jid: jid(lately), pushName: 'Budi', hasChat: true });
    const source = { source: 'manual' as const, createdAt: clock.now() };
    await db.insert(optOuts).values({ userId: w.tenant.id, phone: out, ...source });
    const list = await w.list('Writers');
    await w.post(`/lists/${list}/contacts`, { number: `+${listed}`, name: 'Kept' });

    const path = `/lists/${list}/contacts/from-chats`;
    expect(dataOf(await w.post(path, { days: 30 }))).toEqual({
      found: 5,
      added: 2,
      existing: 1,
      optedOut: 1,
      withoutNumber: 1,
    });
    const names = async () =>
      Object.fromEntries(
        rowsOf(await w.call(`/lists/${list}/contacts`)).map(({ number, name, optedOut }) => [
          number,
          [name, optedOut],
        ]),
      );
    expect(await names()).toEqual({
      [lately]: ['Budi', false],
      [listed]: ['Kept', false],
      [hidden]: [null, false],
    });
    expect(dataOf(await w.post(path, { days: 60, optedOut: 'add' }))).toMatchObject({
      added: 2,
      existing: 3,
    });
    expect(await names()).toMatchObject({ [out]: [null, true], [long]: [null, false] });
    expect(dataOf(await w.call(`/lists/${list}`))).toMatchObject({ contactCount: 5 });
    expect((await w.post(path, { days: 366 })).status).toBe(400);
  });

  it('are added from the one who wrote last on, and an error tells how many were', async () => {
    const own = await enterAs(w.t, await w.t.tenant());
    const { db } = w.t.deps;
    const numbers = numbersOf(510);
    const rows = numbers.map((phone, i) =>
      wrote(`${phone}@s.whatsapp.net`, 1 + i / 1_000, { userId: own.tenant.id, accountId: own.accountId }),
    );
    await insertMany(db, messages, rows.reverse());
    await db
      .update(workspaces)
      .set({ limits: { contacts: 505 } })
      .where(eq(workspaces.id, own.tenant.id));
    w.t.deps.allowances.forget();
    const list = await own.list('Writers');
    expect(await own.post(`/lists/${list}/contacts/from-chats`, { days: 30 })).toMatchObject({
      status: 429,
      body: { code: 'QUOTA_EXCEEDED', details: { quota: 'contacts', added: 500 } },
    });
    const page = rowsOf(await own.call(`/lists/${list}/contacts?search=${numbers[0]}`));
    expect(page).toMatchObject([{ number: numbers[0] }]);
    expect(rowsOf(await own.call(`/lists/${list}/contacts?search=${numbers[509]}`))).toEqual([]);
  });
});
