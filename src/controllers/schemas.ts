/** Schemas that several resources share; those with an id are named components of the OpenAPI document. */
import { z } from 'zod';
import { ROLES, SESSION_STATUSES } from '../db/schema.ts';

/** As wide as MySQL's int, which ids of users are. */
const MAX_INT = 2_147_483_647;
const MAX_PAGE = 100_000;

/** `?page=1&limit=50`, limit at most 200. */
export const pageQuery = {
  page: z.coerce.number().int().min(1).max(MAX_PAGE).default(1),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};

/** Where a list goes on: `nextCursor` of the answer before. */
export const cursorQuery = { cursor: z.string().max(100).optional() };

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

/** A flag in a query: `true`, `1` or nothing at all after the name. */
export const queryFlag = z
  .enum(['true', 'false', '1', '0', ''])
  .transform((value) => value === 'true' || value === '1' || value === '')
  .optional();

/** An admin reads another tenant's things with `?userId=`, everybody's with `?all=true`. */
export const tenantQuery = { userId: z.coerce.number().int().min(1).max(MAX_INT).optional(), all: queryFlag };

/** The name a tenant gives a session. */
export const SessionId = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be 1 to 100 of A-Z a-z 0-9 _ . -')
  .describe('unique per user');

export const SessionStatus = z.enum(SESSION_STATUSES).meta({ id: 'SessionStatus' });
export const Role = z.enum(ROLES).meta({ id: 'Role' });

/** Compared in lower case. */
export const Email = z
  .string()
  .trim()
  .toLowerCase()
  .max(255, 'must have at most 255 characters')
  .pipe(z.email('must be an e-mail address'));

/** The limit of bytes, and what bcrypt makes of them, is checked where it is hashed. */
export const NewPassword = z
  .string()
  .min(8, 'must have at least 8 characters')
  .refine((text) => new TextEncoder().encode(text).length <= 72, 'must have at most 72 bytes');

export const PersonName = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(120, 'must have at most 120 characters');

export const UserIdParams = z.object({ id: z.coerce.number().int().min(1).max(MAX_INT) });

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

export const SignedInUser = User.extend({
  apiKey: z.string().nullable().describe("the user's own key"),
}).meta({ id: 'SignedInUser' });

export const Message = z.object({ message: z.string() });
