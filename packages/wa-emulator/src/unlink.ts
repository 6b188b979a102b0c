import type { BinaryNode } from '@whiskeysockets/baileys';
import { type Device, deviceKey } from './devices.ts';
import { node } from './nodes.ts';
import type { World } from './world.ts';

/** Sent to a client when another connection of the same device takes its place. */
export function replacedNotice(): BinaryNode {
  return node('stream:error', {}, [node('conflict', { type: 'replaced' })]);
}

/** Sent to a client when the phone has unlinked its device. */
function removedNotice(): BinaryNode {
  return node('stream:error', { code: '401' }, [node('conflict', { type: 'device_removed' })]);
}

/** Unlinks a device: the credentials are void from here on. */
export function unlinkDevice(world: World, device: Device): void {
  world.devices.remove(device);
  world.outboxes.drop(device);
  world.online.get(deviceKey(device))?.end(removedNotice());
}
