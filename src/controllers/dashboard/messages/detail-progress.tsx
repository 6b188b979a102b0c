/** What became of a message, step by step, and what can be done just now. */
import { explainError } from '../../../services/messages/failure-words.ts';
import { isOfChat } from '../../../services/messages/of-chat.ts';
import type { MessageDetail, MessageOutput } from '../../../services/messages/schemas.ts';
import { isBroadcastListJid, isChannelJid, isPostedJid } from '../../../whatsapp/jid.ts';
import type { View } from '../page.ts';
import { ActionButton, Live, Time } from '../parts.tsx';
import { Body, messagePath, StatusBadge } from './bubble.tsx';
import { HoldLines } from './hold-lines.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

export const EVENTS =
  'message.queued message.sent message.delivered message.read message.failed message.expired message.canceled message.media message.edited message.revoked message.pinned message.starred';

export const MARKS = ['pin', 'unpin', 'star', 'unstar'] as const;

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

export function ErrorPart({ view, message }: { view: View; message: Pick<MessageOutput, 'errorCode'> }) {
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
export function WaitingPart({
  view,
  message,
}: {
  view: View;
  message: Pick<MessageDetail, 'waitingFor' | 'estimatedSendAt'>;
}) {
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
export function Progress({ view, message }: { view: View; message: MessageDetail }) {
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
            <ActionButton
              {...action('cancel')}
              tone="danger"
              confirm={message.type === 'album' ? t.cancelAlbumConfirm : t.cancelConfirm}
            >
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

/** Pin and star, of what phones can mark; before the session was linked it may have been marked untold. */
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

export const canRevoke = ({ direction, status, type, revokedAt, chat }: MessageOutput) =>
  direction === 'out' &&
  SENT.has(status) &&
  revokedAt === null &&
  isOfChat(type) &&
  !isChannelJid(chat) &&
  !isBroadcastListJid(chat);

/** What became of its content later: edited, or deleted for everyone. */
function Changed({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  const { editedAt, revokedAt, original, type, pinnedUntil, starredAt } = message;
  return (
    <>
      {pinnedUntil !== null && (
        <p>
          📌 {t.pinnedUntil} <Time at={pinnedUntil} />
        </p>
      )}
      {starredAt !== null && (
        <p>
          ★ {t.starredAt} <Time at={starredAt} />
        </p>
      )}
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
