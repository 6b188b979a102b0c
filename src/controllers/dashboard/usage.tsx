/** Quotas of a tenant and their use: for its owner and for administrators. */

import type { QuotaName, QuotaUsage } from '../../services/quotas.ts';
import { bytes, num } from './broadcast/parts.tsx';
import { texts } from './i18n.ts';
import * as english from './locales/en/usage.ts';
import * as indonesian from './locales/id/usage.ts';
import type { View } from './page.ts';
import { Table } from './parts.tsx';

const NAMES_EN: Record<QuotaName, string> = {
  sessions: 'Sessions',
  members: 'Members',
  storedBytes: 'Stored files',
  storedFiles: 'Uploads',
  uploadsInFlight: 'Uploads in progress',
  importsRunning: 'Imports in progress',
  numberChecksRunning: 'Number checks in progress',
  numberChecksPerDay: 'Number checks per day',
  apiKeys: 'More API keys',
  keysInGrace: 'Old keys that still work',
  webhooks: 'Webhooks',
  alertChannels: 'Alert channels',
  lists: 'Lists',
  contacts: 'Contacts',
  templates: 'Broadcast templates',
  otpTemplates: 'Login code templates',
  messagesPerDay: 'Messages per day',
  messagesPerMonth: 'Messages per month',
  otpsPerHour: 'Login codes per hour',
  requestsPerMinute: 'Requests per minute',
};
const NAMES_ID: Record<QuotaName, string> = {
  sessions: 'Sesi',
  members: 'Anggota',
  storedBytes: 'File tersimpan',
  storedFiles: 'Unggahan',
  uploadsInFlight: 'Unggahan yang sedang berjalan',
  importsRunning: 'Impor yang sedang berjalan',
  numberChecksRunning: 'Cek nomor yang sedang berjalan',
  numberChecksPerDay: 'Cek nomor per hari',
  apiKeys: 'API key tambahan',
  keysInGrace: 'API key lama yang masih berlaku',
  webhooks: 'Webhook',
  alertChannels: 'Saluran pemberitahuan',
  lists: 'Daftar',
  contacts: 'Kontak',
  templates: 'Template broadcast',
  otpTemplates: 'Template kode OTP',
  messagesPerDay: 'Pesan per hari',
  messagesPerMonth: 'Pesan per bulan',
  otpsPerHour: 'Kode OTP per jam',
  requestsPerMinute: 'Permintaan per menit',
};

const NAMES = { en: NAMES_EN, id: NAMES_ID } as const;

export const USAGE_TEXTS = texts({ en: english.usage, id: indonesian.usage });
export type UsageTexts = ReturnType<typeof USAGE_TEXTS>;

/** What a limit is called. */
export function quotaName(lang: View['lang'], quota: QuotaName): string {
  return NAMES[lang][quota];
}

/** A card with one line for each limit. */
export function UsageCard({
  view,
  usage,
  plan = null,
}: {
  view: View;
  usage: readonly QuotaUsage[];
  /** its name */
  plan?: string | null;
}) {
  const t = USAGE_TEXTS(view.lang);
  const show = (quota: QuotaName, value: number) =>
    quota === 'storedBytes' ? bytes(view, value) : num(view, value);
  return (
    <section class="card">
      <h2>{t.usage}</h2>
      {plan !== null && (
        <p>
          {t.plan}: <b>{plan}</b>
        </p>
      )}
      <Table stack={false} label={t.usage} head={[t.what, t.used, t.limit]}>
        {usage.map(({ quota, used, limit }) => (
          <tr>
            <td>{NAMES[view.lang][quota]}</td>
            <td class="num">{used === null ? '–' : show(quota, used)}</td>
            <td class="num">{limit === null ? t.noLimit : show(quota, limit)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
