/** `/session/:sessionId/labels`: the labels of WhatsApp Business, and what they are on. */
import { z } from 'zod';
import {
  changeLabel,
  createLabel,
  deleteLabel,
  labelChat,
  labelMessage,
  listLabels,
  listLabelUses,
} from '../services/people/labels.ts';
import {
  ChangeLabelInput,
  ChatName,
  CountedLabelOutput,
  CreateLabelInput,
  LabelId,
  LabelOutput,
  LabelUseOutput,
  PageInput,
  SetLabelInput,
} from '../services/people/schemas.ts';
import type { ErrorCode } from '../utils/errors.ts';
import { MARK_ERRORS, WhichQuery } from './message.ts';
import { type Route, route } from './route.ts';
import { SessionId } from './schemas.ts';

const scope = 'messages:write';
const tag = 'Labels';
const LABELS = '/session/:sessionId/labels';
const OneSession = z.object({ sessionId: SessionId });
const OneLabel = z.object({ sessionId: SessionId, label: LabelId });
const Message = z.object({ message: z.string() });
const Changed = z.object({ message: z.string(), data: LabelOutput });
const session = { sessionId: 'my-session' };
const ofLabel = { params: { ...session, label: '10' } };
const ASKS: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'NOT_SUPPORTED', 'SEND_FAILED'];
const MESSAGE_ID = '3EB0A1B2C3D4E5F60718293A';

const assigned = ({ assigned: on }: { assigned: boolean }) => ({
  message: on ? 'The label was put on.' : 'The label was taken off.',
});

export const labelRoutes: Route[] = [
  route({
    method: 'get',
    path: LABELS,
    tag,
    summary: 'The labels of a session',
    description: 'As its phone, with WhatsApp Business, has told of them.',
    auth: 'credential',
    params: OneSession,
    response: z.object({ data: z.array(CountedLabelOutput) }),
    errors: ['SESSION_NOT_FOUND'],
    example: { params: session },
    handler: async ({ ctx, params }) => ({ data: await listLabels(ctx, params) }),
  }),
  route({
    method: 'post',
    path: LABELS,
    tag,
    summary: 'Make a label',
    description:
      'On the phone and all of its devices. A phone without WhatsApp Business may not show it. WhatsApp has room for 20; more are refused with `CONFLICT` and `details.reason` `label_limit`. After 503 it may have been made: with the same `Idempotency-Key` no second one is made, but 409 says that the outcome is not known.',
    auth: 'credential',
    scope,
    idempotent: true,
    params: OneSession,
    body: CreateLabelInput,
    status: 201,
    response: Changed,
    errors: [...ASKS, 'CONFLICT'],
    example: { params: session, body: { name: 'New order', color: 2 } },
    handler: async ({ ctx, params, body }) => ({
      message: 'The label was made.',
      data: await createLabel(ctx, { ...params, ...body }),
    }),
  }),
  route({
    method: 'put',
    path: `${LABELS}/:label`,
    tag,
    summary: 'Change a label',
    description: 'On the phone and all of its devices. What is missing stays.',
    auth: 'credential',
    scope,
    params: OneLabel,
    body: ChangeLabelInput,
    response: Changed,
    errors: [...ASKS, 'NOT_FOUND'],
    example: { ...ofLabel, body: { name: 'Paid' } },
    handler: async ({ ctx, params, body }) => ({
      message: 'The label was changed.',
      data: await changeLabel(ctx, params, body),
    }),
  }),
  route({
    method: 'delete',
    path: `${LABELS}/:label`,
    tag,
    summary: 'Delete a label',
    description: 'On the phone and all of its devices. It goes from every chat and message.',
    auth: 'credential',
    scope,
    params: OneLabel,
    response: Message,
    errors: [...ASKS, 'NOT_FOUND'],
    example: ofLabel,
    async handler({ ctx, params }) {
      await deleteLabel(ctx, params);
      return { message: 'The label was deleted.' };
    },
  }),
  route({
    method: 'get',
    path: `${LABELS}/:label/uses`,
    tag,
    summary: 'The chats and messages that a label is on',
    description: 'By chat. `nextCursor` leads on, null is the end.',
    auth: 'credential',
    params: OneLabel,
    query: PageInput,
    response: z.object({ data: z.array(LabelUseOutput), nextCursor: z.string().nullable() }),
    errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
    example: ofLabel,
    handler: async ({ ctx, params, query }) => ({ ...(await listLabelUses(ctx, { ...params, ...query })) }),
  }),
  route({
    method: 'post',
    path: '/session/:sessionId/chats/:chat/label',
    tag,
    summary: 'Put a label on a chat',
    description:
      'On the phone and all of its devices; nobody else is told. `"assigned": false` takes it away.',
    auth: 'credential',
    scope,
    params: z.object({ sessionId: SessionId, chat: ChatName }),
    body: SetLabelInput,
    response: Message,
    errors: [...ASKS, 'NOT_FOUND', 'INVALID_NUMBER'],
    example: { params: { ...session, chat: '+6281234567890' }, body: { label: '10' } },
    async handler({ ctx, params, body }) {
      await labelChat(ctx, params, body);
      return assigned(body);
    },
  }),
  route({
    method: 'post',
    path: '/message/:messageId/label',
    tag,
    summary: 'Put a label on a message',
    description:
      'On the phone and all of its devices; nobody else is told. `"assigned": false` takes it away.',
    auth: 'credential',
    scope,
    params: z.object({ messageId: z.string().min(1).max(64) }),
    query: WhichQuery,
    body: SetLabelInput,
    response: Message,
    errors: [...MARK_ERRORS, 'SEND_FAILED'],
    example: { params: { messageId: MESSAGE_ID }, body: { label: '10' } },
    async handler({ ctx, params, query, body }) {
      await labelMessage(ctx, { ...params, ...query }, body);
      return assigned(body);
    },
  }),
];
