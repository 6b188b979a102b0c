/** `/message/send-…`: one route for each kind of message. */
import { z } from 'zod';
import { POSTABLE } from '../services/messages/channel.ts';
import { ALL_KINDS } from '../services/messages/kinds/index.ts';
import type { Kind } from '../services/messages/kinds/kind.ts';
import { SentMessage, sendFields, ToOrChannel } from '../services/messages/schemas.ts';
import { sendMessage } from '../services/messages.ts';
import { withSender } from '../services/pools.ts';
import type { Scope } from '../services/roles.ts';
import type { ErrorCode } from '../utils/errors.ts';
import { answerSend } from './message-answer.ts';
import { type Route, route } from './route.ts';

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
  'CONFLICT',
];
/** What goes wrong with the file of a message. */
export const MEDIA_ERRORS: readonly ErrorCode[] = [
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

/** The fields of the kind, without those that every send has. */
function ownFieldsOf(body: object): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  // The schema has left only names that it declares.
  for (const [name, value] of Object.entries(body)) if (!Object.hasOwn(sendFields, name)) own[name] = value;
  return own;
}

const answerExample = (type: string) => ({
  message: 'Message queued',
  data: {
    messageId: '3EB0A1B2C3D4E5F60718293A',
    session: TO.session,
    sessionId: TO.session,
    to: TO.to,
    type,
    status: 'queued',
    estimatedSendAt: '2026-01-31T08:00:04.000Z',
    waitingFor: [],
    scheduledAt: null,
    timestamp: '2026-01-31T08:00:00.000Z',
  },
});

function sendRoute(kind: Kind): Route {
  const { type, hasFile } = kind;
  const to = POSTABLE.has(type) ? ToOrChannel : sendFields.to;
  return route({
    method: 'post',
    path: `/message/send-${type}`,
    tag: 'Messages',
    summary: kind.summary,
    description: hasFile ? `${DESCRIPTION}\n\n${MEDIA_DESCRIPTION}` : DESCRIPTION,
    auth: 'credential',
    scope: SCOPE,
    body: withSender(z.object({ ...sendFields, to, ...kind.fields })),
    ...(hasFile ? { files: [type] } : {}),
    status: 202,
    response: z.object({ message: z.string(), data: SentMessage }),
    errors: hasFile ? [...ERRORS, ...MEDIA_ERRORS] : ERRORS,
    idempotent: true,
    prefer: 'wait',
    example: { body: { ...TO, ...kind.example }, answer: answerExample(type) },
    async handler({ ctx, body, files, http }) {
      const fields = ownFieldsOf(body);
      for (const [name, file] of files) fields[name] = file;
      const content = kind.draft(fields);
      return answerSend(ctx, http, await sendMessage(ctx, { ...body, content }));
    },
  });
}

/** One route for each kind of message. */
export const messageSendRoutes: Route[] = ALL_KINDS.map(sendRoute);
