/** How the account stands with WhatsApp: what the server tells of it by itself, and what it is asked for. */
import type { BinaryNode, ReachoutTimelockState } from '@whiskeysockets/baileys';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { NewChatCap, TimeLock } from '../engine.ts';
import { CHAT_REFUSED } from '../refusals.ts';
import { answered } from './devices.ts';
import type { Link, LinkControl } from './link-types.ts';

/** A lock without an end: WhatsApp's own client assumes this long. */
const LOCK_WITHOUT_END_MS = MINUTE_MS;
/** WhatsApp counts new chats by the month: an end that lies further away is none that it has named. */
const MAX_CYCLE_MS = 60 * DAY_MS;
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
    try {
      // Baileys tells the lock as an event, too. Nobody's message depends on an answer.
      await answered(link, sock.fetchAccountReachoutTimelock()).catch(() => undefined);
      tellCap(await answered(link, sock.fetchNewChatMessageCap()));
    } catch {
      // Nothing is told, and what is known stays: the next connection asks again.
    } finally {
      rest();
    }
  }

  function rest(): void {
    const cancel = clock.setTimer(() => {
      closed.removeEventListener('abort', cancel);
      asking = false;
      if (again) void ask();
    }, ASK_EVERY_MS);
    closed.addEventListener('abort', cancel, { once: true });
    if (closed.aborted) cancel();
  }

  function tellCap(answer: unknown): void {
    const newChatCap = readCap(answer, clock.now());
    if (newChatCap !== undefined) control.tell({ type: 'standing', newChatCap });
  }

  sock.ev.on('connection.update', ({ connection, reachoutTimeLock }) => {
    if (reachoutTimeLock)
      control.tell({ type: 'standing', timeLock: readLock(reachoutTimeLock, clock.now()) });
    if (connection === 'open') void ask();
  });
  sock.ev.on('message-capping.update', tellCap);
  sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => {
    if (attrs.error === CHAT_REFUSED) void ask();
  });
}

/** The lock in force; null when the server says that there is none. An end that is missing, odd or over is no end. */
export function readLock(state: ReachoutTimelockState, now: number): TimeLock | null {
  if (!state.isActive) return null;
  const end = state.timeEnforcementEnds?.getTime();
  const isEnd = end !== undefined && Number.isFinite(end) && end > now;
  return { until: isEnd ? end : now + LOCK_WITHOUT_END_MS, kind: nameIn(state.enforcementType) ?? 'DEFAULT' };
}

/**
 * The cap; null when the server says that the account has none (a total of -1 or 0, or another status than CAPPED without a
 * total), undefined when the answer cannot be read and so tells nothing. Numbers may come as strings; times are in seconds,
 * and an end that is over or further away than MAX_CYCLE_MS counts as missing.
 */
export function readCap(answer: unknown, now: number): NewChatCap | null | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { total_quota, used_quota, capping_status, cycle_end_timestamp }: Record<string, unknown> = {
    ...answer,
  };
  const total = numberIn(total_quota);
  const status = nameIn(capping_status);
  const isCapped = status === 'CAPPED';
  if (total === null && !isCapped) return undefined;
  const hasTotal = total !== null && total > 0;
  if (!hasTotal && !isCapped) return null;
  const endMs = (numberIn(cycle_end_timestamp) ?? 0) * 1000;
  return {
    total: hasTotal ? Math.floor(total) : null,
    used: Math.max(0, Math.floor(numberIn(used_quota) ?? 0)),
    status: status ?? 'NONE',
    until: endMs > now && endMs <= now + MAX_CYCLE_MS ? Math.floor(endMs) : null,
  };
}

function numberIn(value: unknown): number | null {
  const isSome = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '');
  const number = isSome ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : null;
}

function nameIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_NAME) : null;
}
