/** `/message`: sending, history and the queue. */
import { z } from 'zod';
import {
  ListFilters,
  MessageOutput,
  QueueStatus,
  SentMessage,
  sendFields,
  TextInput,
} from '../services/messages/schemas.ts';
import {
  cancelMessage,
  checkNumber,
  clearQueue,
  getMessage,
  listMessages,
  queueStatus,
  retryMessage,
  sendMessage,
} from '../services/messages.ts';
import { answerSend } from './message-answer.ts';
import { type Route, route } from './route.ts';
import { cursorQuery, Pagination, pageQuery, paginationOf, tenantQuery } from './schemas.ts';

const tag = 'Messages';
/** Media may come as a `data:` URL. */
const SEND_BODY_BYTES = 16 * 1024 * 1024;
const SESSION = 'my-session';
const NUMBER = '+6281234567890';
const MESSAGE_ID = '3EB0A1B2C3D4E5F60718293A';

const SEND_DESCRIPTION =
  'Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when ' +
  "WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.";

const MessageIdParams = z.object({ messageId: z.string().min(1).max(64) });
const SessionField = z.string().min(1).max(100).describe('the session');

export const messageRoutes: Route[] = [
  route({
    method: 'post',
    path: '/message/send-text',
    tag,
    summary: 'Send a text',
    description: SEND_DESCRIPTION,
    auth: 'credential',
    scope: 'messages:write',
    body: z.object({ ...sendFields, text: TextInput }),
    maxBodyBytes: SEND_BODY_BYTES,
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: [
      'SESSION_NOT_FOUND',
      'NOT_CONNECTED',
      'INVALID_NUMBER',
      'SEND_FAILED',
      'NOT_ON_WHATSAPP',
      'RATE_LIMITED',
    ],
    idempotent: true,
    example: { body: { session: SESSION, to: NUMBER, text: 'Hello from API!' } },
    handler: async ({ ctx, body: { text, ...fields }, http }) =>
      answerSend(ctx, http, await sendMessage(ctx, { ...fields, content: { type: 'text', text } })),
  }),
  route({
    method: 'get',
    path: '/message/list',
    tag,
    summary: 'List the history, in and out, newest first',
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
    auth: 'credential',
    scope: 'read',
    query: z.object({ session: SessionField }),
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
    path: '/message/check-number',
    tag,
    summary: 'Ask WhatsApp whether a number is on it',
    auth: 'credential',
    scope: 'read',
    body: z.object({ session: SessionField, phoneNumber: z.string().min(1).max(64) }),
    response: z.object({ exists: z.boolean(), jid: z.string().nullable() }),
    errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'INVALID_NUMBER'],
    example: { body: { session: SESSION, phoneNumber: NUMBER } },
    handler: ({ ctx, body }) => checkNumber(ctx, body),
  }),
  route({
    method: 'get',
    path: '/message/:messageId',
    tag,
    summary: 'One message: status, the time of every step, attempts, error',
    auth: 'credential',
    scope: 'read',
    params: MessageIdParams,
    query: z.object(tenantQuery),
    response: z.object({ data: MessageOutput }),
    errors: ['NOT_FOUND'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params, query }) => ({ data: await getMessage(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/cancel',
    tag,
    summary: 'Cancel a message that has not begun to be sent',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    response: z.object({ message: z.string(), data: MessageOutput }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params }) => ({
      message: 'Message canceled',
      data: await cancelMessage(ctx, params),
    }),
  }),
  route({
    method: 'post',
    path: '/message/:messageId/retry',
    tag,
    summary: 'Queue a message that failed, expired or was canceled again, under the same id',
    auth: 'credential',
    scope: 'messages:write',
    params: MessageIdParams,
    status: 202,
    response: z.object({ message: z.string(), data: MessageOutput }),
    errors: ['NOT_FOUND', 'CONFLICT', 'NOT_CONNECTED', 'RATE_LIMITED'],
    example: { params: { messageId: MESSAGE_ID } },
    handler: async ({ ctx, params }) => ({
      message: 'Message queued',
      data: await retryMessage(ctx, params),
    }),
  }),
];
