/** Albums in the queue: a head, which phones show nothing of, then its images and videos, each a message of its own. */
import { HOUR_MS } from '../utils/durations.ts';
import { timeOfId } from '../utils/ids.ts';

/** How long an album waits for room for all of it: other messages to its recipient must not hold it for ever. */
const ALL_AT_ONCE_MS = 2 * HOUR_MS;

/** Whether a head that was queued under this id still waits for room for all of its album. */
export const waitsForAll = (id: string, now: number): boolean => now - timeOfId(id) < ALL_AT_ONCE_MS;

interface Row {
  type: string;
  content: unknown;
}

/** Messages that the recipient's window must have places for before this one begins: of a head all that belong to it. */
export function placesOf({ type, content }: Row): number {
  if (type !== 'album') return 1;
  // The queue keeps what the route of albums has made.
  const { images = 0, videos = 0 } = Object(content);
  return Math.max(1, images + videos);
}

/** Whose window an attempt counts in; empty for a head: its recipient is shown nothing of it. */
export function windowOf({ type, recipient }: { type: string; recipient: string }): string {
  return type === 'album' ? '' : recipient;
}
