/** TXT records of host names, within a bounded time. */
import { Resolver } from 'node:dns/promises';
import { AppError } from './errors.ts';

/** The texts at a name; none when it has no such records. Throws UNAVAILABLE when no name server answers. */
export type LookUpTxt = (name: string) => Promise<string[]>;

/** Of one try; there are two for each name server of the system. */
const TIMEOUT_MS = 3_000;
const TRIES = 2;
const MAX_RECORDS = 100;
const NO_RECORDS = new Set(['ENODATA', 'ENOTFOUND']);

/** Asks the name servers of the system. */
export const lookUpTxtBySystem: LookUpTxt = async (name) => {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  try {
    const records = await resolver.resolveTxt(name);
    return records.slice(0, MAX_RECORDS).map((pieces) => pieces.join(''));
  } catch (error) {
    if (error instanceof Error && 'code' in error && NO_RECORDS.has(String(error.code))) return [];
    throw new AppError('UNAVAILABLE', 'The name servers do not answer: try again in a moment.', {
      retryAfterSeconds: 10,
      cause: error,
    });
  }
};
