import {
  assignLabel,
  type ChatSettings,
  chatsOf,
  type LabelSettings,
  labelsOf,
  setChat,
  setLabel,
  setLabels,
  setStar,
  starsOf,
} from './app-state.ts';
import type { Assertion, PasskeyKey, RequestOptions } from './authenticator.ts';
import type { Channel, ChannelInput } from './channels.ts';
import { ControlError } from './control-error.ts';
import { type Device, deviceJid, deviceKey } from './devices.ts';
import type { OwnError } from './errors.ts';
import type { Fault, FaultDesk } from './fault-actions.ts';
import { actInGroup, type GroupAct } from './group-acts.ts';
import type { Group } from './groups.ts';
import type { PhoneHistory } from './history.ts';
import { type DeliverInput, deliverInbound } from './inbound.ts';
import { lidJid } from './jids.ts';
import { tellIdentityChange } from './key-faults.ts';
import { expireFile, type PhoneAnswer } from './media-retry.ts';
import type { MessageFilter } from './message-log.ts';
import { releaseHeldBack } from './outbound.ts';
import { type OwnInput, sendFromPhone } from './own-phone.ts';
import { enterPairingCode, type PairInput } from './pairing-code.ts';
import { type ScanInput, scanQr } from './pairing-qr.ts';
import type { PasskeyFault, PasskeyInfo } from './passkey.ts';
import { type Person, type PresenceInput, ring, showPresence } from './people.ts';
import { playPicture } from './pictures.ts';
import { markRead } from './receive.ts';
import { BEHAVIOUR_FORMS, parseBehaviour } from './rules.ts';
import { type Standing, type StandingInput, tellStanding } from './standing.ts';
import type { Activity, Delays, Inbound, Received, SessionInfo, Stanza } from './types.ts';
import type { World } from './world.ts';

/** A device that was just linked. */
export interface Linked {
  phone: string;
  device: number;
  jid: string;
  lid: string;
}

/** Counts since the start or the last reset. */
export interface Health {
  ok: true;
  connections: number;
  online: number;
  linked: number;
  waitingForPairing: number;
  recipients: number;
  messages: number;
  stanzas: number;
  faults: Record<string, unknown>;
}

/** The account wants a passkey first: the linking goes on when the client hands in a signature. */
export interface Asked {
  phone: string;
  passkey: 'asked';
}

