import { texts } from '../i18n.ts';
import * as english from '../locales/en/messages.ts';
import * as indonesian from '../locales/id/messages.ts';

export const MESSAGE_TEXTS = texts({ en: english.messages, id: indonesian.messages });
