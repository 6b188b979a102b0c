/** `/session/:sessionId/chats`, `…/contacts`, `…/presence`, `…/calls`: what a person does in WhatsApp apart from sending. */
import { z } from 'zod';
import { truncatedField } from '../services/fields.ts';
import { MessageOutput } from '../services/messages/schemas.ts';
import { changeChat, chatMessages, listChats, readChat } from '../services/people/chats.ts';
import {
  getPicture,
  getProfile,
  listBlocked,
  listContacts,
  setBlocked,
} from '../services/people/contacts.ts';
import { peerOf } from '../services/people/enter.ts';
import { rejectCall, setOnline, showTyping, subscribePresence } from '../services/people/presence.ts';
import {
  askedAtField,
  BlockedOutput,
  ChangeChatInput,
  ChatName,
  ChatOutput,
  ContactName,
  ContactOutput,
  OnlineInput,
  PageInput,
  PictureOutput,
  ProfileOutput,
  SubscribeInput,
  TypingInput,
} from '../services/people/schemas.ts';
import type { ErrorCode } from '../utils/errors.ts';
import { type Route, route } from './route.ts';
import { SessionId } from './schemas.ts';

const scope = 'messages:write';
const S = '/session/:sessionId';
const OneSession = z.object({ sessionId: SessionId });
const OneChat = z.object({ sessionId: SessionId, chat: ChatName });
const OneContact = z.object({ sessionId: SessionId, contact: ContactName });
const Message = z.object({ message: z.string() });
const nextCursor = z.string().nullable();
const session = { sessionId: 'my-session' };
const inChat = { params: { ...session, chat: '+6281234567890' } };
const ofContact = { params: { ...session, contact: '+6281234567890' } };
const ASKS: readonly ErrorCode[] = [
  'SESSION_NOT_FOUND',
  'NOT_CONNECTED',
  'NOT_SUPPORTED',
  'INVALID_NUMBER',
  'SEND_FAILED',
];

const chatRoutes: Route[] = [
  route({
    method: 'get',
    path: `${S}/chats`,
    tag: 'Chats',
    summary: 'The chats of a session',
    description:
      'The one with the newest message first. A page may hold fewer than `limit`, or none: `nextCursor` leads on, null is the end.',
    auth: 'credential',
    params: OneSession,
    query: PageInput,
    response: z.object({ data: z.array(ChatOutput), nextCursor }),
    errors: ['SESSION_NOT_FOUND'],
    example: { params: session },
    handler: async ({ ctx, params, query }) => ({ ...(await listChats(ctx, { ...params, ...query })) }),
  }),
  route({
    method: 'get',
    path: `${S}/chats/:chat/messages`,
    tag: 'Chats',
    summary: 'The messages of a chat',
    description: 'Newest first, in and out, whether the person was known by number or by LID.',
    auth: 'credential',
    params: OneChat,
    query: PageInput,
    response: z.object({ data: z.array(MessageOutput), nextCursor }),
    errors: ['SESSION_NOT_FOUND', 'INVALID_NUMBER'],
    example: inChat,
    handler: async ({ ctx, params, query }) => ({ ...(await chatMessages(ctx, { ...params, ...query })) }),
  }),
  route({
    method: 'put',
    path: `${S}/chats/:chat`,
    tag: 'Chats',
    summary: 'Archive, pin, mute or mark a chat',
    description: 'On the phone and all of its devices; nobody else is told. What is missing stays.',
    auth: 'credential',
    scope,
    params: OneChat,
    body: ChangeChatInput,
    response: Message,
    errors: ASKS,
    example: { ...inChat, body: { archived: true } },
    async handler({ ctx, params, body }) {
      await changeChat(ctx, params, body);
      return { message: 'The chat was changed.' };
    },
  }),
  route({
    method: 'post',
    path: `${S}/chats/:chat/read`,
    tag: 'Chats',
    summary: 'Mark the messages of a chat as read',
    description: 'The newest 100 that are not; their senders hear of it.',
    auth: 'credential',
    scope,
    params: OneChat,
    response: z.object({ message: z.string(), data: z.object({ marked: z.int() }) }),
    errors: ASKS,
    example: inChat,
    handler: async ({ ctx, params }) => ({
      message: 'The messages were marked read.',
      data: await readChat(ctx, params),
    }),
  }),
  route({
    method: 'post',
    path: `${S}/chats/:chat/typing`,
    tag: 'Presence',
    summary: 'Show “typing…” or “recording…”',
    description: 'Phones drop it after some seconds, or with the next message; `paused` ends it.',
    auth: 'credential',
    scope,
    params: OneChat,
    body: TypingInput,
    response: Message,
    errors: ASKS,
    example: { ...inChat, body: { state: 'typing' } },
    async handler({ ctx, params, body }) {
      await showTyping(ctx, { ...params, ...body });
      return { message: 'It is shown.' };
    },
  }),
];

