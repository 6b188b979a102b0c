/** Decides what is done about the end of a socket, and how long to wait before the next one. Pure functions. */

import { backoffMs, between } from '../../utils/backoff.ts';
import { own } from '../../utils/own.ts';
import type { CloseReason } from '../../whatsapp/engine.ts';

const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 300_000;
/** A session whose client WhatsApp finds too old is still tried, but seldom: between 5 and 15 minutes. */
const OUTDATED_MIN_MS = 300_000;
const OUTDATED_MAX_MS = 900_000;
/** Refreshing the client's version did not help so many times: people must hear of it. */
export const OUTDATED_TRIES = 3;
/** Restarts in a row without a connection; more are counted as failures. */
const FREE_RESTARTS = 5;
/** Failed sockets of one pairing: a session without a phone does not reconnect for ever. */
const PAIRING_TRIES = 5;

/** Uniform between 1 s and min(5 min, 2^attempt s): full jitter, so that many sessions do not return together. */
export function backoffDelayMs(attempt: number, random: () => number): number {
  const longestMs = backoffMs({ firstMs: 2 * MIN_DELAY_MS, maxMs: MAX_DELAY_MS }, attempt);
  return Math.round(between(MIN_DELAY_MS, longestMs, random()));
}

export function outdatedDelayMs(random: () => number): number {
  return Math.round(between(OUTDATED_MIN_MS, OUTDATED_MAX_MS, random()));
}

/** The machine's memory of the sockets before this one. */
export interface SocketHistory {
  paired: boolean;
  /** failures since the last minute of health */
  failures: number;
  /** restarts that WhatsApp asked for since the last connection */
  restarts: number;
  /** refusals of the client's version since the last connection */
  outdated: number;
}

export type Decision =
  | { do: 'reopen' }
  | { do: 'retry'; reason: string }
  /** the client's version is refreshed first; `announce`: the session is `failed` meanwhile, and tried seldom */
  | { do: 'refresh'; announce: boolean }
  /** pairing ends and waits for somebody to ask again */
  | { do: 'pause'; reason: string }
  | { do: 'end'; status: 'logged_out' | 'replaced' | 'failed'; reason: string }
  /** the fence decides whether this process may go on */
  | { do: 'verify' };

/** Counts a socket that has just closed. */
export function tally(history: SocketHistory, reason: CloseReason): void {
  if (reason === 'restart_required') history.restarts += 1;
  if (reason === 'client_outdated') history.outdated += 1;
  else if (reason !== 'restart_required' || history.restarts > FREE_RESTARTS) history.failures += 1;
}

/** `history` counts the socket that has just closed. */
export function decide(reason: CloseReason, history: SocketHistory): Decision {
  switch (reason) {
    case 'logged_out':
      return { do: 'end', status: 'logged_out', reason: 'device_removed' };
    case 'replaced':
      return { do: 'end', status: 'replaced', reason };
    case 'forbidden':
    case 'bad_session':
      return { do: 'end', status: 'failed', reason };
    case 'credentials_unreadable':
      // They are there, and sealed with a key that may come back: nothing is given up.
      return { do: 'retry', reason };
    case 'ownership_lost':
      return { do: 'verify' };
    case 'client_outdated':
      if (history.outdated <= OUTDATED_TRIES) return { do: 'refresh', announce: false };
      return history.paired ? { do: 'refresh', announce: true } : { do: 'end', status: 'failed', reason };
    case 'restart_required':
      if (history.restarts <= FREE_RESTARTS) return { do: 'reopen' };
      return retryOrPause(reason, history);
    case 'passkey_expired':
    case 'passkey_refused':
    case 'passkey_phone_away':
    case 'passkey_code_differed':
    case 'passkey_malformed':
    case 'pairing_expired':
      return history.paired ? { do: 'retry', reason: 'connection_lost' } : { do: 'pause', reason };
    case 'closed_by_us':
      // Not asked for by the supervisor: a send that outlived its bound closes its socket.
      return retryOrPause('connection_lost', history);
    default:
      return retryOrPause(reason, history);
  }
}

function retryOrPause(reason: string, { paired, failures }: SocketHistory): Decision {
  return paired || failures <= PAIRING_TRIES ? { do: 'retry', reason } : { do: 'pause', reason };
}

const SENTENCES: Record<string, string> = {
  pairing_expired: 'The QR code was not scanned in time.',
  passkey_expired: 'WhatsApp asked for a passkey, and nobody signed in time.',
  passkey_refused: 'WhatsApp did not accept the passkey signature.',
  passkey_phone_away: 'The phone did not answer after the passkey was signed.',
  passkey_code_differed: 'The code on the phone was another one.',
  passkey_malformed: 'WhatsApp sent a passkey request that could not be read.',
  proxy_unreachable: 'The proxy of this session cannot be reached. Nothing goes out without it.',
  proxy_unauthorized:
    'The proxy of this session does not take its user and password. Nothing goes out without it.',
  proxy_refused: 'The proxy of this session does not lead to WhatsApp. Nothing goes out without it.',
  proxy_not_allowed:
    'The address of the proxy is private, or of this service, and may not be used. Nothing goes out without it.',
  client_outdated: 'WhatsApp no longer accepts this version of the client.',
  credentials_unreadable:
    'The stored credentials cannot be read at the moment. Nothing is lost: the session connects by itself when they can be.',
  untrusted_server: 'The server could not prove to be WhatsApp.',
  device_removed: 'The phone has removed this device.',
  replaced: 'Another connection has taken the place of this one.',
  replaced_after_import:
    'The program that this link was imported from still uses it. Stop it there, then restart this session.',
  importing:
    'A link is being imported. If that was cut off, import it again, or link the phone by a new code.',
  import_interrupted:
    'The import of a link was cut off, and nothing of it was kept. Import it again, or link the phone by a new code.',
  exported: 'The link was exported to be used by another program. Restart the session to use it here again.',
  forbidden: 'WhatsApp has refused this account.',
  bad_session: 'WhatsApp does not accept the credentials of this session any more.',
  phone_mismatch: 'Another phone than the expected one was linked.',
  duplicate_phone: 'This phone already has an active session.',
  user_disabled: 'The user is disabled.',
};

/** A sentence for a person about a reason; null when there is nothing to explain. */
export function explain(reason: string | null): string | null {
  return reason === null ? null : (own(SENTENCES, reason) ?? null);
}
