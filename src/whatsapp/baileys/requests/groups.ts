/** Requests about groups, over one socket. They reject with AppError where WhatsApp refuses. */
import { buffer } from 'node:stream/consumers';
import {
  type BinaryNode,
  type GroupMetadata,
  type GroupParticipant,
  generateMessageIDV2,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type WASocket,
} from '@whiskeysockets/baileys';
import { AppError } from '../../../utils/errors.ts';
import type {
  GroupChanges,
  GroupDetails,
  GroupMember,
  GroupPerson,
  GroupRole,
  MemberOutcome,
} from '../../group-types.ts';
import { canonicalJid, lidOf, phoneOf } from '../../jid.ts';
import type { EngineRequests } from '../../requests.ts';
import type { Link } from '../link-types.ts';
import { explainGroupRefusal, refusalCode } from './refusal.ts';

type Handlers = {
  [N in Extract<keyof EngineRequests, `group.${string}`>]: (
    of: RequestContext,
    input: EngineRequests[N]['input'],
  ) => Promise<EngineRequests[N]['output']>;
};

export interface RequestContext {
  link: Link;
  /** the bytes of a file of the session's tenant; null when it is gone */
  openMedia(mediaId: string): Promise<NodeJS.ReadableStream | null>;
  /** a file of WhatsApp's that is not sealed */
  fetchPlain(url: string, maxBytes: number): Promise<NodeJS.ReadableStream>;
}

const OUTCOMES: Readonly<Record<string, MemberOutcome['status']>> = {
  200: 'done',
  401: 'blocked',
  403: 'private',
  408: 'left_recently',
  409: 'already_member',
  419: 'group_full',
  500: 'group_full',
};

export const GROUP_REQUESTS: Handlers = {
  'group.info': async ({ link }, { group }) => readGroup(link, group),
  async 'group.create'({ link }, { subject, members }) {
    const made = await explained(() => createGroup(link, subject, members));
    const group = await readGroup(link, made.id);
    const inside = new Set(group.members.flatMap(namesOf));
    const outcomes = members.map(async (jid): Promise<MemberOutcome> => {
      const person = toPerson(link, { jid });
      if (namesOf(person).some((name) => inside.has(name))) return { ...person, status: 'done', code: null };
      return toOutcome(link, { jid }, await refusedWith(link, made.refused, jid), 'not_on_whatsapp');
    });
    return { group, outcomes: await Promise.all(outcomes) };
  },
  async 'group.members'({ link }, { group, change, members }) {
    const answers = await changed(link, group, () =>
      link.sock.groupParticipantsUpdate(group, members, change),
    );
    const absent = change === 'add' ? 'not_on_whatsapp' : 'not_member';
    return answers.map(({ status, jid = '', content }) =>
      toOutcome(link, { ...content.attrs, jid }, status, absent),
    );
  },
  async 'group.change'({ link }, { group, changes }) {
    for (const [name, apply] of stepsOf(link.sock, group, changes)) {
      await changed(link, group, apply).catch((error: unknown) => {
        throw withField(error, name);
      });
    }
    return readGroup(link, group);
  },
  async 'group.picture'({ link, openMedia }, { group, mediaId }) {
    const stream = mediaId === null ? null : await openMedia(mediaId);
    if (mediaId !== null && stream === null) throw new AppError('NOT_FOUND', 'There is no such media.');
    const picture = stream === null ? null : await buffer(stream);
    await changed(link, group, () => setPicture(link.sock, group, picture));
    return null;
  },
  async 'group.invite'({ link: { sock } }, { group, revoke }) {
    const code = await explained(() =>
      revoke ? sock.groupRevokeInvite(group) : sock.groupInviteCode(group),
    );
    if (!code) throw new AppError('UNAVAILABLE', 'WhatsApp gave no invite link.');
    return { code };
  },
  async 'group.join'({ link: { sock } }, { code }) {
    try {
      return { group: (await sock.groupAcceptInvite(code)) ?? null };
    } catch (error) {
      const number = refusalCode(error);
      if (number === 404 || number === 406 || number === 410) throw invalidInvite(number);
      if (number === 401)
        throw new AppError(
          'FORBIDDEN',
          'This number was removed from the group and may not come back by the link.',
          { details: { whatsapp: number } },
        );
      throw explainGroupRefusal(error) ?? error;
    }
  },
  async 'group.leave'({ link }, { group }) {
    await explained(() => link.sock.groupLeave(group));
    link.groups.forget(group);
    return null;
  },
  async 'group.requests'({ link }, { group }) {
    const asked = await explained(() => link.sock.groupRequestParticipantsList(group));
    return asked.map((attrs) => ({
      ...toPerson(link, attrs),
      at: secondsToMs(attrs.request_time ?? attrs.t),
    }));
  },
  async 'group.decide'({ link }, { group, approve, members }) {
    const decision = approve ? 'approve' : 'reject';
    const answers = await changed(link, group, () =>
      link.sock.groupRequestParticipantsUpdate(group, members, decision),
    );
    return answers.map(({ status, jid = '' }) => toOutcome(link, { jid }, status, 'not_member'));
  },
};

