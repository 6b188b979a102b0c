import { texts } from '../../i18n.ts';
import { NumberHint } from '../../number-hint.tsx';
import { Field } from '../../parts.tsx';
import { kindPages } from './kind.ts';

const T = texts({
  en: { name: 'Contact name', phone: 'Contact phone number' },
  id: { name: 'Nama kontak', phone: 'Nomor telepon kontak' },
});

export const contact = kindPages({
  type: 'contact',
  name: ['Contact', 'Kontak'],
  form: ['contactName', 'contactPhone'],
  formNames: { name: 'contactName', phoneNumber: 'contactPhone' },
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
      </>
    );
  },
  input: (form) => ({ name: form.contactName, phoneNumber: form.contactPhone }),
  preview: ({ contactName, contactPhone = '' }) => ({
    name: contactName,
    phone: contactPhone.replace(/^\+/, ''),
  }),
  refill: ({ name, phone }) => ({
    contactName: name,
    contactPhone: phone === null ? undefined : `+${phone}`,
  }),
  show: (_view, content) => (
    <p class="wrap">
      👤 <b>{content.name}</b>
      <br />
      {content.phone === null ? '' : `+${content.phone}`}
      {'contacts' in content &&
        content.contacts?.slice(1).map(({ name, phone }) => (
          <>
            <br />
            <b>{name}</b> {phone === null ? '' : `+${phone}`}
          </>
        ))}
    </p>
  ),
});
