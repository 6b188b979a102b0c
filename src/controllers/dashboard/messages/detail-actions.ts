/** What a person does with a message: each leads back to its page. */
import { z } from 'zod';
import { RecipientInput, TextInput } from '../../../services/messages/schemas.ts';
import {
  cancelMessage,
  editMessage,
  fetchMediaAgain,
  forwardMessage,
  getMessage,
  markMessageRead,
  pinMessage,
  restoreMessage,
  retryMessage,
  revokeMessage,
  starMessage,
} from '../../../services/messages.ts';
import { type Page, page } from '../page.ts';
import { messagePath } from './bubble.tsx';
import { MARKS } from './detail-progress.tsx';
import { example, PATH, params, query } from './detail-route.ts';
import { MESSAGE_TEXTS } from './texts.ts';

const PIN_SECONDS = 7 * 86_400;

export const messageActionPages: Page[] = [
  page({
    method: 'post',
    path: `${PATH}/retry`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const message = await retryMessage(ctx, { ...params, ...query });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).retried };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/cancel`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const { message } = await cancelMessage(ctx, { ...params, ...query });
      // The head of an album may have left before its items were canceled.
      const undo = { action: messagePath(message, '/restore'), fields: {} };
      const answer = { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).canceledDone };
      return message.status === 'canceled' ? { ...answer, undo } : answer;
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/restore`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const message = await restoreMessage(ctx, { ...params, ...query });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).restored };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/media`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const message = await fetchMediaAgain(ctx, { ...params, ...query });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).fetchingAgain };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/edit`,
    auth: 'user',
    params,
    query,
    form: z.object({ text: TextInput }),
    example,
    async handler({ ctx, view, params, query, form }) {
      await editMessage(ctx, { ...params, ...query, ...form });
      const message = await getMessage(ctx, { ...params, ...query, direction: 'out' });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).editQueued };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/forward`,
    auth: 'user',
    params,
    form: z.object({ to: RecipientInput, session: z.string().min(1).max(100).optional() }),
    example: { ...example, form: { to: '+6281234567890' } },
    async handler({ ctx, view, params, form }) {
      const { answer } = await forwardMessage(ctx, { ...params, ...form });
      const message = await getMessage(ctx, { messageId: answer.messageId, direction: 'out' });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).forwardQueued };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/revoke`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      await revokeMessage(ctx, { ...params, ...query });
      const message = await getMessage(ctx, { ...params, ...query, direction: 'out' });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).revokeQueued };
    },
  }),
  ...MARKS.map((what) =>
    page({
      method: 'post',
      path: `${PATH}/${what}`,
      auth: 'user',
      params,
      query,
      example,
      async handler({ ctx, view, params, query }) {
        if (what === 'pin' || what === 'unpin') {
          await pinMessage(ctx, { ...params, ...query, seconds: what === 'pin' ? PIN_SECONDS : 0 });
        } else await starMessage(ctx, { ...params, ...query, starred: what === 'star' });
        const t = MESSAGE_TEXTS(view.lang);
        const done = { pin: t.pinQueued, unpin: t.unpinQueued, star: t.starDone, unstar: t.unstarDone };
        return { redirect: messagePath(await getMessage(ctx, { ...params, ...query })), done: done[what] };
      },
    }),
  ),
  page({
    method: 'post',
    path: `${PATH}/read`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const message = await markMessageRead(ctx, { ...params, ...query });
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).markedDone };
    },
  }),
];
