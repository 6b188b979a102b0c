import { count, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Route, route } from '../../src/controllers/route.ts';
import { transact } from '../../src/db/ops.ts';
import { idempotencyKeys, settings } from '../../src/db/schema.ts';
import {
  claimIdempotency,
  KEEP_MS,
  replaceAccepted,
  runOnce,
  toAnswer,
} from '../../src/services/idempotency.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/until.ts';

const base = {
  tag: 'Test',
  summary: 'test',
  description: 'for a test',
  response: null,
  auth: 'credential',
  idempotent: true,
} as const;
/** Opened by a test to let `/slow` go on. */
let gate: { open: () => void; opened: Promise<void> };

const routes: Route[] = [
  route({
    ...base,
    method: 'post',
    path: '/things',
    status: 202,
    body: z.object({ name: z.string(), note: z.string().optional() }),
    handler: async ({ ctx, body }) => {
      const id = newId();
      await transact(ctx.db, async (tx) => {
        await tx.insert(settings).values({ name: id, value: body.name, updatedAt: ctx.clock.now() });
        await claimIdempotency(ctx, tx, { status: 202, body: { success: true, id } });
        if (body.name === 'fails') throw new AppError('NOT_FOUND', 'No.');
        if (body.name === 'crashes') throw new Error('the process dies here');
      });
      if (body.name === 'fails elsewhere' && ctx.idempotency) {
        await replaceAccepted(ctx, ctx.idempotency, toAnswer(new AppError('SEND_FAILED', 'No.')));
      }
      return { id, later: body.name === 'grows' ? 'known only after the commit' : undefined };
    },
  }),
  route({
    ...base,
    method: 'post',
    path: '/elsewhere',
    body: z.object({ ends: z.enum(['well', 'refused', 'unknown']) }),
    handler: ({ ctx, body }) =>
      runOnce(
        ctx,
        (error) => error instanceof AppError && error.code === 'CONFLICT',
        async (name) => {
          named.push(name);
          await gate.opened;
          if (body.ends === 'refused') throw new AppError('CONFLICT', 'No.');
          if (body.ends === 'unknown') throw new AppError('UNAVAILABLE', 'No answer.');
          return { done: true };
        },
      ),
  }),
  route({
    ...base,
    method: 'post',
    path: '/slow',
    handler: async () => {
      await gate.opened;
      return { done: true };
    },
  }),
];

/** How `/elsewhere` was asked, each time that it was. */
const named: (string | null)[] = [];
const clock = createManualClock();
let t: TestApp;
let user: Tenant;
beforeAll(async () => {
  t = await openTestApp({ routes, clock });
  user = await t.tenant();
});
afterAll(() => t.close());

