/** What the pages of login codes share. */
import type { OtpStatus } from '../../../services/analytics/otp-log.ts';
import type { View } from '../page.ts';
import { Badge, Tabs } from '../parts.tsx';
import { OTP_TEXTS, OTP_TONES } from './texts.ts';

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

export function StateBadge({ view, status }: { view: View; status: OtpStatus }) {
  return <Badge tone={OTP_TONES[status]}>{OTP_TEXTS(view.lang).states[status][0]}</Badge>;
}
