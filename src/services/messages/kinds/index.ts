/**
 * Every kind of message that can be sent. Routes, campaigns, the composer and the OpenAPI document are made of this list,
 * in its order; what comes in has kinds of its own (`whatsapp/inbound-content.ts`).
 */
import type { ContentType } from '../../../whatsapp/content.ts';
import { audio } from './audio.ts';
import { buttons } from './buttons.ts';
import { contact } from './contact.ts';
import { document } from './document.ts';
import { event } from './event.ts';
import { image } from './image.ts';
import type { Kind } from './kind.ts';
import { list } from './list.ts';
import { location } from './location.ts';
import { poll } from './poll.ts';
import { reaction } from './reaction.ts';
import { sticker } from './sticker.ts';
import { text } from './text.ts';
import { video } from './video.ts';

/** By its name; the compiler finds a kind of content that is missing. */
export const KINDS = {
  text,
  image,
  video,
  audio,
  document,
  sticker,
  location,
  buttons,
  list,
  contact,
  poll,
  event,
  reaction,
} satisfies { readonly [T in ContentType]: Kind<T> };

/** The same in their order. */
export const ALL_KINDS: readonly Kind[] = Object.values(KINDS);
