/** A tenant with something sealed in every place that there is, and a look at it with any set of keys. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { expect } from 'vitest';
import {
  alertChannels,
  inboundMedia,
  mediaSources,
  secondFactors,
  waCredentials,
  waQuarantine,
  webhooks,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { createChannel } from '../../src/services/alerts/channels.ts';
import { sealedChannelContext } from '../../src/services/alerts/deliver.ts';
import { readOwnKey } from '../../src/services/api-keys.ts';
import { describeTotp, newTotpSecret } from '../../src/services/auth/second-factor/totp.ts';
import type { Ctx } from '../../src/services/context.ts';
import { keptSource, newMediaWork, sealedSourceContext } from '../../src/services/inbound/media-work.ts';
import { macOf } from '../../src/services/otp/codes.ts';
import { openProxy, sealProxy } from '../../src/services/sessions/connection.ts';
import { openHeaders } from '../../src/services/webhooks/headers.ts';
import { formerSecrets, openWebhookSecret } from '../../src/services/webhooks/signature.ts';
import { createWebhook, rotateWebhookSecret } from '../../src/services/webhooks/verbs.ts';
import { createSecretBox, type SecretBox } from '../../src/utils/crypto.ts';
import { newId } from '../../src/utils/ids.ts';
import { formatProxy, parseProxy } from '../../src/utils/proxy/address.ts';
import { credentialsContext } from '../../src/whatsapp/credential-rows.ts';
import { createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { silentLogger } from '../helpers/engine.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { addSession, codeOf, ctxOf, type OtpFixture, otpRow, send } from '../otp/fixture.ts';

const BOT_TOKEN = `12345678:${'b'.repeat(35)}`;
const HEADERS = { authorization: 'Bearer of-the-receiver' };

export interface SealedTenant {
  ctx: Ctx;
  tenant: Tenant;
  account: AccountRef;
  /** what an inbound file waits with */
  mediaId: string;
  webhook: { id: string; secrets: string[] };
  otp: { id: string; code: string; messageId: string };
  totp: { id: string; secret: string };
}

/** Keys of the session that is erased and lies in quarantine, and of the one that lives. */
const KEY_COUNT = 130;
const PROXY = 'socks5://toko:rahasia@proxy.example:1080';
const names = Array.from({ length: KEY_COUNT }, (_, i) => `key ${i}`);

export async function sealEverywhere(fixture: OtpFixture): Promise<SealedTenant> {
  const tenant = await fixture.tenant();
  const actor = {
    userId: tenant.id,
    personId: tenant.id,
    role: 'user' as const,
    workspaceRole: 'owner' as const,
    via: 'jwt' as const,
    scopes: null,
    sessionIds: null,
    keyId: null,
  };
  const ctx = ctxOf(fixture.deps, actor);
  const account = await addOwned(ctx, 'main');
  await writeCredentials(ctx, account, 'me');
  const proxy = sealProxy(ctx.secrets, account.id, parseProxy(PROXY));
  await ctx.db.update(whatsappAccounts).set({ proxy }).where(eq(whatsappAccounts.id, account.id));
  const erased = await addOwned(ctx, 'erased');
  await writeCredentials(ctx, erased, 'erased');
  await storeOf(ctx, ctx.secrets).erase(erased);
  const mediaId = newId();
  const source = { kind: 'image' as const, url: 'https://files.invalid/1', directPath: null };
  const work = newMediaWork(ctx, account, mediaId, {
    ...source,
    mediaKey: Buffer.from('media key'),
    fileSha256: null,
  });
  await ctx.db.insert(inboundMedia).values(work);
  await ctx.db.insert(mediaSources).values(keptSource(work));
  const made = await createWebhook(ctx, {
    url: 'https://hooks.example.com/a',
    events: ['*'],
    headers: HEADERS,
  });
  const { secret: before } = await rotateWebhookSecret(ctx, { id: made.id, graceMinutes: 60 });
  const { secret } = await rotateWebhookSecret(ctx, { id: made.id, graceMinutes: 60 });
  const sent = await send(ctx, `+62812${String(tenant.id).padStart(8, '0')}`);
  const code = await codeOf(ctx, sent.messageId);
  const totp = await addTotp(ctx, tenant.id);
  const chat = { name: 'On call', type: 'telegram', kinds: ['*'], target: '-100', token: BOT_TOKEN } as const;
  await createChannel(ctx, { ...chat, kinds: [...chat.kinds] });
  return {
    ctx,
    tenant,
    account,
    mediaId,
    webhook: { id: made.id, secrets: [secret, before, made.secret] },
    otp: { id: sent.otpId, code, messageId: sent.messageId },
    totp,
  };
}

async function addTotp(ctx: Ctx, userId: number): Promise<SealedTenant['totp']> {
  const id = newId();
  const secret = newTotpSecret(ctx.secrets, id);
  const row = { id, userId, kind: 'totp' as const, name: 'Phone', secret, createdAt: ctx.clock.now() };
  await ctx.db.insert(secondFactors).values(row);
  return { id, secret: describeTotp(ctx.secrets, row, '').secret };
}

