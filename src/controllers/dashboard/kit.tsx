/** Parts that pages share: ways back, buttons that send, previews that follow a form, editors. */
import type { Child, PropsWithChildren } from 'hono/jsx';
import { z } from 'zod';
import { AppError } from '../../utils/errors.ts';
import { texts } from './i18n.ts';
import { Icon } from './icon.tsx';
import * as english from './locales/en/parts.ts';
import * as indonesian from './locales/id/parts.ts';
import type { View } from './page.ts';
import { Field, Form, TextArea } from './parts.tsx';
import { NEW_SESSION } from './paths.ts';

const T = texts({ en: english.parts, id: indonesian.parts });

/** The way back to the page above this one. */
export function Crumb({ to, children }: PropsWithChildren<{ to: string }>) {
  return (
    <p class="crumb">
      <a href={to}>{children}</a>
    </p>
  );
}

/** The way to add a session, where one is needed or wanted. */
export function NewSessionLink({ children }: PropsWithChildren) {
  return (
    <a class="button primary" href={NEW_SESSION}>
      {children}
    </a>
  );
}

/**
 * The form that filters a list, as a GET. On a phone it is a sheet behind a button; `active`: how many filters are set.
 * `children` are its fields and buttons.
 */
export function Filters({
  view,
  action,
  active,
  children,
}: PropsWithChildren<{ view: View; action: string; active: number }>) {
  const t = T(view.lang);
  return (
    <div class="filters">
      <button type="button" class="opens" popovertarget="filters">
        <Icon name="filter" />
        {t.filters} {active > 0 && <span class="count">{active}</span>}
      </button>
      <form class="filter" id="filters" popover="auto" method="get" action={action}>
        {children}
      </form>
    </div>
  );
}

/** How many filters of a list are set; its place in the list is none. */
export function countFilters({ cursor: _cursor, page: _page, ...filters }: Record<string, unknown>): number {
  return Object.values(filters).filter((value) => value !== undefined).length;
}

/** What follows the path of a list with these fields, `?` included; '' where none is set. */
export function queryOf(fields: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, value);
  return query.size === 0 ? '' : `?${query}`;
}

/** Stands where a part of the page is on its way. `label`: what comes, for who cannot see it. */
export function Skeleton({ label, lines = 4 }: { label: string; lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, () => (
        <i></i>
      ))}
    </div>
  );
}

/** The button that sends its form. */
export function Submit({ children }: PropsWithChildren) {
  return (
    <button type="submit" class="primary">
      {children}
    </button>
  );
}

/**
 * A part of a form whose content the service computes from what is filled in: on `trigger`, as htmx writes it. Until
 * then its children are shown.
 */
export function Follow({ src, trigger, children }: PropsWithChildren<{ src: string; trigger: string }>) {
  return (
    <div
      hx-post={src}
      hx-include="closest form"
      hx-trigger={trigger}
      hx-sync="this:queue last"
      // The form's own attributes do not hold for this.
      hx-target="this"
      hx-swap="innerHTML"
      hx-confirm="unset"
      hx-disabled-elt="unset"
      hx-encoding="unset"
    >
      {children}
    </div>
  );
}

/** Beside a form: how what is typed there will look. */
export function LivePreview({
  title,
  empty,
  ...follow
}: {
  title: string;
  empty: string;
  src: string;
  trigger: string;
}) {
  return (
    <section class="card preview" aria-label={title}>
      <h2>{title}</h2>
      <Follow {...follow}>
        <p class="muted">{empty}</p>
      </Follow>
    </section>
  );
}

interface EditorTexts {
  name: string;
  nameHint: string;
  text: string;
  textHint: string;
  save: string;
}

/** A named text and its preview. `children` go below the text: placeholders, for example. */
export function TextEditor({
  view,
  action,
  texts,
  value,
  bounds,
  preview,
  children,
}: PropsWithChildren<{
  view: View;
  action: string;
  texts: EditorTexts;
  value?: { name: string; body: string } | undefined;
  /** in characters, as the API bounds them; `rows` of the text field */
  bounds: { name: number; body: number; rows: number };
  preview: Child;
}>) {
  return (
    <Form view={view} action={action} class="split">
      <div class="card stack">
        <Field
          label={texts.name}
          name="name"
          value={value?.name}
          required
          maxlength={bounds.name}
          hint={texts.nameHint}
        />
        <TextArea
          label={texts.text}
          name="body"
          value={value?.body}
          required
          rows={bounds.rows}
          maxlength={bounds.body}
          hint={texts.textHint}
        />
        {children}
        <div class="row">
          <Submit>{texts.save}</Submit>
        </div>
      </div>
      {preview}
    </Form>
  );
}

/** The form of `DeleteByName`. */
export const TypedName = z.object({ confirm: z.string().trim().max(200) });

/** Throws VALIDATION_FAILED unless `typed` is the name of what goes. */
export function requireTypedName({ confirm }: z.output<typeof TypedName>, name: string): void {
  if (confirm === name) return;
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', {
    details: { confirm: `must be the name ${name}` },
  });
}

/** Deletes what nobody can bring back: `children` say what is lost, and its name is typed first. */
export function DeleteByName({
  view,
  action,
  texts,
  children,
}: PropsWithChildren<{
  view: View;
  action: string;
  texts: { open: string; typeName: string; button: string };
}>) {
  return (
    <details>
      <summary>{texts.open}</summary>
      <Form view={view} action={action} class="stack">
        {children}
        <Field label={texts.typeName} name="confirm" required maxlength={200} autocomplete="off" />
        <div class="row">
          <button type="submit" class="danger">
            {texts.button}
          </button>
        </div>
      </Form>
    </details>
  );
}
