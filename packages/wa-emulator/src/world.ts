import type { Settings } from './app-state.ts';
import type { Channels } from './channels.ts';
import type { Connection } from './connection.ts';
import type { Devices } from './devices.ts';
import type { ErrorLog } from './errors.ts';
import type { StandingFaults } from './faults.ts';
import type { Groups } from './groups.ts';
import type { PhoneHistory } from './history.ts';
import type { ServerIdentity } from './identity.ts';
import type { MediaServer } from './media.ts';
import type { SentFile } from './media-retry.ts';
import type { TrafficLog } from './message-log.ts';
import type { Outboxes } from './outbox.ts';
import type { PairingDesk } from './pairing.ts';
import type { Parties } from './party.ts';
import type { Passkeys } from './passkey.ts';
import type { Withheld } from './peer.ts';
import type { Person } from './people.ts';
import type { Picture } from './pictures.ts';
import type { Poll } from './polls.ts';
import type { Rules } from './rules.ts';
import type { Standings } from './standing.ts';
import type { Timers } from './timers.ts';
import type { Delays } from './types.ts';

/** The state of one emulator, handed to everything that acts on it. */
export interface World {
  identity: ServerIdentity;
  parties: Parties;
  devices: Devices;
  outboxes: Outboxes;
  groups: Groups;
  channels: Channels;
  media: MediaServer;
  rules: Rules;
  /** How the accounts stand with the server: what they may do, and whom they know. */
  standings: Standings;
  /** Numbers whose devices a client had wrong: what it was told, until it has asked for them. */
  staleDevices: Map<string, 'refused' | 'asked'>;
  /** Numbers under another spelling than their account's: the account by the number that is dialled. */
  aliases: Map<string, string>;
  faults: StandingFaults;
  errors: ErrorLog;
  log: TrafficLog;
  timers: Timers;
  delays: Delays;
  pairing: PairingDesk;
  passkeys: Passkeys;
  /** The histories that phones give the devices that link them, by phone. */
  histories: Map<string, PhoneHistory>;
  /** All open sockets. */
  connections: Set<Connection>;
  /** The socket of each linked device that is logged in, by `phone:device`. */
  online: Map<string, Connection>;
  /** When each of those logged in. */
  onlineSince: Map<string, Date>;
  /** Messages the server holds because the recipient's phone is off, by phone. */
  heldBack: Map<string, Array<() => void>>;
  /** Messages behind placeholders, which their phone hands in when a device asks, by id. */
  withheld: Map<string, Withheld>;
  /** The settings of accounts, by phone. */
  settings: Map<string, Settings>;
  /** What people tell of themselves, by phone. */
  people: Map<string, Person>;
  /** Whom accounts block, by phone. */
  blocked: Map<string, Set<string>>;
  /** Whose presence each device wants to hear of, by `phone:device`. */
  subscriptions: Map<string, Set<string>>;
  /** Files of messages that came in, by the id of the message. */
  sentFiles: Map<string, SentFile>;
  /** Polls that people got, by id. */
  polls: Map<string, Poll>;
  /** Profile pictures, by phone or by a group's JID. */
  pictures: Map<string, Picture>;
}

/** The logged-in connections, of one phone or of all. */
export function onlineConnections(world: World, phone: string | undefined): Connection[] {
  return [...world.online.values()].filter(
    (connection) => phone === undefined || connection.device?.phone === phone,
  );
}

/** A number evenly from a range. */
export function pick([low, high]: [number, number]): number {
  return low + Math.random() * (high - low);
}
