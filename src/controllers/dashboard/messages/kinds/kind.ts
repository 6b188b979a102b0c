/** A kind of message as the pages know it: its name, how it shows in a chat, and its part of the composer's form. */
import type { Child } from 'hono/jsx';
import type { ContentType } from '../../../../whatsapp/content.ts';
import type { Lang } from '../../i18n.ts';
import type { View } from '../../page.ts';
import type { ShownContent } from '../content.ts';

/** A content of this kind, sent or received. */
export type Shown<T extends ContentType> = Extract<ShownContent, { type: T }>;
/** Fields of the composer's form, as far as they are filled in. */
export type FormFields<F extends string> = { readonly [K in F]?: string | undefined };
/** In English and in Indonesian. */
export type KindName = readonly [en: string, id: string];

export interface KindPages<T extends ContentType = ContentType, F extends string = string> {
  readonly type: T;
  readonly name: KindName;
  /** its fields in the composer's form */
  readonly form: readonly F[];
  /** what the API calls otherwise: its field -> the form's, for errors */
  readonly formNames?: Readonly<Record<string, string>>;
  /** The form's part of the composer. */
  fields(view: View, filled: FormFields<F>): Child;
  /** The input that the form gives, as the API's schema of this kind takes it; without the file. */
  input(form: FormFields<F>): Record<string, unknown>;
  /** The input to show beside a form that may be half filled in; as `input` when missing. */
  preview?(form: FormFields<F>): Record<string, unknown>;
  /** The form that would send such a content again; without the file. */
  refill(content: Shown<T>): FormFields<F>;
  /** As a chat shows it. */
  show(view: View, content: Shown<T>): Child;
  /** In one line, where the kind's `words` do not say it; empty: by its name. */
  summary?(lang: Lang, content: Shown<T>): string;
}

/** Keeps the kind and the names of the form's fields in the type. */
export function kindPages<T extends ContentType, const F extends string>(
  pages: KindPages<T, F>,
): KindPages<T, F> {
  return pages;
}

/** The name of a kind. */
export const nameIn = (lang: Lang, [en, id]: KindName): string => (lang === 'en' ? en : id);

/** Values that are written one a line. */
export function linesOf(value: string | undefined): string[] {
  return (value ?? '')
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
