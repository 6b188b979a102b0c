/** Events of the activity log in words, for pages. */
import { own } from '../../utils/own.ts';
import type { Lang } from './i18n.ts';
import * as english from './locales/en/events.ts';
import * as indonesian from './locales/id/events.ts';

const EVENTS: Record<Lang, Record<string, string>> = { en: english.events, id: indonesian.events };
const RESULTS: Record<Lang, Record<string, string>> = { en: english.results, id: indonesian.results };

/** The name of an event, in the reader's language; an event of another version by its own name. */
export const eventName = (lang: Lang, event: string): string => own(EVENTS[lang], event) ?? event;

/** How it went, in the reader's language. */
export const resultName = (lang: Lang, status: string): string => own(RESULTS[lang], status) ?? status;
