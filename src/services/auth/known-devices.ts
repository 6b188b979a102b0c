/** From where a user has signed in before: strangers' wrong passwords from elsewhere must not lock that out. */
import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { knownNetworks, users } from '../../db/schema.ts';
import { addressGroup } from '../../utils/address.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { newId, timeOfId } from '../../utils/ids.ts';
import type { Ctx } from '../context.ts';
import { readFactors } from './second-factor/proof.ts';

const PURPOSE = 'known-device';
/** As long as the cookie lasts that keeps it. */
const MARK_LIFE_MS = 365 * DAY_MS;
/** `<id>.<HMAC over the person's credentials and the id>` */
const MARK = /^([0-9a-f]{32})\.([0-9a-f]{64})$/;

/** Where a sign-in comes from, as far as it is known for that user. */
export interface Origin {
  kind: 'device' | 'network' | 'unknown';
  subject: string;
  /** also of a device */
  isKnownNetwork: boolean;
}

/**
 * The mark that a browser keeps after a good sign-in; it proves nothing but that there was one, with the password and the
 * second factors that the person has now. It is good for a year.
 */
export async function makeDeviceMark(
  ctx: Pick<Ctx, 'secrets' | 'db' | 'clock'>,
  userId: number,
): Promise<string> {
  const id = newId(ctx.clock.now());
  return `${id}.${ctx.secrets.mac(PURPOSE, await markedText(ctx, userId, id))}`;
}

/** What ends a mark is in it: another password, and every change of the second factors. */
async function markedText({ db }: Pick<Ctx, 'db'>, userId: number, id: string): Promise<string> {
  const [person] = await db.select({ version: users.tokenVersion }).from(users).where(eq(users.id, userId));
  const factors = (await readFactors(db, userId)).map((factor) => factor.id);
  return JSON.stringify([userId, person?.version ?? null, factors, id]);
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
    const isOurs = ctx.secrets.isMac(PURPOSE, await markedText(ctx, account.userId, id), mac);
    const isYoung = timeOfId(id) + MARK_LIFE_MS > ctx.clock.now();
    const subject = `login:device:${sha256Hex(`${account.userId}:${id}`)}`;
    if (isOurs && isYoung) return { kind: 'device', subject, isKnownNetwork: known !== undefined };
  }
  const subject = `login:network:${sha256Hex(`${account.email}\n${network}`)}`;
  return { kind: known ? 'network' : 'unknown', subject, isKnownNetwork: known !== undefined };
}

/** Call after a good sign-in. */
export async function rememberNetwork(ctx: Ctx, userId: number): Promise<void> {
  const row = { userId, network: addressGroup(ctx.ip), lastSeenAt: ctx.clock.now() };
  await upsert(ctx.db, knownNetworks, row, [knownNetworks.userId, knownNetworks.network], {
    lastSeenAt: row.lastSeenAt,
  });
}

/** Every network but the caller's is a stranger's again: whoever knew the password alone may have signed in from there. */
export async function forgetNetworks(tx: Tx, ctx: Ctx, userId: number): Promise<void> {
  const others = and(eq(knownNetworks.userId, userId), ne(knownNetworks.network, addressGroup(ctx.ip)));
  await tx.delete(knownNetworks).where(others);
}
