/** Messages that could not be opened and that our phone hands in when it was asked for them. */
import { type BinaryNode, proto, type WASocket } from '@whiskeysockets/baileys';
import { isGroupJid } from '../jid.ts';
import type { Inbound } from './inbound.ts';

/** Messages that one answer of the phone may hold. */
const MAX_HANDED_IN = 100;

/** Stores what the phone hands in, as if it had come by itself. Baileys reads these answers, and tells some of them only. */
export function followResent(sock: WASocket, inbound: Inbound, closed: AbortSignal): void {
  sock.ev.on('messages.upsert', ({ messages }) => {
    for (const { key, message } of messages) {
      const answer = message?.protocolMessage?.peerDataOperationRequestResponseMessage;
      if (!answer || !key.fromMe || closed.aborted) continue;
      for (const result of (answer.peerDataOperationResult ?? []).slice(0, MAX_HANDED_IN)) {
        const bytes = result.placeholderMessageResendResponse?.webMessageInfoBytes;
        if (bytes) take(bytes, sock, inbound);
      }
    }
  });
}

function take(bytes: Uint8Array, sock: WASocket, inbound: Inbound): void {
  try {
    const info = proto.WebMessageInfo.decode(bytes);
    const stanza = stanzaOf(info, sock.authState.creds.me?.id);
    if (!stanza || !info.message) return;
    const payload = proto.Message.encode(info.message).finish();
    // Where it cannot be stored the socket goes; the placeholder stays.
    void inbound.take(stanza, payload).catch(() => undefined);
  } catch {
    // It is no message: the placeholder stays.
  }
}

/** The attributes with which the message would have come; null for what names no message of a conversation. */
function stanzaOf(
  { key, messageTimestamp, pushName }: proto.IWebMessageInfo,
  me: string | undefined,
): BinaryNode | null {
  const { id, remoteJid, fromMe, participant } = key ?? {};
  if (!id || !remoteJid || !me) return null;
  const common = {
    id,
    t: String(messageTimestamp ?? ''),
    ...(pushName ? { notify: pushName } : {}),
  };
  if (isGroupJid(remoteJid)) {
    const author = fromMe ? me : participant;
    return author ? { tag: 'message', attrs: { ...common, from: remoteJid, participant: author } } : null;
  }
  const whose = fromMe ? { from: me, recipient: remoteJid } : { from: remoteJid };
  return { tag: 'message', attrs: { ...common, ...whose } };
}
