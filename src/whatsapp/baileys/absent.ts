/** Placeholders that stayed: each login asks the phone again for the messages behind them. */
import { proto } from '@whiskeysockets/baileys';
import { between, retry } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { AbsentMessage, EngineCallbacks } from '../engine.ts';
import { isSharedJid, lidJid, phoneJid } from '../jid.ts';
import type { Link } from './link-types.ts';

/** Messages that one login asks for. */
const MAX_ASKED = 50;
/** Pauses between two questions, so that they are no burst. */
const PAUSE_MS = [1_000, 3_000] as const;
/** How long the list may take, and pauses when it cannot be read. */
const LIST = { range: { firstMs: 1_000, maxMs: 30_000 }, timeoutMs: 10 * MINUTE_MS };

type Callbacks = Pick<Required<EngineCallbacks>, 'findAbsent'>;

const { PLACEHOLDER_MESSAGE_RESEND } = proto.Message.PeerDataOperationRequestType;

/**
 * Asks for them once the session is open, one after the other, until the socket ends. What cannot be asked for now waits for the next
 * login, as its row stays.
 */
export function followAbsent(link: Link, callbacks: Callbacks): void {
  link.sock.ev.on('connection.update', ({ connection }) => {
    if (connection === 'open') void askForAll(link, callbacks).catch(() => undefined);
  });
}

async function askForAll(link: Link, { findAbsent }: Callbacks): Promise<void> {
  const { account, clock, closed, sock } = link;
  const all = await retry(() => findAbsent(account.id), { clock, signal: closed, ...LIST });
  for (const one of pick(all, MAX_ASKED)) {
    if (closed.aborted) return;
    await sock.sendPeerDataOperationMessage({
      peerDataOperationRequestType: PLACEHOLDER_MESSAGE_RESEND,
      placeholderMessageResendRequest: keysOf(one).map((messageKey) => ({ messageKey })),
    });
    await sleep(clock, between(...PAUSE_MS, Math.random()), closed);
  }
}

/** Any of them: of more than one login asks for, none is always left out. */
function pick<T>(all: readonly T[], count: number): T[] {
  const left = [...all];
  const picked: T[] = [];
  while (picked.length < count && left.length > 0) {
    picked.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  }
  return picked;
}

/** The phone keeps the chat under one of the names of its other side. */
function keysOf({ messageId: id, chat, author, phone, lid }: AbsentMessage): proto.IMessageKey[] {
  const key = { id, fromMe: false };
  if (isSharedJid(chat)) return [{ ...key, remoteJid: chat, participant: author }];
  const names = [...(lid === null ? [] : [lidJid(lid)]), ...(phone === null ? [] : [phoneJid(phone)])];
  return (names.length === 0 ? [chat] : names).map((remoteJid) => ({ ...key, remoteJid }));
}
