/** The people that a session knows: names, profiles, pictures, and whom it blocks. */
import { and, asc, eq, gt, inArray } from 'drizzle-orm';
import { parseCursorParts } from '../../db/keyset.ts';
import { waPeople } from '../../db/schema.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';
import { formatE164 } from '../../utils/phone.ts';
import { lidJid, lidOf, phoneJid, phoneOf } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { toPerson } from '../groups/news.ts';
import { takeMedia } from '../media/take.ts';
import { signedMediaPath } from '../media/verbs.ts';
import { readNames } from '../messages/names.ts';
import { findOwnSession, requireConnected } from '../messages/session.ts';
import { askWhatsApp } from '../sessions/ask-whatsapp.ts';
import { type ContactRef, enterSession, personOf } from './enter.ts';
import type { PageInput } from './schemas.ts';

/** A picture that was fetched lately is not asked for again. */
const KEEP_PICTURE_MS = HOUR_MS;

/** Pictures of people as this process has fetched them, by session and JID; null: there is none. */
export interface PictureBook {
  get(key: string): { mediaId: string | null; at: number } | undefined;
  set(key: string, value: { mediaId: string | null; at: number }): void;
}

const MAX_PICTURES = 10_000;

export function createPictureBook(): PictureBook {
  return createLru<string, { mediaId: string | null; at: number }>({ max: MAX_PICTURES });
}

/**
 * The people that the phone has told of, or who have written, by their JIDs; a page may hold fewer than asked for. Throws SESSION_NOT_FOUND,
 * VALIDATION_FAILED.
 */
export async function listContacts(ctx: Ctx, input: PageInput & { sessionId: string }) {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, input.sessionId);
  const [after] = parseCursorParts(input.cursor, /^([\w.@:-]{1,64})$/) ?? [];
  const rows = await ctx.db
    .select()
    .from(waPeople)
    .where(and(eq(waPeople.accountId, session.id), after === undefined ? undefined : gt(waPeople.jid, after)))
    .orderBy(asc(waPeople.jid))
    .limit(input.limit + 1);
  const shown = rows.slice(0, input.limit);
  const { otherOf, others } = await readOthers(ctx, session.id, shown);
  const data = shown.flatMap((row) => {
    const other = otherOf.get(row.jid) ?? null;
    const same = other === null ? undefined : others.get(other);
    // Who is known by both names is listed under the number.
    if (same && phoneOf(row.jid) === null) return [];
    const phone = phoneOf(row.jid) ?? phoneOf(other ?? '');
    const name = row.name ?? same?.name ?? null;
    const pushName = row.pushName ?? same?.pushName ?? null;
    const hasChat = row.hasChat || same?.hasChat === true;
    return [{ jid: row.jid, phone: phone === null ? null : formatE164(phone), name, pushName, hasChat }];
  });
  return { data, nextCursor: rows.length > shown.length ? (shown.at(-1)?.jid ?? null) : null };
}

/** The other name of each of these people, number or LID, and what is kept under it. */
async function readOthers(ctx: Ctx, accountId: string, rows: readonly { jid: string }[]) {
  const lids = rows.flatMap(({ jid }) => lidOf(jid) ?? []);
  const phones = rows.flatMap(({ jid }) => phoneOf(jid) ?? []);
  const pairs = [
    ...(await findLidPairs(ctx.db, { accountId }, 'lid', lids)),
    ...(await findLidPairs(ctx.db, { accountId }, 'phone', phones)),
  ];
  const otherOf = new Map(
    pairs.flatMap(({ lid, phone }): [string, string][] => [
      [lidJid(lid), phoneJid(phone)],
      [phoneJid(phone), lidJid(lid)],
    ]),
  );
  const names = rows.flatMap(({ jid }) => otherOf.get(jid) ?? []);
  const kept =
    names.length === 0
      ? []
      : await ctx.db
          .select()
          .from(waPeople)
          .where(and(eq(waPeople.accountId, accountId), inArray(waPeople.jid, names)));
  return { otherOf, others: new Map(kept.map((row) => [row.jid, row])) };
}

/** What a person tells of itself. Throws INVALID_NUMBER, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE. */
export async function getProfile(ctx: Ctx, ref: ContactRef) {
  const session = await enterSession(ctx, ref.sessionId, 'read', 'people');
  const { peer, phone } = personOf(ctx, ref.contact);
  const input = { jid: peer };
  const { about, setAt } = await askWhatsApp(ctx, session, { name: 'person.about', input, changes: false });
  const business = await askWhatsApp(ctx, session, { name: 'person.business', input, changes: false });
  const [name = null] = await readNames(ctx, [{ accountId: session.id, jids: [peer] }]);
  return {
    jid: peer,
    phone: phone === null ? null : formatE164(phone),
    name,
    about,
    aboutSetAt: setAt === null ? null : new Date(setAt).toISOString(),
    business,
  };
}

/**
 * The profile picture of a person or a group, as a file with a signed link; null when there is none. WhatsApp is asked once
 * an hour. Throws as `getProfile` does, and QUOTA_EXCEEDED.
 */
export async function getPicture(ctx: Ctx, ref: { sessionId: string; jid: string }) {
  const session = await enterSession(ctx, ref.sessionId, 'read', 'people');
  requireConnected(session);
  const now = ctx.clock.now();
  const key = `${session.id} ${ref.jid}`;
  const known = ctx.pictures.get(key);
  if (known && known.at > now - KEEP_PICTURE_MS) return linkTo(ctx, known.mediaId);
  const asked = { name: 'person.picture', input: { jid: ref.jid }, changes: false } as const;
  const { jpeg } = await askWhatsApp(ctx, session, asked);
  const mediaId = jpeg === null ? null : await keepPicture(ctx, jpeg, now);
  ctx.pictures.set(key, { mediaId, at: now });
  return linkTo(ctx, mediaId);
}

async function keepPicture(ctx: Ctx, jpeg: string, now: number): Promise<string> {
  const purpose = { use: 'image', neededUntil: now + DAY_MS } as const;
  const { file } = await takeMedia(ctx, `data:image/jpeg;base64,${jpeg}`, purpose);
  return file.id;
}

function linkTo(ctx: Ctx, id: string | null) {
  return id === null ? null : { id, url: `${ctx.config.publicUrl}${signedMediaPath(ctx, id)}` };
}

/** Whom the number blocks. Throws as `getProfile` does. */
export async function listBlocked(ctx: Ctx, { sessionId }: { sessionId: string }) {
  const session = await enterSession(ctx, sessionId, 'read', 'people');
  const blocked = await askWhatsApp(ctx, session, { name: 'block.list', input: {}, changes: false });
  const lids = blocked.flatMap(({ lid, phone }) => (phone === null && lid !== null ? [lid] : []));
  const pairs = await findLidPairs(ctx.db, { accountId: session.id }, 'lid', lids);
  const phones = new Map(pairs.map(({ lid, phone }) => [lid, phone]));
  return blocked.map((person) =>
    toPerson({ ...person, phone: person.phone ?? phones.get(person.lid ?? '') ?? null }),
  );
}

/** Blocks a person, or ends that. Throws NOT_ON_WHATSAPP, and as `getProfile` does. */
export async function setBlocked(ctx: Ctx, ref: ContactRef, { block }: { block: boolean }): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'people');
  const { peer } = personOf(ctx, ref.contact);
  await askWhatsApp(ctx, session, { name: 'block.set', input: { jid: peer, block }, changes: true });
}
