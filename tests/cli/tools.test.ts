import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { and, eq, isNull } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { backup } from '../../src/cli/backup.ts';
import { restore } from '../../src/cli/restore.ts';
import { readHost } from '../../src/cluster/host.ts';
import { beat, leave } from '../../src/cluster/processes.ts';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { apiRequests, counters, settings, users, whatsappAccounts } from '../../src/db/schema.ts';
import { MANIFEST, parseManifest } from '../../src/services/backup/format.ts';
import type { Ctx } from '../../src/services/context.ts';
import { countSealed } from '../../src/services/encryption/rotate.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { StartError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { OwnershipLost } from '../../src/whatsapp/credential-store.ts';
import { depsElsewhere } from '../helpers/app.ts';
import { databaseSettings } from '../helpers/sandbox-process.ts';
import { type OtpFixture, openOtpFixture, outcome, testDatabaseOf } from '../otp/fixture.ts';
import { makePlace } from './backup-fixture.ts';
import {
  boxOf,
  expectedOf,
  newKey,
  readEverything,
  type SealedTenant,
  sealEverywhere,
} from './sealed-fixture.ts';

const place = makePlace();
let fixture: OtpFixture;
let sealed: SealedTenant;
const path = place.path('sealed.tar');
const folder = place.path('sealed');

beforeAll(async () => {
  fixture = await openOtpFixture();
  sealed = await sealEverywhere(fixture);
  await fixture.deps.db.insert(settings).values({ name: 'keys:of a process', value: 1, updatedAt: 1 });
  // It names an API key, which is no encryption key.
  await fixture.deps.db.insert(apiRequests).values({
    id: newId(1),
    userId: sealed.tenant.id,
    method: 'GET',
    route: '/session',
    path: '/session',
    status: 200,
    durationMs: 1,
    via: 'api_key',
    keyId: newId(2),
    actorId: sealed.tenant.id,
    requestId: 'request',
    at: 1,
  });
  see(testDatabaseOf(fixture).options, keyOf(fixture));
  expect(await run(backup, path)).toContain(
    `It needs the encryption key with the id ${boxOf(keyOf(fixture)).keyId}, which is not in it`,
  );
  await run(backup, folder);
  vi.unstubAllEnvs();
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  await fixture.close();
  await place.remove();
});

const keyOf = ({ deps }: OtpFixture) => deps.config.encryptionKey;

/** The environment that the tools read. */
function see(database: DatabaseOptions, key: Buffer): void {
  const names = {
    ...databaseSettings(database),
    UPLOAD_PATH: place.path('uploads'),
    ENCRYPTION_KEY: key.toString('hex'),
  };
  for (const [name, value] of Object.entries(names)) vi.stubEnv(name, value);
}

/** What the tool has said; a refusal counts as a line. */
async function run(tool: typeof backup, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  const reporter = {
    say: (line: string) => lines.push(line),
    warn: (line: string) => lines.push(`WARNING: ${line}`),
    progress: () => undefined,
  };
  try {
    await tool(args, reporter);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    lines.push(`refused: ${error.message}`);
  }
  return lines.join('\n');
}

/** The tenant of before on a restored database. */
async function ctxOn(options: DatabaseOptions): Promise<Ctx> {
  const database = await place.open(options);
  return { ...sealed.ctx, ...depsElsewhere(sealed.ctx, database) };
}

/** As a process does that starts. */
async function takeSession({ db }: Ctx): Promise<void> {
  const { id, owner } = sealed.account;
  const mine = and(eq(whatsappAccounts.id, id), isNull(whatsappAccounts.owner));
  await db.update(whatsappAccounts).set({ owner }).where(mine);
}

it('no key is in a backup, nor any secret in the clear', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const everything = files
    .filter((file) => statSync(file).isFile())
    .map((file) =>
      (file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)).toString('latin1'),
    )
    .join('\n');
  expect(everything).toContain(sealed.account.id);
  const secrets = [
    keyOf(fixture).toString('hex'),
    keyOf(fixture).toString('base64'),
    fixture.deps.config.jwtSecret,
    sealed.tenant.apiKey,
    ...sealed.webhook.secrets,
  ];
  for (const secret of secrets) expect(everything).not.toContain(secret);
});

