/** States and reasons of campaigns in plain words. */

import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
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

export const statusText = (lang: Lang, status: Shown): string => STATUSES[lang][status];

/** The state that a person reads: a running campaign that cannot send is held. */
export function shownStatus({ status, waitingFor }: Pick<CampaignOutput, 'status' | 'waitingFor'>): Shown {
  const isHeld = status === 'running' && waitingFor.some(({ reason }) => reason !== COLLECTING);
  return isHeld ? 'held' : status;
}

/** It has just begun: nothing is in its way. */
const COLLECTING = 'recipients';

/** Whether something is in its way: while it runs, or at its time, when another one to its list runs. */
export function isWaiting({ status, waitingFor }: Pick<CampaignOutput, 'status' | 'waitingFor'>): boolean {
  if (status === 'running') return waitingFor.length > 0;
  return status === 'scheduled' && waitingFor.some(({ reason }) => reason !== 'scheduled');
}

/** Explains the state of a campaign and why it is so, each a sentence; what it waits for is told apart. */
export function explainCampaign(
  lang: Lang,
  campaign: Pick<CampaignOutput, 'status' | 'reason' | 'reasonMessage' | 'waitingFor'>,
): string[] {
  const { status, reason, reasonMessage } = campaign;
  const why = reason === null ? '' : (own(REASONS[lang], reason) ?? toldIn(lang, reasonMessage));
  const meaning = !isWaiting(campaign) && reason !== 'cloned' ? MEANINGS[lang][status] : '';
  return [why, meaning].filter((sentence) => sentence !== '');
}

/** The campaign's note, which is in English, in the reader's language; empty when there are no words for it. */
function toldIn(lang: Lang, message: string | null): string {
  if (message === null || lang === 'en') return message ?? '';
  return sentenceInIndonesian(message) ?? '';
}
