import { texts } from '../i18n.ts';
import * as english from '../locales/en/developers.ts';
import * as indonesian from '../locales/id/developers.ts';

export const DEVELOPER_TEXTS = texts({ en: english.developers, id: indonesian.developers });

export type DeveloperTexts = ReturnType<typeof DEVELOPER_TEXTS>;

/** What has become of a delivery, in words. */
export const DELIVERY_STATES = texts({ en: english.deliveryStates, id: indonesian.deliveryStates });

/** What a scope allows, in words. */
export const SCOPE_NAMES = texts({ en: english.scopeNames, id: indonesian.scopeNames });
