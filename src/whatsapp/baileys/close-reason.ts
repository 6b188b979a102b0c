/** Why a socket ended, told from what the server said last and from Baileys' error. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { ProxyFailure } from '../../utils/proxy/dial.ts';
import type { CloseReason } from '../engine.ts';

export interface Ending {
  reason: CloseReason;
  code: number | null;
  message: string | null;
}

/** The server's last word: `<failure reason>` at login or `<stream:error code>` later. */
export interface Verdict {
  code: number;
  /** the type of a `<conflict>` inside */
  conflict: string | null;
}

export function readFailure(node: BinaryNode): Verdict {
  return { code: Number(node.attrs.reason ?? 500), conflict: null };
}

export function readStreamError(node: BinaryNode): Verdict {
  const children = Array.isArray(node.content) ? node.content : [];
  const conflict = children.find((child) => child.tag === 'conflict');
  return {
    code: Number(node.attrs.code ?? (conflict ? 440 : 500)),
    conflict: conflict ? (conflict.attrs.type ?? 'replaced') : null,
  };
}

/**
 * Codes of WhatsApp's `<failure>` and `<stream:error>`. 500 is not `bad_session`, as Baileys calls it: it stands for
 * every error without a code of its own, and an outage at WhatsApp must end no session.
 */
const BY_CODE: Readonly<Record<number, CloseReason>> = {
  401: 'logged_out',
  // banned for a time, gone, banned: nothing that another attempt would mend
  402: 'forbidden',
  403: 'forbidden',
  405: 'client_outdated',
  406: 'forbidden',
  409: 'client_outdated',
  411: 'bad_session',
  440: 'replaced',
  500: 'unavailable',
  501: 'unavailable',
  503: 'unavailable',
  515: 'restart_required',
  516: 'restart_required',
};

/**
 * Only what the server itself said can end a session; a broken line or a proxy's answer never does. `loggedIn`: the
 * server has proven who it is, so that nothing that comes later speaks against it.
 */
export function explainClose(verdict: Verdict | null, error: unknown, loggedIn = false): Ending {
  if (verdict) {
    const reason = verdict.conflict === 'replaced' ? 'replaced' : BY_CODE[verdict.code];
    return {
      reason: reason ?? 'connection_lost',
      code: verdict.code,
      message: `the server closed the stream (${verdict.conflict ?? verdict.code})`,
    };
  }
  const failure = proxyFailureIn(error);
  if (failure) return { reason: `proxy_${failure.kind}`, code: null, message: failure.message };
  const message = error instanceof Error ? error.message : null;
  const reason = reasonOf(message ?? '');
  return {
    reason: loggedIn && reason === 'untrusted_server' ? 'connection_lost' : reason,
    code: statusOf(error),
    message,
  };
}

/** Baileys keeps what the WebSocket said as the data of its own error. */
function proxyFailureIn(error: unknown): ProxyFailure | null {
  const data: unknown = error instanceof Error && 'data' in error ? error.data : null;
  return data instanceof ProxyFailure ? data : null;
}

/** The words of Node's crypto about a frame that does not belong to the encrypted channel. */
const BROKEN_CHANNEL = /Unsupported state or unable to authenticate data/i;

/** True when the channel itself cannot be read any more; every other error is about one stanza. */
export function isBrokenChannel(error: unknown): boolean {
  return error instanceof Error && BROKEN_CHANNEL.test(error.message);
}

/** Sentences of Baileys rc14 and Node's crypto that stand for a server that is not who it says. */
const UNTRUSTED =
  /certificat|certification match failed|account signature|Unsupported state or unable to authenticate data/i;

function reasonOf(message: string): CloseReason {
  if (UNTRUSTED.test(message)) return 'untrusted_server';
  if (message === 'QR refs attempts ended') return 'pairing_expired';
  if (message === 'Connection was lost') return 'stalled';
  if (/timed out/i.test(message)) return 'timed_out';
  return 'connection_lost';
}

function statusOf(error: unknown): number | null {
  const output: unknown = error instanceof Error && 'output' in error ? error.output : null;
  const status = typeof output === 'object' && output && 'statusCode' in output ? output.statusCode : null;
  return typeof status === 'number' ? status : null;
}
