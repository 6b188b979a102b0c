/** From the composer's form to what the API's own schemas take, and back for its preview. */
import { z } from 'zod';
import type { ReceivedFile } from '../../../services/media/sources.ts';
import { KINDS } from '../../../services/messages/kinds/index.ts';
import type { Draft } from '../../../services/messages/kinds/kind.ts';
import { type MessageOutput, sendFields, TextInput } from '../../../services/messages/schemas.ts';
import { AppError } from '../../../utils/errors.ts';
import type { Content } from '../../../whatsapp/content.ts';
import { contentOf } from './content.ts';

export const COMPOSED = [
  'text',
  'image',
  'video',
  'audio',
  'document',
  'sticker',
  'location',
  'buttons',
  'list',
  'contact',
  'poll',
  'reaction',
] as const;
export type Composed = (typeof COMPOSED)[number];
export const MEDIA_KINDS: ReadonlySet<string> = new Set(['image', 'video', 'audio', 'document', 'sticker']);

const text = z.string().optional();

/** Whatever the form may hold; what a kind needs of it is checked by the API's schema of that kind. */
export const ComposeForm = z.object({
  kind: z.enum(COMPOSED).default('text'),
  session: text,
  to: text,
  priority: text,
  scheduledAt: text,
  quotedMessageId: text,
  text,
  caption: text,
  url: text,
  filename: text,
  ptt: text,
  latitude: text,
  longitude: text,
  name: text,
  address: text,
  footer: text,
  buttons: text,
  title: text,
  buttonText: text,
  rows: text,
  contactName: text,
  contactPhone: text,
  question: text,
  options: text,
  multiple: text,
  messageId: text,
  emoji: text,
});
export type ComposeForm = z.output<typeof ComposeForm>;
/** A form that is filled in to some part. */
export type Filled = { [K in keyof ComposeForm]?: ComposeForm[K] | undefined };

const { session, to, priority, scheduledAt, quotedMessageId } = sendFields;
const TargetFields = z.object({ session, to, priority, scheduledAt, quotedMessageId });
export type Target = z.output<typeof TargetFields>;

/** Whom to, from where and when. Throws VALIDATION_FAILED with the form's own field names. */
export function targetOf(form: ComposeForm): Target {
  const { session, to, priority, scheduledAt, quotedMessageId } = form;
  return check(TargetFields, { session, to, priority, scheduledAt, quotedMessageId });
}

/** What is to be sent. Throws VALIDATION_FAILED with the form's own field names. */
export function draftOf(form: ComposeForm, received: ReceivedFile | undefined): Content | Draft {
  // A browser sends an empty file without a name when none was chosen.
  const file = received && (received.size > 0 || received.filename !== null) ? received : undefined;
  const { caption } = form;
  const place = file?.sha256 ?? form.url;
  const source = (digest: string) => file ?? digest;
  switch (form.kind) {
    case 'text':
      return { type: 'text', text: check(z.object({ text: TextInput }), form).text };
    case 'image': {
      const { image } = check(z.object(KINDS.image.fields), { image: place, caption });
      return KINDS.image.draft({ image: source(image), caption });
    }
    case 'video': {
      const { video } = check(z.object(KINDS.video.fields), { video: place, caption });
      return KINDS.video.draft({ video: source(video), caption });
    }
    case 'audio': {
      const { audio } = check(z.object(KINDS.audio.fields), { audio: place });
      return KINDS.audio.draft({ audio: source(audio), ptt: form.ptt === 'true' });
    }
    case 'document': {
      const { filename } = form;
      const { document } = check(z.object(KINDS.document.fields), { document: place, caption, filename });
      return KINDS.document.draft({ document: source(document), filename, caption });
    }
    case 'sticker':
      return KINDS.sticker.draft({
        sticker: source(check(z.object(KINDS.sticker.fields), { sticker: place }).sticker),
      });
    case 'location':
      return KINDS.location.draft(check(z.object(KINDS.location.fields), locationOf(form)));
    case 'buttons':
      return KINDS.buttons.draft(
        check(z.object(KINDS.buttons.fields), { ...form, buttons: buttonsOf(form.buttons) }),
      );
    case 'list':
      return KINDS.list.draft(
        check(z.object(KINDS.list.fields), { ...form, sections: sectionsOf(form.rows) }),
      );
    case 'contact': {
      const { contactName: name, contactPhone: phoneNumber } = form;
      return KINDS.contact.draft(
        check(
          z.object(KINDS.contact.fields),
          { name, phoneNumber },
          { name: 'contactName', phoneNumber: 'contactPhone' },
        ),
      );
    }
    case 'poll':
      return KINDS.poll.draft(
        check(z.object(KINDS.poll.fields), {
          question: form.question,
          options: linesOf(form.options),
          multiple: form.multiple === 'true',
        }),
      );
    case 'reaction':
      return KINDS.reaction.draft(
        check(z.object(KINDS.reaction.fields), { messageId: form.messageId, emoji: form.emoji ?? '' }),
      );
  }
}

/** Fields of the API that the form calls otherwise. */
const FORM_NAMES: Record<string, string> = {
  image: 'url',
  video: 'url',
  audio: 'url',
  document: 'url',
  sticker: 'url',
  sections: 'rows',
};

