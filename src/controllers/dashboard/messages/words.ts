/** Kinds, states and error codes of messages in plain words. The same causes are in docs/operations.md. */

import { KINDS } from '../../../services/messages/kinds/index.ts';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { ContentType } from '../../../whatsapp/content.ts';
import type { Lang } from '../i18n.ts';
import * as english from '../locales/en/messages-words.ts';
import * as indonesian from '../locales/id/messages-words.ts';
import type { Tone } from '../parts.tsx';
import { contentOf, type ShownContent } from './content.ts';
import { isSendable, KIND_PAGES, pagesOf } from './kinds/index.ts';
import { type KindName, nameIn, type Shown } from './kinds/kind.ts';
import { MESSAGE_TEXTS } from './texts.ts';

export type Status = MessageOutput['status'];

const STATUSES: Record<Lang, Record<Status, string>> = { en: english.statuses, id: indonesian.statuses };

const TONES: Record<Status, Tone> = {
  queued: 'plain',
  sending: 'plain',
  sent: 'plain',
  delivered: 'good',
  read: 'good',
  failed: 'bad',
  canceled: 'warn',
  expired: 'warn',
  received: 'plain',
};

export const statusName = (lang: Lang, status: Status): string => STATUSES[lang][status];
export const statusTone = (status: Status): Tone => TONES[status];

/** Kinds that only come in, and codes. */
const OTHER_KINDS: Readonly<Record<string, KindName>> = {
  otp: ['Login code', 'Kode masuk'],
  poll_vote: ['Vote', 'Suara'],
  reply: ['Choice', 'Pilihan'],
  edit: ['Edit', 'Suntingan'],
  delete: ['Deletion', 'Penghapusan'],
  interactive: ['Interactive', 'Interaktif'],
  template: ['Template', 'Templat'],
  product: ['Product', 'Produk'],
  order: ['Order', 'Pesanan'],
  event: ['Event', 'Acara'],
  unsupported: ['Unknown kind', 'Jenis tak dikenal'],
  unknown: ['Unreadable', 'Tidak terbaca'],
};
const NAMES: ReadonlyMap<string, KindName> = new Map([
  ...Object.values(KIND_PAGES).map(({ type, name }) => [type, name] as const),
  ...Object.entries(OTHER_KINDS),
]);
export const KIND_NAMES = [...NAMES.keys()];

/** What a kind of message is called; its own name when it is new here. */
export function kindName(lang: Lang, type: string): string {
  const name = NAMES.get(type);
  return name === undefined ? type : nameIn(lang, name);
}

/** One line that tells what a message says. */
export function summarize(lang: Lang, { type, content }: Pick<MessageOutput, 'type' | 'content'>): string {
  const shown = contentOf(content);
  if (shown === null) return kindName(lang, type);
  return (isSendable(shown) ? summaryOf(lang, shown) : wordsOf(lang, shown)) || kindName(lang, shown.type);
}

function summaryOf(lang: Lang, content: Shown<ContentType>): string | undefined {
  const { summary } = pagesOf(content);
  if (summary) return summary(lang, content);
  const fields = new Map<string, unknown>(Object.entries(content));
  const texts = KINDS[content.type].words.map((name) => fields.get(name));
  return texts.find((text): text is string => typeof text === 'string' && text !== '');
}

function wordsOf(lang: Lang, content: Exclude<ShownContent, Shown<ContentType>>): string | undefined {
  const t = MESSAGE_TEXTS(lang);
  switch (content.type) {
    case 'reply':
    case 'template':
    case 'interactive':
      return content.text;
    case 'product':
      return content.title;
    case 'order':
      return content.title ?? content.text;
    case 'event':
      return content.name;
    case 'unknown':
      return t.unknown;
    case 'edit':
      return `${t.edited}: ${content.text}`;
    case 'delete':
      return t.deleted;
    default:
      return undefined;
  }
}

export interface ErrorWords {
  why: string;
  todo: string;
}

type Both = readonly [en: readonly [string, string], id: readonly [string, string]];

