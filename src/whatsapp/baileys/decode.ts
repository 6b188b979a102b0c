/** A decrypted protobuf message -> what the history keeps of it. */
import { extractMessageContent, getContentType, proto } from '@whiskeysockets/baileys';
import type { InboundContent } from '../content.ts';

/** Never throws for a message that protobuf can read; kinds we do not know keep their WhatsApp name. */
export function decodeContent(payload: Uint8Array): InboundContent {
  const content = extractMessageContent(proto.Message.decode(payload));
  const text = content?.conversation ?? content?.extendedTextMessage?.text;
  if (typeof text === 'string') return { type: 'text', text };
  return { type: 'unsupported', kind: (content && getContentType(content)) ?? 'unknown' };
}
