/** `/message/send-status`: posts to the status (stories). */
import { z } from 'zod';
import type { ReceivedFile } from '../services/media/sources.ts';
import { KINDS } from '../services/messages/kinds/index.ts';
import type { Draft } from '../services/messages/kinds/kind.ts';
import { SentMessage, TextInput } from '../services/messages/schemas.ts';
import { postStatus, statusFields } from '../services/messages/status.ts';
import { AppError } from '../utils/errors.ts';
import { answerSend } from './message-answer.ts';
import { MEDIA_ERRORS } from './message-send.ts';
import { route } from './route.ts';

const { image, video } = KINDS;
const Body = z.object({
  ...statusFields,
  text: TextInput.optional(),
  image: image.fields.image.optional(),
  video: video.fields.video.optional(),
  caption: image.fields.caption,
});
type Body = z.output<typeof Body>;

/** One post to the status of a session. */
export const statusRoute = route({
  method: 'post',
  path: '/message/send-status',
  tag: 'Messages',
  summary: 'Post a text, an image or a video to the status (story)',
  description:
    'For up to 256 people, through the queue of the session and at its pace. WhatsApp shows it for 24 hours, and only to people who have saved the number. Who does not know the session is a first contact, as if written to; they are counted when the post leaves, which expires two days after it fell due. `delivered` and `read` tell of the first of them. `/message/:messageId/revoke` deletes it. Give one of `text`, `image` and `video`; media as for other messages.',
  auth: 'credential',
  scope: 'messages:write',
  body: Body,
  files: ['image', 'video'],
  status: 202,
  response: z.object({ message: z.string(), data: SentMessage }),
  errors: [
    'SESSION_NOT_FOUND',
    'NOT_CONNECTED',
    'INVALID_NUMBER',
    'SEND_FAILED',
    'NOT_SUPPORTED',
    'NOT_FOUND',
    'RATE_LIMITED',
    ...MEDIA_ERRORS,
  ],
  idempotent: true,
  prefer: 'wait',
  example: {
    body: {
      session: 'my-session',
      recipients: ['+6281234567890'],
      text: 'Open until 9 tonight',
      background: '#075E54',
    },
  },
  async handler({ ctx, body, files, http }) {
    return answerSend(ctx, http, await postStatus(ctx, { ...body, content: statusDraft(body, files) }));
  },
});

/** The content of a post. Throws VALIDATION_FAILED unless it is exactly one. */
export function statusDraft(
  { text, caption, ...body }: Pick<Body, 'text' | 'image' | 'video' | 'caption'>,
  files: ReadonlyMap<string, ReceivedFile>,
): Draft {
  const picture = files.get('image') ?? body.image;
  const film = files.get('video') ?? body.video;
  const given = [text, picture, film].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new AppError('VALIDATION_FAILED', 'A status is one text, one image or one video.', {
      details: { text: 'must be given, or else image or video, and only one of them' },
    });
  }
  if (text !== undefined) return KINDS.text.draft({ text });
  if (picture !== undefined) return image.draft({ image: picture, caption });
  return video.draft({ video: film ?? '', caption });
}
