/** Fields that the inputs of several features share. */
import { z } from 'zod';
import { ROLES, WORKSPACE_ROLES } from '../db/schema.ts';
import { isSeen } from '../utils/text.ts';

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

export type PageQuery = z.output<z.ZodObject<typeof pageQuery>>;
export type PageInput = PageQuery & z.output<z.ZodObject<typeof cursorQuery>>;

/** A part of a name, a number or a text. */
export const searchQuery = { search: z.string().max(100).optional() };
export type SearchQuery = z.output<z.ZodObject<typeof searchQuery>>;

/** A flag in a query: `true`, `1` or nothing at all after the name. */
export const queryFlag = z
  .enum(['true', 'false', '1', '0', ''])
  .transform((value) => value === 'true' || value === '1' || value === '')
  .optional();

/** An admin reads another tenant's things with `?userId=`, everybody's with `?all=true`. */
export const tenantQuery = { userId: z.coerce.number().int().min(1).max(MAX_INT).optional(), all: queryFlag };

const TenantFields = z.object(tenantQuery);
export type TenantInput = z.output<typeof TenantFields>;

/** The name of a session where one is meant, not made. */
export const SessionName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be 1 to 100 of A-Z a-z 0-9 _ . -')
  .describe('unique per user');

export const Role = z.enum(ROLES).meta({ id: 'Role' });
export const WorkspaceRole = z.enum(WORKSPACE_ROLES).meta({ id: 'WorkspaceRole' });

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

/** What a person calls something, at most `max` characters: at least one of them is seen where the name is shown. */
export const nameOf = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine((text) => text === '' || isSeen(text), 'must have a character that can be seen');

export const PersonName = nameOf(120);

export const UserIdParams = z.object({ id: z.coerce.number().int().min(1).max(MAX_INT) });
export type UserIdParams = z.output<typeof UserIdParams>;

/** Of a list that ends somewhere, whatever there is. */
export const truncatedField = z.boolean().describe('there are more than these');
