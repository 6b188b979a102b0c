import { createHash, hkdfSync } from 'node:crypto';
import { aesDecryptGCM, aesEncryptGCM, Curve, NOISE_MODE, proto } from '@whiskeysockets/baileys';
import type { NoiseIdentity } from './identity.ts';

const NOTHING = Buffer.alloc(0);

/** The two directions after the handshake; frames must be opened in the order they arrived. */
export interface Transport {
  seal(plaintext: Uint8Array): Buffer;
  open(ciphertext: Uint8Array): Buffer;
}

/** The contents of a client's second handshake message. */
interface HandshakeResult {
  transport: Transport;
  clientStatic: Buffer;
  payload: proto.ClientPayload;
}

/** The server's side of Noise_XX_25519_AESGCM_SHA256. */
export interface Handshake {
  /** Answers the client's hello. Throws when it is malformed. */
  answerHello(frame: Buffer): Buffer;
  /** Opens the client's finish. Throws when anything does not authenticate. */
  finish(frame: Buffer): HandshakeResult;
}

/** A handshake for one connection, bound to the client's header. */
export function createHandshake(identity: NoiseIdentity, header: Buffer): Handshake {
  const ephemeral = Curve.generateKeyPair();
  const state = createSymmetricState(header);
  return {
    answerHello(frame) {
      const hello = proto.HandshakeMessage.decode(frame).clientHello;
      const clientEphemeral = requireKey(hello?.ephemeral);
      state.mixHash(clientEphemeral);
      state.mixHash(ephemeral.public);
      state.mixKey(Curve.sharedKey(ephemeral.private, clientEphemeral));
      const sealedStatic = state.seal(identity.staticKey.public);
      state.mixKey(Curve.sharedKey(identity.staticKey.private, clientEphemeral));
      const sealedChain = state.seal(identity.certificateChain);
      return Buffer.from(
        proto.HandshakeMessage.encode({
          serverHello: { ephemeral: ephemeral.public, static: sealedStatic, payload: sealedChain },
        }).finish(),
      );
    },
    finish(frame) {
      const finish = proto.HandshakeMessage.decode(frame).clientFinish;
      const clientStatic = state.open(finish?.static ?? NOTHING);
      state.mixKey(Curve.sharedKey(ephemeral.private, requireKey(clientStatic)));
      const payload = proto.ClientPayload.decode(state.open(finish?.payload ?? NOTHING));
      return { transport: state.split(), clientStatic, payload };
    },
  };
}

function createSymmetricState(header: Buffer) {
  let hash: Buffer = Buffer.from(NOISE_MODE, 'latin1');
  let salt: Buffer = hash;
  let key: Buffer = hash;
  let counter = 0;
  const mixHash = (data: Uint8Array) => {
    hash = createHash('sha256').update(hash).update(data).digest();
  };
  mixHash(header);
  return {
    mixHash,
    mixKey(secret: Uint8Array) {
      [salt, key] = expand(secret, salt);
      counter = 0;
    },
    seal(plaintext: Uint8Array): Buffer {
      const sealed = aesEncryptGCM(plaintext, key, nonce(counter++), hash);
      mixHash(sealed);
      return sealed;
    },
    open(ciphertext: Uint8Array): Buffer {
      const opened = aesDecryptGCM(ciphertext, key, nonce(counter++), hash);
      mixHash(ciphertext);
      return opened;
    },
    split(): Transport {
      const [fromClient, toClient] = expand(NOTHING, salt);
      let received = 0;
      let sent = 0;
      return {
        seal: (plaintext) => aesEncryptGCM(plaintext, toClient, nonce(sent++), NOTHING),
        open: (ciphertext) => aesDecryptGCM(ciphertext, fromClient, nonce(received++), NOTHING),
      };
    },
  };
}

function expand(secret: Uint8Array, salt: Buffer): [Buffer, Buffer] {
  const output = Buffer.from(hkdfSync('sha256', secret, salt, NOTHING, 64));
  return [output.subarray(0, 32), output.subarray(32)];
}

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  return iv;
}

function requireKey(key: Uint8Array | null | undefined): Uint8Array {
  if (key?.length !== 32) {
    throw new Error('handshake key of the wrong length');
  }
  return key;
}
