/** Secrets of webhooks, and the signature that proves an event is ours (Standard Webhooks 1.0). */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { webhooks } from '../../db/schema.ts';
import type { SecretBox } from '../../utils/crypto.ts';

const PREFIX = 'whsec_';
/** Standard Webhooks asks for 24 to 64 bytes. */
const SECRET_BYTES = 32;

export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** The context that a secret is sealed with. */
export const sealedSecretContext = (webhookId: string) => `webhook:${webhookId}`;

export function sealWebhookSecret(box: SecretBox, webhookId: string, secret: string): string {
  return box.sealText(secret, sealedSecretContext(webhookId));
}

/** Throws when the encryption key is another one now. */
export function openWebhookSecret(box: SecretBox, webhookId: string, sealed: string): string {
  return box.openText(sealed, sealedSecretContext(webhookId));
}

/** One that a rotation has replaced, and signs too until its end (epoch milliseconds). */
export interface FormerSecret {
  secret: string;
  endsAt: number;
}

type SecretsRow = Pick<
  typeof webhooks.$inferSelect,
  'id' | 'previousSecret' | 'previousSecretExpiresAt' | 'olderSecrets'
>;

/** Those that sign beside the current secret at that time, the newest first. Throws as `openWebhookSecret`. */
export function formerSecrets(box: SecretBox, row: SecretsRow, now: number): FormerSecret[] {
  const { id, previousSecret, previousSecretExpiresAt, olderSecrets } = row;
  const open = (sealed: string) => openWebhookSecret(box, id, sealed);
  const endsAt = previousSecretExpiresAt ?? 0;
  const previous = previousSecret === null || endsAt <= now ? [] : [{ secret: open(previousSecret), endsAt }];
  // Ours: sealed by `sealOlderSecrets`.
  const older = olderSecrets === null ? [] : (JSON.parse(open(olderSecrets)) as FormerSecret[]);
  return [...previous, ...older.filter((one) => one.endsAt > now)];
}

/** Null for none. */
export function sealOlderSecrets(
  box: SecretBox,
  webhookId: string,
  older: readonly FormerSecret[],
): string | null {
  return older.length === 0 ? null : sealWebhookSecret(box, webhookId, JSON.stringify(older));
}

/**
 * The headers of one delivery. Every secret signs, the current one first; without any, the signature is missing.
 * `at` is epoch milliseconds; receivers refuse what is more than five minutes off.
 */
export function signatureHeaders(
  secrets: readonly string[],
  delivery: { id: string; at: number; body: string },
): Record<string, string> {
  const at = new Date(delivery.at);
  const signatures = secrets.map((secret) => signer(secret).sign(delivery.id, at, delivery.body));
  return {
    'content-type': 'application/json',
    'webhook-id': delivery.id,
    'webhook-timestamp': String(Math.floor(delivery.at / 1000)),
    ...(signatures.length > 0 ? { 'webhook-signature': signatures.join(' ') } : {}),
  };
}

/** Ours are `whsec_` and base64; one that an operator typed may be any text and is used byte for byte. */
function signer(secret: string): Webhook {
  if (/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret) && (secret.length - PREFIX.length) % 4 === 0) {
    return new Webhook(secret);
  }
  return new Webhook(new Uint8Array(Buffer.from(secret)), { format: 'raw' });
}
