import { texts } from '../i18n.ts';
import * as english from '../locales/en/sessions-passkey.ts';
import * as indonesian from '../locales/id/sessions-passkey.ts';

export const PASSKEY_TEXTS = texts({ en: english.sessionsPasskey, id: indonesian.sessionsPasskey });
