/** How the service reads a number while it is typed: its country and its digits. */

import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { z } from 'zod';
import { formatPhone } from '../../services/messages.ts';
import { AppError } from '../../utils/errors.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { formatE164 } from '../../utils/phone.ts';
import { type Lang, texts } from './i18n.ts';
import * as english from './locales/en/number-hint.ts';
import * as indonesian from './locales/id/number-hint.ts';
import { type Page, page, type View } from './page.ts';

const PATH = '/dashboard/number';
/** The field that is being typed into, by the names that forms give it. */
const written = z.string().max(MAX_WRITTEN).optional();
const WrittenQuery = z.object({ to: written, number: written, phoneNumber: written, contactPhone: written });

const T = texts({ en: english.numberHint, id: indonesian.numberHint });
const OR: Record<Lang, string> = { en: ' or ', id: ' atau ' };

/** Several readings of a number as one text. */
export const eitherOf = (lang: Lang, readings: readonly string[]): string => readings.join(OR[lang]);

const SAID = [
  'lid',
  'username',
  'group',
  'letters',
  'leftover',
  'two_numbers',
  'digits_lost',
  'ambiguous',
] as const;

export const numberPages: Page[] = [
  page({
    method: 'get',
    path: PATH,
    auth: 'user',
    query: WrittenQuery,
    example: { query: { to: '081234567890' } },
    handler({ ctx, view, query }) {
      const number = (query.to ?? query.number ?? query.phoneNumber ?? query.contactPhone ?? '').trim();
      if (number === '') return { fragment: <></> };
      try {
        const { formatted } = formatPhone(ctx, { number });
        return { fragment: <strong>{T(view.lang).reads(...describe(view, formatted))}</strong> };
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'INVALID_NUMBER') throw error;
        return { fragment: <>{problemOf(view, error.details)}</> };
      }
    },
  }),
];

function describe(view: View, digits: string): [number: string, country: string] {
  const number = parsePhoneNumberFromString(formatE164(digits));
  const country = number?.country === undefined ? '' : countryName(view, number.country);
  return [number?.formatInternational() ?? formatE164(digits), country];
}

const Details = z.object({ reason: z.string(), readings: z.array(z.string()).default([]) });

function problemOf(view: View, details: unknown): string {
  const t = T(view.lang);
  const { reason, readings } = Details.catch({ reason: '', readings: [] }).parse(details);
  if (readings.length > 1) return t.choose(eitherOf(view.lang, readings));
  const said = SAID.find((one) => one === reason);
  return said === undefined ? t.none : t[said];
}

/** The country's name in the reader's language. */
export function countryName(view: View, country: string): string {
  return new Intl.DisplayNames([view.lang], { type: 'region' }).of(country) ?? country;
}

/** Stands in the hint of a field for a number, and follows what is typed there. */
export function NumberHint({ children }: { children?: string }) {
  return (
    <>
      {children}{' '}
      <span
        aria-live="polite"
        hx-get={PATH}
        hx-include="previous input"
        hx-trigger="load, input from:previous input delay:300ms"
        hx-sync="this:replace"
        // The form's own attributes do not hold for this.
        hx-target="this"
        hx-swap="innerHTML"
        hx-encoding="unset"
      />
    </>
  );
}
