/** Workspaces, the tenants: who belongs to one, as what, and who is asked to. */
import {
  boolean,
  id,
  index,
  int,
  json,
  oneOf,
  primaryKey,
  string,
  table,
  timestamp,
  uniqueIndex,
} from '../kit.ts';
import { MAIL_FAILURES } from './mail.ts';

/** The permissions of a member are in services/roles.ts. */
export const WORKSPACE_ROLES = ['owner', 'admin', 'operator', 'marketer', 'developer', 'viewer'] as const;

/**
 * A tenant: `user_id` in every other table is an id of this one. Its number is drawn from the counter of user ids, so
 * that no person has the number of a workspace that is not their own.
 */
export const workspaces = table('workspaces', {
  id: int().primaryKey(),
  name: string(120).notNull(),
  /** `disabled`: no owner of it is active; its sessions stop */
  status: oneOf('active', 'disabled').notNull(),
  /** signed links that were made before are refused */
  linksFrom: timestamp(),
  /** IANA name: the zone of times without one; null: that of the service */
  timeZone: string(64),
  /** plans.id; null: the limits of the service */
  planId: id(),
  /** limits of its own, which go before those of the plan */
  limits: json<Record<string, number>>(),
  /** an administrator of the service has suspended it: nothing is sent, and the API is closed; null: it is not */
  suspendedAt: timestamp(),
  /** what its members are told of that */
  suspendReason: string(300),
  /** members without a second factor can only set one up */
  requireSecondFactor: boolean().notNull().default(false),
  /** whether the log of API calls keeps bodies; null: it does */
  requestBodies: boolean(),
  createdAt: timestamp().notNull(),
  updatedAt: timestamp().notNull(),
});

/** A person in a workspace. */
export const workspaceMembers = table(
  'workspace_members',
  {
    workspaceId: int().notNull(),
    userId: int().notNull(),
    role: oneOf(...WORKSPACE_ROLES).notNull(),
    /** the session that the member sees, of several the first; null: all */
    sessionId: string(100),
    /** all of several, the first one first; null: none but `sessionId` */
    sessionIds: json<string[]>(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspaceId, t.userId] }),
    index('workspace_members_user_ix').on(t.userId, t.workspaceId),
  ],
);

/** Somebody who is asked to become a member; the row goes when they do, or at `expiresAt`. It holds no secret. */
export const workspaceInvitations = table(
  'workspace_invitations',
  {
    id: id().primaryKey(),
    workspaceId: int().notNull(),
    email: string(255).notNull(),
    role: oneOf(...WORKSPACE_ROLES).notNull(),
    sessionId: string(100),
    /** as of a member */
    sessionIds: json<string[]>(),
    /** users.id */
    invitedBy: int().notNull(),
    createdAt: timestamp().notNull(),
    expiresAt: timestamp().notNull(),
    /** when its mail was given up, and why; null: it was not */
    mailFailedAt: timestamp(),
    mailFailure: oneOf(...MAIL_FAILURES),
  },
  (t) => [
    uniqueIndex('workspace_invitations_email_uq').on(t.workspaceId, t.email),
    index('workspace_invitations_expiry_ix').on(t.expiresAt),
  ],
);
