/** How many codes are typed in, by day and by country. */
import { z } from 'zod';
import {
  type Conversion,
  type OtpConversion,
  readOtpConversion,
} from '../../../services/analytics/otp-conversion.ts';
import { num } from '../broadcast/parts.tsx';
import { BarChart } from '../chart.tsx';
import { Skeleton } from '../kit.tsx';
import { countryName } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { Stat, Table, zoneOf } from '../parts.tsx';
import { OTP, OtpHead } from './parts.tsx';
import { OTP_TEXTS, type OtpTexts } from './texts.ts';

const RANGES = [1, 7, 30] as const;
/** Countries in the chart; the table has all of them. */
const MAX_BARS = 10;
const Query = z.object({ days: z.coerce.number().int().min(1).max(31).default(7).catch(7) });

export const conversionPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/otp/conversion',
    auth: 'user',
    query: Query,
    handler({ view, query }) {
      const t = OTP_TEXTS(view.lang);
      const body = (
        <>
          <OtpHead view={view} current="/conversion" />
          <nav class="row head" aria-label={t.days}>
            {RANGES.map((days) => (
              <a
                class="button small"
                href={`${OTP}/conversion?days=${days}`}
                aria-current={days === query.days ? 'true' : undefined}
              >
                {t.lastDays(days)}
              </a>
            ))}
          </nav>
          {/* Counting many codes may take a moment: the page does not wait for it. */}
          <div
            hx-get={`${OTP}/conversion/numbers?days=${query.days}`}
            hx-trigger="load, every 60s"
            aria-live="off"
          >
            <section class="card">
              <Skeleton label={t.counting} lines={6} />
            </section>
          </div>
          <p class="muted small">{t.lowAlarm}</p>
        </>
      );
      return { title: t.conversion, section: 'otp', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/otp/conversion/numbers',
    auth: 'user',
    query: Query,
    async handler({ ctx, view, query }) {
      return {
        fragment: (
          <Numbers view={view} found={await readOtpConversion(ctx, { ...query, timeZone: view.zone })} />
        ),
      };
    },
  }),
];

const rateText = (view: View, rate: number | null) => (rate === null ? '–' : `${num(view, rate)}%`);

function Numbers({ view, found }: { view: View; found: OtpConversion }) {
  const t = OTP_TEXTS(view.lang);
  const { total, byDay, byCountry, period } = found;
  const name = (country: string | null) => (country === null ? t.noCountry : countryName(view, country));
  return (
    <>
      <div class="cards tight">
        <Stat name={t.total}>{num(view, total.total)}</Stat>
        <Stat name={t.success} note={t.successNote}>
          {rateText(view, total.successRate)}
        </Stat>
        <Stat name={t.states.expired[0]}>{num(view, total.expired)}</Stat>
        <Stat name={t.states.failed[0]}>{num(view, total.failed)}</Stat>
      </div>
      {total.total === 0 ? (
        <p class="card">{t.noCodes}</p>
      ) : (
        <>
          <Part
            t={t}
            view={view}
            title={`${t.byDay} (${zoneOf(view)})`}
            head={t.day}
            range={t.lastDays(period.days)}
            rows={byDay.map(({ date, ...one }) => ({ name: date, ...one }))}
            bars={byDay.length}
          />
          <Part
            t={t}
            view={view}
            title={t.byCountry}
            head={t.country}
            range={t.lastDays(period.days)}
            rows={byCountry.map(({ country, ...one }) => ({ name: name(country), ...one }))}
            bars={MAX_BARS}
          />
        </>
      )}
      {!period.complete && <p class="muted small">{t.incomplete}</p>}
    </>
  );
}

function Part({
  t,
  view,
  title,
  head,
  range,
  rows,
  bars,
}: {
  t: OtpTexts;
  view: View;
  title: string;
  head: string;
  range: string;
  rows: (Conversion & { name: string })[];
  bars: number;
}) {
  const shown = rows.slice(0, bars);
  const of = (name: 'verified' | 'expired' | 'failed' | 'canceled' | 'pending') => ({
    values: shown.map((row) => row[name]),
  });
  return (
    <section class="card">
      <h2>{title}</h2>
      <BarChart
        title={`${t.chart(range)}: ${title}`}
        labels={shown.map(({ name }) => name)}
        series={[
          { name: t.states.verified[0], ...of('verified') },
          { name: t.states.canceled[0], ...of('canceled') },
          { name: t.states.expired[0], ...of('expired') },
          { name: t.states.failed[0], ...of('failed') },
          { name: t.open, ...of('pending') },
        ]}
      />
      <details>
        <summary>{t.asTable}</summary>
        <Rows t={t} view={view} title={title} head={head} rows={rows} />
      </details>
    </section>
  );
}

interface RowsProps {
  t: OtpTexts;
  view: View;
  title: string;
  head: string;
  rows: readonly (Conversion & { name: string })[];
}

function Rows({ t, view, title, head, rows }: RowsProps) {
  const { verified, expired, failed, canceled } = t.states;
  const columns = [head, t.total, verified[0], expired[0], failed[0], canceled[0], t.open, t.rate];
  return (
    <Table stack={false} label={title} head={columns}>
      {rows.map((row) => (
        <tr>
          <th scope="row">{row.name}</th>
          <td class="num">{num(view, row.total)}</td>
          <td class="num">{num(view, row.verified)}</td>
          <td class="num">{num(view, row.expired)}</td>
          <td class="num">{num(view, row.failed)}</td>
          <td class="num">{num(view, row.canceled)}</td>
          <td class="num">{num(view, row.pending)}</td>
          <td class="num">{rateText(view, row.successRate)}</td>
        </tr>
      ))}
    </Table>
  );
}
