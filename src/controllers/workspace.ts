/** `/workspace`: the tenant of the credential and its members; `/auth/switch-workspace`. */
import { z } from 'zod';
import {
  ListMembersQuery,
  SecurityFields,
  SwitchFields,
  WorkspaceFields,
} from '../services/workspaces/schemas.ts';
import {
  createWorkspace,
  listMembers,
  readWorkspace,
  switchWorkspace,
  updateSecurity,
  updateWorkspace,
} from '../services/workspaces/verbs.ts';
import { type Route, route } from './route.ts';
import { Membership, Message, Pagination, paginationOf, Timestamp, WorkspaceRole } from './schemas.ts';

const tag = 'Workspace';

const Workspace = Membership.extend({
  members: z.int().describe('how many people belong to it'),
  createdAt: Timestamp,
  workspaces: z.array(Membership).describe("all of the person's; of a key only this one"),
}).meta({ id: 'Workspace' });

const Member = z
  .object({
    userId: z.int(),
    name: z.string(),
    email: z.string().nullable().describe('null for whoever does not manage members'),
    role: WorkspaceRole,
    sessionId: z.string().nullable().describe('the first of `sessionIds`'),
    sessionIds: z.array(z.string()).nullable().describe('the sessions that the member sees; null: all'),
    status: z.enum(['active', 'disabled']),
    lastLoginAt: Timestamp.nullable().describe('null for whoever does not manage members, too'),
    joinedAt: Timestamp,
  })
  .meta({ id: 'Member' });

export const workspaceRoutes: Route[] = [
  route({
    method: 'get',
    path: '/workspace',
    tag,
    whileSuspended: true,
    summary: 'The workspace of the credential',
    description: 'With the role of the caller in it, and the other workspaces of the person.',
    auth: 'credential',
    response: z.object({ data: Workspace }),
    errors: ['NOT_FOUND'],
    handler: async ({ ctx }) => ({ data: await readWorkspace(ctx) }),
  }),
  route({
    method: 'post',
    path: '/workspace',
    tag,
    summary: 'Make a further workspace',
    description:
      'Its maker owns it. For administrators of the service, and for everybody where registration is open; at most 20 for one person.',
    auth: 'jwt',
    idempotent: true,
    body: WorkspaceFields,
    status: 201,
    response: z.object({ data: Membership }),
    errors: ['CONFLICT'],
    example: { body: { name: 'Toko Maju' } },
    handler: async ({ ctx, body }) => ({ data: await createWorkspace(ctx, body) }),
  }),
  route({
    method: 'put',
    path: '/workspace',
    tag,
    summary: 'Rename the workspace',
    description: 'Members see the name in the dashboard and in invitations. Nothing else changes.',
    auth: 'jwt',
    writes: true,
    permission: 'settings',
    body: WorkspaceFields,
    response: Message,
    example: { body: { name: 'Toko Maju' } },
    handler: async ({ ctx, body }) => {
      await updateWorkspace(ctx, body);
      return { message: 'The workspace was renamed.' };
    },
  }),
  route({
    method: 'put',
    path: '/workspace/security',
    tag,
    summary: 'Ask all members for a second factor',
    description:
      'From the next request on a member who has not given one can only set one up or give it (SECOND_FACTOR_MISSING). API keys are not concerned. Whoever turns it on has given one.',
    auth: 'jwt',
    writes: true,
    permission: 'settings',
    body: SecurityFields,
    response: Message,
    errors: ['CONFLICT'],
    example: { body: { requireSecondFactor: false } },
    handler: async ({ ctx, body }) => {
      await updateSecurity(ctx, body);
      return { message: 'The workspace was changed.' };
    },
  }),
  route({
    method: 'get',
    path: '/workspace/members',
    tag,
    summary: 'List the members of the workspace',
    description:
      'Everybody who may sign in to this workspace, with their role and the sessions that they are bound to.',
    auth: 'credential',
    query: ListMembersQuery,
    response: z.object({ data: z.array(Member), pagination: Pagination }),
    handler: async ({ ctx, query }) => {
      const { data, totalItems } = await listMembers(ctx, query);
      return { data, pagination: paginationOf(query, totalItems) };
    },
  }),
  route({
    method: 'post',
    path: '/auth/switch-workspace',
    tag,
    whileSuspended: true,
    summary: 'Go to another workspace',
    description:
      'The token in the answer works in that one; the old token goes on working where it was. Where `workspace.requireSecondFactor` is true and this sign-in has given none, `POST /auth/second-factors/confirm` comes first.',
    auth: 'jwt',
    beforeSecondFactor: true,
    body: SwitchFields,
    response: z.object({ token: z.string(), workspace: Membership }),
    errors: ['NOT_FOUND'],
    example: { body: { workspaceId: 2_147_483_647 } },
    handler: async ({ ctx, body }) => ({ ...(await switchWorkspace(ctx, body)) }),
  }),
];
