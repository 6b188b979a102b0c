import type { SocketConfig } from '@whiskeysockets/baileys';
import type { Logger } from '../../utils/logger.ts';
import { FAILED_RESEND } from './resends.ts';

type BaileysLogger = SocketConfig['logger'];

const MAX_LENGTH = 200;

/**
 * The logger that Baileys gets: its warnings and errors become debug lines, as bare sentences. The objects that
 * come with them hold keys, stanzas and phone numbers and go nowhere. `onFailedResend` hears of a resend that has failed.
 */
export function createQuietLogger(
  logger: Logger,
  onFailedResend: (facts: unknown) => void = () => undefined,
): BaileysLogger {
  const say = (first: unknown, second?: string) => {
    if (second === FAILED_RESEND) onFailedResend(first);
    const text = second ?? (typeof first === 'string' ? first : null);
    if (text !== null) logger.debug(`baileys: ${withoutNumbers(text).slice(0, MAX_LENGTH)}`);
  };
  const silent = () => undefined;
  const quiet: BaileysLogger = {
    level: 'warn',
    child: () => quiet,
    trace: silent,
    debug: silent,
    info: silent,
    warn: say,
    error: say,
  };
  return quiet;
}

/** Phone numbers, LIDs and message ids inside a sentence. */
function withoutNumbers(text: string): string {
  return text.replaceAll(/[0-9A-F]{7,}/gi, '…');
}
