/** `/user`: what admins do with users. */
import { z } from 'zod';
import { createUser, disableUser, listUsers, updateUser } from '../services/users.ts';
import { auditUser } from '../services/users-audit.ts';
import { CreateUserFields, ListUsersQuery, UpdateUserFields } from '../services/users-schemas.ts';
import { type Route, route } from './route.ts';
import {
  cursorQuery,
  Message,
  Pagination,
  pageQuery,
  paginationOf,
  Timestamp,
  User,
  UserIdParams,
} from './schemas.ts';

const tag = 'Users';
const OneUser = z.object({ user: User, data: User });

const AuditEntry = z
  .object({
    id: z.string(),
    event: z.string(),
    subject: z.string().nullable(),
    actorId: z.int().nullable().describe('who did it; null for the service itself'),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    requestId: z.string().nullable(),
    status: z.enum(['success', 'failure']),
    data: z.record(z.string(), z.unknown()),
    at: Timestamp,
  })
  .meta({ id: 'AuditEntry' });

export const userRoutes: Route[] = [
  route({
    method: 'get',
    path: '/user/list',
    tag,
    summary: 'List users',
    description: 'All people of the service, with their role. `search` looks in names and e-mail addresses.',
    auth: 'jwt',
    role: 'admin',
    query: ListUsersQuery,
    response: z.object({ data: z.array(User), pagination: Pagination }),
    handler: async ({ ctx, query }) => {
      const { data, totalItems } = await listUsers(ctx, query);
      return { data, pagination: paginationOf(query, totalItems) };
    },
  }),
  route({
    method: 'post',
    path: '/user/create',
    tag,
    summary: 'Create a user',
    auth: 'jwt',
    role: 'admin',
    writes: true,
    idempotent: true,
    unhashed: ['password'],
    description:
      'With a workspace of the same number; or, with `workspace`, as a member of that one: `workspaceRole` says as what (`operator`, for a `readonly` user `viewer`).',
    body: CreateUserFields,
    status: 201,
    response: OneUser,
    errors: ['CONFLICT', 'NOT_FOUND'],
    example: { body: { email: 'clerk@example.com', password: 'password123', name: 'Clerk', role: 'user' } },
    handler: async ({ ctx, body }) => {
      const user = await createUser(ctx, body);
      return { user, data: user };
    },
  }),
  route({
    method: 'put',
    path: '/user/:id',
    tag,
    summary: 'Change a user',
    description:
      'A new password, or `status: disabled`, ends the tokens and signed links of that user at once; `revokeApiKeys: true` ends its API keys.',
    auth: 'jwt',
    role: 'admin',
    writes: true,
    params: UserIdParams,
    body: UpdateUserFields,
    response: OneUser,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { id: '2147483647' }, body: { name: 'Clerk' } },
    handler: async ({ ctx, params, body }) => {
      const user = await updateUser(ctx, { ...body, id: params.id });
      return { user, data: user };
    },
  }),
  route({
    method: 'delete',
    path: '/user/:id',
    tag,
    summary: 'Disable a user',
    description: 'At once: tokens and keys stop, sessions stop; the e-mail stays taken.',
    auth: 'jwt',
    role: 'admin',
    writes: true,
    params: UserIdParams,
    response: OneUser.extend(Message.shape),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { id: '2147483647' } },
    handler: async ({ ctx, params }) => {
      const user = await disableUser(ctx, params);
      return { message: 'The user was disabled.', user, data: user };
    },
  }),
  route({
    method: 'get',
    path: '/user/:id/audit',
    tag,
    summary: "What happened to a user's account",
    description: 'Sign-ins, changes of the account and what administrators did to it, newest first.',
    auth: 'jwt',
    role: 'admin',
    params: UserIdParams,
    query: z.object({ ...pageQuery, ...cursorQuery }),
    response: z.object({
      data: z.array(AuditEntry),
      pagination: Pagination,
      nextCursor: z.string().nullable(),
    }),
    errors: ['NOT_FOUND'],
    example: { params: { id: '2147483647' } },
    handler: async ({ ctx, params, query }) => {
      const { data, totalItems, nextCursor } = await auditUser(ctx, { ...query, id: params.id });
      return { data, pagination: paginationOf(query, totalItems), nextCursor };
    },
  }),
];