/** Asks the server, not the cache. */
async function fresh(link: Link, group: string): Promise<GroupMetadata> {
  link.groups.forget(group);
  return explained(() => link.groups.fetch(link.sock, group));
}

const readGroup = async (link: Link, group: string) => toDetails(link, await fresh(link, group));

async function explained<R>(ask: () => Promise<R>): Promise<R> {
  try {
    return await ask();
  } catch (error) {
    throw explainGroupRefusal(error) ?? error;
  }
}

/** A change that is refused with 403 is refused to a member who is no admin, or to somebody who is no member. */
async function changed<R>(link: Link, group: string, change: () => Promise<R>): Promise<R> {
  try {
    return await change();
  } catch (error) {
    const failure = explainGroupRefusal(error);
    if (failure === null) throw error;
    if (failure.code !== 'NOT_GROUP_MEMBER') throw failure;
    await fresh(link, group);
    throw new AppError('NOT_GROUP_ADMIN', 'Only an admin of the group may do this.', {
      details: { whatsapp: 403 },
    });
  } finally {
    link.groups.forget(group);
  }
}

function* stepsOf(
  sock: WASocket,
  group: string,
  changes: GroupChanges,
): Generator<[name: keyof GroupChanges, apply: () => Promise<void>]> {
  const { subject, description, announce, locked, ephemeral, joinApproval, membersAdd } = changes;
  if (subject !== undefined) yield ['subject', () => sock.groupUpdateSubject(group, subject)];
  if (description !== undefined) {
    yield ['description', () => sock.groupUpdateDescription(group, description || undefined)];
  }
  if (announce !== undefined) {
    yield ['announce', () => sock.groupSettingUpdate(group, announce ? 'announcement' : 'not_announcement')];
  }
  if (locked !== undefined) {
    yield ['locked', () => sock.groupSettingUpdate(group, locked ? 'locked' : 'unlocked')];
  }
  if (ephemeral !== undefined) yield ['ephemeral', () => sock.groupToggleEphemeral(group, ephemeral)];
  if (joinApproval !== undefined) {
    yield ['joinApproval', () => sock.groupJoinApprovalMode(group, joinApproval ? 'on' : 'off')];
  }
  if (membersAdd !== undefined) {
    yield ['membersAdd', () => sock.groupMemberAddMode(group, membersAdd ? 'all_member_add' : 'admin_add')];
  }
}

/** Names the change that failed: those before it are done. */
function withField(error: unknown, field: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, retryAfterSeconds } = error;
  return new AppError(code, message, {
    details: { ...error.details, field },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Baileys' own wants a library that changes pictures: ours is one that WhatsApp takes as it is. */
async function setPicture(sock: WASocket, group: string, picture: Buffer | null): Promise<void> {
  const content: BinaryNode[] =
    picture === null ? [] : [{ tag: 'picture', attrs: { type: 'image' }, content: picture }];
  await sock.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture', target: group },
    content,
  });
}

function invalidInvite(number: number): AppError {
  return new AppError('INVITE_INVALID', 'This invite link is not valid, or it was revoked.', {
    details: { whatsapp: number },
  });
}

