/** What a campaign waits for, in words: for answers in English, for pages in the reader's language. */

import type { Hold } from '../../queue/session-state.ts';
import { own } from '../../utils/own.ts';
import type { WaitingFor } from '../messages/schemas.ts';
import { toIso } from '../messages/view.ts';
import { holdAnswer, holdWords } from '../messages/waiting-words.ts';

type Lang = 'en' | 'id';
type Told = readonly [text: string, fix: string | null];

const NOTHING_TO_DO: Record<Lang, string> = {
  en: 'No action needed. The campaign continues by itself.',
  id: 'Tidak perlu tindakan. Kampanye berlanjut otomatis.',
};
const CHECK_AND_RESUME: Record<Lang, string> = {
  en: 'Check the reasons, then resume it.',
  id: 'Periksa penyebabnya, lalu lanjutkan.',
};
const LINK_AGAIN: Record<Lang, string> = {
  en: 'Link the number again, or stop the campaign.',
  id: 'Tautkan nomornya lagi, atau hentikan kampanye.',
};

const WORDS: Record<Lang, Record<string, Told>> = {
  en: {
    scheduled: ['The campaign starts at its scheduled time.', 'To start earlier, change its time.'],
    broadcast_in_progress: ['Another campaign to this list is still running.', NOTHING_TO_DO.en],
    campaign_paused: ['The campaign is paused.', 'Resume it.'],
    cloned: ['This copy has not started.', 'Check it, then resume it.'],
    failure_rate: ['The campaign paused itself because too many messages failed.', CHECK_AND_RESUME.en],
    refusal_rate: ['The campaign paused itself because WhatsApp refused messages.', CHECK_AND_RESUME.en],
    restored: ['The campaign paused itself because a backup was restored.', CHECK_AND_RESUME.en],
    recipients: ['Collecting recipients.', NOTHING_TO_DO.en],
    session_disconnected: ['The session is not connected.', NOTHING_TO_DO.en],
    session_connecting: ['The session is connecting.', NOTHING_TO_DO.en],
    session_logged_out: ['The number was unlinked.', LINK_AGAIN.en],
    session_replaced: ['The number was opened elsewhere.', LINK_AGAIN.en],
    session_failed: ['The session has stopped.', LINK_AGAIN.en],
    session_qr: ['The number is not linked yet.', LINK_AGAIN.en],
    daily_cap: ['The daily limit of the campaign is reached.', NOTHING_TO_DO.en],
    quota_day: [
      'All messages of today in your plan are used.',
      'Wait for the next day (UTC), or ask for a larger plan.',
    ],
    quota_month: [
      'All messages of this month in your plan are used.',
      'Wait for the next month (UTC), or ask for a larger plan.',
    ],
    recipient_night: ['It is night for the next recipients.', NOTHING_TO_DO.en],
    new_contacts: [
      'The limit for new people is reached. People who know this number get the message first.',
      NOTHING_TO_DO.en,
    ],
    no_sender: ['None of its numbers can send now.', NOTHING_TO_DO.en],
    number_check: ['WhatsApp is not answering number checks.', NOTHING_TO_DO.en],
    number_silent: [
      'WhatsApp does not say whether the last numbers are there. They are asked for again.',
      'No action needed. After about an hour the campaign goes on without them.',
    ],
  },
  id: {
    scheduled: ['Kampanye mulai sesuai jadwalnya.', 'Untuk mulai lebih awal, ubah waktunya.'],
    broadcast_in_progress: ['Kampanye lain ke daftar ini masih berjalan.', NOTHING_TO_DO.id],
    campaign_paused: ['Kampanye dijeda.', 'Lanjutkan kampanye.'],
    cloned: ['Salinan ini belum dimulai.', 'Periksa, lalu lanjutkan.'],
    failure_rate: ['Kampanye menjeda diri karena terlalu banyak pesan gagal.', CHECK_AND_RESUME.id],
    refusal_rate: ['Kampanye menjeda diri karena WhatsApp menolak pesan.', CHECK_AND_RESUME.id],
    restored: ['Kampanye menjeda diri karena cadangan data dipulihkan.', CHECK_AND_RESUME.id],
    recipients: ['Mengumpulkan penerima.', NOTHING_TO_DO.id],
    session_disconnected: ['Sesi tidak terhubung.', NOTHING_TO_DO.id],
    session_connecting: ['Sesi sedang menghubungkan.', NOTHING_TO_DO.id],
    session_logged_out: ['Nomornya terputus.', LINK_AGAIN.id],
    session_replaced: ['Nomornya dibuka di tempat lain.', LINK_AGAIN.id],
    session_failed: ['Sesi berhenti.', LINK_AGAIN.id],
    session_qr: ['Nomornya belum tertaut.', LINK_AGAIN.id],
    daily_cap: ['Batas harian kampanye tercapai.', NOTHING_TO_DO.id],
    quota_day: [
      'Semua pesan hari ini dalam paket Anda sudah terpakai.',
      'Tunggu hari berikutnya (UTC), atau minta paket yang lebih besar.',
    ],
    quota_month: [
      'Semua pesan bulan ini dalam paket Anda sudah terpakai.',
      'Tunggu bulan berikutnya (UTC), atau minta paket yang lebih besar.',
    ],
    recipient_night: ['Sedang malam di tempat penerima berikutnya.', NOTHING_TO_DO.id],
    new_contacts: [
      'Batas orang baru tercapai. Orang yang mengenal nomor ini dikirimi lebih dulu.',
      NOTHING_TO_DO.id,
    ],
    no_sender: ['Belum ada nomor yang bisa mengirim.', NOTHING_TO_DO.id],
    number_check: ['WhatsApp belum menjawab pengecekan nomor.', NOTHING_TO_DO.id],
    number_silent: [
      'WhatsApp belum memberi tahu apakah nomor-nomor terakhir terdaftar. Nomor itu dicek lagi.',
      'Tidak perlu tindakan. Setelah sekitar satu jam kampanye berlanjut tanpa nomor itu.',
    ],
  },
};

/** Why a campaign waits and what can be done, for a page in the language. */
export function campaignHoldWords(lang: Lang, reason: string): { text: string; fix: string | null } {
  const told = own(WORDS[lang], reason);
  return told === undefined ? holdWords(lang, withoutSession(reason)) : { text: told[0], fix: told[1] };
}

/** The holds of a campaign as answers show them. */
export function toCampaignWaiting(holds: readonly Hold[]): WaitingFor {
  return holds.map(({ reason, until }) => {
    const told = own(WORDS.en, reason);
    const { text, fix } =
      told === undefined ? holdAnswer(withoutSession(reason)) : { text: told[0], fix: told[1] };
    return { reason, until: toIso(until), text, fix };
  });
}

const withoutSession = (reason: string) => reason.replace(/^session_/, '');
