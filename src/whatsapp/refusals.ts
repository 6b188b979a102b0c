/** The meaning of the codes in WhatsApp's error acknowledgements, as far as it is known: the one place that says it. */

/**
 * The account may not start this chat: it is restricted, or it has no token of trust for this person. It says something
 * about the sender, and another try counts as another chat that it wanted to start.
 */
export const CHAT_REFUSED = '463';

/**
 * The message does not fit the devices or the address of its recipient, as when these have changed. It says nothing about
 * the sender, and nothing about anybody else.
 */
export const RECIPIENT_STALE = '479';

const MEANINGS: ReadonlyMap<string, string> = new Map([
  [CHAT_REFUSED, 'WhatsApp does not let this number start a chat with the recipient'],
  [
    RECIPIENT_STALE,
    'WhatsApp did not accept the devices or the address of the recipient, also when asked for again',
  ],
]);

/** The meaning in words, in English. */
export function explainRefusal(code: string): string {
  return MEANINGS.get(code) ?? `WhatsApp refused the message (${code})`;
}
