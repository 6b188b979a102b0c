import { texts } from '../../i18n.ts';
import { Field } from '../../parts.tsx';
import { kindPages } from './kind.ts';
import { Point, PointFields, pointIn, pointOf } from './point.tsx';

const T = texts({
  en: { name: 'Place name', address: 'Address' },
  id: { name: 'Nama tempat', address: 'Alamat' },
});

export const location = kindPages({
  type: 'location',
  name: ['Location', 'Lokasi'],
  form: ['latitude', 'longitude', 'name', 'address'],
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <PointFields view={view} filled={filled} required />
        <Field label={t.name} name="name" value={filled.name} maxlength={255} />
        <Field label={t.address} name="address" value={filled.address} maxlength={1024} />
      </>
    );
  },
  input: ({ name, address, ...form }) => ({ ...pointIn(form), name, address }),
  preview: ({ latitude = '–', longitude = '–', name, address }) => ({ latitude, longitude, name, address }),
  refill: ({ name, address, ...content }) => ({ ...pointOf(content), name, address }),
  show: (view, { latitude, longitude, name, address }) => (
    <p class="wrap">
      📍 {name && <b>{name}</b>} {address}
      <br />
      <Point view={view} latitude={latitude} longitude={longitude} />
    </p>
  ),
  summary: (_lang, { name, latitude, longitude }) => name ?? `${latitude}, ${longitude}`,
});
