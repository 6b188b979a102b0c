/** Second factors: set up, asked for, each code once, given up; and workspaces that ask for one. */
import { eq } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  activityLogs,
  factorChallenges,
  mailOutbox,
  rateLimits,
  recoveryCodes,
  secondFactors,
  signIns,
  users,
} from '../../src/db/schema.ts';
import { makeDeviceMark, originOfSignIn } from '../../src/services/auth/known-devices.ts';
import { NO_PASSWORD } from '../../src/services/auth/passwords.ts';
import { completeSignIn } from '../../src/services/auth/second-factor/sign-in.ts';
import { addressThrottle, countFailure } from '../../src/services/auth/throttle.ts';
import { checkPassword } from '../../src/services/auth/verbs.ts';
import { ANONYMOUS, type Ctx } from '../../src/services/context.ts';
import { DAY_MS } from '../../src/utils/durations.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { softPasskey } from '../helpers/passkey.ts';
import { makeMember } from '../helpers/tenant.ts';

const ORIGIN = 'https://hub.example.com';
const STEP_MS = 30_000;
const smtp = {
  host: '127.0.0.1',
  port: 1,
  secure: false,
  user: null,
  password: null,
  from: 'hub@example.com',
};

const clock = createManualClock(Date.parse('2027-03-01T08:00:00Z'));
let t: TestApp;
let user: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock, config: { publicUrl: ORIGIN, smtp: Object(smtp) } });
});
afterAll(() => t.close());
beforeEach(async () => {
  user = await t.tenant();
  await t.deps.db.delete(rateLimits);
  // Codes of the step before are used up.
  clock.advance(2 * STEP_MS);
});

const post = (path: string, body?: unknown, call: Call = {}) =>
  t.call(path, { method: 'POST', ...(body === undefined ? {} : { body }), ...call });
const signIn = (who: Tenant = user, call: Call = {}) =>
  post('/auth/login', { email: who.email, password: who.password }, call);
const codeOf = (secret: string, at = clock.now()) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at });
const stepOf = (reply: Reply) => String(Object(reply.body.details).token);
const wrongFor = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** As a sign-in of a release that asked for no factor. */
async function forgetProof(who: Tenant = user): Promise<void> {
  await t.deps.db.update(signIns).set({ provenAt: null }).where(eq(signIns.userId, who.id));
  t.deps.credentials.forget(who.id);
}

interface Enrolled {
  token: string;
  secret: string;
  codes: string[];
  id: string;
}

async function enrol(who: Tenant = user, token = who.token): Promise<Enrolled> {
  const begun = await post('/auth/second-factors/totp', { password: who.password }, { token });
  expect(begun.status, begun.text).toBe(201);
  const { id, secret } = Object(begun.body.data);
  const done = await post('/auth/second-factors/totp/confirm', { id, code: codeOf(secret) }, { token });
  expect(done.status, done.text).toBe(200);
  clock.advance(STEP_MS);
  return { token: String(done.body.token), secret, id, codes: Object(done.body.recoveryCodes) };
}

async function enrolPasskey(who: Tenant, token: string) {
  const passkey = softPasskey(ORIGIN);
  const begun = await post('/auth/second-factors/passkey', { password: who.password }, { token });
  expect(begun.status, begun.text).toBe(200);
  const attestation = passkey.create(begun.body.options);
  const body = { token: begun.body.token, attestation, name: 'Key' };
  const done = await post('/auth/second-factors/passkey/confirm', body, { token });
  expect(done.status, done.text).toBe(200);
  return { passkey, reply: done, again: body };
}

