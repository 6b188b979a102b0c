import { texts } from '../i18n.ts';
import * as english from '../locales/en/developers.ts';
import * as indonesian from '../locales/id/developers.ts';

export const DEVELOPER_TEXTS = texts({ en: english.developers, id: indonesian.developers });

export type DeveloperTexts = ReturnType<typeof DEVELOPER_TEXTS>;
