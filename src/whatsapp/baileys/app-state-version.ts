/**
 * The versions of collections, as Baileys keeps them among its keys, in JSON. Each names all that is in its collection, by two
 * digests an entry: with many chats and labels that is long, and it is read and written at every change. A parser that revives
 * bytes holds the event loop for 50 ms at 5,500 entries: here entries are read as they lie there, some in each turn.
 */
import { BufferJSON } from '@whiskeysockets/baileys';
import { inBatches } from '../../db/batches.ts';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { APP_STATE_COLLECTIONS, type AppStateCollection } from '../app-state.ts';

/** The type of these keys; their names are those of the collections. */
export const VERSION = 'app-state-sync-version';

/** How the list of entries begins, and what is around the two digests of an entry. */
const LIST = '"indexValueMap":{';
const QUOTE = '"';
const MIDDLE = '":{"valueMac":{"type":"Buffer","data":"';
const CLOSE = '"}}';
/** HMAC-SHA256 in base64. */
const MAC_LENGTH = 44;
const MAC_BYTES = 32;
const VALUE_AT = QUOTE.length + MAC_LENGTH + MIDDLE.length;
const ENTRY_LENGTH = VALUE_AT + MAC_LENGTH + CLOSE.length;
/** Entries that are read or written in one turn of the event loop: some milliseconds. */
const AT_ONCE = 2_000;
const COMMA = 0x2c;
const BRACE = 0x7d;

interface Entry {
  valueMac: Uint8Array;
}

/**
 * A version as JSON, as Baileys itself would write it: it may be taken along to another program. The event loop turns in between,
 * unless there is an entry that is not as they usually are.
 */
export async function encodeVersion(state: unknown): Promise<Buffer> {
  const { indexValueMap, ...rest } = Object(state);
  const entries: Record<string, Entry> = Object(indexValueMap);
  const pieces: string[] = [];
  for await (const indexes of inBatches(Object.keys(entries), AT_ONCE)) {
    const written = indexes.map((index) => writeEntry(index, entries[index]));
    if (written.includes(null)) return Buffer.from(JSON.stringify(state, BufferJSON.replacer));
    pieces.push(written.join(','));
  }
  const head = JSON.stringify({ ...rest, indexValueMap: {} }, BufferJSON.replacer);
  // It ends with the empty list.
  return Buffer.from(`${head.slice(0, -2)}${pieces.join(',')}}}`, 'latin1');
}

/** Null for one that is not as they usually are. */
function writeEntry(index: string, entry: Entry | undefined): string | null {
  const isUsual = index.length === MAC_LENGTH && entry?.valueMac.length === MAC_BYTES;
  return isUsual ? `"${index}${MIDDLE}${base64(entry.valueMac)}${CLOSE}` : null;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The version that these bytes are. The event loop turns in between, unless they are not as they are usually written. */
export async function decodeVersion(bytes: Buffer): Promise<unknown> {
  const entries: Record<string, Entry> = {};
  const found = bytes.indexOf(LIST);
  const end = found < 0 ? null : await readEntries(bytes, found + LIST.length, entries);
  if (end === null) return JSON.parse(bytes.toString(), BufferJSON.reviver);
  const head = bytes.toString('utf8', 0, found + LIST.length) + bytes.toString('utf8', end);
  return { ...JSON.parse(head, BufferJSON.reviver), indexValueMap: entries };
}

/** Reads the entries that begin at `start`; where they end, or null when one of them is another one. */
async function readEntries(
  bytes: Buffer,
  start: number,
  entries: Record<string, Entry>,
): Promise<number | null> {
  let at = start;
  for (let read = 1; bytes[at] !== BRACE; read++) {
    const text = bytes.toString('latin1', at, at + ENTRY_LENGTH);
    const isUsual =
      text.length === ENTRY_LENGTH &&
      text.startsWith(QUOTE) &&
      text.startsWith(MIDDLE, QUOTE.length + MAC_LENGTH) &&
      text.endsWith(CLOSE);
    if (!isUsual) return null;
    const valueMac = Buffer.from(text.slice(VALUE_AT, VALUE_AT + MAC_LENGTH), 'base64');
    entries[text.slice(QUOTE.length, QUOTE.length + MAC_LENGTH)] = { valueMac };
    at += ENTRY_LENGTH;
    if (bytes[at] === COMMA) at++;
    else if (bytes[at] !== BRACE) return null;
    if (read % AT_ONCE === 0) await yieldToEventLoop();
  }
  return at;
}

export function isCollection(name: string): name is AppStateCollection {
  return APP_STATE_COLLECTIONS.some((one) => one === name);
}

/** 0 where there is none. */
export function versionOf(state: unknown): number {
  const version = Number(Reflect.get(Object(state), 'version'));
  return Number.isSafeInteger(version) && version > 0 ? version : 0;
}
