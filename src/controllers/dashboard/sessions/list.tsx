/** All sessions, and adding one. */

import { z } from 'zod';
import { createSession, listSessions, type SessionOutput } from '../../../services/sessions/index.ts';
import { NewSessionLink, Submit } from '../kit.tsx';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { Empty, Field, Form, Live, Pages, Table, Time } from '../parts.tsx';
import { NEW_SESSION } from '../paths.ts';
import { StateBadge, sessionPath, waitsForPerson } from './parts.tsx';
import { explainSession } from './reasons.ts';
import { ConnectionFields, deviceOf, NewSessionForm } from './settings.tsx';
import { SESSION_TEXTS } from './texts.ts';
import { ImportOffer } from './transfer.tsx';

const PAGE_SIZE = 50;
const ListQuery = z.object({ page: z.coerce.number().int().min(1).max(10_000).default(1).catch(1) });

function Row({ view, session }: { view: View; session: SessionOutput }) {
  const t = SESSION_TEXTS(view.lang);
  const { why } = explainSession(view.lang, session);
  return (
    <tr>
      <th scope="row">
        <a href={sessionPath(session.sessionId)}>{session.sessionId}</a>
        {session.label !== null && <div class="small wrap">{session.label}</div>}
        {session.name !== null && <div class="muted small wrap">{session.name}</div>}
      </th>
      <td>{session.phoneNumber ?? <span class="muted">–</span>}</td>
      <td>
        <StateBadge view={view} session={session} />
        {why !== '' && <div class="muted small">{why}</div>}
      </td>
      <td>
        <Time at={session.lastSeen} relative />
      </td>
      <td>
        {waitsForPerson(session) && view.canWrite && (
          <a class="button small" href={sessionPath(session.sessionId, '/link')}>
            {session.status === 'qr' ? t.showCode : t.goOn}
          </a>
        )}
      </td>
    </tr>
  );
}

type Listed = Awaited<ReturnType<typeof listSessions>>;

function List({ view, sessions, page }: { view: View; sessions: Listed; page: number }) {
  const t = SESSION_TEXTS(view.lang);
  const { totalItems, totalPages } = sessions.pagination;
  const head = [t.session, t.phone, t.state, t.lastSeen, <span class="visually-hidden">{t.actions}</span>];
  return (
    <Live
      id="sessions"
      src={`/dashboard/session-list?page=${page}`}
      events="session.status session.created session.deleted session.qr"
    >
      {totalItems === 0 ? (
        <Empty
          view={view}
          title={t.emptyTitle}
          next={view.canWrite && <NewSessionLink>{t.add}</NewSessionLink>}
        >
          <p>{view.canWrite ? t.emptyText : t.emptyReader}</p>
        </Empty>
      ) : (
        <Table stack label={t.list} head={head}>
          {sessions.data.map((session) => (
            <Row view={view} session={session} />
          ))}
        </Table>
      )}
      <Pages view={{ ...view, path: '/dashboard/sessions' }} page={page} totalPages={totalPages} />
    </Live>
  );
}

export const listPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/sessions',
    auth: 'user',
    query: ListQuery,
    async handler({ ctx, view, query }) {
      const t = SESSION_TEXTS(view.lang);
      const sessions = await listSessions(ctx, { page: query.page, limit: PAGE_SIZE });
      const body = (
        <>
          <div class="row between head">
            <h1>{t.title}</h1>
            <div class="row">
              <a class="button" href="/dashboard/pools">
                {t.pools}
              </a>
              {view.canWrite && sessions.pagination.totalItems > 0 && (
                <NewSessionLink>{t.add}</NewSessionLink>
              )}
            </div>
          </div>
          <div class="card">
            <List view={view} sessions={sessions} page={query.page} />
          </div>
        </>
      );
      return { title: t.title, section: 'sessions', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/session-list',
    auth: 'user',
    query: ListQuery,
    async handler({ ctx, view, query }) {
      const sessions = await listSessions(ctx, { page: query.page, limit: PAGE_SIZE });
      return { fragment: <List view={view} sessions={sessions} page={query.page} /> };
    },
  }),
  page({
    method: 'get',
    path: NEW_SESSION,
    auth: 'user',
    handler({ view }) {
      const t = SESSION_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: '/dashboard/sessions' };
      const body = (
        <>
          <h1>{t.add}</h1>
          <div class="card narrow">
            <p class="muted">{t.intro}</p>
            <Form view={view} action="/dashboard/sessions" class="stack">
              <Field
                label={t.name}
                name="sessionId"
                hint={t.nameHint}
                placeholder={t.namePlaceholder}
                maxlength={100}
                pattern="[A-Za-z0-9_.\-]+"
                autocomplete="off"
              />
              <PairingFields view={view} />
              <ConnectionFields view={view} />
              <Submit>{t.create}</Submit>
            </Form>
            <ImportOffer view={view} />
          </div>
        </>
      );
      return { title: t.add, section: 'sessions', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions',
    auth: 'user',
    form: NewSessionForm,
    example: { form: { sessionId: 'main' } },
    async handler({ ctx, form: { name, platform, ...form } }) {
      const browser = deviceOf({ name, platform }) ?? undefined;
      const { sessionId } = await createSession(ctx, { ...form, browser });
      return { redirect: sessionPath(sessionId, '/link') };
    },
  }),
];

/** How a phone is to be linked; the fields of CreateSessionInput. */
export function PairingFields({ view, phone }: { view: View; phone?: string | null }) {
  const t = SESSION_TEXTS(view.lang);
  return (
    <>
      <fieldset class="field">
        <legend>{t.how}</legend>
        <label class="check">
          <input type="radio" name="pairing" value="qr" checked /> {t.byQr}
        </label>
        <label class="check">
          <input type="radio" name="pairing" value="code" /> {t.byCode}
        </label>
      </fieldset>
      <Field
        label={t.phoneNumber}
        name="phoneNumber"
        type="tel"
        inputmode="tel"
        value={phone ?? undefined}
        hint={<NumberHint>{t.phoneHint}</NumberHint>}
        placeholder="+62 812-3456-789"
        autocomplete="off"
      />
    </>
  );
}
