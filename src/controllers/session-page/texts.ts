import { texts } from '../dashboard/i18n.ts';
import * as english from '../dashboard/locales/en/qr-page.ts';
import * as indonesian from '../dashboard/locales/id/qr-page.ts';

/** What the page says; its script gets the same words. */
export const QR_PAGE_TEXTS = texts({ en: english.qrPage, id: indonesian.qrPage });
