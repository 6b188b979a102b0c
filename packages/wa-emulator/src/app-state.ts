/** The settings that linked devices share (app state), of which the emulator has one: the account's name. */
import { type BinaryNode, encodeSyncdPatch, newLTHashState, proto } from '@whiskeysockets/baileys';
import type { Device } from './devices.ts';
import { child, children, node } from './nodes.ts';
import type { World } from './world.ts';

const NAME_COLLECTION = 'critical_block';
const FIRST_VERSION = 1;
const KEY_ID_BYTES = 6;
const { SET } = proto.SyncdMutation.SyncdOperation;

/** The key of an account's settings, which its phone shares with each linked device. */
export function settingsKey({ identity }: World, phone: string): { id: Buffer; data: Buffer } {
  return {
    id: identity.derive(`app state key id ${phone}`).subarray(0, KEY_ID_BYTES),
    data: identity.derive(`app state key ${phone}`),
  };
}

/** Writes the account's name down, sealed, for the devices that ask for the settings from now on. */
export async function prepareSettings(world: World, { phone, name }: Device): Promise<void> {
  const { id, data } = settingsKey(world, phone);
  const { patch } = await encodeSyncdPatch(
    {
      type: NAME_COLLECTION,
      index: ['setting_pushName'],
      syncAction: { pushNameSetting: { name }, timestamp: Date.now() },
      apiVersion: 1,
      operation: SET,
    },
    id.toString('base64'),
    newLTHashState(),
    async () => proto.Message.AppStateSyncKeyData.create({ keyData: data }),
  );
  const first = { ...patch, version: { version: FIRST_VERSION } };
  world.settings.set(phone, Buffer.from(proto.SyncdPatch.encode(first).finish()));
}

/** Answers a query for collections of settings. A client that has none yet gets the name; all else is as it was. */
export function answerAppState(world: World, { phone }: Device, stanza: BinaryNode): BinaryNode[] {
  const collections = children(child(stanza, 'sync'), 'collection').map((asked) => {
    const { name, version } = asked.attrs;
    const patch = world.settings.get(phone);
    const isNew =
      name === NAME_COLLECTION && Number(version ?? 0) === 0 && child(asked, 'patch') === undefined;
    if (!patch || !isNew) return node('collection', { name, version, type: 'result' });
    return node('collection', { name, version: String(FIRST_VERSION), type: 'result' }, [
      node('patches', {}, [node('patch', {}, patch)]),
    ]);
  });
  return [node('sync', {}, collections)];
}
