import { randomBytes } from 'node:crypto';
import {
  aesDecryptCTR,
  aesDecryptGCM,
  aesEncryptCTR,
  type BinaryNode,
  Curve,
  derivePairingCodeKey,
  hkdf,
} from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { ControlError } from './control-error.ts';
import type { Device } from './devices.ts';
import { parseJid, SERVER_JID } from './jids.ts';
import { bytesOf, child, node, textOf, unixSeconds } from './nodes.ts';
import type { Candidate, CodeRequest } from './pairing.ts';
import { linkOrAsk } from './passkey.ts';
import type { World } from './world.ts';

const REQUEST_WAIT_MS = 3_000;
const REQUEST_POLL_MS = 20;
const FINISH_TIMEOUT_MS = 10_000;
const NOTHING = Buffer.alloc(0);
/** The names that a client may use when it asks for a code: a browser on an operating system, as WhatsApp knows them. */
const KNOWN_DEVICE =
  /^(Chrome|Firefox|Edge|Opera|Safari|IE|Desktop) \((Mac OS|Windows|Linux|Ubuntu|Android)\)$/;

/** The code a client shows, and the phone it is typed into. */
export interface PairInput {
  code: string;
  phone: string;
  /** The account's name; the phone number when not given. */
  name?: string | undefined;
  /** A word of yours, by which `passkey` finds this linking again. */
  label?: string | undefined;
}

/**
 * Takes a client's `link_code_companion_reg` stanza. Answers the content of the iq result, or
 * undefined when the stanza makes no sense.
 */
export function takeCodeStanza(
  world: World,
  connection: Connection,
  stanza: BinaryNode,
): BinaryNode[] | undefined {
  const candidate = world.pairing.byConnection.get(connection);
  const request = child(stanza, 'link_code_companion_reg');
  if (!candidate || !request) {
    return undefined;
  }
  if (request.attrs.stage === 'companion_finish') {
    candidate.code?.onFinish?.(request);
    return [];
  }
  const owner = parseJid(request.attrs.jid);
  if (request.attrs.stage !== 'companion_hello' || owner.kind !== 'user') {
    return undefined;
  }
  if (!KNOWN_DEVICE.test(textOf(child(request, 'companion_platform_display')))) return undefined;
  const ref = Buffer.from(randomBytes(16).toString('base64url'));
  candidate.code = {
    phone: owner.phone,
    ref,
    wrappedEphemeral: bytesOf(child(request, 'link_code_pairing_wrapped_companion_ephemeral_pub')),
  };
  return [
    node('link_code_companion_reg', { stage: 'companion_hello' }, [node('link_code_pairing_ref', {}, ref)]),
  ];
}

/**
 * Plays the phone into which a pairing code is typed; resolves when the client is linked, with null when the account
 * asks for a passkey. Waits a moment for the client's request. Rejects with a ControlError when no client asked for a
 * code for that phone (404) or the code is wrong (400).
 */
export async function enterPairingCode(
  world: World,
  { code, phone, name, label }: PairInput,
): Promise<Device | null> {
  const candidate = await findRequest(world, phone);
  const request = candidate.code;
  if (!request) {
    throw new ControlError(404, 'no client asked for a pairing code for this phone');
  }
  const party = world.parties.of(phone);
  const ephemeral = Curve.generateKeyPair();
  const normalized = code.replace(/[\s-]/g, '').toUpperCase();
  const clientEphemeral = await unwrap(request.wrappedEphemeral, normalized);
  const finished = waitForFinish(world, candidate, request);
  candidate.connection.send(
    node(
      'notification',
      {
        from: SERVER_JID,
        type: 'link_code_companion_reg',
        id: randomBytes(8).toString('hex'),
        t: unixSeconds(),
      },
      [
        node('link_code_companion_reg', { stage: 'primary_hello' }, [
          node(
            'link_code_pairing_wrapped_primary_ephemeral_pub',
            {},
            await wrap(ephemeral.public, normalized),
          ),
          node('primary_identity_pub', {}, party.identity.public),
          node('link_code_pairing_ref', {}, request.ref),
        ]),
      ],
    ),
  );
  const sharedKey = Curve.sharedKey(ephemeral.private, clientEphemeral);
  const bundle = openKeyBundle(await finished, sharedKey, party.identity.public);
  const identityShared = Curve.sharedKey(party.identity.private, bundle.clientIdentity);
  const secret = Buffer.concat([sharedKey, identityShared, bundle.random]);
  const advSecret = Buffer.from(hkdf(secret, 32, { info: 'adv_secret' }));
  return linkOrAsk(world, candidate, { phone, name, label, advSecret });
}

async function findRequest(world: World, phone: string): Promise<Candidate> {
  const deadline = Date.now() + REQUEST_WAIT_MS;
  for (;;) {
    const found = [...world.pairing.byConnection.values()].findLast(({ code }) => code?.phone === phone);
    if (found) {
      return found;
    }
    if (Date.now() >= deadline) {
      throw new ControlError(404, 'no client asked for a pairing code for this phone');
    }
    await new Promise<void>((resolve) => world.timers.after(REQUEST_POLL_MS, resolve));
  }
}

function waitForFinish(world: World, candidate: Candidate, request: CodeRequest): Promise<BinaryNode> {
  return new Promise((resolve, reject) => {
    request.onFinish = resolve;
    candidate.onGone = () => reject(new ControlError(409, 'the client went away while it was linked'));
    world.timers.after(FINISH_TIMEOUT_MS, () =>
      reject(new ControlError(409, 'the client did not answer the pairing code')),
    );
  });
}

async function wrap(publicKey: Uint8Array, code: string): Promise<Buffer> {
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  return Buffer.concat([salt, iv, aesEncryptCTR(publicKey, await derivePairingCodeKey(code, salt), iv)]);
}

async function unwrap(wrapped: Buffer, code: string): Promise<Buffer> {
  if (wrapped.length !== 80) {
    throw new ControlError(409, 'the client sent a malformed pairing request');
  }
  const key = await derivePairingCodeKey(code, wrapped.subarray(0, 32));
  return aesDecryptCTR(wrapped.subarray(48), key, wrapped.subarray(32, 48));
}

function openKeyBundle(finish: BinaryNode, sharedKey: Buffer, ownIdentity: Buffer) {
  const wrapped = bytesOf(child(finish, 'link_code_pairing_wrapped_key_bundle'));
  const key = hkdf(sharedKey, 32, {
    salt: wrapped.subarray(0, 32),
    info: 'link_code_pairing_key_bundle_encryption_key',
  });
  let bundle: Buffer;
  try {
    bundle = aesDecryptGCM(wrapped.subarray(44), key, wrapped.subarray(32, 44), NOTHING);
  } catch {
    throw new ControlError(400, 'code: not the one the client shows');
  }
  if (bundle.length !== 96 || !bundle.subarray(32, 64).equals(ownIdentity)) {
    throw new ControlError(409, 'the client answered for another phone');
  }
  return { clientIdentity: bundle.subarray(0, 32), random: bundle.subarray(64) };
}
