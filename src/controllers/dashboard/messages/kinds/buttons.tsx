import type { OfferButton } from '../../../../whatsapp/content.ts';
import { buttonsAsText } from '../../../../whatsapp/interactive-text.ts';
import { texts } from '../../i18n.ts';
import { TextArea } from '../../parts.tsx';
import { shownNumber } from '../../shown-number.ts';
import { FormattedLines } from '../formatted.tsx';
import { OfferPart } from '../offer.tsx';
import { kindPages, linesOf } from './kind.ts';
import { Choices, Footer, FooterField, TextField } from './parts.tsx';

const T = texts({
  en: {
    buttons: 'Buttons, one per line',
    hint: 'A label to answer with. Or a label, | and what it opens, calls or copies: Shop | https://example.com, Call | +6281234567890, Voucher | TEA10',
  },
  id: {
    buttons: 'Tombol, satu per baris',
    hint: 'Label untuk dibalas. Atau label, | lalu yang dibuka, dihubungi, atau disalin: Toko | https://example.com, Hubungi | +6281234567890, Voucher | TEH10',
  },
});

type ButtonFields = { text: string } & (
  | { id: string }
  | { url: string }
  | { phoneNumber: string }
  | { code: string }
);

/** Written as numbers are: with a + or a 0 at the front, and long enough for no code of a few digits. */
const isNumber = (action: string) => /^[+0][\d\s()-]{7,30}$/.test(action);

/** A button a line; the id of one that answers is its place. */
const buttonsOf = (value: string | undefined): ButtonFields[] =>
  linesOf(value).map((line, i) => {
    const bar = line.indexOf('|');
    if (bar < 0) return { id: String(i + 1), text: line };
    const [text, action] = [line.slice(0, bar).trim(), line.slice(bar + 1).trim()];
    if (/^https?:/i.test(action)) return { text, url: action };
    return isNumber(action) ? { text, phoneNumber: action } : { text, code: action };
  });

/** As the history keeps them, of a form that may be half filled in. */
const shownOf = (value: string | undefined): OfferButton[] =>
  buttonsOf(value).map((button) =>
    'phoneNumber' in button ? { text: button.text, phone: button.phoneNumber.replace(/\D/g, '') } : button,
  );

/** The line that makes such a button. */
function lineOf({ text, url, phone, code }: OfferButton): string {
  const action = url ?? (phone === undefined ? code : shownNumber(phone.replace(/\D/g, '')));
  return action === undefined ? text : `${text} | ${action}`;
}

export const buttons = kindPages({
  type: 'buttons',
  name: ['Buttons', 'Tombol'],
  form: ['text', 'buttons', 'footer'],
  fields: (view, filled) => (
    <>
      <TextField view={view} filled={filled} />
      <TextArea
        label={T(view.lang).buttons}
        name="buttons"
        value={filled.buttons}
        rows={4}
        hint={T(view.lang).hint}
        required
      />
      <FooterField view={view} filled={filled} />
    </>
  ),
  input: (form) => ({ text: form.text, footer: form.footer, buttons: buttonsOf(form.buttons) }),
  preview: (form) => ({ text: form.text ?? '', footer: form.footer, buttons: shownOf(form.buttons) }),
  refill: (content) => ({
    text: content.text,
    footer: content.footer,
    buttons: content.buttons.map(lineOf).join('\n'),
  }),
  show(_view, content) {
    // We do not render those of a business.
    if (!('rendering' in content)) return <OfferPart offer={content} />;
    if (content.rendering === 'text') return <FormattedLines text={buttonsAsText(content)} />;
    return (
      <>
        <FormattedLines text={content.text} />
        <Footer text={content.footer} />
        <Choices choices={content.buttons.map(lineOf)} />
      </>
    );
  },
});
