import { afterEach, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { route } from '../../src/controllers/route.ts';
import { rateLimits } from '../../src/db/schema.ts';
import { currentWork, type Work } from '../../src/db/work.ts';
import { createHttpLimiter } from '../../src/middlewares/http-limiter.ts';
import { lockMs } from '../../src/services/auth/throttle.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { newId } from '../../src/utils/ids.ts';
import { createLoopShare, STRANGERS } from '../../src/utils/loop-share.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { IDLE_LOOP } from '../helpers/idle-loop.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

const open: TestApp[] = [];
async function start(options: Parameters<typeof openTestApp>[0] = {}): Promise<TestApp> {
  const app = await openTestApp(options);
  open.push(app);
  return app;
}
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

const limits = { windowMs: 900_000, max: 3, apiMaxPerMinute: 5 };
const config = { httpLimits: limits };

describe('the limit of requests', () => {
  it('is exact under load, a credential, and told in headers', async () => {
    const clock = createManualClock();
    const t = await start({ config, clock });
    const [ann, bob] = [await t.tenant(), await t.tenant()];
    const replies = await Promise.all(
      Array.from({ length: 12 }, () => t.call('/auth/me', { token: ann.token })),
    );
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(5);
    const refused = replies.find((reply) => reply.status === 429);
    expect(refused?.body).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused?.headers.get('ratelimit-policy')).toBe('"api";q=5;w=60');
    expect(refused?.headers.get('ratelimit')).toBe('"api";r=0;t=60');
    expect((await t.call('/auth/me', { token: bob.token })).status).toBe(200);
    expect((await t.call('/auth/me', { apiKey: ann.apiKey })).status).toBe(200);
    clock.advance(60_000);
    expect((await t.call('/auth/me', { token: ann.token })).status).toBe(200);
  });

  it('goes on after a restart', async () => {
    const clock = createManualClock();
    const t = await start({ config, clock });
    const { token } = await t.tenant();
    for (let i = 0; i < 3; i++) await t.call('/auth/me', { token });
    await t.app.stop();
    const again = createApp(t.deps, allRoutes);
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const headers = { authorization: `Bearer ${token}` };
      statuses.push((await again.request('/auth/me', { headers })).status);
    }
    await again.stop();
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('lets no burst pass on several processes at once: two percent more for each, at most', async () => {
    const t = await start();
    const limiters = [1, 2, 3].map(() => createHttpLimiter({ ...t.deps, clock: systemClock }));
    const policy = { name: 'burst', max: 300, windowMs: 3_600_000 };
    const subject = `u:burst-${newId()}`;
    const all = limiters.flatMap((limiter) =>
      Array.from({ length: 300 }, () => Promise.resolve(limiter.take(subject, policy))),
    );
    const allowed = (await Promise.all(all)).filter((verdict) => verdict.allowed).length;
    expect(allowed).toBeGreaterThanOrEqual(300);
    expect(allowed).toBeLessThanOrEqual(300 * 1.06);
    for (const limiter of limiters) await limiter.stop();
  });

  it('is shared by processes as soon as they have written what they counted', async () => {
    const t = await start();
    const policy = { name: 'test', max: 10, windowMs: 60_000 };
    const clock = createManualClock();
    const [one, two] = [createHttpLimiter({ ...t.deps, clock }), createHttpLimiter({ ...t.deps, clock })];
    for (let i = 0; i < 4; i++) {
      await one.take('x', policy);
      await two.take('x', policy);
    }
    await one.flush();
    await two.flush();
    await one.flush();
    // `one` wrote first and hears of the others' four with its next write.
    expect(await two.take('x', policy)).toMatchObject({ allowed: true, remaining: 1 });
    await one.take('x', policy);
    await one.flush();
    await two.flush();
    expect(await two.take('x', policy)).toMatchObject({ allowed: false });
    await one.stop();
    await two.stop();
  });

  it('has a window of its own for /api/whatsapp', async () => {
    const path = '/api/whatsapp/ping';
    const ping = route({
      method: 'get',
      path,
      tag: 'Test',
      summary: 'test',
      description: 'for a test',
      auth: 'credential',
      response: null,
      handler: () => ({}),
    });
    const t = await start({ config, routes: [ping] });
    const { token } = await t.tenant();
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await t.call(path, { token })).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  it('counts guesses of credentials by address, of IPv6 by its /64', async () => {
    const t = await start({ config });
    const guess = (address: string) => t.call('/auth/me', { apiKey: 'guess', address });
    for (let i = 0; i < 5; i++) expect((await guess(`2001:db8::${i}`)).status).toBe(401);
    expect((await guess('2001:db8:0:0:1::9')).status).toBe(429);
    expect((await guess('2001:db8:0:1::1')).status).toBe(401);
    const { token } = await t.tenant();
    expect((await t.call('/auth/me', { token, address: '2001:db8::1' })).status).toBe(200);
  });

  it('leaves probes alone', async () => {
    const t = await start({ config });
    for (let i = 0; i < 10; i++) expect((await t.call('/health/live')).status).toBe(200);
  });
});

describe('turns', () => {
  /** Who asked for a turn, and for what. */
  async function startWatched() {
    const turns: [number | string, string][] = [];
    const active = new Set<number>();
    const idle = createLoopShare(IDLE_LOOP);
    const t = await start({
      config,
      routes: [...allRoutes, whose],
      deps: {
        loopShare: {
          ...idle,
          noteActive: (tenant) => active.add(tenant),
          // Whoever may not go on at once asks for a turn.
          tryTurn: () => false,
          async turn(tenant, kind = 'work') {
            turns.push([tenant, kind]);
          },
          async strangerTurn(address) {
            turns.push([address, 'stranger']);
          },
        },
      },
    });
    return { t, turns, active };
  }
  const whose = route({
    method: 'get',
    path: '/whose',
    tag: 'Test',
    summary: 'test',
    description: 'for a test',
    auth: 'public',
    response: null,
    handler: () => ({ data: currentWork() }),
  });

  it('are shared by all who come without a valid credential, each address in turn', async () => {
    const { t, turns, active } = await startWatched();
    const address = '2001:db8::1';
    const body = { email: 'nobody@example.com', password: 'wrong password' };
    await t.call('/auth/me', { apiKey: 'guess', address });
    await t.call('/auth/login', { method: 'POST', body, address: '2001:db8::2' });
    // Safe because that route answers it.
    const { tenant } = (await t.call('/whose', { address })).body.data as Work;
    expect(tenant).toBe(STRANGERS);
    expect(turns).toEqual(Array.from({ length: 3 }, () => ['2001:db8:0:0::/64', 'stranger']));
    await t.call('/auth/me', { apiKey: 'guess', address: '2001:db8:0:1::1' });
    expect(turns.at(-1)).toEqual(['2001:db8:0:1::/64', 'stranger']);
    await t.call('/dashboard/sign-in', { address: '2001:db8:0:2::1' });
    expect(turns.at(-1)).toEqual(['2001:db8:0:2::/64', 'stranger']);
    expect(turns).toHaveLength(5);
    // A tenant would wait for them only while they wait.
    expect([...active]).toEqual([]);
  });

  it('of a tenant begin again with each piece of a file that it sends', async () => {
    const { t, turns, active } = await startWatched();
    const { id, apiKey } = await t.tenant();
    const form = new FormData();
    form.set('file', new Blob(['text '.repeat(150_000)], { type: 'text/plain' }), 'long.txt');
    const headers = { 'x-api-key': apiKey };
    expect((await t.app.request('/media', { method: 'POST', headers, body: form })).status).toBe(201);
    expect(turns[0]).toEqual([id, 'request']);
    const pieces = turns.slice(1);
    expect(pieces).toContainEqual([id, 'work']);
    expect(new Set(pieces.map(String))).toEqual(new Set([`${id},work`]));
    expect([...active]).toEqual([id]);
  });
});

describe('the login throttle', () => {
  const login = (t: TestApp, email: string, password: string, address = '10.0.0.1') =>
    t.call('/auth/login', { method: 'POST', body: { email, password }, address });

  it('locks an account longer with each failure, and forgets after a success', async () => {
    const clock = createManualClock();
    const t = await start({ clock });
    const user = await t.tenant();
    for (let i = 0; i < 5; i++) expect((await login(t, user.email, 'wrong')).status).toBe(401);
    const locked = await login(t, user.email, user.password);
    expect(locked).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(locked.headers.get('retry-after')).toBe('1');
    clock.advance(1000);
    expect((await login(t, user.email, 'wrong')).status).toBe(401);
    expect((await login(t, user.email, user.password)).headers.get('retry-after')).toBe('2');
    clock.advance(2000);
    expect((await login(t, user.email, user.password)).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await login(t, user.email, 'wrong')).status).toBe(401);
  });

  it('cannot be outrun by many at once', async () => {
    const t = await start({ clock: createManualClock() });
    const user = await t.tenant();
    const replies = await Promise.all(Array.from({ length: 15 }, () => login(t, user.email, 'wrong')));
    expect(replies.filter((reply) => reply.status === 401)).toHaveLength(5);
    expect(replies.filter((reply) => reply.status === 429)).toHaveLength(10);
  });

  it('treats an e-mail that nobody has the same', async () => {
    const t = await start({ clock: createManualClock() });
    for (let i = 0; i < 5; i++) expect((await login(t, 'nobody@example.com', 'wrong')).status).toBe(401);
    expect((await login(t, 'nobody@example.com', 'wrong')).status).toBe(429);
  });

  it('locks an address that tries many accounts, and not one whose logins are right', async () => {
    const t = await start({ clock: createManualClock() });
    const user = await t.tenant();
    for (let i = 0; i < 30; i++)
      expect((await login(t, user.email, user.password, '10.1.1.1')).status).toBe(200);
    for (let i = 0; i < 20; i++) {
      expect((await login(t, `nobody-${i}@example.com`, 'wrong', '10.2.2.2')).status).toBe(401);
    }
    expect((await login(t, user.email, user.password, '10.2.2.2')).status).toBe(429);
    expect((await login(t, user.email, user.password, '10.3.3.3')).status).toBe(200);
  });

  it('asks the database no more for a second about a lock that it knows', async () => {
    const clock = createManualClock();
    const t = await start({ clock });
    const user = await t.tenant();
    const other = await t.tenant();
    for (let i = 0; i < 6; i++) {
      await login(t, user.email, 'wrong');
      if (i === 4) clock.advance(1000);
    }
    const locked = await login(t, user.email, user.password);
    expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, '2']);
    await t.deps.db.delete(rateLimits);
    clock.advance(999);
    const again = await login(t, user.email, user.password);
    expect([again.status, again.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await login(t, other.email, other.password)).status).toBe(200);
    expect((await login(t, user.email, user.password, '10.0.0.2')).status).toBe(200);
    clock.advance(1);
    expect((await login(t, user.email, user.password)).status).toBe(200);
  });

  it('lets many right logins through at once', async () => {
    const t = await start({ clock: createManualClock() });
    const user = await t.tenant();
    const others = await Promise.all(Array.from({ length: 25 }, () => t.tenant()));
    const all = [...Array.from({ length: 25 }, () => user), ...others];
    const replies = await Promise.all(all.map(({ email, password }) => login(t, email, password)));
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(50);
  });

  it('doubles from a second to a quarter of an hour', () => {
    expect([4, 5, 6, 7, 8, 100].map((failures) => lockMs(failures, 5))).toEqual([
      0, 1000, 2000, 4000, 8000, 900_000,
    ]);
  });
});
