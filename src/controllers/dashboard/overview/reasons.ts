/** Why something went wrong, as the overview says it. */
import type { ActivityEntry } from '../../../services/analytics/activity-view.ts';
import type { Lang } from '../i18n.ts';
import { explainError } from '../messages/words.ts';
import { OTP_TEXTS } from '../otp/texts.ts';
import { sentenceInIndonesian } from '../reasons.ts';
import { explainSession, isStatus } from '../sessions/reasons.ts';

/** The reason of an entry in the reader's language; empty when nothing is known that says it in that language. */
export function whyOf(lang: Lang, { event, details, errorMessage }: ActivityEntry): string {
  const { errorCode, status, reason } = details;
  if (event.startsWith('message.')) return explainError(lang, textOf(errorCode))?.why ?? '';
  if (event === 'session.status' && isStatus(status)) {
    return explainSession(lang, { status, reason: textOf(reason) }).why;
  }
  if (event.startsWith('otp.') && typeof reason === 'string') return OTP_TEXTS(lang).reasonOf(reason);
  if (errorMessage === null) return '';
  return lang === 'id' ? (sentenceInIndonesian(errorMessage) ?? '') : errorMessage;
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
