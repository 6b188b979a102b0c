/** One session: how it is and why, and what can be done with it. */

import { z } from 'zod';
import { queueStatus } from '../../../services/messages.ts';
import {
  deleteSession,
  getSessionStatus,
  logoutSession,
  restartSession,
  SessionId,
  type SessionStatusOutput,
} from '../../../services/sessions/index.ts';
import { getLimits } from '../../../services/sessions/limits.ts';
import { Crumb, DeleteByName, requireTypedName, TypedName } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Facts, Live, Time } from '../parts.tsx';
import { LimitsCard } from './limits.tsx';
import { count, StateBadge, sessionPath, waitsForPerson } from './parts.tsx';
import { QueueCard } from './queue.tsx';
import { explainSession } from './reasons.ts';
import { ProxyHelp, SettingsCard } from './settings.tsx';
import { SESSION_TEXTS } from './texts.ts';
import { ExportForm } from './transfer.tsx';

const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'main' } };

/** Unlinked for whatever cause: a phone can be linked (again). */
const mayLink = (session: SessionStatusOutput) =>
  session.status === 'qr' || session.status === 'logged_out' || session.user === null;

function linkLabel(t: ReturnType<typeof SESSION_TEXTS>, { status }: SessionStatusOutput): string {
  if (status === 'qr') return t.showCode;
  return waitsForPerson({ status }) ? t.goOn : t.link;
}

/** A time before the newest connection says nothing of its end. */
const wentAt = ({ connectedAt, disconnectedAt }: SessionStatusOutput): string | null =>
  disconnectedAt !== null && disconnectedAt >= (connectedAt ?? '') ? disconnectedAt : null;

function StatusCard({ view, session }: { view: View; session: SessionStatusOutput }) {
  const t = SESSION_TEXTS(view.lang);
  const { why, todo } = explainSession(view.lang, session);
  const { platform } = session.deviceInfo ?? {};
  return (
    <Live
      id="status"
      class="card"
      src={sessionPath(session.sessionId, '/status')}
      events="session.status session.restricted session.unrestricted session.qr"
      everySeconds={15}
    >
      <div class="row">
        <StateBadge view={view} session={session} />
        {view.canWrite && mayLink(session) && session.status !== 'connected' && (
          <a class="button small primary" href={sessionPath(session.sessionId, '/link')}>
            {linkLabel(t, session)}
          </a>
        )}
      </div>
      {why !== '' && <p class="why">{why}</p>}
      {todo !== '' && (
        <p class="muted">
          <b>{t.whatToDo}:</b> {todo}
        </p>
      )}
      <ProxyHelp view={view} session={session} />
      <Facts
        facts={[
          [t.phone, session.phoneNumber ?? '–'],
          [t.pushName, session.name ?? '–'],
          session.status === 'connected'
            ? [t.connectedSince, <Time at={session.connectedAt} />]
            : [t.disconnectedSince, <Time at={wentAt(session)} />],
          [t.lastSeen, <Time at={session.lastSeen} relative />],
          [t.device, typeof platform === 'string' ? platform : '–'],
          [t.created, <Time at={session.createdAt} />],
        ]}
      />
      {session.restriction !== null && <RestrictionAlert view={view} restriction={session.restriction} />}
    </Live>
  );
}

type Restriction = NonNullable<SessionStatusOutput['restriction']>;

function RestrictionAlert({ view, restriction }: { view: View; restriction: Restriction }) {
  const t = SESSION_TEXTS(view.lang);
  return (
    <div class="alert alert-bad">
      <p>
        <b>{t.restricted}</b>
      </p>
      <p class="small">
        {t.restrictedUntil} <Time at={restriction.until} />. {t.restrictedKind}:{' '}
        <code>{restriction.kind}</code>.
      </p>
    </div>
  );
}

interface ActionsProps {
  view: View;
  session: SessionStatusOutput;
  /** messages that are not sent yet */
  waiting: number;
}

