import { ControlError } from './control-error.ts';
import type { Device } from './devices.ts';
import { linkOrAsk } from './passkey.ts';
import type { World } from './world.ts';

/** The QR text that the phone's camera reads, and whose phone it is. */
export interface ScanInput {
  /** The whole QR text: `https://wa.me/settings/linked_devices#ref,noise,identity,adv,platform`. */
  qr: string;
  phone: string;
  /** The account's name; the phone number when not given. */
  name?: string | undefined;
  /** A word of yours, by which `passkey` finds this linking again. */
  label?: string | undefined;
}

/**
 * Plays the phone that scans a QR; resolves when the client is linked, with null when the account asks for a passkey.
 * Rejects with a ControlError when the QR is malformed (400), unknown or expired (404), or the client fails (409).
 */
export async function scanQr(world: World, { qr, phone, name, label }: ScanInput): Promise<Device | null> {
  const [ref, noiseKey, identityKey, advSecret] = qr.slice(qr.indexOf('#') + 1).split(',');
  if (!ref || !noiseKey || !identityKey || !advSecret) {
    throw new ControlError(400, 'qr: not the text of a pairing QR');
  }
  const candidate = world.pairing.byRef.get(ref);
  if (!candidate) {
    throw new ControlError(404, 'no client shows this QR (any more)');
  }
  const sameClient =
    candidate.connection.clientStatic.equals(Buffer.from(noiseKey, 'base64')) &&
    Buffer.from(candidate.registration.eIdent ?? []).equals(Buffer.from(identityKey, 'base64'));
  if (!sameClient) {
    throw new ControlError(400, 'qr: its keys are not those of the client that shows it');
  }
  return linkOrAsk(world, candidate, { phone, name, label, advSecret: Buffer.from(advSecret, 'base64') });
}
