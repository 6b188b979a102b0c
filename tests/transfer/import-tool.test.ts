/** `npm run import-session`, also when it is killed in the middle: what is in the database then is whole or nothing. */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { users, waCredentials, waKeys, whatsappAccounts } from '../../src/db/schema.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import { createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import { startCare } from '../helpers/cli.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { silentLogger } from '../helpers/engine.ts';
import { linkWith } from '../helpers/origins.ts';
import { databaseSettings } from '../helpers/sandbox-process.ts';

const PHONE = '628110009001';
const EMAIL = 'owner@example.com';
const key = randomBytes(32);
let emulator: Emulator;
let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  [emulator, database] = await Promise.all([startEmulator(), openTestDatabase()]);
  folder = mkdtempSync(join(tmpdir(), 'wahub-tool-'));
  const own = join(folder, 'main_credentials');
  const other = await linkWith('@whiskeysockets/baileys', { emulator, folder: own, phone: PHONE });
  await other.stop();
  // A number with many chats, so that there is a middle to be killed in.
  const [pair] = [join(own, 'lid-mapping-')];
  for (let n = 0; n < 4_000; n += 1) writeFileSync(`${pair}62899${n}.json`, JSON.stringify(`9${n}`));
  cpSync(own, join(folder, 'other_credentials'), { recursive: true });
  const now = Date.now();
  await database.db.insert(users).values({
    id: 7,
    email: EMAIL,
    name: 'Owner',
    passwordHash: '-',
    role: 'user',
    status: 'active',
    createdAt: now,
    updatedAt: now,
  });
});
afterAll(async () => {
  await database?.close();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  startCare(['import-session', '--user', EMAIL, '--session', 'main', '--from', folder, ...args], {
    ...databaseSettings(database.options),
    PATH: process.env.PATH ?? '',
    NODE_ENV: 'test',
    JWT_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEY: key.toString('hex'),
  });

const rowOf = async () => {
  const [row] = await database.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.userId, 7));
  return row;
};

it('says how it is called, and who is unknown', async () => {
  expect(await run('--nothing').ended).toMatchObject({ code: 1, output: expect.stringContaining('usage:') });
  expect(await run('--user', 'nobody@example.com').ended).toMatchObject({
    code: 1,
    output: expect.stringContaining('there is no user nobody@example.com'),
  });
});

it('leaves a whole link or none, whenever it is killed', async () => {
  let killed = 0;
  for (let round = 0; round < 6; round += 1) {
    // From the first keys on; later each time.
    const tool = run();
    await untilKeys(1 + round * 700);
    tool.kill();
    const { code } = await tool.ended;
    if (code === 0) break;
    killed += 1;
    const row = await rowOf();
    expect(await database.db.select().from(waCredentials)).toEqual([]);
    expect(row).toMatchObject({
      paired: false,
      status: 'disconnected',
      reason: 'importing',
      activePhone: null,
    });
    // An import that died is taken for one that runs, for five minutes.
    await database.db
      .update(whatsappAccounts)
      .set({ importedAt: Date.now() - 6 * 60_000 })
      .where(eq(whatsappAccounts.userId, 7));
  }
  expect(killed).toBeGreaterThan(2);

  const { code, output } = await run().ended;
  expect(output).toContain('Stop the old program');
  expect(code).toBe(0);
  const row = await rowOf();
  expect(row).toMatchObject({ paired: true, status: 'disconnected', reason: null, phoneNumber: PHONE });
  const secrets = createSecretBox([key]);
  const store = createCredentialStore({ ...database, secrets, clock: systemClock, logger: silentLogger });
  await database.db
    .update(whatsappAccounts)
    .set({ owner: 'me', fence: 9 })
    .where(eq(whatsappAccounts.userId, 7));
  const account = { id: row?.id ?? '', userId: 7, sessionId: 'main', owner: 'me', fence: 9 };
  const keys = await store.load(account);
  expect(JSON.parse(keys.credentials?.toString() ?? '{}').me.id).toContain(PHONE);
  const found = await keys.get('lid-mapping', ['628990', '628993999']);
  expect([...found.values()].map(String)).toEqual(['"90"', '"93999"']);
  await keys.close(1_000);
}, 180_000);

/** Resolves when so many keys are stored, or nothing more comes. */
async function untilKeys(count: number): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    const rows = await database.db.select({ name: waKeys.name }).from(waKeys);
    if (rows.length >= count) return;
    if ((await database.db.select().from(waCredentials)).length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
