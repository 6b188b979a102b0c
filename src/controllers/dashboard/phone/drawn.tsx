/** A phone of the sandbox as a drawing, beside what it is to scan or what it is sent. */

import type { PropsWithChildren } from 'hono/jsx';
import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { getOtpStatus } from '../../../services/otp/status.ts';
import { listReceived, type ReceivedMessage, type WaitingPhone } from '../../../services/sandbox/phones.ts';
import { ShortBody } from '../messages/bubble.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Live, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { personPath } from './phones.tsx';
import { shownOf } from './received.ts';
import { PHONE_TEXTS } from './texts.ts';

/** Newest messages that a drawn phone shows. */
const SHOWN_MESSAGES = 3;
const EVENTS = 'message.sent message.delivered message.read';

/** The frame; `title` is on its upper edge. */
function DrawnPhone({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <section class="phone" aria-label={title}>
      <p class="phone-top small">{title}</p>
      <div class="phone-screen">{children}</div>
    </section>
  );
}

/** The phone that links a session with one click, with the number that it plays. */
export function ScanningPhone({ view, phone }: { view: View; phone: WaitingPhone }) {
  const t = PHONE_TEXTS(view.lang);
  const number = shownNumber(phone.phone);
  return (
    <DrawnPhone title={t.person(number)}>
      <p>{t.readyToScan}</p>
      {view.canWrite && (
        <ActionButton
          view={view}
          action="/dashboard/phone/link"
          fields={{ sessionId: phone.sessionId, phone: number }}
          tone="primary"
        >
          {phone.by === 'qr' ? t.scanNow : t.enterNow}
        </ActionButton>
      )}
      <p class="small">
        <a href="/dashboard/phone">{t.moreWays}</a>
      </p>
    </DrawnPhone>
  );
}

/** What the phone of `number` received last; it follows what comes. */
export function ReceivingPhone({
  view,
  number,
  src,
  messages,
}: {
  view: View;
  /** E.164 with `+` */
  number: string;
  src: string;
  messages: readonly ReceivedMessage[];
}) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <Live id="drawn-phone" src={src} events={EVENTS} everySeconds={3}>
      <DrawnPhone title={t.person(number)}>
        {messages.length === 0 && <p class="muted">{t.nothingYet}</p>}
        <ol class="bubbles" aria-live="polite">
          {messages.map((message) => (
            <li class="bubble">
              {message.decryptError === undefined ? (
                <ShortBody view={view} message={shownOf(message)} />
              ) : (
                <p class="muted">{t.unreadable}</p>
              )}
              <div class="meta small muted">
                <Time at={message.at} />
              </div>
            </li>
          ))}
        </ol>
        <p class="small">
          <a href={personPath(number)}>{t.openPhone}</a>
        </p>
      </DrawnPhone>
    </Live>
  );
}

const otpPhonePath = (otpId: string) => `/dashboard/phone/otp/${otpId}`;

/** The phone that a code is sent to; it is fetched, so that the page stands when the emulator does not answer. */
export function OtpPhone({ otpId }: { otpId: string }) {
  return <div id="drawn-phone" hx-get={otpPhonePath(otpId)} hx-trigger="load" hx-swap="outerHTML" />;
}

const OtpParams = z.object({ otpId: z.string().length(32) });

/** The phone of whom a code was sent to. Throws OTP_NOT_FOUND. */
async function readOtpPhone(ctx: Ctx, { otpId }: z.output<typeof OtpParams>) {
  const { phoneNumber: number } = await getOtpStatus(ctx, { otpId });
  const messages = (await listReceived(ctx, { number })).slice(-SHOWN_MESSAGES);
  return { number, messages, src: otpPhonePath(otpId) };
}

export const drawnPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/phone/otp/:otpId',
    auth: 'user',
    params: OtpParams,
    example: { params: { otpId: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b' } },
    async handler({ ctx, view, params }) {
      return { fragment: <ReceivingPhone view={view} {...(await readOtpPhone(ctx, params))} /> };
    },
  }),
];
