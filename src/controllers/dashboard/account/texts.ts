import { texts } from '../i18n.ts';
import * as english from '../locales/en/account.ts';
import * as indonesian from '../locales/id/account.ts';

export const ACCOUNT_TEXTS = texts({ en: english.account, id: indonesian.account });
export type AccountTexts = ReturnType<typeof ACCOUNT_TEXTS>;

/** Names of roles. */
export const roleNames = texts({ en: english.roleNames, id: indonesian.roleNames });
