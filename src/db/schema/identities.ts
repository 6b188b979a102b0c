/** Accounts of other services that people sign in with, and the domains whose people join a workspace by themselves. */
import { id, index, int, oneOf, primaryKey, string, table, timestamp, uniqueIndex } from '../kit.ts';
import { WORKSPACE_ROLES } from './workspaces.ts';

/** A person's account at an OpenID provider. The subject is the proof; the address is there to be shown. */
export const identities = table(
  'identities',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** its name in the configuration when it was linked */
    provider: string(32).notNull(),
    issuer: string(255).notNull(),
    subject: string(255).notNull(),
    email: string(255).notNull(),
    createdAt: timestamp().notNull(),
    lastUsedAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('identities_subject_uq').on(t.issuer, t.subject),
    index('identities_user_ix').on(t.userId),
  ],
);

/** A domain of a workspace: whoever signs in with a confirmed address of it becomes a member, once it is proven. */
export const workspaceDomains = table(
  'workspace_domains',
  {
    id: id().primaryKey(),
    workspaceId: int().notNull(),
    domain: string(253).notNull(),
    role: oneOf(...WORKSPACE_ROLES).notNull(),
    /** what the TXT record has to say; public as soon as it is there */
    proof: string(64).notNull(),
    /** the domain once it is proven, else null: one workspace has it */
    provenDomain: string(253),
    provenBy: oneOf('dns', 'admin'),
    createdAt: timestamp().notNull(),
    /** when the record was looked up last */
    checkedAt: timestamp(),
  },
  (t) => [
    uniqueIndex('workspace_domains_uq').on(t.workspaceId, t.domain),
    uniqueIndex('workspace_domains_proven_uq').on(t.provenDomain),
  ],
);

/** Who does not join by a domain any more: whoever did once, or was a member and left or was removed. */
export const workspaceDomainJoins = table(
  'workspace_domain_joins',
  {
    workspaceId: int().notNull(),
    userId: int().notNull(),
    at: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspaceId, t.userId] })],
);
