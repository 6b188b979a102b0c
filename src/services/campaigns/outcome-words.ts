/** What became of one recipient, in words: for answers in English, for pages in the reader's language. */
import { own } from '../../utils/own.ts';
import { explainError } from '../messages/failure-words.ts';

type Lang = 'en' | 'id';

const OUTCOMES: Record<Lang, Record<string, string>> = {
  en: {
    new_contacts: 'waiting for the daily limit of new people',
    no_sender: 'waiting for one of the numbers',
    opted_out: 'opted out',
    not_on_whatsapp: 'not on WhatsApp',
    number_check: 'waiting for WhatsApp to say whether the number is there',
    no_answer: 'for over an hour WhatsApp did not say whether it is there',
    invalid: 'invalid phone number',
    duplicate: 'duplicate of another number on the list',
    empty_message: 'the text was empty for this person',
    message_too_long: 'the text was too long for WhatsApp',
    canceled: 'canceled',
    stopped: 'the campaign was stopped first',
    failed: 'the campaign failed first',
    quiet: 'night in their time zone',
    expired: 'not sent in time',
    unknown: 'unknown reason',
    SEND_FAILED: 'could not be sent',
    NOT_ON_WHATSAPP: 'not on WhatsApp',
    SESSION_DELETED: 'the session was deleted',
    NOT_CONNECTED: 'the session was not connected',
    '463': 'WhatsApp does not let the number start this conversation',
    '479': 'WhatsApp did not accept the devices of the recipient',
  },
  id: {
    new_contacts: 'menunggu batas harian orang baru',
    no_sender: 'menunggu salah satu nomor',
    opted_out: 'berhenti langganan',
    not_on_whatsapp: 'tidak terdaftar di WhatsApp',
    number_check: 'menunggu jawaban WhatsApp apakah nomornya terdaftar',
    no_answer: 'selama lebih dari satu jam WhatsApp tidak memberi tahu apakah terdaftar',
    invalid: 'nomor tidak valid',
    duplicate: 'ganda dengan nomor lain di daftar',
    empty_message: 'teksnya kosong untuk orang ini',
    message_too_long: 'teks terlalu panjang untuk WhatsApp',
    canceled: 'dibatalkan',
    stopped: 'kampanye lebih dulu dihentikan',
    failed: 'kampanye lebih dulu gagal',
    quiet: 'malam di zona waktu penerima',
    expired: 'tidak terkirim tepat waktu',
    unknown: 'penyebab tidak diketahui',
    SEND_FAILED: 'tidak bisa dikirim',
    NOT_ON_WHATSAPP: 'tidak terdaftar di WhatsApp',
    SESSION_DELETED: 'sesinya dihapus',
    NOT_CONNECTED: 'sesinya tidak terhubung',
    '463': 'WhatsApp tidak mengizinkan nomor memulai percakapan ini',
    '479': 'WhatsApp tidak menerima perangkat penerima',
  },
};

/** The words for the reason of a recipient, ours or WhatsApp's code; never the code itself. */
export function outcomeText(lang: Lang, reason: string): string {
  const known = own(OUTCOMES[lang], reason);
  if (known !== undefined) return known;
  const isCode = /^(?:\d{1,6}|[A-Z][A-Z_]{0,60})$/.test(reason);
  return (isCode ? explainError(lang, reason)?.why : undefined) ?? OUTCOMES[lang].unknown ?? '';
}
