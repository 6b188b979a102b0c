/** From where a user has signed in before: strangers' wrong passwords from elsewhere must not lock that out. */
import { randomBytes } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { upsert } from '../../db/ops.ts';
import { knownNetworks } from '../../db/schema.ts';
import { addressGroup } from '../../utils/address.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import type { Ctx } from '../context.ts';

const PURPOSE = 'known-device';
/** `<id>.<HMAC over user and id>` */
const MARK = /^([0-9a-f]{32})\.([0-9a-f]{64})$/;

/** Where a sign-in comes from, as far as it is known for that user. */
export type Origin =
  | { kind: 'device'; subject: string }
  | { kind: 'network'; subject: string }
  | { kind: 'unknown'; subject: string };

/** The mark that a browser keeps after a good sign-in; it proves nothing but that there was one. */
export function makeDeviceMark(ctx: Pick<Ctx, 'secrets'>, userId: number): string {
  const id = randomBytes(16).toString('hex');
  return `${id}.${ctx.secrets.mac(PURPOSE, `${userId}:${id}`)}`;
}

/**
 * How a sign-in to the account is counted: by the browser that has signed in to it before, or by the account and the
 * network it comes from. `userId` 0 (an e-mail without an account) takes as long as any other.
 */
export async function originOfSignIn(
  ctx: Ctx,
  account: { userId: number; email: string; device?: string | undefined },
): Promise<Origin> {
  const network = addressGroup(ctx.ip);
  const [known] = await ctx.db
    .select({ network: knownNetworks.network })
    .from(knownNetworks)
    .where(and(eq(knownNetworks.userId, account.userId), eq(knownNetworks.network, network)));
  const [, id, mac] = MARK.exec(account.device ?? '') ?? [];
  if (id !== undefined && mac !== undefined) {
    const isOurs = ctx.secrets.isMac(PURPOSE, `${account.userId}:${id}`, mac);
    if (isOurs) return { kind: 'device', subject: `login:device:${sha256Hex(`${account.userId}:${id}`)}` };
  }
  const subject = `login:network:${sha256Hex(`${account.email}\n${network}`)}`;
  return { kind: known ? 'network' : 'unknown', subject };
}

/** Call after a good sign-in. */
export async function rememberNetwork(ctx: Ctx, userId: number): Promise<void> {
  const row = { userId, network: addressGroup(ctx.ip), lastSeenAt: ctx.clock.now() };
  await upsert(ctx.db, knownNetworks, row, [knownNetworks.userId, knownNetworks.network], {
    lastSeenAt: row.lastSeenAt,
  });
}