const post = (key: string | undefined, body: unknown, { path = '/things', as = user, app = t } = {}) =>
  app.call(path, {
    method: 'POST',
    body,
    apiKey: as.apiKey,
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
const things = async () => Number((await t.deps.db.select({ n: count() }).from(settings))[0]?.n);

describe('Idempotency-Key', () => {
  it('gives the first answer again and does nothing twice', async () => {
    const before = await things();
    const first = await post('a', { name: 'x', note: 'n' });
    const second = await post('a', { note: 'n', name: 'x', unknown: 'dropped' });
    expect(first.status).toBe(202);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(await things()).toBe(before + 1);
  });

  it('keeps what the caller was really told', async () => {
    const first = await post('grows', { name: 'grows' });
    expect(first.body.later).toBeDefined();
    expect((await post('grows', { name: 'grows' })).body).toEqual(first.body);
  });

  it('keeps what a repeat has found out since rather than that it was at work', async () => {
    const first = await post('found', { name: 'fails elsewhere' });
    expect(first.status).toBe(202);
    const again = await post('found', { name: 'fails elsewhere' });
    expect(again).toMatchObject({ status: 502, body: { code: 'SEND_FAILED' } });
  });

  it('refuses another body under the same key', async () => {
    await post('b', { name: 'x' });
    expect(await post('b', { name: 'y' })).toMatchObject({
      status: 409,
      body: { code: 'IDEMPOTENCY_CONFLICT' },
    });
    expect(await post('b', {}, { path: '/slow' })).toMatchObject({ status: 409 });
  });

  it('belongs to one user', async () => {
    const first = await post('c', { name: 'x' });
    const other = await post('c', { name: 'x' }, { as: await t.tenant() });
    expect(other.status).toBe(202);
    expect(other.body.id).not.toBe(first.body.id);
  });

  it('is refused while the first request still runs', async () => {
    let open = () => {};
    gate = { opened: new Promise((resolve) => (open = resolve)), open: () => open() };
    const first = post('d', {}, { path: '/slow' });
    let second = await post('d', {}, { path: '/slow' });
    expect(second).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_IN_PROGRESS' } });
    gate.open();
    expect((await first).status).toBe(200);
    second = await post('d', {}, { path: '/slow' });
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });

  it('does one thing for two processes at the same moment', async () => {
    const other = await openTestApp({ routes, clock, deps: t.deps });
    const before = await things();
    const replies = await Promise.all([post('e', { name: 'x' }), post('e', { name: 'x' }, { app: other })]);
    expect(replies.map((reply) => reply.status)).toEqual([202, 202]);
    expect(replies[0]?.body.id).toBe(replies[1]?.body.id);
    expect(await things()).toBe(before + 1);
    await other.close();
  });

  it.each(['fails', 'crashes'])('keeps nothing of a request that %s', async (name) => {
    const before = await things();
    const first = await post(name, { name });
    expect(first.status).toBeGreaterThanOrEqual(400);
    expect(await things()).toBe(before);
    const rows = await t.deps.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.key, name));
    expect(rows).toEqual([]);
    expect((await post(name, { name: 'x' })).status).toBe(202);
  });

  it('is forgotten after a day', async () => {
    const first = await post('f', { name: 'x' });
    clock.advance(KEEP_MS);
    const second = await post('f', { name: 'another' });
    expect(second.status).toBe(202);
    expect(second.body.id).not.toBe(first.body.id);
  });

  describe('of what is done elsewhere', () => {
    const elsewhere = (key: string, ends: string, app = t) =>
      post(key, { ends }, { path: '/elsewhere', app });
    const openGate = () => {
      let open = () => {};
      gate = { opened: new Promise((resolve) => (open = resolve)), open: () => open() };
    };

    it('is taken before the work begins, for every process', async () => {
      const other = await openTestApp({ routes, clock, deps: t.deps });
      openGate();
      const before = named.length;
      const first = elsewhere('g', 'well');
      await until(async () => named.length === before + 1);
      const second = await elsewhere('g', 'well', other);
      expect(second).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_IN_PROGRESS' } });
      gate.open();
      expect((await first).status).toBe(200);
      expect((await elsewhere('g', 'well', other)).headers.get('idempotent-replayed')).toBe('true');
      expect(named).toHaveLength(before + 1);
      await other.close();
    });

    it('stays taken when nobody knows whether it was done, and is free after a refusal', async () => {
      openGate();
      gate.open();
      const before = named.length;
      expect((await elsewhere('h', 'refused')).body.code).toBe('CONFLICT');
      expect((await elsewhere('h', 'refused')).body.details).toEqual({});
      expect(named).toHaveLength(before + 2);
      expect(named.at(-1)).toBe(named.at(-2));
      expect((await elsewhere('i', 'unknown')).status).toBe(503);
      expect((await elsewhere('i', 'unknown')).body.code).toBe('IDEMPOTENCY_IN_PROGRESS');
      clock.advance(60_000);
      expect(await elsewhere('i', 'unknown')).toMatchObject({
        status: 409,
        body: { code: 'CONFLICT', details: { reason: 'outcome_unknown' } },
      });
      expect(named).toHaveLength(before + 3);
      expect((await elsewhere('i', 'well')).body.code).toBe('IDEMPOTENCY_CONFLICT');
    });
  });

  it('has 1 to 190 characters', async () => {
    expect(await post('k'.repeat(191), { name: 'x' })).toMatchObject({ status: 400 });
    expect((await post('k'.repeat(190), { name: 'x' })).status).toBe(202);
  });
});
