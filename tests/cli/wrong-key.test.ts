import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waCredentials } from '../../src/db/schema.ts';
import { countSealed } from '../../src/services/encryption/rotate.ts';
import { requireReadable } from '../../src/services/encryption/start-check.ts';
import { type OtpFixture, openOtpFixture } from '../otp/fixture.ts';
import { boxOf, newKey, type SealedTenant, sealEverywhere } from './sealed-fixture.ts';

let fixture: OtpFixture;
let sealed: SealedTenant;
beforeAll(async () => {
  fixture = await openOtpFixture();
  sealed = await sealEverywhere(fixture);
});
afterAll(() => fixture.close());

const KINDS = ['wa_credentials', 'wa_keys', 'inbound_media', 'api_keys', 'webhooks', 'otps'];

async function refusal(secrets: ReturnType<typeof boxOf>, lost: string[] = []): Promise<string | null> {
  const { database } = fixture.deps;
  const logged: string[] = [];
  const logger = { warn: (line: string) => logged.push(line) };
  return requireReadable({ database, secrets, logger }, lost).then(
    () => (logged.length > 0 ? `warned: ${logged.join()}` : null),
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

describe('a start', () => {
  it('with the key that sealed everything goes on without a word', async () => {
    expect(await refusal(fixture.deps.secrets)).toBeNull();
  });

  it('with another key is refused in one line: which kinds, which key, what to do; nothing is changed', async () => {
    const before = await countSealed(fixture.deps);
    const wrong = boxOf(newKey());
    const line = (await refusal(wrong)) ?? '';
    expect(line).toContain('StartError: ENCRYPTION_KEY (id ');
    for (const word of [...KINDS, wrong.keyId, fixture.deps.secrets.keyId, 'ENCRYPTION_KEYS_EXTRA']) {
      expect(line).toContain(word);
    }
    expect(line).not.toContain('\n');
    expect(line).not.toMatch(/link again|linked again/);
    expect(await countSealed(fixture.deps)).toEqual(before);
  });

  it('goes on when the key is named as lost for good', async () => {
    expect(await refusal(boxOf(newKey()), [fixture.deps.secrets.keyId])).toBeNull();
  });

  it('goes on with a warning when one value of a kind alone cannot be opened', async () => {
    const { db } = fixture.deps;
    const where = eq(waCredentials.accountId, sealed.account.id);
    await db.update(waCredentials).set({ keyId: 'ffffffff' }).where(where);
    expect(await refusal(fixture.deps.secrets)).toContain('warned: some sealed values cannot be opened');
    await db.update(waCredentials).set({ keyId: fixture.deps.secrets.keyId }).where(where);
  });
});
