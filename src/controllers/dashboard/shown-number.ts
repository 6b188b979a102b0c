/** How every page writes a phone number. */
import { formatE164 } from '../../utils/phone.ts';
import { phoneOf } from '../../whatsapp/jid.ts';

/** Digits with `+`, as forms take them back; what is no number, such as a hidden one, as it is. */
export const shownNumber = (number: string): string => (/^\d+$/.test(number) ? formatE164(number) : number);

/** The number of a JID; the JID itself where it tells none. */
export const shownJid = (jid: string): string => shownNumber(phoneOf(jid) ?? jid);
