const CONTACTS = 100_000;

/** How many people the campaign is for: the first number among the arguments, 100,000 without one. */
export function readContacts(): number {
  return Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? CONTACTS);
}

/** A number that no other list, session or recipient of a benchmark uses. */
export const contactOf = (n: number): string => String(6_283_000_000_000 + n);
