/** One phone, however its number is written. */

/**
 * Whether two spellings (E.164 digits) mean one subscriber. WhatsApp keeps older forms of some countries' mobile
 * numbers: Brazil without the ninth digit, Mexico with a 1 and Argentina with a 9 after the country code.
 */
export function isSamePhone(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

function canonical(digits: string): string {
  return digits
    .replace(/^(55\d{2})9(\d{8})$/, '$1$2')
    .replace(/^521(\d{10})$/, '52$1')
    .replace(/^549(\d{10})$/, '54$1');
}