const contactRoutes: Route[] = [
  route({
    method: 'get',
    path: `${S}/contacts`,
    tag: 'Contacts',
    summary: 'The people that a session knows',
    description: 'Those whom its phone has told of, and those who have written.',
    auth: 'credential',
    params: OneSession,
    query: PageInput,
    response: z.object({ data: z.array(ContactOutput), nextCursor }),
    errors: ['SESSION_NOT_FOUND'],
    example: { params: session },
    handler: async ({ ctx, params, query }) => ({ ...(await listContacts(ctx, { ...params, ...query })) }),
  }),
  route({
    method: 'get',
    path: `${S}/contacts/:contact`,
    tag: 'Contacts',
    summary: 'What a person tells of itself',
    description:
      'The about text, and the profile of a business. WhatsApp is asked once an hour; `askedAt` says when.',
    auth: 'credential',
    params: OneContact,
    response: z.object({ data: ProfileOutput }),
    errors: ASKS,
    example: ofContact,
    handler: async ({ ctx, params }) => ({ data: await getProfile(ctx, params) }),
  }),
  route({
    method: 'get',
    path: `${S}/chats/:chat/picture`,
    tag: 'Contacts',
    summary: 'The profile picture of a person or a group',
    description:
      'A file with a link that opens for a day. WhatsApp is asked once an hour; `askedAt` says when.',
    auth: 'credential',
    params: OneChat,
    response: z.object({ data: PictureOutput }),
    errors: [...ASKS, 'QUOTA_EXCEEDED'],
    example: inChat,
    handler: async ({ ctx, params }) => ({
      data: await getPicture(ctx, { sessionId: params.sessionId, jid: peerOf(ctx, params.chat).peer }),
    }),
  }),
  route({
    method: 'get',
    path: `${S}/blocked`,
    tag: 'Contacts',
    summary: 'Whom a number blocks',
    description:
      'As its phone knows it. WhatsApp is asked once a minute, and after a change that was made here; `askedAt` says when. The first 10,000; `truncated` says that there are more.',
    auth: 'credential',
    params: OneSession,
    response: z.object({ data: z.array(BlockedOutput), truncated: truncatedField, askedAt: askedAtField }),
    errors: ASKS,
    example: { params: session },
    async handler({ ctx, params }) {
      const { people, ...answer } = await listBlocked(ctx, params);
      return { data: people, ...answer };
    },
  }),
  ...(['block', 'unblock'] as const).map((what) =>
    route({
      method: 'post',
      path: `${S}/contacts/:contact/${what}`,
      tag: 'Contacts',
      summary: what === 'block' ? 'Block a person' : 'Unblock a person',
      description: 'On the phone and all of its devices. Whoever is blocked reaches the number no more.',
      auth: 'credential',
      scope,
      params: OneContact,
      response: Message,
      errors: [...ASKS, 'NOT_ON_WHATSAPP'],
      example: ofContact,
      async handler({ ctx, params }) {
        await setBlocked(ctx, params, { block: what === 'block' });
        return {
          message: what === 'block' ? 'The person is blocked.' : 'The person is not blocked any more.',
        };
      },
    }),
  ),
];

const presenceRoutes: Route[] = [
  route({
    method: 'put',
    path: `${S}/presence`,
    tag: 'Presence',
    summary: 'Show the number as online, or not',
    description: 'For as long as the connection lives; a new one begins as not online.',
    auth: 'credential',
    scope,
    params: OneSession,
    body: OnlineInput,
    response: Message,
    errors: ASKS,
    example: { params: session, body: { online: true } },
    async handler({ ctx, params, body }) {
      await setOnline(ctx, { ...params, ...body });
      return {
        message: body.online ? 'The number is shown as online.' : 'The number is not shown as online.',
      };
    },
  }),
  route({
    method: 'post',
    path: `${S}/presence/subscribe`,
    tag: 'Presence',
    summary: 'Hear when a person is online or writes',
    description:
      'As the event `presence.updated`, which only a webhook that names it gets; for as long as the connection lives. 500 people ' +
      'at most; 60 events at once and then 60 a minute. WhatsApp tells it only while the number itself is shown as online.',
    auth: 'credential',
    scope,
    params: OneSession,
    body: SubscribeInput,
    response: Message,
    errors: ASKS,
    example: { params: session, body: { contact: '+6281234567890' } },
    async handler({ ctx, params, body }) {
      await subscribePresence(ctx, { ...params, ...body });
      return { message: 'WhatsApp was asked to tell of it.' };
    },
  }),
  route({
    method: 'post',
    path: `${S}/calls/:callId/reject`,
    tag: 'Presence',
    summary: 'Reject a call that rings',
    description: '`callId` is in the event `call.received`.',
    auth: 'credential',
    scope,
    params: z.object({ sessionId: SessionId, callId: z.string().min(1).max(100) }),
    response: Message,
    errors: [...ASKS, 'NOT_FOUND'],
    example: { params: { ...session, callId: '5E6F7A8B9C0D1E2F' } },
    async handler({ ctx, params }) {
      await rejectCall(ctx, params);
      return { message: 'The call was rejected.' };
    },
  }),
];

export const peopleRoutes: Route[] = [...chatRoutes, ...contactRoutes, ...presenceRoutes];
