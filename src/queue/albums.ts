/** Albums in the queue: a head, which phones show nothing of, then its images and videos, each a message of its own. */

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
