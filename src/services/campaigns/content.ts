/** What a campaign says: from what a client asked for to a content with placeholders. */

import { z } from 'zod';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { fitted } from '../../utils/fit-input.ts';
import type { Content } from '../../whatsapp/content.ts';
import type { Ctx } from '../context.ts';
import { requireContentType } from '../messages/capability.ts';
import {
  audioDraft,
  buttonsDraft,
  contactDraft,
  type Draft,
  documentDraft,
  imageDraft,
  listDraft,
  locationDraft,
  pollDraft,
  stickerDraft,
  videoDraft,
} from '../messages/drafts.ts';
import {
  AudioFields,
  ButtonsFields,
  ContactFields,
  DocumentFields,
  ImageFields,
  ListFields,
  LocationFields,
  PollFields,
  StickerFields,
  VideoFields,
} from '../messages/kinds.ts';
import { TextInput } from '../messages/schemas.ts';
import type { SendingSession } from '../messages/session.ts';

/** How long a file stays for a campaign that is paused, retried or repeated. */
const KEEP_FILE_MS = 180 * DAY_MS;

/** The part of a request that says what is sent. */
export interface ContentInput {
  message?: string | undefined;
  type?: string | undefined;
  messageType?: string | undefined;
  content?: string | Record<string, unknown> | undefined;
  messageContent?: string | Record<string, unknown> | undefined;
}

/** A kind of message: its fields are those of the send of that kind. */
type Kind = (fields: Record<string, unknown>) => Draft;

function kind<S extends z.ZodRawShape>(shape: S, make: (fields: z.output<z.ZodObject<S>>) => Draft): Kind {
  const schema = fitted(z.object(shape), 'json');
  return (fields) => {
    const parsed = schema.safeParse(fields);
    if (parsed.success) return make(parsed.data);
    const reasons = parsed.error.issues.map(({ path, message }) => [
      ['content', ...path.map(String)].join('.'),
      message,
    ]);
    throw new AppError('VALIDATION_FAILED', 'Not valid: content.', { details: Object.fromEntries(reasons) });
  };
}

const text = ({ text: words }: { text: string }): Draft => ({
  type: 'text',
  make: () => ({ type: 'text', text: words }),
});

const KINDS: ReadonlyMap<string, { kind: Kind; main: string | null }> = new Map([
  ['text', { kind: kind({ text: TextInput }, text), main: 'text' }],
  ['image', { kind: kind(ImageFields, imageDraft), main: 'caption' }],
  ['video', { kind: kind(VideoFields, videoDraft), main: 'caption' }],
  ['audio', { kind: kind(AudioFields, audioDraft), main: null }],
  ['document', { kind: kind(DocumentFields, documentDraft), main: 'caption' }],
  ['sticker', { kind: kind(StickerFields, stickerDraft), main: null }],
  ['location', { kind: kind(LocationFields, locationDraft), main: null }],
  ['buttons', { kind: kind(ButtonsFields, buttonsDraft), main: 'text' }],
  ['list', { kind: kind(ListFields, listDraft), main: 'text' }],
  ['contact', { kind: kind(ContactFields, contactDraft), main: null }],
  ['poll', { kind: kind(PollFields, pollDraft), main: 'question' }],
]);
const MEDIA: ReadonlySet<string> = new Set(['image', 'video', 'audio', 'document', 'sticker']);
/** What clients call the file where we name it after the type. */
const FILE_NAMES = ['media', 'file', 'url', 'mediaUrl', 'fileName'];

/** True when the request says anything about what is sent. */
export function saysContent(input: ContentInput): boolean {
  return [input.message, input.type, input.messageType, input.content, input.messageContent].some(
    (field) => field !== undefined,
  );
}

/**
 * The content of a request, validated as a send of that type is, its file fetched and kept. Throws VALIDATION_FAILED,
 * NOT_SUPPORTED and whatever a send of that type throws.
 */
export async function buildContent(
  ctx: Ctx,
  session: SendingSession,
  input: ContentInput,
  startsAt: number,
): Promise<Content> {
  const type = one('type', input.type, input.messageType) ?? 'text';
  const known = KINDS.get(type === 'button' ? 'buttons' : type);
  if (!known) {
    const reason = `must be one of ${[...KINDS.keys()].join(', ')}`;
    throw new AppError('VALIDATION_FAILED', 'Not valid: type.', { details: { type: reason } });
  }
  const draft = known.kind(fieldsOf(input, type, known.main));
  requireContentType(ctx, draft.type);
  return draft.make(ctx, { session, neededUntil: startsAt + KEEP_FILE_MS });
}

function fieldsOf(input: ContentInput, type: string, main: string | null): Record<string, unknown> {
  const content = one('content', input.content, input.messageContent);
  const fields: Record<string, unknown> = typeof content === 'object' ? { ...content } : {};
  if (MEDIA.has(type) && fields[type] === undefined) {
    const given = FILE_NAMES.find((name) => typeof fields[name] === 'string');
    if (given !== undefined) fields[type] = fields[given];
    else if (typeof content === 'string') fields[type] = content;
  }
  if (main === null) return fields;
  const words = input.message ?? (typeof content === 'string' && !MEDIA.has(type) ? content : undefined);
  const inner = fields.message ?? fields.body;
  if (fields[main] === undefined) fields[main] = words ?? inner;
  return fields;
}

/** The same field under two names: both given and different is refused. */
function one<T>(field: string, first: T | undefined, second: T | undefined): T | undefined {
  if (first !== undefined && second !== undefined && JSON.stringify(first) !== JSON.stringify(second)) {
    throw new AppError('VALIDATION_FAILED', `Not valid: ${field}.`, {
      details: { [field]: 'is given under two names, with different values' },
    });
  }
  return first ?? second;
}
