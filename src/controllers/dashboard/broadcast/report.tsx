/** The report of a campaign: funnel, reasons, hours. It goes over every recipient, so it is fetched apart. */
import { z } from 'zod';
import { outcomeText } from '../../../services/campaigns/outcome-words.ts';
import { type CampaignReport, exportCampaign, reportCampaign } from '../../../services/campaigns/report.ts';
import { REPORT_CSP, reportHtml } from '../../../services/campaigns/report-html.ts';
import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import { zoneClock } from '../../../utils/time-zone.ts';
import { answerCsv } from '../../csv-answer.ts';
import { BarChart } from '../chart.tsx';
import { Skeleton } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Table, Time, zoneOf } from '../parts.tsx';
import { CAMPAIGN_TEXTS } from './campaign-page-texts.ts';
import { BROADCAST, IdParams, idExample, num } from './parts.tsx';

/** Up to here the report comes by itself. */
const MAX_UNASKED = 20_000;

type Texts = ReturnType<typeof CAMPAIGN_TEXTS>;
const pathOf = (id: string, rest: string) => `${BROADCAST}/campaigns/${id}${rest}`;

export const reportPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id/report',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      return { fragment: <Report view={view} report={await reportCampaign(ctx, params)} /> };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/campaigns/:id/export',
    auth: 'user',
    params: IdParams,
    query: z.object({ format: z.enum(['csv', 'html']).default('csv').catch('csv') }),
    example: { params: idExample },
    async handler({ ctx, params, query, http }) {
      if (query.format === 'csv') {
        const { fileName, lines } = await exportCampaign(ctx, params);
        return answerCsv(http, fileName, lines);
      }
      const html = await reportHtml(await reportCampaign(ctx, params));
      http.header('content-security-policy', REPORT_CSP);
      http.header('cache-control', 'no-store');
      return http.html(html);
    },
  }),
];

/** The place of the report on the page of a campaign. */
export function ReportPart({ view, campaign }: { view: View; campaign: CampaignOutput }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const { total } = campaign.statistics;
  if (campaign.startedAt === null) return null;
  const big = total > MAX_UNASKED;
  return (
    <section class="card">
      <h2>{t.report}</h2>
      <div
        id="campaign-report"
        data-live={big ? undefined : 'campaign.completed campaign.paused campaign.stopped'}
        hx-get={big ? undefined : pathOf(campaign.id, '/report')}
        hx-trigger={big ? undefined : campaign.status === 'running' ? 'load, live, every 30s' : 'load, live'}
      >
        {big ? (
          <>
            <p>{t.reportBig(num(view, total))}</p>
            <ReportButton id={campaign.id} text={t.reportMake} />
          </>
        ) : (
          <Skeleton label={t.reportWorking} />
        )}
      </div>
      <p class="row small">
        <span>{t.download}:</span>
        <a href={pathOf(campaign.id, '/export?format=csv')} download>
          {t.csv}
        </a>
        <a href={pathOf(campaign.id, '/export?format=html')} target="_blank" rel="noopener">
          {t.html}
        </a>
      </p>
    </section>
  );
}

function ReportButton({ id, text }: { id: string; text: string }) {
  return (
    <button
      type="button"
      class="small"
      hx-get={pathOf(id, '/report')}
      hx-target="#campaign-report"
      hx-swap="innerHTML"
      hx-disabled-elt="this"
    >
      {text}
    </button>
  );
}

function Report({ view, report }: { view: View; report: CampaignReport }) {
  const t = CAMPAIGN_TEXTS(view.lang);
  const nothing = report.funnel.sent + report.failuresByReason.length + report.skippedByReason.length === 0;
  return (
    <>
      <p class="row muted small">
        <span>
          {t.reportAt} <Time at={report.generatedAt} />
        </span>
        <ReportButton id={report.campaign.id} text={t.reportAgain} />
      </p>
      {nothing ? (
        <p>{t.nothingYet}</p>
      ) : (
        <>
          <Funnel t={t} view={view} funnel={report.funnel} />
          <div class="columns">
            <Reasons t={t} view={view} title={t.failures} reasons={report.failuresByReason} />
            <Reasons t={t} view={view} title={t.left_out} reasons={report.skippedByReason} />
          </div>
          <Hours t={t} view={view} hours={report.byHour} />
          <Variants t={t} view={view} variants={report.byVariant} />
        </>
      )}
    </>
  );
}

