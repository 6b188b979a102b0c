/** `/session/:sessionId/channels`: the channels (newsletters) of a session. */
import { z } from 'zod';
import { truncatedField } from '../services/fields.ts';
import { ChannelOutput, listChannels } from '../services/messages/channel.ts';
import { type Route, route } from './route.ts';
import { SessionId } from './schemas.ts';

export const channelRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/:sessionId/channels',
    tag: 'Channels',
    summary: 'The channels that a session has or follows',
    description:
      'Asks WhatsApp, so the session must be connected. `id` is what `/message/send-text`, `/message/send-image` and `/message/send-video` take as `to` where `canPost` is true. WhatsApp tells nothing after it has taken a post: `sent` is where its way ends. The first 2,000 that WhatsApp names; `truncated` says that there are more. An answer of WhatsApp of more than 4 MB is not read: 503 with `details.reason` `too_long`.',
    auth: 'credential',
    params: z.object({ sessionId: SessionId }),
    response: z.object({ data: z.array(ChannelOutput), truncated: truncatedField }),
    errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'NOT_SUPPORTED', 'SEND_FAILED'],
    example: {
      params: { sessionId: 'my-session' },
      answer: {
        data: [
          {
            id: '120363412345678901@newsletter',
            name: 'Toko Maju',
            description: 'What is new in the shop',
            role: 'owner',
            canPost: true,
            followers: 1_280,
            verified: false,
            link: 'https://whatsapp.com/channel/0029VaExample0123456789',
          },
        ],
        truncated: false,
      },
    },
    async handler({ ctx, params }) {
      const { channels, truncated } = await listChannels(ctx, params);
      return { data: channels, truncated };
    },
  }),
];
