/** The outcome of each code. */

import { z } from 'zod';
import { OTP_STATUSES } from '../../../db/schema.ts';
import { exportLog } from '../../../services/analytics/export.ts';
import {
  listOtpLogWithReasons,
  type OtpEntry,
  type OtpLogWithReasons,
  type OtpStatistics,
} from '../../../services/analytics/otp-log.ts';
import { statisticsZoneOf } from '../../../services/auth/settings.ts';
import { explainError } from '../../../services/messages/failure-words.ts';
import type { WaitingFor } from '../../../services/messages/schemas.ts';
import { holdWords } from '../../../services/messages/waiting-words.ts';
import { listSessions } from '../../../services/sessions/index.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { zoneClock } from '../../../utils/time-zone.ts';
import { answerCsv } from '../../csv-answer.ts';
import { More, num } from '../broadcast/parts.tsx';
import { countFilters, Filters, queryOf } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Empty, Field, NextLink, Select, Stat, Table, Time, zoneOf } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { OTP, OtpHead, StateBadge } from './parts.tsx';
import { OTP_TEXTS } from './texts.ts';

const SHOWN = 50;
const MAX_SESSIONS = 200;

const Day = z.iso.date().optional().catch(undefined);
const Filter = z.object({
  phoneNumber: z.string().trim().max(64).optional().catch(undefined),
  session: z.string().max(100).optional().catch(undefined),
  status: z.enum(OTP_STATUSES).optional().catch(undefined),
  from: Day,
  to: Day,
  cursor: z.string().max(100).optional(),
});
type Filter = z.output<typeof Filter>;

export const logPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/otp/log',
    auth: 'user',
    query: Filter,
    async handler({ ctx, view, query }) {
      const t = OTP_TEXTS(view.lang);
      const { phoneNumber, status, cursor } = query;
      const zone = await statisticsZoneOf(ctx, undefined);
      const asked = { phoneNumber, status, cursor, sessionId: query.session, page: 1, limit: SHOWN };
      const [found, sessions] = await Promise.all([
        listOtpLogWithReasons(ctx, { ...asked, ...windowOf(query, zone) }),
        listSessions(ctx, { page: 1, limit: MAX_SESSIONS }),
      ]);
      const isFiltered = Object.values(query).some((value) => value !== undefined);
      const body = (
        <>
          <OtpHead view={view} current="/log" />
          {found.logs.length === 0 && !isFiltered ? (
            <Empty
              view={view}
              title={t.noneTitle}
              next={view.canWrite && <NextLink to={OTP}>{t.try}</NextLink>}
            >
              <p>{t.noneText}</p>
            </Empty>
          ) : (
            <>
              <FilterForm view={view} query={query} sessions={sessions.data.map((one) => one.sessionId)} />
              <Numbers view={view} statistics={found.statistics} />
              <div class="card">
                {found.logs.length === 0 ? <p>{t.noneFound}</p> : <Entries view={view} found={found} />}
                <More view={view} isFirst={cursor === undefined} next={found.nextCursor} />
                <p>
                  <a
                    class="button small"
                    href={`${OTP}/log/export${queryOf({ ...query, cursor: undefined })}`}
                    download
                  >
                    {t.export}
                  </a>
                </p>
              </div>
            </>
          )}
        </>
      );
      return { title: t.logName, section: 'otp', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/otp/log/export',
    auth: 'user',
    query: Filter,
    async handler({ ctx, query, http }) {
      const { phoneNumber, status, session: sessionId } = query;
      const window = windowOf(query, await statisticsZoneOf(ctx, undefined));
      const lines = await exportLog(ctx, { log: 'otp', otp: { phoneNumber, status }, sessionId, ...window });
      return answerCsv(http, 'login-codes.csv', lines);
    },
  }),
];

