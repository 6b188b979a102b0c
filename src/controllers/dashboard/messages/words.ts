/** Kinds and states of messages in plain words. */

import { KINDS } from '../../../services/messages/kinds/index.ts';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { ContentType } from '../../../whatsapp/content.ts';
import type { EventAnswer } from '../../../whatsapp/inbound-content.ts';
import type { Lang } from '../i18n.ts';
import * as english from '../locales/en/messages-words.ts';
import * as indonesian from '../locales/id/messages-words.ts';
import { contentOf, type ShownContent } from './content.ts';
import { ALL_PAGES, isSendable, pagesOf } from './kinds/index.ts';
import { type KindName, nameIn, type Shown } from './kinds/kind.ts';
import { lineOf } from './shortened.ts';
import { MESSAGE_TEXTS } from './texts.ts';

export type Status = MessageOutput['status'];

const STATUSES: Record<Lang, Record<Status, string>> = { en: english.statuses, id: indonesian.statuses };

export const statusName = (lang: Lang, status: Status): string => STATUSES[lang][status];

/** Kinds that only come in, and codes. */
const OTHER_KINDS: Readonly<Record<string, KindName>> = {
  otp: ['Login code', 'Kode OTP'],
  poll_vote: ['Poll vote', 'Suara polling'],
  event_response: ['Answer to an event', 'Jawaban acara'],
  pin: ['Pin', 'Sematan'],
  album: ['Album', 'Album'],
  reply: ['Selected option', 'Opsi terpilih'],
  edit: ['Edited message', 'Pesan diedit'],
  delete: ['Deleted message', 'Pesan dihapus'],
  interactive: ['Interactive', 'Interaktif'],
  template: ['Template', 'Template'],
  product: ['Product', 'Produk'],
  order: ['Order', 'Pesanan'],
  unsupported: ['Unsupported', 'Tidak didukung'],
  unknown: ['Unreadable', 'Tidak terbaca'],
  undecryptable: ['Not opened yet', 'Belum terbuka'],
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
  const words = isSendable(shown) ? summaryOf(lang, shown) : wordsOf(lang, shown);
  return lineOf(words || kindName(lang, shown.type));
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
    case 'unknown':
      return unknownWords(t, content);
    case 'undecryptable':
      return t.undecryptable;
    case 'poll_vote':
      return content.options?.join(', ');
    case 'event_response':
      return answerWords({ lang }, content);
    case 'edit':
      return `${t.edited}: ${content.text}`;
    case 'delete':
      return t.deleted;
    case 'album':
      return t.albumHead(content.images, content.videos);
    default:
      return undefined;
  }
}

/** Why the content of a message is not known. */
export function unknownWords(
  t: ReturnType<typeof MESSAGE_TEXTS>,
  { reason }: Extract<ShownContent, { type: 'unknown' }>,
): string {
  return reason === 'phone_only' ? t.phoneOnly : t.unknown;
}

/** What somebody has answered to an event. */
export function answerWords(
  { lang }: { lang: Lang },
  { response, guests }: { response: EventAnswer | null; guests: number },
): string {
  const t = MESSAGE_TEXTS(lang);
  if (response === null) return t.eventUnread;
  const answer = { going: t.eventGoing, maybe: t.eventMaybe, not_going: t.eventNotGoing }[response];
  return guests === 0 ? answer : `${answer}, ${t.eventGuests(guests.toLocaleString(lang))}`;
}
