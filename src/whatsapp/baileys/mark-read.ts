import type { WASocket } from '@whiskeysockets/baileys';
import type { ReadMessage } from '../engine.ts';

/**
 * Sends read receipts; whether the senders see them is the phone owner's privacy setting. Rejects when a query fails.
 */
export async function markRead(
  sock: Pick<WASocket, 'readMessages'>,
  messages: readonly ReadMessage[],
): Promise<void> {
  await sock.readMessages(
    messages.map(({ messageId, chat, participant }) => ({
      id: messageId,
      remoteJid: chat,
      fromMe: false,
      ...(participant === null ? {} : { participant }),
    })),
  );
}
