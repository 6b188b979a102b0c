/** Trying it: a code is sent to a phone and typed in, as on the login page of a client. */

import type { Child } from 'hono/jsx';
import { z } from 'zod';
import { listOtpLog } from '../../../services/analytics/otp-log.ts';
import type { Ctx } from '../../../services/context.ts';
import { MAX_LENGTH, MIN_LENGTH } from '../../../services/otp/codes.ts';
import { getOtpSettings } from '../../../services/otp/country.ts';
import { expireOtp } from '../../../services/otp/expire.ts';
import { resendOtp } from '../../../services/otp/resend.ts';
import type { OtpView } from '../../../services/otp/schemas.ts';
import { sendOtp } from '../../../services/otp/send.ts';
import { getOtpStatus } from '../../../services/otp/status.ts';
import { listOtpTemplates, type OtpTemplate } from '../../../services/otp/templates.ts';
import { verifyOtp } from '../../../services/otp/verify.ts';
import { AppError } from '../../../utils/errors.ts';
import { CodeBlocks, CodeButton, givenFields } from '../code-part.tsx';
import { Crumb, NewSessionLink, Submit } from '../kit.tsx';
import { ErrorPart, WaitingPart } from '../messages/detail-progress.tsx';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, Facts, Field, Form, Live, NextLink, Select } from '../parts.tsx';
import { OtpPhone } from '../phone/drawn.tsx';
import {
  readSenders,
  type SenderChoices,
  SenderSelect,
  senderFields,
  senderOf,
} from '../sessions/sender.tsx';
import { CountryOffer, OTP, OtpHead, StateBadge } from './parts.tsx';
import { OTP_TEXTS } from './texts.ts';

