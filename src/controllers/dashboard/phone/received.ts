import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { ReceivedMessage } from '../../../services/sandbox/phones.ts';

/** The message as the phone shows it: the text as it decrypted it; of everything else what was sent, with its file. */
export function shownOf({ type, text, sent }: ReceivedMessage): Pick<MessageOutput, 'type' | 'content'> {
  if (type === 'text' && text !== undefined) return { type, content: { type, text } };
  return sent;
}
