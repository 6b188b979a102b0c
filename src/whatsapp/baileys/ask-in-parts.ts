/** Questions about many people at once, of which one must not spoil the answer about the others. */

/** At most this many questions for one list; the rest then counts as not answered. */
const MAX_QUESTIONS = 80;
/** A list whose question failed is asked about again in this many parts. */
const PARTS = 12;

export interface Asked<T> {
  /** the server refused to answer about these */
  refused: T[];
  /** no answer came about these */
  unanswered: T[];
}

/**
 * Asks about all of them; when that is refused, not answered or answered with what cannot be read, asks again about
 * ever smaller parts, down to single ones. Rejects when the connection is closed, or the server asks us to slow down.
 */
export async function askInParts<T>(
  items: readonly T[],
  ask: (part: readonly T[]) => Promise<unknown>,
): Promise<Asked<T>> {
  const result: Asked<T> = { refused: [], unanswered: [] };
  let questions = 0;

  async function askAbout(part: readonly T[]): Promise<void> {
    if (part.length === 0) return;
    if (questions >= MAX_QUESTIONS) return void result.unanswered.push(...part);
    questions += 1;
    try {
      await ask(part);
    } catch (error) {
      if (isAboutUs(error)) throw error;
      if (part.length > 1) return askSmaller(part);
      if (isUnanswered(error)) result.unanswered.push(...part);
      else result.refused.push(...part);
    }
  }

  async function askSmaller(part: readonly T[]): Promise<void> {
    const size = Math.ceil(part.length / PARTS);
    const pieces = Array.from({ length: Math.ceil(part.length / size) }, (_, at) =>
      part.slice(at * size, (at + 1) * size),
    );
    await Promise.all(pieces.map(askAbout));
  }

  await askAbout(items);
  return result;
}

/** No answer within the bound. */
export class UnansweredError extends Error {
  override name = 'UnansweredError';
}

/** No answer came, or not in time. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof UnansweredError || (error instanceof Error && /timed out/i.test(error.message));
}

/** The code of WhatsApp's `<error>`, as Baileys hands it on; null for every other failure. */
export function refusalCode(error: unknown): number | null {
  const code: unknown = error instanceof Error && 'data' in error ? error.data : null;
  return typeof code === 'number' && Number.isFinite(code) ? code : null;
}

function isAboutUs(error: unknown): boolean {
  if (refusalCode(error) === 429) return true;
  return error instanceof Error && error.message === 'Connection Closed';
}