it('says with which keys how many of its values are sealed', async () => {
  const manifest = parseManifest(readFileSync(join(folder, MANIFEST), 'utf8'), folder);
  const found = await countSealed(fixture.deps);
  expect(manifest.sealed).toEqual(Object.fromEntries(found.map(({ keyId, values }) => [keyId, values])));
});

it('with the right key everything opens after a restore, and a code that was pending is good', async () => {
  const { options, database } = await place.empty();
  await database.close();
  see(options, keyOf(fixture));
  const output = await run(restore, path, '--moved');
  expect(output).toContain(`sealed values open with the key ${boxOf(keyOf(fixture)).keyId}`);
  expect(output).not.toContain('WARNING');
  const ctx = await ctxOn(options);
  // Whoever held the session before holds it no more.
  await expect(readEverything({ ...sealed, ctx }, ctx.secrets)).rejects.toThrow(OwnershipLost);
  await takeSession(ctx);
  expect(await readEverything({ ...sealed, ctx }, ctx.secrets)).toEqual(expectedOf(sealed));
  expect(await outcome(verifyOtp(ctx, { otpId: sealed.otp.id, otp: sealed.otp.code }))).toBe('ok');
  const [account] = await ctx.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, sealed.account.id));
  expect(account?.fence).toBe(sealed.account.fence + 1_000);
  expect(await ctx.db.select().from(settings).where(eq(settings.name, 'keys:of a process'))).toEqual([]);
});

it('with another key it warns before and after, and loses nothing but what must not be used again', async () => {
  const { options, database } = await place.empty();
  await database.close();
  const key = newKey();
  see(options, key);
  const [right, wrong] = [boxOf(keyOf(fixture)).keyId, boxOf(key).keyId];
  expect(await run(restore, path, '--check')).toMatch(
    new RegExp(`WARNING: ENCRYPTION_KEY is ${wrong}, but \\d+ values of the backup are sealed with ${right}`),
  );
  const [counter] = await fixture.deps.db.select().from(counters).where(eq(counters.name, 'user'));
  const output = await run(restore, path, '--hold');
  expect(output).toContain('Everybody signs in again');
  expect(output).toContain('Every queue is paused');
  expect(output).toMatch(
    new RegExp(`WARNING: (\\d+) of \\1 values sealed with the key ${right} do not open`),
  );
  const ctx = await ctxOn(options);
  await takeSession(ctx);
  // Without --moved no Signal session comes back; all else does.
  expect(await readEverything({ ...sealed, ctx }, fixture.deps.secrets)).toEqual({
    ...expectedOf(sealed),
    keys: [],
  });
  // Tokens end, and numbers of users that were given after the backup are not given to others.
  const tenant = await ctx.db.select().from(users).where(eq(users.id, sealed.tenant.id));
  expect(tenant).toMatchObject([{ email: sealed.tenant.email, tokenVersion: 1_000 }]);
  expect(await ctx.db.select().from(counters).where(eq(counters.name, 'user'))).toEqual([
    { name: 'user', value: (counter?.value ?? 0) + 1_000 },
  ]);
  const accounts = await ctx.db.select().from(whatsappAccounts);
  expect(accounts.map(({ pauseReason }) => pauseReason)).toEqual(accounts.map(() => 'paused'));
});

it('a backup of a running service cannot be restored as if nothing had happened since', async () => {
  const database = testDatabaseOf(fixture);
  const id = newId();
  await beat(database, id, readHost());
  see(database.options, keyOf(fixture));
  const live = place.path('live.tar');
  expect(await run(backup, live)).toContain('while the service ran');
  expect(await run(restore, live, '--moved')).toContain(
    'refused: this backup was made while the service ran',
  );
  await leave(database, id);
});

it('says how it is used', async () => {
  see(testDatabaseOf(fixture).options, keyOf(fixture));
  expect(await run(backup)).toContain('usage: npm run backup');
  expect(await run(backup, '--help')).toContain('usage: npm run backup');
  expect(await run(restore)).toContain('usage: npm run restore');
  expect(await run(restore, path, '--unknown')).toContain('usage: npm run restore');
});
