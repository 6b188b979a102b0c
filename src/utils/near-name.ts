/** Which known name was meant by one that nobody knows: for answers that say so, and for fields that are refused. */
import { distance } from 'fastest-levenshtein';

/** Longer names are compared with nothing. */
const MAX_LENGTH = 64;
/** Shorter ones are near to everything. */
const MIN_LENGTH = 3;
/** From this length on two slips may have happened. */
const LONG = 8;
/** Known names that one is compared with: far more than a schema, a list of words or most tenants have. */
const MAX_KNOWN = 500;

/**
 * The known name that differs least from this one: by spelling (`scheduled_at`, `to[]`), by one slip, by two neighbours that
 * changed places, by two slips in eight characters or more. Null when there is none; of several the first.
 */
export function nearName(name: string, known: Iterable<string>): string | null {
  if (name.length < MIN_LENGTH || name.length > MAX_LENGTH) return null;
  const plain = toPlain(name);
  let best: { name: string; slips: number } | null = null;
  let looked = 0;
  for (const candidate of known) {
    if (looked++ >= MAX_KNOWN) break;
    if (candidate === name) continue;
    const slips = slipsBetween(plain, toPlain(candidate));
    if (slips !== null && (best === null || slips < best.slips)) best = { name: candidate, slips };
  }
  return best?.name ?? null;
}

/**
 * As `nearName`, for a field: null also where the difference looks like a purpose of its own, a digit (`image2`) or an
 * ending of two letters or more (`messageId` beside `message`). Such a name may be what another system calls its field.
 */
export function misspeltName(name: string, known: Iterable<string>): string | null {
  const found = nearName(name, known);
  if (found === null) return null;
  const [given, meant] = [toPlain(name), toPlain(found)];
  if (given === meant) return found;
  if (digitsOf(given) !== digitsOf(meant)) return null;
  const isLonger = given.startsWith(meant) || meant.startsWith(given);
  return isLonger && Math.abs(given.length - meant.length) > 1 ? null : found;
}

/** How many slips lie between two names; null for more than their length allows. */
function slipsBetween(a: string, b: string): number | null {
  const length = Math.min(a.length, b.length);
  const allowed = length >= LONG ? 2 : 1;
  if (length < MIN_LENGTH || b.length > MAX_LENGTH || Math.abs(a.length - b.length) > allowed) return null;
  const slips = distance(a, b);
  if (slips <= allowed) return slips;
  return slips === 2 && isSwap(a, b) ? slips : null;
}

/** Two neighbours have changed places: `sesison`. */
function isSwap(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let at = 0;
  while (a[at] === b[at]) at++;
  return a[at] === b[at + 1] && a[at + 1] === b[at];
}

/** Whether both are one name, written in two fashions: `user_id`, `UserId`, `userId[]`. */
export const isSameName = (a: string, b: string): boolean =>
  a === b || (a.length <= MAX_LENGTH && b.length <= MAX_LENGTH && toPlain(a) === toPlain(b));

/** Without what the fashions of writing names differ in, and the brackets of a list in a query. */
const toPlain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\[\d{0,3}\]$/, '')
    .replace(/[-_ ]/g, '');

const digitsOf = (text: string): string => text.replace(/\D/g, '');
