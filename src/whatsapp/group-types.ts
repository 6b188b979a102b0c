/** Groups as engines tell of them. JIDs are canonical. */

export type GroupRole = 'owner' | 'admin' | 'member';

/** A person of a group; `phone` and `lid` are digits, null while they are not known. */
export interface GroupPerson {
  jid: string;
  phone: string | null;
  lid: string | null;
}

export interface GroupMember extends GroupPerson {
  role: GroupRole;
}

export interface GroupDetails {
  /** `…@g.us` */
  id: string;
  subject: string;
  description: string | null;
  /** epoch milliseconds; null: not told */
  createdAt: number | null;
  owner: GroupPerson | null;
  /** only admins write */
  announce: boolean;
  /** only admins change subject, description and picture */
  locked: boolean;
  /** seconds after which messages disappear; 0: they stay */
  ephemeral: number;
  /** whoever comes by the link has to be let in by an admin */
  joinApproval: boolean;
  /** every member may add people */
  membersAdd: boolean;
  /** the session's own; null: it is not among the members that were told */
  role: GroupRole | null;
  members: GroupMember[];
}

/** A setting that is missing stays as it is. */
export interface GroupChanges {
  subject?: string | undefined;
  /** empty: none */
  description?: string | undefined;
  announce?: boolean | undefined;
  locked?: boolean | undefined;
  ephemeral?: number | undefined;
  joinApproval?: boolean | undefined;
  membersAdd?: boolean | undefined;
}

export const MEMBER_CHANGES = ['add', 'remove', 'promote', 'demote'] as const;
export type MemberChange = (typeof MEMBER_CHANGES)[number];

/**
 * How it went with one person. `private`: lets only some people add it, send it the invite link. `left_recently`: cannot be added for
 * some days after it has left. `refused`: for another reason, in `code`.
 */
export const MEMBER_STATUSES = [
  'done',
  'not_on_whatsapp',
  'not_member',
  'already_member',
  'private',
  'left_recently',
  'blocked',
  'group_full',
  'refused',
] as const;

export interface MemberOutcome extends GroupPerson {
  status: (typeof MEMBER_STATUSES)[number];
  /** WhatsApp's own number of it; null when it is done */
  code: string | null;
}

export interface JoinRequest extends GroupPerson {
  /** epoch milliseconds; null: not told */
  at: number | null;
}

/** What is told and set by a request of its own; `ended`: the group is no more. */
interface OtherChanges {
  picture?: 'set' | 'removed';
  invite?: 'revoked';
  ended?: true;
}

/** A notification about a group: it has the same id when WhatsApp tells it again. */
export interface GroupNotice {
  id: string;
  /** one or more, of one group */
  news: readonly GroupNews[];
}

/** What was done in a group, as its members are told. `by` is null when WhatsApp does not say who. */
export type GroupNews = { group: string; by: GroupPerson | null; at: number } & (
  | { kind: 'updated'; changes: GroupChanges & OtherChanges }
  | {
      kind: 'members';
      action: 'created' | 'added' | 'joined' | 'removed' | 'left' | 'promoted' | 'demoted';
      members: GroupPerson[];
    }
  | { kind: 'requests'; action: 'asked' | 'withdrawn' | 'rejected'; members: GroupPerson[] }
);
