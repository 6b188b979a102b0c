/**
 * Pauses while Baileys opens what a phone has changed. It does so without one, whatever the number: some 75 µs for each change, and
 * a phone that is linked may bring 50,000 of them in one file. Between two changes it waits for nothing but the key of the second one,
 * which it asks for once by each name. So every hundredth change names its key in a spelling of its own: Baileys asks again, and
 * that answer lets the event loop turn. What Baileys adds up at the end, from all of them, is added up in these pauses.
 */
import { LT_HASH_ANTI_TAMPERING, proto } from '@whiskeysockets/baileys';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { createLru } from '../../utils/lru.ts';
import type { RawKeys } from './transactions.ts';
import { type Field, fieldsOf } from './wire-fields.ts';

/** Changes that are opened in one turn of the event loop: some 8 ms. */
const OPENED_AT_ONCE = 100;
const KEY = 'app-state-sync-key';
/**
 * A key id in base64, and behind it blanks that tell one mark from another: Node's decoder passes over them, so that it is still the
 * same id where Baileys makes bytes of it. No id of WhatsApp's is a text that ends so: they are six bytes long.
 */
const MARKED = /^([A-Za-z0-9+/]{1,100}={0,2})[ \n]{20}$/;
const MAX_ID_BYTES = 64;
const MAX_NAME = 200;
const MARK_BITS = 20;
/** What may follow a mark of a file that is opened now, in all sessions together. */
const MAX_PIECES = 20_000;
const DIGEST_BYTES = 32;
/** The sum over nothing: 64 numbers of 16 bits, each added by itself and without a carry, as whatsmeow (appstate/lthash) has it. */
const NOTHING = new Uint8Array(128);

/** The field of a snapshot that is repeated for each record. */
const RECORDS = 2;
/** As many as a row of the key store holds (`MAX_KEY_BYTES`). A record has some hundred bytes, and a snapshot three more fields. */
const MAX_RECORDS = 50_000;
const MAX_RECORD_BYTES = 64 * 1024;
const MAX_OTHERS = 100;
/** Of the file of a patch, which is decoded without a pause: some 25,000 changes. What is more, WhatsApp gives in a snapshot. */
const MAX_CHANGES_BYTES = 4 * 1024 ** 2;

type SealedRecord = proto.ISyncdRecord | null | undefined;

/** Changes from one mark to the next: the digests that Baileys adds up, as they lie in the file, and their sum once it is known. */
interface Piece {
  digests: Uint8Array[];
  sum: Uint8Array | null;
}

let marks = 0;
let installed = false;
/** By its mark. A piece lives as long as its record: a file that is given up leaves nothing behind. */
const pieces = createLru<string, WeakRef<Piece>>({ max: MAX_PIECES });
const ofRecord = new WeakMap<object, Piece>();
/** By the memory of a file, and where in it the first digest of a piece lies. */
const summed = new WeakMap<ArrayBufferLike, Map<number, Piece>>();
const addUp = LT_HASH_ANTI_TAMPERING.subtractThenAdd.bind(LT_HASH_ANTI_TAMPERING);

/**
 * Marks what Baileys decodes from now on, in the whole process, and opens a snapshot while it is read. Files that are longer than any
 * phone writes are refused. May be called again. What Baileys still does in one go: it tells of all that it has opened, 4 µs each.
 */
export function pauseInChanges(): void {
  if (installed) return;
  installed = true;
  const { SyncdPatch, SyncdMutations, SyncdSnapshot } = proto;
  const decode = { patch: SyncdPatch.decode, mutations: SyncdMutations.decode, all: SyncdSnapshot.decode };
  SyncdPatch.decode = (...bytes) => markChanges(decode.patch.apply(SyncdPatch, bytes));
  SyncdMutations.decode = (bytes, length) => {
    if ('length' in bytes && bytes.length > MAX_CHANGES_BYTES) throw new Error('a patch is too large');
    return markChanges(decode.mutations.call(SyncdMutations, bytes, length));
  };
  SyncdSnapshot.decode = (bytes, length) => {
    const { records, rest } = Buffer.isBuffer(bytes) ? splitSnapshot(bytes) : { records: null, rest: bytes };
    const snapshot = decode.all.call(SyncdSnapshot, rest, records === null ? length : undefined);
    // Baileys goes through them once, one after another.
    if (records !== null) Reflect.set(snapshot, 'records', records);
    return snapshot;
  };
  LT_HASH_ANTI_TAMPERING.subtractThenAdd = (base, subtract, add) => {
    const { sum, rest } = sumOf(base, add);
    return addUp(sum, subtract, rest);
  };
}

function markChanges<M extends { mutations: proto.ISyncdMutation[] }>(message: M): M {
  const { mutations } = message;
  const { REMOVE } = proto.SyncdMutation.SyncdOperation;
  for (let at = OPENED_AT_ONCE; at < mutations.length; at += OPENED_AT_ONCE) {
    const piece = mutations.slice(at, at + OPENED_AT_ONCE);
    const added = piece.flatMap(({ operation, record }) => (operation === REMOVE ? [] : [record]));
    mark(piece[0]?.record, added);
  }
  return message;
}