/** Whole days in the zone of the workspace, the last one included. */
function windowOf({ from, to }: Filter, timeZone: string): { from?: number; to?: number } {
  const zone = zoneClock(timeZone);
  return {
    ...(from === undefined ? {} : { from: zone.startOfDate(from) }),
    ...(to === undefined ? {} : { to: zone.startOfDate(dateAfter(to)) }),
  };
}

const dateAfter = (date: string) => new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10);

function FilterForm({ view, query, sessions }: { view: View; query: Filter; sessions: string[] }) {
  const t = OTP_TEXTS(view.lang);
  const states = OTP_STATUSES.map((status) => [status, t.states[status][0]] as const);
  return (
    <Filters view={view} action={`${OTP}/log`} active={countFilters(query)}>
      <Field label={t.phone} name="phoneNumber" type="tel" value={query.phoneNumber} autocomplete="off" />
      <Select label={t.state} name="status" value={query.status} options={[['', t.all], ...states]} />
      {sessions.length > 1 && (
        <Select
          label={t.session}
          name="session"
          value={query.session}
          options={[['', t.all], ...sessions.map((name) => [name, name] as const)]}
        />
      )}
      <Field label={`${t.from} (${zoneOf(view)})`} name="from" type="date" value={query.from} />
      <Field label={`${t.until} (${zoneOf(view)})`} name="to" type="date" value={query.to} />
      <button type="submit">{t.filter}</button>
    </Filters>
  );
}

function Numbers({ view, statistics: s }: { view: View; statistics: OtpStatistics }) {
  const t = OTP_TEXTS(view.lang);
  const show = (n: number | null) => (n === null ? '10,000+' : num(view, n));
  return (
    <div class="cards tight">
      <Stat name={t.total}>{show(s.total)}</Stat>
      <Stat name={t.success} note={t.successNote}>
        {s.successRate === null ? '–' : `${num(view, s.successRate)}%`}
      </Stat>
      {(['verified', 'expired', 'failed', 'canceled'] as const).map((status) => (
        <Stat name={t.states[status][0]}>{show(s[status])}</Stat>
      ))}
    </div>
  );
}

/** Why it ended, or what its message waits for; of an open one also how long it holds. */
function Reason({ view, entry, waits }: { view: View; entry: OtpEntry; waits: WaitingFor[number] | null }) {
  const t = OTP_TEXTS(view.lang);
  const { status, reason, errorCode } = entry;
  if (status !== 'pending' && status !== 'sent') {
    const cause = reason === 'send_failed' ? explainError(view.lang, errorCode) : null;
    return <>{cause?.why ?? (reason === null ? '' : t.reasonOf(reason))}</>;
  }
  return (
    <>
      {waits !== null && (
        <p>
          {holdWords(view.lang, waits.reason).text}{' '}
          {waits.until !== null && (
            <span>
              {t.heldUntil} <Time at={waits.until} />.
            </span>
          )}
        </p>
      )}
      <span class="small muted">
        {t.validUntil} <Time at={entry.expiresAt} />
      </span>
    </>
  );
}

function Entries({ view, found }: { view: View; found: OtpLogWithReasons }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <Table label={t.logName} head={[t.created, t.phone, t.state, t.why, t.tried, t.session, t.ended]}>
      {found.logs.map((entry, i) => (
        <tr>
          <td>
            <Time at={entry.createdAt} />
          </td>
          <td class="mono">
            {view.may('otp') ? (
              <a href={`${OTP}/try/${entry.otpId}`}>{shownNumber(entry.phoneNumber)}</a>
            ) : (
              shownNumber(entry.phoneNumber)
            )}
          </td>
          <td>
            <StateBadge view={view} status={entry.status} />
          </td>
          <td>
            <Reason view={view} entry={entry} waits={found.reasons[i] ?? null} />
          </td>
          <td>{`${entry.attempts} / ${entry.maxAttempts}`}</td>
          <td>{entry.sessionId}</td>
          <td>
            <Time at={entry.endedAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
