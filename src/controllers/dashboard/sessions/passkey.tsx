/** The passkey step on the page where a phone is linked: lines to sign with, the signature, the code to compare. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import {
  answerPasskey,
  confirmPasskey,
  getPasskey,
  PasskeyAssertionInput,
  type PasskeyOutput,
  SessionId,
} from '../../../services/sessions/index.ts';
import { AppError } from '../../../utils/errors.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Form, TextArea, Time } from '../parts.tsx';
import { SignButton } from '../phone/phones.tsx';
import { EXTENSION_PATH } from './extension.tsx';
import { sessionPath } from './parts.tsx';
import { PASSKEY_TEXTS } from './passkey-texts.ts';
import { explainSession, type SessionState } from './reasons.ts';

const WHATSAPP_WEB = 'https://web.whatsapp.com';
const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'main' } };
const LINES_ID = 'passkey-lines';

/**
 * What the owner runs in the console of web.whatsapp.com; docs/linking.md has the same lines. `copy` comes first, because
 * the console takes it away at the first `await`. Nothing is declared, so the lines can be run twice.
 * @param options JSON
 */
export const signingLines = (options: string): string => `copy(
  JSON.stringify(
    await navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(${options}),
    }),
  ),
);`;

/** Null when the step is over, or has not begun. */
export async function readPasskey(ctx: Ctx, sessionId: string): Promise<PasskeyOutput | null> {
  try {
    return await getPasskey(ctx, { sessionId });
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

/** Status `passkey` or `passkey_confirm`. */
export function PasskeyStep({
  view,
  session,
  passkey,
  stale,
}: {
  view: View;
  session: SessionState & { sessionId: string };
  passkey: PasskeyOutput;
  /** the signature that was handed in was for an earlier request */
  stale: boolean;
}) {
  const t = PASSKEY_TEXTS(view.lang);
  const path = (rest: string) => sessionPath(session.sessionId, `/link/passkey${rest}`);
  if (passkey.stage === 'confirm' && passkey.code !== null) {
    return <Compare view={view} action={path('/confirm')} code={passkey.code} />;
  }
  if (passkey.stage !== 'asked') return <Answered view={view} />;
  return (
    <>
      <h2>{t.title}</h2>
      {(stale || session.reason !== null) && (
        <p class="alert alert-bad">{stale ? t.stale : explainSession(view.lang, session).why}</p>
      )}
      <p>
        {t.why} {t.keepOpen}
      </p>
      {passkey.expiresAt !== null && (
        <p class="muted">
          {t.goodUntil} <Time at={passkey.expiresAt} />; {t.thenAnother}
        </p>
      )}
      {view.canWrite && view.sandbox && (
        <>
          <p>{t.sandbox}</p>
          <SignButton view={view} sessionId={session.sessionId} />
        </>
      )}
      {view.canWrite ? (
        <Sign view={view} action={path('')} options={JSON.stringify(passkey.options)} />
      ) : (
        <p>{t.reader}</p>
      )}
    </>
  );
}

function Answered({ view }: { view: View }) {
  const t = PASSKEY_TEXTS(view.lang);
  return (
    <div class="center">
      <h2>{t.answered}</h2>
      <p>
        {t.answeredWhy} {t.keepOpen}
      </p>
      <progress aria-label={t.answered} />
    </div>
  );
}

function Sign({ view, action, options }: { view: View; action: string; options: string }) {
  const t = PASSKEY_TEXTS(view.lang);
  return (
    <>
      <p class="alert alert-good on-phone">{t.onPhone}</p>
      <ByExtension view={view} options={options} />
      <details open data-without-extension>
        <summary>{t.byConsole}</summary>
        <ByConsole view={view} options={options} />
      </details>
      <Form view={view} action={action} class="stack">
        <TextArea label={t.result} name="assertion" hint={t.soon} rows={4} required />
        <Submit>{t.handIn}</Submit>
      </Form>
    </>
  );
}

/** The page's script shows one of the two, when the extension has said that it is there. */
function ByExtension({ view, options }: { view: View; options: string }) {
  const t = PASSKEY_TEXTS(view.lang);
  const words = {
    waiting: t.saysWaiting,
    signed: t.saysSigned,
    declined: t.saysDeclined,
    not_allowed: t.saysNotAllowed,
    malformed: t.saysMalformed,
    failed: t.saysFailed,
  };
  return (
    <>
      <div data-extension="ready" hidden>
        <p>{t.extensionHow}</p>
        <button type="button" class="primary" data-sign={options} data-words={JSON.stringify(words)}>
          {t.extensionSign}
        </button>
        <p role="status" data-sign-note />
      </div>
      <p data-extension="missing">
        {t.extensionMissing} <a href={EXTENSION_PATH}>{t.extensionGet}</a>
      </p>
    </>
  );
}

function ByConsole({ view, options }: { view: View; options: string }) {
  const t = PASSKEY_TEXTS(view.lang);
  return (
    <>
      <ol>
        <li>
          <p>
            {t.step1}{' '}
            <a href={WHATSAPP_WEB} target="_blank" rel="noopener noreferrer">
              web.whatsapp.com
            </a>
          </p>
          <p class="muted small">{t.step1Hint}</p>
        </li>
        <li>
          <p>{t.step2}</p>
          <p class="muted small">{t.step2Hint}</p>
        </li>
      </ol>
      {/* What scrolls sideways must be reachable by keyboard. */}
      <pre id={LINES_ID} tabindex={0}>
        {signingLines(options)}
      </pre>
      <p>
        <button type="button" data-copy={LINES_ID} data-copied={t.copied}>
          {t.copy}
        </button>
      </p>
      <ol start={3}>
        <li>{t.step3}</li>
      </ol>
    </>
  );
}

function Compare({ view, action, code }: { view: View; action: string; code: string }) {
  const t = PASSKEY_TEXTS(view.lang);
  return (
    <div class="center">
      <h2>{t.compare}</h2>
      <p class="code-big">{code}</p>
      <p>{t.compareWhy}</p>
      {view.canWrite ? (
        <div class="row center">
          <ActionButton view={view} action={action} fields={{ equal: 'true' }} tone="primary">
            {t.same}
          </ActionButton>
          <ActionButton
            view={view}
            action={action}
            fields={{ equal: 'false' }}
            tone="danger"
            confirm={t.differentConfirm}
          >
            {t.different}
          </ActionButton>
        </div>
      ) : (
        <p>{t.reader}</p>
      )}
    </div>
  );
}

export const passkeyPages: Page[] = [
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/link/passkey',
    auth: 'user',
    params,
    form: z.object({ assertion: PasskeyAssertionInput }),
    example,
    async handler({ ctx, params: { sessionId }, form }) {
      try {
        await answerPasskey(ctx, { sessionId }, form.assertion);
      } catch (error) {
        // The page must show the next request, whatever is in its field.
        const code = error instanceof AppError ? error.code : null;
        if (code === 'PASSKEY_REFUSED') return { redirect: sessionPath(sessionId, '/link') };
        if (code === 'PASSKEY_EXPIRED') return { redirect: sessionPath(sessionId, '/link?stale=true') };
        throw error;
      }
      return { redirect: sessionPath(sessionId, '/link') };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/link/passkey/confirm',
    auth: 'user',
    params,
    form: z.object({ equal: z.boolean() }),
    example: { ...example, form: { equal: 'true' } },
    async handler({ ctx, params: { sessionId }, form }) {
      await confirmPasskey(ctx, { sessionId }, form.equal);
      return { redirect: sessionPath(sessionId, '/link') };
    },
  }),
];
