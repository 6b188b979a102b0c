import type { operations } from './api.ts';
import type { WaHubClient } from './client.ts';
import { unwrap, WaHubError } from './errors.ts';
import { pause, signalOf } from './retry.ts';

type Answer<Name extends keyof operations, Status extends number> = operations[Name] extends {
  responses: Record<Status, { content: { 'application/json': { data: infer Data } } }>;
}
  ? Data
  : never;

/** How a session is. */
export type SessionState = Answer<'getSessionStatus', 200>;

/** What has to be scanned, or typed on the phone. */
export interface LinkCode {
  qr: string | null;
  /** the QR as an image, a data: URL */
  qrCode: string | null;
  pairingCode: string | null;
  expiresAt: string | null;
  /** a page that shows the QR and needs no credential; only with the first code of a new session */
  qrPageUrl: string | null;
}

export interface LinkOptions {
  sessionId: string;
  /** the phone that is to be linked; another one is refused */
  phoneNumber?: string;
  /** `code`: to be typed on the phone `phoneNumber`, instead of a QR */
  pairing?: 'qr' | 'code';
  /** called with the first code and with every newer one: a QR is good for less than a minute */
  onCode?: (code: LinkCode) => void | Promise<void>;
  /** between two looks (2,000) */
  pollMs?: number;
  /** how long a person has (180,000) */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The phone was not linked: nobody scanned in time, or the session came to an end. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  /** the session as it was last seen */
  readonly state: SessionState;

  constructor(message: string, state: SessionState) {
    super(message);
    this.state = state;
  }
}

const ENDED = new Set<SessionState['status']>(['logged_out', 'replaced', 'failed']);

/**
 * Makes the session when there is none, shows what has to be scanned, and waits until it is connected; one that is
 * connected already resolves at once. Throws LinkError, WaHubError, the signal's reason.
 */
export async function linkSession(client: WaHubClient, options: LinkOptions): Promise<SessionState> {
  const { sessionId, onCode, pollMs = 2_000, timeoutMs = 180_000, signal } = options;
  const deadline = Date.now() + timeoutMs;
  let shown = await begin(client, options);
  if (shown) await onCode?.(shown);
  for (;;) {
    const { data: state } = await unwrap(
      client.GET('/session/status', { params: { query: { session: sessionId } }, ...signalOf(signal) }),
    );
    if (state.isConnected) return state;
    if (ENDED.has(state.status)) {
      throw new LinkError(`the session is ${state.status}${state.reason ? `: ${state.reason}` : ''}`, state);
    }
    if (Date.now() >= deadline) throw new LinkError('the phone was not linked in time', state);
    // One with a linked phone only has to connect again.
    const code = state.user === null ? await readCode(client, sessionId, signal) : null;
    if (code && (code.qr !== shown?.qr || code.pairingCode !== shown?.pairingCode)) {
      shown = code;
      await onCode?.(code);
    }
    await pause(pollMs, signal);
  }
}

/** The first code of a session that was made now; null where there was one that is at work. */
async function begin(client: WaHubClient, options: LinkOptions): Promise<LinkCode | null> {
  const { sessionId, phoneNumber, pairing, signal } = options;
  const body = {
    sessionId,
    ...(phoneNumber === undefined ? {} : { phoneNumber }),
    ...(pairing === undefined ? {} : { pairing }),
  };
  try {
    const { data } = await unwrap(client.POST('/session/create', { body, ...signalOf(signal) }));
    const { qr = null, qrCode = null, pairingCode = null, qrPageUrl, expiresAt } = data;
    return qr === null && pairingCode === null ? null : { qr, qrCode, pairingCode, qrPageUrl, expiresAt };
  } catch (error) {
    if (error instanceof WaHubError && error.code === 'SESSION_EXISTS') return null;
    throw error;
  }
}

async function readCode(
  client: WaHubClient,
  sessionId: string,
  signal: AbortSignal | undefined,
): Promise<LinkCode | null> {
  try {
    const { data } = await unwrap(
      client.GET('/session/qr/{sessionId}', { params: { path: { sessionId } }, ...signalOf(signal) }),
    );
    const { qr, qrCode, pairingCode, expiresAt } = data;
    return { qr, qrCode, pairingCode, expiresAt, qrPageUrl: null };
  } catch (error) {
    // There is none at the moment, or none is needed any more: the next look will tell.
    const passing = error instanceof WaHubError && ['QR_NOT_READY', 'ALREADY_CONNECTED'].includes(error.code);
    if (passing) return null;
    throw error;
  }
}
