/** `/session/:sessionId/groups`: the groups of a session, and all that their members do with them. */
import { z } from 'zod';
import {
  ChangeGroupInput,
  CreateGroupInput,
  GroupId,
  GroupOutput,
  InviteOutput,
  JoinedOutput,
  JoinGroupInput,
  JoinRequestOutput,
  MemberOutcomeOutput,
  MembersInput,
} from '../services/groups/schemas.ts';
import {
  changeGroup,
  changeMembers,
  createGroup,
  decideJoinRequests,
  getGroup,
  inviteLink,
  joinGroup,
  leaveGroup,
  listJoinRequests,
  setGroupPicture,
} from '../services/groups/verbs.ts';
import { MediaInput } from '../services/messages/kinds/fields.ts';
import { listGroups } from '../services/sessions/groups.ts';
import type { ErrorCode } from '../utils/errors.ts';
import { MEMBER_CHANGES, type MemberChange } from '../whatsapp/group-types.ts';
import { type Route, route } from './route.ts';
import { SessionId } from './schemas.ts';

const tag = 'Groups';
const scope = 'messages:write';
const OneSession = z.object({ sessionId: SessionId });
const OneGroup = z.object({ sessionId: SessionId, group: GroupId });
const Message = z.object({ message: z.string() });
const GROUP = '/session/:sessionId/groups/:group';
const params = { sessionId: 'my-session', group: '120363012345678901@g.us' };
const people = { members: ['+6281234567890'] };

const SESSION_ERRORS: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'NOT_SUPPORTED'];
const ERRORS: readonly ErrorCode[] = [
  ...SESSION_ERRORS,
  'INVALID_NUMBER',
  'NOT_GROUP_MEMBER',
  'GROUP_GONE',
  'SEND_FAILED',
];
const ADMIN_ERRORS: readonly ErrorCode[] = [...ERRORS, 'NOT_GROUP_ADMIN', 'CONFLICT'];

const Outcomes = z.object({ message: z.string(), data: z.array(MemberOutcomeOutput) });

const readRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/:sessionId/groups',
    tag,
    summary: 'The groups that a session is in',
    description: 'Asks WhatsApp, so the session must be connected. `id` is what a message takes as `to`.',
    auth: 'credential',
    params: OneSession,
    response: z.object({
      data: z.array(
        z.object({
          id: z.string().describe('`to` of a message with `isGroup`'),
          subject: z.string(),
          size: z
            .int()
            .nullable()
            .describe('members; null where WhatsApp does not tell it in the list: ask for the group itself'),
        }),
      ),
    }),
    errors: SESSION_ERRORS,
    example: { params: { sessionId: 'my-session' } },
    handler: async ({ ctx, params }) => ({ data: await listGroups(ctx, params) }),
  }),
  route({
    method: 'get',
    path: GROUP,
    tag,
    summary: 'A group with its members',
    description: 'Asks WhatsApp, so the session must be connected and a member of the group.',
    auth: 'credential',
    params: OneGroup,
    response: z.object({ data: GroupOutput }),
    errors: ERRORS,
    example: { params },
    handler: async ({ ctx, params }) => ({ data: await getGroup(ctx, params) }),
  }),
  route({
    method: 'get',
    path: `${GROUP}/invite`,
    tag,
    summary: 'The invite link of a group',
    description: 'For admins of the group.',
    auth: 'credential',
    params: OneGroup,
    response: z.object({ data: InviteOutput }),
    errors: ADMIN_ERRORS,
    example: { params },
    handler: async ({ ctx, params }) => ({ data: await inviteLink(ctx, params, { revoke: false }) }),
  }),
  route({
    method: 'get',
    path: `${GROUP}/requests`,
    tag,
    summary: 'Who asks to be let into a group',
    description: 'For admins of the group.',
    auth: 'credential',
    params: OneGroup,
    response: z.object({ data: z.array(JoinRequestOutput) }),
    errors: ADMIN_ERRORS,
    example: { params },
    handler: async ({ ctx, params }) => ({ data: await listJoinRequests(ctx, params) }),
  }),
];

