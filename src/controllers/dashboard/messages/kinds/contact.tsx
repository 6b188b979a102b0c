import { texts } from '../../i18n.ts';
import { NumberHint } from '../../number-hint.tsx';
import { Field, TextArea } from '../../parts.tsx';
import { shownNumber } from '../../shown-number.ts';
import { kindPages, linesOf } from './kind.ts';

const T = texts({
  en: {
    name: 'Contact name',
    phone: 'Contact phone number',
    more: 'More contacts, one per line',
    moreHint: 'Phone number, a space, name: +6281298765432 Siti',
  },
  id: {
    name: 'Nama kontak',
    phone: 'Nomor telepon kontak',
    more: 'Kontak lain, satu per baris',
    moreHint: 'Nomor telepon, spasi, nama: +6281298765432 Siti',
  },
});

/** A line: a number, which may be written in groups, and the name behind it. */
function cardOf(line: string): { name: string; phoneNumber: string } {
  const words = line.split(/\s+/);
  const nameAt = words.findIndex((word) => /[^\d()+./-]/.test(word));
  const end = nameAt < 0 ? words.length : nameAt;
  return { name: words.slice(end).join(' '), phoneNumber: words.slice(0, end).join(' ') };
}

const shownPhone = (written: string) => written.replace(/^\+/, '');

export const contact = kindPages({
  type: 'contact',
  name: ['Contact', 'Kontak'],
  form: ['contactName', 'contactPhone', 'contactMore'],
  formNames: { name: 'contactName', phoneNumber: 'contactPhone', contacts: 'contactMore' },
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <Field label={t.name} name="contactName" value={filled.contactName} required />
        <Field
          label={t.phone}
          name="contactPhone"
          type="tel"
          inputmode="tel"
          value={filled.contactPhone}
          hint={<NumberHint />}
          required
        />
        <TextArea label={t.more} name="contactMore" value={filled.contactMore} rows={2} hint={t.moreHint} />
      </>
    );
  },
  input(form) {
    const first = { name: form.contactName, phoneNumber: form.contactPhone };
    const more = linesOf(form.contactMore).map(cardOf);
    return more.length > 0 ? { contacts: [first, ...more] } : first;
  },
  preview({ contactName, contactPhone = '', contactMore }) {
    const first = { name: contactName, phone: shownPhone(contactPhone) };
    const more = linesOf(contactMore).map((line) => {
      const { name, phoneNumber } = cardOf(line);
      return { name, phone: shownPhone(phoneNumber) };
    });
    return more.length > 0 ? { ...first, contacts: [first, ...more] } : first;
  },
  refill: ({ name, phone, contacts = [] }) => ({
    contactName: name,
    contactPhone: phone === null ? undefined : shownNumber(phone),
    contactMore: contacts
      .slice(1)
      .flatMap((card) => (card.phone === null ? [] : `${shownNumber(card.phone)} ${card.name}`))
      .join('\n'),
  }),
  show: (_view, content) => (
    <p class="wrap">
      👤 <b>{content.name}</b>
      <br />
      {content.phone === null ? '' : shownNumber(content.phone)}
      {'contacts' in content &&
        content.contacts?.slice(1).map(({ name, phone }) => (
          <>
            <br />
            <b>{name}</b> {phone === null ? '' : shownNumber(phone)}
          </>
        ))}
    </p>
  ),
});
