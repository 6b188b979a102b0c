import { texts } from '../../i18n.ts';
import { Field } from '../../parts.tsx';
import { kindPages } from './kind.ts';

const T = texts({
  en: {
    latitude: 'Latitude',
    longitude: 'Longitude',
    name: 'Place name',
    address: 'Address',
    map: 'Show on map',
  },
  id: {
    latitude: 'Lintang',
    longitude: 'Bujur',
    name: 'Nama tempat',
    address: 'Alamat',
    map: 'Lihat di peta',
  },
});

/** A comma is what many keyboards have. */
const numberOf = (value: string | undefined) =>
  value === undefined ? undefined : Number(value.replace(',', '.'));

export const location = kindPages({
  type: 'location',
  name: ['Location', 'Lokasi'],
  form: ['latitude', 'longitude', 'name', 'address'],
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <div class="columns">
          <Field
            label={t.latitude}
            name="latitude"
            inputmode="decimal"
            value={filled.latitude}
            placeholder="-6.1754"
            required
          />
          <Field
            label={t.longitude}
            name="longitude"
            inputmode="decimal"
            value={filled.longitude}
            placeholder="106.8272"
            required
          />
        </div>
        <Field label={t.name} name="name" value={filled.name} maxlength={255} />
        <Field label={t.address} name="address" value={filled.address} maxlength={1024} />
      </>
    );
  },
  input: ({ latitude, longitude, name, address }) => ({
    latitude: numberOf(latitude),
    longitude: numberOf(longitude),
    name,
    address,
  }),
  preview: ({ latitude = '–', longitude = '–', name, address }) => ({ latitude, longitude, name, address }),
  refill: ({ latitude, longitude, name, address }) => ({
    latitude: String(latitude),
    longitude: String(longitude),
    name,
    address,
  }),
  show(view, { latitude, longitude, name, address }) {
    const place = new URLSearchParams({ mlat: String(latitude), mlon: String(longitude) });
    return (
      <p class="wrap">
        📍 {name && <b>{name}</b>} {address}
        <br />
        <span class="muted small">{`${latitude}, ${longitude}`}</span>{' '}
        <a
          class="small"
          href={`https://www.openstreetmap.org/?${place}`}
          rel="noreferrer noopener"
          target="_blank"
        >
          {T(view.lang).map}
        </a>
      </p>
    );
  },
  summary: (_lang, { name, latitude, longitude }) => name ?? `${latitude}, ${longitude}`,
});
