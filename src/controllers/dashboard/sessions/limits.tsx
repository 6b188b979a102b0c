/** How fast a session may send, and its breaker. */

import { z } from 'zod';
import { SessionId } from '../../../services/sessions/index.ts';
import {
  getLimits,
  LimitsInput,
  type LimitsOutput,
  MAX_RESERVE_PERCENT,
  putLimits,
} from '../../../services/sessions/limits.ts';
import { AppError } from '../../../utils/errors.ts';
import { issueWords } from '../../../utils/issue-words.ts';
import type { Lang } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Facts, Field, Form, Time } from '../parts.tsx';
import { count, sessionPath } from './parts.tsx';
import { LIMIT_TEXTS } from './texts.ts';

const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'main' } };
const ZONES = [
  'Asia/Jakarta',
  'Asia/Makassar',
  'Asia/Jayapura',
  'Asia/Singapore',
  'Asia/Kuala_Lumpur',
  'Asia/Kolkata',
  'America/Sao_Paulo',
  'Europe/London',
  'Europe/Berlin',
  'UTC',
];

const seconds = (view: View, ms: number) => count(view, ms / 1000);

/** The limits that count now, in short. */
export function LimitsCard({ view, limits }: { view: View; limits: LimitsOutput }) {
  const t = LIMIT_TEXTS(view.lang);
  const { pace, reserved, quietHours, warmUp, breaker } = limits;
  const n = (value: number) => count(view, value);
  const limit = (name: 'perMinute' | 'perHour' | 'perRecipientPerHour') => (
    <>
      {n(pace[name])}
      {reserved[name] > 0 && <div class="small muted">{t.kept(n(reserved[name]))}</div>}
    </>
  );
  return (
    <div class="card">
      <h2>{t.title}</h2>
      <Facts
        facts={[
          [t.gap, t.gapValue(seconds(view, pace.delayMinMs), seconds(view, pace.delayMaxMs))],
          [t.perMinute, limit('perMinute')],
          [t.perHour, limit('perHour')],
          [t.perRecipient, limit('perRecipientPerHour')],
          [t.reserve, reservedWords(view, reserved)],
          [t.quiet, <QuietHours view={view} quietHours={quietHours} />],
          [t.warmUp, <WarmUp view={view} warmUp={warmUp} />],
          [t.newContacts, <NewContacts view={view} contacts={limits.newContacts} />],
          [t.breaker, <Breaker view={view} breaker={breaker} restriction={limits.restriction} />],
        ]}
      />
      {view.canWrite && (
        <div class="row actions">
          <a class="button" href={sessionPath(limits.sessionId, '/limits')}>
            {t.edit}
          </a>
        </div>
      )}
    </div>
  );
}

function QuietHours({ view, quietHours }: { view: View; quietHours: LimitsOutput['quietHours'] }) {
  const t = LIMIT_TEXTS(view.lang);
  if (quietHours === null) return <>{t.none}</>;
  return (
    <>
      {`${quietHours.from}–${quietHours.to} ${quietHours.timeZone}`}
      {quietHours.quietUntil !== null && (
        <div class="small">
          <Badge tone="warn">{t.quietNow}</Badge> <Time at={quietHours.quietUntil} />
        </div>
      )}
    </>
  );
}

function WarmUp({ view, warmUp }: { view: View; warmUp: LimitsOutput['warmUp'] }) {
  const t = LIMIT_TEXTS(view.lang);
  if (warmUp === null) return <>{t.none}</>;
  return (
    <>
      {t.warmUpValue(count(view, warmUp.startPerHour), count(view, warmUp.days))}
      <div class="small">
        {t.until} <Time at={warmUp.until} />
      </div>
    </>
  );
}

function reservedWords(view: View, { reason, percent }: LimitsOutput['reserved']): string {
  const t = LIMIT_TEXTS(view.lang);
  if (reason === 'none') return t.reserveNone;
  return (reason === 'own' ? t.reserveOwn : t.reserveCodes)(count(view, percent));
}

function NewContacts({ view, contacts }: { view: View; contacts: LimitsOutput['newContacts'] }) {
  const t = LIMIT_TEXTS(view.lang);
  const n = (value: number) => count(view, value);
  const { perDay, reason, remaining, reserved, nextAt, whatsapp } = contacts;
  return (
    <>
      {perDay === null ? t.newContactsNone : t.newContactsValue(n(remaining ?? 0), n(perDay))}
      {reserved > 0 && <div class="small muted">{t.kept(n(reserved))}</div>}
      {nextAt !== null && (
        <div class="small">
          <Badge tone="warn">{t.newContactsSpent}</Badge> <Time at={nextAt} />
        </div>
      )}
      {reason === 'young' && <div class="small muted">{t.newContactsYoung}</div>}
      {whatsapp !== null && (
        <div class="small">
          {t.newContactsCap(n(whatsapp.used), whatsapp.total === null ? '?' : n(whatsapp.total))}
          {whatsapp.until !== null && (
            <>
              {' '}
              {t.until} <Time at={whatsapp.until} />
            </>
          )}
        </div>
      )}
    </>
  );
}