const OtpParams = z.object({ otpId: z.string().length(32) });
const example = { params: { otpId: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b' } };
const EVENTS =
  'message.sent message.delivered message.failed otp.sent otp.verified otp.expired otp.failed otp.canceled otp.check_failed';
const pathOf = (otpId: string, rest = '') => `${OTP}/try/${otpId}${rest}`;

/** Before the first code: neither the service nor the tenant has said to which countries codes go. */
async function isToBeBounded(ctx: Ctx, view: View): Promise<boolean> {
  if (!view.may('settings') || ctx.config.otp.allowedCountries !== null) return false;
  if ((await getOtpSettings(ctx)).allowedCountries !== null) return false;
  return (await listOtpLog(ctx, { page: 1, limit: 1 })).logs.length === 0;
}

const SendForm = z.object({
  ...senderFields,
  to: z.string().trim().min(1).max(64),
  companyName: z.string().trim().max(100).optional(),
  template: z.string().max(64).optional(),
  language: z.enum(['id', 'en']).optional(),
  length: z.coerce.number().int().min(MIN_LENGTH).max(MAX_LENGTH).optional(),
  expiresInSeconds: z.coerce.number().int().min(60).max(86_400).optional(),
  maxAttempts: z.coerce.number().int().min(1).max(10).optional(),
});

export const tryPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/otp',
    auth: 'user',
    async handler({ ctx, view }) {
      const t = OTP_TEXTS(view.lang);
      const senders = await readSenders(ctx);
      const hasSession = senders.sessions.length > 0;
      const body = (
        <>
          <OtpHead view={view} current="" />
          {!view.canWrite && (
            <Empty view={view} title={t.readOnlyTitle} next={<NextLink to={`${OTP}/log`}>{t.log}</NextLink>}>
              <p>{t.readOnly}</p>
            </Empty>
          )}
          {view.canWrite && !hasSession && (
            <Empty
              view={view}
              title={t.linkFirst}
              next={view.may('sessions:write') && <NewSessionLink>{t.link}</NewSessionLink>}
            >
              <p>{t.linkText}</p>
            </Empty>
          )}
          {(await isToBeBounded(ctx, view)) && (
            <CountryOffer view={view} country={ctx.config.defaultCountry} />
          )}
          {view.canWrite && hasSession && (
            <SendPart view={view} senders={senders} templates={await listOtpTemplates(ctx)} />
          )}
        </>
      );
      return { title: t.title, section: 'otp', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/send',
    auth: 'user',
    form: SendForm,
    example: { form: { session: 'main', to: '081234567890' } },
    async handler({ ctx, view, form: { session, sessions, ...form } }) {
      const { answer } = await sendOtp(ctx, { ...form, ...senderOf({ session, sessions }) });
      return { redirect: pathOf(answer.otpId), done: OTP_TEXTS(view.lang).sent };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/code',
    auth: 'user',
    readOnlyMay: true,
    form: SendForm.extend({ to: z.string().trim().max(64).optional() }),
    example: { form: { session: 'main', to: '081234567890' } },
    handler: ({ ctx, view, form: { session, sessions, ...form }, http }) => {
      http.set('quiet', true);
      const body = givenFields({ ...senderOf({ session, sessions }), ...form });
      const url = `${ctx.config.publicUrl}/otp/send`;
      return { fragment: <CodeBlocks view={view} request={{ method: 'POST', url, body }} /> };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/otp/try/:otpId',
    auth: 'user',
    params: OtpParams,
    example,
    async handler({ ctx, view, params }) {
      if (!view.canWrite) return { redirect: OTP };
      const t = OTP_TEXTS(view.lang);
      const otp = await getOtpStatus(ctx, params);
      const body = (
        <>
          <Crumb to={OTP}>{t.back}</Crumb>
          <h1>{t.codeFor(otp.phoneNumber)}</h1>
          <div class={view.sandbox ? 'split' : undefined}>
            <div>
              <OtpState view={view} otp={otp} />
              {isOpen(otp) && <CheckPart view={view} otp={otp} />}
            </div>
            {view.sandbox && <OtpPhone otpId={otp.otpId} />}
          </div>
        </>
      );
      return { title: t.codeFor(otp.phoneNumber), section: 'otp', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/otp/try/:otpId/live',
    auth: 'user',
    params: OtpParams,
    example,
    async handler({ ctx, view, params }) {
      if (!view.canWrite) return { redirect: OTP };
      const otp = await getOtpStatus(ctx, params);
      // An open page changes as a whole when there is nothing left to type in.
      return isOpen(otp) ? { fragment: <OtpState view={view} otp={otp} /> } : { redirect: pathOf(otp.otpId) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/try/:otpId/check',
    auth: 'user',
    params: OtpParams,
    form: z.object({ otp: z.string().trim().min(1).max(32) }),
    example: { ...example, form: { otp: '123456' } },
    async handler({ ctx, view, params, form }) {
      const t = OTP_TEXTS(view.lang);
      try {
        await verifyOtp(ctx, { ...params, otp: form.otp });
        return { redirect: pathOf(params.otpId), done: t.verified };
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'OTP_INVALID') throw error;
        const left = Number(error.details?.attemptsLeft ?? 0);
        throw new AppError('OTP_INVALID', t.wrong(left));
      }
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/try/:otpId/resend',
    auth: 'user',
    params: OtpParams,
    example,
    async handler({ ctx, view, params }) {
      await resendOtp(ctx, params);
      return { redirect: pathOf(params.otpId), done: OTP_TEXTS(view.lang).resent };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/try/:otpId/expire',
    auth: 'user',
    params: OtpParams,
    example,
    async handler({ ctx, view, params }) {
      await expireOtp(ctx, params);
      return { redirect: pathOf(params.otpId), done: OTP_TEXTS(view.lang).expired };
    },
  }),
];

const isOpen = ({ status }: OtpView) => status === 'pending' || status === 'sent';

function SendPart({
  view,
  senders,
  templates,
}: {
  view: View;
  senders: SenderChoices;
  templates: OtpTemplate[];
}) {
  const t = OTP_TEXTS(view.lang);
  return (
    <section class="card">
      <h2>{t.try}</h2>
      <p>{t.tryAbout}</p>
      <Form view={view} id="otp-form" action={`${OTP}/send`} class="stack">
        <div class="columns">
          <SenderSelect view={view} label={t.session} senders={senders} />
          <Field
            label={t.to}
            name="to"
            type="tel"
            required
            maxlength={64}
            autocomplete="off"
            hint={<NumberHint>{t.toHint}</NumberHint>}
          />
          <Field
            label={t.company}
            name="companyName"
            maxlength={100}
            autocomplete="off"
            hint={t.companyHint}
          />
        </div>
        <MoreFields view={view} templates={templates} />
        <div class="row">
          <Submit>{t.send}</Submit>
        </div>
      </Form>
      <CodeButton view={view} form="otp-form" action={`${OTP}/code`} />
    </section>
  );
}

function MoreFields({ view, templates }: { view: View; templates: OtpTemplate[] }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <details>
      <summary>{t.more}</summary>
      <div class="columns">
        <Select
          label={t.template}
          name="template"
          options={[['', t.defaultText], ...templates.map(({ id, name }) => [id, name] as const)]}
        />
        <Select
          label={t.language}
          name="language"
          value={view.lang}
          options={[
            ['id', 'Bahasa Indonesia'],
            ['en', 'English'],
          ]}
        />
        <Field label={t.length} name="length" type="number" min={MIN_LENGTH} max={MAX_LENGTH} value={6} />
        <Field label={t.lifetime} name="expiresInSeconds" type="number" min={60} max={86_400} value={300} />
        <Field label={t.attempts} name="maxAttempts" type="number" min={1} max={10} value={3} />
      </div>
    </details>
  );
}

function OtpState({ view, otp }: { view: View; otp: OtpView }) {
  const t = OTP_TEXTS(view.lang);
  const open = isOpen(otp);
  const facts: [string, Child][] = [
    [t.state, <StateBadge view={view} status={otp.status} />],
    [t.sender, otp.sessionId],
    [t.sends, t.times(otp.sends)],
  ];
  if (open) {
    facts.push(
      [t.attemptsLeft, t.of(otp.attemptsLeft, otp.maxAttempts)],
      [
        t.validFor,
        <>
          <span data-until={otp.expiresAt}></span> {t.secondsLeft}
        </>,
      ],
    );
  } else if (otp.reason !== null) facts.push([t.why, t.reasonOf(otp.reason)]);
  return (
    <Live
      id="otp-state"
      class="card"
      src={pathOf(otp.otpId, '/live')}
      events={EVENTS}
      everySeconds={3}
      done={!open}
    >
      {otp.status === 'verified' ? (
        <div class="alert alert-good">
          <p>
            <b>{t.verified}</b>
          </p>
          <p>{t.verifiedText}</p>
        </div>
      ) : (
        <p>{t.states[otp.status][1]}</p>
      )}
      {otp.reason === 'send_failed' && <ErrorPart view={view} message={otp} />}
      <WaitingPart view={view} message={otp} />
      <Facts facts={facts} />
      {!open && (
        <p class="actions">
          <a class="button primary" href={OTP}>
            {t.again}
          </a>
        </p>
      )}
    </Live>
  );
}

function CheckPart({ view, otp }: { view: View; otp: OtpView }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <section class="card">
      <Form view={view} action={pathOf(otp.otpId, '/check')} class="stack">
        <Field
          label={t.code}
          name="otp"
          inputmode="numeric"
          autocomplete="one-time-code"
          required
          maxlength={32}
          hint={t.codeHint}
        />
        <div class="row">
          <Submit>{t.check}</Submit>
        </div>
      </Form>
      <div class="row actions">
        <ActionButton view={view} action={pathOf(otp.otpId, '/resend')}>
          {t.resend}
        </ActionButton>
        <ActionButton view={view} action={pathOf(otp.otpId, '/expire')} tone="danger" confirm={t.expireSure}>
          {t.expire}
        </ActionButton>
      </div>
    </section>
  );
}