function check<S extends z.ZodType>(
  schema: S,
  value: unknown,
  names: Record<string, string> = FORM_NAMES,
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details: Record<string, string> = {};
  for (const { path, message } of result.error.issues) {
    const field = String(path[0] ?? 'form');
    const missing = message.endsWith('received undefined') || message.endsWith('received NaN');
    details[names[field] ?? field] ??= missing ? 'is required' : message;
  }
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', { details });
}

function locationOf({ latitude, longitude, name, address }: ComposeForm) {
  // A comma is what many keyboards have.
  const number = (value: string | undefined) =>
    value === undefined ? undefined : Number(value.replace(',', '.'));
  return { latitude: number(latitude), longitude: number(longitude), name, address };
}

function linesOf(value: string | undefined): string[] {
  return (value ?? '')
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** A button a line; its id is its place. */
function buttonsOf(value: string | undefined): { id: string; text: string }[] {
  return linesOf(value).map((one, i) => ({ id: String(i + 1), text: one }));
}

/** A row a line, `title | description`; a line that begins with `#` begins a section. */
function sectionsOf(value: string | undefined) {
  interface Section {
    title?: string;
    rows: { id: string; title: string; description?: string }[];
  }
  const sections: Section[] = [];
  let made = 0;
  for (const one of linesOf(value)) {
    if (one.startsWith('#')) {
      sections.push({ title: one.replace(/^#+\s*/, ''), rows: [] });
      continue;
    }
    const [title = '', ...rest] = one.split('|').map((part) => part.trim());
    const description = rest.join(' | ');
    const last = sections.at(-1) ?? sections[sections.push({ rows: [] }) - 1];
    made += 1;
    last?.rows.push({ id: String(made), title, ...(description === '' ? {} : { description }) });
  }
  return sections;
}

/** What the form would send, half filled in as it may be: only for looking at. */
export function previewOf(form: ComposeForm): Pick<MessageOutput, 'type' | 'content'> {
  return { type: form.kind, content: { type: form.kind, ...previewFields(form) } };
}

function previewFields(form: ComposeForm): object {
  const { caption } = form;
  switch (form.kind) {
    case 'text':
      return { text: form.text ?? '' };
    case 'location':
      return { ...locationOf(form), latitude: form.latitude ?? '–', longitude: form.longitude ?? '–' };
    case 'buttons':
      return {
        text: form.text ?? '',
        footer: form.footer,
        buttons: buttonsOf(form.buttons),
        rendering: 'text',
      };
    case 'list':
      return { ...form, text: form.text ?? '', sections: sectionsOf(form.rows), rendering: 'text' };
    case 'contact':
      return { name: form.contactName ?? '', phone: (form.contactPhone ?? '').replace(/^\+/, '') };
    case 'poll':
      return {
        question: form.question ?? '',
        options: linesOf(form.options),
        multiple: form.multiple === 'true',
      };
    case 'reaction':
      return { emoji: form.emoji ?? '', messageId: form.messageId ?? '' };
    default:
      return { caption, filename: form.filename ?? '', ptt: form.ptt === 'true' };
  }
}

/** The form that would send this message again. */
export function formOf(message: MessageOutput): Filled {
  const content = contentOf(message.content);
  const base = { session: message.sessionId, to: message.to ?? message.chat, priority: message.priority };
  if (content === null) return base;
  const kind = COMPOSED.find((one) => one === content.type);
  if (kind === undefined) return base;
  const media = 'media' in content && 'id' in content.media ? { url: content.media.id } : {};
  return { ...base, kind, ...media, ...fieldsOf(content) };
}

function fieldsOf(content: NonNullable<ReturnType<typeof contentOf>>): Filled {
  switch (content.type) {
    case 'text':
      return { text: content.text };
    case 'image':
    case 'video':
      return { caption: content.caption };
    case 'audio':
      return { ptt: String(content.ptt) };
    case 'document':
      return { filename: content.filename, caption: content.caption };
    case 'location': {
      const { latitude, longitude, name, address } = content;
      return { latitude: String(latitude), longitude: String(longitude), name, address };
    }
    case 'buttons':
      return {
        text: content.text,
        footer: content.footer,
        buttons: content.buttons.map((one) => one.text).join('\n'),
      };
    case 'list': {
      const { text, title, footer, buttonText, sections } = content;
      return { text, title, footer, buttonText, rows: rowsText(sections) };
    }
    case 'contact':
      return {
        contactName: content.name,
        contactPhone: content.phone === null ? undefined : `+${content.phone}`,
      };
    case 'poll': {
      const { question, options, multiple } = content;
      return { question, options: options.join('\n'), multiple: String(multiple) };
    }
    default:
      return {};
  }
}

interface RowText {
  title: string;
  description?: string;
}

function rowsText(sections: readonly { title?: string; rows: readonly RowText[] }[]): string {
  return sections
    .flatMap(({ title, rows }) => [
      ...(title ? [`# ${title}`] : []),
      ...rows.map((row) => (row.description ? `${row.title} | ${row.description}` : row.title)),
    ])
    .join('\n');
}
