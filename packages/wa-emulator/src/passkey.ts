/** WhatsApp's side of the passkey step of linking: the server that checks the signature, and the phone behind it. */
import { randomBytes } from 'node:crypto';
import {
  aesDecryptGCM,
  type BinaryNode,
  bytesToCrockford,
  Curve,
  hkdf,
  hmacSign,
  proto,
  sha256,
} from '@whiskeysockets/baileys';
import {
  type Assertion,
  type Authenticator,
  createAuthenticator,
  type RequestOptions,
} from './authenticator.ts';
import { ControlError } from './control-error.ts';
import type { Device } from './devices.ts';
import type { IqAnswer } from './iq-answer.ts';
import { SERVER_JID } from './jids.ts';
import { bytesOf, child, node, textOf, unixSeconds } from './nodes.ts';
import { type Candidate, completePairing } from './pairing.ts';
import type { World } from './world.ts';

const RP_ID = 'whatsapp.com';
const CHALLENGE_TIMEOUT_MS = 600_000;
const HANDOFF_INFO = 'shortcake-passkey-handoff-v1';
const REQUEST_KEY_INFO = 'Pairing Information Encryption Key';
/** A phone takes a moment. */
const PHONE_DELAY_MS = 20;
const NOTHING = Buffer.alloc(0);
const NO_STEP = { stage: 'none', code: null, refusal: null } as const;

/**
 * A fault that happens once: the challenge runs out before it is used; the server refuses the signature, or answers no
 * query; the demand comes without its options, or with some that nobody can read; the phone goes away after the signature; it
 * shows another code.
 */
export const PASSKEY_FAULTS = [
  'expired',
  'refused',
  'iq_error',
  'no_options',
  'malformed',
  'phone_away',
  'wrong_code',
] as const;
export type PasskeyFault = (typeof PASSKEY_FAULTS)[number];

/** How far the linking of an account has come. */
export interface PasskeyInfo {
  phone: string;
  /** whether the account asks for a passkey when a device is linked */
  asked: boolean;
  stage: 'none' | 'asked' | 'signed' | 'continued' | 'linked';
  /** what the phone shows, when the hand-off was not proved */
  code: string | null;
  /** why something was refused last */
  refusal: string | null;
}

interface Step extends Omit<PasskeyInfo, 'asked'> {
  label: string | undefined;
  candidate: Candidate;
  name: string | undefined;
  challenge: string;
  /** the secret that was scanned or typed in: only its holder can prove the hand-off */
  handoffKey: Buffer;
  ref: string;
  /** the companion's encoded identity and its commitment */
  identity: Buffer;
  commitment: Buffer;
  keyPair: { public: Uint8Array; private: Uint8Array };
  nonce: Buffer;
  requestKey: Buffer | null;
}

/** Which accounts ask for a passkey, and what they are doing. */
export interface Passkeys {
  /** Makes an account ask, or not any more; `fault` happens at the next occasion. */
  set(phone: string, asked: boolean, fault?: PasskeyFault): void;
  isAsked(phone: string): boolean;
  /**
   * Signs as that account's owner in a browser would; without `phone` as the owner of the passkey that is allowed. Throws a
   * ControlError 400 when the options are not for it.
   */
  sign(phone: string | undefined, options: RequestOptions, origin?: string): Assertion;
  describe(phone: string): PasskeyInfo;
  /** The account of the newest linking that has this label. Throws a ControlError 404 when there is none. */
  phoneOf(label: string): string;
  reset(): void;
  /** @internal */
  account(phone: string): Account;
  /** @internal A label goes over from the linking that had it. */
  begin(step: Step): void;
}

interface Account {
  authenticator: Authenticator;
  asked: boolean;
  fault: PasskeyFault | null;
  step: Step | null;
}

/** Accounts with passkeys; keys are derived, so that they are the same after a restart. */
export function createPasskeys(derive: (purpose: string) => Buffer): Passkeys {
  const accounts = new Map<string, Account>();

  function account(phone: string): Account {
    let found = accounts.get(phone);
    if (!found) {
      const authenticator = createAuthenticator(derive(`passkey ${phone}`));
      found = { authenticator, asked: false, fault: null, step: null };
      accounts.set(phone, found);
    }
    return found;
  }

  function ownerOf({ allowCredentials = [] }: RequestOptions): string {
    const allowed = new Set(allowCredentials.map(({ id }) => id));
    const found = [...accounts].find(([, { authenticator }]) => allowed.has(authenticator.credentialId));
    if (!found) throw new Error('allowCredentials: nobody here has such a passkey; name a phone');
    return found[0];
  }

  return {
    account,
    begin(step) {
      for (const { step: other } of accounts.values()) {
        if (other && other.label === step.label) other.label = undefined;
      }
      account(step.phone).step = step;
    },
    set(phone, asked, fault) {
      Object.assign(account(phone), { asked, fault: fault ?? null });
    },
    isAsked: (phone) => accounts.get(phone)?.asked ?? false,
    sign(phone, options, origin) {
      try {
        return account(phone ?? ownerOf(options)).authenticator.sign(options, origin);
      } catch (error) {
        throw new ControlError(400, error instanceof Error ? error.message : String(error));
      }
    },
    describe(phone) {
      const found = accounts.get(phone);
      const { stage, code, refusal } = found?.step ?? NO_STEP;
      return { phone, asked: found?.asked ?? false, stage, code, refusal };
    },
    phoneOf(label) {
      const found = [...accounts].find(([, { step }]) => step?.label === label);
      if (!found) throw new ControlError(404, 'label: no linking was begun with it');
      return found[0];
    },
    reset: () => accounts.clear(),
  };
}

