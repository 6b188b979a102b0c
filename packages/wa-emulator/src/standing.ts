import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { answerChannels } from './channels.ts';
import { SERVER_JID } from './jids.ts';
import { child, node, unixSeconds } from './nodes.ts';
import { onlineConnections, type World } from './world.ts';

/** Error of an acknowledgement: the account may not start this chat. */
const REFUSED_CHAT = 463;
/** Names of WhatsApp's queries, as public clients have them. */
const LOCK_QUERY = '23983697327930364';
const CAP_QUERY = '24503548349331633';

export const CAPPING_STATUSES = ['NONE', 'FIRST_WARNING', 'SECOND_WARNING', 'CAPPED'] as const;

/** The account may not start new chats. */
export interface TimeLock {
  /** Seconds from now. */
  seconds: number;
  /** `DEFAULT` when missing. */
  kind?: string | undefined;
  /** The end is kept to the server. */
  hidesEnd?: boolean | undefined;
}

/** So many new chats may be started in a cycle. */
export interface ChatCap {
  total: number;
  /** Those of the cycle so far; 0 when missing. */
  used?: number | undefined;
  /** Seconds until the cycle ends; a week when missing. */
  seconds?: number | undefined;
  status?: (typeof CAPPING_STATUSES)[number] | undefined;
}

/** The parts to change: null ends one, a missing part stays. */
export interface StandingInput {
  phone: string;
  timeLock?: TimeLock | null | undefined;
  cap?: ChatCap | null | undefined;
  /** Linked devices are not told; they learn it when they ask. */
  silent?: boolean | undefined;
}

/** How an account stands with the server. */
export interface Standing {
  phone: string;
  timeLock: { until: string; kind: string } | null;
  cap: { total: number; used: number; until: string; status: string } | null;
  /** People with whom there is a chat. */
  chats: number;
}

interface Lock {
  until: number;
  kind: string;
  hidesEnd: boolean;
}

interface Cap {
  total: number;
  used: number;
  start: number;
  until: number;
  status: string;
}

interface Account {
  lock: Lock | null;
  cap: Cap | null;
  chats: Set<string>;
}

/** The accounts' standing, by phone. */
export interface Standings {
  set(input: StandingInput): Standing;
  describe(phone: string): Standing;
  /** The error that a message to that person meets, if any; counts a new chat. */
  refusalOf(phone: string, person: string): number | undefined;
  /** There is a chat between them now. */
  meet(phone: string, person: string): void;
  lockOf(phone: string): Lock | null;
  capOf(phone: string): Cap | null;
  reset(): void;
}

const WEEK_SECONDS = 604_800;

export function createStandings(): Standings {
  const accounts = new Map<string, Account>();
  const of = (phone: string): Account => {
    const known = accounts.get(phone) ?? { lock: null, cap: null, chats: new Set<string>() };
    accounts.set(phone, known);
    return known;
  };
  const lockOf = (phone: string) => {
    const { lock } = of(phone);
    return lock !== null && lock.until > Date.now() ? lock : null;
  };
  const capOf = (phone: string) => {
    const { cap } = of(phone);
    return cap !== null && cap.until > Date.now() ? cap : null;
  };
  const standings: Standings = {
    set({ phone, timeLock, cap }) {
      const account = of(phone);
      if (timeLock !== undefined) account.lock = timeLock && lockFrom(timeLock);
      if (cap !== undefined) account.cap = cap && capFrom(cap);
      return standings.describe(phone);
    },
    describe(phone) {
      const lock = lockOf(phone);
      const cap = capOf(phone);
      return {
        phone,
        timeLock: lock && { until: new Date(lock.until).toISOString(), kind: lock.kind },
        cap: cap && {
          total: cap.total,
          used: cap.used,
          until: new Date(cap.until).toISOString(),
          status: cap.status,
        },
        chats: of(phone).chats.size,
      };
    },
    refusalOf(phone, person) {
      if (of(phone).chats.has(person)) return undefined;
      if (lockOf(phone) !== null) return REFUSED_CHAT;
      const cap = capOf(phone);
      if (cap === null) return undefined;
      if (cap.used >= cap.total) return REFUSED_CHAT;
      cap.used += 1;
      return undefined;
    },
    meet: (phone, person) => void of(phone).chats.add(person),
    lockOf,
    capOf,
    reset: () => accounts.clear(),
  };
  return standings;
}

function lockFrom({ seconds, kind = 'DEFAULT', hidesEnd = false }: TimeLock): Lock {
  return { until: inSeconds(seconds), kind, hidesEnd };
}

function capFrom({ total, used = 0, seconds = WEEK_SECONDS, status = 'NONE' }: ChatCap): Cap {
  return { total, used, start: Date.now(), until: inSeconds(seconds), status };
}

/** The server knows whole seconds. */
function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000 + seconds) * 1000;
}

/** Answers what a client asks about its own account, and about channels. */
export function answerMex(world: World, phone: string, stanza: BinaryNode): BinaryNode[] {
  const query = child(stanza, 'query');
  const ofChannels = answerChannels(world, phone, query);
  if (ofChannels) return [node('result', {}, Buffer.from(JSON.stringify(ofChannels)))];
  const id = query?.attrs.query_id;
  const data = {
    ...(id === CAP_QUERY ? {} : { xwa2_fetch_account_reachout_timelock: lockFields(world, phone) }),
    ...(id === LOCK_QUERY ? {} : { xwa2_message_capping_info: capFields(world, phone) ?? NO_CAP }),
  };
  return [node('result', {}, Buffer.from(JSON.stringify({ data })))];
}

/** Tells the linked devices of that account how it stands now. */
export function tellStanding(world: World, { phone, timeLock, cap }: StandingInput): void {
  if (timeLock !== undefined) {
    notify(world, phone, 'NotificationUserReachoutTimelockUpdate', {
      xwa2_notify_account_reachout_timelock: lockFields(world, phone),
    });
  }
  if (cap !== undefined) {
    notify(world, phone, 'MessageCappingInfoNotification', {
      xwa2_notify_new_chat_messages_capping_info_update: capFields(world, phone) ?? NO_CAP,
    });
  }
}

const NO_CAP = { total_quota: -1, used_quota: 0, capping_status: 'NONE' };

function lockFields(world: World, phone: string) {
  const lock = world.standings.lockOf(phone);
  if (lock === null) return { is_active: false };
  return {
    is_active: true,
    ...(lock.hidesEnd ? {} : { time_enforcement_ends: String(lock.until / 1000) }),
    enforcement_type: lock.kind,
  };
}

function capFields(world: World, phone: string) {
  const cap = world.standings.capOf(phone);
  return (
    cap && {
      total_quota: cap.total,
      used_quota: cap.used,
      cycle_start_timestamp: String(Math.floor(cap.start / 1000)),
      cycle_end_timestamp: String(cap.until / 1000),
      server_sent_timestamp: unixSeconds(),
      ote_status: 'NOT_ELIGIBLE',
      mv_status: 'NOT_ELIGIBLE',
      capping_status: cap.used >= cap.total ? 'CAPPED' : cap.status,
    }
  );
}

function notify(world: World, phone: string, name: string, data: object): void {
  for (const connection of onlineConnections(world, phone)) {
    const id = randomBytes(8).toString('hex');
    connection.send(
      node('notification', { from: SERVER_JID, type: 'mex', id, t: unixSeconds() }, [
        node('update', { op_name: name }, Buffer.from(JSON.stringify({ data }))),
      ]),
    );
  }
}
