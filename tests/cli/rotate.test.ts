import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { webhooks } from '../../src/db/schema.ts';
import { countSealed, rotateSealed } from '../../src/services/encryption/rotate.ts';
import { SEALED_COLUMNS } from '../../src/services/encryption/sealed-columns.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { signLink, verifyLink } from '../../src/services/signed-links.ts';
import { sealWebhookSecret } from '../../src/services/webhooks/signature.ts';
import { type OtpFixture, openOtpFixture, outcome, wrongFor } from '../otp/fixture.ts';
import {
  boxOf,
  expectedOf,
  newKey,
  readEverything,
  type SealedTenant,
  sealEverywhere,
  storeOf,
} from './sealed-fixture.ts';

let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());

const oldKey = () => fixture.deps.config.encryptionKey;
const database = () => fixture.deps.database;

/** Back under the key of the fixture, so that each test begins alike. */
async function rotateBack(key: Buffer): Promise<void> {
  await rotateSealed({ database: database(), secrets: boxOf(oldKey(), key) });
}

describe('a rotation', () => {
  let sealed: SealedTenant;
  beforeAll(async () => {
    sealed = await sealEverywhere(fixture);
  });

  it('leaves nothing under the old key, and everything readable with the new one alone', async () => {
    const key = newKey();
    const found = await rotateSealed({ database: database(), secrets: boxOf(key, oldKey()) });
    // Both sessions' keys and credentials, a file, an own key, two secrets and the headers of a webhook, a code, a proxy,
    // the secret of an app and the token of a bot.
    expect(found).toEqual({
      resealed: 2 * 131 + 1 + 1 + 1 + 4 + 1 + 1 + 1 + 1,
      left: 0,
      lost: new Map(),
      damaged: 0,
    });
    const alone = boxOf(key);
    expect(await readEverything(sealed, alone)).toEqual(expectedOf(sealed));
    expect(await countSealed({ database: database(), secrets: alone })).toEqual([
      { keyId: alone.keyId, values: found.resealed, unreadable: 0 },
    ]);
    expect((await rotateSealed({ database: database(), secrets: boxOf(key, oldKey()) })).resealed).toBe(0);
    await rotateBack(key);
  });

  it('goes on where it was cut off', async () => {
    const key = newKey();
    const secrets = boxOf(key, oldKey());
    const stop = new AbortController();
    const cut = await rotateSealed(
      { database: database(), secrets },
      { signal: stop.signal, onProgress: ({ place }) => place === 'wa_credentials' && stop.abort() },
    );
    expect(cut.resealed).toBeGreaterThan(0);
    // Half of it under each key: a process with both reads all of it.
    expect(await readEverything(sealed, boxOf(oldKey(), key))).toMatchObject({
      ownKey: sealed.tenant.apiKey,
    });
    const rest = await rotateSealed({ database: database(), secrets });
    expect(cut.resealed + rest.resealed).toBe(2 * 131 + 11);
    expect(await readEverything(sealed, boxOf(key))).toEqual(expectedOf(sealed));
    await rotateBack(key);
  });

  it('tells of values whose key is not there and leaves them as they are', async () => {
    const key = newKey();
    const found = await rotateSealed({ database: database(), secrets: boxOf(key) });
    expect(found.resealed).toBe(0);
    expect(found.lost).toEqual(new Map([[boxOf(oldKey()).keyId, 2 * 131 + 11]]));
    expect(await readEverything(sealed, boxOf(oldKey()))).toEqual(expectedOf(sealed));
  });

  it('never overwrites what changed since it was read', async () => {
    const { ctx, webhook } = sealed;
    const key = newKey();
    const secrets = boxOf(key, oldKey());
    const place = SEALED_COLUMNS.find(({ name }) => name === 'webhooks');
    const read = [];
    for await (const values of place?.pages(ctx.db) ?? []) read.push(...values);
    const changed = sealWebhookSecret(ctx.secrets, webhook.id, webhook.secrets[0] ?? '');
    await ctx.db.update(webhooks).set({ secret: changed }).where(eq(webhooks.id, webhook.id));
    const results = [];
    for (const value of read) results.push(await transact(ctx.db, (tx) => value.reseal(tx, secrets)));
    expect(results).toEqual([false, true, true]);
    const [row] = await ctx.db.select().from(webhooks).where(eq(webhooks.id, webhook.id));
    expect(row?.secret).toBe(changed);
    await rotateBack(key);
  });
});

