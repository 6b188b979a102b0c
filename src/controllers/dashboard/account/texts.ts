import { texts } from '../i18n.ts';
import * as english from '../locales/en/account.ts';
import * as englishOidc from '../locales/en/oidc.ts';
import * as englishSecurity from '../locales/en/security.ts';
import * as indonesian from '../locales/id/account.ts';
import * as indonesianOidc from '../locales/id/oidc.ts';
import * as indonesianSecurity from '../locales/id/security.ts';

export const ACCOUNT_TEXTS = texts({ en: english.account, id: indonesian.account });
export type AccountTexts = ReturnType<typeof ACCOUNT_TEXTS>;

/** Signing in with accounts of other services. */
export const OIDC_TEXTS = texts({ en: englishOidc.oidc, id: indonesianOidc.oidc });
export type OidcTexts = ReturnType<typeof OIDC_TEXTS>;

/** Names of roles. */
export const roleNames = texts({ en: english.roleNames, id: indonesian.roleNames });

/** Second factors, new passwords, and where one is signed in. */
export const SECURITY_TEXTS = texts({ en: englishSecurity.security, id: indonesianSecurity.security });
export type SecurityTexts = ReturnType<typeof SECURITY_TEXTS>;
