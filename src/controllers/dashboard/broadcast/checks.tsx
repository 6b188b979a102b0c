/** Checking many numbers: giving them, following the job, and the answers. */

import { z } from 'zod';
import {
  type CheckedNumberOutput,
  CheckedState,
  MAX_CHECKED,
  type NumberCheckOutput,
} from '../../../services/number-checks/schemas.ts';
import {
  cancelNumberCheck,
  checkNumbers,
  exportNumberCheck,
  getNumberCheck,
  listCheckedNumbers,
  listNumberChecks,
} from '../../../services/number-checks/verbs.ts';
import { number } from '../../broadcast/parts.ts';
import { answerCsv } from '../../csv-answer.ts';
import { SessionId } from '../../schemas.ts';
import { sessionOptions } from '../developers/keys.tsx';
import { texts } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import * as english from '../locales/en/broadcast-checks.ts';
import * as indonesian from '../locales/id/broadcast-checks.ts';
import { eitherOf } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import {
  ActionButton,
  Badge,
  Empty,
  Form,
  Live,
  NextLink,
  Select,
  Stat,
  Table,
  TextArea,
  Time,
} from '../parts.tsx';
import { NEW_SESSION } from '../paths.ts';
import { shownNumber } from '../shown-number.ts';
import { stateTone } from '../tones.ts';
import {
  BROADCAST,
  BroadcastHead,
  EXAMPLE_ID,
  id,
  More,
  num,
  PAGE_SIZE,
  Progress,
  piecesOf,
} from './parts.tsx';

const T = texts({ en: english.broadcastChecks, id: indonesian.broadcastChecks });
const STATUSES = texts({ en: english.checkStatuses, id: indonesian.checkStatuses });
const STATES = texts({ en: english.checkedStates, id: indonesian.checkedStates });
const REASONS = texts({ en: english.checkReasons, id: indonesian.checkReasons });

const CHECKS = `${BROADCAST}/checks`;
const pathOf = (checkId: string) => `${CHECKS}/${checkId}`;
const CheckParams = z.object({ checkId: id });
const example = { params: { checkId: EXAMPLE_ID } };
const cursor = z.string().max(100).optional().catch(undefined);
const numbers = z
  .string()
  .transform(piecesOf)
  .pipe(z.array(number).min(1, 'must hold a number').max(MAX_CHECKED, 'are more than 1,000'));

