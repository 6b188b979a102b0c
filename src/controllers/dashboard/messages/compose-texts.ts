import { texts } from '../i18n.ts';
import * as english from '../locales/en/messages-compose.ts';
import * as indonesian from '../locales/id/messages-compose.ts';

export const COMPOSE_TEXTS = texts({ en: english.messagesCompose, id: indonesian.messagesCompose });
