/** States and reasons of campaigns in plain words. */

import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import { holdWords } from '../../../services/messages/waiting-words.ts';
import { own } from '../../../utils/own.ts';
import type { Lang } from '../i18n.ts';
import * as english from '../locales/en/broadcast-campaign.ts';
import * as indonesian from '../locales/id/broadcast-campaign.ts';
import { sentenceInIndonesian } from '../reasons.ts';

export type Status = CampaignOutput['status'];

/** `held`: it runs, but something keeps it from sending. */
export type Shown = Status | 'held';

const STATUSES: Record<Lang, Record<Shown, string>> = { en: english.statuses, id: indonesian.statuses };

const MEANINGS: Record<Lang, Record<Status, string>> = { en: english.meanings, id: indonesian.meanings };

/** Why a campaign is paused, stopped or failed. */
const REASONS: Record<Lang, Record<string, string>> = { en: english.reasons, id: indonesian.reasons };

const WAITING: Record<Lang, Record<string, string>> = { en: english.waiting, id: indonesian.waiting };

export const statusText = (lang: Lang, status: Shown): string => STATUSES[lang][status];

/** The state that a person reads: a running campaign that cannot send is held. */
export function shownStatus({ status, waitingFor }: Pick<CampaignOutput, 'status' | 'waitingFor'>): Shown {
  return status === 'running' && waitingFor !== null && waitingFor !== COLLECTING ? 'held' : status;
}

/** It has just begun: nothing is in its way. */
const COLLECTING = 'recipients';

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
