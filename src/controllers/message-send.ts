/** `/message/send-…`: one route for each kind of message. */
import { z } from 'zod';
import type { Scope } from '../services/access.ts';
import {
  audioDraft,
  buttonsDraft,
  contactDraft,
  type Draft,
  documentDraft,
  imageDraft,
  listDraft,
  locationDraft,
  pollDraft,
  reactionDraft,
  stickerDraft,
  videoDraft,
} from '../services/messages/drafts.ts';
import {
  AudioFields,
  ButtonsFields,
  ContactFields,
  DocumentFields,
  ImageFields,
  ListFields,
  LocationFields,
  PollFields,
  ReactionFields,
  StickerFields,
  VideoFields,
} from '../services/messages/kinds.ts';
import { SentMessage, sendFields, TextInput } from '../services/messages/schemas.ts';
import { sendMessage } from '../services/messages.ts';
import type { ErrorCode } from '../utils/errors.ts';
import type { Content } from '../whatsapp/content.ts';
import { answerSend } from './message-answer.ts';
import { type Route, type RouteInput, route } from './route.ts';

const TO = { session: 'my-session', to: '+6281234567890' };
const SCOPE: Scope = 'messages:write';
const ERRORS: readonly ErrorCode[] = [
  'SESSION_NOT_FOUND',
  'NOT_CONNECTED',
  'INVALID_NUMBER',
  'SEND_FAILED',
  'NOT_ON_WHATSAPP',
  'NOT_SUPPORTED',
  'NOT_FOUND',
  'RATE_LIMITED',
];
const MEDIA_ERRORS: readonly ErrorCode[] = [
  'URL_REFUSED',
  'FILE_TOO_LARGE',
  'UNSUPPORTED_MEDIA',
  'QUOTA_EXCEEDED',
];

const DESCRIPTION =
  'Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when ' +
  "WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.";
const MEDIA_DESCRIPTION =
  'Media is an https URL, a `data:` URL, the id of an upload, or a form with the file. Its type is read from its bytes.';

type Target = z.ZodObject<typeof sendFields>;

interface Kind<B extends Target> {
  name: string;
  summary: string;
  body: B;
  /** the field that may be a file */
  file?: string;
  example: Record<string, unknown>;
  content(input: Pick<RouteInput<undefined, undefined, z.output<B>>, 'body' | 'files'>): Content | Draft;
}

/** Safe because the route has a schema of its body, which it has passed. */
function withBody<B extends Target>(body: unknown): z.output<B> {
  return body as z.output<B>;
}

function sendRoute<B extends Target>(kind: Kind<B>): Route {
  const { file } = kind;
  return route({
    method: 'post',
    path: `/message/send-${kind.name}`,
    tag: 'Messages',
    summary: kind.summary,
    description: file === undefined ? DESCRIPTION : `${DESCRIPTION}\n\n${MEDIA_DESCRIPTION}`,
    auth: 'credential',
    scope: SCOPE,
    body: kind.body,
    ...(file === undefined ? {} : { files: [file] }),
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: file === undefined ? ERRORS : [...ERRORS, ...MEDIA_ERRORS],
    idempotent: true,
    example: { body: { ...TO, ...kind.example } },
    async handler({ ctx, files, http, ...input }) {
      const body = withBody<B>(input.body);
      const { session, to, isGroup, priority, scheduledAt, expiresAt, quotedMessageId }: z.output<Target> =
        body;
      const target = { session, to, isGroup, priority, scheduledAt, expiresAt, quotedMessageId };
      const content = kind.content({ body, files });
      return answerSend(ctx, http, await sendMessage(ctx, { ...target, content }));
    },
  });
}

export const messageSendRoutes: Route[] = [
  sendRoute({
    name: 'text',
    summary: 'Send a text',
    body: z.object({ ...sendFields, text: TextInput }),
    example: { text: 'Hello from API!' },
    content: ({ body: { text } }) => ({ type: 'text', text }),
  }),
  sendRoute({
    name: 'image',
    summary: 'Send an image',
    body: z.object({ ...sendFields, ...ImageFields }),
    file: 'image',
    example: { image: 'https://example.com/image.jpg', caption: 'Check this out!' },
    content: ({ body, files }) => imageDraft({ ...body, image: files.get('image') ?? body.image }),
  }),
  sendRoute({
    name: 'video',
    summary: 'Send a video',
    body: z.object({ ...sendFields, ...VideoFields }),
    file: 'video',
    example: { video: 'https://example.com/video.mp4', caption: 'Look' },
    content: ({ body, files }) => videoDraft({ ...body, video: files.get('video') ?? body.video }),
  }),
  sendRoute({
    name: 'audio',
    summary: 'Send a sound or a voice note',
    body: z.object({ ...sendFields, ...AudioFields }),
    file: 'audio',
    example: { audio: 'https://example.com/voice.ogg', ptt: true },
    content: ({ body, files }) => audioDraft({ ...body, audio: files.get('audio') ?? body.audio }),
  }),
  sendRoute({
    name: 'document',
    summary: 'Send a document',
    body: z.object({ ...sendFields, ...DocumentFields }),
    file: 'document',
    example: { document: 'https://example.com/file.pdf', filename: 'document.pdf' },
    content: ({ body, files }) =>
      documentDraft({ ...body, document: files.get('document') ?? body.document }),
  }),
  sendRoute({
    name: 'sticker',
    summary: 'Send a sticker (WebP)',
    body: z.object({ ...sendFields, ...StickerFields }),
    file: 'sticker',
    example: { sticker: 'https://example.com/sticker.webp' },
    content: ({ body, files }) => stickerDraft({ sticker: files.get('sticker') ?? body.sticker }),
  }),
  sendRoute({
    name: 'location',
    summary: 'Send a location',
    body: z.object({ ...sendFields, ...LocationFields }),
    example: { latitude: -6.1754, longitude: 106.8272, name: 'Monas', address: 'Jakarta' },
    content: ({ body }) => locationDraft(body),
  }),
  sendRoute({
    name: 'buttons',
    summary: 'Send a text with buttons',
    body: z.object({ ...sendFields, ...ButtonsFields }),
    example: {
      text: 'Is this order right?',
      footer: 'Reply with a number',
      buttons: [
        { id: 'yes', text: 'Yes' },
        { id: 'no', text: 'No' },
      ],
    },
    content: ({ body }) => buttonsDraft(body),
  }),
  sendRoute({
    name: 'list',
    summary: 'Send a list to choose from',
    body: z.object({ ...sendFields, ...ListFields }),
    example: {
      text: 'What can we do for you?',
      buttonText: 'Menu',
      sections: [{ title: 'Orders', rows: [{ id: 'track', title: 'Track my order' }] }],
    },
    content: ({ body }) => listDraft(body),
  }),
  sendRoute({
    name: 'contact',
    summary: 'Send a contact card',
    body: z.object({ ...sendFields, ...ContactFields }),
    example: { name: 'Customer service', phoneNumber: '+6281298765432' },
    content: ({ body }) => contactDraft(body),
  }),
  sendRoute({
    name: 'poll',
    summary: 'Send a poll',
    body: z.object({ ...sendFields, ...PollFields }),
    example: { question: 'When shall we deliver?', options: ['Morning', 'Evening'] },
    content: ({ body }) => pollDraft(body),
  }),
  sendRoute({
    name: 'reaction',
    summary: 'React to a message',
    body: z.object({ ...sendFields, ...ReactionFields }),
    example: { messageId: '3EB0A1B2C3D4E5F60718293A', emoji: '👍' },
    content: ({ body }) => reactionDraft(body),
  }),
];
