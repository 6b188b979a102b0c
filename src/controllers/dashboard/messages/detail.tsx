/** One message: what it says, what became of it step by step, and what can be done. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { editableText } from '../../../services/messages/amend.ts';
import { explainError } from '../../../services/messages/failure-words.ts';
import { isForwardable } from '../../../services/messages/forward.ts';
import { isOfChat } from '../../../services/messages/of-chat.ts';
import type { MessageDetail, MessageOutput } from '../../../services/messages/schemas.ts';
import { RecipientInput, TextInput } from '../../../services/messages/schemas.ts';
import {
  cancelMessage,
  editMessage,
  fetchMediaAgain,
  forwardMessage,
  getMessage,
  getPoll,
  markMessageRead,
  pinMessage,
  restoreMessage,
  retryMessage,
  revokeMessage,
  starMessage,
} from '../../../services/messages.ts';
import { readTimeline } from '../../../services/requests/timeline.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { isChannelJid, isPostedJid, STATUS_JID } from '../../../whatsapp/jid.ts';
import { Crumb, Skeleton, Submit } from '../kit.tsx';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Facts, Field, Form, Live, TextArea, Time } from '../parts.tsx';
import { sessionPath } from '../sessions/parts.tsx';
import { Body, chatPath, messagePath, StatusBadge } from './bubble.tsx';
import { HoldLines } from './hold-lines.tsx';
import { PollResults } from './poll.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { MessageTimeline } from './timeline.tsx';
import { kindName } from './words.ts';

const PATH = '/dashboard/messages/:messageId';
const params = z.object({ messageId: z.string().min(1).max(64) });
/** Which one, when several of the tenant's sessions know a message by this id. */
const query = z.object({
  direction: z.enum(['in', 'out']).optional().catch(undefined),
  session: z.string().max(100).optional().catch(undefined),
});
const example = { params: { messageId: '3EB0A1B2C3D4E5F60718293A' } };
const EVENTS =
  'message.queued message.sent message.delivered message.read message.failed message.expired message.canceled message.media message.edited message.revoked';
const PIN_SECONDS = 7 * 86_400;
const MARKS = ['pin', 'unpin', 'star', 'unstar'] as const;
/** Nothing follows any more. */
const ENDED: ReadonlySet<string> = new Set(['read', 'failed', 'canceled', 'expired']);
const MAY_RETRY: ReadonlySet<string> = new Set(['failed', 'canceled', 'expired']);
/** Messages that were sent and can be deleted for everyone. */
const SENT: ReadonlySet<string> = new Set(['sent', 'delivered', 'read']);

type Step = readonly [name: string, at: string | null, bad?: boolean];

function stepsOf(view: View, m: MessageOutput): Step[] {
  const t = MESSAGE_TEXTS(view.lang);
  if (m.direction === 'in') {
    return [
      [t.writtenAt, m.sentAt],
      [t.received, m.createdAt],
      [t.markedRead, m.readAt],
    ];
  }
  const steps: Step[] = [[t.created, m.createdAt]];
  if (m.scheduledAt !== null) steps.push([t.scheduled, m.scheduledAt]);
  if (m.queuedAt !== null && m.queuedAt !== m.createdAt) steps.push([t.queued, m.queuedAt]);
  steps.push([t.sending, m.sendingAt]);
  if (m.status === 'canceled') return [...steps, [t.canceled, m.updatedAt, true]];
  if (m.status === 'expired') return [...steps, [t.expired, m.failedAt ?? m.updatedAt, true]];
  if (m.status === 'failed') return [...steps, [t.failed, m.failedAt ?? m.updatedAt, true]];
  return [...steps, [t.sent, m.sentAt], [t.delivered, m.deliveredAt], [t.read, m.readAt]];
}

