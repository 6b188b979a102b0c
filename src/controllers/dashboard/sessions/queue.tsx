/** What waits in a session's queue and why, and what a person may do about it. */
import { z } from 'zod';
import type { QueueStatus } from '../../../services/messages/schemas.ts';
import { clearQueue, pauseQueue, queueStatus, resumeQueue } from '../../../services/messages.ts';
import { SessionId } from '../../../services/sessions/index.ts';
import { HoldLines } from '../messages/hold-lines.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Facts, Live, Time } from '../parts.tsx';
import { count, sessionPath } from './parts.tsx';
import { explainHold, QUEUE_TEXTS } from './texts.ts';

const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'main' } };

/** The card of the queue; refreshed when something happens to it. */
export function QueueCard({ view, queue }: { view: View; queue: QueueStatus }) {
  const t = QUEUE_TEXTS(view.lang);
  const n = (value: number) => count(view, value);
  const lastDay = [
    t.sent(n(queue.completed)),
    t.failed(n(queue.failed)),
    ...(queue.expired > 0 ? [t.expired(n(queue.expired))] : []),
    ...(queue.canceled > 0 ? [t.canceled(n(queue.canceled))] : []),
  ];
  return (
    <Live
      id="queue"
      class="card"
      src={pathOf(queue)}
      events="message.queued message.sent message.failed message.canceled message.expired queue.paused queue.resumed session.status"
      everySeconds={15}
    >
      <h2>{t.queue}</h2>
      <Hold view={view} queue={queue} />
      <Facts
        facts={[
          [t.pending, n(queue.pending)],
          [t.processing, n(queue.processing)],
          [t.oldest, <Time at={queue.oldestDueAt} relative />],
          [t.day, lastDay.join(', ')],
        ]}
      />
      {view.may('messages:write') && <QueueButtons view={view} queue={queue} />}
    </Live>
  );
}

const pathOf = (queue: QueueStatus, rest = '') => sessionPath(queue.session, `/queue${rest}`);

function QueueButtons({ view, queue }: { view: View; queue: QueueStatus }) {
  const t = QUEUE_TEXTS(view.lang);
  return (
    <div class="row actions">
      {queue.isPaused ? (
        <ActionButton view={view} action={pathOf(queue, '/resume')} tone="primary">
          {t.resume}
        </ActionButton>
      ) : (
        <ActionButton view={view} action={pathOf(queue, '/pause')} confirm={t.pauseConfirm(queue.session)}>
          {t.pause}
        </ActionButton>
      )}
      {queue.pending > 0 && (
        <ActionButton
          view={view}
          action={pathOf(queue, '/clear')}
          tone="danger"
          confirm={t.clearConfirm(count(view, queue.pending))}
        >
          {t.clear}
        </ActionButton>
      )}
    </div>
  );
}

function Hold({ view, queue }: { view: View; queue: QueueStatus }) {
  const t = QUEUE_TEXTS(view.lang);
  // What the next message waits for: also what the session itself does not know of, such as the recipient's limit.
  if (!queue.isPaused && queue.waitingFor.length > 0) {
    return (
      <div class="alert alert-warn">
        <HoldLines view={view} waitingFor={queue.waitingFor} />
      </div>
    );
  }
  const hold = explainHold(view.lang, queue.reason);
  if (hold === null) return <p class="muted">{queue.pending + queue.processing > 0 ? t.moving : t.empty}</p>;
  return (
    <p class="alert alert-warn">
      {hold}{' '}
      {queue.pausedUntil !== null && (
        <span>
          {t.until} <Time at={queue.pausedUntil} />
        </span>
      )}
      {queue.isPaused && queue.pausedUntil === null && <span>{t.untilResumed}</span>}
    </p>
  );
}

export const queuePages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId/queue',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      return { fragment: <QueueCard view={view} queue={await queueStatus(ctx, { session: sessionId })} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/queue/pause',
    auth: 'user',
    needs: 'messages:write',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      await pauseQueue(ctx, { session: sessionId });
      return { redirect: sessionPath(sessionId), done: QUEUE_TEXTS(view.lang).paused };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/queue/resume',
    auth: 'user',
    needs: 'messages:write',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      await resumeQueue(ctx, { session: sessionId });
      return { redirect: sessionPath(sessionId), done: QUEUE_TEXTS(view.lang).resumed };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/queue/clear',
    auth: 'user',
    needs: 'messages:write',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      const { cleared } = await clearQueue(ctx, { session: sessionId });
      return {
        redirect: sessionPath(sessionId),
        done: QUEUE_TEXTS(view.lang).cleared(count(view, cleared)),
      };
    },
  }),
];
