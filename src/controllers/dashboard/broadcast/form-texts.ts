import { texts } from '../i18n.ts';
import * as english from '../locales/en/broadcast-form.ts';
import * as indonesian from '../locales/id/broadcast-form.ts';

export const FORM_TEXTS = texts({ en: english.broadcastForm, id: indonesian.broadcastForm });