interface BreakerProps {
  view: View;
  breaker: LimitsOutput['breaker'];
  restriction: LimitsOutput['restriction'];
}

function Breaker({ view, breaker, restriction }: BreakerProps) {
  const t = LIMIT_TEXTS(view.lang);
  if (breaker.state === 'closed') return <>{t.closed}</>;
  return (
    <>
      <Badge tone="bad">{t.open}</Badge>
      <p class="small">{restriction === null ? t.breakerWhy : t.restrictedWhy}</p>
      <p class="small">
        {t.until} <Time at={breaker.until} />. {t.trips}: {count(view, breaker.trips)}.
      </p>
    </>
  );
}

const Seconds = z.coerce.number().min(0).optional();
const Whole = z.coerce.number().int().optional();
const LimitsForm = z.object({
  delayMinMs: Seconds,
  delayMaxMs: Seconds,
  perMinute: Whole,
  perHour: Whole,
  perRecipientPerHour: Whole,
  otpReservePercent: Whole,
  newContactsPerDay: Whole,
  accountSince: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  timeZone: z.string().optional(),
  days: Whole,
  startPerHour: Whole,
});
type LimitsForm = z.output<typeof LimitsForm>;

/** An empty field goes back to the service's own; a warm-up that stays as it is does not start again. */
function toInput(form: LimitsForm, before: LimitsOutput, lang: Lang): LimitsInput {
  const t = LIMIT_TEXTS(lang);
  const ms = (value: number | undefined) => (value === undefined ? null : Math.round(value * 1000));
  const { from, to, timeZone, days, startPerHour } = form;
  const isQuiet = from !== undefined || to !== undefined;
  const isWarm = days !== undefined || startPerHour !== undefined;
  const missing: Record<string, string> = {};
  if (isQuiet && from === undefined) missing.from = t.missingPart;
  if (isQuiet && to === undefined) missing.to = t.missingPart;
  if (isQuiet && timeZone === undefined) missing.timeZone = t.missingZone;
  if (isWarm && days === undefined) missing.days = t.missingPart;
  if (isWarm && startPerHour === undefined) missing.startPerHour = t.missingPart;
  if (Object.keys(missing).length > 0) throw invalid(missing);
  const sameWarmUp = before.warmUp?.days === days && before.warmUp?.startPerHour === startPerHour;
  const limits = {
    delayMinMs: ms(form.delayMinMs),
    delayMaxMs: ms(form.delayMaxMs),
    perMinute: form.perMinute ?? null,
    perHour: form.perHour ?? null,
    perRecipientPerHour: form.perRecipientPerHour ?? null,
    otpReservePercent: form.otpReservePercent ?? null,
    newContactsPerDay: form.newContactsPerDay ?? null,
    accountSince: form.accountSince ?? null,
    quietHours: isQuiet ? { from, to, timeZone } : null,
    ...(sameWarmUp ? {} : { warmUp: isWarm ? { days, startPerHour } : null }),
  };
  const result = LimitsInput.safeParse(limits, { error: issueWords });
  if (result.success) return result.data;
  // The last part of a path is the name of the form's field.
  throw invalid(Object.fromEntries(result.error.issues.map(({ path, message }) => [fieldOf(path), message])));
}

function fieldOf(path: readonly PropertyKey[]): string {
  const name = String(path.at(-1) ?? 'form');
  return name === 'quietHours' ? 'to' : name;
}

function invalid(details: Record<string, string>): AppError {
  return new AppError('VALIDATION_FAILED', 'Some fields are not right.', { details });
}

function EditForm({ view, limits }: { view: View; limits: LimitsOutput }) {
  const t = LIMIT_TEXTS(view.lang);
  return (
    <Form view={view} action={sessionPath(limits.sessionId, '/limits')} class="stack">
      <PaceFields view={view} limits={limits} />
      <ContactFields view={view} limits={limits} />
      <QuietFields view={view} quietHours={limits.quietHours} />
      <WarmUpFields view={view} warmUp={limits.warmUp} />
      <div class="row">
        <Submit>{t.save}</Submit>
        <a class="button" href={sessionPath(limits.sessionId)}>
          {t.cancel}
        </a>
      </div>
    </Form>
  );
}