/**
 * Links a client whose code was scanned or typed in; null when the account asks for a passkey first, and the linking
 * goes on over the client's stanzas.
 */
export async function linkOrAsk(
  world: World,
  candidate: Candidate,
  who: { phone: string; name: string | undefined; label: string | undefined; advSecret: Buffer },
): Promise<Device | null> {
  if (!world.passkeys.isAsked(who.phone)) return completePairing(world, candidate, who);
  const account = world.passkeys.account(who.phone);
  const step: Step = {
    phone: who.phone,
    name: who.name,
    label: who.label,
    stage: 'asked',
    code: null,
    refusal: null,
    candidate,
    challenge: newChallenge(),
    handoffKey: Buffer.from(hkdf(who.advSecret, 32, { info: HANDOFF_INFO })),
    ref: '',
    identity: NOTHING,
    commitment: NOTHING,
    keyPair: Curve.generateKeyPair(),
    nonce: randomBytes(32),
    requestKey: null,
  };
  world.passkeys.begin(step);
  candidate.passkeyPhone = who.phone;
  notify(candidate, 'passkey_prologue_request', demandOf(account, step));
  if (takeFault(account, 'expired')) step.challenge = newChallenge();
  return null;
}

function demandOf(account: Account, step: Step): BinaryNode[] {
  if (takeFault(account, 'no_options')) return [];
  if (takeFault(account, 'malformed'))
    return [node('passkey_request_options', {}, Buffer.from('no options'))];
  return [optionsNode(account, step)];
}

/** Answers a stanza of the passkey step; undefined when it is none, or none is going on. */
export function takePasskeyStanza(
  world: World,
  candidate: Candidate | undefined,
  stanza: BinaryNode,
): IqAnswer | undefined {
  const account = candidate?.passkeyPhone ? world.passkeys.account(candidate.passkeyPhone) : undefined;
  const step = account?.step;
  if (!account || !step || stanza.attrs.xmlns !== 'md') return undefined;
  if (child(stanza, 'passkey_request_options')) return renewed(account, step);
  if (child(stanza, 'ref')) return offerRef(account, step);
  const prologue = child(stanza, 'passkey_prologue');
  if (prologue) return takePrologue(world, account, step, prologue);
  const nonce = child(stanza, 'companion_nonce');
  if (nonce) return takeNonce(step, bytesOf(nonce));
  const request = child(stanza, 'encrypted_pairing_request');
  return request ? takeRequest(world, step, bytesOf(request)) : undefined;
}

function renewed(account: Account, step: Step): IqAnswer {
  step.challenge = newChallenge();
  step.stage = 'asked';
  return [optionsNode(account, step)];
}

function offerRef(account: Account, step: Step): IqAnswer {
  if (takeFault(account, 'iq_error')) return { code: 500, text: 'internal-server-error' };
  step.ref = `3@${randomBytes(24).toString('base64url')}`;
  return [node('ref', {}, Buffer.from(step.ref))];
}

function takePrologue(world: World, account: Account, step: Step, prologue: BinaryNode): IqAnswer {
  const refusal = takeFault(account, 'refused')
    ? 'as it was told to'
    : refusePrologue(account, step, prologue);
  if (refusal) return refuse(step, refusal);
  step.stage = 'signed';
  step.refusal = null;
  const proved = child(prologue, 'pairing_handoff_proof') !== undefined;
  if (takeFault(account, 'phone_away')) return [];
  world.timers.after(PHONE_DELAY_MS, () => answerFromPhone(account, step, proved));
  return [];
}

