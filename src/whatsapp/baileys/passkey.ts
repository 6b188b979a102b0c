/**
 * The passkey step of linking, as the companion device sees it. The account's owner signs a challenge in a browser; we
 * hand it on, agree on a key with the phone, and send it the keys of this device. What is computed is in
 * passkey-protocol.ts.
 */

import { randomBytes } from 'node:crypto';
import {
  type BinaryNode,
  getBinaryNodeChild,
  proto,
  type WABrowserDescription,
} from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { PasskeyAssertion, PasskeyFailure, PasskeyOptions } from '../engine.ts';
import type { AuthState } from './auth-state.ts';
import type { Link, LinkControl, LinkDeps } from './link-types.ts';
import { textOf } from './pairing-refs.ts';
import {
  createPrologue,
  handoffKey,
  handoffProof,
  openContinuation,
  type Prologue,
  sealPairingRequest,
} from './passkey-protocol.ts';

const SERVER = 's.whatsapp.net';
const ASKED = 'CB:notification,type:passkey_prologue_request';
const CONTINUED = 'CB:notification,type:crsc_continuation';
/** WhatsApp's challenge lives about this long. */
const CHALLENGE_MS = 10 * MINUTE_MS;
/** The hand-off key proves for this long that the person who scanned is the one who signs. */
const HANDOFF_MS = 5 * MINUTE_MS;
/** A challenge that ran out begins again by itself so many times in all. */
const MAX_CHALLENGES = 3;
/** From the signature to the phone's answer, and from our last word to `pair-success`. */
const PHONE_TIMEOUT_MS = MINUTE_MS;
/** How long a person may take to compare two codes. */
const CONFIRM_MS = 5 * MINUTE_MS;
const ADV_SECRET_BYTES = 32;
/** A list of a hundred credentials fits. */
const MAX_OPTIONS_CHARS = 64 * 1024;

/** The calls that the adapter's callers may make while the step runs. */
export interface PasskeyStep {
  answer(assertion: PasskeyAssertion): Promise<void>;
  confirm(equal: boolean): Promise<void>;
}

type State =
  | { at: 'idle' | 'busy' }
  | { at: 'asked' }
  | { at: 'answered'; prologue: Prologue; proved: boolean }
  | { at: 'confirm'; requestKey: Uint8Array }
  | { at: 'finishing' };

interface Handoff {
  key: Uint8Array;
  until: number;
}

/**
 * Listens for the server's demand. Tells each stage as `passkey`, and closes the socket with a `passkey_…` reason when
 * the step fails.
 * @param onAsked called once, when the demand arrives: no further QR code is shown
 */
