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

/**
 * What `read` makes of each of the numbers, in order; `read` throws INVALID_NUMBER for a wrong one. Then this rejects with
 * INVALID_NUMBER as well, and names the wrong ones: `details.invalid` has the first 20 with `index` (from 0), `number`, `reason` and
 * `readings`, `details.invalidCount` says how many there are, and `index`, `number`, `reason` and `readings` of the details are
 * those of the first. Of a list with one number the error is as `read` has thrown it. The loop turns every 4 ms.
 */
export async function readNumbers<R>(numbers: readonly string[], read: (number: string) => R): Promise<R[]> {
  const wrong: WrongNumber[] = [];
  const found: R[] = [];
  await mapInTurns(numbers, (number, index) => {
    try {
      found.push(read(number));
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'INVALID_NUMBER')) throw error;
      wrong.push({ index, number: number.slice(0, MAX_SHOWN), error });
    }
  });
  const [first] = wrong;
  if (first === undefined) return found;
  if (numbers.length === 1) throw first.error;
  throw wrongNumbers(wrong, first, numbers.length);
}

/** The sentence has no number in it: sentences are logged. */
function wrongNumbers(wrong: readonly WrongNumber[], { index, error }: WrongNumber, total: number): AppError {
  const invalid = wrong.slice(0, MAX_NAMED).map((one) => ({
    index: one.index,
    number: one.number,
    ...one.error.details,
  }));
  const place = `${index + 1} of ${total}`;
  const message =
    wrong.length === 1
      ? `Number ${place}: ${error.message}`
      : `${wrong.length} numbers cannot be read. The first is number ${place}: ${error.message}`;
  return new AppError('INVALID_NUMBER', message, {
    details: { ...invalid[0], total, invalid, invalidCount: wrong.length },
  });
}
