/** Kinds, states and error codes of messages in plain words. The same causes are in docs/operations.md. */

import { KINDS } from '../../../services/messages/kinds/index.ts';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { ContentType } from '../../../whatsapp/content.ts';
import type { Lang } from '../i18n.ts';
import * as english from '../locales/en/messages-words.ts';
import * as indonesian from '../locales/id/messages-words.ts';
import type { Tone } from '../parts.tsx';
import { contentOf, type ShownContent } from './content.ts';
import { ALL_PAGES, isSendable, pagesOf } from './kinds/index.ts';
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
  otp: ['Login code', 'Kode OTP'],
  poll_vote: ['Poll vote', 'Suara polling'],
  reply: ['Selected option', 'Opsi terpilih'],
  edit: ['Edited message', 'Pesan diedit'],
  delete: ['Deleted message', 'Pesan dihapus'],
  interactive: ['Interactive', 'Interaktif'],
  template: ['Template', 'Template'],
  product: ['Product', 'Produk'],
  order: ['Order', 'Pesanan'],
  event: ['Event', 'Acara'],
  unsupported: ['Unsupported', 'Tidak didukung'],
  unknown: ['Unreadable', 'Tidak terbaca'],
};
const NAMES: ReadonlyMap<string, KindName> = new Map([
  ...ALL_PAGES.map(({ type, name }) => [type, name] as const),
  ...Object.entries(OTHER_KINDS),
]);
export const KIND_NAMES = [...NAMES.keys()];

/** The name of a kind of message in the reader's language; its own name when it is new here. */
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
    'WhatsApp does not let this number start a conversation with this person.',
    'Do not try again. Stop campaigns and let the number rest. Existing conversations continue.',
  ],
  [
    'WhatsApp tidak mengizinkan nomor ini memulai percakapan dengan orang ini.',
    'Jangan coba lagi. Hentikan kampanye dan istirahatkan nomor. Percakapan yang sudah ada tetap berjalan.',
  ],
];
const TROUBLE: Both = [
  ['WhatsApp had problems during every attempt.', 'Try again later.'],
  ['WhatsApp bermasalah di setiap percobaan.', 'Coba lagi nanti.'],
];
const REFUSED: Both = [
  [
    'WhatsApp refused this message.',
    'The session is fine. Check the content and the recipient of this message.',
  ],
  ['WhatsApp menolak pesan ini.', 'Sesi tidak bermasalah. Periksa isi dan penerima pesan ini.'],
];
const ERRORS: Record<string, Both> = {
  463: STRANGERS,
  479: [
    [
      'WhatsApp did not accept the devices or the address of this recipient.',
      'Try again later. The number and other recipients are not affected.',
    ],
    [
      'WhatsApp tidak menerima perangkat atau alamat penerima ini.',
      'Coba lagi nanti. Nomor ini dan penerima lain tidak terpengaruh.',
    ],
  ],
  429: TROUBLE,
  500: TROUBLE,
  502: TROUBLE,
  503: TROUBLE,
  504: TROUBLE,
  NO_ACK: [
    [
      'WhatsApp did not confirm the message. It may have arrived.',
      'Try again. A phone that already has it shows it only once.',
    ],
    [
      'WhatsApp tidak mengonfirmasi pesan ini. Mungkin pesannya sudah sampai.',
      'Coba lagi. Ponsel yang sudah menerimanya hanya menampilkannya sekali.',
    ],
  ],
  NOT_SENT: [
    ['The message could not be prepared in time: keys, devices or the upload were not ready.', 'Try again.'],
    ['Pesan tidak siap tepat waktu: kunci, perangkat, atau unggahan belum siap.', 'Coba lagi.'],
  ],
  NOT_ON_WHATSAPP: [
    ['This number is not on WhatsApp.', 'Check the number.'],
    ['Nomor ini tidak terdaftar di WhatsApp.', 'Periksa nomornya.'],
  ],
  RECIPIENT_KEYS: [
    [
      'WhatsApp has no usable keys for this recipient, or did not respond.',
      'Try again later. Other recipients are not affected.',
    ],
    [
      'WhatsApp tidak punya kunci yang bisa dipakai untuk penerima ini, atau tidak merespons.',
      'Coba lagi nanti. Penerima lain tidak terpengaruh.',
    ],
  ],
  GROUP_GONE: [
    ['The group no longer exists, or this number is not a member.', 'Send to another group.'],
    ['Grup sudah tidak ada, atau nomor ini bukan anggotanya.', 'Kirim ke grup lain.'],
  ],
  CONTENT_INVALID: [
    ['This content cannot be sent as a WhatsApp message.', 'Change the content and send it again.'],
    ['Isi ini tidak bisa dikirim sebagai pesan WhatsApp.', 'Ubah isinya, lalu kirim lagi.'],
  ],
  MEDIA_GONE: [
    ['The file was deleted before the message was sent.', 'Upload the file again.'],
    ['File dihapus sebelum pesan dikirim.', 'Unggah filenya lagi.'],
  ],
  CONTENT_GONE: [
    ['The code was already used or had expired.', 'Nothing to do. Send a new code if needed.'],
    ['Kode sudah dipakai atau kedaluwarsa.', 'Tidak perlu tindakan. Kirim kode baru jika perlu.'],
  ],
  CONTENT_UNREADABLE: [
    [
      'The content cannot be decrypted: the encryption key of the server has changed.',
      'Ask your administrator to restore the key, then try again.',
    ],
    [
      'Isi pesan tidak bisa didekripsi: kunci enkripsi server berubah.',
      'Minta administrator memulihkan kuncinya, lalu coba lagi.',
    ],
  ],
  EXPIRED: [
    ['The message expired while it waited.', 'See in the session’s queue why it waited.'],
    ['Pesan kedaluwarsa saat menunggu.', 'Lihat penyebabnya di antrean sesi.'],
  ],
  SESSION_DELETED: [
    ['The session was deleted.', 'Send it from another session.'],
    ['Sesinya sudah dihapus.', 'Kirim dari sesi lain.'],
  ],
};

/** Why a message failed and what to do, in the reader's language; null when it has no error. */
export function explainError(lang: Lang, code: string | null): ErrorWords | null {
  if (code === null) return null;
  const both = new Map(Object.entries(ERRORS)).get(code) ?? REFUSED;
  const [why, todo] = both[lang === 'en' ? 0 : 1];
  return { why, todo };
}
