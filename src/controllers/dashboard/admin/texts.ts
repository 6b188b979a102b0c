import { texts } from '../i18n.ts';
import * as english from '../locales/en/admin.ts';
import * as indonesian from '../locales/id/admin.ts';

export const ADMIN_TEXTS = texts({ en: english.admin, id: indonesian.admin });

export type AdminTexts = ReturnType<typeof ADMIN_TEXTS>;