export function followPasskey(
  link: Link,
  auth: AuthState,
  { clock, settings }: LinkDeps,
  control: LinkControl,
  onAsked: () => void,
): PasskeyStep {
  const { sock } = link;
  const { creds } = auth.state;
  let state: State = { at: 'idle' };
  let handoff: Handoff | null = null;
  let challenges = 0;
  let cancelExpiry = () => {};

  sock.ws.on(ASKED, (stanza: BinaryNode) => guard(demanded(stanza)));
  sock.ws.on(CONTINUED, (stanza: BinaryNode) => guard(continued(stanza)));
  link.closed.addEventListener('abort', () => cancelExpiry(), { once: true });

  return { answer, confirm };

  /** A stanza that cannot be handled ends the step, never the process. */
  function guard(work: Promise<void>): void {
    work.catch((error: unknown) => fail('passkey_malformed', error));
  }

  function fail(reason: PasskeyFailure, error?: unknown): void {
    state = { at: 'idle' };
    cancelExpiry();
    void control.finish({ reason, message: error instanceof Error ? error.message : null });
  }

  async function demanded(stanza: BinaryNode): Promise<void> {
    if (auth.isPaired()) return;
    if (!handoff) {
      handoff = {
        key: handoffKey(Buffer.from(creds.advSecretKey, 'base64')),
        until: clock.now() + HANDOFF_MS,
      };
      creds.advSecretKey = randomBytes(ADV_SECRET_BYTES).toString('base64');
      onAsked();
    }
    const inline = getBinaryNodeChild(stanza, 'passkey_request_options');
    ask(inline ? readOptions(inline) : await fetchOptions(), null);
  }

  function ask(options: PasskeyOptions, failed: PasskeyFailure | null): void {
    challenges += 1;
    state = { at: 'asked' };
    const expiresAt = clock.now() + CHALLENGE_MS;
    cancelExpiry();
    cancelExpiry = clock.setTimer(() => guard(renew('passkey_expired')), CHALLENGE_MS);
    control.watch('passkey_expired', CHALLENGE_MS + PHONE_TIMEOUT_MS);
    control.tell({ type: 'passkey', stage: 'asked', options, expiresAt, failed });
  }

  /** Another challenge after one that ran out or was refused. */
  async function renew(failed: PasskeyFailure): Promise<void> {
    if (challenges >= MAX_CHALLENGES) return fail(failed);
    state = { at: 'busy' };
    const options = await fetchOptions().catch(() => null);
    if (options) ask(options, failed);
    else fail(failed);
  }

  async function fetchOptions(): Promise<PasskeyOptions> {
    const answer = await query('get', [{ tag: 'passkey_request_options', attrs: {} }]);
    const node = getBinaryNodeChild(answer, 'passkey_request_options');
    if (!node) throw new Error('the server named no passkey options');
    return readOptions(node);
  }

  async function answer(assertion: PasskeyAssertion): Promise<void> {
    if (state.at !== 'asked') throw new AppError('CONFLICT', 'No passkey signature is awaited now.');
    state = { at: 'busy' };
    try {
      const ref = getBinaryNodeChild(await query('get', [{ tag: 'ref', attrs: {} }]), 'ref');
      if (!ref) throw new Error('the server named no reference');
      const prologue = createPrologue(textOf(ref), platformTypeOf(settings.browser));
      const proof =
        handoff && clock.now() < handoff.until ? handoffProof(handoff.key, prologue.payload) : null;
      state = { at: 'answered', prologue, proved: proof !== null };
      cancelExpiry();
      control.watch('passkey_phone_away', PHONE_TIMEOUT_MS);
      control.tell({ type: 'passkey', stage: 'answered', expiresAt: clock.now() + PHONE_TIMEOUT_MS });
      await query('set', [prologueNode(assertion, prologue.payload, proof)]);
    } catch (error) {
      if (link.closed.aborted) throw new AppError('UNAVAILABLE', 'The connection ended meanwhile.');
      await renew('passkey_refused');
      throw isRefusal(error)
        ? new AppError('PASSKEY_REFUSED', 'WhatsApp did not accept this signature. Sign the new challenge.')
        : new AppError('UNAVAILABLE', 'WhatsApp did not answer. Sign the new challenge.');
    }
  }

  async function continued(stanza: BinaryNode): Promise<void> {
    if (state.at !== 'answered') return;
    const { prologue, proved } = state;
    const identity = getBinaryNodeChild(stanza, 'primary_ephemeral_identity')?.content;
    if (!(identity instanceof Uint8Array)) throw new Error('the phone named no identity');
    const { requestKey, code } = openContinuation(prologue, identity);
    state = { at: 'busy' };
    cancelExpiry();
    await query('set', [{ tag: 'companion_nonce', attrs: {}, content: prologue.nonce }]);
    if (proved) return finish(requestKey);
    state = { at: 'confirm', requestKey };
    control.watch('passkey_expired', CONFIRM_MS);
    control.tell({ type: 'passkey', stage: 'confirm', code, expiresAt: clock.now() + CONFIRM_MS });
  }

  async function confirm(equal: boolean): Promise<void> {
    if (state.at !== 'confirm') throw new AppError('CONFLICT', 'No code is being compared now.');
    if (!equal) return fail('passkey_code_differed');
    await finish(state.requestKey).catch((error: unknown) => {
      fail('passkey_refused', error);
      throw new AppError('PASSKEY_REFUSED', 'WhatsApp did not link this device. Begin again.');
    });
  }

  async function finish(requestKey: Uint8Array): Promise<void> {
    state = { at: 'finishing' };
    control.watch('passkey_phone_away', PHONE_TIMEOUT_MS);
    const content = sealPairingRequest(requestKey, {
      noisePublic: creds.noiseKey.public,
      identityPublic: creds.signedIdentityKey.public,
      advSecret: Buffer.from(creds.advSecretKey, 'base64'),
    });
    await query('set', [{ tag: 'encrypted_pairing_request', attrs: {}, content }]);
  }

  async function query(type: 'get' | 'set', content: BinaryNode[]): Promise<BinaryNode> {
    const id = sock.generateMessageTag();
    const answer: unknown = await sock.query({
      tag: 'iq',
      attrs: { to: SERVER, type, xmlns: 'md', id },
      content,
    });
    return asNode(answer);
  }
}

function prologueNode(
  assertion: PasskeyAssertion,
  payload: Uint8Array,
  proof: Uint8Array | null,
): BinaryNode {
  const content: BinaryNode[] = [
    { tag: 'credential_id', attrs: {}, content: Buffer.from(assertion.rawId, 'base64url') },
    { tag: 'webauthn_assertion', attrs: {}, content: Buffer.from(JSON.stringify(assertion)) },
    { tag: 'prologue_payload', attrs: {}, content: payload },
  ];
  if (proof) content.push({ tag: 'pairing_handoff_proof', attrs: {}, content: proof });
  return { tag: 'passkey_prologue', attrs: {}, content };
}

/** Throws when the bytes are no JSON object with a challenge. */
function readOptions(node: BinaryNode): PasskeyOptions {
  const text = textOf(node);
  if (text.length > MAX_OPTIONS_CHARS) throw new Error('the server sent too long a challenge');
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('challenge' in value)) {
    throw new Error('the server sent no challenge');
  }
  return asOptions(value);
}

/** Safe because the browser that gets them checks each field, and we read none but the challenge's presence. */
function asOptions(value: object): PasskeyOptions {
  return value as PasskeyOptions;
}

/** Safe because a query resolves with the server's stanza. */
function asNode(value: unknown): BinaryNode {
  return value as BinaryNode;
}

/** An `iq` of type error, which Baileys throws with the server's code as `data`. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'data' in error && typeof error.data === 'number';
}

/** As Baileys names this device in its `DeviceProps`. */
function platformTypeOf(browser: WABrowserDescription | undefined): proto.DeviceProps.PlatformType {
  const name = (browser?.[1] ?? 'CHROME').toUpperCase();
  const types: Record<string, unknown> = { ...proto.DeviceProps.PlatformType };
  const type = types[name === 'ANDROID' ? 'ANDROID_PHONE' : name];
  return typeof type === 'number' ? type : proto.DeviceProps.PlatformType.CHROME;
}
