/** Groups: what a member or an admin does with them, through a session. */
import { AppError } from '../../utils/errors.ts';
import { normalizeGroup } from '../../utils/phone.ts';
import type { GroupDetails, MemberChange, MemberOutcome } from '../../whatsapp/group-types.ts';
import { isGroupJid, lidJid } from '../../whatsapp/jid.ts';
import type { EngineRequests, RequestName } from '../../whatsapp/requests.ts';
import type { Ctx } from '../context.ts';
import { runOnce } from '../idempotency.ts';
import type { MediaSource } from '../media/sources.ts';
import { takeMedia } from '../media/take.ts';
import type { Peer } from '../messages/recipient.ts';
import { requireConnected, type SendingSession } from '../messages/session.ts';
import { readNumbers } from '../number-lists.ts';
import { enterSession, peerOf } from '../people/enter.ts';
import { askWhatsApp, didNothing } from '../sessions/ask-whatsapp.ts';
import { addNewcomers } from './newcomers.ts';
import { toPerson } from './news.ts';
import type { ChangeGroupInput } from './schemas.ts';

export interface GroupRef {
  sessionId: string;
  group: string;
}

const INVITE_LINK = 'https://chat.whatsapp.com/';
/** WhatsApp shows pictures of 640 pixels; this is more than such a JPEG needs. */
const MAX_PICTURE_BYTES = 512 * 1024;
/** How long the file of a picture is needed: until WhatsApp has it. */
const PICTURE_NEEDED_MS = 60_000;

/**
 * A group with its members. Throws as all verbs here: SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, INVALID_NUMBER,
 * NOT_GROUP_MEMBER, NOT_GROUP_ADMIN, GROUP_GONE, RATE_LIMITED, and UNAVAILABLE when WhatsApp did not answer in time.
 */
export async function getGroup(ctx: Ctx, ref: GroupRef) {
  const { session, group } = await enter(ctx, ref, 'read');
  return toGroup(await read(ctx, session, 'group.info', { group }));
}

/**
 * Makes a group, for one Idempotency-Key never a second one. Those who could not be added are told; strangers count as first
 * contacts. Throws RATE_LIMITED, and CONFLICT when it is not known how an earlier request with that key ended.
 */
export async function createGroup(
  ctx: Ctx,
  input: { sessionId: string; subject: string; members: readonly string[] },
) {
  const session = await enterSession(ctx, input.sessionId, 'messages:write', 'groupChanges');
  const people = await peersOf(ctx, input.members);
  requireConnected(session);
  return runOnce(ctx, didNothing, (name) =>
    addNewcomers(ctx, session, people, async () => {
      const key = name === null ? {} : { key: wireKey(name) };
      const asked = { subject: input.subject, members: people.map(({ peer }) => peer), ...key };
      const { group, outcomes } = await change(ctx, session, 'group.create', asked);
      return { answer: { group: toGroup(group), members: outcomes.map(toOutcome) }, outcomes };
    }),
  );
}

/** As WhatsApp's clients form it. */
const wireKey = (name: string) => `3EB0${name.slice(0, 18).toUpperCase()}`;

/** Adds, removes, promotes or demotes people: how it went with each. Strangers who are added count as first contacts. */
export async function changeMembers(
  ctx: Ctx,
  ref: GroupRef & { change: MemberChange; members: readonly string[] },
) {
  const { session, group } = await enter(ctx, ref, 'messages:write');
  const people = await peersOf(ctx, ref.members);
  const ask = () =>
    change(ctx, session, 'group.members', {
      group,
      change: ref.change,
      members: people.map(({ peer }) => peer),
    });
  if (ref.change !== 'add') return (await ask()).map(toOutcome);
  return addNewcomers(ctx, session, people, async () => {
    const outcomes = await ask();
    return { answer: outcomes.map(toOutcome), outcomes };
  });
}

/**
 * Changes subject, description and settings, one after another. A failure names the `field`: those before it are
 * changed.
 */
export async function changeGroup(ctx: Ctx, ref: GroupRef, changes: ChangeGroupInput) {
  const { session, group } = await enter(ctx, ref, 'messages:write');
  const steps = Object.values(changes).filter((value) => value !== undefined).length;
  const asked = { name: 'group.change', input: { group, changes }, changes: true, steps } as const;
  ctx.groupLists.delete(session.id);
  return toGroup(await askWhatsApp(ctx, session, asked));
}

/**
 * Sets the picture: a JPEG of at most 512 KB. Null takes it away. Throws UNSUPPORTED_MEDIA, FILE_TOO_LARGE, URL_REFUSED,
 * NOT_FOUND for an unknown upload.
 */
export async function setGroupPicture(ctx: Ctx, ref: GroupRef, picture: MediaSource | null): Promise<void> {
  const { session, group } = await enter(ctx, ref, 'messages:write');
  requireConnected(session);
  const mediaId = picture === null ? null : await takePicture(ctx, picture);
  await change(ctx, session, 'group.picture', { group, mediaId });
}

