import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Device, PublishedKey } from './devices.ts';
import type { IqAnswer } from './iq-answer.ts';
import { parseJid, SERVER_JID, userJid } from './jids.ts';
import { isSimulatedCompanion, queryFault, spoiledBundle } from './key-faults.ts';
import { bigEndian, bytesOf, child, children, node, readBigEndian, unixSeconds } from './nodes.ts';
import type { LibBundle } from './signal-lib.ts';
import { typedKey } from './signal-sessions.ts';
import type { World } from './world.ts';
import { verifyXeddsa } from './xeddsa.ts';

const KEY_TYPE = Buffer.from([5]);
const LOW_STOCK = 5;

/** Takes uploaded pre-keys, or a rotated signed pre-key; a wrong signature is refused. */
export function storeKeys(world: World, device: Device, stanza: BinaryNode): IqAnswer {
  const signed = child(child(stanza, 'rotate') ?? stanza, 'skey');
  if (!signed) {
    return { code: 400, text: 'bad-request' };
  }
  const { id, key, signature } = readSignedKey(signed);
  if (!verifyXeddsa(Buffer.from(device.identityKey, 'hex'), typedKey(key), signature)) {
    return { code: 406, text: 'not-acceptable' };
  }
  device.signedPreKey = { id, public: key.toString('hex'), signature: signature.toString('hex') };
  const uploaded = children(child(stanza, 'list'), 'key').map(readKey);
  const replaced = new Set(uploaded.map((preKey) => preKey.id));
  device.preKeys = [...device.preKeys.filter((preKey) => !replaced.has(preKey.id)), ...uploaded];
  world.devices.save(device);
  return [];
}

/** Answers the stock (`count`), the check of the published keys (`digest`) and key bundles (`key`). */
export function answerKeyQuery(world: World, device: Device, stanza: BinaryNode): IqAnswer {
  if (child(stanza, 'count')) {
    return [node('count', { value: String(device.preKeys.length) })];
  }
  if (child(stanza, 'digest')) {
    return [node('digest', {}, describeKeys(device))];
  }
  const jids = children(child(stanza, 'key'), 'user').map((user) => user.attrs.jid);
  const fault = jids.map((jid) => queryFault(world, jid)).find((found) => found !== undefined);
  if (fault !== undefined) {
    return fault;
  }
  return [
    node(
      'list',
      {},
      jids.flatMap((jid) => spoiledBundle(world, jid, bundleNode(world, jid))),
    ),
  ];
}

/** Takes the keys of a linked device for a new session, and tells the client when few are left. */
export function takeDeviceBundle(world: World, device: Device): LibBundle {
  const bundle = world.devices.takeBundle(device);
  if (device.preKeys.length === LOW_STOCK - 1) {
    const id = `keys-${device.signedPreKey.id}-${bundle.preKey?.keyId ?? 0}`;
    world.outboxes.of(device).push({
      class: 'notification',
      id,
      from: '',
      node: node('notification', { from: SERVER_JID, type: 'encrypt', id, t: unixSeconds() }, [
        node('count', { value: String(device.preKeys.length) }),
      ]),
    });
  }
  return bundle;
}

function bundleNode(world: World, jid: string | undefined): BinaryNode[] {
  const address = parseJid(jid);
  if (address.kind !== 'user') {
    return [];
  }
  if (address.device === 0) {
    const party = world.parties.of(address.phone);
    const preKey = party.takePreKey();
    return [
      userBundle(jid, {
        registrationId: party.registrationId,
        identityKey: typedKey(party.identity.public),
        signedPreKey: {
          keyId: party.signedPreKey.id,
          publicKey: typedKey(party.signedPreKey.public),
          signature: party.signedPreKey.signature,
        },
        preKey: { keyId: preKey.id, publicKey: typedKey(preKey.public) },
      }),
    ];
  }
  if (isSimulatedCompanion(world, address)) {
    const [bundle] = bundleNode(world, userJid(address.phone, address.via));
    return bundle ? [{ ...bundle, attrs: { jid: jid ?? '' } }] : [];
  }
  const device = world.devices.get(address.phone, address.device);
  return device ? [userBundle(jid, takeDeviceBundle(world, device))] : [];
}

function userBundle(jid: string | undefined, bundle: LibBundle): BinaryNode {
  return node('user', { jid }, bundleContent(bundle));
}

/** A key bundle as child nodes, as bundles and retry receipts carry it. */
export function bundleContent({
  registrationId,
  identityKey,
  signedPreKey,
  preKey,
}: LibBundle): BinaryNode[] {
  const content = [
    node('registration', {}, bigEndian(registrationId, 4)),
    node('type', {}, KEY_TYPE),
    node('identity', {}, identityKey.subarray(1)),
    node('skey', {}, [
      node('id', {}, bigEndian(signedPreKey.keyId, 3)),
      node('value', {}, signedPreKey.publicKey.subarray(1)),
      node('signature', {}, signedPreKey.signature),
    ]),
  ];
  if (preKey) {
    content.push(
      node('key', {}, [
        node('id', {}, bigEndian(preKey.keyId, 3)),
        node('value', {}, preKey.publicKey.subarray(1)),
      ]),
    );
  }
  return content;
}

function describeKeys(device: Device): BinaryNode[] {
  return [
    node('registration', {}, bigEndian(device.registrationId, 4)),
    node('type', {}, KEY_TYPE),
    node('identity', {}, Buffer.from(device.identityKey, 'hex')),
  ];
}

/** Reads a signed pre-key node. */
export function readSignedKey(skey: BinaryNode): { id: number; key: Buffer; signature: Buffer } {
  return {
    id: readBigEndian(bytesOf(child(skey, 'id'))),
    key: bytesOf(child(skey, 'value')),
    signature: bytesOf(child(skey, 'signature')),
  };
}

/** Reads a one-time pre-key node. */
export function readKey(key: BinaryNode): PublishedKey {
  return {
    id: readBigEndian(bytesOf(child(key, 'id'))),
    public: bytesOf(child(key, 'value')).toString('hex'),
  };
}