/** Every step with its time; those to come are there, too. */
export function Timeline({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  return (
    <ol class="timeline">
      {stepsOf(view, message).map(([name, at, bad]) => (
        <li class={at === null ? 'open' : bad ? 'bad' : undefined}>
          <b>{name}</b>
          <div class="small muted">{at === null ? t.waiting : <Time at={at} />}</div>
        </li>
      ))}
    </ol>
  );
}

export function ErrorPart({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  const words = explainError(view.lang, message.errorCode);
  if (words === null) return null;
  return (
    <div class="alert alert-bad">
      <p>
        <b>{words.why}</b>
      </p>
      <p>
        {t.todo}: {words.todo}
      </p>
    </div>
  );
}

/** Why it has not been sent yet: what lasts longest is said first. */
export function WaitingPart({ view, message }: { view: View; message: MessageDetail }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { waitingFor, estimatedSendAt } = message;
  if (waitingFor.length === 0 && estimatedSendAt === null) return null;
  return (
    <div class={waitingFor.length === 0 ? 'small muted' : 'alert alert-warn'}>
      <HoldLines view={view} waitingFor={waitingFor} />
      {estimatedSendAt !== null && (
        <p class="small">
          {t.estimated} <Time at={estimatedSendAt} />
        </p>
      )}
    </div>
  );
}

/** Recipients that did not get a message. */
function NotReached({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  if (message.notReached.length === 0) return null;
  return (
    <div class="alert alert-warn">
      <p>
        <b>{t.notReached}</b>
      </p>
      <ul>
        {message.notReached.map(({ to, devices, all }) => (
          <li>
            {to}: {all ? t.wholePerson : t.someDevices(devices.map(t.device).join(', '))}
          </li>
        ))}
      </ul>
      <p class="small">{t.notReachedWhy}</p>
    </div>
  );
}

/** The part that moves: state, steps, error, and what can be done just now. */
function Progress({ view, message }: { view: View; message: MessageDetail }) {
  const t = MESSAGE_TEXTS(view.lang);
  const action = (name: string) => ({ view, action: messagePath(message, `/${name}`) });
  const out = message.direction === 'out';
  const ended = out ? ENDED.has(message.status) : message.readAt !== null;
  return (
    <Live
      id="progress"
      class="card"
      src={messagePath(message, '/progress')}
      events={EVENTS}
      everySeconds={10}
      done={ended}
    >
      <h2>{t.steps}</h2>
      <p>
        <StatusBadge view={view} status={message.status} />
      </p>
      <ErrorPart view={view} message={message} />
      <WaitingPart view={view} message={message} />
      <NotReached view={view} message={message} />
      <Timeline view={view} message={message} />
      <Changed view={view} message={message} />
      {view.canWrite && (
        <div class="row actions">
          {out && MAY_RETRY.has(message.status) && (
            <ActionButton {...action('retry')} tone="primary">
              {t.retry}
            </ActionButton>
          )}
          {out && message.status === 'queued' && (
            <ActionButton {...action('cancel')} tone="danger" confirm={t.cancelConfirm}>
              {t.cancel}
            </ActionButton>
          )}
          {canRevoke(message) && (
            <ActionButton {...action('revoke')} tone="danger" confirm={t.revokeConfirm}>
              {t.revoke}
            </ActionButton>
          )}
          <Marks view={view} message={message} />
          {!out && message.readAt === null && <ActionButton {...action('read')}>{t.markRead}</ActionButton>}
        </div>
      )}
    </Live>
  );
}

/** Pin and star, of what phones can mark; whether it is marked is known to them alone. */
function Marks({ view, message }: { view: View; message: MessageDetail }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { direction, status, type, chat, revokedAt } = message;
  const isNoTarget = revokedAt !== null || !isOfChat(type) || isPostedJid(chat);
  if (isNoTarget || (direction === 'out' && !SENT.has(status))) return null;
  return (
    <>
      {MARKS.map((what) => (
        <ActionButton view={view} action={messagePath(message, `/${what}`)} small>
          {t[`${what}It`]}
        </ActionButton>
      ))}
    </>
  );
}

/** From here, to one recipient; a new code is asked for where codes are. */
const canSendAgain = ({ direction, source, type, chat }: MessageOutput) =>
  direction === 'out' && source === 'api' && type !== 'otp' && isOfChat(type) && chat !== STATUS_JID;

const canRevoke = ({ direction, status, type, revokedAt, chat }: MessageOutput) =>
  direction === 'out' && SENT.has(status) && revokedAt === null && isOfChat(type) && !isChannelJid(chat);

/** What became of its content later: edited, or deleted for everyone. */
function Changed({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { editedAt, revokedAt, original, type } = message;
  return (
    <>
      {editedAt !== null && (
        <p>
          {t.editedAt} <Time at={editedAt} />
        </p>
      )}
      {original !== null && (
        <details>
          <summary>{t.original}</summary>
          <Body view={view} message={{ type, content: original }} />
        </details>
      )}
      {revokedAt !== null && (
        <p>
          {t.revokedAt} <Time at={revokedAt} />
        </p>
      )}
    </>
  );
}

function EditForm({ view, message, now }: { view: View; message: MessageDetail; now: number }) {
  const t = MESSAGE_TEXTS(view.lang);
  const text = view.canWrite && canRevoke(message) ? editableText(message, now) : null;
  if (text === null) return null;
  return (
    <div class="card">
      <h2>{t.edit}</h2>
      <Form view={view} action={messagePath(message, '/edit')}>
        <TextArea label={t.newText} name="text" rows={3} value={text} required hint={t.editHint} />
        <Submit>{t.saveEdit}</Submit>
      </Form>
    </div>
  );
}

function ForwardForm({ view, message }: { view: View; message: MessageDetail }) {
  const t = MESSAGE_TEXTS(view.lang);
  if (!view.canWrite || !isForwardable(message)) return null;
  return (
    <details class="card">
      <summary>{t.forward}</summary>
      <Form view={view} action={messagePath(message, '/forward')}>
        <Field
          label={t.forwardTo}
          name="to"
          inputmode="tel"
          hint={<NumberHint />}
          autocomplete="off"
          required
        />
        <input type="hidden" name="session" value={message.sessionId} />
        <Submit>{t.forward}</Submit>
      </Form>
    </details>
  );
}

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
      const poll = await pollOf(ctx, message);
      const who = (out ? message.to : message.from) ?? message.chat;
      const number = message.chat.endsWith('@g.us') ? message.chat : who;
      const called = message.chat === STATUS_JID ? t.theStatus : (message.name ?? who);
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
      const message = await cancelMessage(ctx, { ...params, ...query });
      const undo = { action: messagePath(message, '/restore'), fields: {} };
      return { redirect: messagePath(message), done: MESSAGE_TEXTS(view.lang).canceledDone, undo };
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
