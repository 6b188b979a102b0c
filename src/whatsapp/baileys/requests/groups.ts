/** Requests about groups, over one socket. They reject with AppError where WhatsApp refuses. */
import { buffer } from 'node:stream/consumers';
import {
  type BinaryNode,
  type GroupMetadata,
  type GroupParticipant,
  generateMessageIDV2,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  getBinaryNodeChildString,
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
import { canonicalJid, jidsOf, lidOf, phoneOf } from '../../jid.ts';
import type { EngineRequests } from '../../requests.ts';
import { withBound } from '../bound.ts';
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
  /** aborted when nobody waits for the answer any more */
  gone: AbortSignal;
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
  // Once it is made nothing may fail: whoever is told of a failure makes another one. So it is not read again.
  async 'group.create'({ link }, { subject, members, key }) {
    const { group, refused } = await explained(() => createGroup(link, { subject, members, key }));
    const inside = new Set(group.members.flatMap(namesOf));
    const outcomes = members.map(async (jid): Promise<MemberOutcome> => {
      const person = toPerson(link, { jid });
      if (namesOf(person).some((name) => inside.has(name))) return { ...person, status: 'done', code: null };
      return toOutcome(link, { jid }, await refusedWith(link, refused, jid), 'not_on_whatsapp');
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
    const startedAt = link.clock.monotonic();
    for (const [name, apply] of stepsOf(link.sock, group, changes)) {
      // Whoever asked is told by then: nothing more may change.
      if (link.clock.monotonic() - startedAt > STEPS_MS) throw withField(tooLate(), name);
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

/** After that no further change is begun: the caller does not wait for it any more. */
const STEPS_MS = 18_000;

const tooLate = () =>
  new AppError('UNAVAILABLE', 'WhatsApp was too slow: this and what follows was not changed.');

/** Names the change that failed: those before it are done. */
function withField(error: unknown, field: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, retryAfterSeconds } = error;
  return new AppError(code, message, {
    // As for every field of a body that is not valid.
    details:
      code === 'VALIDATION_FAILED' ? { [field]: 'is not accepted by WhatsApp' } : { ...error.details, field },
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

/** The new group as the answer shows it. Baileys' own counts those whom the answer names with an error as members. */
async function createGroup(
  link: Link,
  { subject, members, key }: EngineRequests['group.create']['input'],
): Promise<{ group: GroupDetails; refused: Map<string, string> }> {
  const participants = members.map((jid) => ({ tag: 'participant', attrs: { jid } }));
  const answer: BinaryNode = await link.sock.query({
    tag: 'iq',
    attrs: { type: 'set', xmlns: 'w:g2', to: '@g.us' },
    content: [
      { tag: 'create', attrs: { subject, key: key ?? generateMessageIDV2() }, content: participants },
    ],
  });
  const node = getBinaryNodeChild(answer, 'group');
  const id = node?.attrs.id;
  if (!node || !id) throw new AppError('UNAVAILABLE', 'WhatsApp did not say which group it has made.');
  const named = getBinaryNodeChildren(node, 'participant').map(({ attrs }) => attrs);
  const refused = new Map<string, string>();
  for (const attrs of named) {
    if (attrs.error === undefined) continue;
    for (const name of namesOf(toPerson(link, attrs))) refused.set(name, attrs.error);
  }
  const inside = named.filter(({ error }) => error === undefined);
  return { group: toDetails(link, readMade(node, id, subject, inside)), refused };
}

/** As Baileys reads an answer about a group, which it does only together with its own question. */
function readMade(
  node: BinaryNode,
  id: string,
  subject: string,
  inside: readonly BinaryNode['attrs'][],
): GroupMetadata {
  const { attrs } = node;
  const has = (tag: string) => getBinaryNodeChild(node, tag) !== undefined;
  return {
    id: id.includes('@') ? id : `${id}@g.us`,
    subject: attrs.subject || subject,
    creation: Number(attrs.creation),
    owner: attrs.creator,
    ...(attrs.creator_pn ? { ownerPn: attrs.creator_pn } : {}),
    announce: has('announcement'),
    restrict: has('locked'),
    joinApprovalMode: has('membership_approval_mode'),
    memberAddMode: getBinaryNodeChildString(node, 'member_add_mode') === 'all_member_add',
    participants: inside.map(({ jid = '', phone_number, lid, type }) => ({
      id: jid,
      ...(phone_number ? { phoneNumber: phone_number } : {}),
      ...(lid ? { lid } : {}),
      admin: type === 'admin' || type === 'superadmin' ? type : null,
    })),
  };
}

/** How long the other name of somebody may take who was refused. */
const NAME_TIMEOUT_MS = 2_000;

/** The number with which somebody was refused, by whichever name the answer has; empty: it says nothing of them. */
async function refusedWith(link: Link, refused: Map<string, string>, jid: string): Promise<string> {
  const known = refused.get(jid);
  if (known !== undefined || refused.size === 0) return known ?? '';
  const { lidMapping } = link.sock.signalRepository;
  const asked = lidMapping.getLIDForPN(jid).catch(() => null);
  const bound = await withBound(link.clock, asked, NAME_TIMEOUT_MS, link.closed);
  return refused.get(canonicalJid((bound.done && bound.value) || '')) ?? '';
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
const namesOf = (person: GroupPerson): string[] => [person.jid, ...jidsOf(person)];

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
