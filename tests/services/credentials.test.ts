import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKeys, users } from '../../src/db/schema.ts';
import { createCredentials } from '../../src/services/auth/credentials.ts';
import { isPassword, passwordProblem } from '../../src/services/auth/passwords.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

const clock = createManualClock();
let t: TestApp;
beforeAll(async () => {
  t = await openTestApp({ clock });
});
afterAll(() => t.close());

describe('credentials of another process', () => {
  it('believe in a disabled user for at most a second', async () => {
    const user = await t.tenant();
    const elsewhere = createCredentials(t.deps);
    expect(await elsewhere.fromKey(user.apiKey)).toMatchObject({
      userId: user.id,
      via: 'api_key',
      scopes: ['*'],
    });
    await t.deps.db.update(users).set({ status: 'disabled' }).where(eq(users.id, user.id));
    clock.advance(1000);
    expect(await elsewhere.fromKey(user.apiKey)).toBeNull();
    expect(await elsewhere.fromToken(user.token, 'jwt')).toBeNull();
    expect(await elsewhere.fromLink(user.id)).toBeNull();
  });

  it('believe in a revoked key for at most a second', async () => {
    const user = await t.tenant();
    const elsewhere = createCredentials(t.deps);
    expect(await elsewhere.fromKey(user.apiKey)).not.toBeNull();
    await t.deps.db.delete(apiKeys).where(eq(apiKeys.userId, user.id));
    clock.advance(1000);
    expect(await elsewhere.fromKey(user.apiKey)).toBeNull();
  });
});

describe('credentials', () => {
  it('end a token and a key at their time', async () => {
    const user = await t.tenant();
    await t.deps.db
      .update(apiKeys)
      .set({ expiresAt: clock.now() + 500 })
      .where(eq(apiKeys.userId, user.id));
    expect(await t.deps.credentials.fromKey(user.apiKey)).not.toBeNull();
    clock.advance(500);
    expect(await t.deps.credentials.fromKey(user.apiKey)).toBeNull();
    expect(await t.deps.credentials.fromToken(user.token, 'jwt')).not.toBeNull();
    clock.advance(t.deps.config.jwtExpiresInSeconds * 1000);
    expect(await t.deps.credentials.fromToken(user.token, 'jwt')).toBeNull();
  });

  it('keep of a key only its hash and a sealed text', async () => {
    const user = await t.tenant();
    const [row] = await t.deps.db.select().from(apiKeys).where(eq(apiKeys.userId, user.id));
    const [, prefix, secret] = /^wahub_([0-9a-f]+)_(.+)$/.exec(user.apiKey) ?? [];
    expect(JSON.stringify(row)).toContain(prefix);
    expect(JSON.stringify(row)).not.toContain(secret);
  });

  it('let a read-only link read and nothing else', async () => {
    const user = await t.tenant();
    expect(await t.deps.credentials.fromLink(user.id)).toMatchObject({
      scopes: ['read'],
      via: 'signed_link',
    });
  });
});

describe('passwords', () => {
  it('are limited where bcrypt would ignore the rest', async () => {
    expect(passwordProblem('x'.repeat(72))).toBeNull();
    expect(passwordProblem('x'.repeat(73))).toContain('72');
    expect(passwordProblem('€'.repeat(25))).toContain('72');
    expect(passwordProblem('1234567')).toContain('8');
    expect(passwordProblem('12345678\0')).toContain('NUL');
    expect(await isPassword('', null)).toBe(false);
    expect(await isPassword('x'.repeat(100), null)).toBe(false);
  });
});
