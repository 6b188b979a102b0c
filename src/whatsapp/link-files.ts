/**
 * A linked device as the files that Baileys' `useMultiFileAuthState` writes: `creds.json`, and one file for each key,
 * named after its kind and its name. Other gateways on Baileys keep the same.
 */
import { MAX_KEY_NAME } from './credential-rows.ts';

/** The kinds of keys. One that begins like another comes first. */
const KINDS = [
  'app-state-sync-version',
  'app-state-sync-key',
  'sender-key-memory',
  'sender-key',
  'identity-key',
  'device-list',
  'lid-mapping',
  'pre-key',
  'session',
  'tctoken',
] as const;
export type KeyKind = (typeof KINDS)[number];

export interface KeyName {
  type: KeyKind;
  name: string;
}

/** The file of the credentials. */
export const CREDENTIALS_FILE = 'creds.json';

/** The name of a key's file: Baileys writes `/` as `__` and `:` as `-`. */
export function fileOfKey({ type, name }: { type: string; name: string }): string {
  return `${type}-${name}.json`.replaceAll('/', '__').replaceAll(':', '-');
}

/** The key that a file holds (`pre-key-7.json`, or without the ending); null for what is no key. */
export function keyOfFile(file: string): KeyName | null {
  const base = file.endsWith('.json') ? file.slice(0, -5) : file;
  const type = KINDS.find((kind) => base.startsWith(`${kind}-`));
  if (type === undefined) return null;
  const name = nameOf(type, base.slice(type.length + 1));
  return name === '' || name.length > MAX_KEY_NAME ? null : { type, name };
}

/** Only these two kinds have names in which Baileys changes something. */
function nameOf(type: KeyKind, written: string): string {
  // The group, the person's address, the device: `1203…@g.us::628…::0`.
  if (type === 'sender-key') return written.replace(/--([^-]+)--(\d+)$/, '::$1::$2');
  // Base64.
  return type === 'app-state-sync-key' ? written.replaceAll('__', '/') : written;
}
