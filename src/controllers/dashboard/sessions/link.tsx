/** Linking a phone: the QR or pairing code, renewed by itself, until the session is connected. */

import { z } from 'zod';
import { isLinking } from '../../../db/schema.ts';
import type { Ctx } from '../../../services/context.ts';
import { type WaitingPhone, waitingPhone } from '../../../services/sandbox/phones.ts';
import {
  CreateSessionInput,
  createSession,
  getQr,
  getSessionStatus,
  type PasskeyOutput,
  type QrOutput,
  restartSession,
  SessionId,
  type SessionStatusOutput,
} from '../../../services/sessions/index.ts';
import { AppError } from '../../../utils/errors.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Form, Live } from '../parts.tsx';
import { ScanningPhone } from '../phone/drawn.tsx';
import { PairingFields } from './list.tsx';
import { sessionPath } from './parts.tsx';
import { PasskeyStep, readPasskey } from './passkey.tsx';
import { explainSession } from './reasons.ts';
import { SESSION_TEXTS } from './texts.ts';

const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'main' } };
/** A page that was left open asks for no new codes for ever: about ten minutes in all. */
const MAX_RENEWALS = 3;
const StaleQuery = z.object({ stale: z.literal('true').optional().catch(undefined) });
const StateQuery = StaleQuery.extend({
  renewed: z.coerce.number().int().min(0).default(0).catch(MAX_RENEWALS),
});

interface Pairing {
  session: SessionStatusOutput;
  /** what to scan or type; null while there is nothing */
  secret: QrOutput | null;
  /** what WhatsApp wants signed or compared; null while it asks for nothing */
  passkey: PasskeyOutput | null;
  /** the phone that would scan it in a sandbox */
  phone: WaitingPhone | null;
  /** how often this page has started again */
  renewed: number;
}

/** How far the linking is. A code that has expired is started again a few times, if the reader may. */
async function readPairing(ctx: Ctx, view: View, sessionId: string, renewed: number): Promise<Pairing> {
  const session = await getSessionStatus(ctx, { sessionId });
  const none = { secret: null, passkey: null, phone: null };
  if (session.status === 'passkey' || session.status === 'passkey_confirm') {
    return { session, ...none, passkey: await readPasskey(ctx, sessionId), renewed };
  }
  const expired = session.status === 'disconnected' && session.reason === 'pairing_expired';
  const renew = expired && view.canWrite && renewed < MAX_RENEWALS;
  if (session.status !== 'qr' && !renew) return { session, ...none, renewed };
  try {
    const secret = await getQr(ctx, { sessionId });
    return {
      session: { ...session, status: 'qr', reason: null },
      ...none,
      secret,
      phone: view.sandbox ? await waitingPhone(ctx, { sessionId }) : null,
      renewed: renewed + (renew ? 1 : 0),
    };
  } catch (error) {
    // It was linked, or came to an end, between the two looks.
    if (
      !(error instanceof AppError && (error.code === 'QR_NOT_READY' || error.code === 'ALREADY_CONNECTED'))
    ) {
      throw error;
    }
    return { session: await getSessionStatus(ctx, { sessionId }), ...none, renewed: MAX_RENEWALS };
  }
}

/** Sessions that wait for nothing: somebody has to begin. */
const needsBeginning = ({ session }: Pairing) =>
  session.user === null && session.status !== 'connected' && !isLinking(session.status);

/** The pairing ended without a phone, and another one is begun as it was. */
const canBeginAgain = (reason: string | null) =>
  reason === 'pairing_expired' || reason?.startsWith('passkey_') === true;

interface LinkProps {
  view: View;
  pairing: Pairing;
  /** the signature that was handed in was for an earlier request */
  stale: boolean;
}

function LinkState({ view, pairing, stale }: LinkProps) {
  const { session, renewed } = pairing;
  const query = `renewed=${renewed}${stale ? '&stale=true' : ''}`;
  return (
    <Live
      id="link"
      src={`${sessionPath(session.sessionId, '/link/state')}?${query}`}
      events="session.qr session.status"
      everySeconds={3}
      done={session.status === 'connected' || needsBeginning(pairing)}
    >
      <LinkBody view={view} pairing={pairing} stale={stale} />
    </Live>
  );
}

/** Announces a change to screen readers: the element stays, its words are replaced. */
function LinkNote({ view, pairing }: { view: View; pairing: Pairing }) {
  return (
    <p id="link-note" hx-swap-oob="innerHTML">
      {noteOf(view, pairing)}
    </p>
  );
}

function noteOf(view: View, { session, secret }: Pairing): string {
  const t = SESSION_TEXTS(view.lang);
  if (session.status === 'connected') return t.linked;
  if (secret) return secret.pairingCode === null ? t.scan : t.enter;
  return session.status === 'connecting' ? t.connecting : explainSession(view.lang, session).why;
}

