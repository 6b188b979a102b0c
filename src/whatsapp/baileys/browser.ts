/** As what a session is listed on the phone, in the form that Baileys takes. */
import { Browsers, type WABrowserDescription } from '@whiskeysockets/baileys';
import type { BrowserRow } from '../../db/schema.ts';
import type { PairingRequest } from '../engine.ts';

/** Names of operating systems that WhatsApp takes with a pairing code; it refuses a code for anything else. */
const SYSTEMS: ReadonlySet<string> = new Set(['Mac OS', 'Windows', 'Linux', 'Ubuntu']);
/** The last part of the description stands for a version, and reaches the phone nowhere. */
const VERSION = '1.0.0';

/** Null: as the service's own, also where a pairing code would be refused under the chosen name. */
export function describeBrowser(
  browser: BrowserRow | null,
  pairing: PairingRequest,
): WABrowserDescription | undefined {
  if (browser === null) return undefined;
  const { name, platform } = browser;
  const isKnown = SYSTEMS.has(name) && platform !== 'desktop';
  if (pairing.mode === 'code' && !isKnown) return Browsers.macOS('Chrome');
  return [name, `${platform.charAt(0).toUpperCase()}${platform.slice(1)}`, VERSION];
}
