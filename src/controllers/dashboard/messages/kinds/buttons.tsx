import { buttonsAsText } from '../../../../whatsapp/interactive-text.ts';
import { texts } from '../../i18n.ts';
import { TextArea } from '../../parts.tsx';
import { FormattedLines } from '../formatted.tsx';
import { OfferPart } from '../offer.tsx';
import { kindPages, linesOf } from './kind.ts';
import { Choices, Footer, FooterField, TextField } from './parts.tsx';

const T = texts({
  en: { buttons: 'Buttons, one per line' },
  id: { buttons: 'Tombol, satu per baris' },
});

/** A button a line; its id is its place. */
const buttonsOf = (value: string | undefined) =>
  linesOf(value).map((text, i) => ({ id: String(i + 1), text }));

export const buttons = kindPages({
  type: 'buttons',
  name: ['Buttons', 'Tombol'],
  form: ['text', 'buttons', 'footer'],
  fields: (view, filled) => (
    <>
      <TextField view={view} filled={filled} />
      <TextArea label={T(view.lang).buttons} name="buttons" value={filled.buttons} rows={4} required />
      <FooterField view={view} filled={filled} />
    </>
  ),
  input: (form) => ({ text: form.text, footer: form.footer, buttons: buttonsOf(form.buttons) }),
  preview: (form) => ({ text: form.text ?? '', footer: form.footer, buttons: buttonsOf(form.buttons) }),
  refill: (content) => ({
    text: content.text,
    footer: content.footer,
    buttons: content.buttons.map(({ text }) => text).join('\n'),
  }),
  show(_view, content) {
    // We do not render those of a business.
    if (!('rendering' in content)) return <OfferPart offer={content} />;
    if (content.rendering === 'text') return <FormattedLines text={buttonsAsText(content)} />;
    return (
      <>
        <FormattedLines text={content.text} />
        <Footer text={content.footer} />
        <Choices choices={content.buttons.map(({ text }) => text)} />
      </>
    );
  },
});
