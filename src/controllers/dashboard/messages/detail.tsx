/** One message: what it says, with its details, and the parts of its page. */
import type { Ctx } from '../../../services/context.ts';
import { isOfChat } from '../../../services/messages/of-chat.ts';
import type { MessageDetail, MessageOutput } from '../../../services/messages/schemas.ts';
import { getEvent, getMessage, getPoll } from '../../../services/messages.ts';
import { readTimeline } from '../../../services/requests/timeline.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { isPostedJid, STATUS_JID } from '../../../whatsapp/jid.ts';
import { Crumb, Skeleton } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Facts, Time } from '../parts.tsx';
import { sessionPath } from '../sessions/parts.tsx';
import { Body, chatPath, messagePath } from './bubble.tsx';
import { messageActionPages } from './detail-actions.ts';
import { EditForm, ForwardForm } from './detail-forms.tsx';
import { EVENTS, Progress } from './detail-progress.tsx';
import { example, PATH, params, query } from './detail-route.ts';
import { EventAnswers } from './event.tsx';
import { PollResults } from './poll.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { MessageTimeline } from './timeline.tsx';
import { kindName } from './words.ts';

/** From here, to one recipient; a new code is asked for where codes are. */
const canSendAgain = ({ direction, source, type, chat }: MessageOutput) =>
  direction === 'out' && source === 'api' && type !== 'otp' && isOfChat(type) && chat !== STATUS_JID;

function Details({ view, message, who }: { view: View; message: MessageDetail; who: string }) {
  const t = MESSAGE_TEXTS(view.lang);
  const out = message.direction === 'out';
  return (
    <Facts
      facts={[
        [t.id, <code>{message.messageId}</code>],
        [t.session, <a href={sessionPath(message.sessionId)}>{message.sessionId}</a>],
        [out ? t.to : t.from, who],
        [t.kind, kindName(view.lang, message.type)],
        ...(message.source === null
          ? []
          : ([[t.source, message.source === 'api' ? t.sourceApi : t.sourcePhone]] as const)),
        ...(out
          ? ([
              [t.priority, t[message.priority]],
              [t.attempts, String(message.attempts)],
              [t.expires, <Time at={message.expiresAt} />],
            ] as const)
          : []),
      ]}
    />
  );
}

/** Its file could not be had, or was deleted since: as long as files are kept. */
function mayFetchAgain(
  { config, clock }: Ctx,
  { direction, source, content, createdAt }: MessageOutput,
): boolean {
  const file: unknown = Reflect.get(Object(content), 'media');
  if (typeof file !== 'object' || file === null || (direction === 'out' && source !== 'phone')) return false;
  const state: unknown = Reflect.get(file, 'state');
  const keptUntil = Date.parse(createdAt) + config.retentionDays.media * DAY_MS;
  return state === 'failed' || (state === 'stored' && keptUntil < clock.now());
}

/** The results of a poll that was sent; null for any other message. */
async function pollOf(ctx: Ctx, { messageId, sessionId, type, direction }: MessageOutput) {
  if (type !== 'poll' || direction !== 'out') return null;
  return getPoll(ctx, { messageId, session: sessionId });
}

/** The answers to an event that was sent; null for any other message. */
async function eventOf(ctx: Ctx, { messageId, sessionId, type, direction }: MessageOutput) {
  if (type !== 'event' || direction !== 'out') return null;
  return getEvent(ctx, { messageId, session: sessionId });
}

export const messageDetailPages: Page[] = [
  page({
    method: 'get',
    path: PATH,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const t = MESSAGE_TEXTS(view.lang);
      const message = await getMessage(ctx, { ...params, ...query });
      const out = message.direction === 'out';
      const [poll, event] = [await pollOf(ctx, message), await eventOf(ctx, message)];
      const who = (out ? message.to : message.from) ?? message.chat;
      const number = message.chat.endsWith('@g.us') ? message.chat : who;
      const called = out && message.chat === STATUS_JID ? t.theStatus : (message.name ?? who);
      const title = out ? t.toWhom(called) : t.fromWhom(called);
      const body = (
        <>
          <Crumb to="/dashboard/messages">{t.all}</Crumb>
          <div class="row between head">
            <h1>{`${kindName(view.lang, message.type)} ${title}`}</h1>
            <div class="row">
              {!isPostedJid(message.chat) && (
                <a class="button" href={chatPath(number, message.sessionId)}>
                  {t.conversation}
                </a>
              )}
              {view.canWrite && canSendAgain(message) && (
                <a
                  class="button"
                  href={`/dashboard/messages/new?again=${encodeURIComponent(message.messageId)}`}
                >
                  {t.again}
                </a>
              )}
            </div>
          </div>
          <div class="split">
            <div>
              <div class="card">
                <h2>{t.message}</h2>
                <ul class="bubbles">
                  <li class={out ? 'bubble out' : 'bubble'}>
                    <Body view={view} message={message} />
                  </li>
                </ul>
                {view.canWrite && mayFetchAgain(ctx, message) && (
                  <ActionButton view={view} action={messagePath(message, '/media')} small>
                    {t.fetchAgain}
                  </ActionButton>
                )}
              </div>
              {poll && <PollResults view={view} message={message} poll={poll} />}
              {event && <EventAnswers view={view} message={message} event={event} />}
              <EditForm view={view} message={message} now={ctx.clock.now()} />
              <ForwardForm view={view} message={message} />
              <div class="card">
                <h2>{t.details}</h2>
                <Details view={view} message={message} who={called === who ? who : `${called} · ${who}`} />
              </div>
            </div>
            <Progress view={view} message={message} />
          </div>
          <section
            class="card"
            hx-get={messagePath(message, '/timeline')}
            hx-trigger="load, live"
            data-live={EVENTS}
            aria-live="off"
          >
            <h2>{t.timeline}</h2>
            <Skeleton label={t.timeline} />
          </section>
        </>
      );
      return { title, section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/progress`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      return { fragment: <Progress view={view} message={await getMessage(ctx, { ...params, ...query })} /> };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/poll`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const message = await getMessage(ctx, { ...params, ...query });
      const poll = await getPoll(ctx, { ...params, session: message.sessionId });
      return { fragment: <PollResults view={view} message={message} poll={poll} /> };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/event`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      const message = await getMessage(ctx, { ...params, ...query });
      const event = await getEvent(ctx, { ...params, session: message.sessionId });
      return { fragment: <EventAnswers view={view} message={message} event={event} /> };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/timeline`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params, query }) {
      return {
        fragment: <MessageTimeline view={view} entries={await readTimeline(ctx, { ...params, ...query })} />,
      };
    },
  }),
  ...messageActionPages,
];
