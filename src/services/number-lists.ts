/** Many numbers of one request: read without holding the event loop, and each wrong one named by its place. */
import { mapInTurns } from '../db/batches.ts';
import { AppError } from '../utils/errors.ts';

/** Wrong numbers that one answer names; the rest is counted. */
const MAX_NAMED = 20;
/** Characters that an answer repeats of a wrong number. */
const MAX_SHOWN = 80;

interface WrongNumber {
  /** from 0, in the list of the request */
  index: number;
  /** as it was written, its first 80 characters */
  number: string;
  error: AppError;
}

/** What was read of a list, each at its place; null: a wrong one, which `wrong` tells of. */
export interface NumberList<R> {
  found: (R | null)[];
  wrong: WrongNumber[];
}

/**
 * What `read` makes of each of the numbers, in order; `read` throws INVALID_NUMBER for a wrong one. Then this rejects as
 * `wrongNumbers` says. The loop turns every 4 ms.
 */
export async function readNumbers<R>(numbers: readonly string[], read: (number: string) => R): Promise<R[]> {
  const { found, wrong } = await readNumberList(numbers, read);
  if (wrong.length > 0) throw wrongNumbers(wrong, numbers.length);
  return found.filter((one) => one !== null);
}

/** The same for a list of which some may be wrong. */
export async function readNumberList<R>(
  numbers: readonly string[],
  read: (number: string) => R,
): Promise<NumberList<R>> {
  const wrong: WrongNumber[] = [];
  const found = await mapInTurns(numbers, (number, index) => {
    try {
      return read(number);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'INVALID_NUMBER')) throw error;
      wrong.push({ index, number: number.slice(0, MAX_SHOWN), error });
      return null;
    }
  });
  return { found, wrong };
}

/**
 * INVALID_NUMBER that names the wrong ones of a list with `total` numbers: `details.invalid` has the first 20 with `index` (from 0),
 * `number`, `reason` and `readings`, `details.invalidCount` says how many there are, and `index`, `number`, `reason` and `readings`
 * of the details are those of the first. Of a list with one number the error is as it was thrown. The sentence has no number in
 * it: sentences are logged.
 */
export function wrongNumbers(wrong: readonly WrongNumber[], total: number): AppError {
  const [first] = wrong;
  if (first === undefined) throw new Error('no number is wrong');
  if (total === 1) return first.error;
  const invalid = wrong.slice(0, MAX_NAMED).map((one) => ({
    index: one.index,
    number: one.number,
    ...one.error.details,
  }));
  const place = `${first.index + 1} of ${total}`;
  const message =
    wrong.length === 1
      ? `Number ${place}: ${first.error.message}`
      : `${wrong.length} numbers cannot be read. The first is number ${place}: ${first.error.message}`;
  return new AppError('INVALID_NUMBER', message, {
    details: { ...invalid[0], total, invalid, invalidCount: wrong.length },
  });
}
