import { randomBytes } from 'node:crypto';
import { type BinaryNode, hmacSign, proto } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { ControlError } from './control-error.ts';
import { type Device, deviceJid } from './devices.ts';
import { lidJid, SERVER_JID } from './jids.ts';
import { bytesOf, child, node, unixSeconds } from './nodes.ts';
import { typedKey } from './signal-sessions.ts';
import type { World } from './world.ts';
import { type SigningKeyPair, signXeddsa, verifyXeddsa } from './xeddsa.ts';

const REFS_PER_CONNECTION = 6;
const SIGN_TIMEOUT_MS = 10_000;
const ACCOUNT_SIGNATURE_PREFIX = Buffer.from([6, 0]);
const DEVICE_SIGNATURE_PREFIX = Buffer.from([6, 1]);

/** A client that shows a QR and waits to be linked. */
export interface Candidate {
  connection: Connection;
  refs: string[];
  registration: proto.ClientPayload.IDevicePairingRegistrationData;
  platform: string;
  /** `CHROME`, `FIREFOX`, `DESKTOP`, … */
  platformType: string;
  /** Called with the client's answer to `pair-success`. */
  onSigned?: (answer: BinaryNode) => void;
  /** Called when the client goes away. */
  onGone?: () => void;
  /** A pairing code it asked for. */
  code?: CodeRequest;
  /** The account that asks this client for a passkey. */
  passkeyPhone?: string;
  iqCount: number;
}

/** The request of a client that links by a code instead of a QR. */
export interface CodeRequest {
  phone: string;
  ref: Buffer;
  /** Salt, IV and the client's ephemeral key, encrypted with the code. */
  wrappedEphemeral: Buffer;
  /** Called with the client's `companion_finish`. */
  onFinish?: (finish: BinaryNode) => void;
}

/** The clients that wait to be linked. */
export interface PairingDesk {
  byRef: Map<string, Candidate>;
  byConnection: Map<Connection, Candidate>;
}

/** An empty desk. */
export function createPairingDesk(): PairingDesk {
  return { byRef: new Map(), byConnection: new Map() };
}

/** Offers QR references to a client that wants to be linked. */
export function offerPairing(world: World, connection: Connection, payload: proto.ClientPayload): void {
  const registration = payload.devicePairingData;
  if (!registration || !hasValidKeys(registration)) {
    connection.end(node('failure', { reason: '400' }));
    return;
  }
  const refs = Array.from(
    { length: REFS_PER_CONNECTION },
    () => `2@${randomBytes(48).toString('base64url')}`,
  );
  const properties = proto.DeviceProps.decode(registration.deviceProps ?? new Uint8Array());
  const candidate: Candidate = {
    connection,
    refs,
    registration,
    platform: properties.os || 'unknown',
    platformType: proto.DeviceProps.PlatformType[properties.platformType ?? 0] ?? 'UNKNOWN',
    iqCount: 0,
  };
  world.pairing.byConnection.set(connection, candidate);
  for (const ref of refs) {
    world.pairing.byRef.set(ref, candidate);
  }
  const refNodes = refs.map((ref) => node('ref', {}, Buffer.from(ref)));
  connection.send(
    node('iq', { from: SERVER_JID, type: 'set', id: nextIqId(candidate), xmlns: 'md' }, [
      node('pair-device', {}, refNodes),
    ]),
  );
}

/** Forgets a client that went away or was linked. */
export function leavePairing(world: World, connection: Connection): void {
  const candidate = world.pairing.byConnection.get(connection);
  world.pairing.byConnection.delete(connection);
  candidate?.onGone?.();
  for (const ref of candidate?.refs ?? []) {
    world.pairing.byRef.delete(ref);
  }
}

/** Hands a client's `iq type=result` to the pairing that waits for it. */
export function takePairingAnswer(world: World, connection: Connection, stanza: BinaryNode): boolean {
  const candidate = world.pairing.byConnection.get(connection);
  if (!candidate?.onSigned || !child(stanza, 'pair-device-sign')) {
    return false;
  }
  candidate.onSigned(stanza);
  return true;
}

function nextIqId(candidate: Candidate): string {
  candidate.iqCount += 1;
  return `pair-${candidate.iqCount}`;
}

