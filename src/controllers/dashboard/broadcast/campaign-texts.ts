/** States and reasons of campaigns in plain words. */
import type { CampaignOutput } from '../../../services/campaigns/schemas.ts';
import { own } from '../../../utils/own.ts';
import type { Lang } from '../i18n.ts';
import type { Tone } from '../parts.tsx';

type Status = CampaignOutput['status'];

export const STATUS_TONES: Record<Status, Tone> = {
  scheduled: 'plain',
  running: 'good',
  paused: 'warn',
  stopped: 'plain',
  completed: 'good',
  failed: 'bad',
};

const STATUSES: Record<Lang, Record<Status, string>> = {
  en: {
    scheduled: 'scheduled',
    running: 'running',
    paused: 'paused',
    stopped: 'stopped',
    completed: 'finished',
    failed: 'failed',
  },
  id: {
    scheduled: 'terjadwal',
    running: 'berjalan',
    paused: 'dijeda',
    stopped: 'dihentikan',
    completed: 'selesai',
    failed: 'gagal',
  },
};

const MEANINGS: Record<Lang, Record<Status, string>> = {
  en: {
    scheduled: 'It has not begun. Nothing is sent before its time.',
    running: 'Messages are being sent, one after the other.',
    paused:
      'Nothing is sent. It goes on with the next person when you resume it; nobody gets a message twice.',
    stopped: 'It was ended for good. Whoever had not been written to gets nothing.',
    completed: 'Everybody was written to who could be.',
    failed: 'It cannot go on.',
  },
  id: {
    scheduled: 'Belum mulai. Tidak ada yang dikirim sebelum waktunya.',
    running: 'Pesan sedang dikirim, satu demi satu.',
    paused:
      'Tidak ada yang dikirim. Dilanjutkan dari orang berikutnya kalau Anda teruskan; tidak ada yang menerima dua kali.',
    stopped: 'Sudah diakhiri. Yang belum dikirimi tidak menerima apa-apa.',
    completed: 'Semua yang bisa dikirimi sudah dikirimi.',
    failed: 'Tidak bisa dilanjutkan.',
  },
};

/** Why a campaign is paused, stopped or failed. */
const REASONS: Record<Lang, Record<string, string>> = {
  en: {
    user: '',
    cloned: 'This is a copy that has not begun: look at it, change it, then start it.',
    failure_rate:
      'It paused itself because too many messages failed. See the reasons below before you go on.',
    refusal_rate:
      'It paused itself because WhatsApp refused messages: sending on would endanger the number. Wait some hours, slow down, and ask whether these people expect to hear from you.',
    session_logged_out:
      'It paused itself because the session was logged out. It goes on when the phone is linked again.',
    session_replaced:
      'It paused itself because the session was opened elsewhere. It goes on when it is connected again.',
    session_failed: 'It paused itself because the session has failed. It goes on when it is connected again.',
    session_deleted: 'The session it belonged to was deleted.',
    list_deleted: 'The list was deleted before everybody on it had been taken over.',
  },
  id: {
    user: '',
    cloned: 'Ini salinan yang belum mulai: lihat, ubah, lalu mulai.',
    failure_rate:
      'Menjeda diri karena terlalu banyak pesan gagal. Lihat sebabnya di bawah sebelum meneruskan.',
    refusal_rate:
      'Menjeda diri karena WhatsApp menolak pesan: meneruskan akan membahayakan nomor. Tunggu beberapa jam, perlambat, dan pastikan orang-orang ini memang menunggu kabar dari Anda.',
    session_logged_out: 'Menjeda diri karena sesi keluar. Berlanjut kalau ponsel ditautkan lagi.',
    session_replaced: 'Menjeda diri karena sesi dibuka di tempat lain. Berlanjut kalau terhubung lagi.',
    session_failed: 'Menjeda diri karena sesi gagal. Berlanjut kalau terhubung lagi.',
    session_deleted: 'Sesi pemiliknya sudah dihapus.',
    list_deleted: 'Daftarnya dihapus sebelum semua orang di dalamnya diambil.',
  },
};

