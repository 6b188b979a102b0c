import type { Behaviour, PasskeyWay, PhoneFault } from '../../../services/sandbox/phones.ts';
import { type Lang, texts } from '../i18n.ts';
import * as english from '../locales/en/phone.ts';
import * as indonesian from '../locales/id/phone.ts';

export const PHONE_TEXTS = texts({ en: english.phone, id: indonesian.phone });

const BEHAVIOUR_NAMES: Record<Lang, Record<Behaviour, string>> = {
  en: english.behaviourNames,
  id: indonesian.behaviourNames,
};

/** A rule that was set by other means shows as it is. */
export function behaviourName(lang: Lang, behaviour: string): string {
  return new Map(Object.entries(BEHAVIOUR_NAMES[lang])).get(behaviour) ?? behaviour;
}

const FAULT_NAMES: Record<Lang, Record<PhoneFault, string>> = {
  en: english.faultNames,
  id: indonesian.faultNames,
};

export const faultName = (lang: Lang, fault: PhoneFault): string => FAULT_NAMES[lang][fault];

const PASSKEY_WAY_NAMES: Record<Lang, Record<PasskeyWay, string>> = {
  en: english.passkeyWayNames,
  id: indonesian.passkeyWayNames,
};

export const passkeyWayName = (lang: Lang, way: PasskeyWay): string => PASSKEY_WAY_NAMES[lang][way];