function LinkBody({ view, pairing, stale }: LinkProps) {
  const t = SESSION_TEXTS(view.lang);
  const { session, secret, passkey, phone } = pairing;
  if (session.status === 'connected') return <Linked view={view} session={session} />;
  if (secret) return <Secret view={view} secret={secret} phone={phone} />;
  if (passkey) return <PasskeyStep view={view} session={session} passkey={passkey} stale={stale} />;
  if (needsBeginning(pairing)) return <Begin view={view} session={session} />;
  if (session.status === 'connecting' || session.status === 'qr') {
    return (
      <div class="center">
        <p>{t.connecting}</p>
        <progress aria-label={t.connecting} />
      </div>
    );
  }
  const { state, why, todo } = explainSession(view.lang, session);
  return (
    <>
      <h2>{state}</h2>
      <p>{why}</p>
      <p class="muted">{todo}</p>
      <a class="button" href={sessionPath(session.sessionId)}>
        {t.openSession}
      </a>
    </>
  );
}

function Linked({ view, session }: { view: View; session: SessionStatusOutput }) {
  const t = SESSION_TEXTS(view.lang);
  return (
    <div class="center">
      <p class="big good-text">✓ {t.linked}</p>
      {session.user && <p>{t.linkedTo(session.user.phone)}</p>}
      <div class="row center">
        {view.canWrite && (
          <a
            class="button primary"
            href={`/dashboard/messages/new?session=${encodeURIComponent(session.sessionId)}`}
          >
            {t.sendFirst}
          </a>
        )}
        <a class="button" href={sessionPath(session.sessionId)}>
          {t.openSession}
        </a>
      </div>
    </div>
  );
}

interface SecretProps {
  view: View;
  secret: QrOutput;
  phone: WaitingPhone | null;
}

function Secret({ view, secret, phone }: SecretProps) {
  const t = SESSION_TEXTS(view.lang);
  const { pairingCode, qrCode, expiresAt } = secret;
  return (
    <div class="split link">
      <div class="center">
        <div class="qr">
          {pairingCode === null ? (
            <img src={qrCode ?? ''} alt={t.qrAlt} width="320" height="320" />
          ) : (
            <div class="code-big">{pairingCode.replace(/^(.{4})(.{4})$/, '$1-$2')}</div>
          )}
        </div>
        {expiresAt !== null && (
          <p class="muted small">
            {t.validFor} <span data-until={expiresAt} /> {t.seconds}
          </p>
        )}
      </div>
      <div>
        <h2>{pairingCode === null ? t.scan : t.enter}</h2>
        <ol>
          <li>{t.step1}</li>
          <li>{t.step2}</li>
          <li>{pairingCode === null ? t.step3 : t.step3Code}</li>
        </ol>
        {phone !== null && <ScanningPhone view={view} phone={phone} />}
      </div>
    </div>
  );
}

/** No phone is linked, and none is being linked. */
function Begin({ view, session }: { view: View; session: SessionStatusOutput }) {
  const t = SESSION_TEXTS(view.lang);
  const { why, todo } = explainSession(view.lang, session);
  return (
    <>
      <p>{why}</p>
      <p class="muted">{todo}</p>
      {view.canWrite && canBeginAgain(session.reason) && (
        <ActionButton view={view} action={sessionPath(session.sessionId, '/link/renew')} tone="primary">
          {t.renew}
        </ActionButton>
      )}
      {view.canWrite && !canBeginAgain(session.reason) && session.reason !== 'user_disabled' && (
        <Form view={view} action={sessionPath(session.sessionId, '/link')} class="stack">
          <PairingFields view={view} phone={session.phoneNumber} />
          <Submit>{t.create}</Submit>
        </Form>
      )}
    </>
  );
}

export const linkPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId/link',
    auth: 'user',
    params,
    query: StaleQuery,
    example,
    async handler({ ctx, view, params: { sessionId }, query, http }) {
      const t = SESSION_TEXTS(view.lang);
      http.header('cache-control', 'no-store');
      const pairing = await readPairing(ctx, view, sessionId, 0);
      const body = (
        <>
          <h1>{t.linkOf(sessionId)}</h1>
          <p class="visually-hidden" role="status" id="link-note" />
          <div class="card">
            <LinkState view={view} pairing={pairing} stale={query.stale !== undefined} />
          </div>
          <p>
            <a href="/dashboard/sessions">{t.backToAll}</a>
          </p>
        </>
      );
      return { title: t.linkOf(sessionId), section: 'sessions', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId/link/state',
    auth: 'user',
    params,
    query: StateQuery,
    example,
    async handler({ ctx, view, params: { sessionId }, query, http }) {
      http.header('cache-control', 'no-store');
      const pairing = await readPairing(ctx, view, sessionId, query.renewed);
      const fragment = (
        <>
          <LinkState view={view} pairing={pairing} stale={query.stale !== undefined} />
          <LinkNote view={view} pairing={pairing} />
        </>
      );
      return { fragment };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/link',
    auth: 'user',
    params,
    form: CreateSessionInput.omit({ sessionId: true }),
    example,
    async handler({ ctx, params: { sessionId }, form }) {
      await createSession(ctx, { ...form, sessionId });
      return { redirect: sessionPath(sessionId, '/link') };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/link/renew',
    auth: 'user',
    params,
    example,
    async handler({ ctx, params: { sessionId } }) {
      await restartSession(ctx, { sessionId });
      return { redirect: sessionPath(sessionId, '/link') };
    },
  }),
];
