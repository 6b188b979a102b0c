/** How long something takes, as a person says it. */
import type { Lang } from '../i18n.ts';

const UNITS = {
  en: {
    day: ['day', 'days'],
    hour: ['hour', 'hours'],
    minute: ['minute', 'minutes'],
    soon: 'less than a minute',
  },
  id: {
    day: ['hari', 'hari'],
    hour: ['jam', 'jam'],
    minute: ['menit', 'menit'],
    soon: 'kurang dari 1 menit',
  },
} as const;

/** The two largest units: `2 hours 10 minutes`. */
export function durationText(lang: Lang, seconds: number): string {
  const minutes = Math.round(seconds / 60);
  const units = UNITS[lang];
  if (minutes < 1) return units.soon;
  const days = Math.floor(minutes / 1440);
  const parts = [
    [days, units.day],
    [Math.floor((minutes % 1440) / 60), units.hour],
    // Next to days, minutes do not matter.
    [days > 0 ? 0 : minutes % 60, units.minute],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .map(([n, [one, many]]) => `${n} ${n === 1 ? one : many}`)
    .join(' ');
}
