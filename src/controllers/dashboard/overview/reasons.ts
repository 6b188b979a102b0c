/** Why something went wrong, as the overview says it. */
import type { ActivityEntry } from '../../../services/analytics/activity-view.ts';
import { explainError } from '../../../services/messages/failure-words.ts';
import { own } from '../../../utils/own.ts';
import type { Lang } from '../i18n.ts';
import { failures } from '../locales/id/failures.ts';
import { OTP_TEXTS } from '../otp/texts.ts';
import { sentenceInIndonesian } from '../reasons.ts';
import { sessionPath } from '../sessions/parts.tsx';
import { explainSession, isStatus } from '../sessions/reasons.ts';

/** The reason of an entry in the reader's language; empty when nothing is known that says it in that language. */
export function whyOf(
  lang: Lang,
  { event, details, errorMessage }: Pick<ActivityEntry, 'event' | 'details' | 'errorMessage'>,
): string {
  const { errorCode, status, reason } = details;
  if (event.startsWith('message.')) return explainError(lang, textOf(errorCode))?.why ?? '';
  if (event === 'session.status' && isStatus(status)) {
    return explainSession(lang, { status, reason: textOf(reason) }).why;
  }
  if (event.startsWith('otp.') && typeof reason === 'string') return OTP_TEXTS(lang).reasonOf(reason);
  if (errorMessage === null) return '';
  if (lang === 'en') return errorMessage;
  return sentenceInIndonesian(errorMessage) ?? own<string>(failures, textOf(errorCode) ?? '') ?? '';
}

/** False for wrong codes that end users typed: nobody here has to do anything about them. */
export function isForUs({ event, details }: ActivityEntry): boolean {
  if (event === 'otp.check_failed') return false;
  const { route, httpStatus } = details;
  const isCheck = event === 'api.request' && /\/otp\/verify$/.test(textOf(route) ?? '');
  return !(isCheck && Number(httpStatus) < 500);
}

/** The page that says more about an entry; null: there is none. */
export function placeOf({ id, event, sessionId, messageId, details }: ActivityEntry): string | null {
  if (event === 'api.request') {
    const isPage = (textOf(details.route) ?? '').startsWith('/dashboard');
    return isPage ? null : `/dashboard/developers/requests/${id}`;
  }
  const isAboutMessage = event.startsWith('message.') || event.startsWith('otp.');
  if (isAboutMessage && messageId !== null) return `/dashboard/messages/${encodeURIComponent(messageId)}`;
  if (event.startsWith('session.') && event !== 'session.deleted' && sessionId !== null) {
    return sessionPath(sessionId);
  }
  if (event.startsWith('campaign.') && typeof details.campaignId === 'string') {
    return `/dashboard/broadcast/campaigns/${details.campaignId}`;
  }
  if (event === 'otp.conversion_low') return '/dashboard/otp/conversion';
  return event.startsWith('auth.') ? '/dashboard/account/security' : null;
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
