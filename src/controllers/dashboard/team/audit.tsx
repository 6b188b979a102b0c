/** Who did what in a workspace: searched, and exported. */
import { z } from 'zod';
import { type AuditedAction, exportAudit, listAudit } from '../../../services/workspaces/audit.ts';
import { answerCsv } from '../../csv-answer.ts';
import { cursorQuery } from '../../schemas.ts';
import { eventName, resultName } from '../event-names.ts';
import { Crumb } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Field, Table, Time } from '../parts.tsx';
import { HERE } from './parts.tsx';
import { TEAM_TEXTS } from './texts.ts';

const PER_PAGE = 50;
const Search = z.object({ search: z.string().trim().max(100).optional() });

export const auditPages: Page[] = [
  page({
    method: 'get',
    path: `${HERE}/audit`,
    auth: 'user',
    needs: 'members',
    query: Search.extend(cursorQuery),
    async handler({ ctx, view, query }) {
      const t = TEAM_TEXTS(view.lang);
      const { data, nextCursor } = await listAudit(ctx, { ...query, limit: PER_PAGE });
      const search = new URLSearchParams(query.search ? { search: query.search } : {});
      const older = new URLSearchParams([...search, ['cursor', nextCursor ?? '']]);
      const body = (
        <>
          <Crumb to={HERE}>{t.back}</Crumb>
          <h1>{t.audit}</h1>
          <section class="card">
            <p class="muted">{t.auditAbout}</p>
            <form class="filter" method="get" action={`${HERE}/audit`}>
              <Field label={t.search} name="search" value={query.search} maxlength={100} type="search" />
              <button type="submit">{t.find}</button>
              <a class="button" href={`${HERE}/audit/export?${search}`} download>
                {t.exportCsv}
              </a>
            </form>
            {data.length === 0 ? <p class="muted">{t.noAudit}</p> : <Actions view={view} actions={data} />}
            {nextCursor !== null && (
              <p class="pages">
                <a class="button small" href={`${HERE}/audit?${older}`}>
                  {t.older}
                </a>
              </p>
            )}
          </section>
        </>
      );
      return { title: t.audit, section: 'team', body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/audit/export`,
    auth: 'user',
    needs: 'members',
    query: Search,
    async handler({ ctx, query, http }) {
      const { fileName, lines } = await exportAudit(ctx, query);
      return answerCsv(http, fileName, lines);
    },
  }),
];

/** The table of what was done. */
export function Actions({ view, actions }: { view: View; actions: readonly AuditedAction[] }) {
  const t = TEAM_TEXTS(view.lang);
  return (
    <Table label={t.audit} head={[t.at, t.who, t.what, t.which, t.from]}>
      {actions.map((action) => (
        <tr>
          <td>
            <Time at={action.at} />
          </td>
          <td>{action.actor?.name ?? t.nobody}</td>
          <td>
            {eventName(view.lang, action.event)}{' '}
            {action.status === 'failure' && <Badge tone="bad">{resultName(view.lang, action.status)}</Badge>}
          </td>
          <td class="wrap">
            {action.sessionId ?? action.subject ?? ''}{' '}
            {Object.keys(action.data ?? {}).length > 0 && (
              <span class="muted small mono">{JSON.stringify(action.data)}</span>
            )}
          </td>
          <td class="wrap">
            {action.ip ?? ''} <span class="muted small">{action.userAgent ?? ''}</span>
          </td>
        </tr>
      ))}
    </Table>
  );
}