const WHOLE = { type: 'number', inputmode: 'numeric', min: 1 } as const;

/** The service's own values are the placeholders, and the bounds. */
function PaceFields({ view, limits: { own, maxima } }: { view: View; limits: LimitsOutput }) {
  const t = LIMIT_TEXTS(view.lang);
  const gap = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return (
    <div class="columns">
      {(
        [
          ['delayMinMs', t.delayMin],
          ['delayMaxMs', t.delayMax],
        ] as const
      ).map(([name, label]) => (
        <Field
          label={label}
          name={name}
          type="number"
          inputmode="decimal"
          step="0.1"
          min={maxima[name] / 1000}
          value={gap(own[name])}
          placeholder={String(maxima[name] / 1000)}
          hint={t.atLeast(seconds(view, maxima[name]))}
        />
      ))}
      {(
        [
          ['perMinute', t.perMinute],
          ['perHour', t.perHour],
          ['perRecipientPerHour', t.perRecipient],
        ] as const
      ).map(([name, label]) => (
        <Field
          label={label}
          name={name}
          {...WHOLE}
          max={maxima[name]}
          value={own[name]}
          placeholder={String(maxima[name])}
          hint={t.atMost(count(view, maxima[name]))}
        />
      ))}
      <Field
        label={t.reservePercent}
        name="otpReservePercent"
        type="number"
        inputmode="numeric"
        min={0}
        max={MAX_RESERVE_PERCENT}
        value={own.otpReservePercent}
        hint={t.reserveHint}
      />
    </div>
  );
}

function ContactFields({ view, limits: { own, newContacts } }: { view: View; limits: LimitsOutput }) {
  const t = LIMIT_TEXTS(view.lang);
  return (
    <fieldset>
      <legend>{t.newContacts}</legend>
      <p class="muted small">{t.newContactsHint}</p>
      <div class="columns">
        <Field
          label={t.newContacts}
          name="newContactsPerDay"
          {...WHOLE}
          value={own.newContactsPerDay}
          hint={t.newContactsEmpty}
        />
        <Field
          label={t.accountSince}
          name="accountSince"
          type="date"
          value={newContacts.accountSince ?? undefined}
          hint={t.accountSinceHint}
        />
      </div>
    </fieldset>
  );
}

function QuietFields({ view, quietHours }: { view: View; quietHours: LimitsOutput['quietHours'] }) {
  const t = LIMIT_TEXTS(view.lang);
  return (
    <fieldset>
      <legend>{t.quiet}</legend>
      <p class="muted small">{t.quietHint}</p>
      <div class="columns">
        <Field label={t.from} name="from" type="time" value={quietHours?.from} />
        <Field label={t.to} name="to" type="time" value={quietHours?.to} />
        <Field
          label={t.zone}
          name="timeZone"
          list="zones"
          value={quietHours?.timeZone}
          hint={t.zoneHint}
          autocomplete="off"
        />
      </div>
      <datalist id="zones">
        {ZONES.map((zone) => (
          <option value={zone} />
        ))}
      </datalist>
    </fieldset>
  );
}

function WarmUpFields({ view, warmUp }: { view: View; warmUp: LimitsOutput['warmUp'] }) {
  const t = LIMIT_TEXTS(view.lang);
  return (
    <fieldset>
      <legend>{t.warmUp}</legend>
      <p class="muted small">{t.warmUpHint}</p>
      <div class="columns">
        <Field label={t.days} name="days" {...WHOLE} max={90} value={warmUp?.days} />
        <Field label={t.startPerHour} name="startPerHour" {...WHOLE} value={warmUp?.startPerHour} />
      </div>
    </fieldset>
  );
}

export const limitPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId/limits',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      const t = LIMIT_TEXTS(view.lang);
      const limits = await getLimits(ctx, { sessionId });
      if (!view.canWrite) return { redirect: sessionPath(sessionId) };
      const body = (
        <>
          <Crumb to={sessionPath(sessionId)}>{sessionId}</Crumb>
          <h1>{t.title}</h1>
          <div class="card">
            <p class="muted">{t.intro}</p>
            <EditForm view={view} limits={limits} />
          </div>
        </>
      );
      return { title: `${t.title} · ${sessionId}`, section: 'sessions', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/limits',
    auth: 'user',
    params,
    form: LimitsForm,
    example,
    async handler({ ctx, view, params: { sessionId }, form }) {
      const before = await getLimits(ctx, { sessionId });
      await putLimits(ctx, sessionId, toInput(form, before, view.lang));
      return { redirect: sessionPath(sessionId), done: LIMIT_TEXTS(view.lang).saved };
    },
  }),
];