describe('an authenticator app', () => {
  it('leaves the sign-in of everybody else as it was', async () => {
    expect(await signIn()).toMatchObject({ status: 200, body: { token: expect.any(String) } });
  });

  it('is asked for after the password, and each code signs in once', async () => {
    const { secret } = await enrol();
    const asked = await signIn();
    expect(asked).toMatchObject({
      status: 401,
      body: {
        success: false,
        code: 'SECOND_FACTOR_REQUIRED',
        details: { methods: ['totp', 'recovery_code'], expiresAt: expect.any(String) },
      },
    });
    expect(asked.body.token).toBeUndefined();
    const code = codeOf(secret);
    const wrong = await post('/auth/second-factor', { token: stepOf(asked), code: wrongFor(code) });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
    const good = await post('/auth/second-factor', { token: stepOf(asked), code });
    expect(good).toMatchObject({ status: 200, body: { user: { email: user.email } } });
    expect((await t.call('/auth/me', { token: String(good.body.token) })).status).toBe(200);
    // The step is over, and so is the code.
    expect((await post('/auth/second-factor', { token: stepOf(asked), code: codeOf(secret) })).status).toBe(
      401,
    );
    const again = await signIn();
    expect((await post('/auth/second-factor', { token: stepOf(again), code })).status).toBe(401);
    clock.advance(STEP_MS);
    const next = { token: stepOf(again), code: codeOf(secret) };
    expect((await post('/auth/second-factor', next)).status).toBe(200);
  });

  it('has codes that are good one step before and after their own, and no longer', async () => {
    const { secret } = await enrol();
    clock.advance(5 * STEP_MS);
    const at = async (offset: number) => {
      const asked = await signIn();
      const code = codeOf(secret, clock.now() + offset * STEP_MS);
      return (await post('/auth/second-factor', { token: stepOf(asked), code })).status;
    };
    expect(await at(-2)).toBe(401);
    expect(await at(2)).toBe(401);
    expect(await at(-1)).toBe(200);
    expect(await at(1)).toBe(200);
    // An older one than the last is used up with it.
    expect(await at(0)).toBe(401);
  });

  it('is won by one of many who give the same code at once', async () => {
    const { secret } = await enrol();
    const steps = await Promise.all(Array.from({ length: 4 }, () => signIn()));
    const code = codeOf(secret);
    const replies = await Promise.all(
      steps.map((step) => post('/auth/second-factor', { token: stepOf(step), code })),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('is kept sealed, and in no log line', async () => {
    const { secret, codes } = await enrol();
    const asked = await signIn();
    const code = codeOf(secret);
    await post('/auth/second-factor', { token: stepOf(asked), code });
    const recovered = await signIn();
    await post('/auth/second-factor', { token: stepOf(recovered), code: codes[0] });
    const kept = JSON.stringify([
      t.lines,
      await t.deps.db.select().from(secondFactors),
      await t.deps.db.select().from(recoveryCodes),
      await t.deps.db.select().from(factorChallenges),
      await t.deps.db.select().from(activityLogs),
    ]);
    for (const each of [secret, code, stepOf(asked), ...codes]) expect(kept).not.toContain(each);
  });

  it('counts only when it was confirmed', async () => {
    await post('/auth/second-factors/totp', { password: user.password }, { token: user.token });
    expect((await signIn()).status).toBe(200);
    const wrong = { id: '0'.repeat(32), code: '123456' };
    expect((await post('/auth/second-factors/totp/confirm', wrong, { token: user.token })).status).toBe(404);
  });

  it('needs the password, but for who has just signed in', async () => {
    const bare = await post('/auth/second-factors/totp', {}, { token: user.token });
    expect(bare).toMatchObject({ status: 400, body: { details: { password: 'is required' } } });
    const wrong = await post('/auth/second-factors/totp', { password: 'not it' }, { token: user.token });
    expect(wrong).toMatchObject({ status: 400, body: { details: { password: 'is not right' } } });
    const token = String((await signIn()).body.token);
    expect((await post('/auth/second-factors/totp', {}, { token })).status).toBe(201);
    clock.advance(15 * 60_000);
    expect((await post('/auth/second-factors/totp', {}, { token })).status).toBe(400);
  });

  it('cannot be joined by another one from a sign-in that has not given it', async () => {
    const { token } = await enrol();
    await forgetProof();
    const begun = await post('/auth/second-factors/totp', { password: user.password }, { token });
    expect(begun).toMatchObject({ status: 403, body: { code: 'SECOND_FACTOR_MISSING' } });
  });
});

describe('guessing', () => {
  it('is slowed down for strangers, and locks the owner out of nowhere known', async () => {
    const { secret } = await enrol();
    const home = { address: '10.0.0.1' };
    const before = await signIn(user, home);
    await post('/auth/second-factor', { token: stepOf(before), code: codeOf(secret) }, home);
    const statuses: number[] = [];
    for (let i = 0; i < 40; i++) {
      const from = { address: `10.9.${i}.1` };
      const asked = await signIn(user, from);
      const code = wrongFor(codeOf(secret));
      statuses.push((await post('/auth/second-factor', { token: stepOf(asked), code }, from)).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
    clock.advance(STEP_MS);
    const asked = await signIn(user, home);
    const reply = await post('/auth/second-factor', { token: stepOf(asked), code: codeOf(secret) }, home);
    expect(reply.status, reply.text).toBe(200);
    const mails = await t.deps.db.select().from(mailOutbox).where(eq(mailOutbox.address, user.email));
    expect(mails.map(({ kind }) => kind)).toEqual(['factor_guessed']);
  });

  it('has twenty in all from browsers that have signed in before, and none from marks of before the factor', async () => {
    const old = await makeDeviceMark(t.deps, user.id);
    const { secret } = await enrol();
    const marks = await Promise.all(Array.from({ length: 7 }, () => makeDeviceMark(t.deps, user.id)));
    const from = (ip: string): Ctx => ({ ...t.deps, actor: ANONYMOUS, requestId: 'r', ip, userAgent: null });
    const step = async () => stepOf(await signIn());
    const guess = async (device: string, ip: string, code = wrongFor(codeOf(secret))) =>
      completeSignIn(from(ip), { token: await step(), code, device }).then(
        () => 'in',
        (error) => String(Object(error).code),
      );
    const guesses: string[] = [];
    for (const [i, mark] of marks.entries())
      for (let n = 0; n < 4; n++) guesses.push(await guess(mark, `10.8.${i}.${n}`));
    expect(guesses.filter((each) => each === 'UNAUTHORIZED')).toHaveLength(20);
    expect(guesses.at(-1)).toBe('RATE_LIMITED');
    const keys = (await t.deps.db.select().from(rateLimits)).map(({ key }) => key);
    expect(keys).toContain(`factor:known:${user.id}`);
    // Strangers are counted apart: this is the first of theirs.
    expect(await guess(old, '10.7.0.1')).toBe('UNAUTHORIZED');
    const counted = (await t.deps.db.select().from(rateLimits)).map(({ key }) => key);
    expect(counted).toContain(`factor:account:${user.id}`);
    clock.advance(3_600_000);
    expect(await guess(marks[0] ?? '', '10.8.0.1', codeOf(secret))).toBe('in');
  });

  it('is refused to a known browser from an address that tries many accounts', async () => {
    const mark = await makeDeviceMark(t.deps, user.id);
    const ip = '10.5.0.1';
    for (let i = 0; i < 20; i++) await countFailure(t.deps.db, addressThrottle({ ip }), clock.now());
    const ctx: Ctx = { ...t.deps, actor: ANONYMOUS, requestId: 'r', ip, userAgent: null };
    const input = { email: user.email, password: user.password, device: mark };
    await expect(checkPassword(ctx, input)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect((await checkPassword({ ...ctx, ip: '10.5.1.1' }, input)).id).toBe(user.id);
  });

  it('knows a browser for a year, until the password or the factors change', async () => {
    const ctx: Ctx = { ...t.deps, actor: ANONYMOUS, requestId: 'r', ip: '10.6.0.1', userAgent: null };
    const kind = async (device: string) =>
      (await originOfSignIn(ctx, { userId: user.id, email: user.email, device })).kind;
    const mark = await makeDeviceMark(t.deps, user.id);
    expect(await kind(mark)).toBe('device');
    await t.deps.db.update(users).set({ tokenVersion: 3 }).where(eq(users.id, user.id));
    expect(await kind(mark)).toBe('unknown');
    const next = await makeDeviceMark(t.deps, user.id);
    await t.deps.db.update(users).set({ tokenVersion: 0 }).where(eq(users.id, user.id));
    expect([await kind(mark), await kind(next)]).toEqual(['device', 'unknown']);
    await enrol();
    expect(await kind(mark)).toBe('unknown');
    const last = await makeDeviceMark(t.deps, user.id);
    expect(await kind(last)).toBe('device');
    clock.advance(366 * DAY_MS);
    expect(await kind(last)).toBe('unknown');
  });

  it('is slowed down from one place', async () => {
    const { secret } = await enrol();
    const asked = await signIn();
    const tries = Array.from({ length: 12 }, () => ({
      token: stepOf(asked),
      code: wrongFor(codeOf(secret)),
    }));
    const replies: Reply[] = [];
    for (const body of tries) replies.push(await post('/auth/second-factor', body));
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(replies.at(-1)).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(replies.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is slowed down for whoever has a token, too', async () => {
    const { token } = await enrol();
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) {
      statuses.push((await post('/auth/second-factors/confirm', { code: '000000' }, { token })).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });

  it('of a step that is not ours, over, or of an older password opens nothing', async () => {
    const { secret } = await enrol();
    const asked = await signIn();
    const forged = `${stepOf(asked).slice(0, -1)}x`;
    expect((await post('/auth/second-factor', { token: forged, code: codeOf(secret) })).status).toBe(401);
    await t.deps.db.update(users).set({ tokenVersion: 7 }).where(eq(users.id, user.id));
    expect((await post('/auth/second-factor', { token: stepOf(asked), code: codeOf(secret) })).status).toBe(
      401,
    );
    const late = await signIn();
    clock.advance(10 * 60_000);
    expect((await post('/auth/second-factor', { token: stepOf(late), code: codeOf(secret) })).status).toBe(
      401,
    );
  });
});

describe('a recovery code', () => {
  it('signs in once, however it is typed, and a new set ends it', async () => {
    const { codes, token, secret } = await enrol();
    expect(codes).toHaveLength(10);
    const use = async (code: string) =>
      (await post('/auth/second-factor', { token: stepOf(await signIn()), code })).status;
    const first = codes[0] ?? '';
    expect(await use(first.toUpperCase().replaceAll('-', ' '))).toBe(200);
    expect(await use(first)).toBe(401);
    const body = { password: user.password, code: codeOf(secret) };
    const fresh = await post('/auth/second-factors/recovery-codes', body, { token });
    expect(fresh.status, fresh.text).toBe(200);
    expect(await use(codes[1] ?? '')).toBe(401);
    expect(await use(String(Object(fresh.body.recoveryCodes)[0]))).toBe(200);
    const left = await t.call('/auth/second-factors', { token });
    expect(left.body.recoveryCodesLeft).toBe(9);
  });

  it('is won by one of many who give it at once', async () => {
    const { codes } = await enrol();
    const steps = await Promise.all(Array.from({ length: 4 }, () => signIn()));
    const replies = await Promise.all(
      steps.map((step) => post('/auth/second-factor', { token: stepOf(step), code: codes[0] })),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('a passkey', () => {
  it('is set up, signs in, and its challenge is good once', async () => {
    const { passkey, reply, again } = await enrolPasskey(user, user.token);
    expect(reply.body).toMatchObject({ data: { kind: 'passkey', name: 'Key' } });
    const proven = { token: String(reply.body.token) };
    expect((await post('/auth/second-factors/passkey/confirm', again, proven)).status).toBe(404);
    const asked = await signIn();
    expect(Object(asked.body.details).methods).toEqual(['passkey', 'recovery_code']);
    const token = stepOf(asked);
    const { options } = (await post('/auth/second-factor/options', { token })).body;
    const assertion = passkey.get(options);
    const foreign = { ...assertion, id: 'another', rawId: 'another' };
    expect((await post('/auth/second-factor', { token, assertion: foreign })).status).toBe(401);
    const good = await post('/auth/second-factor', { token, assertion });
    expect(good.status, good.text).toBe(200);
    expect((await post('/auth/second-factor', { token, assertion })).status).toBe(401);
    const next = await signIn();
    expect((await post('/auth/second-factor', { token: stepOf(next), assertion })).status).toBe(401);
  });

  it('of another site or for another person is refused', async () => {
    const other = softPasskey('https://hub.example.org');
    const begun = await post(
      '/auth/second-factors/passkey',
      { password: user.password },
      { token: user.token },
    );
    expect(() => other.create(begun.body.options)).toThrow();
    const here = softPasskey(ORIGIN);
    const attestation = here.create({ ...Object(begun.body.options), challenge: 'AAAA' });
    const body = { token: begun.body.token, attestation };
    expect((await post('/auth/second-factors/passkey/confirm', body, { token: user.token })).status).toBe(
      400,
    );
    const stranger = await t.tenant();
    const right = { token: begun.body.token, attestation: here.create(begun.body.options) };
    expect(
      (await post('/auth/second-factors/passkey/confirm', right, { token: stranger.token })).status,
    ).toBe(404);
  });

  it('proves who is signed in, for what weakens the account', async () => {
    const { passkey, reply } = await enrolPasskey(user, user.token);
    const token = String(reply.body.token);
    const id = String(Object(reply.body.data).id);
    const step = (await post('/auth/second-factors/challenge', undefined, { token })).body;
    const assertion = passkey.get(step.options);
    const body = { password: user.password, token: step.token, assertion };
    const wrong = { ...body, password: 'not the password' };
    expect((await post(`/auth/second-factors/${id}/remove`, wrong, { token })).status).toBe(400);
    expect((await post(`/auth/second-factors/${id}/remove`, body, { token })).status).toBe(200);
    expect((await signIn()).status).toBe(200);
  });
});

describe('taking it away', () => {
  it('needs the password and the factor, and the codes go with the last one', async () => {
    const { token, id, secret, codes } = await enrol();
    const remove = (body: object) => post(`/auth/second-factors/${id}/remove`, body, { token });
    expect((await remove({ password: user.password })).status).toBe(400);
    expect((await remove({ password: user.password, code: wrongFor(codeOf(secret)) })).status).toBe(400);
    expect((await remove({ password: user.password, code: codeOf(secret) })).status).toBe(200);
    expect(await t.deps.db.select().from(recoveryCodes).where(eq(recoveryCodes.userId, user.id))).toEqual([]);
    expect((await signIn()).status).toBe(200);
    expect(codes).toHaveLength(10);
  });

  it('is an administrator’s for who has lost it, who is told', async () => {
    const admin = await t.tenant('admin');
    await enrol();
    const clear = () => t.call(`/user/${user.id}/second-factors`, { method: 'DELETE', token: admin.token });
    expect((await clear()).status).toBe(200);
    expect((await clear()).status).toBe(409);
    expect((await signIn()).status).toBe(200);
    const mails = await t.deps.db.select().from(mailOutbox).where(eq(mailOutbox.address, user.email));
    expect(mails.map(({ kind }) => kind)).toEqual(['factors_cleared']);
    const audit = await t.call(`/user/${user.id}/audit`, { token: admin.token });
    expect(audit.body.data).toContainEqual(
      expect.objectContaining({ event: 'auth.second_factors_cleared', actorId: admin.id }),
    );
  });
});

describe('the first factor', () => {
  const statusOf = async (token: string) => (await t.call('/auth/me', { token })).status;

  it('ends all other sign-ins, and the tokens that name none', async () => {
    const [here, elsewhere] = [String((await signIn()).body.token), String((await signIn()).body.token)];
    const { token } = await enrol(user, here);
    const all = [token, here, elsewhere, user.token];
    expect(await Promise.all(all.map(statusOf))).toEqual([200, 200, 401, 401]);
    // Also one that a process of the release before signs now.
    expect(await statusOf(t.deps.credentials.signToken(user.id, 0))).toBe(401);
  });

  it('is asked for by what ends the sign-ins of others', async () => {
    const { token, secret } = await enrol();
    await forgetProof();
    const change = { currentPassword: user.password, newPassword: 'another password' };
    const missing = { status: 403, body: { code: 'SECOND_FACTOR_MISSING' } };
    expect(await post('/auth/change-password', change, { token })).toMatchObject(missing);
    expect(await post('/auth/sign-out-everywhere', {}, { token })).toMatchObject(missing);
    await post('/auth/second-factors/confirm', { code: codeOf(secret) }, { token });
    expect((await post('/auth/change-password', change, { token })).status).toBe(200);
  });
});

describe('a sign-in', () => {
  const switchTo = (token: string) => post('/auth/switch-workspace', { workspaceId: user.id }, { token });
  const expiryOf = (token: string) =>
    Number(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).exp);

  it('ends when it was to end, however often it is renewed', async () => {
    const first = String((await signIn()).body.token);
    clock.advance(3_600_000);
    const switched = String((await switchTo(first)).body.token);
    const changed = await post(
      '/auth/change-password',
      { currentPassword: user.password, newPassword: user.password },
      { token: switched },
    );
    expect([expiryOf(switched), expiryOf(String(changed.body.token))]).toEqual([
      expiryOf(first),
      expiryOf(first),
    ]);
  });

  it('of a token of a release before is as old as the token, and ends with it', async () => {
    const token = t.deps.credentials.signToken(user.id, 0);
    const life = t.deps.config.jwtExpiresInSeconds * 1000;
    clock.advance(life / 2);
    const switched = String((await switchTo(token)).body.token);
    expect(expiryOf(switched)).toBe(expiryOf(token));
    const begun = await post('/auth/second-factors/totp', {}, { token: switched });
    expect(begun).toMatchObject({ status: 400, body: { details: { password: 'is required' } } });
    clock.advance(life / 2);
    expect((await t.call('/auth/me', { token: switched })).status).toBe(401);
  });
});

describe('an account without a password', () => {
  it('takes a factor away and renews codes with a factor, shortly after signing in', async () => {
    const token = String((await signIn()).body.token);
    const { id, secret } = await enrol(user, token);
    await t.deps.db.update(users).set({ passwordHash: NO_PASSWORD }).where(eq(users.id, user.id));
    const codes = () => post('/auth/second-factors/recovery-codes', { code: codeOf(secret) }, { token });
    expect((await t.call('/auth/second-factors', { token })).body.hasPassword).toBe(false);
    expect((await codes()).status).toBe(200);
    clock.advance(15 * 60_000);
    expect(await codes()).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect((await post('/auth/second-factors/totp', {}, { token })).status).toBe(409);
    await t.deps.db.update(signIns).set({ createdAt: clock.now() }).where(eq(signIns.userId, user.id));
    const remove = (code: string) => post(`/auth/second-factors/${id}/remove`, { code }, { token });
    expect((await remove(wrongFor(codeOf(secret)))).status).toBe(400);
    expect((await remove(codeOf(secret))).status).toBe(200);
  });
});

describe('a workspace that asks for one', () => {
  const require = (token: string, requireSecondFactor = true) =>
    t.call('/workspace/security', { method: 'PUT', token, body: { requireSecondFactor } });

  it('is made so by who has given one, and lets members in when they have', async () => {
    const member = await makeMember(t.deps, user.id, 'operator');
    expect((await require(user.token)).status).toBe(409);
    const owner = await enrol();
    expect((await require(user.token)).status).toBe(401);
    expect((await require(owner.token)).status).toBe(200);
    // Keys are not concerned.
    expect((await t.call('/session/list', { token: owner.token })).status).toBe(200);
    expect((await t.call('/session/list', { apiKey: member.apiKey })).status).toBe(200);
    const refused = await t.call('/session/list', { token: member.token });
    expect(refused).toMatchObject({ status: 403, body: { code: 'SECOND_FACTOR_MISSING' } });
    const signed = await signIn(member);
    expect(signed).toMatchObject({ status: 200, body: { user: { apiKey: null } } });
    const token = String(signed.body.token);
    expect((await t.call('/auth/me', { token })).body.user).toMatchObject({ apiKey: null });
    expect((await post('/auth/regenerate-api-key', undefined, { token })).status).toBe(403);
    expect((await t.call('/auth/second-factors', { token })).body).toMatchObject({ missing: true, data: [] });
    const enrolled = await enrol(member, token);
    expect((await t.call('/session/list', { token: enrolled.token })).status).toBe(200);
    expect((await t.call('/session/list', { token })).status).toBe(200);
    // A factor that is gone opens nothing any more.
    const body = { password: member.password, code: codeOf(enrolled.secret) };
    await post(`/auth/second-factors/${enrolled.id}/remove`, body, { token });
    expect((await t.call('/session/list', { token })).status).toBe(403);
    expect((await require(owner.token, false)).status).toBe(200);
    expect((await t.call('/session/list', { token: member.token })).status).toBe(200);
  });

  it('asks who switches into it from a sign-in without', async () => {
    const other = await t.tenant();
    const { db } = t.deps;
    const { workspaceMembers } = await import('../../src/db/schema.ts');
    const times = { createdAt: clock.now(), updatedAt: clock.now() };
    await db
      .insert(workspaceMembers)
      .values({ workspaceId: other.id, userId: user.id, role: 'admin', ...times });
    const owner = await enrol(other);
    await require(owner.token);
    const mine = await enrol();
    const before = mine.token;
    await forgetProof();
    const into = (token: string) => post('/auth/switch-workspace', { workspaceId: other.id }, { token });
    const switched = await into(before);
    expect(switched).toMatchObject({ status: 200, body: { workspace: { requireSecondFactor: true } } });
    const there = String(switched.body.token);
    expect((await t.call('/session/list', { token: there })).status).toBe(403);
    const confirmed = await post(
      '/auth/second-factors/confirm',
      { code: codeOf(mine.secret) },
      { token: there },
    );
    expect(confirmed.status, confirmed.text).toBe(200);
    expect((await t.call('/session/list', { token: String(confirmed.body.token) })).status).toBe(200);
    // Of the same sign-in.
    expect(
      (await t.call('/session/list', { token: String((await into(mine.token)).body.token) })).status,
    ).toBe(200);
  });
});
