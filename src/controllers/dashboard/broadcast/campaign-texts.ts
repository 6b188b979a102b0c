/** States and reasons of campaigns in plain words. */

import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import { holdWords } from '../../../services/messages/waiting-words.ts';
import { own } from '../../../utils/own.ts';
import type { Lang } from '../i18n.ts';
import * as english from '../locales/en/broadcast-campaign.ts';
import * as indonesian from '../locales/id/broadcast-campaign.ts';
import { explainError } from '../messages/words.ts';
import type { Tone } from '../parts.tsx';
import { sentenceInIndonesian } from '../reasons.ts';

export type Status = CampaignOutput['status'];

export const STATUS_TONES: Record<Status, Tone> = {
  scheduled: 'plain',
  running: 'good',
  paused: 'warn',
  stopped: 'plain',
  completed: 'good',
  failed: 'bad',
};

const STATUSES: Record<Lang, Record<Status, string>> = { en: english.statuses, id: indonesian.statuses };

const MEANINGS: Record<Lang, Record<Status, string>> = { en: english.meanings, id: indonesian.meanings };

/** Why a campaign is paused, stopped or failed. */
const REASONS: Record<Lang, Record<string, string>> = { en: english.reasons, id: indonesian.reasons };

const WAITING: Record<Lang, Record<string, string>> = { en: english.waiting, id: indonesian.waiting };

/** The outcome for one recipient. */
const FATES: Record<Lang, Record<string, string>> = { en: english.fates, id: indonesian.fates };

export const statusText = (lang: Lang, status: Status): string => STATUSES[lang][status];

/** Explains the state of a campaign, why it is so and what it waits for; each a sentence. */
export function explainCampaign(
  lang: Lang,
  campaign: Pick<CampaignOutput, 'status' | 'reason' | 'reasonMessage' | 'waitingFor'>,
): string[] {
  const { status, reason, reasonMessage, waitingFor } = campaign;
  const why = reason === null ? '' : (own(REASONS[lang], reason) ?? toldIn(lang, reasonMessage));
  const waits =
    waitingFor === null ? '' : (own(WAITING[lang], waitingFor) ?? holdWords(lang, waitingFor).text);
  const meaning = waits === '' && reason !== 'cloned' ? MEANINGS[lang][status] : '';
  return [why, waits, meaning].filter((sentence) => sentence !== '');
}

/** The campaign's note, which is in English, in the reader's language; empty when there are no words for it. */
function toldIn(lang: Lang, message: string | null): string {
  if (message === null || lang === 'en') return message ?? '';
  return sentenceInIndonesian(message) ?? '';
}

/** One of WhatsApp's or our own codes in words. */
export function fateText(lang: Lang, reason: string): string {
  const known = own(FATES[lang], reason);
  if (known !== undefined) return known;
  const isCode = /^(?:\d+|[A-Z][A-Z_]*)$/.test(reason);
  return (isCode ? explainError(lang, reason)?.why : undefined) ?? FATES[lang].unknown ?? '';
}