/** Every action on an emulator and every question to it; the HTTP control API has the same ones, one to one. */
export interface Actions {
  /**
   * Plays the phone that scans a QR; resolves once the client is linked, or at once when the account asks for a passkey.
   * Rejects when the QR is malformed (400), unknown or expired (404), or the client fails meanwhile (409).
   */
  scan(input: ScanInput): Promise<Linked | Asked>;
  /**
   * Types a pairing code into that phone; waits up to 3 s for the client's request. Rejects when the code is wrong (400),
   * no client asked for one (404), or the client fails meanwhile (409).
   */
  pair(input: PairInput): Promise<Linked | Asked>;
  /** Makes an account ask for a passkey before a device is linked; `fault` happens once. */
  setPasskey(input: { number: string; passkey: boolean; fault?: PasskeyFault | undefined }): PasskeyInfo;
  /**
   * The answer of the browser of that account's owner; without `phone` the owner of the passkey that the options allow.
   * Throws when the options are not for that passkey (400).
   */
  signPasskey(input: {
    phone?: string | undefined;
    options: RequestOptions;
    origin?: string | undefined;
  }): Assertion;
  /**
   * How far the linking of that account is, and what was refused last. With `label` the newest linking that was begun
   * with it; throws when there is none (404).
   */
  passkey(input: { phone: string } | { label: string }): PasskeyInfo;
  /** The key of that account's passkey, so that a real browser can hold it in a virtual authenticator. */
  passkeyKey(input: { phone: string }): PasskeyKey;
  /** Messages that recipients received and decrypted, oldest first. */
  messages(filter?: MessageFilter): Received[];
  /** Every message stanza the server saw, oldest first. */
  stanzas(filter?: {
    from?: string | undefined;
    to?: string | undefined;
    limit?: number | undefined;
  }): Stanza[];
  /**
   * Sends a message of a simulated person to a linked device; it waits while the client is away. Rejects when no device is
   * linked to `to` (404) or a field is missing (400).
   */
  deliver(input: DeliverInput): Promise<{ ids: string[] }>;
  /**
   * The owner of a session sends a message from the phone: the recipients get it, and every linked device its copy. Rejects
   * when no device is linked to that phone (404) or a field is missing (400).
   */
  sendFromPhone(input: OwnInput): Promise<{ id: string }>;
  /** Messages of simulated persons and what became of them. */
  inbound(filter?: {
    to?: string | undefined;
    from?: string | undefined;
    id?: string | undefined;
  }): Inbound[];
  /** Presence, typing and receipts of the clients. */
  activity(filter?: { phone?: string | undefined; kind?: string | undefined }): Activity[];
  /** The recipient reads that message now. Throws when nobody received it (404). */
  read(input: { id: string; to?: string | undefined }): { read: number };
  /** Sets how a number behaves with messages, keys and the directory; `*` is every number without a rule. Throws on an unknown behaviour (400). */
  setRule(input: { number: string; behaviour: string }): { number: string; behaviour: string };
  /**
   * How an account stands: whether it may start new chats, and how many in a cycle. A chat that it may not start is refused
   * with 463. Its linked devices are told, unless `silent`.
   */
  setStanding(input: StandingInput): Standing;
  /** How that account stands, and how many people it has a chat with. */
  standing(input: { phone: string }): Standing;
  /** The directory knows the number `alias` as the account `phone`. */
  setAlias(input: { alias: string; phone: string }): { alias: string; phone: string };
  /** Sets the history that this phone gives the next device that links it: its chats, in so many pieces. */
  setHistory(input: PhoneHistory): { phone: string; chats: number };
  /** Tells a session that a contact has new identity keys. */
  changeIdentity(input: { to: string; from: string }): { told: number };
  /** The group is gone for everybody. */
  removeGroup(input: { id: string }): { removed: number };
  /** The rules in force. */
  rules(): Array<{ number: string; behaviour: string; timesLeft?: number }>;
  /** Brings about a fault; resolves with how many connections (devices, for `logout`) it met. */
  fault(fault: Fault): Promise<{ affected: number }>;
  /** What went wrong in the emulator itself since the start or the last reset, oldest first: the last hundred. */
  errors(): OwnError[];
  /** Linked devices. */
  sessions(): SessionInfo[];
  /** A new group; `creator` is the first participant and the addressing `lid` unless told otherwise. */
  createGroup(input: {
    subject: string;
    participants: string[];
    creator?: string | undefined;
    addressing?: 'pn' | 'lid' | undefined;
  }): Group;
  /** All groups. */
  groups(): Group[];
  /**
   * A simulated person does something in a group, as `from`; its members' clients are told. Throws what WhatsApp would
   * answer that person (403, 404 …).
   */
  actInGroup(input: GroupAct): Group;
  /** A new channel (newsletter). */
  createChannel(input: ChannelInput): Channel;
  /** All channels. */
  channels(): Channel[];
  /** The channel is gone for everybody. Throws when there is none (404). */
  removeChannel(input: { id: string }): { removed: string };
  /** What a person tells of itself: its about text, and as a business its profile. */
  setPerson(input: { phone: string } & Person): Person;
  /** Somebody comes online, goes, types or records; how many clients that have subscribed were told. */
  showPresence(input: PresenceInput): { told: number };
  /** Somebody calls an account: how many of its clients ring. */
  call(input: { to: string; from: string; video?: boolean | undefined }): { id: string; rang: number };
  /** How an account keeps its chats, as its linked devices and its phone have set. Rejects when a client wrote nonsense. */
  chats(input: { phone: string }): Promise<Record<string, ChatSettings>>;
  /** Changes on the phone how it keeps a chat (digits or a JID); its linked devices are told. */
  setChat(input: {
    phone: string;
    chat: string;
    archived?: boolean | undefined;
    pinned?: boolean | undefined;
    mutedUntil?: number | undefined;
    read?: boolean | undefined;
  }): Promise<Record<string, ChatSettings>>;
  /** The labels of an account by their ids, with what they are on. Rejects when a client wrote nonsense. */
  labels(input: { phone: string }): Promise<Record<string, LabelSettings>>;
  /** Makes, changes or deletes a label on the phone; its linked devices are told. */
  setLabel(input: {
    phone: string;
    label: string;
    name: string;
    color?: number | undefined;
    deleted?: boolean | undefined;
  }): Promise<Record<string, LabelSettings>>;
  /** Makes labels on the phone itself, all at once. */
  setLabels(input: {
    phone: string;
    labels: readonly { label: string; name: string; color: number }[];
  }): Promise<void>;
  /** Puts a label on a chat (digits or a JID) or a message of it on the phone, or takes it away. */
  assignLabel(input: {
    phone: string;
    label: string;
    chat: string;
    messageId?: string | undefined;
    labeled?: boolean | undefined;
  }): Promise<Record<string, LabelSettings>>;
  /** The messages that an account has starred, as `chat id`. Rejects when a client wrote nonsense. */
  stars(input: { phone: string }): Promise<string[]>;
  /** Stars a message of a chat (digits or a JID) on the phone, or ends that; its linked devices are told. */
  setStar(input: {
    phone: string;
    chat: string;
    id: string;
    /** The account has sent it. */
    fromMe?: boolean | undefined;
    /** True when missing. */
    starred?: boolean | undefined;
  }): Promise<string[]>;
  /** The media server forgets the file of an inbound message; `phone` says what the phone does when it is asked for it. */
  expireFile(input: { id: string; phone?: PhoneAnswer | undefined }): { expired: string };
  /** Whom an account blocks. */
  blocked(input: { phone: string }): string[];
  /** Gives a person (digits) or a group (JID) a profile picture, a JPEG in base64; null takes it away. */
  setPicture(input: { of: string; data: string | null }): { id: string | null };
  /** Changes how fast recipients are, milliseconds; answers what holds then. */
  settings(changes: { [K in keyof Delays]?: Delays[K] | undefined }): Delays;
  /** Counts since the start or the last reset, and the faults in force. */
  health(): Health;
  /** Forgets traffic, rules and faults; with `devices` also links, groups and Signal sessions. */
  reset(input?: { devices?: boolean | undefined }): Promise<void>;
}