function hasValidKeys(data: proto.ClientPayload.IDevicePairingRegistrationData): boolean {
  const { eIdent, eSkeyVal, eSkeySig } = data;
  return Boolean(eIdent && eSkeyVal && eSkeySig && verifyXeddsa(eIdent, typedKey(eSkeyVal), eSkeySig));
}

/**
 * Links a waiting client to `phone`: proves the account to it, checks its device signature, stores
 * the device and restarts the stream (515). Rejects when the client does not answer properly.
 */
export async function completePairing(
  world: World,
  candidate: Candidate,
  { phone, name, advSecret }: { phone: string; name: string | undefined; advSecret: Buffer },
): Promise<Device> {
  const { connection, registration } = candidate;
  const identityKey = Buffer.from(registration.eIdent ?? []);
  const party = world.parties.of(phone);
  const device = world.devices.add({
    phone,
    name: name ?? phone,
    platform: candidate.platform,
    platformType: candidate.platformType,
    noiseKey: connection.clientStatic.toString('hex'),
    identityKey: identityKey.toString('hex'),
    registrationId: Buffer.from(registration.eRegid ?? []).readUInt32BE(0),
    signedPreKey: {
      id: Buffer.from(registration.eSkeyId ?? []).readUIntBE(0, 3),
      public: Buffer.from(registration.eSkeyVal ?? []).toString('hex'),
      signature: Buffer.from(registration.eSkeySig ?? []).toString('hex'),
    },
    preKeys: [],
    historySynced: false,
    pairedAt: new Date().toISOString(),
  });
  try {
    const details = encodeDeviceDetails(device);
    const signed = signDevice(party.identity, details, identityKey);
    const answered = waitForSignature(world, candidate);
    connection.send(pairSuccess(nextIqId(candidate), device, signed, advSecret));
    checkDeviceSignature(await answered, details, identityKey, party.identity.public);
  } catch (error) {
    world.devices.remove(device);
    throw error;
  }
  leavePairing(world, connection);
  connection.end(node('stream:error', { code: '515' }));
  return device;
}

function encodeDeviceDetails(device: Device): Uint8Array {
  return proto.ADVDeviceIdentity.encode({
    rawId: device.registrationId,
    timestamp: Math.floor(Date.now() / 1000),
    keyIndex: device.id,
    accountType: proto.ADVEncryptionType.E2EE,
    deviceType: proto.ADVEncryptionType.E2EE,
  }).finish();
}

function signDevice(account: SigningKeyPair, details: Uint8Array, identityKey: Buffer): Uint8Array {
  const message = Buffer.concat([ACCOUNT_SIGNATURE_PREFIX, details, identityKey]);
  return proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: account.public,
    accountSignature: signXeddsa(account, message),
  }).finish();
}

function pairSuccess(id: string, device: Device, signed: Uint8Array, advSecret: Buffer): BinaryNode {
  const identity = proto.ADVSignedDeviceIdentityHMAC.encode({
    details: signed,
    hmac: hmacSign(Buffer.from(signed), advSecret),
  }).finish();
  return node('iq', { from: SERVER_JID, type: 'set', id, xmlns: 'md', t: unixSeconds() }, [
    node('pair-success', {}, [
      node('device-identity', {}, identity),
      node('device', { jid: deviceJid(device), lid: lidJid(device.phone, device.id) }),
      node('biz', { name: device.name }),
      node('platform', { name: 'android' }),
    ]),
  ]);
}

function waitForSignature(world: World, candidate: Candidate): Promise<BinaryNode> {
  return new Promise((resolve, reject) => {
    candidate.onSigned = resolve;
    candidate.onGone = () => reject(new ControlError(409, 'the client went away while it was linked'));
    world.timers.after(SIGN_TIMEOUT_MS, () =>
      reject(new ControlError(409, 'the client did not confirm the pairing')),
    );
  });
}

function checkDeviceSignature(
  answer: BinaryNode,
  details: Uint8Array,
  identityKey: Buffer,
  accountKey: Buffer,
): void {
  const signNode = child(child(answer, 'pair-device-sign'), 'device-identity');
  const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(bytesOf(signNode));
  const message = Buffer.concat([DEVICE_SIGNATURE_PREFIX, details, identityKey, accountKey]);
  if (!deviceSignature || !verifyXeddsa(identityKey, message, deviceSignature)) {
    throw new ControlError(409, 'the client signed the pairing with a wrong key');
  }
}
