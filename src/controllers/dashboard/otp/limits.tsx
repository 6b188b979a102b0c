/** How often codes may be sent and tried, what becomes of them, and to which countries they go. */

import { z } from 'zod';
import { OTP_STATUSES } from '../../../db/schema.ts';
import { getOtpSettings, putOtpSettings } from '../../../services/otp/country.ts';
import type { Config } from '../../../utils/config.ts';
import { num } from '../broadcast/parts.tsx';
import { type Page, page, type View } from '../page.ts';
import { Table } from '../parts.tsx';
import { CountryForm, OTP, OtpHead, StateBadge } from './parts.tsx';
import { OTP_TEXTS } from './texts.ts';

const MAX_COUNTRIES = 250;

export const limitPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/otp/limits',
    auth: 'user',
    async handler({ ctx, view }) {
      const t = OTP_TEXTS(view.lang);
      const own = view.may('settings') ? await getOtpSettings(ctx) : null;
      const ofService = ctx.config.otp.allowedCountries;
      const body = (
        <>
          <OtpHead view={view} current="/limits" />
          <section class="card">
            <h2>{t.limits}</h2>
            <p>{t.limitsAbout}</p>
            <Limits view={view} otp={ctx.config.otp} />
          </section>
          <section class="card">
            <h2>{t.lifeTitle}</h2>
            <dl class="facts">
              {OTP_STATUSES.map((status) => (
                <>
                  <dt>
                    <StateBadge view={view} status={status} />
                  </dt>
                  <dd>{t.states[status][1]}</dd>
                </>
              ))}
            </dl>
          </section>
          <section class="card">
            <h2>{t.countriesTitle}</h2>
            <p>{t.countriesAbout(ofService?.join(', ') ?? '')}</p>
            {own !== null && <CountryForm view={view} value={own.allowedCountries?.join(', ')} />}
          </section>
        </>
      );
      return { title: t.limits, section: 'otp', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/countries',
    auth: 'user',
    needs: 'settings',
    form: z.object({ allowedCountries: z.string().max(2_000).optional() }),
    example: { form: { allowedCountries: 'ID, SG' } },
    async handler({ ctx, view, form }) {
      const names = (form.allowedCountries ?? '').split(/[\s,;]+/).filter((name) => name !== '');
      await putOtpSettings(ctx, {
        allowedCountries: names.length === 0 ? null : names.slice(0, MAX_COUNTRIES),
      });
      return { redirect: `${OTP}/limits`, done: OTP_TEXTS(view.lang).countriesSaved };
    },
  }),
];

function Limits({ view, otp }: { view: View; otp: Config['otp'] }) {
  const t = OTP_TEXTS(view.lang);
  const anHour = (n: number) => t.anHour(num(view, n));
  const rows = [
    [t.perNumber, t.perNumberIs],
    [t.coolDown, t.coolDownIs],
    [t.wrongNumber, t.wrongNumberIs],
    [t.perAddress, anHour(otp.perAddressPerHour)],
    [t.wrongAddress, anHour(otp.perAddressPerHour)],
    [t.perTenant, anHour(otp.sendsPerHour)],
    [t.wrongTenant, anHour(otp.wrongChecksPerHour)],
  ] as const;
  return (
    <Table stack={false} label={t.limits} head={[t.limit, t.howOften]}>
      {rows.map(([name, often]) => (
        <tr>
          <td>{name}</td>
          <td>{often}</td>
        </tr>
      ))}
    </Table>
  );
}
