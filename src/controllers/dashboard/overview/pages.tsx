/** The first page: how everything is, at a glance. */

import { z } from 'zod';
import type { ActivityEntry } from '../../../services/analytics/activity-view.ts';
import { type Dashboard, readDashboard } from '../../../services/analytics/dashboard.ts';
import { findErrors, type WantedErrors } from '../../../services/analytics/logs.ts';
import {
  type Backlog,
  OVERVIEW_RANGES,
  readBacklog,
  readVolume,
  type Volume,
} from '../../../services/analytics/overview.ts';
import { readUsage } from '../../../services/quotas.ts';
import { MINUTE_MS } from '../../../utils/durations.ts';
import { num } from '../broadcast/parts.tsx';
import { BarChart } from '../chart.tsx';
import { eventName } from '../event-names.ts';
import { texts } from '../i18n.ts';
import { NewSessionLink, Skeleton } from '../kit.tsx';
import * as english from '../locales/en/overview.ts';
import * as indonesian from '../locales/id/overview.ts';
import { type Page, page, type View } from '../page.ts';
import { Badge, Empty, Stat, Table, Time, zoneOf } from '../parts.tsx';
import { stateTone } from '../tones.ts';
import { UsageNotice } from '../usage-pages.tsx';
import { isForUs, placeOf, whyOf } from './reasons.ts';

const OVERVIEW_TEXTS = texts({ en: english.overview, id: indonesian.overview });

type OverviewTexts = ReturnType<typeof OVERVIEW_TEXTS>;

const HERE = '/dashboard';
const LAST_ERRORS = 5;
const LIVE = 'message.sent message.delivered message.read message.failed message.received session.status';

