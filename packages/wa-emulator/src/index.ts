import { join } from 'node:path';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { type Actions, createActions } from './actions.ts';
import { requireOneAddress } from './address.ts';
import { createChannels } from './channels.ts';
import { acceptConnection } from './connection.ts';
import { startControlServer } from './control.ts';
import { createDevices } from './devices.ts';
import { createErrorLog, type OwnError } from './errors.ts';
import { createFaultDesk } from './fault-actions.ts';
import { createFaults } from './faults.ts';
import { createGroups } from './groups.ts';
import { loadIdentity } from './identity.ts';
import { startMediaServer } from './media.ts';
import { createTrafficLog } from './message-log.ts';
import { createOutboxes } from './outbox.ts';
import { createPairingDesk } from './pairing.ts';
import { createParties } from './party.ts';
import { createPasskeys } from './passkey.ts';
import { createRules } from './rules.ts';
import { onClose, onHello, onNode } from './session.ts';
import { createStandings } from './standing.ts';
import { openStore, type Store } from './store.ts';
import { createTimers } from './timers.ts';
import type { Delays, Received } from './types.ts';
import { startWaServer } from './wa-server.ts';
import type { World } from './world.ts';

export type { Actions, Asked, Health, Linked } from './actions.ts';
export type { Assertion, PasskeyKey, RequestOptions } from './authenticator.ts';
export type { Channel, ChannelInput } from './channels.ts';
export type { OwnError } from './errors.ts';
export type { Fault } from './fault-actions.ts';
export type { Group } from './groups.ts';
export type { DeliverInput } from './inbound.ts';
export type { MessageFilter } from './message-log.ts';
export type { PairInput } from './pairing-code.ts';
export type { ScanInput } from './pairing-qr.ts';
export type { PasskeyFault, PasskeyInfo } from './passkey.ts';
export type { ChatCap, Standing, StandingInput, TimeLock } from './standing.ts';
export type { Activity, Content, Delays, Inbound, Received, SessionInfo, Stanza } from './types.ts';

/** Where the emulator listens and what it keeps. */
export interface EmulatorOptions {
  /**
   * Address of this machine to listen on; 127.0.0.1 unless told otherwise. There is no password: whoever reaches it can do
   * everything. `0.0.0.0` is refused, because clients are told this address.
   */
  host?: string;
  /** WebSocket port; 0 takes a free one. */
  waPort?: number;
  /** Port of the control API; 0 takes a free one. */
  controlPort?: number;
  /** Port of the TLS media server; 0 takes a free one. */
  mediaPort?: number;
  /** Folder in which the identity, links, Signal state and media survive a restart; without one every start is another server. */
  stateDir?: string | undefined;
  /** Called with each stanza of a client before it is answered: for tests that stop a client at one of them. */
  onStanza?: (stanza: BinaryNode) => void;
  /** Called with each error of the emulator itself; `errors` lists them. */
  onError?: (error: OwnError) => void;
}

/** A running WhatsApp Web server with everyone who is on it. */
export interface Emulator extends Actions {
  /** Base URL of the control API. */
  url: string;
  /** The value for `WA_SERVER_URL`. */
  waUrl: string;
  /** Hex public key of the Noise certificate root, what `WA_SERVER_ROOT_KEY` takes. */
  rootKey: string;
  /** PEM file with the media server's certificate, good for NODE_EXTRA_CA_CERTS and `WA_SERVER_CA`. */
  caFile: string;
  /** The same certificate as text. */
  ca: string;
  /** All messages that were received, oldest first. */
  received(): Received[];
  /** Closes all sockets, servers and timers and writes the state; may be called twice. */
  stop(): Promise<void>;
}

const DEFAULT_DELAYS: Delays = { receiptDelayMs: [5, 20], readDelayMs: [20, 60], autoRead: true };

/**
 * Starts an emulator. Rejects when a port is taken, the address is none of this machine's, or the state cannot be read;
 * nothing of it runs on then.
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = '127.0.0.1' } = options;
  requireOneAddress(host);
  const opened: Closing[] = [];
  try {
    return await startParts({ ...options, host }, opened);
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** Ends one part of an emulator. */
type Closing = () => Promise<void> | void;

/** `opened` takes, in order, what has to be closed again. */
async function startParts(options: EmulatorOptions & { host: string }, opened: Closing[]): Promise<Emulator> {
  const { host, stateDir } = options;
  const identity = await loadIdentity(stateDir, host);
  opened.push(() => identity.dispose());
  const store = await openStore(stateDir);
  opened.push(() => store.close());
  const faults = createFaults();
  const media = await startMediaServer({
    host,
    port: options.mediaPort ?? 0,
    directory: stateDir === undefined ? undefined : join(stateDir, 'media'),
    tls: identity.tls,
    auth: identity.derive('media auth').toString('base64url'),
    faults,
  });
  opened.push(() => media.close());
  const errors = createErrorLog(options.onError);
  const world = createWorld({
    ...{ identity, store, media, faults, errors },
    outboxes: await createOutboxes(store),
  });
  const server = await startWaServer(host, options.waPort ?? 0, (socket) => {
    acceptConnection(socket, identity.noise, world.timers, {
      onHello: (connection, payload) => onHello(world, connection, payload),
      onNode: (connection, stanza) => {
        options.onStanza?.(stanza);
        onNode(world, connection, stanza);
      },
      onClose: (connection) => onClose(world, connection),
      onError: errors.note,
    });
  });
  opened.push(() => server.close());
  const actions = createActions(world, createFaultDesk(world, server));
  const control = await startControlServer(actions, host, options.controlPort ?? 0);
  opened.push(
    () => control.close(),
    () => world.timers.stop(),
  );
  let stopping: Promise<void> | undefined;
  return {
    ...actions,
    url: control.url,
    waUrl: server.url,
    rootKey: identity.rootKey,
    caFile: identity.caFile,
    ca: identity.tls.cert,
    received: () => actions.messages({ limit: Number.MAX_SAFE_INTEGER }),
    stop() {
      stopping ??= closeAll(opened);
      return stopping;
    },
  };
}

function createWorld(
  parts: Pick<World, 'identity' | 'media' | 'faults' | 'errors' | 'outboxes'> & { store: Store },
): World {
  const { store, ...rest } = parts;
  return {
    ...rest,
    parties: createParties(store, parts.identity.derive),
    devices: createDevices(store),
    groups: createGroups(store),
    channels: createChannels(store),
    rules: createRules(),
    standings: createStandings(),
    staleDevices: new Map(),
    withheld: new Map(),
    aliases: new Map(),
    histories: new Map(),
    log: createTrafficLog(),
    timers: createTimers(),
    delays: { ...DEFAULT_DELAYS },
    pairing: createPairingDesk(),
    passkeys: createPasskeys(parts.identity.derive),
    connections: new Set(),
    online: new Map(),
    onlineSince: new Map(),
    heldBack: new Map(),
    settings: new Map(),
    pictures: new Map(),
    polls: new Map(),
    sentFiles: new Map(),
    people: new Map(),
    blocked: new Map(),
    subscriptions: new Map(),
  };
}

/** Backwards, one after another: the store is written when nothing changes it any more. */
async function closeAll(opened: Closing[]): Promise<void> {
  for (const close of opened.reverse()) await close();
}