const STRANGERS: Both = [
  [
    'WhatsApp lets this number write to no more people who do not know it.',
    'Stop campaigns and let the number rest. Messages to people who know it go on.',
  ],
  [
    'WhatsApp tidak lagi mengizinkan nomor ini menulis ke orang yang tidak mengenalnya.',
    'Hentikan kampanye dan istirahatkan nomor ini. Pesan ke orang yang mengenalnya tetap jalan.',
  ],
];
const TROUBLE: Both = [
  ['WhatsApp had trouble that lasted through every attempt.', 'Retry later.'],
  ['WhatsApp bermasalah selama semua percobaan.', 'Coba lagi nanti.'],
];
const REFUSED: Both = [
  [
    'WhatsApp refused this message.',
    'The message is at fault, not the session: look at its content and its recipient.',
  ],
  ['WhatsApp menolak pesan ini.', 'Masalahnya pada pesan, bukan sesi: periksa isi dan penerimanya.'],
];
const ERRORS: Record<string, Both> = {
  463: STRANGERS,
  479: [
    ['WhatsApp wants the recipient to write to this number first.', STRANGERS[0][1]],
    ['WhatsApp ingin penerima lebih dulu menulis ke nomor ini.', STRANGERS[1][1]],
  ],
  429: TROUBLE,
  500: TROUBLE,
  502: TROUBLE,
  503: TROUBLE,
  504: TROUBLE,
  NO_ACK: [
    [
      'WhatsApp did not confirm the message in any attempt. It may have arrived.',
      'Retry: a phone that has it already shows it once.',
    ],
    [
      'WhatsApp tidak mengonfirmasi pesan ini. Mungkin saja sudah sampai.',
      'Coba lagi: ponsel yang sudah menerimanya menampilkannya sekali.',
    ],
  ],
  NOT_SENT: [
    ['It could not be prepared in time: keys, devices or the upload were not ready.', 'Retry.'],
    ['Tidak siap tepat waktu: kunci, perangkat, atau unggahan belum ada.', 'Coba lagi.'],
  ],
  NOT_ON_WHATSAPP: [
    ['This number has no WhatsApp account.', 'Correct the number.'],
    ['Nomor ini tidak punya akun WhatsApp.', 'Perbaiki nomornya.'],
  ],
  RECIPIENT_KEYS: [
    [
      'WhatsApp has no usable keys for any device of this recipient, or did not answer about them.',
      'Retry later. Other recipients are not affected.',
    ],
    [
      'WhatsApp tidak punya kunci yang dapat dipakai untuk perangkat penerima ini, atau tidak menjawab.',
      'Coba lagi nanti. Penerima lain tidak terpengaruh.',
    ],
  ],
  GROUP_GONE: [
    ['The group does not exist any more, or this number is not in it.', 'Send to another group.'],
    ['Grup itu sudah tidak ada, atau nomor ini bukan anggotanya.', 'Kirim ke grup lain.'],
  ],
  CONTENT_INVALID: [
    ['Its content cannot be made into a WhatsApp message.', 'Change the content and send it again.'],
    ['Isinya tidak dapat dijadikan pesan WhatsApp.', 'Ubah isinya lalu kirim lagi.'],
  ],
  MEDIA_GONE: [
    ['Its file was deleted before it was sent.', 'Upload the file again.'],
    ['Berkasnya dihapus sebelum dikirim.', 'Unggah lagi berkasnya.'],
  ],
  CONTENT_GONE: [
    ['The code had been used or had expired.', 'Nothing: a new code is a new message.'],
    ['Kodenya sudah dipakai atau kedaluwarsa.', 'Tidak ada: kode baru adalah pesan baru.'],
  ],
  CONTENT_UNREADABLE: [
    [
      'Its content cannot be opened: the encryption key of the service has changed.',
      'Ask whoever runs this service to put the right key back, then retry.',
    ],
    [
      'Isinya tidak dapat dibuka: kunci enkripsi layanan berubah.',
      'Minta pengelola layanan mengembalikan kunci yang benar, lalu coba lagi.',
    ],
  ],
  EXPIRED: [
    ['Its time ran out while it waited.', 'See in the session’s queue why it waited.'],
    ['Waktunya habis selagi menunggu.', 'Lihat di antrean sesi mengapa ia menunggu.'],
  ],
  SESSION_DELETED: [
    ['Its session was deleted.', 'Send it from another session.'],
    ['Sesinya dihapus.', 'Kirim dari sesi lain.'],
  ],
};

/** Why a message failed and what to do, in the reader's language; null when it has no error. */
export function explainError(lang: Lang, code: string | null): ErrorWords | null {
  if (code === null) return null;
  const both = new Map(Object.entries(ERRORS)).get(code) ?? REFUSED;
  const [why, todo] = both[lang === 'en' ? 0 : 1];
  return { why, todo };
}
