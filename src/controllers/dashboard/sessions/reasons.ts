/** Why a session is as it is, and what to do about it, in plain words. The same causes are in docs/operations.md. */

import type { SessionOutput } from '../../../services/sessions/index.ts';
import type { SessionReason } from '../../../services/sessions/reasons.ts';
import { own } from '../../../utils/own.ts';
import type { Lang } from '../i18n.ts';
import * as english from '../locales/en/sessions-reasons.ts';
import * as indonesian from '../locales/id/sessions-reasons.ts';
import { stateTone, type Tone } from '../tones.ts';

export type SessionState = Pick<SessionOutput, 'status' | 'reason'> &
  Partial<Pick<SessionOutput, 'phoneNumber'>>;
export type Status = SessionOutput['status'];

export type Reason = SessionReason;

export interface Explanation {
  /** one or two words */
  state: string;
  /** why; empty when there is nothing to say */
  why: string;
  /** what to do; empty when there is nothing to do */
  todo: string;
}

const STATES: Record<Lang, Record<Status | 'unlinked', string>> = {
  en: english.states,
  id: indonesian.states,
};

export type Words = readonly [why: string, todo: string];

const REASONS: Record<Lang, Record<Reason, Words>> = { en: english.reasons, id: indonesian.reasons };

const BY_STATUS: Record<Lang, Record<Status, Words>> = { en: english.byStatus, id: indonesian.byStatus };

/** Reasons without a reconnect: no phone is linked. */
const UNLINKED: ReadonlySet<string> = new Set(['pairing_expired', 'importing', 'import_interrupted']);

/** What a status of a session is called; its own name when it is new here. */
export const statusName = (lang: Lang, status: string): string =>
  isStatus(status) ? STATES[lang][status] : status;

/** Whether a text is the status of a session. */
export const isStatus = (text: unknown): text is Status =>
  typeof text === 'string' && own(BY_STATUS.en, text) !== undefined;

/** In the reader's language; a reason that is not known here is shown by its status. */
export function explainSession(lang: Lang, { status, reason, phoneNumber }: SessionState): Explanation {
  const byStatus = BY_STATUS[lang][status];
  const [why, todoAfter] = (reason === null ? undefined : reasonsOf(lang).get(reason)) ?? byStatus;
  // WhatsApp has asked again already: there is nothing to scan.
  const todo = status === 'passkey' ? byStatus[1] : todoAfter;
  // A number that was never there does not come back by itself.
  const isNew = status === 'disconnected' && phoneNumber === null;
  const name = isNew || (reason !== null && UNLINKED.has(reason)) ? 'unlinked' : status;
  return { state: STATES[lang][name], why, todo };
}

/** Reason -> why, for a page that learns the reason later. */
export function whyByReason(lang: Lang): Record<string, string> {
  return Object.fromEntries(Object.entries(REASONS[lang]).map(([reason, [why]]) => [reason, why]));
}

export function sessionTone({ status, reason }: SessionState): Tone {
  return reason === 'untrusted_server' || reason === 'user_disabled' ? 'bad' : stateTone(status);
}

function reasonsOf(lang: Lang): Map<string, Words> {
  return new Map(Object.entries(REASONS[lang]));
}
