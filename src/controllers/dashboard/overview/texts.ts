import { texts } from '../i18n.ts';
import * as english from '../locales/en/overview.ts';
import * as indonesian from '../locales/id/overview.ts';
export const OVERVIEW_TEXTS = texts({ en: english.overview, id: indonesian.overview });

export type OverviewTexts = ReturnType<typeof OVERVIEW_TEXTS>;
