/**
 * The verdict of a file's column on the numbers in it that have no + and no 0. A spreadsheet takes the 0 from all of
 * them, so that a number that could be one abroad as well is one at home where the others can be nothing else.
 */
import { type BareReading, kindOfBare } from '../../../utils/phone.ts';
import type { ColumnPlan } from '../columns.ts';
import { numbersIn } from './rows.ts';

/** Numbers at home only: fewer may be slips in a column of another kind. */
const MIN_PROOF = 3;

/** The sender's word about numbers without +; `auto`: the column is to tell. */
export const NUMBERS_WITHOUT_PLUS = ['auto', 'home', 'international'] as const;
export type NumbersWithoutPlus = (typeof NUMBERS_WITHOUT_PLUS)[number];

/** How such numbers are read, and what is reported about it: a key of the import's warnings. */
export interface BareVerdict {
  reading: BareReading;
  warning: 'numbers_at_home' | 'numbers_ambiguous' | null;
}

/**
 * Collects what the rows of a file show. `home` is the verdict when at least three numbers are ones at home without their
 * 0, and none is one with its country code. When both kinds are there, numbers that may be either are refused (`strict`).
 * Else each is read by itself.
 */
export function createColumnProof(plan: ColumnPlan, country: string) {
  const seen = { home: 0, international: 0, either: 0 };
  return {
    /** true when numbers had to be looked at, which takes some microseconds each */
    add(cells: readonly string[]): boolean {
      let looked = false;
      for (const at of [plan.number, ...plan.otherNumbers]) {
        for (const text of numbersIn(cells[at] ?? '')) {
          // A number that begins so needs no proof.
          if (/^\s*(?:[+0]|$)/.test(text)) continue;
          const kind = kindOfBare(text, country);
          if (kind !== null) seen[kind]++;
          looked = true;
        }
      }
      return looked;
    },
    verdict(said: NumbersWithoutPlus): BareVerdict {
      if (said !== 'auto') return { reading: said, warning: null };
      const { home, international, either } = seen;
      if (home === 0) return { reading: 'auto', warning: null };
      const reading = home >= MIN_PROOF && international === 0 ? 'home' : 'strict';
      if (either === 0) return { reading: 'auto', warning: null };
      return { reading, warning: reading === 'home' ? 'numbers_at_home' : 'numbers_ambiguous' };
    },
  };
}