const createRoutes: Route[] = [
  route({
    method: 'post',
    path: '/session/:sessionId/groups',
    tag,
    summary: 'Make a group',
    description:
      'The answer says of each person how it went. People who do not know the session count as its first contacts: ' +
      'all of them must fit into that limit, or nothing is done (429). After 503 it may have been made: with the same ' +
      '`Idempotency-Key` no second one is made, but 409 says that the outcome is not known.',
    auth: 'credential',
    scope,
    idempotent: true,
    params: OneSession,
    body: CreateGroupInput,
    status: 201,
    response: z.object({
      message: z.string(),
      data: z.object({ group: GroupOutput, members: z.array(MemberOutcomeOutput) }),
    }),
    errors: [...SESSION_ERRORS, 'INVALID_NUMBER', 'CONFLICT', 'SEND_FAILED'],
    example: { params: { sessionId: 'my-session' }, body: { subject: 'Customers', ...people } },
    handler: async ({ ctx, params, body }) => ({
      message: 'The group was made.',
      data: await createGroup(ctx, { ...params, ...body }),
    }),
  }),
  route({
    method: 'post',
    path: '/session/:sessionId/groups/join',
    tag,
    summary: 'Join a group by its invite link',
    description: 'Where the group wants it, an admin has to agree first: `data.group` is null until then.',
    auth: 'credential',
    scope,
    params: OneSession,
    body: JoinGroupInput,
    response: z.object({ message: z.string(), data: JoinedOutput }),
    errors: [...SESSION_ERRORS, 'INVITE_INVALID', 'GROUP_FULL', 'CONFLICT', 'SEND_FAILED'],
    example: {
      params: { sessionId: 'my-session' },
      body: { invite: 'https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv' },
    },
    async handler({ ctx, params, body }) {
      const data = await joinGroup(ctx, { ...params, ...body });
      return {
        message: data.group === null ? 'An admin has to agree.' : 'The session is a member now.',
        data,
      };
    },
  }),
];

const MEMBER_TEXTS: Record<MemberChange, { path: string; summary: string; description: string }> = {
  add: {
    path: `${GROUP}/members`,
    summary: 'Add people to a group',
    description:
      'People who do not know the session count as its first contacts: all of them must fit into that limit, or ' +
      'nothing is done (429). Whoever cannot be added is told in `status`.',
  },
  remove: {
    path: `${GROUP}/members/remove`,
    summary: 'Remove people from a group',
    description: 'For admins of the group. `status` tells of each of them whether WhatsApp has done it.',
  },
  promote: {
    path: `${GROUP}/members/promote`,
    summary: 'Make members admins',
    description: 'For admins of the group. `status` tells of each of them whether WhatsApp has done it.',
  },
  demote: {
    path: `${GROUP}/members/demote`,
    summary: 'Make admins members',
    description: 'For admins of the group. They stay in it as members.',
  },
};

const memberRoutes: Route[] = MEMBER_CHANGES.map((change) =>
  route({
    method: 'post',
    tag,
    ...MEMBER_TEXTS[change],
    auth: 'credential',
    scope,
    params: OneGroup,
    body: MembersInput,
    response: Outcomes,
    errors: [...ADMIN_ERRORS, 'GROUP_FULL'],
    example: { params, body: people },
    handler: async ({ ctx, params, body }) => ({
      message: 'WhatsApp has answered for each of them.',
      data: await changeMembers(ctx, { ...params, ...body, change }),
    }),
  }),
);

