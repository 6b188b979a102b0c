/** Signing in and out, signing up, the own account, the language. */

import { z } from 'zod';
import { isFromThisMachine } from '../../../middlewares/address.ts';
import { makeDeviceMark } from '../../../services/auth/known-devices.ts';
import { confirmRegistration, register } from '../../../services/auth/registration.ts';
import { timeZoneOf, updateMe } from '../../../services/auth/settings.ts';
import { changePassword, login, signOut, signOutEverywhere } from '../../../services/auth/verbs.ts';
import { hasAdmin } from '../../../services/first-admin.ts';
import { readPlanName } from '../../../services/plans.ts';
import { readUsage } from '../../../services/quotas.ts';
import { requireSandbox } from '../../../services/sandbox/emulator.ts';
import { AppError } from '../../../utils/errors.ts';
import { isTimeZone } from '../../../utils/time-zone.ts';
import { Email, NewPassword, PersonName } from '../../schemas.ts';
import { forgetSignIn, keepDevice, keepLang, keepSignIn, readDevice, readSignIn } from '../cookies.ts';
import { LANGS } from '../i18n.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Check, Facts, Field, Form, Select, Ticked, Time } from '../parts.tsx';
import { Next, pathAfter, SECURITY } from '../paths.ts';
import { UsageCard } from '../usage.tsx';
import { accountLogPages } from './account-log.tsx';
import { identityCard, oidcPages, ProviderLinks } from './oidc.tsx';
import { securityPages } from './security.tsx';
import { secondStepOf, signInStepPages } from './sign-in-steps.tsx';
import { ACCOUNT_TEXTS, type AccountTexts, roleNames, SECURITY_TEXTS } from './texts.ts';

const VerificationToken = z.string().min(1).max(200);
const isZoneOrNone = (zone: string) => zone === '' || isTimeZone(zone);

