import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { firstContacts, messageQueue, messages, otps, whatsappAccounts } from '../../src/db/schema.ts';
import { type PoolMember, rankPool } from '../../src/queue/pool.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/utils/durations.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { CONNECTED } from '../helpers/sending-row.ts';

const NOW = 1_790_000_000_000;
const at = { now: NOW, priority: PRIORITIES.normal };

function member(name: string, more: Partial<PoolMember> = {}, row: Partial<PoolMember['row']> = {}) {
  return {
    name,
    row: {
      ...CONNECTED,
      restrictedUntil: null,
      restriction: null,
      ...row,
    },
    knownSince: 0,
    pendingSince: 0,
    waiting: 0,
    begun: 0,
    perHour: 100,
    strangersLeft: null,
    strangersFrom: null,
    strangersAhead: more.waiting ?? 0,
    countsPending: true,
    ...more,
  };
}
const order = (...members: ReturnType<typeof member>[]) =>
  rankPool(members, at).map(({ member: { name }, readiness }) => `${name} ${readiness}`);

describe('the choice', () => {
  it('stays with the number that the person knows, though others have less to do', () => {
    expect(order(member('idle'), member('known', { knownSince: 5, waiting: 90 }))[0]).toBe('known now');
    expect(order(member('older', { knownSince: 5 }), member('newer', { knownSince: 9 }))[0]).toBe(
      'newer now',
    );
  });

  it('waits for that number while it is held for an hour at most, and then goes on', () => {
    const held = (ms: number) =>
      member('known', { knownSince: 5 }, { pausedUntil: NOW + ms, pauseReason: 'hour_limit' });
    expect(order(member('idle'), held(40 * MINUTE_MS))[0]).toBe('known later');
    expect(order(member('idle'), held(2 * HOUR_MS))[0]).toBe('idle now');
    const away = member('known', { knownSince: 5 }, { status: 'disconnected' });
    expect(order(member('idle'), away)[0]).toBe('idle now');
  });

  it('stays where a message is on its way, which lifts nothing that holds strangers', () => {
    const pending = (more: Partial<PoolMember>, row: Partial<PoolMember['row']> = {}) =>
      member('pending', { pendingSince: 5, ...more }, row);
    expect(order(member('idle'), pending({ waiting: 9 }))[0]).toBe('pending now');
    // The person is one of those who wait for the last of its first contacts.
    expect(order(member('idle'), pending({ strangersLeft: 1, waiting: 1 }))[0]).toBe('pending now');
    const held = (ms: number) => pending({}, { breakerUntil: NOW + ms, breakerCode: '463' });
    expect(order(member('idle'), held(40 * MINUTE_MS))[0]).toBe('pending later');
    expect(order(member('idle'), held(6 * HOUR_MS))).toEqual(['idle now', 'pending later']);
    expect(order(member('idle'), pending({ strangersLeft: 0, waiting: 3 }))[0]).toBe('idle now');
    expect(
      order(member('idle'), member('known', { pendingSince: 5, knownSince: 4, strangersLeft: 0 }))[0],
    ).toBe('known now');
  });

  it('gives strangers to the number that is ready and where least waits for its pace', () => {
    const busy = member('busy', { waiting: 50 });
    expect(order(busy, member('idle', { waiting: 1 }))).toEqual(['idle now', 'busy now']);
    expect(order(busy, member('fast', { waiting: 60, perHour: 1_000 }))[0]).toBe('fast now');
    const open = member('refused', {}, { breakerUntil: NOW + HOUR_MS });
    expect(order(open, busy)).toEqual(['busy now', 'refused later']);
    expect(order(member('refused', { knownSince: 1 }, { breakerUntil: NOW + HOUR_MS }), busy)[0]).toBe(
      'refused now',
    );
  });

  it('never goes around a limit: what is spent, or promised to those who wait, is not left', () => {
    const spent = member('spent', { strangersLeft: 0 });
    const promised = member('promised', { strangersLeft: 3, waiting: 3 });
    expect(order(spent, promised, member('free', { strangersLeft: 4, waiting: 3 }))[0]).toBe('free now');
    expect(order(spent, promised).map((text) => text.split(' ')[1])).toEqual(['later', 'later']);
    expect(order(member('known', { strangersLeft: 0, knownSince: 1 }))).toEqual(['known now']);
  });

  it('is not lifted by a message of another sender on its way, nor by a hold that ends sooner than the lack', () => {
    const other = { countsPending: false, pendingSince: 5, strangersLeft: 0 };
    expect(order(member('pending', other))).toEqual(['pending later']);
    const short = { pausedUntil: NOW + MINUTE_MS, pauseReason: 'minute_limit' };
    const lacking = member('lacking', { strangersLeft: 0, strangersFrom: NOW + 9 * HOUR_MS }, short);
    const away = member('away', {}, { status: 'disconnected' });
    const [best] = rankPool([away, lacking], at);
    expect(best).toMatchObject({ member: { name: 'lacking' }, readiness: 'later', until: NOW + 9 * HOUR_MS });
    expect(best?.reason).toBe('new_contacts');
    // Nobody knows when either goes on: the one that is there comes first.
    const promised = member('promised', { strangersLeft: 3, waiting: 3 });
    expect(order(away, promised)[0]).toBe('promised later');
  });

  it('counts what a number has sent within the hour, for what it may send in one', () => {
    expect(order(member('tired', { begun: 40 }), member('fresh', { begun: 1 }))[0]).toBe('fresh now');
    const wide = member('wide', { begun: 40, perHour: 1_000 });
    expect(order(member('narrow', { begun: 20, perHour: 100 }), wide)[0]).toBe('wide now');
  });

  it('comes to a number that has ended last', () => {
    const ended = member('ended', { knownSince: 5 }, { status: 'logged_out' });
    expect(order(ended, member('paused', {}, { pausedUntil: NOW + HOUR_MS, pauseReason: 'paused' }))).toEqual(
      ['paused later', 'ended ended'],
    );
  });
});

