/** The pieces that pages are made of. */

import type { Child, PropsWithChildren } from 'hono/jsx';
import { z } from 'zod';
import { zoneName } from '../../utils/moment-text.ts';
import { texts } from './i18n.ts';
import { Icon } from './icon.tsx';
import * as english from './locales/en/parts.ts';
import * as indonesian from './locales/id/parts.ts';
import type { View } from './page.ts';
import type { Tone } from './tones.ts';

const T = texts({ en: english.parts, id: indonesian.parts });

export function Badge({ tone, children }: PropsWithChildren<{ tone: Tone }>) {
  return <span class={tone === 'plain' ? 'badge' : `badge ${tone}`}>{children}</span>;
}

/** A moment; the script shows it in the zone of the workspace, in the reader's language. `relative`: as "3 minutes ago". */
export function Time({ at, relative }: { at: string | number | null | undefined; relative?: boolean }) {
  if (at === null || at === undefined) return <span class="muted">–</span>;
  const iso = typeof at === 'number' ? new Date(at).toISOString() : at;
  return (
    <time datetime={iso} data-relative={relative ? '' : undefined}>
      {iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}
    </time>
  );
}

/** The short name of the zone that the page's times and days are in. */
export const zoneOf = ({ lang, zone, now }: Pick<View, 'lang' | 'zone' | 'now'>): string =>
  zoneName(lang, zone, now);

/**
 * An empty page: says what it is for, and what to do next. `next`: the way there, or `false` for readers who may not go it:
 * they are shown who may.
 */
export function Empty({
  view,
  title,
  next,
  children,
}: PropsWithChildren<{ view: View; title: string; next: Child | false }>) {
  return (
    <div class="empty">
      <Icon name="empty" />
      <h2>{title}</h2>
      {children}
      <p class="row center">
        {next === false ? (
          <a class="button" href="/dashboard/team">
            {T(view.lang).askTeam}
          </a>
        ) : (
          next
        )}
      </p>
    </div>
  );
}

/** A step of an `Empty` page. */
export function NextLink({ to, children }: PropsWithChildren<{ to: string }>) {
  return (
    <a class="button primary" href={to}>
      {children}
    </a>
  );
}

/**
 * A part that is fetched again from `src` when one of these events happens to the tenant, and now and then anyway.
 * `src` answers the part as a whole, this element included. `done`: there is nothing more to come.
 */
export function Live({
  id,
  src,
  events,
  everySeconds = 30,
  done,
  children,
  ...rest
}: PropsWithChildren<{
  id: string;
  src: string;
  /** `session.status message.sent` */
  events: string;
  everySeconds?: number;
  done?: boolean;
  class?: string;
}>) {
  const follow = {
    'data-live': events,
    'hx-get': src,
    'hx-trigger': `live, every ${everySeconds}s`,
    'hx-swap': 'outerHTML',
  };
  return (
    <div id={id} {...rest} {...(done ? {} : follow)}>
      {children}
    </div>
  );
}

interface FormProps {
  view: View;
  action: string;
  class?: string;
  /** asked before it is sent */
  confirm?: string;
  /** the form brings a file */
  multipart?: boolean;
  /** where htmx puts a fragment that comes back; a redirect needs none */
  target?: string;
  swap?: string;
  id?: string;
  /** emptied once it was taken */
  reset?: boolean;
}

/**
 * A form that changes something. With scripts a failure is shown in `#alert` and what was typed stays; without them it
 * is a page of its own.
 */
export function Form({
  view,
  action,
  confirm,
  multipart,
  target,
  swap,
  reset,
  children,
  ...rest
}: PropsWithChildren<FormProps>) {
  return (
    <form
      {...rest}
      method="post"
      action={action}
      enctype={multipart ? 'multipart/form-data' : undefined}
      hx-post={action}
      hx-encoding={multipart ? 'multipart/form-data' : undefined}
      hx-target={target}
      hx-swap={swap ?? (target ? 'innerHTML' : 'none')}
      hx-confirm={confirm}
      data-reset={reset ? '' : undefined}
      hx-disabled-elt="find button[type='submit']"
      hx-disinherit="hx-disabled-elt hx-confirm"
    >
      <input type="hidden" name="_csrf" value={view.csrf} />
      {children}
    </form>
  );
}