/** Baileys' own counts those whom the answer names with an error as members. */
async function createGroup(
  link: Link,
  subject: string,
  members: readonly string[],
): Promise<{ id: string; refused: Map<string, string> }> {
  const participants = members.map((jid) => ({ tag: 'participant', attrs: { jid } }));
  const answer: BinaryNode = await link.sock.query({
    tag: 'iq',
    attrs: { type: 'set', xmlns: 'w:g2', to: '@g.us' },
    content: [{ tag: 'create', attrs: { subject, key: generateMessageIDV2() }, content: participants }],
  });
  const group = getBinaryNodeChild(answer, 'group');
  const id = group?.attrs.id;
  if (!group || !id) throw new AppError('UNAVAILABLE', 'WhatsApp did not say which group it has made.');
  const refused = new Map<string, string>();
  for (const { attrs } of getBinaryNodeChildren(group, 'participant')) {
    if (attrs.error === undefined) continue;
    for (const name of namesOf(toPerson(link, attrs))) refused.set(name, attrs.error);
  }
  return { id: id.includes('@') ? id : `${id}@g.us`, refused };
}

/** The number with which somebody was refused, by whichever name the answer has; empty: it says nothing of them. */
async function refusedWith({ sock }: Link, refused: Map<string, string>, jid: string): Promise<string> {
  const known = refused.get(jid);
  if (known !== undefined || refused.size === 0) return known ?? '';
  const lid = await sock.signalRepository.lidMapping.getLIDForPN(jid).catch(() => null);
  return refused.get(canonicalJid(lid ?? '')) ?? '';
}

function toOutcome(
  link: Link,
  attrs: PersonAttrs,
  status: string,
  absent: 'not_on_whatsapp' | 'not_member',
): MemberOutcome {
  const outcome = status === '404' ? absent : (OUTCOMES[status] ?? 'refused');
  return { ...toPerson(link, attrs), status: outcome, code: outcome === 'done' ? null : status || null };
}

interface PersonAttrs {
  jid?: string;
  phone_number?: string;
  lid?: string;
}

/** A person by the attributes of a stanza, and by what the socket knows. */
export function toPerson(
  link: Pick<Link, 'contacts'>,
  { jid = '', phone_number, lid }: PersonAttrs,
): GroupPerson {
  const lidDigits = lidOf(jid) ?? lidOf(lid);
  const known = lidDigits === null ? null : link.contacts.phoneOfLid(lidDigits);
  const phone = phoneOf(jid) ?? phoneOf(phone_number) ?? known;
  return { jid: canonicalJid(jid), phone, lid: lidDigits };
}

/** Every JID that the person goes by. */
function namesOf({ jid, phone, lid }: GroupPerson): string[] {
  return [
    jid,
    ...(phone === null ? [] : [`${phone}@s.whatsapp.net`]),
    ...(lid === null ? [] : [`${lid}@lid`]),
  ];
}

function toMember(link: Link, { id, phoneNumber, lid, admin }: GroupParticipant): GroupMember {
  const attrs = { jid: id, ...(phoneNumber ? { phone_number: phoneNumber } : {}), ...(lid ? { lid } : {}) };
  const role: GroupRole = admin === 'superadmin' ? 'owner' : admin === 'admin' ? 'admin' : 'member';
  return { ...toPerson(link, attrs), role };
}

function toDetails(link: Link, metadata: GroupMetadata): GroupDetails {
  const members = metadata.participants.map((one) => toMember(link, one));
  const me = link.sock.user;
  const own = [me?.id, me?.lid].flatMap((jid) => (jid ? [canonicalJid(jid)] : []));
  const { id, subject, desc, creation, owner, ownerPn, announce, restrict } = metadata;
  return {
    id,
    subject,
    description: desc || null,
    createdAt: secondsToMs(creation),
    owner: owner ? toPerson(link, { jid: owner, ...(ownerPn ? { phone_number: ownerPn } : {}) }) : null,
    announce: announce === true,
    locked: restrict === true,
    ephemeral: metadata.ephemeralDuration ?? 0,
    joinApproval: metadata.joinApprovalMode === true,
    membersAdd: metadata.memberAddMode === true,
    role: members.find((one) => namesOf(one).some((name) => own.includes(name)))?.role ?? null,
    members,
  };
}

function secondsToMs(value: string | number | undefined): number | null {
  const seconds = Number(value);
  return Number.isFinite(seconds) && seconds > 0 ? Math.floor(seconds) * 1000 : null;
}