export const accountPages: Page[] = [
  ...oidcPages,
  ...signInStepPages,
  ...securityPages,
  ...accountLogPages,
  page({
    method: 'post',
    path: '/dashboard/account/sign-out-everywhere',
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({ revokeApiKeys: Ticked }),
    async handler({ ctx, form, http, view }) {
      const { token } = await signOutEverywhere(ctx, form);
      keepSignIn(http, ctx.config, token);
      return { redirect: '/dashboard/account', done: ACCOUNT_TEXTS(view.lang).signedOutEverywhere };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/sign-in',
    auth: 'public',
    query: z.object({ next: Next }),
    async handler({ ctx, view, query, http }) {
      if (view.user) return { redirect: pathAfter(query.next) };
      const hasNoAdmin = !(await hasAdmin(ctx));
      const t = ACCOUNT_TEXTS(view.lang);
      const body = (
        <div class="card narrow">
          <h1>{t.signIn}</h1>
          {hasNoAdmin && (
            <p class="alert alert-warn">
              {t.noAdmin} <code class="wrap">npm run db:seed -- you@example.com</code>
            </p>
          )}
          <Form view={view} action="/dashboard/sign-in" class="stack">
            <input type="hidden" name="next" value={query.next ?? ''} />
            <Field label={t.email} name="email" type="email" autocomplete="username" required />
            <Field
              label={t.password}
              name="password"
              type="password"
              autocomplete="current-password"
              required
            />
            <Submit>{t.signIn}</Submit>
          </Form>
          <p>
            <a href="/dashboard/forgot-password">{SECURITY_TEXTS(view.lang).forgot}</a>
          </p>
          <ProviderLinks ctx={ctx} view={view} next={query.next} />
          {ctx.config.allowRegistration && (
            <p>
              {t.noAccount} <a href="/dashboard/sign-up">{t.signUp}</a>
            </p>
          )}
          {view.sandbox && isFromThisMachine(http, ctx.config.publicUrl) && (
            <Form view={view} action="/dashboard/sign-in/sandbox" class="stack">
              <input type="hidden" name="next" value={query.next ?? ''} />
              <Submit>{t.sandboxSignIn}</Submit>
            </Form>
          )}
          {view.sandbox && <p class="muted small">{t.sandboxHint}</p>}
        </div>
      );
      return { title: t.signIn, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sign-in',
    auth: 'public',
    readOnlyMay: true,
    form: z.object({
      email: z.string().trim().min(1).max(255),
      password: z.string().min(1).max(1024),
      next: Next,
    }),
    example: { form: { email: 'user@example.com', password: 'password123' } },
    async handler({ ctx, form, http }) {
      try {
        const { token, userId } = await login(ctx, { ...form, device: readDevice(http) });
        keepSignIn(http, ctx.config, token);
        keepDevice(http, ctx.config, await makeDeviceMark(ctx, userId));
      } catch (error) {
        const step = secondStepOf(http, ctx, error, form.next);
        if (step === null) throw error;
        return { redirect: step };
      }
      return { redirect: pathAfter(form.next) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sign-in/sandbox',
    auth: 'public',
    readOnlyMay: true,
    form: z.object({ next: Next }),
    example: { form: {} },
    async handler({ ctx, form, http }) {
      requireSandbox(ctx);
      // The origin proves nothing of who asks: elsewhere the password is needed.
      if (!isFromThisMachine(http, ctx.config.publicUrl)) return { redirect: '/dashboard/sign-in' };
      const { adminEmail: email, adminPassword: password } = ctx.config;
      if (!email || !password) throw new AppError('NOT_FOUND', 'There is nothing at this address.');
      const { token, userId } = await login(ctx, { email, password, device: readDevice(http) });
      keepSignIn(http, ctx.config, token);
      keepDevice(http, ctx.config, await makeDeviceMark(ctx, userId));
      return { redirect: pathAfter(form.next) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/sign-up',
    auth: 'public',
    handler({ ctx, view }) {
      const t = ACCOUNT_TEXTS(view.lang);
      if (view.user) return { redirect: '/dashboard' };
      const body = (
        <div class="card narrow">
          <h1>{t.signUp}</h1>
          {ctx.config.allowRegistration ? (
            <Form view={view} action="/dashboard/sign-up" class="stack">
              <Field label={t.name} name="name" autocomplete="name" required maxlength={100} />
              <Field label={t.email} name="email" type="email" autocomplete="username" required />
              <Field
                label={t.password}
                name="password"
                type="password"
                autocomplete="new-password"
                required
                minlength={8}
                hint={t.passwordHint}
              />
              <Submit>{t.signUp}</Submit>
            </Form>
          ) : (
            <p>{t.closed}</p>
          )}
          <p>
            {t.haveAccount} <a href="/dashboard/sign-in">{t.signIn}</a>
          </p>
        </div>
      );
      return { title: t.signUp, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sign-up',
    auth: 'public',
    readOnlyMay: true,
    form: z.object({ email: Email, password: NewPassword, name: PersonName }),
    example: { form: { email: 'new@example.com', password: 'password123', name: 'New' } },
    async handler({ ctx, form, http, view }) {
      const made = await register(ctx, { ...form, language: view.lang });
      if (made === 'confirm') {
        return { redirect: '/dashboard/sign-in', done: ACCOUNT_TEXTS(view.lang).mailSent };
      }
      keepSignIn(http, ctx.config, made.token);
      return { redirect: '/dashboard', done: ACCOUNT_TEXTS(view.lang).welcome };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/verify-email',
    auth: 'public',
    query: z.object({ token: VerificationToken }),
    example: { query: { token: 'x' } },
    // A page with a button: programs that follow the links of mails must not use it up.
    handler({ view, query }) {
      const t = ACCOUNT_TEXTS(view.lang);
      const body = (
        <div class="card narrow">
          <h1>{t.confirmEmail}</h1>
          <p>{t.confirmAbout}</p>
          <Form view={view} action="/dashboard/verify-email" class="stack">
            <input type="hidden" name="token" value={query.token} />
            <Field
              label={t.password}
              name="password"
              type="password"
              autocomplete="current-password"
              required
            />
            <Submit>{t.confirm}</Submit>
          </Form>
        </div>
      );
      return { title: t.confirmEmail, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/verify-email',
    auth: 'public',
    readOnlyMay: true,
    form: z.object({ token: VerificationToken, password: z.string().min(1).max(200) }),
    example: { form: { token: 'x', password: 'password123' } },
    async handler({ ctx, form, http, view }) {
      const { token } = await confirmRegistration(ctx, form);
      keepSignIn(http, ctx.config, token);
      return { redirect: '/dashboard', done: ACCOUNT_TEXTS(view.lang).welcome };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sign-out',
    auth: 'user',
    beforeSecondFactor: true,
    whileSuspended: true,
    readOnlyMay: true,
    async handler({ ctx, http }) {
      await signOut(ctx, { token: readSignIn(http) ?? '' });
      forgetSignIn(http, ctx.config);
      return { redirect: '/dashboard/sign-in' };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/language',
    auth: 'public',
    readOnlyMay: true,
    form: z.object({ lang: z.enum(LANGS), next: Next }),
    example: { form: { lang: 'id' } },
    handler({ ctx, form, http }) {
      keepLang(http, ctx.config, form.lang);
      return { redirect: pathAfter(form.next) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/account',
    auth: 'user',
    async handler({ ctx, view }) {
      const t = ACCOUNT_TEXTS(view.lang);
      const { user } = view;
      const usage = ctx.actor.sessionIds === null ? await readUsage(ctx) : null;
      const plan = await readPlanName(ctx);
      const body = (
        <>
          <h1>{t.account}</h1>
          <div class="card">
            <Facts
              facts={[
                [t.name, user?.name],
                [t.email, user?.email],
                [t.role, user ? roleNames(view.lang)[user.role] : ''],
                [t.lastSignIn, <Time at={user?.lastLoginAt} />],
              ]}
            />
          </div>
          {view.may('settings') && ctx.actor.sessionIds === null && (
            <TimeZoneCard t={t} view={view} ofService={ctx.config.housekeepingTimeZone} />
          )}
          <p>
            <a class="button" href={SECURITY}>
              {SECURITY_TEXTS(view.lang).title}
            </a>
          </p>
          <PasswordCard t={t} view={view} />
          {await identityCard(ctx, view)}
          <div class="card narrow">
            <h2>{t.signOutEverywhere}</h2>
            <p class="muted">{t.signOutAbout}</p>
            <Form view={view} action="/dashboard/account/sign-out-everywhere" class="stack">
              <Check name="revokeApiKeys" value="true" label={t.revokeKeys} />
              <button type="submit">{t.signOutEverywhere}</button>
            </Form>
          </div>
          {usage && <UsageCard view={view} usage={usage} plan={plan} />}
        </>
      );
      return { title: t.account, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/account/time-zone',
    auth: 'user',
    needs: 'settings',
    form: z.object({ timezone: z.string().trim().max(64).refine(isZoneOrNone, 'must be a time zone') }),
    example: { form: { timezone: 'Asia/Makassar' } },
    async handler({ ctx, form, view }) {
      await updateMe(ctx, { timezone: form.timezone === '' ? null : form.timezone });
      const zone = await timeZoneOf(ctx, ctx.actor.userId);
      return { redirect: '/dashboard/account', done: ACCOUNT_TEXTS(view.lang).timeZoneSaved(zone) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/account/password',
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({
      currentPassword: z.string().min(1).max(1024),
      newPassword: NewPassword,
      revokeApiKeys: Ticked,
    }),
    example: { form: { currentPassword: 'password123', newPassword: 'password456' } },
    async handler({ ctx, form, http, view }) {
      const { token } = await changePassword(ctx, form);
      keepSignIn(http, ctx.config, token);
      return { redirect: '/dashboard/account', done: ACCOUNT_TEXTS(view.lang).passwordChanged };
    },
  }),
];

function TimeZoneCard({ t, view, ofService }: { t: AccountTexts; view: View; ofService: string }) {
  const zones = Intl.supportedValuesOf('timeZone').map((zone): [string, string] => [zone, zone]);
  const none: [string, string] = ['', t.zoneOfService(ofService)];
  return (
    <div class="card narrow">
      <h2>{t.timeZone}</h2>
      <Form view={view} action="/dashboard/account/time-zone" class="stack">
        <Select
          label={t.timeZone}
          name="timezone"
          value={view.user?.timezone ?? ''}
          options={[none, ['UTC', 'UTC'], ...zones.filter(([zone]) => zone !== 'UTC')]}
        />
        <p class="muted small">{t.timeZoneAbout}</p>
        <button type="submit">{t.save}</button>
      </Form>
    </div>
  );
}

function PasswordCard({ t, view }: { t: AccountTexts; view: View }) {
  return (
    <div class="card narrow">
      <h2>{t.changePassword}</h2>
      <Form view={view} action="/dashboard/account/password" class="stack">
        <Field
          label={t.currentPassword}
          name="currentPassword"
          type="password"
          autocomplete="current-password"
          required
        />
        <Field
          label={t.newPassword}
          name="newPassword"
          type="password"
          autocomplete="new-password"
          required
          minlength={8}
          hint={t.passwordHint}
        />
        <Check name="revokeApiKeys" value="true" label={t.revokeKeys} />
        <Submit>{t.changePassword}</Submit>
      </Form>
    </div>
  );
}