/** One button that does one thing. */
export function ActionButton({
  tone,
  small,
  fields,
  children,
  ...form
}: PropsWithChildren<
  FormProps & { tone?: 'primary' | 'danger'; small?: boolean; fields?: Record<string, string | string[]> }
>) {
  return (
    <Form {...form}>
      {Object.entries(fields ?? {}).flatMap(([name, values]) =>
        [values].flat().map((value) => <input type="hidden" name={name} value={value} />),
      )}
      <button type="submit" class={[tone ?? '', small ? 'small' : ''].join(' ').trim()}>
        {children}
      </button>
    </Form>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type?: string;
  value?: string | number | undefined;
  hint?: Child;
  required?: boolean;
  min?: number | string;
  max?: number | string;
  minlength?: number;
  maxlength?: number;
  pattern?: string;
  inputmode?: 'text' | 'tel' | 'numeric' | 'email' | 'url' | 'decimal';
  autocomplete?: string;
  placeholder?: string;
  accept?: string;
  step?: string;
  /** id of a datalist */
  list?: string;
  /** when several forms of a page have a field of this name */
  id?: string;
}

/** A labelled input. */
export function Field({ label, hint, name, type = 'text', id = `f-${name}`, ...input }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        {...input}
      />
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

/** A moment in the zone of the workspace; what is sent is ISO 8601 in UTC. Without the script it stays closed. */
export function MomentField({
  label,
  hint,
  name,
  value,
}: {
  label: string;
  name: string;
  /** ISO 8601 */
  value?: string | undefined;
  hint?: Child;
}) {
  const id = `f-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="datetime-local"
        data-moment={`${id}-iso`}
        disabled
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
      <input type="hidden" id={`${id}-iso`} name={name} value={value ?? ''} />
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

/** Counts only while the form's field of that name has one of these values. */
export function When({ name, is, children }: PropsWithChildren<{ name: string; is: string }>) {
  return (
    <fieldset class="bare stack" data-when={name} data-is={is}>
      {children}
    </fieldset>
  );
}

/** A labelled text of several lines. */
export function TextArea({
  label,
  hint,
  name,
  value,
  ...area
}: {
  label: string;
  name: string;
  value?: string | undefined;
  hint?: Child;
  required?: boolean;
  rows?: number;
  maxlength?: number;
  placeholder?: string;
}) {
  const id = `f-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        name={name}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        {...area}
      >
        {value ?? ''}
      </textarea>
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

type Options = readonly (readonly [value: string, text: string])[];

/** A labelled choice of one; `options`: value -> what it is called. `groups` come after them, each under its name. */
export function Select({
  label,
  hint,
  name,
  value,
  options,
  groups = [],
  required,
  id = `f-${name}`,
}: {
  id?: string;
  label: string;
  name: string;
  value?: string | undefined;
  options: Options;
  groups?: readonly (readonly [name: string, options: Options])[];
  hint?: Child;
  required?: boolean;
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        name={name}
        required={required}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      >
        <Choices options={options} value={value} />
        {groups.map(([group, choices]) => (
          <optgroup label={group}>
            <Choices options={choices} value={value} />
          </optgroup>
        ))}
      </select>
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

function Choices({ options, value }: { options: Options; value: string | undefined }) {
  return (
    <>
      {options.map(([option, text]) => (
        <option value={option} selected={option === value}>
          {text}
        </option>
      ))}
    </>
  );
}

/** The value of a `Check` without one of its own: the field is sent only when it is ticked. */
export const Ticked = z
  .literal('true')
  .optional()
  .transform((value) => value !== undefined);

/** `code`: what programs call it, shown beside the label. */
export function Check({
  label,
  name,
  checked,
  value,
  code,
}: {
  label: string;
  name: string;
  checked?: boolean;
  value?: string;
  code?: string;
}) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value={value ?? 'true'} checked={checked} /> {label}
      {code !== undefined && (
        <>
          {' '}
          <code class="small muted">{code}</code>
        </>
      )}
    </label>
  );
}

/**
 * A table. On a phone each row is a card: its first cell and its badge above, the rest below; with `stack` false, for
 * columns of numbers, it scrolls sideways instead. `rows`: many of them, one line each on a desk. `label`: what it holds,
 * for who cannot see it.
 */
export function Table({
  label,
  head,
  stack = true,
  rows = false,
  children,
}: PropsWithChildren<{ label: string; head: readonly Child[]; stack?: boolean; rows?: boolean }>) {
  const kinds = ['table', ...(stack ? ['stack'] : []), ...(rows ? ['rows'] : [])];
  return (
    <section class={kinds.join(' ')} aria-label={label} tabindex={0}>
      <table>
        <thead>
          <tr>
            {head.map((cell) => (
              <th scope="col">{cell}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

/** Links of a second level, as between the parts of a section. */
export function Tabs({
  label,
  current,
  tabs,
}: {
  label: string;
  current: string;
  tabs: readonly (readonly [href: string, text: string])[];
}) {
  return (
    <nav aria-label={label}>
      <ul class="tabs">
        {tabs.map(([href, text]) => (
          <li>
            <a href={href} aria-current={href === current ? 'page' : undefined}>
              {text}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Previous and next; `totalPages` may be unknown when there are very many. */
export function Pages({ view, page, totalPages }: { view: View; page: number; totalPages: number | null }) {
  if (page === 1 && (totalPages ?? 2) <= 1) return null;
  const t = T(view.lang);
  const to = (n: number) => {
    const url = new URL(view.path, 'http://here');
    url.searchParams.set('page', String(n));
    return url.pathname + url.search;
  };
  return (
    <nav class="pages" aria-label={t.page(page, totalPages ?? page)}>
      {page > 1 && (
        <a class="button small" href={to(page - 1)} rel="prev">
          {t.previous}
        </a>
      )}
      {totalPages !== null && <span class="muted small">{t.page(page, Math.max(1, totalPages))}</span>}
      {(totalPages === null || page < totalPages) && (
        <a class="button small" href={to(page + 1)} rel="next">
          {t.next}
        </a>
      )}
    </nav>
  );
}

/** Names and values. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: Child])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

export function Stat({ name, children, note }: PropsWithChildren<{ name: string; note?: Child }>) {
  return (
    <div class="card stat">
      <span class="muted">{name}</span>
      <b>{children}</b>
      {note !== undefined && <span class="muted small">{note}</span>}
    </div>
  );
}
