/** A place on earth, in a chat and in the composer. */
import { texts } from '../../i18n.ts';
import type { View } from '../../page.ts';
import { Field } from '../../parts.tsx';
import type { FormFields } from './kind.ts';

const T = texts({
  en: { latitude: 'Latitude', longitude: 'Longitude', map: 'Show on map' },
  id: { latitude: 'Lintang', longitude: 'Bujur', map: 'Lihat di peta' },
});

interface PointFieldsProps {
  view: View;
  filled: FormFields<'latitude' | 'longitude'>;
  required?: boolean;
}

export function PointFields({ view, filled, required = false }: PointFieldsProps) {
  const t = T(view.lang);
  const names = [
    ['latitude', '-6.1754'],
    ['longitude', '106.8272'],
  ] as const;
  return (
    <div class="columns">
      {names.map(([name, placeholder]) => (
        <Field
          label={t[name]}
          name={name}
          inputmode="decimal"
          value={filled[name]}
          placeholder={placeholder}
          required={required}
        />
      ))}
    </div>
  );
}

/** A comma is what many keyboards have. */
const numberOf = (value: string | undefined) =>
  value === undefined ? undefined : Number(value.replace(',', '.'));

/** The place that the form names, as the API takes it. */
export const pointIn = ({ latitude, longitude }: FormFields<'latitude' | 'longitude'>) => ({
  latitude: numberOf(latitude),
  longitude: numberOf(longitude),
});

interface At {
  latitude?: number | undefined;
  longitude?: number | undefined;
}

/** The form that names the same place. */
export const pointOf = ({ latitude, longitude }: At): FormFields<'latitude' | 'longitude'> => ({
  latitude: latitude?.toString(),
  longitude: longitude?.toString(),
});

/** Its coordinates, with a link to a map; nothing of a place that nobody has told. */
export function Point({ view, latitude, longitude }: At & { view: View }) {
  if (latitude === undefined || longitude === undefined) return null;
  const place = new URLSearchParams({ mlat: String(latitude), mlon: String(longitude) });
  return (
    <>
      <span class="muted small">{`${latitude}, ${longitude}`}</span>{' '}
      <a
        class="small"
        href={`https://www.openstreetmap.org/?${place}`}
        rel="noreferrer noopener"
        target="_blank"
      >
        {T(view.lang).map}
      </a>
    </>
  );
}