describe('a pool', () => {
  let t: TestApp;
  let clock: FakeClock;
  let tenant: Tenant;
  beforeAll(async () => {
    clock = createFakeClock();
    const { pacing } = testConfig();
    t = await openTestApp({ clock, config: { pacing: { ...pacing, newContactsPerDay: 2 } } });
  });
  afterAll(() => t.close());
  beforeEach(async () => {
    tenant = await t.tenant();
    for (const name of ['one', 'two', 'three']) await addSession(name);
  });

  async function addSession(sessionId: string, more: object = {}): Promise<string> {
    const id = newId();
    const row = {
      id,
      userId: tenant.id,
      sessionId,
      status: 'connected',
      pairing: 'qr',
      paired: true,
    } as const;
    const times = { createdAt: clock.now(), updatedAt: clock.now() };
    await t.deps.db.insert(whatsappAccounts).values({ ...row, ...times, ...more });
    return id;
  }
  const idOf = async (sessionId: string) => {
    const rows = await t.deps.db
      .select()
      .from(whatsappAccounts)
      .where(eq(whatsappAccounts.userId, tenant.id));
    return rows.find((row) => row.sessionId === sessionId)?.id ?? '';
  };
  const call = (method: string, path: string, body?: unknown, apiKey = tenant.apiKey) =>
    t.call(path, { method, apiKey, ...(body === undefined ? {} : { body }) });
  const send = async (to: string, from: object) => {
    const { status, body } = await call('POST', '/message/send-text', { ...from, to, text: 'halo' });
    return { status, code: body.code, session: Object(body.data).session };
  };
  const make = (sessions: string[], name = 'shops') => call('POST', '/pool/create', { name, sessions });
  let next = 0;
  const someone = () => `62813${String(tenant.id).padStart(4, '0')}${String(next++).padStart(4, '0')}`;

  it('is made, listed, changed and deleted by its owner', async () => {
    const made = await make(['one', 'two']);
    expect(made).toMatchObject({
      status: 201,
      body: {
        data: { name: 'shops', sessions: [{ sessionId: 'one', status: 'connected' }, { sessionId: 'two' }] },
      },
    });
    expect((await make(['one'])).body.code).toBe('CONFLICT');
    expect((await make(['nobody'], 'b')).body.code).toBe('SESSION_NOT_FOUND');
    expect((await make([], 'b')).body.code).toBe('VALIDATION_FAILED');
    const changed = await call('PUT', '/pool/shops', { sessions: ['three'] });
    expect(changed.body.data).toMatchObject({ sessions: [{ sessionId: 'three' }] });
    expect(((await call('GET', '/pool/list')).body.data as unknown[]).length).toBe(1);
    expect((await call('DELETE', '/pool/shops')).status).toBe(200);
    expect((await call('GET', '/pool/shops')).status).toBe(404);
  });

  it('is nothing to other tenants, and to a key that is bound to one of its sessions', async () => {
    await make(['one', 'two']);
    await make(['one'], 'alone');
    const other = await t.tenant();
    expect((await call('GET', '/pool/shops', undefined, other.apiKey)).status).toBe(404);
    const key = await t.call('/auth/api-keys', {
      method: 'POST',
      token: tenant.token,
      body: { name: 'bound', scopes: ['*'], sessionId: 'one' },
    });
    const bound = String(Object(key.body.data).apiKey ?? Object(key.body.data).key);
    expect((await call('GET', '/pool/list', undefined, bound)).body.data).toMatchObject([{ name: 'alone' }]);
    expect((await call('GET', '/pool/shops', undefined, bound)).status).toBe(404);
    const answer = await call(
      'POST',
      '/message/send-text',
      { pool: 'shops', to: someone(), text: 'x' },
      bound,
    );
    expect(answer.body.code).toBe('NOT_FOUND');
    const named = { sessions: ['one', 'two'], to: someone(), text: 'x' };
    expect((await call('POST', '/message/send-text', named, bound)).body.code).toBe('SESSION_NOT_FOUND');
  });

  it('sends by the number that the person knows, and shares out the others', async () => {
    await make(['one', 'two', 'three']);
    const known = someone();
    await t.deps.db.insert(messages).values({
      id: newId(),
      userId: tenant.id,
      accountId: await idOf('two'),
      sessionId: 'two',
      messageId: newMessageId(),
      peer: `${known}@s.whatsapp.net`,
      phone: known,
      direction: 'in',
      type: 'text',
      content: { type: 'text', text: 'halo?' },
      status: 'received',
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
    expect(await send(known, { pool: 'shops' })).toMatchObject({ status: 202, session: 'two' });
    const first = await send(someone(), { pool: 'shops' });
    const second = await send(someone(), { sessions: ['one', 'three'] });
    expect(first.session).not.toBe('two');
    expect(second.session).not.toBe(first.session);
  });

  it('keeps two messages to a stranger in one session, though the first one still waits', async () => {
    const to = someone();
    const { session } = await send(to, { sessions: ['one', 'two', 'three'] });
    await addSession('four');
    expect(await send(to, { sessions: ['four', 'one', 'two', 'three'] })).toMatchObject({ session });
  });

  it('does not hold a stranger to a session that may write to none, because a message waits there', async () => {
    const to = someone();
    const { session } = await send(to, { sessions: ['one', 'two'] });
    const other = session === 'one' ? 'two' : 'one';
    await t.deps.db
      .update(whatsappAccounts)
      .set({ breakerUntil: clock.now() + 6 * HOUR_MS, breakerCode: '463' })
      .where(eq(whatsappAccounts.id, await idOf(session)));
    expect(await send(to, { sessions: ['one', 'two'] })).toMatchObject({ session: other });
  });

  it('knows nobody whom an earlier number of a session knew', async () => {
    const known = someone();
    const accountId = await idOf('two');
    await t.deps.db.insert(messages).values({
      id: newId(),
      userId: tenant.id,
      accountId,
      sessionId: 'two',
      messageId: newMessageId(),
      peer: `${known}@s.whatsapp.net`,
      phone: known,
      direction: 'in',
      type: 'text',
      content: { type: 'text', text: 'halo?' },
      status: 'received',
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
    await t.deps.db
      .update(whatsappAccounts)
      .set({ knownFrom: clock.now() + 1, breakerUntil: clock.now() + 6 * HOUR_MS, breakerCode: '463' })
      .where(eq(whatsappAccounts.id, accountId));
    expect(await send(known, { sessions: ['two', 'three'] })).toMatchObject({ session: 'three' });
  });

  it('leaves a number alone whose first contacts are spent', async () => {
    const rows = [1, 2].map((n) => ({
      accountId: '',
      person: `628999000${n}`,
      at: clock.now(),
      attemptId: null,
    }));
    for (const name of ['one', 'three']) {
      const accountId = await idOf(name);
      await t.deps.db.insert(firstContacts).values(rows.map((row) => ({ ...row, accountId })));
    }
    expect(await send(someone(), { sessions: ['one', 'two', 'three'] })).toMatchObject({ session: 'two' });
  });

  it('passes over sessions that are gone, and refuses when none is left', async () => {
    await make(['one', 'two']);
    await t.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.id, await idOf('one')));
    expect(await send(someone(), { pool: 'shops' })).toMatchObject({ session: 'two' });
    await t.deps.db
      .update(whatsappAccounts)
      .set({ status: 'logged_out', paired: false })
      .where(eq(whatsappAccounts.id, await idOf('two')));
    expect(await send(someone(), { pool: 'shops' })).toMatchObject({ code: 'NOT_CONNECTED' });
    expect(await send(someone(), { sessions: ['one', 'two'] })).toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  it('is named in one way only', async () => {
    for (const from of [{}, { session: 'one', pool: 'shops' }, { session: 'one', sessions: ['two'] }]) {
      expect(await send(someone(), from)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    }
    expect(await send(someone(), { pool: 'nobody' })).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  it('carries a code, all of it standing by, and the same key sends it once', async () => {
    await make(['one', 'two', 'three']);
    await t.deps.db
      .update(whatsappAccounts)
      .set({ status: 'disconnected' })
      .where(eq(whatsappAccounts.id, await idOf('one')));
    const to = someone();
    const ask = () =>
      t.call('/otp/send', {
        method: 'POST',
        apiKey: tenant.apiKey,
        headers: { 'idempotency-key': `pool-${tenant.id}` },
        body: { pool: 'shops', to },
      });
    const sent = await ask();
    expect(sent.status).toBe(202);
    const { session, otpId } = Object(sent.body.data);
    expect(['two', 'three']).toContain(session);
    const [row] = await t.deps.db.select().from(otps).where(eq(otps.id, otpId));
    expect(row?.failover.map(({ sessionId }) => sessionId).sort()).toEqual(['one', 'three', 'two']);
    expect(row?.requestedSessionId).toBe(session);
    expect(Object((await ask()).body.data).otpId).toBe(otpId);
    expect(
      await t.deps.db.select().from(messageQueue).where(eq(messageQueue.userId, tenant.id)),
    ).toHaveLength(1);
  });
});
