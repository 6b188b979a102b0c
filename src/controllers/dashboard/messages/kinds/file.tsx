/** Common parts of kinds with a file. */
import type { Child } from 'hono/jsx';
import type { MediaContent } from '../../../../whatsapp/content.ts';
import { type Lang, texts } from '../../i18n.ts';
import type { View } from '../../page.ts';
import { Field, TextArea } from '../../parts.tsx';
import { COMPOSE_TEXTS } from '../compose-texts.ts';
import { fileOf } from '../content.ts';
import { FormattedLines } from '../formatted.tsx';
import { MESSAGE_TEXTS } from '../texts.ts';
import { type FormFields, type KindName, type KindPages, nameIn, type Shown } from './kind.ts';

const T = texts({
  en: {
    file: 'File',
    orUrl: 'or paste a URL',
    urlHint: 'An https URL, or the ID of a file you uploaded before. At most 50 MB.',
  },
  id: {
    file: 'File',
    orUrl: 'atau tempel URL',
    urlHint: 'URL https, atau ID file yang pernah Anda unggah. Maksimal 50 MB.',
  },
});

type FileType = MediaContent['type'];

interface FilePages<T extends FileType, F extends string> {
  type: T;
  name: KindName;
  /** its fields in the form in addition to the file */
  form: readonly F[];
  /** what the browser offers to choose from */
  accept?: string;
  hint?(lang: Lang): string;
  fields?(view: View, filled: FormFields<F>): Child;
  input(form: FormFields<F>): Record<string, unknown>;
  refill(content: Shown<T>): FormFields<F | 'url'>;
  /** the file where it can be looked at or listened to */
  player(path: string, name: string): Child;
  /** what comes before the type and size of the file */
  label?(lang: Lang, content: Shown<T>): string;
  /** what the file is called, where it has a name */
  filename?(content: Shown<T>): string;
  summary?(lang: Lang, content: Shown<T>): string;
}

/** The pages of a kind with a file. */
export function filePages<T extends FileType, const F extends string>(
  declared: FilePages<T, F>,
): KindPages<T, F | 'url'> {
  const { type, name, form, accept, hint, fields, input, refill, summary } = declared;
  return {
    type,
    name,
    form: ['url', ...form],
    formNames: { [type]: 'url' },
    fields: (view, filled) => (
      <>
        <Field
          label={T(view.lang).file}
          name="file"
          type="file"
          {...(accept === undefined ? {} : { accept })}
          hint={hint?.(view.lang)}
        />
        <Field
          label={T(view.lang).orUrl}
          name="url"
          value={filled.url}
          hint={T(view.lang).urlHint}
          autocomplete="off"
        />
        {fields?.(view, filled)}
      </>
    ),
    input,
    refill,
    show: (view, content) => showFile(view, content, declared),
    ...(summary ? { summary } : {}),
  };
}

function showFile<T extends FileType, F extends string>(
  view: View,
  content: Shown<T>,
  { name, player, label, filename }: FilePages<T, F>,
): Child {
  const t = MESSAGE_TEXTS(view.lang);
  const file = fileOf(content);
  const caption = 'caption' in content ? content.caption : undefined;
  return (
    <>
      {file?.path ? (
        player(file.path, caption ?? filename?.(content) ?? nameIn(view.lang, name))
      ) : (
        <p class="muted small">{file?.state === 'failed' ? t.fileFailed : t.filePending}</p>
      )}
      {caption && <FormattedLines text={caption} />}
      <p class="muted small wrap">
        {label?.(view.lang, content) ?? ''}
        {file === null ? '' : [file.mimetype, sizeOf(view, file.size)].filter(Boolean).join(' · ')}{' '}
        {file?.path && (
          <a href={file.path} target="_blank" rel="noopener">
            {filename ? t.download : t.open}
          </a>
        )}
      </p>
    </>
  );
}

export function CaptionField({ view, filled }: { view: View; filled: FormFields<'caption'> }) {
  return <TextArea label={COMPOSE_TEXTS(view.lang).caption} name="caption" value={filled.caption} rows={3} />;
}

/** Bytes as people read them; empty when they are not known. */
function sizeOf(view: Pick<View, 'lang'>, bytes: number | null): string {
  if (bytes === null) return '';
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = (bytes / 1000 ** power).toLocaleString(view.lang, { maximumFractionDigits: 1 });
  return `${value} ${units[power]}`;
}
