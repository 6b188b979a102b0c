/**
 * From what a client asked for to the content that is queued. A draft is made only when it is clear that it may be
 * sent: it may take a download.
 */
import type { z } from 'zod';
import { documentName, writtenName } from '../../utils/file-name.ts';
import { normalizePhone } from '../../utils/phone.ts';
import type { Content, ContentType, Rendering } from '../../whatsapp/content.ts';
import type { Ctx } from '../context.ts';
import type { MediaSource } from '../media/sources.ts';
import { type MediaPurpose, type TakenMedia, takeMedia } from '../media/take.ts';
import type {
  AudioFields,
  ButtonsFields,
  ContactFields,
  DocumentFields,
  ImageFields,
  ListFields,
  LocationFields,
  PollFields,
  ReactionFields,
} from './kinds.ts';
import { findMessageKey } from './quote.ts';
import type { SendingSession } from './session.ts';

/** What is known when a draft is made. */
export interface DraftContext {
  session: SendingSession;
  /** epoch milliseconds: how long its file must be there at least */
  neededUntil: number;
}

export interface Draft {
  type: ContentType;
  make(ctx: Ctx, about: DraftContext): Promise<Content> | Content;
}

type Fields<F extends z.ZodRawShape> = z.output<z.ZodObject<F>>;
/** The same with the place of the file instead of its digest. */
type WithSource<F extends z.ZodRawShape, K extends string> = Omit<Fields<F>, K> & { [key in K]: MediaSource };

export const imageDraft = ({ image, caption }: WithSource<typeof ImageFields, 'image'>): Draft =>
  mediaDraft({ use: 'image' }, image, ({ file }) => ({
    type: 'image',
    media: file,
    ...optional({ caption }),
  }));

export const videoDraft = ({ video, caption }: { video: MediaSource; caption?: string | undefined }): Draft =>
  mediaDraft({ use: 'video' }, video, ({ file }) => ({
    type: 'video',
    media: file,
    ...optional({ caption }),
  }));

export const audioDraft = ({ audio, ptt = false }: WithSource<typeof AudioFields, 'audio'>): Draft =>
  mediaDraft({ use: 'audio', voice: ptt }, audio, ({ file, details }) => ({
    type: 'audio',
    media: file,
    ptt,
    ...optional({ seconds: details.seconds }),
  }));

export const documentDraft = (input: WithSource<typeof DocumentFields, 'document'>): Draft =>
  mediaDraft({ use: 'document' }, input.document, ({ file, filename }) => ({
    type: 'document',
    media: file,
    filename: nameOf(input.filename) ?? documentName(filename, file.mimetype),
    ...optional({ caption: input.caption }),
  }));

const nameOf = (given: string | undefined) => (given === undefined ? null : writtenName(given) || null);

export const stickerDraft = ({ sticker }: { sticker: MediaSource }): Draft =>
  mediaDraft({ use: 'sticker' }, sticker, ({ file }) => ({ type: 'sticker', media: file }));

function mediaDraft(
  purpose: Omit<MediaPurpose, 'neededUntil'>,
  source: MediaSource,
  build: (taken: TakenMedia) => Content,
): Draft {
  return {
    type: purpose.use,
    make: async (ctx, { neededUntil }) => build(await takeMedia(ctx, source, { ...purpose, neededUntil })),
  };
}

export const locationDraft = ({
  latitude,
  longitude,
  name,
  address,
}: Fields<typeof LocationFields>): Draft => ({
  type: 'location',
  make: () => ({ type: 'location', latitude, longitude, ...optional({ name, address }) }),
});

export const buttonsDraft = ({ text, footer, buttons, rendering }: Fields<typeof ButtonsFields>): Draft => ({
  type: 'buttons',
  make: ({ config }) => ({
    type: 'buttons',
    text,
    ...optional({ footer }),
    buttons,
    rendering: renderingOf(rendering, config.interactiveMode),
  }),
});

export const listDraft = (input: Fields<typeof ListFields>): Draft => ({
  type: 'list',
  make: ({ config }) => ({
    type: 'list',
    text: input.text,
    ...optional({ title: input.title, footer: input.footer }),
    buttonText: input.buttonText,
    sections: input.sections.map(({ title, rows }) => ({
      ...optional({ title }),
      rows: rows.map((row) => ({
        id: row.id,
        title: row.title,
        ...optional({ description: row.description }),
      })),
    })),
    rendering: renderingOf(input.rendering, config.interactiveMode),
  }),
});

/**
 * What all of the recipient's devices show. WhatsApp's native flow is drawn by phones only, lists not by all of them,
 * and the web client says that the message could not load: until that changes it is the text.
 */
const SHOWN_EVERYWHERE: Rendering = 'text';

function renderingOf(asked: 'auto' | Rendering | undefined, standard: 'auto' | Rendering): Rendering {
  const mode = asked ?? standard;
  return mode === 'auto' ? SHOWN_EVERYWHERE : mode;
}

export const contactDraft = ({ name, phoneNumber }: Fields<typeof ContactFields>): Draft => ({
  type: 'contact',
  make: ({ config }) => ({
    type: 'contact',
    name,
    phone: normalizePhone(phoneNumber, config.defaultCountry),
  }),
});

export const pollDraft = ({ question, options, multiple = false }: Fields<typeof PollFields>): Draft => ({
  type: 'poll',
  make: () => ({ type: 'poll', question, options, multiple }),
});

export const reactionDraft = ({ messageId, emoji }: Fields<typeof ReactionFields>): Draft => ({
  type: 'reaction',
  make: async (ctx, { session }) => ({
    type: 'reaction',
    target: await findMessageKey(ctx, session, messageId),
    emoji,
    at: ctx.clock.now(),
  }),
});

/** Without the fields that are missing or empty: the history keeps what is there. */
function optional<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return asPartial(Object.fromEntries(there));
}

/** Safe because only keys of T with values of T are left. */
function asPartial<T extends object>(fields: object): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return fields as { [K in keyof T]?: Exclude<T[K], undefined> };
}