/** The actions of one emulator. */
export function createActions(world: World, faultDesk: FaultDesk): Actions {
  return {
    scan: async (input) => describeResult(input, await scanQr(world, input)),
    pair: async (input) => describeResult(input, await enterPairingCode(world, input)),
    setPasskey({ number, passkey, fault }) {
      world.passkeys.set(number, passkey, fault);
      return world.passkeys.describe(number);
    },
    signPasskey: ({ phone, options, origin }) => world.passkeys.sign(phone, options, origin),
    passkey: (input) =>
      world.passkeys.describe('phone' in input ? input.phone : world.passkeys.phoneOf(input.label)),
    passkeyKey: ({ phone }) => world.passkeys.account(phone).authenticator.exportKey(),
    messages: (filter = {}) => world.log.messages.list(filter),
    stanzas: ({ from, to, limit } = {}) =>
      world.log.stanzas.list(
        (stanza) => (from === undefined || stanza.from === from) && (to === undefined || stanza.to === to),
        limit,
      ),
    deliver: async (input) => ({ ids: await deliverInbound(world, input) }),
    sendFromPhone: async (input) => ({ id: await sendFromPhone(world, input) }),
    inbound: (filter = {}) => world.log.inbound.list(filter),
    activity: ({ phone, kind } = {}) =>
      world.log.activities.list(
        (entry) =>
          (phone === undefined || entry.phone === phone) && (kind === undefined || entry.kind === kind),
      ),
    read: (input) => ({ read: readMessages(world, input) }),
    setRule: (input) => applyRule(world, input),
    setStanding(input) {
      const standing = world.standings.set(input);
      if (!input.silent) tellStanding(world, input);
      return standing;
    },
    standing: ({ phone }) => world.standings.describe(phone),
    setAlias({ alias, phone }) {
      world.aliases.set(alias, phone);
      return { alias, phone };
    },
    setHistory(history) {
      world.histories.set(history.phone, history);
      for (const chat of history.chats) world.standings.meet(history.phone, chat.phone);
      return { phone: history.phone, chats: history.chats.length };
    },
    changeIdentity: (input) => ({ told: tellIdentityChange(world, input) }),
    removeGroup({ id }) {
      const group = world.groups.get(id);
      if (!group) {
        throw new ControlError(404, `id: there is no group ${id}`);
      }
      const removed = group.participants.length;
      world.groups.save({ ...group, participants: [] });
      return { removed };
    },
    rules: () => world.rules.list(),
    fault: async (fault) => ({ affected: await faultDesk.bring(fault) }),
    errors: () => world.errors.list(),
    sessions: () => world.devices.all().map((device) => describeSession(world, device)),
    createGroup: ({ subject, participants, creator, addressing }) => {
      const first = creator ?? participants[0];
      if (first === undefined) {
        throw new ControlError(400, 'participants: at least one is needed');
      }
      return world.groups.create({
        subject,
        participants,
        creator: first,
        ...(addressing ? { addressing } : {}),
      });
    },
    groups: () => world.groups.list(),
    actInGroup: (input) => actInGroup(world, input),
    createChannel: (input) => world.channels.create(input),
    channels: () => world.channels.list(),
    removeChannel({ id }) {
      if (!world.channels.remove(id)) throw new ControlError(404, `id: there is no channel ${id}`);
      return { removed: id };
    },
    setPerson({ phone, ...person }) {
      const known = { ...world.people.get(phone), ...person };
      world.people.set(phone, known);
      return known;
    },
    showPresence: (input) => ({ told: showPresence(world, input) }),
    call: (input) => ring(world, input),
    chats: ({ phone }) => chatsOf(world, phone),
    async setChat({ phone, chat, ...changes }) {
      await setChat(world, phone, chat, changes);
      return chatsOf(world, phone);
    },
    labels: ({ phone }) => labelsOf(world, phone),
    setLabels: ({ phone, labels }) => setLabels(world, phone, labels),

    async setLabel({ phone, color = 0, deleted = false, ...label }) {
      await setLabel(world, phone, { ...label, color, deleted });
      return labelsOf(world, phone);
    },
    async assignLabel({ phone, labeled = true, ...use }) {
      await assignLabel(world, phone, { ...use, labeled });
      return labelsOf(world, phone);
    },
    stars: ({ phone }) => starsOf(world, phone),
    async setStar({ phone, ...star }) {
      await setStar(world, phone, star);
      return starsOf(world, phone);
    },
    expireFile(input) {
      expireFile(world, input);
      return { expired: input.id };
    },
    blocked: ({ phone }) => [...(world.blocked.get(phone) ?? [])],
    setPicture: ({ of, data }) => ({
      id: playPicture(world, of, data === null ? null : Buffer.from(data, 'base64')),
    }),
    settings: (changes) => changeDelays(world.delays, changes),
    health: () => describeHealth(world),
    async reset({ devices } = {}) {
      world.log.reset();
      world.errors.reset();
      world.rules.reset();
      world.passkeys.reset();
      world.standings.reset();
      world.staleDevices.clear();
      world.withheld.clear();
      world.aliases.clear();
      world.histories.clear();
      world.pictures.clear();
      world.people.clear();
      world.blocked.clear();
      world.heldBack.clear();
      world.polls.clear();
      world.sentFiles.clear();
      await faultDesk.bring({ kind: 'clear' });
      if (devices) {
        forgetDevices(world);
      }
    },
  };
}

