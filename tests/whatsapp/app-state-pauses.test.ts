/** Many changes of a phone in one file: Baileys opens them, and the event loop turns in between. */
import { hkdfSync, randomBytes } from 'node:crypto';
import {
  aesEncrypt,
  decodePatches,
  decodeSyncdSnapshot,
  hmacSign,
  LT_HASH_ANTI_TAMPERING,
  newLTHashState,
  proto,
} from '@whiskeysockets/baileys';
import { beforeAll, expect, it } from 'vitest';
import { pauseInChanges, readWithPauses } from '../../src/whatsapp/baileys/app-state-pauses.ts';
import { keepPatchesFew } from '../../src/whatsapp/baileys/few-patches.ts';
import { computedMs } from '../helpers/computed.ts';

const id = Buffer.from([0, 0, 0, 0, 0xab, 7]);
const keyData = randomBytes(32);
const expanded = Buffer.from(hkdfSync('sha256', keyData, Buffer.alloc(0), 'WhatsApp Mutation Keys', 160));
const keyAt = (at: number) => expanded.subarray(32 * at, 32 * (at + 1));
const keys = { indexKey: keyAt(0), valueEncryptionKey: keyAt(1), valueMacKey: keyAt(2) };
const { SET } = proto.SyncdMutation.SyncdOperation;

beforeAll(pauseInChanges);

/** As a phone seals it. */
function recordOf(at: number): proto.ISyncdRecord {
  const index = Buffer.from(JSON.stringify(['archive', `${628_000_000_000 + at}@s.whatsapp.net`]));
  const value = { archiveChatAction: { archived: true }, timestamp: 1_767_225_600 };
  const data = proto.SyncActionData.encode({ index, value, padding: Buffer.alloc(0), version: 3 }).finish();
  const sealed = aesEncrypt(data, keys.valueEncryptionKey);
  const length = Buffer.alloc(8);
  length[7] = id.length + 1;
  const mac = hmacSign(Buffer.concat([Buffer.from([1]), id, sealed, length]), keys.valueMacKey, 'sha512');
  return {
    index: { blob: hmacSign(index, keys.indexKey) },
    value: { blob: Buffer.concat([sealed, mac.subarray(0, 32)]) },
    keyId: { id },
  };
}

const recordsOf = (count: number) => Array.from({ length: count }, (_, at) => recordOf(at));

/** The sum over the digests of these records, a few at a time. */
function sumOf(records: readonly proto.ISyncdRecord[]): Buffer {
  let sum: Uint8Array = new Uint8Array(128);
  for (let at = 0; at < records.length; at += 50) {
    const digests = records
      .slice(at, at + 50)
      .map(({ value }) => Uint8Array.from(value?.blob?.subarray(-32) ?? []));
    sum = LT_HASH_ANTI_TAMPERING.subtractThenAdd(sum, [], digests);
  }
  return Buffer.from(sum);
}

/** The keys as a session stores them, and how often each way of asking was. */
function store() {
  const asked: string[] = [];
  const raw = {
    async get(_type: unknown, names: readonly string[]) {
      asked.push(...names);
      return Object.fromEntries(
        names.filter((name) => name === id.toString('base64')).map((name) => [name, { keyData }]),
      );
    },
  };
  const find = async (name: string) => {
    const { [name]: key } = await readWithPauses(raw, 'app-state-sync-key', [name]);
    return key as proto.Message.IAppStateSyncKeyData;
  };
  return { asked, find };
}

/** The longest time that the event loop stood still meanwhile, and how often it turned. */
async function watched<R>(work: () => Promise<R>) {
  let longest = 0;
  let turns = 0;
  let before = computedMs();
  let going = true;
  const look = () => {
    const now = computedMs();
    longest = Math.max(longest, now - before);
    before = now;
    turns += 1;
    if (going) setImmediate(look);
  };
  setImmediate(look);
  await new Promise((resolve) => setImmediate(resolve));
  const result = await work();
  await new Promise((resolve) => setImmediate(resolve));
  going = false;
  return { result, longest, turns };
}

it('a snapshot of 20,000 is opened in pieces, and all of it is told', async () => {
  const records = recordsOf(20_000);
  const parts = { version: { version: 7 }, records, mac: randomBytes(32), keyId: { id } };
  const bytes = Buffer.from(proto.SyncdSnapshot.encode(parts).finish());
  const { asked, find } = store();
  const { result, longest, turns } = await watched(async () => {
    const snapshot = proto.SyncdSnapshot.decode(bytes);
    return decodeSyncdSnapshot('regular_low', snapshot, find, undefined, false);
  });
  expect(longest).toBeLessThan(50);
  expect(Object.keys(result.mutationMap)).toHaveLength(20_000);
  expect(Object.keys(result.state.indexValueMap)).toHaveLength(20_000);
  expect(result.state.hash.equals(sumOf(records))).toBe(true);
  expect(new Set(asked)).toEqual(new Set([id.toString('base64')]));
  expect(turns).toBeGreaterThan(150);
});

it('a patch of 5,000 is opened in pieces, and its digests are checked as ever', async () => {
  const records = recordsOf(5_000);
  const mutations = records.map((record) => ({ operation: SET, record }));
  const bytes = Buffer.from(proto.SyncdMutations.encode({ mutations }).finish());
  const whole = proto.SyncdMutations.decode(bytes);
  const patch = { version: { version: 8 }, keyId: { id }, mutations: whole.mutations };
  const { find } = store();
  const { result, longest, turns } = await watched(() =>
    decodePatches('regular_low', [patch], newLTHashState(), find, {}, undefined, undefined, false),
  );
  expect(longest).toBeLessThan(50);
  expect(Object.keys(result.mutationMap)).toHaveLength(5_000);
  expect(result.state.hash.equals(sumOf(records))).toBe(true);
  expect(turns).toBeGreaterThan(40);
});

it('what no phone writes is refused before it is opened', () => {
  const tiny = Buffer.alloc(300_000);
  for (let at = 0; at < tiny.length; at += 2) tiny[at] = 0x12;
  expect(() => proto.SyncdSnapshot.decode(tiny)).toThrow('a snapshot is too large');
  expect(() => proto.SyncdSnapshot.decode(Buffer.alloc(1_000, 0x20))).toThrow('a snapshot is too large');
  const record = { value: { blob: Buffer.alloc(70_000) } };
  const long = Buffer.from(proto.SyncdSnapshot.encode({ records: [record] }).finish());
  expect(() => proto.SyncdSnapshot.decode(long)).toThrow('a snapshot is too large');
  expect(() => proto.SyncdMutations.decode(Buffer.alloc(5 * 1024 ** 2))).toThrow('a patch is too large');
});

it('patches that name long files are left for later answers, and the first is not', () => {
  const naming = (fileSizeBytes: number) => ({
    tag: 'patch',
    attrs: {},
    content: proto.SyncdPatch.encode({ externalMutations: { fileSizeBytes } }).finish(),
  });
  const answer = (fileSizeBytes: number) => {
    const content = Array.from({ length: 3 }, () => naming(fileSizeBytes));
    const collection = { tag: 'collection', attrs: { name: 'regular' }, content };
    const sync = { tag: 'sync', attrs: {}, content: [collection] };
    keepPatchesFew({ tag: 'iq', attrs: {}, content: [sync] }, new Map());
    return [collection.content.length, Reflect.get(collection.attrs, 'has_more_patches')];
  };
  expect(answer(1_000)).toEqual([3, undefined]);
  expect(answer(1_000_000)).toEqual([1, 'true']);
});