async function addOwned(ctx: Ctx, sessionId: string): Promise<AccountRef> {
  const owner = newId();
  const id = await addSession(ctx, sessionId, { owner, fence: 1 });
  return { id, userId: ctx.actor.userId, sessionId, owner, fence: 1 };
}

export function storeOf(ctx: Ctx, secrets: SecretBox) {
  return createCredentialStore({ db: ctx.db, secrets, clock: ctx.clock, logger: silentLogger });
}

async function writeCredentials(ctx: Ctx, account: AccountRef, text: string): Promise<void> {
  const keys = await storeOf(ctx, ctx.secrets).load(account);
  await keys.setCredentials(Buffer.from(text));
  await keys.set(names.map((name) => ({ type: 'session', name, value: Buffer.from(`${text} ${name}`) })));
  await keys.close(5_000);
}

/** Everything that `sealEverywhere` has sealed, opened with `secrets`; throws for what does not open. */
export async function readEverything(
  sealed: SealedTenant,
  secrets: SecretBox,
): Promise<Record<string, unknown>> {
  const { ctx, account } = sealed;
  const [owned] = await ctx.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, account.id));
  const ref = { ...account, owner: owned?.owner ?? account.owner, fence: owned?.fence ?? account.fence };
  const keys = await storeOf(ctx, secrets).load(ref);
  const read = await keys.get('session', names);
  const quarantined = await readQuarantined(ctx, secrets);
  const [media] = await ctx.db.select().from(inboundMedia).where(eq(inboundMedia.id, sealed.mediaId));
  const [hook] = await ctx.db.select().from(webhooks).where(eq(webhooks.id, sealed.webhook.id));
  const otp = await otpRow(ctx, sealed.otp.id);
  const ownChannel = eq(alertChannels.userId, ctx.actor.userId);
  const [channel] = await ctx.db.select().from(alertChannels).where(ownChannel);
  const [factor] = await ctx.db.select().from(secondFactors).where(eq(secondFactors.id, sealed.totp.id));
  return {
    ownKey: await readOwnKey(ctx.db, secrets, { workspaceId: sealed.tenant.id, personId: sealed.tenant.id }),
    credentials: keys.credentials?.toString(),
    keys: [...read].map(([name, value]) => `${name}=${value}`).sort(),
    quarantined,
    media: media && secrets.open(media.sealed, media.keyId, sealedSourceContext(media.id)).toString(),
    webhook: hook && [
      openWebhookSecret(secrets, hook.id, hook.secret),
      ...formerSecrets(secrets, hook, 0).map((former) => former.secret),
    ],
    headers: openHeaders(secrets, sealed.webhook.id, hook?.headers ?? null),
    code: await codeOf({ ...ctx, secrets }, sealed.otp.messageId),
    proxy: owned && formatProxy(openProxy(secrets, owned) ?? parseProxy('http://none.invalid')),
    totp: factor?.secret && describeTotp(secrets, { id: factor.id, secret: factor.secret }, '').secret,
    channel: channel && secrets.openText(channel.secret ?? '', sealedChannelContext(channel.id)),
    mac: otp.codeMac === macOf(secrets, otp, sealed.otp.code),
  };
}

/** Erased credentials are still bound to the session whose they were. */
async function readQuarantined(ctx: Ctx, secrets: SecretBox): Promise<string[]> {
  const rows = await ctx.db
    .select({ accountId: waQuarantine.accountId, keyId: waCredentials.keyId, sealed: waCredentials.sealed })
    .from(waQuarantine)
    .innerJoin(waCredentials, eq(waCredentials.accountId, waQuarantine.id))
    .innerJoin(whatsappAccounts, eq(whatsappAccounts.id, waQuarantine.accountId))
    .where(eq(whatsappAccounts.userId, ctx.actor.userId));
  return rows.map((row) => secrets.open(row.sealed, row.keyId, credentialsContext(row.accountId)).toString());
}

/** What `readEverything` gives when all is well. */
export function expectedOf({ tenant, webhook, otp, totp }: SealedTenant): Record<string, unknown> {
  return {
    ownKey: tenant.apiKey,
    credentials: 'me',
    keys: names.map((name) => `${name}=me ${name}`).sort(),
    quarantined: ['erased'],
    media: expect.stringContaining('https://files.invalid/1'),
    webhook: webhook.secrets,
    headers: HEADERS,
    code: otp.code,
    proxy: PROXY,
    totp: totp.secret,
    channel: BOT_TOKEN,
    mac: true,
  };
}

/** A key made up for a test. */
export const newKey = (): Buffer => randomBytes(32);
export const boxOf = (first: Buffer, ...more: Buffer[]): SecretBox => createSecretBox([first, ...more]);
