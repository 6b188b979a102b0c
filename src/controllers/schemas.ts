/** Schemas that several resources share; those with an id are named components of the OpenAPI document. */
import { z } from 'zod';
import { SESSION_STATUSES } from '../db/schema.ts';
import { Role, WorkspaceRole } from '../services/fields.ts';

export {
  cursorQuery,
  Email,
  NewPassword,
  PersonName,
  pageQuery,
  Role,
  SessionName as SessionId,
  searchQuery,
  tenantQuery,
  UserIdParams,
  WorkspaceRole,
} from '../services/fields.ts';

export const Pagination = z
  .object({
    page: z.int(),
    limit: z.int(),
    totalItems: z.int().nullable().describe('null when there are more than are counted'),
    totalPages: z.int().nullable(),
  })
  .meta({ id: 'Pagination' });

/** The `pagination` of an answer. */
export function paginationOf(
  { page, limit }: { page: number; limit: number },
  totalItems: number | null,
): z.output<typeof Pagination> {
  return { page, limit, totalItems, totalPages: totalItems === null ? null : Math.ceil(totalItems / limit) };
}

export const Timestamp = z.iso.datetime().describe('ISO 8601, UTC, milliseconds');

export const SessionStatus = z.enum(SESSION_STATUSES).meta({ id: 'SessionStatus' });

export const User = z
  .object({
    id: z.int(),
    email: z.string(),
    name: z.string(),
    role: Role,
    status: z.enum(['active', 'disabled']),
    timezone: z
      .string()
      .nullable()
      .describe('the zone in which times without one are read; null: that of the service'),
    lastLoginAt: Timestamp.nullable(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'User' });

export const Membership = z
  .object({
    id: z.int().describe('of the workspace'),
    name: z.string(),
    role: WorkspaceRole,
    sessionId: z.string().nullable().describe('the first of `sessionIds`'),
    sessionIds: z.array(z.string()).nullable().describe('the sessions that the member sees; null: all'),
    timezone: z.string().nullable(),
    requireSecondFactor: z.boolean().describe('members without a second factor can only set one up'),
  })
  .meta({ id: 'Membership' });

export const SignedInUser = User.extend({
  workspace: Membership,
  apiKey: z.string().nullable().describe("the user's own key"),
}).meta({ id: 'SignedInUser' });

export const SignedIn = z.object({ token: z.string(), user: SignedInUser }).meta({ id: 'SignedIn' });

export const Message = z.object({ message: z.string() });

/** What a browser makes of a passkey, shortened. */
export const EXAMPLE_ASSERTION = {
  id: 'jZ2Jk0Y4Q0mYw1m2eJx0fA',
  rawId: 'jZ2Jk0Y4Q0mYw1m2eJx0fA',
  type: 'public-key',
  response: {
    clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0',
    authenticatorData: 'AAAA',
    signature: 'MEUC',
  },
};
