/** A person's second factors, recovery codes and sign-ins. */
import type { Context } from 'hono';
import { z } from 'zod';
import { SignInParams } from '../../../services/auth/schemas.ts';
import {
  Assertion,
  Attestation,
  FactorName,
  FactorParams,
} from '../../../services/auth/second-factor/schemas.ts';
import {
  askPasskey,
  confirmFactor,
  confirmPasskey,
  confirmTotp,
  enrolPasskey,
  enrolTotp,
  type FactorsView,
  listFactors,
  type NewFactor,
  removeFactor,
  renewRecoveryCodes,
} from '../../../services/auth/second-factor/verbs.ts';
import { endSignIn, listSignIns, type SignInInfo } from '../../../services/auth/sign-ins.ts';
import type { Ctx } from '../../../services/context.ts';
import { keepSignIn } from '../cookies.ts';
import { Crumb, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Field, Form, Table, Time } from '../parts.tsx';
import { SECURITY } from '../paths.ts';
import { ACCOUNT_LOG } from './account-log.tsx';
import { optionsOrNull, PasskeyButton } from './sign-in-steps.tsx';
import { SECURITY_TEXTS, type SecurityTexts } from './texts.ts';

/** Where the next step of setting something up is shown. */
const STEP = 'security-step';
const CODES = 'recovery-codes';
const example = { params: { id: '0'.repeat(32) } };
const Password = z.string().min(1).max(1024);
const proof = {
  code: z.string().trim().max(64).optional(),
  assertion: Assertion.optional(),
  token: z.string().max(200).optional(),
};
type Step = Awaited<ReturnType<typeof askPasskey>> | null;