/** What goes with a session, in lines. */
function Losses({ view, session, waiting }: ActionsProps) {
  const t = SESSION_TEXTS(view.lang);
  return (
    <ul>
      <li>{waiting === 0 ? t.losesNoMessages : t.losesMessages(count(view, waiting))}</li>
      {session.phoneNumber !== null && <li>{t.losesLink(session.phoneNumber)}</li>}
      <li>{t.losesSettings}</li>
      <li>{t.keepsHistory}</li>
    </ul>
  );
}

function Actions({ view, session, waiting }: ActionsProps) {
  const t = SESSION_TEXTS(view.lang);
  const { sessionId } = session;
  const action = (name: string) => ({ view, action: sessionPath(sessionId, `/${name}`) });
  return (
    <div class="card">
      <h2>{t.actions}</h2>
      <div class="stack">
        <div>
          <ActionButton {...action('restart')}>{t.restart}</ActionButton>
          <p class="muted small">{t.restartHint}</p>
        </div>
        {session.status !== 'logged_out' && (
          <div>
            <ActionButton
              {...action('logout')}
              tone="danger"
              confirm={t.logoutConfirm(sessionId, count(view, waiting))}
            >
              {t.logout}
            </ActionButton>
            <p class="muted small">{t.logoutHint}</p>
          </div>
        )}
        <div>
          <DeleteByName
            {...action('delete')}
            texts={{ open: t.remove, typeName: t.typeName(sessionId), button: t.removeNow }}
          >
            <Losses view={view} session={session} waiting={waiting} />
          </DeleteByName>
        </div>
        {session.user !== null && <ExportForm view={view} sessionId={sessionId} />}
      </div>
    </div>
  );
}

export const detailPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      const t = SESSION_TEXTS(view.lang);
      const [session, queue, limits] = await Promise.all([
        getSessionStatus(ctx, { sessionId }),
        queueStatus(ctx, { session: sessionId }),
        getLimits(ctx, { sessionId }),
      ]);
      const query = `?session=${encodeURIComponent(sessionId)}`;
      const body = (
        <>
          <Crumb to="/dashboard/sessions">{t.backToAll}</Crumb>
          <div class="row between head">
            <div>
              <h1>{session.label ?? sessionId}</h1>
              {session.label !== null && <p class="muted mono">{sessionId}</p>}
            </div>
            <div class="row">
              <a class="button" href={`/dashboard/messages${query}`}>
                {t.messages}
              </a>
              {view.canWrite && (
                <a class="button primary" href={`/dashboard/messages/new${query}`}>
                  {t.compose}
                </a>
              )}
            </div>
          </div>
          <div class="split">
            <div>
              <StatusCard view={view} session={session} />
              <QueueCard view={view} queue={queue} />
            </div>
            <div>
              <SettingsCard view={view} session={session} />
              <LimitsCard view={view} limits={limits} />
              {view.canWrite && (
                <Actions view={view} session={session} waiting={queue.pending + queue.processing} />
              )}
            </div>
          </div>
        </>
      );
      return { title: sessionId, section: 'sessions', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId/status',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      return { fragment: <StatusCard view={view} session={await getSessionStatus(ctx, { sessionId })} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/restart',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      await restartSession(ctx, { sessionId });
      return { redirect: sessionPath(sessionId), done: SESSION_TEXTS(view.lang).restarted(sessionId) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/logout',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      const t = SESSION_TEXTS(view.lang);
      const { confirmed } = await logoutSession(ctx, { sessionId });
      const done = confirmed ? t.loggedOut(sessionId) : t.loggedOutSilently(sessionId);
      return { redirect: sessionPath(sessionId), done };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/delete',
    auth: 'user',
    params,
    form: TypedName,
    example: { ...example, form: { confirm: 'main' } },
    async handler({ ctx, view, params: { sessionId }, form }) {
      requireTypedName(form, sessionId);
      await deleteSession(ctx, { sessionId });
      return { redirect: '/dashboard/sessions', done: SESSION_TEXTS(view.lang).removed(sessionId) };
    },
  }),
];
