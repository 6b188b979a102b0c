import { join } from 'node:path';
import { type Actions, createActions } from './actions.ts';
import { acceptConnection } from './connection.ts';
import { type ControlServer, startControlServer } from './control.ts';
import { createDevices } from './devices.ts';
import { createFaultDesk } from './fault-actions.ts';
import { createFaults } from './faults.ts';
import { createGroups } from './groups.ts';
import { loadIdentity } from './identity.ts';
import { type MediaServer, startMediaServer } from './media.ts';
import { createTrafficLog } from './message-log.ts';
import { createOutboxes } from './outbox.ts';
import { createPairingDesk } from './pairing.ts';
import { createParties } from './party.ts';
import { createPasskeys } from './passkey.ts';
import { createRules } from './rules.ts';
import { onClose, onHello, onNode } from './session.ts';
import { openStore, type Store } from './store.ts';
import { createTimers } from './timers.ts';
import type { Delays, Received } from './types.ts';
import { startWaServer, type WaServer } from './wa-server.ts';
import type { World } from './world.ts';

export type { Fault } from './fault-actions.ts';
export type { Group } from './groups.ts';
export type { Received } from './types.ts';

/** Where the emulator listens and what it keeps. */
export interface EmulatorOptions {
  /** Address to listen on; loopback unless told otherwise. */
  host?: string;
  /** WebSocket port; 0 takes a free one. */
  waPort?: number;
  /** Port of the control API. */
  controlPort?: number;
  /** Port of the TLS media server. */
  mediaPort?: number;
  /** Folder in which the identity, links, Signal state and media survive a restart. */
  stateDir?: string;
}

/** A running WhatsApp Web server with everyone who is on it. */
export interface Emulator extends Actions {
  /** Base URL of the control API. */
  url: string;
  /** What `WA_SERVER_URL` takes. */
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

/** Starts an emulator. Rejects when a port is taken or the state cannot be read. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = '127.0.0.1', stateDir } = options;
  const identity = await loadIdentity(stateDir);
  const store = await openStore(stateDir);
  const faults = createFaults();
  const media = await startMediaServer({
    host,
    port: options.mediaPort ?? 0,
    directory: stateDir === undefined ? undefined : join(stateDir, 'media'),
    tls: identity.tls,
    auth: identity.derive('media auth').toString('base64url'),
    faults,
  });
  const world: World = {
    identity,
    media,
    faults,
    parties: createParties(store, identity.derive),
    devices: createDevices(store),
    outboxes: await createOutboxes(store),
    groups: createGroups(store),
    rules: createRules(),
    aliases: new Map(),
    log: createTrafficLog(),
    timers: createTimers(),
    delays: { ...DEFAULT_DELAYS },
    pairing: createPairingDesk(),
    passkeys: createPasskeys(identity.derive),
    connections: new Set(),
    online: new Map(),
    onlineSince: new Map(),
    heldBack: new Map(),
  };
  const server = await startWaServer(host, options.waPort ?? 0, (socket) => {
    acceptConnection(socket, identity.noise, world.timers, {
      onHello: (connection, payload) => onHello(world, connection, payload),
      onNode: (connection, stanza) => onNode(world, connection, stanza),
      onClose: (connection) => onClose(world, connection),
    });
  });
  const actions = createActions(world, createFaultDesk(world, server));
  const control = await startControlServer(actions, host, options.controlPort ?? 0);
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
      stopping ??= stopAll(world, { control, server, media, store });
      return stopping;
    },
  };
}

async function stopAll(
  world: World,
  parts: { control: ControlServer; server: WaServer; media: MediaServer; store: Store },
): Promise<void> {
  world.timers.stop();
  await Promise.all([parts.control.close(), parts.server.close(), parts.media.close()]);
  await parts.store.close();
  await world.identity.dispose();
}