describe('while a rotation runs', () => {
  it('a session goes on writing its keys, and no value is lost', async () => {
    const sealed = await sealEverywhere(fixture);
    const key = newKey();
    const secrets = boxOf(key, oldKey());
    const keys = await storeOf(sealed.ctx, secrets).load(sealed.account);
    let round = 0;
    let rotating = true;
    const writing = (async () => {
      for (; rotating; round++) {
        await keys.set(
          Array.from({ length: 20 }, (_, i) => ({
            type: 'session',
            name: `key ${(round * 20 + i) % 130}`,
            value: Buffer.from(`me key ${(round * 20 + i) % 130}`),
          })),
        );
      }
    })();
    const { left } = await rotateSealed({ database: database(), secrets });
    rotating = false;
    await writing;
    await keys.close(5_000);
    expect(left).toBe(0);
    expect(round).toBeGreaterThan(1);
    expect(await readEverything(sealed, boxOf(key))).toEqual(expectedOf(sealed));
    await rotateBack(key);
  });

  it('codes and links of before are good, with the old key first, second and, for codes, gone', async () => {
    const sealed = await sealEverywhere(fixture);
    const key = newKey();
    const { ctx, otp } = sealed;
    const before = boxOf(oldKey(), key);
    const during = boxOf(key, oldKey());
    const link = signLink(boxOf(oldKey()), '/media/1', 7, ctx.clock.now() + 1000);
    for (const secrets of [before, during]) {
      expect(verifyLink(secrets, `http://x${link}`, ctx.clock.now())).toEqual({ userId: 7 });
      expect(await outcome(verifyOtp({ ...ctx, secrets }, { otpId: otp.id, otp: wrongFor(otp.code) }))).toBe(
        'OTP_INVALID',
      );
    }
    expect(verifyLink(boxOf(key), `http://x${link}`, ctx.clock.now())).toBeNull();
    await rotateSealed({ database: database(), secrets: during });
    const after = { ...ctx, secrets: boxOf(key) };
    expect(await outcome(verifyOtp(after, { otpId: otp.id, otp: otp.code }))).toBe('ok');
    await rotateBack(key);
  });
});

it('knows every place where something is sealed', () => {
  const src = fileURLToPath(new URL('../../src', import.meta.url));
  const sealing = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('emulator'))
    .filter((file) => /\.seal(Text)?\(/.test(readFileSync(join(src, file), 'utf8')))
    .sort();
  // A new one belongs into SEALED_COLUMNS (services/encryption/sealed-columns.ts), and then here.
  expect(sealing).toEqual([
    // A cookie of a moment: nothing of it is kept.
    'controllers/dashboard/undo.tsx',
    'services/alerts/channels.ts',
    'services/api-keys.ts',
    'services/auth/second-factor/totp.ts',
    'services/encryption/sealed-columns.ts',
    'services/inbound/media-work.ts',
    // A cookie of ten minutes: nothing of it is kept.
    'services/oidc/flow.ts',
    'services/oidc/waiting.ts',
    // In the form that offers to undo a removal: nothing of it is kept.
    'services/opt-outs/restore.ts',
    'services/otp/codes.ts',
    'services/sessions/connection.ts',
    'services/webhooks/headers.ts',
    'services/webhooks/signature.ts',
    'utils/crypto.ts',
    'whatsapp/credential-writer.ts',
  ]);
  expect(SEALED_COLUMNS.map(({ name }) => name).sort()).toEqual([
    'alert_channels',
    'api_keys',
    'inbound_media',
    'media_sources',
    'otps',
    'second_factors',
    'wa_credentials',
    'wa_keys',
    'webhooks',
    'webhooks',
    'whatsapp_accounts',
  ]);
});
