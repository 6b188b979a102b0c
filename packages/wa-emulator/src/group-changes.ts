/** What members do with a group, and what the others are told of it. */
import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { type Group, groupNode, MAX_MEMBERS, memberNode, newInviteCode } from './groups.ts';
import type { IqAnswer } from './iq-answer.ts';
import { parseJid, pnJid, userJid } from './jids.ts';
import { child, children, node, textOf, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

const FORBIDDEN: IqAnswer = { code: 403, text: 'forbidden' };
const NOT_AUTHORIZED: IqAnswer = { code: 401, text: 'not-authorized' };
const NOT_ACCEPTABLE: IqAnswer = { code: 406, text: 'not-acceptable' };
const CONFLICT: IqAnswer = { code: 409, text: 'conflict' };
const GONE: IqAnswer = { code: 410, text: 'gone' };
const FULL: IqAnswer = { code: 419, text: 'resource-limit' };
const UNKNOWN: IqAnswer = { code: 501, text: 'feature-not-implemented' };

const MAX_SUBJECT = 100;
const MAX_DESCRIPTION = 2048;
const EPHEMERAL_SECONDS = new Set([0, 86_400, 604_800, 7_776_000]);

/** A member (or somebody with a link) and the group. */
interface Act {
  world: World;
  group: Group;
  actor: string;
  request: BinaryNode;
}

type Change = (act: Act) => IqAnswer;

const isAdmin = ({ group, actor }: Act) => group.admins.includes(actor);

/** The change that an admin may make, or anybody where the group lets them. */
const unlessLocked = (act: Act) => isAdmin(act) || !act.group.locked;

const CHANGES: Record<string, { may: (act: Act) => boolean; change: Change; refusal?: IqAnswer }> = {
  subject: { may: unlessLocked, change: changeSubject },
  description: { may: unlessLocked, change: changeDescription },
  add: { may: (act) => isAdmin(act) || act.group.membersAdd, change: addMembers },
  remove: { may: isAdmin, change: removeMembers },
  promote: { may: isAdmin, change: (act) => changeAdmins(act, true) },
  demote: { may: isAdmin, change: (act) => changeAdmins(act, false) },
  announcement: { may: isAdmin, change: (act) => set(act, { announce: true }) },
  not_announcement: { may: isAdmin, change: (act) => set(act, { announce: false }) },
  locked: { may: isAdmin, change: (act) => set(act, { locked: true }) },
  unlocked: { may: isAdmin, change: (act) => set(act, { locked: false }) },
  ephemeral: { may: isAdmin, change: changeEphemeral },
  not_ephemeral: { may: isAdmin, change: changeEphemeral },
  member_add_mode: {
    may: isAdmin,
    change: (act) => set(act, { membersAdd: textOf(act.request) === 'all_member_add' }),
  },
  membership_approval_mode: { may: isAdmin, change: changeApproval },
  membership_requests_action: { may: isAdmin, change: decideRequests },
  invite: { may: isAdmin, change: revokeInvite, refusal: NOT_AUTHORIZED },
};

/** Carries out a change of a member. The other members' devices are told, and the member's own. */
export function changeGroup(world: World, group: Group, actor: string, request: BinaryNode): IqAnswer {
  const act = { world, group, actor, request };
  const known = CHANGES[request.tag];
  if (!known) return UNKNOWN;
  if (!group.participants.includes(actor)) return FORBIDDEN;
  return known.may(act) ? known.change(act) : (known.refusal ?? FORBIDDEN);
}

/** Answers what only some members may read. */
export function readForAdmin(group: Group, actor: string, request: BinaryNode): IqAnswer {
  if (!group.admins.includes(actor)) return NOT_AUTHORIZED;
  if (request.tag === 'invite') return [node('invite', { code: group.inviteCode })];
  const asked = group.requests.map((phone) =>
    node('membership_approval_request', {
      jid: userJid(phone, group.addressing),
      phone_number: pnJid(phone),
      request_method: 'invite_link',
      request_time: unixSeconds(),
    }),
  );
  return [node('membership_approval_requests', {}, asked)];
}

/** Somebody follows an invite link: a member now, or one more who waits to be let in. */
export function joinByLink(world: World, actor: string, code: string): IqAnswer {
  const group = world.groups.invited(code);
  // WhatsApp tells a code that was taken back from one that never was; here both are gone.
  if (!group) return /^[\w-]{22}$/.test(code) ? GONE : NOT_ACCEPTABLE;
  if (group.participants.includes(actor)) return CONFLICT;
  if (group.participants.length >= MAX_MEMBERS) return FULL;
  if (group.joinApproval) {
    save(world, group, { requests: [...new Set([...group.requests, actor])] });
    tell(world, group, actor, node('created_membership_requests', { request_method: 'invite_link' }));
    return [node('membership_approval_request', { jid: group.id })];
  }
  save(world, group, { participants: [...group.participants, actor] });
  tell(world, group, actor, node('add', { reason: 'invite' }, [memberNode(group, actor)]));
  return [node('group', { jid: group.id })];
}

/** What somebody sees who has an invite link. */
export function showInvited(world: World, code: string): IqAnswer {
  const group = world.groups.invited(code);
  return group ? [groupNode(group)] : GONE;
}

/** Leaves a group; the last one leaves none behind. */
export function leaveGroup(world: World, group: Group, actor: string): void {
  const told = group.participants;
  drop(world, group, [actor]);
  tell(world, group, actor, node('remove', {}, [memberNode(group, actor)]), told);
}

/** A new group: its members hear of it. */
export function createGroup(world: World, actor: string, request: BinaryNode): IqAnswer {
  const asked = phonesOf(request);
  const refusals = asked.map((phone) => refusalOf(world, null, phone));
  const group = world.groups.create({
    subject: request.attrs.subject ?? '',
    creator: actor,
    participants: asked.filter((_phone, i) => refusals[i] === null),
  });
  tell(world, group, actor, node('create', { type: 'new', key: request.attrs.key }, [groupNode(group)]));
  const shown = groupNode(group);
  const refused = asked.flatMap((phone, i) => {
    const error = refusals[i];
    // Whoever is not there has no LID.
    const jid = error === '404' ? pnJid(phone) : userJid(phone, group.addressing);
    return error ? [node('participant', { jid, error })] : [];
  });
  return [{ ...shown, content: [...children(shown), ...refused] }];
}

function changeSubject(act: Act): IqAnswer {
  const subject = textOf(act.request);
  if (subject === '' || subject.length > MAX_SUBJECT) return NOT_ACCEPTABLE;
  save(act.world, act.group, { subject });
  tell(act.world, act.group, act.actor, node('subject', { subject, s_t: unixSeconds() }));
  return [];
}

function changeDescription({ world, group, actor, request }: Act): IqAnswer {
  const description = textOf(child(request, 'body'));
  // Whoever has not seen the newest one changes nothing.
  if (request.attrs.prev !== group.descriptionId) return CONFLICT;
  if (description.length > MAX_DESCRIPTION) return NOT_ACCEPTABLE;
  save(world, group, { description, descriptionId: description === '' ? undefined : request.attrs.id });
  const body = description === '' ? [] : [node('body', {}, Buffer.from(description))];
  tell(world, group, actor, node('description', { id: request.attrs.id }, body));
  return [];
}

/** Why somebody is not added, as WhatsApp numbers it. */
function refusalOf(world: World, group: Group | null, phone: string): string | null {
  const { kind } = world.rules.peek(phone);
  if (kind === 'not_on_whatsapp') return '404';
  if (kind === 'no_groups') return '403';
  if (kind === 'left_group') return '408';
  if (group?.participants.includes(phone)) return '409';
  return group !== null && group.participants.length >= MAX_MEMBERS ? '419' : null;
}

function addMembers({ world, group, actor, request }: Act): IqAnswer {
  return forEach({ world, group, actor, request }, (phone) => {
    const refusal = refusalOf(world, group, phone);
    if (refusal === null) save(world, group, { participants: [...group.participants, phone] });
    return refusal;
  });
}

function removeMembers({ world, group, actor, request }: Act): IqAnswer {
  const told = group.participants;
  return forEach(
    { world, group, actor, request },
    (phone) => {
      if (!group.participants.includes(phone)) return '404';
      drop(world, group, [phone]);
      return null;
    },
    told,
  );
}

function changeAdmins({ world, group, actor, request }: Act, isNow: boolean): IqAnswer {
  return forEach({ world, group, actor, request }, (phone) => {
    if (!group.participants.includes(phone)) return '404';
    if (!isNow && phone === group.creator) return '405';
    const others = group.admins.filter((one) => one !== phone);
    save(world, group, { admins: isNow ? [...others, phone] : others });
    return null;
  });
}

/** Does it for each person; those with whom it went well are in the notification, whose name is the request's. */
function forEach(
  { world, group, actor, request }: Act,
  change: (phone: string) => string | null,
  former: readonly string[] = [],
): BinaryNode[] {
  const { tag } = request;
  const done: BinaryNode[] = [];
  const answers = phonesOf(request).map((phone) => {
    const member = memberNode(group, phone);
    const error = change(phone) ?? undefined;
    if (error === undefined) done.push(member);
    return node('participant', { ...member.attrs, error });
  });
  if (done.length > 0 && tag !== 'approve') tell(world, group, actor, node(toldAs(tag), {}, done), former);
  return [node(tag, {}, answers)];
}

const toldAs = (tag: string) => (tag === 'reject' ? 'revoked_membership_requests' : tag);

function changeEphemeral(of: Act): IqAnswer {
  const ephemeral = Number(of.request.attrs.expiration ?? 0);
  return EPHEMERAL_SECONDS.has(ephemeral) ? set(of, { ephemeral }) : NOT_ACCEPTABLE;
}

function changeApproval(of: Act): IqAnswer {
  const joinApproval = child(of.request, 'group_join')?.attrs.state === 'on';
  return set(of, joinApproval ? { joinApproval } : { joinApproval, requests: [] });
}

function revokeInvite({ world, group, actor }: Act): IqAnswer {
  const inviteCode = newInviteCode();
  save(world, group, { inviteCode });
  tell(world, group, actor, node('invite', { code: inviteCode }));
  return [node('invite', { code: inviteCode })];
}

function decideRequests({ world, group, actor, request }: Act): IqAnswer {
  const [decision] = children(request);
  if (!decision) return NOT_ACCEPTABLE;
  const [answer] = forEach({ world, group, actor, request: decision }, (phone) => {
    if (!group.requests.includes(phone)) return '404';
    save(world, group, { requests: group.requests.filter((one) => one !== phone) });
    if (decision.tag === 'approve') {
      save(world, group, { participants: [...group.participants, phone] });
      tell(world, group, actor, node('add', {}, [memberNode(group, phone)]));
    }
    return null;
  });
  return [node('membership_requests_action', {}, answer ? [answer] : [])];
}

function set({ world, group, actor, request }: Act, changes: Partial<Group>): IqAnswer {
  save(world, group, changes);
  tell(world, group, actor, request);
  return [];
}

function drop(world: World, group: Group, phones: readonly string[]): void {
  const without = (all: readonly string[]) => all.filter((phone) => !phones.includes(phone));
  save(world, group, { participants: without(group.participants), admins: without(group.admins) });
}

function save(world: World, group: Group, changes: Partial<Group>): void {
  world.groups.save(Object.assign(group, changes));
}

/** Tells every device of the members, and of those who were members until now. */
export function tell(
  world: World,
  group: Group,
  actor: string,
  change: BinaryNode,
  former: readonly string[] = [],
): void {
  const id = randomBytes(8).toString('hex');
  const head = {
    id,
    from: group.id,
    type: change.tag === 'picture' ? 'picture' : 'w:gp2',
    t: unixSeconds(),
    participant: userJid(actor, group.addressing),
    participant_pn: group.addressing === 'lid' ? pnJid(actor) : undefined,
  };
  const content = change.tag === 'picture' ? children(change) : [change];
  for (const phone of new Set([...group.participants, ...former])) {
    for (const device of world.devices.of(phone)) {
      const notification = node('notification', head, content);
      world.outboxes.of(device).push({
        class: 'notification',
        id,
        from: group.id,
        participant: actor,
        type: head.type,
        node: notification,
      });
    }
  }
}

/** The people that a request names. */
function phonesOf(request: BinaryNode): string[] {
  return children(request, 'participant').flatMap(({ attrs }) => {
    const address = parseJid(attrs.jid);
    return address.kind === 'user' ? [address.phone] : [];
  });
}
