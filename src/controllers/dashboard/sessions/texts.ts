import { type Lang, texts } from '../i18n.ts';
import * as english from '../locales/en/sessions.ts';
import * as indonesian from '../locales/id/sessions.ts';

export const SESSION_TEXTS = texts({ en: english.session, id: indonesian.session });

export const QUEUE_TEXTS = texts({ en: english.queue, id: indonesian.queue });

export const LIMIT_TEXTS = texts({ en: english.limit, id: indonesian.limit });

/** Why a queue does not move, in words; null when nothing holds it. */
export function explainHold(lang: Lang, reason: string | null): string | null {
  const t = QUEUE_TEXTS(lang);
  if (reason === null) return null;
  if (reason === 'paused') return t.pausedByHand;
  if (reason === 'minute_limit' || reason === 'hour_limit' || reason === 'quiet_hours') return t[reason];
  if (reason === 'new_contacts') return t.newContacts;
  return reason.startsWith('breaker') ? t.breaker : t.notConnected;
}
