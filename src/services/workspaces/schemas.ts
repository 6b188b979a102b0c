/** The inputs of the verbs of workspaces, for every surface. */
import { z } from 'zod';
import {
  cursorQuery,
  Email,
  NewPassword,
  PersonName,
  pageQuery,
  SessionName,
  UserIdParams,
  WorkspaceRole,
} from '../fields.ts';

export const WorkspaceFields = z.object({ name: PersonName });
export type WorkspaceFields = z.output<typeof WorkspaceFields>;

export const ListMembersQuery = z.object({ ...pageQuery });
export type ListMembersQuery = z.output<typeof ListMembersQuery>;

export const SwitchFields = z.object({ workspaceId: UserIdParams.shape.id });
export type SwitchFields = z.output<typeof SwitchFields>;

export const SecurityFields = z.object({
  requireSecondFactor: z.boolean().describe('members without a second factor can only set one up'),
});
export type SecurityFields = z.output<typeof SecurityFields>;

/** More than anybody is given one by one. */
const MAX_BOUND = 50;

const OneSession = SessionName.nullable()
  .optional()
  .describe('the one session that the member sees; null: all');
const SomeSessions = z
  .array(SessionName)
  .min(1, 'must name a session')
  .max(MAX_BOUND, `must name at most ${MAX_BOUND}`)
  .transform((names) => [...new Set(names)])
  .nullable()
  .optional()
  .describe('the sessions that the member sees, instead of `sessionId`; null: all');
const boundFields = { sessionId: OneSession, sessionIds: SomeSessions };

export const InvitationFields = z.object({ email: Email, role: WorkspaceRole, ...boundFields });
export type InvitationFields = z.output<typeof InvitationFields>;

export const InvitationToken = z.string().min(1, 'must not be empty').max(200);

export const AcceptFields = z.object({
  token: InvitationToken,
  name: PersonName.optional().describe('of a new person'),
  password: NewPassword.optional().describe(
    'of a new person; of one who has an account already, the one of that',
  ),
});
export type AcceptFields = z.output<typeof AcceptFields>;

/** As long as a domain name may be (RFC 1035). */
const MAX_DOMAIN = 253;
const LABEL = /^[a-z0-9-]{1,63}$/;

function isDomain(text: string): boolean {
  const labels = text.split('.');
  const isFit = (label: string) => LABEL.test(label) && !label.startsWith('-') && !label.endsWith('-');
  return labels.length > 1 && labels.every(isFit) && !/^\d+$/.test(labels.at(-1) ?? '');
}

const Domain = z
  .string()
  .trim()
  .toLowerCase()
  .max(MAX_DOMAIN, `must have at most ${MAX_DOMAIN} characters`)
  .refine(isDomain, 'must be a domain such as example.com');
const JoiningRole = WorkspaceRole.exclude(['owner']).describe('what people of the domain become');

export const DomainFields = z.object({ domain: Domain, role: JoiningRole });
export type DomainFields = z.output<typeof DomainFields>;

export const DomainRoleFields = z.object({ role: JoiningRole });
export type DomainRoleFields = z.output<typeof DomainRoleFields>;

export const ServiceDomainFields = DomainFields.extend({ workspaceId: UserIdParams.shape.id });
export type ServiceDomainFields = z.output<typeof ServiceDomainFields>;

export const DomainParams = z.object({ id: z.string().max(64) });
export type DomainParams = z.output<typeof DomainParams>;

export const MemberFields = z.object({ role: WorkspaceRole.optional(), ...boundFields });
export type MemberFields = z.output<typeof MemberFields>;

export const MemberParams = z.object({ userId: UserIdParams.shape.id });
export type MemberParams = z.output<typeof MemberParams>;

/** The choice about the extra keys that a removed member made. */
export const RemovalQuery = z.object({
  keys: z
    .enum(['keep', 'revoke'])
    .default('keep')
    .describe(
      '`keep`: the extra keys that the member made stay those of the workspace; `revoke`: they end, too',
    ),
});
export type RemovalQuery = z.output<typeof RemovalQuery>;

const filters = {
  search: z
    .string()
    .trim()
    .max(100)
    .optional()
    .describe('in the event, and in what it happened to; a phone number in any spelling'),
  event: z.string().trim().max(64).optional().describe('one kind of event, such as `member.removed`'),
  actorId: UserIdParams.shape.id.optional().describe('who did it'),
  since: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time' }).optional(),
  until: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time' }).optional(),
};

export const AuditQuery = z.object({ limit: pageQuery.limit, ...cursorQuery, ...filters });
export type AuditQuery = z.output<typeof AuditQuery>;

export const AuditFilter = z.object(filters);
export type AuditFilter = z.output<typeof AuditFilter>;