async function takePicture(ctx: Ctx, source: MediaSource): Promise<string> {
  const neededUntil = ctx.clock.now() + PICTURE_NEEDED_MS;
  const { file } = await takeMedia(ctx, source, { use: 'image', neededUntil, only: true });
  if (file.mimetype !== 'image/jpeg') {
    throw new AppError('UNSUPPORTED_MEDIA', 'The picture of a group is a JPEG.', {
      details: { mimetype: file.mimetype, accepted: ['image/jpeg'] },
    });
  }
  if (file.size > MAX_PICTURE_BYTES) {
    throw new AppError('FILE_TOO_LARGE', 'The picture of a group has at most 512 KB.', {
      details: { maxBytes: MAX_PICTURE_BYTES },
    });
  }
  return file.id;
}

/** The invite link, which only admins see. `revoke`: the old one ends, and there is a new one. */
export async function inviteLink(ctx: Ctx, ref: GroupRef, { revoke }: { revoke: boolean }) {
  const { session, group } = await enter(ctx, ref, revoke ? 'messages:write' : 'read');
  const asked = { group, revoke };
  const { code } = revoke
    ? await change(ctx, session, 'group.invite', asked)
    : await read(ctx, session, 'group.invite', asked);
  return { code, url: `${INVITE_LINK}${code}` };
}

/** Follows an invite link. Throws INVITE_INVALID, GROUP_FULL, CONFLICT for a member. */
export async function joinGroup(ctx: Ctx, input: { sessionId: string; invite: string }) {
  const session = await enterSession(ctx, input.sessionId, 'messages:write', 'groupChanges');
  const { group } = await change(ctx, session, 'group.join', { code: inviteCode(input.invite) });
  return { group, status: group === null ? ('requested' as const) : ('joined' as const) };
}

function inviteCode(invite: string): string {
  const code = /^(?:(?:https?:\/\/)?chat\.whatsapp\.com\/(?:invite\/)?)?([\w-]{10,64})(?:[/?#].*)?$/i.exec(
    invite,
  )?.[1];
  if (code !== undefined) return code;
  throw new AppError('VALIDATION_FAILED', 'This is not an invite link.', {
    details: { invite: 'must be https://chat.whatsapp.com/… or its code' },
  });
}

export async function leaveGroup(ctx: Ctx, ref: GroupRef): Promise<void> {
  const { session, group } = await enter(ctx, ref, 'messages:write');
  await change(ctx, session, 'group.leave', { group });
}

/** Those who wait to be let in, for admins. */
export async function listJoinRequests(ctx: Ctx, ref: GroupRef) {
  const { session, group } = await enter(ctx, ref, 'read');
  const asked = await read(ctx, session, 'group.requests', { group });
  return asked.map(({ at, ...person }) => ({
    ...toPerson(person),
    requestedAt: at === null ? null : new Date(at).toISOString(),
  }));
}

/** Lets people in, or not: how it went with each. */
export async function decideJoinRequests(
  ctx: Ctx,
  ref: GroupRef & { approve: boolean; members: readonly string[] },
) {
  const { session, group } = await enter(ctx, ref, 'messages:write');
  const people = await peersOf(ctx, ref.members);
  const members = people.map(({ peer, lid }) => (lid === null ? peer : lidJid(lid)));
  const outcomes = await change(ctx, session, 'group.decide', { group, approve: ref.approve, members });
  return outcomes.map(toOutcome);
}

async function enter(ctx: Ctx, ref: GroupRef, scope: 'read' | 'messages:write') {
  const session = await enterSession(ctx, ref.sessionId, scope, 'groupChanges');
  return { session, group: normalizeGroup(ref.group) };
}

const read = <N extends RequestName>(
  ctx: Ctx,
  session: SendingSession,
  name: N,
  input: EngineRequests[N]['input'],
) => askWhatsApp(ctx, session, { name, input, changes: false });

/** The list of groups may be another one then. */
const change = <N extends RequestName>(
  ctx: Ctx,
  session: SendingSession,
  name: N,
  input: EngineRequests[N]['input'],
) =>
  askWhatsApp(ctx, session, { name, input, changes: true }).finally(() => ctx.groupLists.delete(session.id));

/** Each once. Throws INVALID_NUMBER, VALIDATION_FAILED for a group. */
async function peersOf(ctx: Ctx, members: readonly string[]): Promise<Peer[]> {
  const people = await readNumbers(members, (member) => peerOf(ctx, member));
  if (people.some(({ peer }) => isGroupJid(peer))) {
    throw new AppError('VALIDATION_FAILED', 'A group cannot be a member.', {
      details: { members: 'must be people' },
    });
  }
  return [...new Map(people.map((person) => [person.peer, person])).values()];
}

function toGroup({ createdAt, owner, members, ...group }: GroupDetails) {
  return {
    ...group,
    size: members.length,
    createdAt: createdAt === null ? null : new Date(createdAt).toISOString(),
    owner: owner && toPerson(owner),
    members: members.map((member) => ({ ...toPerson(member), role: member.role })),
  };
}

function toOutcome({ status, code, ...person }: MemberOutcome) {
  return { ...toPerson(person), status, code };
}
