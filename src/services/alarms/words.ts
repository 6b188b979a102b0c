/** Alarms in words: for pages and notices, in both languages. */
import { momentText } from '../../utils/moment-text.ts';
import { own } from '../../utils/own.ts';
import type { PassingReason, SessionReason } from '../sessions/reasons.ts';
import type { Alarm, AlarmKind } from './alarms.ts';

type Lang = 'en' | 'id';

/** Who reads it, and when. */
export interface AlarmReader {
  lang: Lang;
  /** IANA name */
  zone: string;
  /** epoch milliseconds */
  now: number;
}

interface Said {
  /** the moment behind that word; nothing for one that is not known */
  at: (word: string, moment: number | null) => string;
  number: (n: number) => string;
}

type Write = (alarm: Alarm, say: Said) => string;

const en: Record<AlarmKind, Write> = {
  session_ended: (alarm, { at, number }) =>
    `${alarm.sessionId} ${own(ENDS_EN, alarm.reason ?? '') ?? 'was logged out'}${at('at', alarm.since)}${refusedEn(alarm, number)}.`,
  session_away: (alarm, { at }) => `${alarm.sessionId} has no connection${at('since', alarm.since)}.`,
  link_needed: (alarm, { number, at }) =>
    `${alarm.sessionId} waits to be linked again: its link was lost${at('at', alarm.since)}${refusedEn(alarm, number)}.`,
  restricted: (alarm, { at }) =>
    `WhatsApp restricts ${alarm.sessionId}: new people get no messages${at('until', alarm.until)}.`,
  webhook_down: (alarm, { number }) =>
    `The webhook at ${alarm.host} does not answer${alarm.count === null ? '' : `: ${number(alarm.count)} ${alarm.count === 1 ? 'event waits' : 'events wait'}`}.`,
  conversion_low: (alarm, { number }) =>
    `Few codes are entered: ${number(alarm.count ?? 0)} of ${number(alarm.of ?? 0)} in the last hour.`,
  queue_late: (alarm, { number, at }) =>
    `${alarm.sessionId} sends nothing: ${number(alarm.count ?? 0)} ${alarm.count === 1 ? 'message is' : 'messages are'} late, the first${at('since', alarm.since)}.`,
  limit_reached: (alarm, { number, at }) =>
    `${own(LIMITS_EN, alarm.reason ?? '') ?? 'A limit of your plan'} is reached: ${number(alarm.of ?? 0)}${at('until', alarm.until)}.`,
  workspace_suspended: () => 'The workspace is suspended: nothing is sent.',
  service_trouble: (alarm) => own(TROUBLES_EN, alarm.reason ?? '') ?? 'The service is in trouble.',
};

const id: Record<AlarmKind, Write> = {
  session_ended: (alarm, { at, number }) =>
    `${alarm.sessionId} ${own(ENDS_ID, alarm.reason ?? '') ?? 'terputus'}${at('pukul', alarm.since)}${refusedId(alarm, number)}.`,
  session_away: (alarm, { at }) => `${alarm.sessionId} tidak terhubung${at('sejak', alarm.since)}.`,
  link_needed: (alarm, { number, at }) =>
    `${alarm.sessionId} perlu ditautkan lagi: terputus${at('pukul', alarm.since)}${refusedId(alarm, number)}.`,
  restricted: (alarm, { at }) =>
    `WhatsApp membatasi ${alarm.sessionId}: orang baru tidak dikirimi pesan${at('sampai', alarm.until)}.`,
  webhook_down: (alarm, { number }) =>
    `Webhook di ${alarm.host} tidak menjawab${alarm.count === null ? '' : `: ${number(alarm.count)} event menunggu`}.`,
  conversion_low: (alarm, { number }) =>
    `Sedikit kode yang dimasukkan: ${number(alarm.count ?? 0)} dari ${number(alarm.of ?? 0)} dalam satu jam terakhir.`,
  queue_late: (alarm, { number, at }) =>
    `${alarm.sessionId} tidak mengirim apa pun: ${number(alarm.count ?? 0)} pesan terlambat, yang pertama${at('sejak', alarm.since)}.`,
  limit_reached: (alarm, { number, at }) =>
    `${own(LIMITS_ID, alarm.reason ?? '') ?? 'Batas paket Anda'} tercapai: ${number(alarm.of ?? 0)}${at('sampai', alarm.until)}.`,
  workspace_suspended: () => 'Workspace ditangguhkan: tidak ada yang dikirim.',
  service_trouble: (alarm) => own(TROUBLES_ID, alarm.reason ?? '') ?? 'Layanan bermasalah.',
};