function describeResult({ phone }: { phone: string }, device: Device | null): Linked | Asked {
  return device ? describeLinked(device) : { phone, passkey: 'asked' };
}

function describeLinked(device: Device): Linked {
  return {
    phone: device.phone,
    device: device.id,
    jid: deviceJid(device),
    lid: lidJid(device.phone, device.id),
  };
}

function describeSession(world: World, device: Device): SessionInfo {
  const since = world.onlineSince.get(deviceKey(device));
  return {
    ...describeLinked(device),
    name: device.name,
    platform: device.platform,
    platformType: device.platformType ?? 'UNKNOWN',
    connected: since !== undefined,
    pairedAt: device.pairedAt,
    ...(since ? { connectedAt: since.toISOString() } : {}),
    preKeys: device.preKeys.length,
    pending: world.outboxes.of(device).list().length,
  };
}

function readMessages(world: World, { id, to }: { id: string; to?: string | undefined }): number {
  const entries = world.log.messages.byId(id).filter((entry) => to === undefined || entry.to === to);
  if (entries.length === 0) {
    throw new ControlError(404, `id: nobody received ${id}`);
  }
  return entries.filter((entry) => markRead(world, entry)).length;
}

function applyRule(world: World, { number, behaviour }: { number: string; behaviour: string }) {
  const parsed = parseBehaviour(behaviour);
  if (!parsed) {
    throw new ControlError(400, `behaviour: one of ${BEHAVIOUR_FORMS}`);
  }
  world.rules.set(number, parsed.behaviour, parsed.times);
  releaseHeldBack(world);
  return { number, behaviour };
}

function changeDelays(delays: Delays, changes: { [K in keyof Delays]?: Delays[K] | undefined }): Delays {
  delays.receiptDelayMs = changes.receiptDelayMs ?? delays.receiptDelayMs;
  delays.readDelayMs = changes.readDelayMs ?? delays.readDelayMs;
  delays.autoRead = changes.autoRead ?? delays.autoRead;
  return { ...delays };
}

function describeHealth(world: World): Health {
  return {
    ok: true,
    connections: world.connections.size,
    online: world.online.size,
    linked: world.devices.all().length,
    waitingForPairing: world.pairing.byConnection.size,
    recipients: world.parties.count(),
    messages: world.log.messages.count(),
    stanzas: world.log.stanzas.total(),
    faults: world.faults.describe(),
  };
}

function forgetDevices(world: World): void {
  for (const connection of world.connections) {
    connection.destroy();
  }
  world.devices.reset();
  world.settings.clear();
  world.outboxes.reset();
  world.groups.reset();
  world.channels.reset();
  world.parties.reset();
}
