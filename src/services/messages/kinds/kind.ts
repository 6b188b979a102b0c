/** The declaration of a kind of message, once for every surface. */
import type { z } from 'zod';
import type { Content, ContentType, MediaContent } from '../../../whatsapp/content.ts';
import type { Ctx } from '../../context.ts';
import type { MediaSource } from '../../media/sources.ts';
import { type TakenMedia, takeMedia } from '../../media/take.ts';
import type { SendingSession } from '../session.ts';

/** The input of a draft. */
export interface DraftContext {
  session: SendingSession;
  /** epoch milliseconds: how long its file must be there at least */
  neededUntil: number;
  /** it cannot be a document instead */
  only?: boolean;
}

/** A content that is made only when it is clear that it may be sent: that may take a download. */
export interface Draft {
  type: ContentType;
  make(ctx: Ctx, about: DraftContext): Promise<Content> | Content;
}

type ContentOf<T extends ContentType> = Extract<Content, { type: T }>;
type Fields<F extends z.ZodRawShape> = z.output<z.ZodObject<F>>;
type TextFieldOf<C> = {
  [K in keyof C & string]-?: string extends NonNullable<C[K]>
    ? NonNullable<C[K]> extends string
      ? K
      : never
    : never;
}[keyof C & string];

interface Declared<T extends ContentType, F extends z.ZodRawShape> {
  /** also the end of its route: `/message/send-<type>` */
  type: T;
  /** what its route does, in OpenAPI */
  summary: string;
  /** what a client gives of it */
  fields: F;
  /** texts that campaigns fill in, in the order in which their spintax is counted; the first is the campaign's `message` */
  placeholders: readonly TextFieldOf<ContentOf<T>>[];
  /** texts that tell in one line what it says; the first that is not empty is shown */
  words: readonly TextFieldOf<ContentOf<T>>[];
  /** Throws VALIDATION_FAILED for fields that do not go together. */
  check?(input: Omit<Fields<F>, T>): void;
  /** not for campaigns: it is about another message of one conversation */
  inChatOnly?: true;
  /** fields of a request that works, as OpenAPI shows it */
  example: z.input<z.ZodObject<F>>;
}

/** A kind without a file: what a client gave is all there is. */
interface PlainKind<T extends ContentType, F extends z.ZodRawShape> extends Declared<T, F> {
  make(input: Fields<F>, ctx: Ctx, about: DraftContext): Promise<ContentOf<T>> | ContentOf<T>;
}

/** A kind with a file, in the field of its own name. */
interface FileKind<T extends MediaContent['type'], F extends z.ZodRawShape> extends Declared<T, F> {
  /** the sound is to be played as a voice note */
  isVoice?(input: Omit<Fields<F>, T>): boolean;
  make(input: Omit<Fields<F>, T>, taken: TakenMedia, ctx: Ctx): Promise<ContentOf<T>> | ContentOf<T>;
}

/** A kind, as every surface knows it. */
export interface Kind<
  T extends ContentType = ContentType,
  F extends z.ZodRawShape = z.ZodRawShape,
  I = Record<string, unknown>,
> {
  readonly type: T;
  readonly summary: string;
  readonly fields: F;
  /** the field of its own name holds a file */
  readonly hasFile: boolean;
  readonly placeholders: readonly string[];
  readonly words: readonly string[];
  readonly inChatOnly?: true;
  readonly example: Record<string, unknown>;
  /**
   * The message to send, of fields that have passed the schema. A file may stand for its digest. Throws VALIDATION_FAILED
   * for fields that do not go together.
   */
  draft(input: I): Draft;
}

/** Declares a kind without a file. */
export function plainKind<T extends ContentType, F extends z.ZodRawShape>(
  declared: PlainKind<T, F>,
): Kind<T, F, Fields<F>> {
  const { make, check, type, ...rest } = declared;
  return {
    ...rest,
    type,
    hasFile: false,
    draft(input) {
      check?.(input);
      return { type, make: (ctx, about) => make(input, ctx, about) };
    },
  };
}

/** Declares a kind with a file. */
export function fileKind<T extends MediaContent['type'], F extends z.ZodRawShape>(
  declared: FileKind<T, F>,
): Kind<T, F, Omit<Fields<F>, T> & { [K in T]: MediaSource }> {
  const { make, check, isVoice, type, ...rest } = declared;
  return {
    ...rest,
    type,
    hasFile: true,
    draft(input) {
      check?.(input);
      return {
        type,
        async make(ctx, { neededUntil, only = false }) {
          const purpose = { use: type, neededUntil, only, ...(isVoice ? { voice: isVoice(input) } : {}) };
          return make(input, await takeMedia(ctx, input[type], purpose), ctx);
        },
      };
    },
  };
}