/** What ends a link; the other reasons pass, or somebody wanted them. */
type End = Exclude<SessionReason, PassingReason | 'importing' | 'logout' | 'exported' | 'user_disabled'>;

const ENDS_EN: Record<End, string> = {
  device_removed: 'was logged out',
  replaced: 'was opened elsewhere',
  replaced_after_import: 'was opened elsewhere',
  forbidden: 'was banned by WhatsApp',
  bad_session: 'lost its link',
  client_outdated: 'is refused by WhatsApp as too old',
  phone_mismatch: 'was linked to another phone, which was refused',
  duplicate_phone: 'was linked to a phone that another session has',
  import_interrupted: 'was not imported: that was cut off',
};
const ENDS_ID: Record<End, string> = {
  device_removed: 'terputus dari ponsel',
  replaced: 'dibuka di tempat lain',
  replaced_after_import: 'dibuka di tempat lain',
  forbidden: 'diblokir WhatsApp',
  bad_session: 'kehilangan tautannya',
  client_outdated: 'ditolak WhatsApp karena versinya lama',
  phone_mismatch: 'ditautkan ke ponsel lain, yang ditolak',
  duplicate_phone: 'ditautkan ke ponsel yang sudah dipakai sesi lain',
  import_interrupted: 'tidak jadi diimpor: prosesnya terputus',
};
const LIMITS_EN: Record<string, string> = {
  messagesPerDay: 'The limit of messages of the day',
  messagesPerMonth: 'The limit of messages of the month',
  otpsPerHour: 'The limit of codes of the hour',
};
const LIMITS_ID: Record<string, string> = {
  messagesPerDay: 'Batas pesan per hari',
  messagesPerMonth: 'Batas pesan per bulan',
  otpsPerHour: 'Batas kode per jam',
};
const TROUBLES_EN: Record<string, string> = {
  database_read_only: 'The database takes no writes: look at the disk.',
  storage_down: 'Files cannot be stored: look at the storage.',
  clock_skewed: 'The clock of this server is off.',
  credentials_unreadable: 'Credentials of sessions cannot be read: is an encryption key missing?',
  service_webhook_down: 'The webhook of the service does not answer.',
  mail_down: 'No email goes out: look at the SMTP server.',
};
const TROUBLES_ID: Record<string, string> = {
  database_read_only: 'Database tidak bisa ditulis: periksa disk.',
  storage_down: 'File tidak bisa disimpan: periksa penyimpanan.',
  clock_skewed: 'Jam server ini tidak tepat.',
  credentials_unreadable: 'Kredensial sesi tidak bisa dibaca: apakah ada kunci enkripsi yang hilang?',
  service_webhook_down: 'Webhook layanan tidak menjawab.',
  mail_down: 'Email tidak terkirim: periksa server SMTP.',
};

function refusedEn({ count }: Alarm, number: Said['number']): string {
  if (count === null || count === 0) return '';
  return `, ${number(count)} ${count === 1 ? 'code' : 'codes'} refused since`;
}

function refusedId({ count }: Alarm, number: Said['number']): string {
  return count === null || count === 0 ? '' : `, ${number(count)} kode ditolak sejak itu`;
}

/** One sentence. It holds no code and nothing of a message. */
export function alarmText(alarm: Alarm, { lang, zone, now }: AlarmReader): string {
  const write = lang === 'en' ? en[alarm.kind] : id[alarm.kind];
  return write(alarm, {
    at: (word, moment) => (moment === null ? '' : ` ${word} ${momentText(lang, zone, moment, now)}`),
    number: (n) => n.toLocaleString(lang),
  });
}

/** Which page of the dashboard shows what an alarm is about. */
export function alarmPath(alarm: Alarm): string {
  const session = `/dashboard/sessions/${encodeURIComponent(alarm.sessionId ?? '')}`;
  switch (alarm.kind) {
    case 'session_ended':
      // With credentials it is restarted, or logged out first.
      return alarm.paired === true ? session : `${session}/link`;
    case 'link_needed':
      return `${session}/link`;
    case 'session_away':
    case 'restricted':
    case 'queue_late':
      return session;
    case 'webhook_down':
      return `/dashboard/developers/webhooks/${alarm.webhookId}`;
    case 'conversion_low':
      return '/dashboard/otp/conversion';
    case 'limit_reached':
      return '/dashboard/usage';
    case 'workspace_suspended':
      return '/dashboard/suspended';
    case 'service_trouble':
      return '/dashboard/admin/system';
  }
}
