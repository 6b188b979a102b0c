import type { BinaryNode } from '@whiskeysockets/baileys';
import { type Device, deviceKey } from './devices.ts';
import { node } from './nodes.ts';
import type { World } from './world.ts';

/** What a client gets whose place another connection of the same device takes. */
export function replacedNotice(): BinaryNode {
  return node('stream:error', {}, [node('conflict', { type: 'replaced' })]);
}

/** What a client gets whose device the phone has unlinked. */
function removedNotice(): BinaryNode {
  return node('stream:error', { code: '401' }, [node('conflict', { type: 'device_removed' })]);
}

/** Unlinks a device: the credentials are void from here on. */
export function unlinkDevice(world: World, device: Device): void {
  world.devices.remove(device);
  world.outboxes.drop(device);
  world.online.get(deviceKey(device))?.end(removedNotice());
}