const requestRoutes: Route[] = (['approve', 'reject'] as const).map((decision) =>
  route({
    method: 'post',
    path: `${GROUP}/requests/${decision}`,
    tag,
    summary: decision === 'approve' ? 'Let people into a group' : 'Do not let people into a group',
    description: 'For admins of the group: decides about people who asked to be let in.',
    auth: 'credential',
    scope,
    params: OneGroup,
    body: MembersInput,
    response: Outcomes,
    errors: ADMIN_ERRORS,
    example: { params, body: people },
    handler: async ({ ctx, params, body }) => ({
      message: 'WhatsApp has answered for each of them.',
      data: await decideJoinRequests(ctx, { ...params, ...body, approve: decision === 'approve' }),
    }),
  }),
);

const changeRoutes: Route[] = [
  route({
    method: 'put',
    path: GROUP,
    tag,
    summary: 'Change a group',
    description:
      'What is missing stays. Several changes are made one after another; when one fails, `details.field` names it ' +
      '(`VALIDATION_FAILED`: its name is the key in `details`, with the reason), ' +
      'and those before it are made: subject, description, announce, locked, ephemeral, joinApproval, membersAdd.',
    auth: 'credential',
    scope,
    params: OneGroup,
    body: ChangeGroupInput,
    response: z.object({ message: z.string(), data: GroupOutput }),
    errors: ADMIN_ERRORS,
    example: { params, body: { subject: 'Customers', announce: true } },
    handler: async ({ ctx, params, body }) => ({
      message: 'The group was changed.',
      data: await changeGroup(ctx, params, body),
    }),
  }),
  route({
    method: 'put',
    path: `${GROUP}/picture`,
    tag,
    summary: 'Set the picture of a group',
    description:
      'A JPEG of at most 512 KB; WhatsApp shows 640 × 640 pixels. By https URL, `data:` URL, upload or form.',
    auth: 'credential',
    scope,
    params: OneGroup,
    body: z.object({ image: MediaInput }),
    files: ['image'],
    response: Message,
    errors: [
      ...ADMIN_ERRORS,
      'NOT_FOUND',
      'URL_REFUSED',
      'FILE_TOO_LARGE',
      'UNSUPPORTED_MEDIA',
      'QUOTA_EXCEEDED',
    ],
    example: { params, body: { image: 'https://example.com/picture.jpg' } },
    async handler({ ctx, params, body, files }) {
      await setGroupPicture(ctx, params, files.get('image') ?? body.image);
      return { message: 'The picture was set.' };
    },
  }),
  route({
    method: 'delete',
    path: `${GROUP}/picture`,
    tag,
    summary: 'Take the picture of a group away',
    description: 'For admins of the group. Phones show the usual sign of a group then.',
    auth: 'credential',
    scope,
    params: OneGroup,
    response: Message,
    errors: ADMIN_ERRORS,
    example: { params },
    async handler({ ctx, params }) {
      await setGroupPicture(ctx, params, null);
      return { message: 'The group has no picture now.' };
    },
  }),
  route({
    method: 'post',
    path: `${GROUP}/invite/revoke`,
    tag,
    summary: 'Make a new invite link',
    description: 'The old one ends at once.',
    auth: 'credential',
    scope,
    params: OneGroup,
    response: z.object({ message: z.string(), data: InviteOutput }),
    errors: ADMIN_ERRORS,
    example: { params },
    handler: async ({ ctx, params }) => ({
      message: 'The old link does not work any more.',
      data: await inviteLink(ctx, params, { revoke: true }),
    }),
  }),
  route({
    method: 'post',
    path: `${GROUP}/leave`,
    tag,
    summary: 'Leave a group',
    description: 'Messages to the group fail from then on. The history stays.',
    auth: 'credential',
    scope,
    params: OneGroup,
    response: Message,
    errors: ERRORS,
    example: { params },
    async handler({ ctx, params }) {
      await leaveGroup(ctx, params);
      return { message: 'The session has left the group.' };
    },
  }),
];

export const groupRoutes: Route[] = [
  ...readRoutes,
  ...createRoutes,
  ...memberRoutes,
  ...requestRoutes,
  ...changeRoutes,
];
