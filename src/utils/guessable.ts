/** Secrets and passwords that a stranger would try first. */

/** Fewer different characters than this in a secret: a key that was held down, not one that was made. */
const MIN_DISTINCT = 8;

/** Why a secret can be guessed outright: it has few different characters. Null for any other. */
export function guessableSecret(value: string): string | null {
  const distinct = new Set(value).size;
  return distinct < MIN_DISTINCT ? `consists of only ${distinct} different characters` : null;
}

/** True for a secret that was typed and not made: a shorter text repeated, or a row such as 0123456789. */
export function isTyped(value: string): boolean {
  return isRepeated(value) || isRow(value);
}

function isRepeated(value: string): boolean {
  return value.length > 1 && (value + value).indexOf(value, 1) < value.length;
}

/** Words that the lists of leaked passwords have at their tops, and the words of this service. */
const COMMON = (
  'password passw pass passwort admin administrator root user test guest ' +
  'welcome letmein login master secret changeme default qwerty qwertyuiop qwertz ' +
  'azerty asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx iloveyou sayang indonesia rahasia ' +
  'bismillah dragon monkey football baseball superman batman sunshine princess shadow ' +
  'trustno abc abcd abcdef wahub whatsapp gateway'
).split(' ');
const LONGEST_WORD = 13;
const LEET: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
};

function lastLetterOf(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && !/[a-z]/.test(text[at] ?? '')) at--;
  return at;
}

/**
 * Why a password is among the first that are tried: a row or a repetition, digits only, or a common word (also with
 * digits and signs around it and in their place). Null for any other; nothing is said of its strength.
 */
export function guessablePassword(password: string, email?: string): string | null {
  const text = password.toLowerCase();
  if (new Set(text).size < 5 || isRepeated(text)) return 'repeats itself';
  if (/^\d{1,15}$/.test(text)) return 'is a number';
  if (isRow(text)) return 'is a row of neighbouring characters';
  // `p4ssw0rd` with its signs read as letters; `password1!` without what was put around it.
  const bare = text.slice(Math.max(0, text.search(/[a-z]/)), lastLetterOf(text) + 1);
  const words = [text, bare, withLetters(text), withLetters(bare)].map((form) => form.replace(/[^a-z]/g, ''));
  const own =
    (email ?? '')
      .toLowerCase()
      .split('@')[0]
      ?.replace(/[^a-z]/g, '') ?? '';
  if (words.some((word) => isCommon(word) || (own.length > 2 && word === own))) return 'is a common one';
  return null;
}

/** True for common words, one after another. A place is reached or not: linear in the text's length. */
function isCommon(text: string): boolean {
  const reached = new Set([0]);
  for (let at = 0; at < text.length; at++) {
    if (!reached.has(at)) continue;
    const next = text.slice(at, at + LONGEST_WORD);
    for (const word of COMMON) if (next.startsWith(word)) reached.add(at + word.length);
  }
  return text !== '' && reached.has(text.length);
}

const withLetters = (text: string) => [...text].map((sign) => LEET[sign] ?? sign).join('');

/** Most steps from a character to the next are one up, or one down. */
function isRow(text: string): boolean {
  const counts = { up: 0, down: 0 };
  for (let at = 1; at < text.length; at++) {
    const step = text.charCodeAt(at) - text.charCodeAt(at - 1);
    if (step === 1) counts.up++;
    if (step === -1) counts.down++;
  }
  return text.length > 3 && Math.max(counts.up, counts.down) > (text.length - 1) * 0.7;
}
