/** How the account stands with WhatsApp: what the server tells of it by itself, and what it is asked for. */
import type { BinaryNode, NewChatMessageCapInfo, ReachoutTimelockState } from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { NewChatCap, TimeLock } from '../engine.ts';
import { CHAT_REFUSED } from '../refusals.ts';
import { answered } from './devices.ts';
import type { Link, LinkControl } from './link-types.ts';

/** A lock without an end: WhatsApp's own client assumes this long. */
const LOCK_WITHOUT_END_MS = MINUTE_MS;
/** Several refusals of a moment ask once. */
const ASK_EVERY_MS = 10_000;
const MAX_NAME = 64;

/**
 * Tells `standing` whenever the server says something about it. It is asked when the socket is open, and after a refusal
 * that is about the account.
 */
export function followStanding(link: Link, control: LinkControl): void {
  const { sock, clock, closed } = link;
  let asking = false;
  let again = false;

  async function ask(): Promise<void> {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    again = false;
    // Baileys tells the lock as an event, too. Nobody's message depends on an answer.
    await answered(link, sock.fetchAccountReachoutTimelock()).catch(() => undefined);
    const cap = await answered(link, sock.fetchNewChatMessageCap()).catch(() => undefined);
    if (cap !== undefined) control.tell({ type: 'standing', newChatCap: readCap(cap) });
    const cancel = clock.setTimer(() => {
      asking = false;
      if (again) void ask();
    }, ASK_EVERY_MS);
    closed.addEventListener('abort', cancel, { once: true });
    if (closed.aborted) cancel();
  }

  sock.ev.on('connection.update', ({ connection, reachoutTimeLock }) => {
    if (reachoutTimeLock)
      control.tell({ type: 'standing', timeLock: readLock(reachoutTimeLock, clock.now()) });
    if (connection === 'open') void ask();
  });
  sock.ev.on('message-capping.update', (cap) => control.tell({ type: 'standing', newChatCap: readCap(cap) }));
  sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => {
    if (attrs.error === CHAT_REFUSED) void ask();
  });
}

/** The lock in force; null when there is none. */
export function readLock(state: ReachoutTimelockState, now: number): TimeLock | null {
  if (!state.isActive) return null;
  const end = state.timeEnforcementEnds?.getTime();
  const until = end !== undefined && Number.isFinite(end) ? end : now + LOCK_WITHOUT_END_MS;
  return until <= now ? null : { until, kind: String(state.enforcementType ?? 'DEFAULT').slice(0, MAX_NAME) };
}

/** The cap; null when the account has none. Numbers below 0 say that there is none, times are in seconds. */
export function readCap(info: NewChatMessageCapInfo | null): NewChatCap | null {
  const {
    total_quota: total,
    used_quota: used,
    capping_status: status,
    cycle_end_timestamp: end,
  } = info ?? {};
  const isNumber = typeof total === 'number' && Number.isFinite(total) && total > 0;
  if (!isNumber && status !== 'CAPPED') return null;
  const seconds = Number(end);
  return {
    total: isNumber ? Math.floor(total) : null,
    used: typeof used === 'number' && used > 0 ? Math.floor(used) : 0,
    status: String(status ?? 'NONE').slice(0, MAX_NAME),
    until: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : null,
  };
}
