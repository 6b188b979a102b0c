/** The people that a session knows: names, profiles, pictures, and whom it blocks. */
import { and, asc, eq, gt, inArray } from 'drizzle-orm';
import { parseCursorParts } from '../../db/keyset.ts';
import { waPeople } from '../../db/schema.ts';
import { spendFromWindow, stampOfWindow } from '../../db/windows.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';
import { formatE164 } from '../../utils/phone.ts';
import { lidJid, lidOf, phoneJid, phoneOf } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { toPerson } from '../groups/news.ts';
import { takeMedia } from '../media/take.ts';
import { signedMediaPath } from '../media/verbs.ts';
import { readNames } from '../messages/names.ts';
import { findOwnSession, linkOf, requireConnected, type SendingSession } from '../messages/session.ts';
import { askWhatsApp } from '../sessions/ask-whatsapp.ts';
import type { BlockedPeople } from './answers.ts';
import { type ContactRef, enterSession, personOf } from './enter.ts';
import type { PageInput } from './schemas.ts';

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

/**
 * What a person tells of itself, and when WhatsApp was asked for it: once an hour at most. Throws INVALID_NUMBER, NOT_CONNECTED,
 * NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE.
 */
export async function getProfile(ctx: Ctx, ref: ContactRef) {
  const session = await enterSession(ctx, ref.sessionId, 'read', 'people');
  requireConnected(session);
  const { peer, phone } = personOf(ctx, ref.contact);
  const question = `${linkOf(session)} ${peer}`;
  const ask = () => contactProfile(ctx, session, peer);
  const { value, askedAt } = await ctx.peopleAnswers.profiles.find(ctx, question, ask);
  const [name = null] = await readNames(ctx, [{ accountId: session.id, jids: [peer] }]);
  return {
    jid: peer,
    phone: phone === null ? null : formatE164(phone),
    name,
    ...value,
    askedAt: new Date(askedAt).toISOString(),
  };
}

/** The same as WhatsApp answers it. */
export async function contactProfile(ctx: Ctx, session: SendingSession, jid: string) {
  const input = { jid };
  const { about, setAt } = await askWhatsApp(ctx, session, { name: 'person.about', input, changes: false });
  const business = await askWhatsApp(ctx, session, { name: 'person.business', input, changes: false });
  return { about, aboutSetAt: setAt === null ? null : new Date(setAt).toISOString(), business };
}

/**
 * The profile picture of a person or a group, as a file with a signed link; null when there is none. WhatsApp is asked once
 * an hour. Throws as `getProfile` does, and QUOTA_EXCEEDED.
 */
export async function getPicture(ctx: Ctx, ref: { sessionId: string; jid: string }) {
  const session = await enterSession(ctx, ref.sessionId, 'read', 'people');
  requireConnected(session);
  const ask = async () => {
    const asked = { name: 'person.picture', input: { jid: ref.jid }, changes: false } as const;
    const { jpeg } = await askWhatsApp(ctx, session, asked);
    return jpeg === null ? null : keepPicture(ctx, jpeg, ctx.clock.now());
  };
  const question = `${linkOf(session)} ${ref.jid}`;
  const { value: id, askedAt } = await ctx.peopleAnswers.pictures.find(ctx, question, ask);
  if (id === null) return null;
  const url = `${ctx.config.publicUrl}${signedMediaPath(ctx, id)}`;
  return { id, url, askedAt: new Date(askedAt).toISOString() };
}

async function keepPicture(ctx: Ctx, jpeg: string, now: number): Promise<string> {
  const purpose = { use: 'image', neededUntil: now + DAY_MS, only: true } as const;
  const { file } = await takeMedia(ctx, `data:image/jpeg;base64,${jpeg}`, purpose);
  return file.id;
}

/** Changes of whom a session blocks, told to all processes: what was answered before one answers nobody any more. */
const blockChanges = ({ id }: SendingSession) => ({
  key: `wa:blocked:${id}`,
  max: Number.MAX_SAFE_INTEGER,
  windowMs: HOUR_MS,
});

/**
 * Whom the number blocks, and when WhatsApp was asked: once a minute at most, and after a change that any process made. Throws
 * as `getProfile` does.
 */
export async function listBlocked(ctx: Ctx, { sessionId }: { sessionId: string }) {
  const session = await enterSession(ctx, sessionId, 'read', 'people');
  requireConnected(session);
  const ask = () => blockedPeople(ctx, session);
  const question = `${linkOf(session)} ${await stampOfWindow(ctx.db, blockChanges(session).key)}`;
  const { value, askedAt } = await ctx.peopleAnswers.blocked.find(ctx, question, ask);
  return { ...value, askedAt: new Date(askedAt).toISOString() };
}

async function blockedPeople(ctx: Ctx, session: SendingSession): Promise<BlockedPeople> {
  const asked = { name: 'block.list', input: {}, changes: false } as const;
  const answer = await askWhatsApp(ctx, session, asked);
  // A process of the release before answers with the list alone.
  const { people, truncated } = Array.isArray(answer) ? { people: answer, truncated: false } : answer;
  const lids = people.flatMap(({ lid, phone }) => (phone === null && lid !== null ? [lid] : []));
  const pairs = await findLidPairs(ctx.db, { accountId: session.id }, 'lid', lids);
  const phones = new Map(pairs.map(({ lid, phone }) => [lid, phone]));
  return {
    people: people.map((person) =>
      toPerson({ ...person, phone: person.phone ?? phones.get(person.lid ?? '') ?? null }),
    ),
    truncated,
  };
}

/** Blocks a person, or ends that. Throws NOT_ON_WHATSAPP, and as `getProfile` does. */
export async function setBlocked(ctx: Ctx, ref: ContactRef, { block }: { block: boolean }): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'people');
  const { peer } = personOf(ctx, ref.contact);
  try {
    await askWhatsApp(ctx, session, { name: 'block.set', input: { jid: peer, block }, changes: true });
  } finally {
    // What was done stays so when this cannot be told: another process shows the list of before for a minute then.
    await spendFromWindow(ctx.db, blockChanges(session), ctx.clock.now()).catch((error: unknown) =>
      ctx.logger.warn('a change of blocking could not be told to others', { sessionId: session.id, error }),
    );
  }
}
