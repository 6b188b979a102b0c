/** What costs a tenant something of its own limits, and what does not. */
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allRoutes } from '../../src/controllers/index.ts';
import { route } from '../../src/controllers/route.ts';
import { requireScope } from '../../src/services/access.ts';
import { AppError } from '../../src/utils/errors.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';

const LIMIT = { name: 'tests', max: 2, windowMs: 3_600_000 };
const ran: string[] = [];

/** Does what its body says. */
const costly = route({
  method: 'post',
  path: '/costly',
  tag: 'Tests',
  summary: 'Costs one of two an hour',
  description: 'for a test',
  auth: 'credential',
  scope: 'broadcast',
  idempotent: true,
  limit: LIMIT,
  body: z.object({
    fails: z.enum(['NOT_FOUND', 'CONFLICT', 'FORBIDDEN', 'UNSUPPORTED_MEDIA', 'INTERNAL']).optional(),
    words: z.string().max(5).optional(),
  }),
  response: null,
  example: { body: {} },
  handler: ({ ctx, body }) => {
    requireScope(ctx, 'broadcast');
    ran.push(body.fails ?? 'done');
    if (body.fails) throw new AppError(body.fails, 'as asked');
    return {};
  },
});

const open: TestApp[] = [];
afterEach(async () => {
  ran.splice(0);
  for (const app of open.splice(0)) await app.close();
});

async function start() {
  const clock = createFakeClock(Date.UTC(2026, 0, 5, 10, 0, 0));
  const t = await openTestApp({ routes: [costly, ...allRoutes], clock });
  open.push(t);
  const owner = await t.tenant();
  const call = (body: unknown = {}, credential: object = { token: owner.token }) =>
    t.call('/costly', { method: 'POST', body, ...credential });
  return { t, clock, owner, call };
}

describe('a limit of a tenant', () => {
  it('is exact, whatever comes at the same time', async () => {
    const { call } = await start();
    const replies = await Promise.all(Array.from({ length: 12 }, () => call()));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(2);
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(10);
    expect(refused[0]?.headers.get('retry-after')).toBe('3600');
    expect(refused[0]?.headers.get('ratelimit')).toBe('"tests";r=0;t=3600');
  });

  it('is the same for another process, at once', async () => {
    const { t, call, owner } = await start();
    const other = await openTestApp({ routes: [costly], deps: t.deps });
    const ask = { method: 'POST', body: {}, token: owner.token };
    const replies = await Promise.all([
      call(),
      other.call('/costly', ask),
      call(),
      other.call('/costly', ask),
    ]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429]);
    await other.app.stop();
  });

  it('starts again with the next window', async () => {
    const { call, clock } = await start();
    for (const status of [200, 200, 429]) expect((await call()).status).toBe(status);
    await clock.advance(3_600_000);
    expect((await call()).status).toBe(200);
  });

  it.each(['NOT_FOUND', 'CONFLICT', 'FORBIDDEN', 'UNSUPPORTED_MEDIA'])(
    'costs a refusal (%s) nothing',
    async (fails) => {
      const { call } = await start();
      for (let i = 0; i < 5; i++) expect((await call({ fails })).status).toBeLessThan(500);
      for (const status of [200, 200, 429]) expect((await call()).status).toBe(status);
    },
  );

  it('costs a body that is not valid nothing', async () => {
    const { call } = await start();
    for (const body of ['{', { words: 'too many words' }, '[]', { fails: 'x' }]) {
      for (let i = 0; i < 3; i++) expect((await call(body)).status).toBe(400);
    }
    for (const status of [200, 200, 429]) expect((await call()).status).toBe(status);
  });

  it('is spent by what fails on our side', async () => {
    const { call } = await start();
    for (const status of [500, 500, 429]) expect((await call({ fails: 'INTERNAL' })).status).toBe(status);
  });

  it('is spent once by a request that is sent again under its Idempotency-Key', async () => {
    const { call, owner } = await start();
    const again = { token: owner.token, headers: { 'idempotency-key': 'once' } };
    for (let i = 0; i < 5; i++) expect((await call({}, again)).status).toBe(200);
    for (const status of [200, 429]) expect((await call()).status).toBe(status);
    expect(ran).toEqual(['done', 'done']);
  });

  it('keeps nobody from the answer that their last use was given, and nothing more is done', async () => {
    const { call, owner } = await start();
    const keyed = (key: string) => ({ token: owner.token, headers: { 'idempotency-key': key } });
    for (const key of ['first', 'last']) expect((await call({}, keyed(key))).status).toBe(200);
    const again = await call({}, keyed('last'));
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect((await call({ words: 'other' }, keyed('last'))).body.code).toBe('IDEMPOTENCY_CONFLICT');
    for (const key of ['new', 'x'.repeat(200), '']) {
      expect(await call({}, keyed(key))).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    }
    expect(ran).toEqual(['done', 'done']);
  });

  it('cannot be spent by a key that lacks the scope, whatever it sends', async () => {
    const { t, call, owner } = await start();
    const made = { name: 'reader', scopes: ['read'] };
    const { body: kept } = await t.call('/auth/api-keys', { method: 'POST', token: owner.token, body: made });
    const key = String(kept.apiKey);
    for (const body of [{}, '{', { words: 'x'.repeat(5_000) }]) {
      for (let i = 0; i < 4; i++) {
        expect(await call(body, { apiKey: key })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      }
    }
    expect(ran).toEqual([]);
    for (const status of [200, 200, 429]) expect((await call()).status).toBe(status);
  });
});