export const overviewPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    query: z.object({ range: z.enum(OVERVIEW_RANGES).default('24h').catch('24h') }),
    async handler({ ctx, view, query }) {
      const t = OVERVIEW_TEXTS(view.lang);
      const [now, backlog, errors, usage] = await Promise.all([
        readDashboard(ctx, { timeZone: view.zone }),
        readBacklog(ctx),
        findErrors(ctx, { count: LAST_ERRORS, isWanted: isForUs }),
        ctx.actor.sessionIds === null ? readUsage(ctx) : [],
      ]);
      const body = (
        <>
          <h1>{t.title}</h1>
          <UsageNotice view={view} usage={usage} />
          {now.sessions.total === 0 && <FirstSteps t={t} view={view} />}
          <Now view={view} now={now} backlog={backlog} />
          {/* Counting a month of messages may take a moment: the rest of the page does not wait for it. */}
          <div
            hx-get={`${HERE}/volume?range=${query.range}`}
            hx-trigger="load, live, every 60s"
            data-live={LIVE}
            aria-live="off"
          >
            <section class="card">
              <Skeleton label={t.counting} lines={6} />
            </section>
          </div>
          <section class="card">
            <h2>{t.lastErrors}</h2>
            <Errors view={view} errors={errors} />
          </section>
        </>
      );
      return { title: t.title, section: 'overview', body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/volume`,
    auth: 'user',
    query: z.object({ range: z.enum(OVERVIEW_RANGES).default('24h').catch('24h') }),
    async handler({ ctx, view, query }) {
      return { fragment: <VolumePart view={view} volume={await readVolume(ctx, query)} /> };
    },
  }),
];

function FirstSteps({ t, view }: { t: OverviewTexts; view: View }) {
  return (
    <section class="card">
      <Empty
        view={view}
        title={t.welcome}
        next={
          <>
            {view.may('sessions:write') && <NewSessionLink>{t.link}</NewSessionLink>}
            <a class="button" href="/docs">
              {t.reference}
            </a>
          </>
        }
      >
        <p>{t.welcomeAbout}</p>
      </Empty>
    </section>
  );
}

function Now({ view, now, backlog }: { view: View; now: Dashboard; backlog: Backlog }) {
  const t = OVERVIEW_TEXTS(view.lang);
  const { byStatus, unlinked } = now.sessions;
  const counts = { ...byStatus, disconnected: byStatus.disconnected - unlinked, unlinked };
  const states = Object.entries(counts).filter(([, n]) => n > 0);
  const late = backlog.oldestDueMs !== null && backlog.oldestDueMs > MINUTE_MS;
  return (
    <div class="cards">
      <Stat
        name={t.sessions}
        note={states.map(([status, n]) => (
          <a href="/dashboard/sessions">
            <Badge tone={stateTone(status)}>{`${num(view, n)} ${t.states(status)}`}</Badge>{' '}
          </a>
        ))}
      >
        {num(view, now.sessions.total)}
      </Stat>
      <Stat name={`${t.today} (${zoneOf(view)})`} note={t.inAll(now.messages.total)}>
        {num(view, now.messages.today)}
      </Stat>
      <Stat name={`${t.codesToday} (${zoneOf(view)})`} note={t.inAll(now.otp.total)}>
        {num(view, now.otp.today)}
      </Stat>
      <Stat
        name={t.queue}
        note={
          backlog.oldestDueMs === null ? (
            t.nothingDue
          ) : (
            <Badge tone={late ? 'warn' : 'plain'}>{t.oldest(Math.round(backlog.oldestDueMs / 1000))}</Badge>
          )
        }
      >
        {num(view, backlog.messages)}
      </Stat>
    </div>
  );
}

function VolumePart({ view, volume }: { view: View; volume: Volume }) {
  const t = OVERVIEW_TEXTS(view.lang);
  const { total, otp } = volume;
  const labels = volume.buckets.map(({ label }) => label);
  const of = (pick: (counts: Volume['total']) => number) => volume.buckets.map(({ counts }) => pick(counts));
  return (
    <section class="card">
      <div class="row between">
        <h2>{`${t.volume} (${zoneOf(view)})`}</h2>
        <p class="row">
          {OVERVIEW_RANGES.map((range) => (
            <a
              class="button small"
              href={`${HERE}?range=${range}`}
              aria-current={range === volume.range ? 'true' : undefined}
            >
              {t.ranges(range)}
            </a>
          ))}
        </p>
      </div>
      <div class="cards">
        <Stat name={t.deliveryRate} note={t.deliveryNote}>
          {percentText(view, volume.deliveryRate)}
        </Stat>
        <Stat name={t.failed} note={t.expired(total.expired)}>
          {num(view, total.failed)}
        </Stat>
        <Stat name={t.received}>{num(view, total.received)}</Stat>
        <Stat name={t.conversion} note={t.codes(otp.verified, otp.total)}>
          {percentText(view, otp.successRate)}
        </Stat>
      </div>
      <BarChart
        title={t.chart(t.ranges(volume.range))}
        labels={labels}
        series={[
          { name: t.reached, values: of(({ delivered, read }) => delivered + read) },
          { name: t.received, values: of(({ received }) => received) },
          { name: t.taken, values: of(({ sent, waiting }) => sent + waiting) },
          { name: t.failed, values: of(({ failed, expired }) => failed + expired) },
        ]}
      />
      {!volume.complete && <p class="muted small">{t.incomplete}</p>}
      <VolumeTable view={view} volume={volume} />
    </section>
  );
}

const percentText = (view: View, value: number | null) => (value === null ? '–' : `${num(view, value)}%`);

/** The same numbers, for who cannot see the chart or wants them exactly. */
function VolumeTable({ view, volume }: { view: View; volume: Volume }) {
  const t = OVERVIEW_TEXTS(view.lang);
  return (
    <details>
      <summary>{t.asTable}</summary>
      <Table
        stack={false}
        label={t.volume}
        head={[t.time, t.waiting, t.sent, t.delivered, t.read, t.failed, t.expiredHead, t.received]}
      >
        {volume.buckets.map(({ label, counts }) => (
          <tr>
            <th scope="row">{label}</th>
            <td class="num">{num(view, counts.waiting)}</td>
            <td class="num">{num(view, counts.sent)}</td>
            <td class="num">{num(view, counts.delivered)}</td>
            <td class="num">{num(view, counts.read)}</td>
            <td class="num">{num(view, counts.failed)}</td>
            <td class="num">{num(view, counts.expired)}</td>
            <td class="num">{num(view, counts.received)}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}

function Errors({ view, errors }: { view: View; errors: WantedErrors }) {
  const t = OVERVIEW_TEXTS(view.lang);
  const { entries, isCut } = errors;
  if (entries.length === 0) return <p class="muted">{isCut ? t.onlyWrongCodes : t.noErrors}</p>;
  return (
    <Table stack label={t.lastErrors} head={[t.time, t.what, t.session, t.why]}>
      {entries.map((entry) => (
        <tr>
          <td>
            <Time at={entry.createdAt} relative />
          </td>
          <td>
            <What view={view} entry={entry} />
          </td>
          <td>{entry.sessionId ?? ''}</td>
          <td class="wrap">{whyOf(view.lang, entry)}</td>
        </tr>
      ))}
    </Table>
  );
}

function What({ view, entry }: { view: View; entry: ActivityEntry }) {
  const name = eventName(view.lang, entry.event);
  const place = placeOf(entry);
  return place === null ? <span>{name}</span> : <a href={place}>{name}</a>;
}
