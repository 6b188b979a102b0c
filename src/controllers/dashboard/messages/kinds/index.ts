/** The pages' part of every kind that can be sent. */
import { ALL_KINDS } from '../../../../services/messages/kinds/index.ts';
import type { ContentType } from '../../../../whatsapp/content.ts';
import type { ShownContent } from '../content.ts';
import { audio } from './audio.tsx';
import { buttons } from './buttons.tsx';
import { contact } from './contact.tsx';
import { document } from './document.tsx';
import { event } from './event.tsx';
import { image } from './image.tsx';
import type { KindPages, Shown } from './kind.ts';
import { list } from './list.tsx';
import { location } from './location.tsx';
import { poll } from './poll.tsx';
import { reaction } from './reaction.tsx';
import { sticker } from './sticker.tsx';
import { text } from './text.tsx';
import { video } from './video.tsx';

/** By its name; the compiler finds a kind of content that is missing. */
export const KIND_PAGES: { readonly [T in ContentType]: KindPages<T> } = {
  audio,
  buttons,
  contact,
  document,
  event,
  image,
  list,
  location,
  poll,
  reaction,
  sticker,
  text,
  video,
};

/** The same in the order of `services/messages/kinds`. */
export const ALL_PAGES: readonly KindPages[] = ALL_KINDS.map(({ type }) => KIND_PAGES[type]);

/** True for what can be sent and received; the rest only comes in. */
export function isSendable(content: ShownContent): content is Shown<ContentType> {
  return Object.hasOwn(KIND_PAGES, content.type);
}

/** The pages of this content's kind. */
export function pagesOf(content: Shown<ContentType>): KindPages {
  return KIND_PAGES[content.type];
}