/** The records of a snapshot, marked and decoded as they are read, and the bytes of everything else in it. */
function splitSnapshot(bytes: Buffer): { records: Iterable<proto.SyncdRecord>; rest: Buffer } {
  const records: Field[] = [];
  const others: Buffer[] = [];
  for (const field of fieldsOf(bytes)) {
    const { number, start, valueStart, end } = field;
    if (number === RECORDS) records.push(field);
    else others.push(bytes.subarray(start, end));
    const isLong = number === RECORDS && end - valueStart > MAX_RECORD_BYTES;
    if (isLong || records.length > MAX_RECORDS || others.length > MAX_OTHERS)
      throw new Error('a snapshot is too large');
  }
  return { records: readRecords(bytes, records), rest: Buffer.concat(others) };
}

function* readRecords(bytes: Buffer, places: readonly Field[]): Generator<proto.SyncdRecord> {
  for (let at = 0; at < places.length; at += OPENED_AT_ONCE) {
    const piece = places
      .slice(at, at + OPENED_AT_ONCE)
      .map(({ valueStart, end }) => proto.SyncdRecord.decode(bytes.subarray(valueStart, end)));
    if (at > 0) mark(piece[0], piece);
    yield* piece;
  }
}

/** Marks the first record of a piece; `added`: those whose digests Baileys adds up. */
function mark(first: SealedRecord, added: readonly SealedRecord[]): void {
  const keyId = first?.keyId;
  if (!keyId?.id || keyId.id.length > MAX_ID_BYTES) return;
  const name = withMark(keyId.id);
  const digests = added.flatMap((record) => record?.value?.blob?.subarray(-DIGEST_BYTES) ?? []);
  const piece = { digests, sum: null };
  ofRecord.set(keyId, piece);
  pieces.set(name, new WeakRef<Piece>(piece));
  // Baileys makes bytes of whatever it finds here, of a text as well.
  Reflect.set(keyId, 'id', name);
}

function withMark(id: Uint8Array): string {
  marks = (marks + 1) % 2 ** MARK_BITS;
  const blanks = marks.toString(2).padStart(MARK_BITS, '0').replaceAll('0', ' ').replaceAll('1', '\n');
  return `${Buffer.from(id).toString('base64')}${blanks}`;
}

/** The same keys: one that is asked for by a marked name is found after the event loop has turned. */
export function readWithPauses(
  raw: Pick<RawKeys, 'get'>,
  type: Parameters<RawKeys['get']>[0],
  names: readonly string[],
): Promise<Record<string, unknown>> {
  const [name = ''] = names;
  const asked = type === KEY && name.length <= MAX_NAME ? Buffer.from(name, 'base64').toString('latin1') : '';
  const id = MARKED.exec(asked)?.[1];
  return id === undefined ? raw.get(type, names) : readMarked(raw, { asked, name, id });
}

async function readMarked(
  raw: Pick<RawKeys, 'get'>,
  { asked, name, id }: { asked: string; name: string; id: string },
): Promise<Record<string, unknown>> {
  await yieldToEventLoop();
  const piece = pieces.get(asked)?.deref();
  pieces.delete(asked);
  if (piece !== undefined) keepSum(piece);
  const found = await raw.get(KEY, [id]);
  return id in found ? { [name]: found[id] } : {};
}

function keepSum(piece: Piece): void {
  const [first] = piece.digests;
  if (first === undefined) return;
  piece.sum = addUp(NOTHING, [], piece.digests);
  const inFile = summed.get(first.buffer) ?? new Map<number, Piece>();
  summed.set(first.buffer, inFile.set(first.byteOffset, piece));
}

/** `base` and the sums of all pieces that are whole in `add`, and what of `add` belongs to none: Baileys leaves out what it cannot open. */
function sumOf(base: Uint8Array, add: readonly Uint8Array[]): { sum: Uint8Array; rest: Uint8Array[] } {
  const rest: Uint8Array[] = [];
  let sum = base;
  for (let at = 0; at < add.length; ) {
    const digest = add[at] ?? NOTHING;
    const piece = summed.get(digest.buffer)?.get(digest.byteOffset);
    if (piece?.sum && piece.digests.every((one, n) => isSame(one, add[at + n]))) {
      sum = added(sum, piece.sum);
      at += piece.digests.length;
    } else {
      rest.push(digest);
      at += 1;
    }
  }
  return { sum, rest };
}

const isSame = (one: Uint8Array, other: Uint8Array | undefined) =>
  one.buffer === other?.buffer && one.byteOffset === other.byteOffset && one.length === other.length;

function added(one: Uint8Array, other: Uint8Array): Uint8Array {
  const sum = Buffer.from(one);
  const more = Buffer.from(other);
  for (let at = 0; at < sum.length; at += 2) {
    sum.writeUInt16LE((sum.readUInt16LE(at) + more.readUInt16LE(at)) & 0xffff, at);
  }
  return sum;
}
