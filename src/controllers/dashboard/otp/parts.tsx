/** Parts that the pages of login codes share. */
import type { OtpStatus } from '../../../services/analytics/otp-log.ts';
import type { View } from '../page.ts';
import { Badge, Field, Form, Tabs } from '../parts.tsx';
import { stateTone } from '../tones.ts';
import { OTP_TEXTS } from './texts.ts';

export const OTP = '/dashboard/otp';

export function OtpHead({ view, current }: { view: View; current: string }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <>
      <h1>{t.title}</h1>
      <Tabs
        label={t.parts}
        current={`${OTP}${current}`}
        tabs={[
          [OTP, t.try],
          [`${OTP}/log`, t.log],
          [`${OTP}/conversion`, t.conversion],
          // The texts are read with the right to send.
          ...(view.canWrite ? ([[`${OTP}/templates`, t.templates]] as const) : []),
          [`${OTP}/limits`, t.limits],
        ]}
      />
    </>
  );
}

/** Which countries codes go to; `value` is what the field holds at first. */
export function CountryForm({ view, value }: { view: View; value: string | undefined }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <Form view={view} action={`${OTP}/countries`} class="stack">
      <Field
        label={t.countries}
        name="allowedCountries"
        value={value}
        hint={t.countriesHint}
        autocomplete="off"
      />
      <div class="row">
        <button type="submit" class="primary">
          {t.save}
        </button>
      </div>
    </Form>
  );
}

/** Offers the list of countries before the first code is sent, with the service's own country in it. */
export function CountryOffer({ view, country }: { view: View; country: string }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <section class="card">
      <h2>{t.countriesFirst}</h2>
      <p>{t.countriesWhy}</p>
      <CountryForm view={view} value={country} />
    </section>
  );
}

export function StateBadge({ view, status }: { view: View; status: OtpStatus }) {
  return <Badge tone={stateTone(status)}>{OTP_TEXTS(view.lang).states[status][0]}</Badge>;
}