function refusePrologue(account: Account, step: Step, prologue: BinaryNode): string | null {
  if (step.stage !== 'asked') return 'no signature is awaited';
  if (
    bytesOf(child(prologue, 'credential_id')).toString('base64url') !== account.authenticator.credentialId
  ) {
    return 'another credential';
  }
  const wrong = account.authenticator.refuse(
    parseJson(textOf(child(prologue, 'webauthn_assertion'))),
    step.challenge,
  );
  if (wrong) return wrong;
  const payload = bytesOf(child(prologue, 'prologue_payload'));
  const proof = child(prologue, 'pairing_handoff_proof');
  if (proof && !bytesOf(proof).equals(Buffer.from(hmacSign(payload, step.handoffKey)))) {
    return 'a wrong proof of the hand-off';
  }
  const { companionEphemeralIdentity, commitment } = proto.ProloguePayload.decode(payload);
  step.identity = Buffer.from(companionEphemeralIdentity ?? []);
  step.commitment = Buffer.from(commitment?.hash ?? []);
  const { ref, publicKey } = proto.CompanionEphemeralIdentity.decode(step.identity);
  if (ref !== step.ref || step.ref === '') return 'another reference';
  return publicKey?.length === 32 && step.commitment.length === 32 ? null : 'a malformed prologue';
}

function answerFromPhone(account: Account, step: Step, proved: boolean): void {
  const identity = proto.PrimaryEphemeralIdentity.encode({
    publicKey: step.keyPair.public,
    nonce: step.nonce,
  }).finish();
  if (takeFault(account, 'wrong_code')) step.nonce = randomBytes(32);
  step.stage = 'continued';
  step.code = proved ? null : '';
  notify(step.candidate, 'crsc_continuation', [node('primary_ephemeral_identity', {}, identity)]);
}

/** The phone opens the commitment, and from now on knows the code and the key. */
function takeNonce(step: Step, nonce: Buffer): IqAnswer {
  if (step.stage !== 'continued') return refuse(step, 'no nonce is awaited');
  if (!Buffer.from(sha256(Buffer.concat([step.identity, nonce]))).equals(step.commitment)) {
    return refuse(step, 'another nonce than was committed to');
  }
  const { publicKey, deviceType, ref } = proto.CompanionEphemeralIdentity.decode(step.identity);
  const shared = Curve.sharedKey(step.keyPair.private, publicKey ?? NOTHING);
  const salt = Buffer.from(`Companion Pairing ${deviceType} with ref ${ref}`);
  step.requestKey = Buffer.from(hkdf(shared, 32, { salt, info: REQUEST_KEY_INFO }));
  if (step.code !== null) step.code = codeOf(step, nonce);
  return [];
}

function codeOf(step: Step, nonce: Buffer): string {
  const mask = Buffer.from(sha256(Buffer.concat([nonce, step.keyPair.public])));
  const code = bytesToCrockford(
    Buffer.from(step.nonce.subarray(0, 5).map((byte, at) => byte ^ (mask[at] ?? 0))),
  );
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

function takeRequest(world: World, step: Step, encoded: Buffer): IqAnswer {
  if (!step.requestKey) return refuse(step, 'no pairing request is awaited');
  const { candidate } = step;
  let request: proto.PairingRequest;
  try {
    const { encryptedPayload, iv } = proto.EncryptedPairingRequest.decode(encoded);
    request = proto.PairingRequest.decode(
      aesDecryptGCM(Buffer.from(encryptedPayload ?? []), step.requestKey, Buffer.from(iv ?? []), NOTHING),
    );
  } catch {
    return refuse(step, 'a pairing request that cannot be opened');
  }
  const sameKeys =
    candidate.connection.clientStatic.equals(Buffer.from(request.companionPublicKey ?? [])) &&
    Buffer.from(candidate.registration.eIdent ?? []).equals(Buffer.from(request.companionIdentityKey ?? []));
  const advSecret = Buffer.from(request.advSecret ?? []);
  if (!sameKeys || advSecret.length !== 32) return refuse(step, 'keys of another device');
  const { phone, name } = step;
  world.timers.after(PHONE_DELAY_MS, () => {
    completePairing(world, candidate, { phone, name, advSecret }).then(
      () => {
        step.stage = 'linked';
      },
      (error: unknown) => {
        step.refusal = String(error);
      },
    );
  });
  return [];
}

function refuse(step: Step, refusal: string): IqAnswer {
  step.refusal = refusal;
  return { code: 400, text: 'bad-request' };
}

function optionsNode(account: Account, step: Step): BinaryNode {
  const options = {
    challenge: step.challenge,
    timeout: CHALLENGE_TIMEOUT_MS,
    rpId: RP_ID,
    allowCredentials: [
      { id: account.authenticator.credentialId, type: 'public-key', transports: ['hybrid', 'internal'] },
    ],
    userVerification: 'required',
    extensions: {},
  };
  return node('passkey_request_options', {}, Buffer.from(JSON.stringify(options)));
}

function notify({ connection }: Candidate, type: string, content: BinaryNode[]): void {
  const id = randomBytes(8).toString('hex');
  connection.send(node('notification', { from: SERVER_JID, type, id, t: unixSeconds() }, content));
}

function takeFault(account: Account, fault: PasskeyFault): boolean {
  if (account.fault !== fault) return false;
  account.fault = null;
  return true;
}

function newChallenge(): string {
  return randomBytes(32).toString('base64url');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
