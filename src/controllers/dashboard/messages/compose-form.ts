/** From the composer's form to what the API's own schemas take, and back for its preview. */
import { z } from 'zod';
import type { ReceivedFile } from '../../../services/media/sources.ts';
import { renderingOf } from '../../../services/messages/kinds/fields.ts';
import { KINDS } from '../../../services/messages/kinds/index.ts';
import type { Draft, Kind } from '../../../services/messages/kinds/kind.ts';
import { type MessageOutput, sendFields } from '../../../services/messages/schemas.ts';
import type { Config } from '../../../utils/config.ts';
import { AppError } from '../../../utils/errors.ts';
import { issueWords } from '../../../utils/issue-words.ts';
import type { ContentType, Rendering } from '../../../whatsapp/content.ts';
import { exampleFile, givenFields } from '../code-part.tsx';
import { senderFields, senderOf } from '../sessions/sender.tsx';
import { contentOf } from './content.ts';
import { ALL_PAGES, isSendable, KIND_PAGES, pagesOf } from './kinds/index.ts';
import type { KindPages } from './kinds/kind.ts';

/** The kinds that may be written, in the order of the choice. */
export const COMPOSED: readonly ContentType[] = ALL_PAGES.map(({ type }) => type);

const text = z.string().optional();
const kindFields = Object.fromEntries(ALL_PAGES.flatMap(({ form }) => form.map((name) => [name, text])));

/** Whatever the form may hold; what a kind needs of it is checked by the API's schema of that kind. */
export const ComposeForm = z.object({
  ...kindFields,
  kind: z.enum(COMPOSED).default('text'),
  session: text,
  /** with a space between: no name of a session has one */
  sessions: senderFields.sessions.transform((names) => names?.join(' ')),
  to: text,
  priority: text,
  scheduledAt: text,
  quotedMessageId: text,
});
/** A form that is filled in to some part. */
export interface Filled {
  kind?: ContentType | undefined;
  [field: string]: string | undefined;
}
export type ComposeForm = Filled & { kind: ContentType };

const { to, priority, scheduledAt, quotedMessageId } = sendFields;
const TargetFields = z.object({ ...senderFields, to, priority, scheduledAt, quotedMessageId });
export type Target = Omit<z.output<typeof TargetFields>, 'session' | 'sessions'> &
  ReturnType<typeof senderOf>;

/** Recipient, sender and time. Throws VALIDATION_FAILED with the form's own field names. */
export function targetOf(form: ComposeForm): Target {
  const { session, to, priority, scheduledAt, quotedMessageId } = form;
  const sessions = form.sessions?.split(' ');
  const target = check(TargetFields, { session, sessions, to, priority, scheduledAt, quotedMessageId });
  const { session: sender, sessions: several, ...rest } = target;
  return { ...rest, ...senderOf({ session: sender, sessions: several }) };
}

/** The body of the API's request that would send this form, half filled in as it may be. */
export function requestBodyOf(form: ComposeForm): Record<string, unknown> {
  const kind: Kind = KINDS[form.kind];
  const { input }: KindPages = KIND_PAGES[form.kind];
  const { session, to, priority, scheduledAt, quotedMessageId } = form;
  const sender = session === undefined ? {} : senderOf({ session, sessions: form.sessions?.split(' ') });
  const file = kind.hasFile ? { [kind.type]: form.url ?? exampleFile(kind.type) } : {};
  const isUsual = priority === 'normal';
  const about = { priority: isUsual ? undefined : priority, scheduledAt, quotedMessageId };
  return givenFields({ ...sender, to, ...file, ...input(form), ...about });
}

/** The content to send. Throws VALIDATION_FAILED with the form's own field names. */
export function draftOf(form: ComposeForm, received: ReceivedFile | undefined): Draft {
  const kind: Kind = KINDS[form.kind];
  const { input, formNames }: KindPages = KIND_PAGES[form.kind];
  // A browser sends an empty file without a name when none was chosen.
  const file = received && (received.size > 0 || received.filename !== null) ? received : undefined;
  const place = kind.hasFile ? { [kind.type]: file?.sha256 ?? form.url } : {};
  const fields = check(z.object(kind.fields), { ...input(form), ...place }, formNames);
  try {
    return kind.draft(kind.hasFile && file ? { ...fields, [kind.type]: file } : fields);
  } catch (error) {
    throw error instanceof AppError ? inForm(error, formNames) : error;
  }
}

type Names = Readonly<Record<string, string>>;

/** The same refusal with the form's own field names. */
function inForm({ code, message, details = {} }: AppError, names: Names = {}): AppError {
  const renamed = Object.entries(details).map(([field, reason]) => [names[field] ?? field, reason]);
  return new AppError(code, message, { details: Object.fromEntries(renamed) });
}

/** Fields of the verb that the form writes into another one. */
const IN_OTHERS: Names = { mentionAll: 'mentions' };

/** Throws what the verb has thrown, with the form's own field names. */
export function throwInForm(error: unknown): never {
  const isOfFields = error instanceof AppError && error.code === 'VALIDATION_FAILED';
  throw isOfFields ? inForm(error, IN_OTHERS) : error;
}

function check<S extends z.ZodType>(schema: S, value: unknown, names: Names = {}): z.output<S> {
  const result = schema.safeParse(value, { error: issueWords });
  if (result.success) return result.data;
  const details: Record<string, string> = {};
  for (const { path, message } of result.error.issues) {
    const field = String(path[0] ?? 'form');
    details[names[field] ?? field] ??= message;
  }
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', { details });
}

/** What the form would send, half filled in as it may be, and as phones show it: only for looking at. */
export function previewOf(
  form: ComposeForm,
  { interactiveMode }: Pick<Config, 'interactiveMode'>,
): { type: ContentType; content: Record<string, unknown>; rendering: Rendering | null } {
  const { kind } = form;
  const { input, preview = input }: KindPages = KIND_PAGES[kind];
  const rendering = kind === 'buttons' || kind === 'list' ? renderingOf(undefined, interactiveMode) : null;
  const content = { type: kind, ...preview(form), ...(rendering === null ? {} : { rendering }) };
  return { type: kind, content, rendering };
}

/** The form that would send this message again. */
export function formOf(message: MessageOutput): Filled {
  const content = contentOf(message.content);
  const base = { session: message.sessionId, to: message.to ?? message.chat, priority: message.priority };
  if (content === null || !isSendable(content)) return base;
  const media = 'media' in content && 'id' in content.media ? { url: content.media.id } : {};
  return { ...base, kind: content.type, ...media, ...pagesOf(content).refill(content) };
}
