/** 0 is highest: an OTP overtakes everything that waits. */
export const PRIORITIES = { high: 0, normal: 1, low: 2 } as const;
export type PriorityName = keyof typeof PRIORITIES;
export type Priority = (typeof PRIORITIES)[PriorityName];

/** The priority that a row names; an unknown number counts as normal. */
export function asPriority(value: number): Priority {
  return value === PRIORITIES.high || value === PRIORITIES.low ? value : PRIORITIES.normal;
}

/** In the order in which they are served. */
export const PRIORITY_ORDER: readonly Priority[] = [PRIORITIES.high, PRIORITIES.normal, PRIORITIES.low];