export const securityPages: Page[] = [
  page({
    method: 'get',
    path: SECURITY,
    auth: 'user',
    beforeSecondFactor: true,
    async handler({ ctx, view }) {
      const t = SECURITY_TEXTS(view.lang);
      const factors = await listFactors(ctx);
      const signIns = await listSignIns(ctx);
      const hasPasskey = factors.data.some(({ kind }) => kind === 'passkey');
      const step = hasPasskey ? await optionsOrNull(() => askPasskey(ctx)) : null;
      const hasFactors = factors.data.length > 0;
      const body = (
        <>
          <Crumb to="/dashboard/account">{view.user?.email}</Crumb>
          <h1>{t.title}</h1>
          {factors.missing && <p class="alert alert-bad">{t.required}</p>}
          {hasFactors && !factors.proven && <GiveCard t={t} view={view} step={step} />}
          <div id={STEP} aria-live="polite" />
          <FactorsCard t={t} view={view} factors={factors} step={step} />
          <AddCards t={t} view={view} factors={factors} />
          {hasFactors && <CodesCard t={t} view={view} factors={factors} step={step} />}
          <SignInsCard t={t} view={view} signIns={signIns} />
        </>
      );
      return { title: t.title, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: `${SECURITY}/give`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object(proof),
    example: { form: { code: '123456' } },
    async handler({ ctx, form, http, view }) {
      const { token } = await confirmFactor(ctx, form);
      keepSignIn(http, ctx.config, token);
      return { redirect: SECURITY, done: SECURITY_TEXTS(view.lang).given };
    },
  }),
  page({
    method: 'post',
    path: `${SECURITY}/totp`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({ name: FactorName.optional(), password: Password.optional() }),
    example: { form: { password: 'password123' } },
    async handler({ ctx, form, view }) {
      const t = SECURITY_TEXTS(view.lang);
      const { id, secret, qrCode } = await enrolTotp(ctx, form);
      const fragment = (
        <section class="card">
          <h2>{t.scan}</h2>
          <img class="qr" src={qrCode} alt={t.scan} width={240} height={240} />
          <p>{t.byHand}</p>
          <pre tabindex={0}>{secret}</pre>
          <Form view={view} action={`${SECURITY}/totp/confirm`} target={`#${STEP}`} class="stack">
            <input type="hidden" name="id" value={id} />
            <Field
              id="f-first-code"
              label={t.code}
              name="code"
              inputmode="numeric"
              autocomplete="one-time-code"
              required
              hint={t.confirmCode}
            />
            <Submit>{t.confirm}</Submit>
          </Form>
        </section>
      );
      return { fragment };
    },
  }),
  page({
    method: 'post',
    path: `${SECURITY}/totp/confirm`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({ id: z.string().max(64), code: z.string().trim().min(1).max(64) }),
    example: { form: { id: '0'.repeat(32), code: '123456' } },
    handler: async ({ ctx, form, http, view }) => afterAdding(ctx, http, view, await confirmTotp(ctx, form)),
  }),
  page({
    method: 'post',
    path: `${SECURITY}/passkey`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({ name: FactorName.optional(), password: Password.optional() }),
    example: { form: { password: 'password123' } },
    async handler({ ctx, form, view }) {
      const t = SECURITY_TEXTS(view.lang);
      const { token, options } = await enrolPasskey(ctx, form);
      const fragment = (
        <section class="card">
          <h2>{t.addPasskey}</h2>
          <Form view={view} action={`${SECURITY}/passkey/confirm`} target={`#${STEP}`} class="stack">
            <input type="hidden" name="token" value={token} />
            <input type="hidden" name="name" value={form.name ?? ''} />
            <PasskeyButton kind="create" options={options} failed={t.passkeyFailed} alone>
              {t.createPasskey}
            </PasskeyButton>
          </Form>
        </section>
      );
      return { fragment };
    },
  }),
  page({
    method: 'post',
    path: `${SECURITY}/passkey/confirm`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({ token: z.string().max(200), name: FactorName.optional(), attestation: Attestation }),
    example: { form: { token: 'x', attestation: '{}' } },
    handler: async ({ ctx, form, http, view }) =>
      afterAdding(ctx, http, view, await confirmPasskey(ctx, form)),
  }),
  page({
    method: 'post',
    path: `${SECURITY}/factors/:id/remove`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    params: FactorParams,
    form: z.object({ ...proof, password: Password.optional() }),
    example: { ...example, form: { password: 'password123', code: '123456' } },
    async handler({ ctx, params, form, view }) {
      await removeFactor(ctx, { ...form, ...params });
      return { redirect: SECURITY, done: SECURITY_TEXTS(view.lang).removed };
    },
  }),
  page({
    method: 'post',
    path: `${SECURITY}/recovery-codes`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    form: z.object({ ...proof, password: Password.optional() }),
    example: { form: { password: 'password123', code: '123456' } },
    async handler({ ctx, form, view }) {
      const codes = await renewRecoveryCodes(ctx, form);
      return { fragment: <NewCodes t={SECURITY_TEXTS(view.lang)} codes={codes} /> };
    },
  }),
  page({
    method: 'post',
    path: `${SECURITY}/sign-ins/:id/end`,
    auth: 'user',
    beforeSecondFactor: true,
    readOnlyMay: true,
    params: SignInParams,
    example,
    async handler({ ctx, params, view }) {
      await endSignIn(ctx, params);
      return { redirect: SECURITY, done: SECURITY_TEXTS(view.lang).ended };
    },
  }),
];

/** The cookie of a sign-in that is known goes on: the forms of the page belong to it. */
function afterAdding(ctx: Ctx, http: Context, view: View, { token, recoveryCodes }: NewFactor) {
  const t = SECURITY_TEXTS(view.lang);
  if (ctx.actor.signInId === undefined) keepSignIn(http, ctx.config, token);
  if (recoveryCodes === null) return { redirect: SECURITY, done: t.isAdded };
  return { fragment: <NewCodes t={t} codes={recoveryCodes} /> };
}

function NewCodes({ t, codes }: { t: SecurityTexts; codes: readonly string[] }) {
  return (
    <section class="card">
      <h2>{t.codes}</h2>
      <p class="alert alert-good">{t.codesOnce}</p>
      <pre id={CODES} tabindex={0}>
        {codes.join('\n')}
      </pre>
      <div class="row">
        <button type="button" data-copy={CODES} data-copied={t.copied}>
          {t.copy}
        </button>
        <a class="button primary" href={SECURITY}>
          {t.done}
        </a>
      </div>
    </section>
  );
}

interface CardProps {
  t: SecurityTexts;
  view: View;
}

/** The code, or the passkey when there is one. */
function Proof({ t, step, id }: { t: SecurityTexts; step: Step; id: string }) {
  return (
    <>
      <Field
        label={t.code}
        name="code"
        id={`f-code-${id}`}
        autocomplete="one-time-code"
        maxlength={64}
        hint={t.codeAbout}
      />
      {step && (
        <>
          <input type="hidden" name="token" value={step.token} />
          <PasskeyButton kind="get" options={step.options} failed={t.passkeyFailed}>
            {t.usePasskey}
          </PasskeyButton>
        </>
      )}
    </>
  );
}

function GiveCard({ t, view, step }: CardProps & { step: Step }) {
  return (
    <section class="card narrow">
      <h2>{t.give}</h2>
      <Form view={view} action={`${SECURITY}/give`} class="stack">
        <Proof t={t} step={step} id="give" />
        <Submit>{t.goOn}</Submit>
      </Form>
    </section>
  );
}

function PasswordField({ t, id, optional }: { t: SecurityTexts; id: string; optional?: boolean }) {
  return (
    <Field
      label={t.currentPassword}
      name="password"
      id={`f-password-${id}`}
      type="password"
      autocomplete="current-password"
      {...(optional ? { hint: t.passwordLater } : { required: true })}
    />
  );
}

function FactorsCard({ t, view, factors, step }: CardProps & { factors: FactorsView; step: Step }) {
  return (
    <section class="card">
      <h2>{t.factors}</h2>
      <p class="muted">{t.factorsAbout}</p>
      {factors.data.length === 0 && <p>{t.none}</p>}
      {factors.data.map(({ id, kind, name, createdAt, lastUsedAt }) => (
        <details>
          <summary>
            {t[kind]}: {name}
          </summary>
          <p class="muted">
            {t.added} <Time at={createdAt} />, {t.lastUsed} <Time at={lastUsedAt} relative />
          </p>
          <p>{t.proof}</p>
          <Form view={view} action={`${SECURITY}/factors/${id}/remove`} class="stack">
            {factors.hasPassword && <PasswordField t={t} id={id} />}
            <Proof t={t} step={step} id={id} />
            <button type="submit" class="danger">
              {t.remove}
            </button>
          </Form>
        </details>
      ))}
    </section>
  );
}

function AddCards({ t, view, factors }: CardProps & { factors: FactorsView }) {
  return (
    <>
      <section class="card narrow">
        <h2>{t.addTotp}</h2>
        <p class="muted">{t.addTotpAbout}</p>
        <Form view={view} action={`${SECURITY}/totp`} target={`#${STEP}`} class="stack">
          <Field label={t.name} name="name" id="f-totp-name" maxlength={100} placeholder={t.totp} />
          {factors.hasPassword && <PasswordField t={t} id="totp" optional />}
          <button type="submit">{t.addTotp}</button>
        </Form>
      </section>
      <section class="card narrow">
        <h2>{t.addPasskey}</h2>
        <p class="muted">{factors.passkeysPossible ? t.addPasskeyAbout : t.noPasskeys}</p>
        {factors.passkeysPossible && (
          <Form view={view} action={`${SECURITY}/passkey`} target={`#${STEP}`} class="stack">
            <Field label={t.name} name="name" id="f-passkey-name" maxlength={100} placeholder={t.passkey} />
            {factors.hasPassword && <PasswordField t={t} id="passkey" optional />}
            <button type="submit">{t.addPasskey}</button>
          </Form>
        )}
      </section>
    </>
  );
}

function CodesCard({ t, view, factors, step }: CardProps & { factors: FactorsView; step: Step }) {
  return (
    <section class="card narrow">
      <h2>{t.codes}</h2>
      <p class="muted">{t.codesAbout}</p>
      <p>{t.codesLeft(factors.recoveryCodesLeft)}</p>
      <details>
        <summary>{t.newCodes}</summary>
        <p>{t.proof}</p>
        <Form view={view} action={`${SECURITY}/recovery-codes`} target={`#${STEP}`} class="stack">
          {factors.hasPassword && <PasswordField t={t} id="codes" />}
          <Proof t={t} step={step} id="codes" />
          <button type="submit">{t.newCodes}</button>
        </Form>
      </details>
    </section>
  );
}

function SignInsCard({ t, view, signIns }: CardProps & { signIns: readonly SignInInfo[] }) {
  return (
    <section class="card">
      <h2>{t.devices}</h2>
      <Table label={t.devices} head={[t.device, t.network, t.firstSeen, t.lastSeen, '']}>
        {signIns.map(({ id, name, userAgent, ip, current, createdAt, lastSeenAt }) => (
          <tr>
            <td title={userAgent ?? ''}>{name === '' ? t.unknownDevice : name}</td>
            <td>{ip ?? ''}</td>
            <td>
              <Time at={createdAt} />
            </td>
            <td>
              <Time at={lastSeenAt} relative />
            </td>
            <td>
              {current ? (
                <Badge tone="good">{t.thisOne}</Badge>
              ) : (
                <ActionButton view={view} action={`${SECURITY}/sign-ins/${id}/end`} small>
                  {t.end}
                </ActionButton>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <p>
        <a class="button" href={ACCOUNT_LOG}>
          {t.accountLog}
        </a>
      </p>
    </section>
  );
}
