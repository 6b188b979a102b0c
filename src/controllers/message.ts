/** `/message`: history and the queue; sending is in message-send.ts. */

import { z } from 'zod';
import { EventOutput } from '../services/messages/event-responses.ts';
import { PollOutput } from '../services/messages/poll.ts';
import {
  ListFilters,
  MessageDetail,
  MessageOutput,
  PauseFields,
  QueueStatus,
  SentMessage,
  sendFields,
  TextInput,
} from '../services/messages/schemas.ts';
import {
  cancelMessage,
  checkNumber,
  clearQueue,
  editMessage,
  fetchMediaAgain,
  forwardMessage,
  getEvent,
  getMessage,
  getPoll,
  listMessages,
  markMessageRead,
  pauseQueue,
  pinMessage,
  queueStatus,
  resumeQueue,
  retryMessage,
  revokeMessage,
  starMessage,
} from '../services/messages.ts';
import { TimelineEntry } from '../services/requests/schemas.ts';
import { readTimeline } from '../services/requests/timeline.ts';
import type { ErrorCode } from '../utils/errors.ts';
import { MAX_WRITTEN } from '../utils/phone/written.ts';
import { albumRoute } from './message-album.ts';
import { answerSend } from './message-answer.ts';
import { messageSendRoutes } from './message-send.ts';
import { statusRoute } from './message-status.ts';
import { type Route, route } from './route.ts';
import { cursorQuery, Pagination, pageQuery, paginationOf, tenantQuery } from './schemas.ts';

const tag = 'Messages';
const SESSION = 'my-session';
const NUMBER = '+6281234567890';
const MESSAGE_ID = '3EB0A1B2C3D4E5F60718293A';

const MessageIdParams = z.object({ messageId: z.string().min(1).max(64) });
const AMEND_ERRORS: readonly ErrorCode[] = [
  'NOT_FOUND',
  'SESSION_NOT_FOUND',
  'CONFLICT',
  'NOT_CONNECTED',
  'NOT_SUPPORTED',
  'SEND_FAILED',
  'RATE_LIMITED',
];
const { to, isGroup, priority, scheduledAt, expiresAt } = sendFields;
export const MARK_ERRORS: readonly ErrorCode[] = [
  'NOT_FOUND',
  'SESSION_NOT_FOUND',
  'CONFLICT',
  'NOT_CONNECTED',
  'NOT_SUPPORTED',
];

/** As WhatsApp's own clients offer it; any other time is not shown by them. */
const PinSeconds = z
  .union([z.literal(86_400), z.literal(604_800), z.literal(2_592_000)], {
    error: 'must be 86400, 604800 or 2592000',
  })
  .default(604_800);
const SessionField = z.string().min(1).max(100).describe('the session');
/** Two of the tenant's own sessions in one chat know a message by one id. */
const OfSession = {
  session: SessionField.optional().describe('which session, where several know a message by this id'),
};
export const WhichQuery = z.object({
  ...OfSession,
  direction: z
    .enum(['in', 'out'])
    .optional()
    .describe('where it was sent from one session to another; what was sent when missing'),
});

