/** `/workspace`: invitations, members and the audit; `/auth/accept-invitation`. */
import { z } from 'zod';
import { MAIL_FAILURES } from '../db/schema.ts';
import { bearerToken } from '../middlewares/authenticate.ts';
import { languageOf, mailLanguage } from '../services/mail/texts.ts';
import { exportAudit, listAudit, listOwnAudit } from '../services/workspaces/audit.ts';
import {
  acceptInvitation,
  inviteMember,
  listInvitations,
  revokeInvitation,
} from '../services/workspaces/invitations.ts';
import {
  leaveWorkspace,
  removeMember,
  transferOwnership,
  updateMember,
} from '../services/workspaces/members.ts';
import {
  AcceptFields,
  AuditFilter,
  AuditQuery,
  InvitationFields,
  MemberFields,
  MemberParams,
  RemovalQuery,
} from '../services/workspaces/schemas.ts';
import { answerCsv } from './csv-answer.ts';
import { type Route, route } from './route.ts';
import { Membership, Message, SignedInUser, Timestamp, WorkspaceRole } from './schemas.ts';

const tag = 'Workspace';
const SOMEBODY = { userId: '2147483647' };

const Invitation = z
  .object({
    id: z.string(),
    email: z.string(),
    role: WorkspaceRole,
    sessionId: z.string().nullable().describe('the first of `sessionIds`'),
    sessionIds: z.array(z.string()).nullable().describe('the sessions that they will see; null: all'),
    invitedBy: z.int().describe('the person who invited'),
    mailWaiting: z
      .boolean()
      .describe('its mail has not been handed over yet: the mail server is tried for a day'),
    mailFailure: z
      .object({
        at: Timestamp,
        reason: z.enum(MAIL_FAILURES),
        text: z.string().describe('what happened, for a person'),
        fix: z.string().describe('what to do'),
      })
      .nullable()
      .describe(
        'why nobody gets its mail: the server refused it for good, or for a day; null: it did not fail',
      ),
    createdAt: Timestamp,
    expiresAt: Timestamp,
  })
  .meta({ id: 'Invitation' });

