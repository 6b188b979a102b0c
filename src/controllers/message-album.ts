/** `/message/send-album`: several images and videos as one. */
import { z } from 'zod';
import { type AlbumItem, albumFields, SentAlbum, sendAlbum } from '../services/messages/album.ts';
import { withSender } from '../services/pools.ts';
import { answerAlbum } from './message-answer.ts';
import { MEDIA_ERRORS } from './message-send.ts';
import { route } from './route.ts';

const Body = withSender(z.object(albumFields));

/** The head and its items, queued together. */
export const albumRoute = route({
  method: 'post',
  path: '/message/send-album',
  tag: 'Messages',
  summary: 'Send 2 to 10 images and videos as one album',
  description:
    "All of them are queued, or none: first `album`, the head, which holds them together on phones, then `items` in their order. Each has an id, a status and webhooks of its own and goes at the pace of the session; the head is not counted as a message. With `Prefer: wait=N` (at most 60 s) the answer waits for all of them: 200 when WhatsApp's server has acknowledged every item, the error of the first that was not sent, with the states of all in `details`, or 202 when the time runs out. To cancel an album, cancel its head; to delete it, revoke its items.",
  auth: 'credential',
  scope: 'messages:write',
  body: Body,
  status: 202,
  response: z.object({ message: z.string(), data: SentAlbum }),
  errors: [
    'SESSION_NOT_FOUND',
    'NOT_CONNECTED',
    'INVALID_NUMBER',
    'NOT_SUPPORTED',
    'NOT_FOUND',
    'RATE_LIMITED',
    'SEND_FAILED',
    'NOT_ON_WHATSAPP',
    ...MEDIA_ERRORS,
  ],
  idempotent: true,
  prefer: 'wait',
  example: {
    body: {
      session: 'my-session',
      to: '+6281234567890',
      items: [
        { image: 'https://example.com/front.jpg', caption: 'Front' },
        { image: 'https://example.com/back.jpg' },
      ],
    },
  },
  async handler({ ctx, body, http }) {
    return answerAlbum(ctx, http, await sendAlbum(ctx, { ...body, items: body.items.map(itemOf) }));
  },
});

/** The schema has seen that it is one of the two. */
function itemOf({ image, video, caption }: z.output<typeof Body>['items'][number]): AlbumItem {
  return image === undefined
    ? { type: 'video', source: video ?? '', caption }
    : { type: 'image', source: image, caption };
}
