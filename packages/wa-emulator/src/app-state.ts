/** The settings that linked devices share (app state): the account's name, and how its chats are kept. */
import { randomBytes } from 'node:crypto';
import {
  type BinaryNode,
  decodeSyncdPatch,
  encodeSyncdPatch,
  newLTHashState,
  proto,
  type WAPatchCreate,
  type WAPatchName,
} from '@whiskeysockets/baileys';
import { type Device, deviceKey } from './devices.ts';
import { pnJid, SERVER_JID } from './jids.ts';
import { bytesOf, child, children, node, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

const NAME_COLLECTION = 'critical_block';
const KEY_ID_BYTES = 6;
const { SET } = proto.SyncdMutation.SyncdOperation;

/** One collection of an account's settings: its patches, the first one is version 1. */
interface Collection {
  patches: Buffer[];
  /** What the patches that were read amount to. */
  state: ReturnType<typeof newLTHashState>;
  /** Reading a client's patch goes on after its answer. */
  reading: Promise<void>;
}

/** An account's settings, as its phone shows them. */
export interface Settings {
  collections: Map<string, Collection>;
  /** The newest action of each index, such as `["archive","628…@s.whatsapp.net"]`. */
  shown: Map<string, proto.ISyncActionValue>;
  /** Patches of clients that could not be read or have a wrong MAC. */
  broken: string[];
}

/** How an account keeps a chat. */
export interface ChatSettings {
  archived: boolean;
  pinned: boolean;
  /** Epoch milliseconds; 0: not muted. */
  mutedUntil: number;
  /** Marked read or unread by hand; null: neither. */
  read: boolean | null;
}

/** A label of an account, with the chats (JIDs) and messages (`chat id`) that it is on. */
export interface LabelSettings {
  name: string;
  color: number;
  on: string[];
}

/** The key of an account's settings, which its phone shares with each linked device. */
export function settingsKey({ identity }: World, phone: string): { id: Buffer; data: Buffer } {
  return {
    id: identity.derive(`app state key id ${phone}`).subarray(0, KEY_ID_BYTES),
    data: identity.derive(`app state key ${phone}`),
  };
}

/** Writes the account's name down, sealed, for the devices that ask for the settings from now on. */
export async function prepareSettings(world: World, { phone, name }: Device): Promise<void> {
  const index = ['setting_pushName'];
  const known = settingsOf(world, phone).shown.get(JSON.stringify(index));
  if (known?.pushNameSetting?.name === name) return;
  await write(world, phone, {
    type: NAME_COLLECTION,
    index,
    syncAction: { pushNameSetting: { name }, timestamp: Date.now() },
    apiVersion: 1,
    operation: SET,
  });
}

/** Answers a query for collections of settings, and takes the patches of a client. */
export function answerAppState(world: World, device: Device, stanza: BinaryNode): BinaryNode[] {
  const collections = children(child(stanza, 'sync'), 'collection').map((asked) => {
    const { name = '', version = '0' } = asked.attrs;
    const collection = collectionOf(world, device.phone, name);
    const current = collection.patches.length;
    const patch = child(asked, 'patch');
    if (patch === undefined) {
      const missing = collection.patches.slice(Number(version));
      return node('collection', { name, version: String(current), type: 'result' }, [
        node(
          'patches',
          {},
          missing.map((bytes) => node('patch', {}, bytes)),
        ),
      ]);
    }
    if (Number(version) !== current) {
      return node('collection', { name, version: String(current), type: 'error' }, [
        node('error', { code: '409', text: 'conflict' }),
      ]);
    }
    take(world, device, name, bytesOf(patch));
    return node('collection', { name, version: String(current + 1), type: 'result' });
  });
  return [node('sync', {}, collections)];
}

/** Changes on the phone itself how it keeps a chat; its linked devices are told. */
export async function setChat(
  world: World,
  phone: string,
  chat: string,
  changes: {
    archived?: boolean | undefined;
    pinned?: boolean | undefined;
    mutedUntil?: number | undefined;
    read?: boolean | undefined;
  },
): Promise<void> {
  const jid = jidOf(chat);
  const timestamp = Date.now();
  const { archived, pinned, mutedUntil, read: isRead } = changes;
  const actions: WAPatchCreate[] = [];
  const common = { operation: SET };
  if (archived !== undefined) {
    const syncAction = { archiveChatAction: { archived }, timestamp };
    actions.push({ ...common, type: 'regular_low', index: ['archive', jid], syncAction, apiVersion: 3 });
  }
  if (pinned !== undefined) {
    const syncAction = { pinAction: { pinned }, timestamp };
    actions.push({ ...common, type: 'regular_low', index: ['pin_v1', jid], syncAction, apiVersion: 5 });
  }
  if (isRead !== undefined) {
    const syncAction = { markChatAsReadAction: { read: isRead }, timestamp };
    actions.push({
      ...common,
      type: 'regular_low',
      index: ['markChatAsRead', jid],
      syncAction,
      apiVersion: 3,
    });
  }
  if (mutedUntil !== undefined) {
    const muteAction = { muted: mutedUntil > 0, muteEndTimestamp: mutedUntil };
    const syncAction = { muteAction, timestamp };
    actions.push({ ...common, type: 'regular_high', index: ['mute', jid], syncAction, apiVersion: 2 });
  }
  for (const action of actions) {
    await write(world, phone, action);
    tellDevices(world, phone, action.type);
  }
}

const jidOf = (chat: string) => (chat.includes('@') ? chat : pnJid(chat));

/** Makes, changes or deletes a label on the phone itself; its linked devices are told. */
export async function setLabel(
  world: World,
  phone: string,
  { label, ...labelEditAction }: { label: string; name: string; color: number; deleted: boolean },
): Promise<void> {
  await changeLabels(world, phone, ['label_edit', label], { labelEditAction });
}

/** Puts a label on a chat or a message of it on the phone itself, or takes it away; its linked devices are told. */
export async function assignLabel(
  world: World,
  phone: string,
  { label, chat, messageId, labeled }: LabelUse,
): Promise<void> {
  const jid = jidOf(chat);
  const index =
    messageId === undefined ? ['label_jid', label, jid] : ['label_message', label, jid, messageId, '0', '0'];
  await changeLabels(world, phone, index, { labelAssociationAction: { labeled } });
}

interface LabelUse {
  label: string;
  chat: string;
  messageId?: string | undefined;
  labeled: boolean;
}

/** Makes labels on the phone itself, with one patch for all of them. */
export async function setLabels(
  world: World,
  phone: string,
  labels: readonly { label: string; name: string; color: number }[],
): Promise<void> {
  const actions = labels.map(({ label, ...labelEditAction }) => ({
    ...{ index: ['label_edit', label], apiVersion: 3, operation: SET },
    syncAction: { labelEditAction: { ...labelEditAction, deleted: false }, timestamp: Date.now() },
  }));
  const [first, ...others] = actions;
  if (first === undefined) return;
  await write(world, phone, { ...first, type: 'regular' }, ...others);
  tellDevices(world, phone, 'regular');
}

async function changeLabels(
  world: World,
  phone: string,
  index: string[],
  action: proto.ISyncActionValue,
): Promise<void> {
  const syncAction = { ...action, timestamp: Date.now() };
  await write(world, phone, { type: 'regular', index, syncAction, apiVersion: 3, operation: SET });
  tellDevices(world, phone, 'regular');
}

/** The labels of an account by their ids. Rejects when a client has written what cannot be read. */
export async function labelsOf(world: World, phone: string): Promise<Record<string, LabelSettings>> {
  const labels: Record<string, LabelSettings> = {};
  const shown = [...(await shownOf(world, phone))].map(
    ([index, action]) => [JSON.parse(index) as string[], action] as const,
  );
  for (const [[kind, id = ''], { labelEditAction: label }] of shown) {
    if (kind !== 'label_edit' || label?.deleted) continue;
    labels[id] = { name: label?.name ?? '', color: label?.color ?? 0, on: [] };
  }
  for (const [[kind, id = '', chat = '', messageId], { labelAssociationAction }] of shown) {
    if (!labelAssociationAction?.labeled) continue;
    labels[id]?.on.push(kind === 'label_jid' ? chat : `${chat} ${messageId}`);
  }
  return labels;
}

/** Stars a message on the phone itself, or ends that; its linked devices are told. */
export async function setStar(
  world: World,
  phone: string,
  {
    chat,
    id,
    fromMe,
    starred,
  }: { chat: string; id: string; fromMe?: boolean | undefined; starred?: boolean | undefined },
): Promise<void> {
  const action: WAPatchCreate = {
    type: 'regular_low',
    index: ['star', jidOf(chat), id, fromMe ? '1' : '0', '0'],
    syncAction: { starAction: { starred: starred ?? true }, timestamp: Date.now() },
    apiVersion: 2,
    operation: SET,
  };
  await write(world, phone, action);
  tellDevices(world, phone, action.type);
}

/** How the account keeps its chats, by JID. Rejects when a client has written what cannot be read. */
export async function chatsOf(world: World, phone: string): Promise<Record<string, ChatSettings>> {
  const chats: Record<string, ChatSettings> = {};
  for (const [index, action] of await shownOf(world, phone)) {
    const [kind, jid = ''] = JSON.parse(index) as string[];
    const chat = chats[jid] ?? { archived: false, pinned: false, mutedUntil: 0, read: null };
    if (kind === 'archive') chat.archived = action.archiveChatAction?.archived === true;
    else if (kind === 'pin_v1') chat.pinned = action.pinAction?.pinned === true;
    else if (kind === 'markChatAsRead') chat.read = action.markChatAsReadAction?.read === true;
    else if (kind === 'mute') {
      const { muted, muteEndTimestamp } = action.muteAction ?? {};
      chat.mutedUntil = muted ? Number(muteEndTimestamp ?? 0) : 0;
    } else continue;
    chats[jid] = chat;
  }
  return chats;
}

/** The messages that an account has starred, as `chat id`. Rejects when a client has written what cannot be read. */
export async function starsOf(world: World, phone: string): Promise<string[]> {
  return [...(await shownOf(world, phone))].flatMap(([index, action]) => {
    const [kind, chat = '', id = ''] = JSON.parse(index) as string[];
    return kind === 'star' && action.starAction?.starred === true ? [`${chat} ${id}`] : [];
  });
}

async function shownOf(world: World, phone: string): Promise<Settings['shown']> {
  const { collections, broken, shown } = settingsOf(world, phone);
  await Promise.all([...collections.values()].map(({ reading }) => reading));
  if (broken.length > 0) throw new Error(broken.join('; '));
  return shown;
}

function settingsOf(world: World, phone: string): Settings {
  const known = world.settings.get(phone) ?? { collections: new Map(), shown: new Map(), broken: [] };
  world.settings.set(phone, known);
  return known;
}

function collectionOf(world: World, phone: string, name: string): Collection {
  const { collections } = settingsOf(world, phone);
  const known = collections.get(name) ?? {
    patches: [],
    state: newLTHashState(),
    reading: Promise.resolve(),
  };
  collections.set(name, known);
  return known;
}

/** One patch with all of them; only one with a single change has digests that hold. */
async function write(
  world: World,
  phone: string,
  first: WAPatchCreate,
  ...others: Omit<WAPatchCreate, 'type'>[]
): Promise<void> {
  const collection = collectionOf(world, phone, first.type);
  await collection.reading;
  const { id } = settingsKey(world, phone);
  const version = collection.patches.length + 1;
  const mutations: proto.ISyncdMutation[] = [];
  let written: proto.ISyncdPatch = {};
  for (const action of [first, ...others.map((one) => ({ ...one, type: first.type }))]) {
    const { patch, state } = await encodeSyncdPatch(
      action,
      id.toString('base64'),
      collection.state,
      keyFor(world, phone),
    );
    collection.state = { ...state, version };
    mutations.push(...(patch.mutations ?? []));
    written = patch;
    settingsOf(world, phone).shown.set(JSON.stringify(action.index), action.syncAction);
  }
  const whole = { ...written, mutations, version: { version } };
  collection.patches.push(Buffer.from(proto.SyncdPatch.encode(whole).finish()));
}

/** Keeps a client's patch, reads it as the phone does, and tells the other devices. */
function take(world: World, device: Device, name: string, bytes: Buffer): void {
  const settings = settingsOf(world, device.phone);
  const collection = collectionOf(world, device.phone, name);
  const patch = proto.SyncdPatch.decode(bytes);
  patch.version = proto.SyncdVersion.fromObject({ version: collection.patches.length + 1 });
  collection.patches.push(Buffer.from(proto.SyncdPatch.encode(patch).finish()));
  tellDevices(world, device.phone, name, deviceKey(device));
  collection.reading = collection.reading
    .then(() => read(world, device.phone, name as WAPatchName, patch))
    .catch((error: unknown) => void settings.broken.push(`${name}: ${String(error)}`));
}

async function read(world: World, phone: string, name: WAPatchName, patch: proto.SyncdPatch): Promise<void> {
  const { shown } = settingsOf(world, phone);
  const collection = collectionOf(world, phone, name);
  const result = await decodeSyncdPatch(
    patch,
    name,
    collection.state,
    keyFor(world, phone),
    ({ index, syncAction }) => void shown.set(JSON.stringify(index), syncAction.value ?? {}),
    true,
  );
  collection.state = { ...collection.state, ...result, version: collection.state.version + 1 };
}

const keyFor = (world: World, phone: string) => async () =>
  proto.Message.AppStateSyncKeyData.create({ keyData: settingsKey(world, phone).data });

function tellDevices(world: World, phone: string, name: string, except?: string): void {
  const version = String(collectionOf(world, phone, name).patches.length);
  for (const device of world.devices.of(phone)) {
    if (deviceKey(device) === except) continue;
    const id = randomBytes(8).toString('hex');
    const head = { id, from: SERVER_JID, type: 'server_sync', t: unixSeconds() };
    world.outboxes.of(device).push({
      class: 'notification',
      id,
      from: '',
      type: 'server_sync',
      node: node('notification', head, [node('collection', { name, version })]),
    });
  }
}