export const checkPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/checks',
    auth: 'user',
    query: z.object({ cursor }),
    async handler({ ctx, view, query }) {
      const t = T(view.lang);
      const checks = await listNumberChecks(ctx, { ...query, limit: PAGE_SIZE });
      const isEmpty = checks.data.length === 0 && query.cursor === undefined;
      const body = (
        <>
          <BroadcastHead view={view} tab="checks" />
          <p>{t.about}</p>
          {view.canWrite && <CheckForm view={view} sessions={await sessionOptions(ctx)} />}
          {isEmpty && (
            <Empty view={view} title={t.noneTitle} next={false}>
              <p>{t.noneText}</p>
            </Empty>
          )}
          {!isEmpty && (
            <div class="card">
              <Checks view={view} checks={checks.data} />
              <More view={view} isFirst={query.cursor === undefined} next={checks.nextCursor} />
            </div>
          )}
        </>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/checks',
    auth: 'user',
    form: z.object({ session: SessionId, numbers }),
    example: { form: { session: 'main', numbers: '081234567890' } },
    async handler({ ctx, view, form }) {
      const check = await checkNumbers(ctx, form, (made) => ({ status: 201, body: { ...made } }));
      return { redirect: pathOf(check.id), done: T(view.lang).started };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/checks/:checkId',
    auth: 'user',
    params: CheckParams,
    query: z.object({ cursor, state: CheckedState.optional().catch(undefined) }),
    example,
    async handler({ ctx, view, params, query }) {
      const t = T(view.lang);
      const check = await getNumberCheck(ctx, params);
      const results = await listCheckedNumbers(ctx, { ...params, ...query, limit: PAGE_SIZE });
      const title = t.checkOf(num(view, check.total));
      const body = (
        <>
          <Crumb to={CHECKS}>{t.back}</Crumb>
          <h1>{title}</h1>
          <CheckState view={view} check={check} />
          <div class="card">
            <StateFilter view={view} check={check} current={query.state} />
            <Results view={view} results={results.data} />
            <More view={view} isFirst={query.cursor === undefined} next={results.nextCursor} />
            <p>
              <a class="button small" href={`${pathOf(check.id)}/csv`} download>
                {t.download}
              </a>
            </p>
          </div>
        </>
      );
      return { title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/checks/:checkId/live',
    auth: 'user',
    params: CheckParams,
    example,
    async handler({ ctx, view, params }) {
      const check = await getNumberCheck(ctx, params);
      if (check.status === 'running') return { fragment: <CheckState view={view} check={check} /> };
      // The whole page again, with the answers.
      return { redirect: pathOf(check.id) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/checks/:checkId/csv',
    auth: 'user',
    params: CheckParams,
    example,
    async handler({ ctx, params, http }) {
      const { fileName, lines } = await exportNumberCheck(ctx, params);
      return answerCsv(http, fileName, lines);
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/checks/:checkId/cancel',
    auth: 'user',
    params: CheckParams,
    example,
    async handler({ ctx, view, params }) {
      await cancelNumberCheck(ctx, params);
      return { redirect: pathOf(params.checkId), done: T(view.lang).canceled };
    },
  }),
];

function CheckForm({ view, sessions }: { view: View; sessions: readonly string[] }) {
  const t = T(view.lang);
  if (sessions.length === 0) {
    return (
      <Empty
        view={view}
        title={t.noSessionTitle}
        next={view.may('sessions:write') && <NextLink to={NEW_SESSION}>{t.newSession}</NextLink>}
      >
        <p>{t.noSessionText}</p>
      </Empty>
    );
  }
  return (
    <div class="card">
      <Form view={view} action={CHECKS} class="stack">
        <Select label={t.session} name="session" options={sessions.map((name) => [name, name])} required />
        <TextArea label={t.numbers} name="numbers" required rows={6} hint={t.numbersHint} />
        <div class="row">
          <Submit>{t.start}</Submit>
        </div>
      </Form>
    </div>
  );
}

function Checks({ view, checks }: { view: View; checks: readonly NumberCheckOutput[] }) {
  const t = T(view.lang);
  return (
    <Table label={t.past} head={[t.begun, t.session, t.state, t.progress, STATES(view.lang).registered]}>
      {checks.map((check) => (
        <tr>
          <td>
            <a href={pathOf(check.id)}>
              <Time at={check.createdAt} relative />
            </a>
          </td>
          <td>{check.session}</td>
          <td>
            <Badge tone={stateTone(check.status)}>{STATUSES(view.lang)[check.status]}</Badge>
          </td>
          <td>{t.doneOf(num(view, check.done), num(view, check.total))}</td>
          <td>{num(view, check.registered)}</td>
        </tr>
      ))}
    </Table>
  );
}

function CheckState({ view, check }: { view: View; check: NumberCheckOutput }) {
  const t = T(view.lang);
  const running = check.status === 'running';
  return (
    <Live
      id="check-state"
      src={`${pathOf(check.id)}/live`}
      events="session.status"
      everySeconds={3}
      done={!running}
    >
      <div class="card">
        <p>
          <Badge tone={stateTone(check.status)}>{STATUSES(view.lang)[check.status]}</Badge>{' '}
          {t.doneOf(num(view, check.done), num(view, check.total))}
        </p>
        {running && <Progress label={t.progress} percent={check.percent} />}
        <Reason view={view} check={check} />
        {running && <p class="muted small">{t.leave}</p>}
        {running && view.canWrite && (
          <ActionButton view={view} action={`${pathOf(check.id)}/cancel`} small confirm={t.cancelSure}>
            {t.cancel}
          </ActionButton>
        )}
      </div>
      <div class="cards">
        <Stat name={STATES(view.lang).registered}>{num(view, check.registered)}</Stat>
        <Stat name={STATES(view.lang).not_registered}>{num(view, check.notRegistered)}</Stat>
        {check.unknown > 0 && <Stat name={STATES(view.lang).unknown}>{num(view, check.unknown)}</Stat>}
        <Stat name={STATES(view.lang).invalid}>{num(view, check.invalid)}</Stat>
      </div>
    </Live>
  );
}

function Reason({ view, check }: { view: View; check: NumberCheckOutput }) {
  const t = T(view.lang);
  const text = reasonText(view, check);
  if (text === null) return null;
  return (
    <>
      <p role="status">{text}</p>
      {check.waitingSince !== null && (
        <p class="muted small">
          {t.waitingSince} <Time at={check.waitingSince} />. {t.nextAttempt}{' '}
          <Time at={check.nextAttemptAt} relative />. {t.givesUp} <Time at={check.givesUpAt} />.
        </p>
      )}
    </>
  );
}

function reasonText(view: View, { reason, status }: NumberCheckOutput): string | null {
  const t = REASONS(view.lang);
  switch (reason) {
    case 'not_connected':
      return status === 'failed' ? T(view.lang).neverConnected : t.not_connected;
    case 'session_deleted':
      return t.session_deleted;
    case 'no_answer':
      return status === 'failed' ? T(view.lang).gaveUp : t.no_answer;
    default:
      return reason;
  }
}

function StateFilter({
  view,
  check,
  current,
}: {
  view: View;
  check: NumberCheckOutput;
  current: z.output<typeof CheckedState> | undefined;
}) {
  const t = T(view.lang);
  const all = [
    ['', t.all],
    ...CheckedState.options.map((state) => [state, STATES(view.lang)[state]]),
  ] as const;
  return (
    <form class="filter" method="get" action={pathOf(check.id)} aria-label={t.filter}>
      <Select label={t.result} name="state" value={current} options={all.map(([a = '', b = '']) => [a, b])} />
      <button type="submit">{t.filter}</button>
    </form>
  );
}

function Results({ view, results }: { view: View; results: readonly CheckedNumberOutput[] }) {
  const t = T(view.lang);
  return (
    <Table label={t.result} head={[t.number, t.result, t.account]}>
      {results.map(({ number: written, phone, readings, state, jid }) => (
        <tr>
          <td class="mono">{phone === null ? written : shownNumber(phone)}</td>
          <td>
            <Badge tone={stateTone(state)}>{STATES(view.lang)[state]}</Badge>
            {readings.length > 1 && <div class="small">{t.readings(eitherOf(view.lang, readings))}</div>}
          </td>
          <td class="mono">{jid ?? '–'}</td>
        </tr>
      ))}
    </Table>
  );
}