const WAITING: Record<Lang, Record<string, string>> = {
  en: {
    recipients: 'The recipients are being collected.',
    session_disconnected: 'The session is not connected at the moment: it goes on by itself when it is.',
    daily_cap: 'The most for today is sent: it goes on tomorrow by itself.',
    quiet_hours: 'It is night where the next people live: it goes on in the morning by itself.',
    number_check:
      'WhatsApp does not say at the moment whether the next numbers exist: it asks again by itself.',
  },
  id: {
    recipients: 'Penerima sedang dikumpulkan.',
    session_disconnected: 'Sesi sedang tidak terhubung: berlanjut sendiri kalau sudah.',
    daily_cap: 'Jatah hari ini sudah habis: berlanjut sendiri besok.',
    quiet_hours: 'Di tempat orang berikutnya sedang malam: berlanjut sendiri pagi nanti.',
    number_check: 'WhatsApp belum menjawab apakah nomor berikutnya ada: ditanyakan lagi sendiri.',
  },
};

/** What became of one recipient. */
const FATES: Record<Lang, Record<string, string>> = {
  en: {
    opted_out: 'opted out',
    not_on_whatsapp: 'not on WhatsApp',
    invalid: 'not a phone number',
    duplicate: 'stands on the list under another number, too',
    empty_message: 'the text was empty for them',
    message_too_long: 'the text was longer than WhatsApp takes: shorten it, or their values',
    canceled: 'taken off the queue',
    stopped: 'the campaign was stopped before',
    failed: 'the campaign failed before',
    quiet: 'it is night where they live',
    expired: 'was not sent in time',
    unknown: 'unknown',
    SEND_FAILED: 'could not be sent',
    NOT_ON_WHATSAPP: 'not on WhatsApp',
    SESSION_DELETED: 'the session was deleted',
    NOT_CONNECTED: 'the session was not connected',
    '463': 'WhatsApp refused it: the number writes to too many strangers',
    '479': 'WhatsApp refused it: the message could not be read there',
  },
  id: {
    opted_out: 'berhenti langganan',
    not_on_whatsapp: 'tidak ada di WhatsApp',
    invalid: 'bukan nomor telepon',
    duplicate: 'sudah ada di daftar dengan nomor lain',
    empty_message: 'teksnya kosong untuk orang ini',
    message_too_long: 'teksnya melebihi batas WhatsApp: persingkat teks atau nilainya',
    canceled: 'dikeluarkan dari antrean',
    stopped: 'kampanye dihentikan sebelumnya',
    failed: 'kampanye gagal sebelumnya',
    quiet: 'di sana sedang malam',
    expired: 'tidak terkirim pada waktunya',
    unknown: 'tidak diketahui',
    SEND_FAILED: 'tidak bisa dikirim',
    NOT_ON_WHATSAPP: 'tidak ada di WhatsApp',
    SESSION_DELETED: 'sesinya dihapus',
    NOT_CONNECTED: 'sesinya tidak terhubung',
    '463': 'ditolak WhatsApp: nomor ini menulis ke terlalu banyak orang asing',
    '479': 'ditolak WhatsApp: pesannya tidak bisa dibaca di sana',
  },
};

export const statusText = (lang: Lang, status: Status): string => STATUSES[lang][status];

/** What the state of a campaign means, why it is so and what it waits for; each a sentence. */
export function explainCampaign(
  lang: Lang,
  campaign: Pick<CampaignOutput, 'status' | 'reason' | 'reasonMessage' | 'waitingFor'>,
): string[] {
  const { status, reason, reasonMessage, waitingFor } = campaign;
  const why = reason === null ? '' : (own(REASONS[lang], reason) ?? reasonMessage ?? reason);
  const waits = waitingFor === null ? '' : (own(WAITING[lang], waitingFor) ?? waitingFor);
  const meaning = waits === '' && reason !== 'cloned' ? MEANINGS[lang][status] : '';
  return [why, waits, meaning].filter((sentence) => sentence !== '');
}

/** A code of WhatsApp's or of ours in words; the code itself where there are none. */
export function fateText(lang: Lang, reason: string): string {
  const known = own(FATES[lang], reason);
  if (known === undefined) return reason;
  return /^\d+$/.test(reason) ? `${known} (${reason})` : known;
}
