/** What may come before a sign-in is whole: the second factor, and a new password by a link. */
import type { Context } from 'hono';
import { z } from 'zod';
import { makeDeviceMark } from '../../../services/auth/known-devices.ts';
import { askForReset, resetPassword } from '../../../services/auth/password-reset.ts';
import { ResetToken } from '../../../services/auth/schemas.ts';
import { Assertion } from '../../../services/auth/second-factor/schemas.ts';
import { completeSignIn, readSignInOptions } from '../../../services/auth/second-factor/sign-in.ts';
import type { Ctx } from '../../../services/context.ts';
import { arriveAfterFactor } from '../../../services/oidc/sign-in.ts';
import { AppError } from '../../../utils/errors.ts';
import { Email, NewPassword } from '../../schemas.ts';
import { assetPath } from '../assets.ts';
import {
  forgetStep,
  forgetTrip,
  keepDevice,
  keepSignIn,
  keepStep,
  readDevice,
  readStepToken,
  readTrip,
} from '../cookies.ts';
import { Submit } from '../kit.tsx';
import { type Page, page } from '../page.ts';
import { Field, Form } from '../parts.tsx';
import { Next, pathAfter, SIGN_IN, secondStepPath } from '../paths.ts';
import { ACCOUNT_TEXTS, SECURITY_TEXTS } from './texts.ts';

const FORGOT = '/dashboard/forgot-password';
const RESET = '/dashboard/reset-password';
const CODE = `${SIGN_IN}/code`;

/**
 * Where a sign-in goes on that asks for a second factor, with what is needed there in a cookie; null for any other failure.
 */
export function secondStepOf(http: Context, { config }: Ctx, error: unknown, next?: string): string | null {
  if (!(error instanceof AppError) || error.code !== 'SECOND_FACTOR_REQUIRED') return null;
  keepStep(http, config, String(error.details?.token));
  return secondStepPath(next);
}

/** A button that asks the browser for a passkey and sends its form with what it gave. */
export function PasskeyButton({
  kind,
  options,
  failed,
  alone,
  children,
}: {
  kind: 'get' | 'create';
  options: Record<string, unknown>;
  /** what is said when the person declined */
  failed: string;
  /** nothing else sends the form */
  alone?: boolean;
  children: string;
}) {
  return (
    <>
      <script src={assetPath('webauthn.js')} defer />
      <input type="hidden" name={kind === 'get' ? 'assertion' : 'attestation'} value="" />
      <button type="button" data-passkey={kind} data-options={JSON.stringify(options)} data-failed={failed}>
        {children}
      </button>
      {alone && <button type="submit" hidden />}
      <p role="status" data-passkey-note />
    </>
  );
}

/** Null for whoever has no passkey, and where there are none. */
export async function optionsOrNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError && (error.code === 'NOT_FOUND' || error.code === 'NOT_SUPPORTED'))
      return null;
    throw error;
  }
}

export const signInStepPages: Page[] = [
  page({
    method: 'get',
    path: CODE,
    auth: 'public',
    query: z.object({ next: Next }),
    async handler({ ctx, view, query, http }) {
      const token = readStepToken(http);
      if (!token || view.user) return { redirect: view.user ? pathAfter(query.next) : SIGN_IN };
      const t = SECURITY_TEXTS(view.lang);
      const options = await optionsOrNull(() => readSignInOptions(ctx, { token }));
      const body = (
        <div class="card narrow">
          <h1>{t.codeTitle}</h1>
          <Form view={view} action={CODE} class="stack">
            <input type="hidden" name="next" value={query.next ?? ''} />
            <Field
              label={t.code}
              name="code"
              autocomplete="one-time-code"
              maxlength={64}
              hint={t.codeAbout}
            />
            <Submit>{t.goOn}</Submit>
          </Form>
          {options && (
            <Form view={view} action={CODE} class="stack">
              <input type="hidden" name="next" value={query.next ?? ''} />
              <PasskeyButton kind="get" options={options} failed={t.passkeyFailed} alone>
                {t.usePasskey}
              </PasskeyButton>
            </Form>
          )}
          <p>
            <a href={SIGN_IN}>{t.otherAccount}</a>
          </p>
        </div>
      );
      return { title: t.codeTitle, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: CODE,
    auth: 'public',
    readOnlyMay: true,
    form: z.object({
      code: z.string().trim().max(64).optional(),
      assertion: Assertion.optional(),
      next: Next,
    }),
    example: { form: { code: '123456' } },
    async handler({ ctx, form, http }) {
      const input = { ...form, token: readStepToken(http) ?? '', device: readDevice(http) };
      const { token, userId } = await completeSignIn(ctx, input);
      keepSignIn(http, ctx.config, token);
      keepDevice(http, ctx.config, await makeDeviceMark(ctx, userId));
      forgetStep(http, ctx.config);
      const sealed = readTrip(http);
      if (sealed !== undefined) {
        forgetTrip(http, ctx.config);
        await arriveAfterFactor(ctx, { personId: userId, sealed });
      }
      return { redirect: pathAfter(form.next) };
    },
  }),
  page({
    method: 'get',
    path: FORGOT,
    auth: 'public',
    handler({ ctx, view }) {
      const t = SECURITY_TEXTS(view.lang);
      const body = (
        <div class="card narrow">
          <h1>{t.forgotTitle}</h1>
          {ctx.config.smtp === null ? (
            <p>{t.forgotNoMail}</p>
          ) : (
            <Form view={view} action={FORGOT} class="stack">
              <p>{t.forgotAbout}</p>
              <Field
                label={ACCOUNT_TEXTS(view.lang).email}
                name="email"
                type="email"
                autocomplete="username"
                required
              />
              <Submit>{t.send}</Submit>
            </Form>
          )}
        </div>
      );
      return { title: t.forgotTitle, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: FORGOT,
    auth: 'public',
    readOnlyMay: true,
    form: z.object({ email: Email }),
    example: { form: { email: 'user@example.com' } },
    async handler({ ctx, form, view }) {
      await askForReset(ctx, { ...form, language: view.lang });
      return { redirect: SIGN_IN, done: SECURITY_TEXTS(view.lang).sent };
    },
  }),
  page({
    method: 'get',
    path: RESET,
    auth: 'public',
    query: z.object({ token: ResetToken }),
    example: { query: { token: 'x' } },
    // A page with a button: programs that follow the links of mails must not use it up.
    handler({ ctx, view, query }) {
      const t = SECURITY_TEXTS(view.lang);
      const body = (
        <div class="card narrow">
          <h1>{t.forgotTitle}</h1>
          <p>{t.resetAbout}</p>
          {ctx.oidc.list.length > 0 && <p>{t.resetUnlinks}</p>}
          <Form view={view} action={RESET} class="stack">
            <input type="hidden" name="token" value={query.token} />
            <Field
              label={t.newPassword}
              name="password"
              type="password"
              autocomplete="new-password"
              required
              minlength={8}
              hint={t.passwordHint}
            />
            <Submit>{t.setPassword}</Submit>
          </Form>
        </div>
      );
      return { title: t.forgotTitle, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: RESET,
    auth: 'public',
    readOnlyMay: true,
    form: z.object({ token: ResetToken, password: NewPassword }),
    example: { form: { token: 'x', password: 'password123' } },
    async handler({ ctx, form, view }) {
      await resetPassword(ctx, form);
      return { redirect: SIGN_IN, done: SECURITY_TEXTS(view.lang).passwordSet };
    },
  }),
];