export const messageRoutes: Route[] = [
  ...messageSendRoutes,
  albumRoute,
  statusRoute,
  route({
    method: 'get',
    path: '/message/list',
    tag,
    summary: 'List the history, in and out, newest first',
    description:
      'Filters may be combined. To read on, give `nextCursor` as `cursor`: pages do not shift while messages come in.',
    auth: 'credential',
    scope: 'read',
    query: z.object({ ...ListFilters, ...pageQuery, ...cursorQuery, ...tenantQuery }),
    response: z.object({
      data: z.array(MessageOutput),
      pagination: Pagination,
      nextCursor: z.string().nullable(),
    }),
    errors: ['SESSION_NOT_FOUND', 'INVALID_NUMBER'],
    example: { query: { limit: '20' } },
    handler: async ({ ctx, query }) => {
      const { data, totalItems, nextCursor } = await listMessages(ctx, query);
      return { data, pagination: paginationOf(query, totalItems), nextCursor };
    },
  }),
  route({
    method: 'get',
    path: '/message/queue-status',
    tag,
    summary: 'What waits, and why',
    description:
      'How many messages of the session wait, since when, and everything that holds the next one, each with its end.',
    auth: 'credential',
    scope: 'read',
    query: z.object({ session: SessionField, userId: tenantQuery.userId }),
    response: QueueStatus,
    errors: ['SESSION_NOT_FOUND'],
    example: { query: { session: SESSION } },
    handler: async ({ ctx, query }) => queueStatus(ctx, query),
  }),
  route({
    method: 'post',
    path: '/message/clear-queue',
    tag,
    summary: 'Cancel everything that has not begun to be sent',
    description:
      'What is being sent at this moment still goes. The others end as `canceled`, and webhooks are told of each.',
    auth: 'credential',
    scope: 'messages:write',
    body: z.object({ session: SessionField }),
    response: z.object({ message: z.string(), cleared: z.int() }),
    errors: ['SESSION_NOT_FOUND'],
    example: { body: { session: SESSION } },
    handler: async ({ ctx, body }) => {
      const { cleared } = await clearQueue(ctx, body);
      return { message: 'Queue cleared', cleared };
    },
  }),
  route({
    method: 'post',
    path: '/message/pause-queue',
    tag,
    summary: "Hold a session's queue",
    description:
      'Nothing that waits is sent, whatever its priority: login codes too. It is kept over a restart. What WhatsApp ' +
      'has been given already goes on; new messages are taken and wait.',
    auth: 'credential',
    scope: 'messages:write',
    body: z.object({ session: SessionField, ...PauseFields }),
    response: z.object({ message: z.string(), data: QueueStatus }),
    errors: ['SESSION_NOT_FOUND'],
    example: { body: { session: SESSION } },
    handler: async ({ ctx, body }) => ({ message: 'Queue paused', data: await pauseQueue(ctx, body) }),
  }),
  route({
    method: 'post',
    path: '/message/resume-queue',
    tag,
    summary: "Let a session's queue go on",
    description: 'Lifts the pause of `/message/pause-queue`. Limits, quiet hours and the breaker hold on.',
    auth: 'credential',
    scope: 'messages:write',
    body: z.object({ session: SessionField }),
    response: z.object({ message: z.string(), data: QueueStatus }),
    errors: ['SESSION_NOT_FOUND'],
    example: { body: { session: SESSION } },
    handler: async ({ ctx, body }) => ({ message: 'Queue resumed', data: await resumeQueue(ctx, body) }),
  }),
  route({
    method: 'post',
    path: '/message/check-number',
    tag,
    summary: 'Ask WhatsApp whether a number is on it',
    description: 'The answer is remembered: a week for a number that exists, an hour for one that does not.',
    auth: 'credential',
    scope: 'read',
    body: z.object({ session: SessionField, phoneNumber: z.string().min(1).max(MAX_WRITTEN) }),
    response: z.object({ exists: z.boolean(), jid: z.string().nullable(), checkedAt: z.iso.datetime() }),
    errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'INVALID_NUMBER'],
    example: { body: { session: SESSION, phoneNumber: NUMBER } },
    handler: async ({ ctx, body }) => ({ ...(await checkNumber(ctx, body)) }),
  }),
  route({
    method: 'get',
    path: '/message/:messageId',
    tag,
    summary: 'One message: status, the time of every step, attempts, error, and what it waits for',
    description:
      'Use it to follow a message that was answered with 202. The content of a code of `/otp/send` is always null.',
    auth: 'credential',
    scope: 'read',
    params: MessageIdParams,
    query: WhichQuery.extend(tenantQuery),
    response: z.object({ data: MessageDetail }),
    errors: ['NOT_FOUND'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({ data: await getMessage(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'get',
    path: '/message/:messageId/timeline',
    tag,
    summary: 'One message as a line of time',
    description:
      'The API calls about it, its own steps and what webhooks were told, with milliseconds. Calls and deliveries are shown as long as they are kept.',
    auth: 'credential',
    scope: 'read',
    params: MessageIdParams,
    query: WhichQuery.extend(tenantQuery),
    response: z.object({ data: z.array(TimelineEntry) }),
    errors: ['NOT_FOUND'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({ data: await readTimeline(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'get',
    path: '/message/:messageId/poll',
    tag,
    summary: 'The results of a poll that was sent',
    description:
      'The newest vote of each person, and how often each option was chosen. A vote that was taken back chooses nothing. ' +
      'Webhooks are told of each vote by `poll.updated`. CONFLICT for a message that is no poll.',
    auth: 'credential',
    scope: 'read',
    params: MessageIdParams,
    query: z.object({ ...OfSession, ...tenantQuery }),
    response: z.object({ data: PollOutput }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({ data: await getPoll(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'get',
    path: '/message/:messageId/event',
    tag,
    summary: 'The answers to an event that was sent',
    description:
      'The newest answer of each person, and how many come. Webhooks are told of each by `event.updated`. CONFLICT for a ' +
      'message that is no event.',
    auth: 'credential',
    scope: 'read',
    params: MessageIdParams,
    query: z.object({ ...OfSession, ...tenantQuery }),
    response: z.object({ data: EventOutput }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({ data: await getEvent(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/read',
    tag,
    summary: 'Mark an inbound message as read',
    description: "Its sender sees that when the privacy settings of the session's phone allow it.",
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    query: z.object(OfSession),
    response: z.object({ message: z.string(), data: MessageOutput }),
    errors: ['NOT_FOUND', 'SESSION_NOT_FOUND', 'CONFLICT', 'NOT_CONNECTED', 'NOT_SUPPORTED'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({
      message: 'Message marked as read',
      data: await markMessageRead(ctx, { ...params, ...query }),
    }),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/forward',
    tag,
    summary: 'Send a message of the history to another chat, marked as forwarded',
    description:
      'By the session that has it. What came in and what was sent can be forwarded, with the file that is kept. Answers 409 ' +
      'for codes, for view-once messages, for what was deleted for everyone, for canceled events, and for kinds that are only ' +
      'received. It is queued and answered like a send. A key needs the scope `read` as well: who forwards a message to ' +
      'themselves has read it.',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    body: z.object({
      to,
      isGroup,
      ...OfSession,
      priority,
      scheduledAt,
      expiresAt,
    }),
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: [...AMEND_ERRORS, 'INVALID_NUMBER', 'NOT_ON_WHATSAPP', 'UNSUPPORTED_MEDIA'],
    idempotent: true,
    prefer: 'wait',
    example: { params: { messageId: MESSAGE_ID }, body: { to: '+6281298765432' } },
    handler: async ({ ctx, params, body, http }) =>
      answerSend(ctx, http, await forwardMessage(ctx, { ...params, ...body })),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/media',
    tag,
    summary: 'Fetch the file of an inbound message again',
    description:
      'After it was deleted here, or could not be had at first: from WhatsApp, and when it is not there any more from the ' +
      'phone, which has to be on. `message.media` tells how it went; nothing happens when the file is here. 409 when the message has no ' +
      'file, or came before its key was kept.',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    query: WhichQuery,
    status: 202,
    response: z.object({ message: z.string(), data: MessageOutput }),
    errors: ['NOT_FOUND', 'SESSION_NOT_FOUND', 'CONFLICT', 'NOT_SUPPORTED', 'RATE_LIMITED'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({
      message: 'The file is asked for',
      data: await fetchMediaAgain(ctx, { ...params, ...query }),
    }),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/edit',
    tag,
    summary: 'Change the text or the caption of a message that was sent, for everyone',
    description:
      'Within 15 minutes of the sending, as WhatsApp allows it. It is queued and answered like a send, and paced like ' +
      'one; when its time runs out before its turn, it expires. The message keeps what it said first as `original`.',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    body: z.object({ text: TextInput }),
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: AMEND_ERRORS,
    idempotent: true,
    prefer: 'wait',
    example: { params: { messageId: MESSAGE_ID }, body: { text: 'We open at ten.' } },
    handler: async ({ ctx, params, body, http }) =>
      answerSend(ctx, http, await editMessage(ctx, { ...params, ...body })),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/revoke',
    tag,
    summary: 'Delete a message that was sent, for everyone',
    description:
      'Within 60 hours of the sending, as WhatsApp allows it. It is queued and answered like a send. What the message said ' +
      'stays in the history. Asked for again it is the same deletion; one that failed is tried again.',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: AMEND_ERRORS,
    idempotent: true,
    prefer: 'wait',
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, http }) => answerSend(ctx, http, await revokeMessage(ctx, params)),
  }),
  ...pinRoutes(),
  route({
    method: 'post',
    path: '/message/:messageId/cancel',
    tag,
    summary: 'Cancel a message that has not begun to be sent',
    description:
      'Answers 409 when it is being sent or has ended: what has left cannot be called back. By the id of its head an album is ' +
      'canceled with everything of it that has not begun to be sent: `canceled` names it.',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    response: z.object({
      message: z.string(),
      data: MessageOutput,
      canceled: z.array(z.string()).describe('ids of all messages that were taken off the queue now'),
    }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params }) => {
      const { message: data, canceled } = await cancelMessage(ctx, params);
      return { message: 'Message canceled', data, canceled };
    },
  }),
  route({
    method: 'post',
    path: '/message/:messageId/retry',
    tag,
    summary: 'Queue a message that failed, expired or was canceled again, under the same id',
    description: 'An answer that an Idempotency-Key brings back has no link to the file of the message.',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    status: 202,
    response: z.object({ message: z.string(), data: MessageOutput }),
    errors: ['NOT_FOUND', 'CONFLICT', 'NOT_CONNECTED', 'RATE_LIMITED'],
    idempotent: true,
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params }) => {
      const reply = (data: MessageOutput) => ({ message: 'Message queued', data });
      return reply(
        await retryMessage(ctx, params, (data) => ({ status: 202, body: { success: true, ...reply(data) } })),
      );
    },
  }),
];

/** Marks on a message: pinned for everybody in its chat, starred for the account. */
function pinRoutes(): Route[] {
  const queued = {
    method: 'post',
    tag,
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    query: WhichQuery,
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: [...MARK_ERRORS, 'RATE_LIMITED', 'SEND_FAILED'],
    idempotent: true,
    prefer: 'wait',
  } as const;
  return [
    route({
      ...queued,
      path: '/message/:messageId/pin',
      summary: 'Pin a message for everybody in its chat',
      description:
        'For a day, a week or 30 days, as WhatsApp offers it; a week when `seconds` is missing. A message that came in or was sent. It is ' +
        'queued and answered like a send. In groups it may be for admins only.',
      body: z.object({ seconds: PinSeconds }),
      example: { params: { messageId: MESSAGE_ID }, body: { seconds: 604_800 } },
      handler: async ({ ctx, params, query, body, http }) =>
        answerSend(ctx, http, await pinMessage(ctx, { ...params, ...query, ...body })),
    }),
    route({
      ...queued,
      path: '/message/:messageId/unpin',
      summary: 'End the pinning of a message',
      description: 'For everybody in its chat. It is queued and answered like a send.',
      example: { params: { messageId: MESSAGE_ID } },
      handler: async ({ ctx, params, query, http }) =>
        answerSend(ctx, http, await pinMessage(ctx, { ...params, ...query, seconds: 0 })),
    }),
    ...(['star', 'unstar'] as const).map((what) =>
      route({
        method: 'post',
        path: `/message/:messageId/${what}`,
        tag,
        summary: what === 'star' ? 'Star a message' : 'End the star of a message',
        description: 'On the phone and all of its devices; nobody else is told.',
        auth: 'credential',
        scope: 'messages:write',
        params: MessageIdParams,
        query: WhichQuery,
        response: z.object({ message: z.string() }),
        errors: MARK_ERRORS,
        example: { params: { messageId: MESSAGE_ID } },
        async handler({ ctx, params, query }) {
          await starMessage(ctx, { ...params, ...query, starred: what === 'star' });
          return {
            message: what === 'star' ? 'The message is starred.' : 'The message is not starred any more.',
          };
        },
      }),
    ),
  ];
}
