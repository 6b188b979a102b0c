import { pnJid } from './jids.ts';
import type { LibBundle } from './signal-lib.ts';
import { typedKey } from './signal-sessions.ts';
import type { Store } from './store.ts';

/** A public key a client published, hex. */
export interface PublishedKey {
  id: number;
  public: string;
}

/** A device that was linked to a phone: what a gateway calls a session. */
export interface Device {
  phone: string;
  /** 1 and up; 0 is the phone itself. */
  id: number;
  name: string;
  platform: string;
  /** as what it is shown; missing: linked by an older release */
  platformType?: string;
  /** Hex. */
  noiseKey: string;
  /** Hex, 32 bytes. */
  identityKey: string;
  registrationId: number;
  signedPreKey: PublishedKey & { signature: string };
  preKeys: PublishedKey[];
  /** The client has confirmed its first history sync. */
  historySynced: boolean;
  pairedAt: string;
}

/** The linked devices of all phones. */
export interface Devices {
  add(device: Omit<Device, 'id'>): Device;
  get(phone: string, id: number): Device | undefined;
  of(phone: string): Device[];
  all(): Device[];
  remove(device: Device): void;
  /** Writes a changed device to the store. */
  save(device: Device): void;
  /** The keys a sender needs; takes a one-time pre-key off the device's stock. */
  takeBundle(device: Device): LibBundle;
  reset(): void;
}

/** `phone:device`, how a device is named inside the emulator. */
export function deviceKey({ phone, id }: { phone: string; id: number }): string {
  return `${phone}:${id}`;
}

/** The device's JID in phone number addressing. */
export function deviceJid({ phone, id }: { phone: string; id: number }): string {
  return pnJid(phone, id);
}

/** The registry, filled from what `store` kept. */
export function createDevices(store: Store): Devices {
  const byPhone = new Map<string, Map<number, Device>>();
  const insert = (device: Device) => {
    const devices = byPhone.get(device.phone) ?? new Map<number, Device>();
    devices.set(device.id, device);
    byPhone.set(device.phone, devices);
  };
  const save = (device: Device) => store.set(`device|${deviceKey(device)}`, JSON.stringify(device));
  for (const [, text] of store.entries('device|')) {
    insert(readDevice(text));
  }
  return {
    add(fields) {
      const counter = `last-device|${fields.phone}`;
      const id = Number(store.get(counter) ?? 0) + 1;
      store.set(counter, String(id));
      const device = { ...fields, id };
      insert(device);
      save(device);
      return device;
    },
    get: (phone, id) => byPhone.get(phone)?.get(id),
    of: (phone) => [...(byPhone.get(phone)?.values() ?? [])],
    all: () => [...byPhone.values()].flatMap((devices) => [...devices.values()]),
    remove(device) {
      byPhone.get(device.phone)?.delete(device.id);
      store.delete(`device|${deviceKey(device)}`);
    },
    save,
    takeBundle(device) {
      const preKey = device.preKeys.shift();
      save(device);
      return {
        registrationId: device.registrationId,
        identityKey: typedKey(Buffer.from(device.identityKey, 'hex')),
        signedPreKey: {
          keyId: device.signedPreKey.id,
          publicKey: typedKey(Buffer.from(device.signedPreKey.public, 'hex')),
          signature: Buffer.from(device.signedPreKey.signature, 'hex'),
        },
        ...(preKey
          ? { preKey: { keyId: preKey.id, publicKey: typedKey(Buffer.from(preKey.public, 'hex')) } }
          : {}),
      };
    },
    reset() {
      byPhone.clear();
      store.clear('device|');
    },
  };
}

/** The store only holds what `save` wrote, so the shape is known. */
function readDevice(text: string): Device {
  return JSON.parse(text) as Device;
}