const AuditedAction = z
  .object({
    id: z.string(),
    at: Timestamp,
    event: z.string(),
    status: z.enum(['success', 'failure', 'pending']),
    subject: z.string().nullable().describe('whom or what it happened to'),
    sessionId: z.string().nullable(),
    actor: z
      .object({ id: z.int(), name: z.string() })
      .nullable()
      .describe('who did it, or who made the key that did'),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    requestId: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditedAction' });

const invitationRoutes: Route[] = [
  route({
    method: 'get',
    path: '/workspace/invitations',
    tag,
    summary: 'List the open invitations',
    description: 'Those that were neither accepted nor ended, with their role and when they expire.',
    auth: 'jwt',
    permission: 'members',
    response: z.object({ data: z.array(Invitation) }),
    handler: async ({ ctx }) => ({ data: await listInvitations(ctx) }),
  }),
  route({
    method: 'post',
    path: '/workspace/invitations',
    tag,
    summary: 'Invite somebody into the workspace',
    description:
      'For seven days; the link works once. Where the service sends mails (SMTP_HOST) the link goes to that address alone, three times a day: without `mailed` invite again tomorrow. Otherwise hand over `url`. Another invitation of the same address ends the one before. Only owners invite owners.',
    auth: 'jwt',
    writes: true,
    permission: 'members',
    idempotent: true,
    body: InvitationFields,
    status: 201,
    response: z.object({
      data: Invitation.extend({
        token: z.string().nullable().describe('null where the service sends mails, and in a repeated answer'),
        url: z.string().nullable().describe('null where the token is'),
        mailed: z.boolean(),
      }),
    }),
    errors: ['CONFLICT'],
    example: { body: { email: 'clerk@example.com', role: 'operator' } },
    handler: async ({ ctx, body, http }) => {
      const language = mailLanguage(http.req.header('accept-language'), languageOf(ctx.config));
      return { data: await inviteMember(ctx, { ...body, language }) };
    },
  }),
  route({
    method: 'delete',
    path: '/workspace/invitations/:id',
    tag,
    summary: 'End an invitation',
    description: 'Its link stops working at once.',
    auth: 'jwt',
    writes: true,
    permission: 'members',
    params: z.object({ id: z.string().max(64) }),
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: { id: '019316f5a1b27c3d8e4f5a6b7c8d9e0f' } },
    handler: async ({ ctx, params }) => {
      await revokeInvitation(ctx, params);
      return { message: 'The invitation was ended.' };
    },
  }),
  route({
    method: 'post',
    path: '/auth/accept-invitation',
    tag,
    summary: 'Accept an invitation',
    description:
      'With the `token` of the link. A new person chooses `name` and `password`; whoever has an account with that address sends its password, or the Bearer token of a sign-in. The answer signs in to the workspace.',
    auth: 'public',
    body: AcceptFields,
    status: 201,
    response: z.object({ token: z.string(), user: SignedInUser, workspace: Membership }),
    errors: ['UNAUTHORIZED', 'NOT_FOUND'],
    example: {
      body: {
        token: '019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592',
        name: 'Clerk',
        password: 'password123',
      },
    },
    handler: async ({ ctx, body, http }) => {
      const token = bearerToken(http.req.header('authorization'));
      const actor = token === null ? null : await ctx.credentials.fromToken(token, 'jwt');
      const signedIn = await acceptInvitation(ctx, { ...body, signedInAs: actor });
      return { ...signedIn, workspace: signedIn.user.workspace };
    },
  }),
];

const memberRoutes: Route[] = [
  route({
    method: 'put',
    path: '/workspace/members/:userId',
    tag,
    summary: 'Change what a member may do',
    description:
      'From the next request of that member on. Only owners make and unmake owners; the last one stays.',
    auth: 'jwt',
    writes: true,
    permission: 'members',
    params: MemberParams,
    body: MemberFields,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: SOMEBODY, body: { role: 'viewer' } },
    handler: async ({ ctx, params, body }) => {
      await updateMember(ctx, { ...params, ...body });
      return { message: 'The member was changed.' };
    },
  }),
  route({
    method: 'delete',
    path: '/workspace/members/:userId',
    tag,
    summary: 'Remove a member',
    description:
      'The next request of that member is refused, event streams end within five seconds, and all signed links of the workspace are over. The last owner stays, and so does an administrator of the service without another workspace.',
    auth: 'jwt',
    writes: true,
    permission: 'members',
    params: MemberParams,
    query: RemovalQuery,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: SOMEBODY },
    handler: async ({ ctx, params, query }) => {
      await removeMember(ctx, { ...params, ...query });
      return { message: 'The member was removed.' };
    },
  }),
  route({
    method: 'post',
    path: '/workspace/leave',
    tag,
    summary: 'Leave the workspace',
    description:
      'The token of this request is over with it. The last owner stays, and so does an administrator of the service without another workspace.',
    auth: 'jwt',
    response: Message,
    errors: ['CONFLICT'],
    handler: async ({ ctx }) => {
      await leaveWorkspace(ctx);
      return { message: 'You have left the workspace.' };
    },
  }),
  route({
    method: 'post',
    path: '/workspace/transfer-ownership',
    tag,
    summary: 'Hand the workspace over',
    description: 'The other member becomes an owner, and the caller an admin.',
    auth: 'jwt',
    writes: true,
    permission: 'ownership',
    body: MemberParams,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { body: { userId: 2_147_483_647 } },
    handler: async ({ ctx, body }) => {
      await transferOwnership(ctx, body);
      return { message: 'The workspace has another owner.' };
    },
  }),
];

const AuditPage = z.object({ data: z.array(AuditedAction), nextCursor: z.string().nullable() });

const auditRoutes: Route[] = [
  route({
    method: 'get',
    path: '/auth/audit',
    tag: 'Sign-in',
    summary: 'What was done to the own account',
    description:
      'Sign-ins, passwords, second factors and links, newest first, in whatever workspace the person is: also of a person who has none of their own. Of what others did it says who and when, not from where. Kept for RETENTION_AUDIT_DAYS.',
    auth: 'jwt',
    beforeSecondFactor: true,
    query: AuditQuery,
    response: AuditPage,
    handler: async ({ ctx, query }) => ({ ...(await listOwnAudit(ctx, query)) }),
  }),
  route({
    method: 'get',
    path: '/workspace/audit',
    tag,
    summary: 'Who did what',
    description:
      'Members, keys, settings, sessions, campaigns and webhooks, newest first, with who, what, when and from where. Kept for RETENTION_AUDIT_DAYS.',
    auth: 'jwt',
    permission: 'members',
    query: AuditQuery,
    response: AuditPage,
    handler: async ({ ctx, query }) => ({ ...(await listAudit(ctx, query)) }),
  }),
  route({
    method: 'get',
    path: '/workspace/audit/export',
    tag,
    summary: 'The audit as CSV',
    description:
      'With the filters of the list, newest first. A cell that a spreadsheet would read as a formula is made a text.',
    auth: 'jwt',
    permission: 'members',
    query: AuditFilter,
    response: null,
    contentType: 'text/csv',
    handler: async ({ ctx, query, http }) => {
      const { fileName, lines } = await exportAudit(ctx, query);
      return answerCsv(http, fileName, lines);
    },
  }),
];

export const teamRoutes: Route[] = [...invitationRoutes, ...memberRoutes, ...auditRoutes];
