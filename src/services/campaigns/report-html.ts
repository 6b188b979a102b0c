/** A campaign's report as one page that prints: no script, charts as SVG. */
import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import type { CampaignReport } from './report.ts';

const STYLE = `
body{font:14px/1.5 system-ui,sans-serif;color:#1b1f24;max-width:800px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.meta{color:#57606a}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .5rem;border-bottom:1px solid #d0d7de}td.n,th.n{text-align:right}
svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#1b1f24}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}svg,table{break-inside:avoid}}
`;

/** The only style that the page may use. */
export const REPORT_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

const WIDTH = 760;
const BAR = 26;
const GAP = 8;
const LABEL = 110;
const COLORS = ['#1f6feb', '#2da44e', '#8250df', '#bf8700', '#57606a'];
/** More hours than that are drawn as days would be: the newest ones. */
const MAX_HOURS = 72;

/** Renders the page; everything that a client has named is escaped. */
export async function reportHtml(report: CampaignReport): Promise<string> {
  const { campaign, funnel } = report;
  const steps: [string, number][] = [
    ['Recipients', funnel.recipients],
    ['Sent', funnel.sent],
    ['Delivered', funnel.delivered],
    ['Read', funnel.read],
    ['Replied', funnel.replied],
  ];
  const page = await html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${campaign.name}</title><style>${raw(STYLE)}</style></head>
<body>
<h1>${campaign.name}</h1>
<p class="meta">Session ${campaign.sessionId} · ${campaign.status}${campaign.reasonMessage === null ? '' : `: ${campaign.reasonMessage}`}
 · started ${campaign.startedAt ?? 'not yet'} · report of ${report.generatedAt}</p>
<h2>Funnel</h2>
${raw(bars(steps, funnel.recipients))}
<h2>By hour (UTC)</h2>
${raw(hours(report.byHour.slice(-MAX_HOURS)))}
<h2>Failures by reason</h2>
${table(['Reason', 'Recipients'], report.failuresByReason)}
<h2>Skipped by reason</h2>
${table(['Reason', 'Recipients'], report.skippedByReason)}
</body></html>`;
  return String(page);
}

async function table([first, second]: [string, string], rows: CampaignReport['failuresByReason']) {
  if (rows.length === 0) return html`<p class="meta">None.</p>`;
  return html`<table><thead><tr><th>${first}</th><th class="n">${second}</th></tr></thead><tbody>
${rows.map(({ message, count }) => html`<tr><td>${message}</td><td class="n">${count}</td></tr>`)}
</tbody></table>`;
}

/** Labels are ours, values are numbers: nothing to escape. */
function bars(steps: readonly [string, number][], whole: number): string {
  const room = WIDTH - LABEL - 120;
  const rows = steps.map(([label, value], i) => {
    const y = i * (BAR + GAP);
    const width = whole === 0 ? 0 : Math.round((value / whole) * room);
    const percent = whole === 0 ? 0 : Math.round((value / whole) * 1000) / 10;
    return `<text x="0" y="${y + 17}">${label}</text>
<rect x="${LABEL}" y="${y}" width="${Math.max(1, width)}" height="${BAR}" rx="3" fill="${COLORS[i] ?? '#57606a'}"/>
<text x="${LABEL + width + 8}" y="${y + 17}">${value} (${percent} %)</text>`;
  });
  const height = steps.length * (BAR + GAP);
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Funnel">${rows.join('')}</svg>`;
}

function hours(rows: CampaignReport['byHour']): string {
  if (rows.length === 0) return '<p class="meta">Nothing has been sent.</p>';
  const height = 160;
  const most = Math.max(1, ...rows.map(({ sent, failed }) => sent + failed));
  const step = WIDTH / rows.length;
  const columns = rows.map(({ hour, sent, read, failed }, i) => {
    const x = Math.round(i * step * 10) / 10;
    const width = Math.max(1, Math.round(step * 8) / 10);
    const of = (value: number) => Math.round((value / most) * height);
    const column = (value: number, base: number, color: string) =>
      `<rect x="${x}" y="${height - base - of(value)}" width="${width}" height="${of(value)}" fill="${color}"/>`;
    const label = i % Math.ceil(rows.length / 12) === 0;
    const text = `<text x="${x}" y="${height + 16}">${hour.slice(11, 13)}h</text>`;
    return `${column(sent, 0, '#1f6feb')}${column(Math.min(read, sent), 0, '#2da44e')}${column(failed, of(sent), '#cf222e')}${label ? text : ''}`;
  });
  const legend = `<text x="0" y="${height + 36}">blue: sent, green: of which read in that hour, red: failed</text>`;
  return `<svg viewBox="0 0 ${WIDTH} ${height + 44}" role="img" aria-label="Messages by hour">${columns.join('')}${legend}</svg>`;
}
