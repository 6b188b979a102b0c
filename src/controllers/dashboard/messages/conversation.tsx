/** The conversation with one person or group: what came and went, and a box to answer. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { RecipientInput, TextInput } from '../../../services/messages/schemas.ts';
import {
  chatName,
  countUnread,
  type FoundMessages,
  markChatRead,
  searchMessages,
  sendMessage,
  sessionsWith,
} from '../../../services/messages.ts';
import { Crumb, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, Form, Live, NextLink, Tabs, TextArea } from '../parts.tsx';
import { Bubble, chatPath } from './bubble.tsx';
import { CONTACT_TEXTS } from './contact.tsx';
import { sessionNames } from './list.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

const PATH = '/dashboard/messages/with/:number';
const PAGE_SIZE = 50;
const params = z.object({ number: RecipientInput });
const InSession = z.object({
  session: z.string().min(1).max(100),
  cursor: z.string().max(60).optional(),
});
const example = { params: { number: '+6281234567890' }, query: { session: 'main' } };

interface Where {
  number: string;
  session: string;
  cursor?: string | undefined;
}

const readPart = (ctx: Ctx, { number, session, cursor }: Where) =>
  searchMessages(ctx, { number, session, cursor, limit: PAGE_SIZE });

function Bubbles({ view, where, found }: { view: View; where: Where; found: FoundMessages }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { number, session, cursor } = where;
  const { data, nextCursor } = found;
  return (
    <Live
      id="bubbles"
      src={chatPath(number, session, '/bubbles')}
      events="message.received message.media message.queued message.sent message.delivered message.read message.failed message.canceled"
      everySeconds={20}
      done={cursor !== undefined}
    >
      {nextCursor !== null && (
        <p class="center">
          <a class="button small" href={`${chatPath(number, session)}&cursor=${nextCursor}`}>
            {t.older}
          </a>
        </p>
      )}
      {data.length === 0 ? (
        <Empty view={view} title={t.noChat} next={<NextLink to="/dashboard/messages">{t.title}</NextLink>}>
          <p>{t.noChatText}</p>
        </Empty>
      ) : (
        <ol class="bubbles">
          {data.toReversed().map((message) => (
            <Bubble view={view} message={message} />
          ))}
        </ol>
      )}
    </Live>
  );
}

function Unread({ view, where, unread }: { view: View; where: Where; unread: number }) {
  const t = MESSAGE_TEXTS(view.lang);
  return (
    <Live
      id="unread"
      src={chatPath(where.number, where.session, '/unread')}
      events="message.received"
      everySeconds={60}
    >
      {unread > 0 && view.canWrite && (
        <ActionButton view={view} action={chatPath(where.number, where.session, '/read')} small>
          {t.markAllRead(unread.toLocaleString(view.lang))}
        </ActionButton>
      )}
    </Live>
  );
}

function Reply({ view, where }: { view: View; where: Where }) {
  const t = MESSAGE_TEXTS(view.lang);
  const more = new URLSearchParams({ to: where.number, session: where.session });
  return (
    <Form
      view={view}
      action={chatPath(where.number, where.session)}
      class="stack"
      target="#bubbles"
      swap="outerHTML"
      reset
    >
      <TextArea label={t.reply} name="text" rows={2} required />
      <div class="row between">
        <Submit>{t.sendReply}</Submit>
        <a href={`/dashboard/messages/new?${more}`}>{t.otherKind}</a>
      </div>
    </Form>
  );
}

/** The session that is asked for, else the one with the newest message, else any. */
async function chooseSession(
  ctx: Ctx,
  number: string,
  asked: string | undefined,
): Promise<{ session: string | null; tabs: string[] }> {
  const known = await sessionsWith(ctx, { number });
  const tabs = asked === undefined || known.includes(asked) ? known : [asked, ...known];
  if (tabs.length > 0) return { session: asked ?? tabs[0] ?? null, tabs };
  const [first] = await sessionNames(ctx);
  return { session: first ?? null, tabs: first === undefined ? [] : [first] };
}

export const conversationPages: Page[] = [
  page({
    method: 'get',
    path: PATH,
    auth: 'user',
    params,
    query: InSession.partial(),
    example,
    async handler({ ctx, view, params: { number }, query }) {
      const t = MESSAGE_TEXTS(view.lang);
      const { session, tabs } = await chooseSession(ctx, number, query.session);
      if (session === null) return { redirect: '/dashboard/sessions' };
      const where = { number, session, cursor: query.cursor };
      const [found, unread, name] = await Promise.all([
        readPart(ctx, where),
        countUnread(ctx, where),
        chatName(ctx, where),
      ]);
      const body = (
        <>
          <Crumb to="/dashboard/messages/chats">{t.chats}</Crumb>
          <div class="row between head">
            <h1>{name ?? number}</h1>
            <div class="row">
              <Unread view={view} where={where} unread={unread} />
              <a class="button small" href={chatPath(number, session, '/contact')}>
                {number.endsWith('@g.us')
                  ? CONTACT_TEXTS(view.lang).openGroup
                  : CONTACT_TEXTS(view.lang).open}
              </a>
            </div>
          </div>
          {name !== null && <p class="muted">{number}</p>}
          {tabs.length > 1 ? (
            <Tabs
              label={t.session}
              current={chatPath(number, session)}
              tabs={tabs.map((name) => [chatPath(number, name), name] as const)}
            />
          ) : (
            <p class="muted">{t.inSession(session)}</p>
          )}
          <div class="card">
            <section class="chat" data-end tabindex={0} aria-label={t.conversationWith(number)}>
              <Bubbles view={view} where={where} found={found} />
            </section>
            {query.cursor !== undefined && (
              <p>
                <a class="button small" href={chatPath(number, session)}>
                  {t.newest}
                </a>
              </p>
            )}
            {view.canWrite && query.cursor === undefined && <Reply view={view} where={where} />}
          </div>
        </>
      );
      return { title: t.conversationWith(name ?? number), section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/bubbles`,
    auth: 'user',
    params,
    query: InSession,
    example,
    async handler({ ctx, view, params, query }) {
      const where = { ...params, ...query };
      return { fragment: <Bubbles view={view} where={where} found={await readPart(ctx, where)} /> };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/unread`,
    auth: 'user',
    params,
    query: InSession,
    example,
    async handler({ ctx, view, params, query }) {
      const where = { ...params, ...query };
      return { fragment: <Unread view={view} where={where} unread={await countUnread(ctx, where)} /> };
    },
  }),
  page({
    method: 'post',
    path: PATH,
    auth: 'user',
    params,
    query: InSession,
    form: z.object({ text: TextInput }),
    example: { ...example, form: { text: 'hello' } },
    async handler({ ctx, view, params: { number }, query: { session }, form: { text }, http }) {
      await sendMessage(ctx, { session, to: number, content: { type: 'text', text } });
      if (http.req.header('hx-request') === undefined) return { redirect: chatPath(number, session) };
      const where = { number, session };
      return { fragment: <Bubbles view={view} where={where} found={await readPart(ctx, where)} /> };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/read`,
    auth: 'user',
    params,
    query: InSession,
    example,
    async handler({ ctx, view, params: { number }, query: { session } }) {
      await markChatRead(ctx, { number, session });
      return { redirect: chatPath(number, session), done: MESSAGE_TEXTS(view.lang).markedDone };
    },
  }),
];