function Funnel({ t, view, funnel }: { t: Texts; view: View; funnel: CampaignReport['funnel'] }) {
  const steps = [
    [t.total, funnel.recipients],
    [t.sent, funnel.sent],
    [t.delivered, funnel.delivered],
    [t.read, funnel.read],
    [t.replied, funnel.replied],
  ] as const;
  const percent = (n: number) => (funnel.recipients === 0 ? 0 : (n / funnel.recipients) * 100);
  return (
    <>
      <h3>{t.funnel}</h3>
      <Table stack={false} label={t.funnel} head={[t.step, t.people, t.share]}>
        {steps.map(([name, n]) => (
          <tr>
            <th scope="row" class="whole">
              {name}
            </th>
            <td class="num">{num(view, n)}</td>
            <td class="wide">
              <svg class="funnel" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect width={percent(n)} height="8" rx="1" />
              </svg>
              <span class="small">{`${num(view, Math.round(percent(n)))}%`}</span>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function Reasons({
  t,
  view,
  title,
  reasons,
}: {
  t: Texts;
  view: View;
  title: string;
  reasons: { reason: string; count: number }[];
}) {
  if (reasons.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <Table stack={false} label={title} head={[t.reason, t.count]}>
        {reasons.map(({ reason, count }) => (
          <tr>
            <td>{outcomeText(view.lang, reason)}</td>
            <td class="num">{num(view, count)}</td>
          </tr>
        ))}
      </Table>
    </div>
  );
}

function Hours({ t, view, hours }: { t: Texts; view: View; hours: CampaignReport['byHour'] }) {
  if (hours.length === 0) return null;
  const zone = zoneClock(view.zone);
  const labels = hours.map(({ hour }) =>
    new Date(zone.toLocal(Date.parse(hour))).toISOString().slice(5, 16).replace('T', ' '),
  );
  return (
    <>
      <h3>{t.byHour}</h3>
      <BarChart
        title={`${t.byHourChart} (${zoneOf(view)})`}
        labels={labels}
        series={[
          // A message that was read was sent as well: what is stacked must not count twice.
          { name: t.sent, values: hours.map(({ sent }) => sent) },
          { name: t.failed, values: hours.map(({ failed }) => failed) },
        ]}
      />
      <details>
        <summary>{t.asTable}</summary>
        <Table stack={false} label={t.byHour} head={[t.hour, t.sent, t.delivered, t.read, t.failed]}>
          {hours.map((row) => (
            <tr>
              <th scope="row">
                <Time at={row.hour} />
              </th>
              <td class="num">{num(view, row.sent)}</td>
              <td class="num">{num(view, row.delivered)}</td>
              <td class="num">{num(view, row.read)}</td>
              <td class="num">{num(view, row.failed)}</td>
            </tr>
          ))}
        </Table>
      </details>
    </>
  );
}

function Variants({ t, view, variants }: { t: Texts; view: View; variants: CampaignReport['byVariant'] }) {
  if (variants.length === 0) return null;
  return (
    <details>
      <summary>{t.variants}</summary>
      <Table stack={false} label={t.variants} head={[t.variant, t.sent, t.delivered, t.read]}>
        {variants.map((row) => (
          <tr>
            <td class="mono">{row.variant}</td>
            <td class="num">{num(view, row.sent)}</td>
            <td class="num">{num(view, row.delivered)}</td>
            <td class="num">{num(view, row.read)}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}
