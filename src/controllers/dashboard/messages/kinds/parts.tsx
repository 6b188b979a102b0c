/** Pieces that several kinds show, in a chat and in the composer. */

import type { View } from '../../page.ts';
import { Field, TextArea } from '../../parts.tsx';
import { COMPOSE_TEXTS } from '../compose-texts.ts';
import type { FormFields } from './kind.ts';

export function TextField({ view, filled }: { view: View; filled: FormFields<'text'> }) {
  return <TextArea label={COMPOSE_TEXTS(view.lang).text} name="text" value={filled.text} rows={5} required />;
}

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
