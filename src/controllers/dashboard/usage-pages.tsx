/** What the workspace has sent in a month, and how much of its limits is used. */
import { z } from 'zod';
import { readPlanName } from '../../services/plans.ts';
import { Month } from '../../services/plans-schemas.ts';
import { type QuotaUsage, readUsage } from '../../services/quotas.ts';
import { exportMonth, type MonthUsage, readMonth, thisMonth } from '../../services/usage.ts';
import { answerCsv } from '../csv-answer.ts';
import { num } from './broadcast/parts.tsx';
import { BarChart } from './chart.tsx';
import { kindName } from './messages/words.ts';
import { type Page, page, type View } from './page.ts';
import { Table } from './parts.tsx';
import { quotaName, USAGE_TEXTS, UsageCard, type UsageTexts } from './usage.tsx';

const HERE = '/dashboard/usage';

export const usagePages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    query: z.object({ month: Month.optional().catch(undefined) }),
    async handler({ ctx, view, query }) {
      const t = USAGE_TEXTS(view.lang);
      const month = query.month ?? thisMonth(ctx);
      const usage = await readUsage(ctx);
      const plan = await readPlanName(ctx);
      const sent = await readMonth(ctx, { month });
      const body = (
        <>
          <h1>{t.usage}</h1>
          <UsageNotice view={view} usage={usage} />
          <MonthCard t={t} view={view} sent={sent} />
          <UsageCard view={view} usage={usage} plan={plan} />
        </>
      );
      return { title: t.usage, section: null, body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/export`,
    auth: 'user',
    query: z.object({ month: Month.optional().catch(undefined) }),
    handler({ ctx, query, http }) {
      const { fileName, lines } = exportMonth(ctx, query);
      return answerCsv(http, fileName, lines);
    },
  }),
];

/** The month before (-1) or after (1) another one. */
function monthAt(month: string, by: -1 | 1): string {
  const [year = 0, at = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, at - 1 + by)).toISOString().slice(0, 7);
}

function MonthCard({ t, view, sent }: { t: UsageTexts; view: View; sent: MonthUsage }) {
  const { month, byDay } = sent;
  const last = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)))).getTime() - 1;
  const days = Array.from({ length: new Date(last).getUTCDate() }, (_, i) => String(i + 1).padStart(2, '0'));
  const counts = new Map(byDay.map(({ day, count }) => [day.slice(8), count]));
  const values = days.map((day) => counts.get(day) ?? 0);
  const tables: [string, { name: string; count: number }[]][] = [
    [t.category, sent.byCategory.map(({ category, count }) => ({ name: t.categories(category), count }))],
    [t.session, sent.bySession.map(({ sessionId, count }) => ({ name: sessionId, count }))],
    [t.kind, sent.byKind.map(({ kind, count }) => ({ name: kindName(view.lang, kind), count }))],
    [t.engine, sent.byEngine.map(({ engine, count }) => ({ name: engine, count }))],
  ];
  return (
    <section class="card">
      <h2>{t.sentIn(month)}</h2>
      <p class="row">
        <a class="button small" href={`${HERE}?month=${monthAt(month, -1)}`}>
          {monthAt(month, -1)}
        </a>
        <a class="button small" href={`${HERE}?month=${monthAt(month, 1)}`}>
          {monthAt(month, 1)}
        </a>
        <a class="button small" href={`${HERE}/export?month=${month}`}>
          {t.download}
        </a>
      </p>
      <p class="muted small">{t.about}</p>
      <BarChart title={t.sentIn(month)} labels={days} series={[{ name: t.messages, values }]} />
      {tables.map(([name, rows]) =>
        rows.length === 0 ? null : (
          <Table label={name} head={[name, t.messages]}>
            {rows.map((row) => (
              <tr>
                <td class="wrap">{row.name}</td>
                <td class="num">{num(view, row.count)}</td>
              </tr>
            ))}
          </Table>
        ),
      )}
    </section>
  );
}

/** From this part of a limit on it is told. */
const NEARLY = 0.8;

/** The limits that are nearly or wholly used; nothing where there are none. */
export function UsageNotice({ view, usage }: { view: View; usage: readonly QuotaUsage[] }) {
  const t = USAGE_TEXTS(view.lang);
  const near = usage.filter(
    ({ used, limit }) => used !== null && used > 0 && limit !== null && used >= limit * NEARLY,
  );
  if (near.length === 0) return null;
  return (
    <div class="alert alert-warn">
      {near.map(({ quota, used, limit }) => (
        <p>{t.near(quotaName(view.lang, quota), num(view, used ?? 0), num(view, limit ?? 0))}</p>
      ))}
    </div>
  );
}
