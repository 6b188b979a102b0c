/**
 * `npm run bench -- campaign [codes|freeze] [contacts]`: a
 * campaign to 100,000 contacts. `codes`: how long a code takes to the phone while the campaign runs on the same session, with
 * the emulated WhatsApp and nothing that paces either, beside a bare Baileys client's message at the same moments. `freeze`:
 * the start until all recipients are frozen, and the statistics when everybody has a message, with the event loop's longest
 * delay and the slowest answers.
 */
import { benchCodes } from './campaign/codes.ts';
import { readContacts } from './campaign/contacts.ts';

const wanted = process.argv.slice(2).find((word) => !/^\d+$/.test(word));
if (wanted === undefined || wanted === 'codes') await benchCodes(readContacts());
if (wanted === undefined || wanted === 'freeze') await import('./campaign/freeze.ts');
