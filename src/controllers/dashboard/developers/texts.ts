import { type Lang, texts } from '../i18n.ts';
import * as english from '../locales/en/developers.ts';
import * as indonesian from '../locales/id/developers.ts';

export const DEVELOPER_TEXTS = texts({ en: english.developers, id: indonesian.developers });

export type DeveloperTexts = ReturnType<typeof DEVELOPER_TEXTS>;

/** The state of a delivery, in words. */
export const DELIVERY_STATES = texts({ en: english.deliveryStates, id: indonesian.deliveryStates });

/** What can be done where an event did not get through. */
export const DELIVERY_TODOS = texts({ en: english.deliveryTodos, id: indonesian.deliveryTodos });

/** The permission of a scope, in words. */
export const SCOPE_NAMES = texts({ en: english.scopeNames, id: indonesian.scopeNames });

/** How a webhook fares, in words. */
export const HEALTH_STATES = texts({ en: english.healthStates, id: indonesian.healthStates });

/** How far a redelivery is, in words. */
export const REPLAY_STATES = texts({ en: english.replayStates, id: indonesian.replayStates });

type KeyPresets = Record<keyof typeof english.keyPresets, readonly [name: string, meaning: string]>;
const PRESETS: Record<Lang, KeyPresets> = { en: english.keyPresets, id: indonesian.keyPresets };

/** The access of a preset, in words. */
export const KEY_PRESETS = (lang: Lang): KeyPresets => PRESETS[lang];
