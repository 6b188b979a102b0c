/** Pieces that several kinds show, in a chat and in the composer. */

import type { View } from '../../page.ts';
import { Check, Field, TextArea } from '../../parts.tsx';
import { shownJid } from '../../shown-number.ts';
import { COMPOSE_TEXTS } from '../compose-texts.ts';
import { type FormFields, linesOf } from './kind.ts';

export function TextField({ view, filled }: { view: View; filled: FormFields<'text'> }) {
  return <TextArea label={COMPOSE_TEXTS(view.lang).text} name="text" value={filled.text} rows={5} required />;
}

export function MentionsField({ view, filled }: { view: View; filled: FormFields<'mentions'> }) {
  const { mentions, mentionsHint } = COMPOSE_TEXTS(view.lang);
  return <TextArea label={mentions} name="mentions" value={filled.mentions} rows={2} hint={mentionsHint} />;
}

/** The people whom the form names, as the API takes them. */
export function mentionsIn(form: FormFields<'mentions'>): { mentions?: string[] } {
  const mentions = linesOf(form.mentions);
  return mentions.length > 0 ? { mentions } : {};
}

/** The form that names the same people. */
export function mentionsOf(content: {
  mentions?: readonly string[];
  mentionAll?: boolean;
}): FormFields<'mentions'> {
  const people = (content.mentions ?? []).map(shownJid);
  const lines = content.mentionAll ? ['@all', ...people] : people;
  return lines.length > 0 ? { mentions: lines.join('\n') } : {};
}

export function ViewOnceField({ view, filled }: { view: View; filled: FormFields<'viewOnce'> }) {
  return (
    <Check label={COMPOSE_TEXTS(view.lang).viewOnce} name="viewOnce" checked={filled.viewOnce === 'true'} />
  );
}

/** What a ticked box says; nothing for one that is not. */
export const ticked = <N extends string>(name: N, value: string | undefined): { [K in N]?: true } => {
  const fields: { [K in N]?: true } = {};
  if (value === 'true') fields[name] = true;
  return fields;
};

/** The box that says so. */
export const boxOf = (isSo: boolean | undefined): 'true' | undefined => (isSo ? 'true' : undefined);

export function FooterField({ view, filled }: { view: View; filled: FormFields<'footer'> }) {
  return (
    <Field label={COMPOSE_TEXTS(view.lang).footer} name="footer" value={filled.footer} maxlength={255} />
  );
}

export function Footer({ text }: { text: string | undefined }) {
  return text ? <p class="muted small wrap">{text}</p> : null;
}

export function Choices({ choices }: { choices: readonly string[] }) {
  return (
    <ul class="choices">
      {choices.map((text) => (
        <li class="wrap">{text}</li>
      ))}
    </ul>
  );
}

/** Leads to another message; nothing without its id. */
export function MessageLink({ id }: { id: string }) {
  if (id === '') return null;
  return (
    <a class="mono small" href={`/dashboard/messages/${encodeURIComponent(id)}`}>
      {id}
    </a>
  );
}
